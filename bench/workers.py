"""A competitor's worker process, and what else the machine did while it ran."""
import dataclasses
import json
import os
import select
import statistics
import subprocess
import time

START_LIMIT = 600  # seconds until a worker must have loaded its network
GROUP_LIMIT = 600
# CPU time of others that a group may have had: the clock's grain on every core, and a share of the group.
GRAIN_SECONDS, OTHERS_SHARE = 0.02, 0.05
START_SHARE = 0.2  # a start also has the kernel work for it: reading files, clearing pages
# Thread pools spin for a while after a run; the next competitor waits until they sleep.
SETTLE_SECONDS = 0.06
TICKS = os.sysconf("SC_CLK_TCK")


class WorkerError(Exception):
    """One line: why there is no figure."""


def busy_seconds():
    """CPU time that was not idle, of all cores since the start of the machine; time that its host took counts too."""
    with open("/proc/stat") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def cpu_seconds_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def is_clean(others, wall, share=OTHERS_SHARE):
    return others <= GRAIN_SECONDS + share * wall


@dataclasses.dataclass
class Group:
    median_ms: float
    runs: int
    clean: bool  # no other process took part of the machine


class Worker:
    """Loads on construction; raises WorkerError where that fails. Usable in a with statement."""

    def __init__(self, command):
        time.sleep(SETTLE_SECONDS)
        busy, own, begin = busy_seconds(), time.process_time(), time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        try:
            self.ready = self._answer(START_LIMIT)
            wall = time.monotonic() - begin
            others = busy_seconds() - busy - cpu_seconds_of(self.process.pid) - (time.process_time() - own)
        except BaseException:
            self.close()
            raise
        self.start_s = self.ready["first_output_at"] - begin
        self.import_s = self.ready["imported_at"] - begin
        self.start_clean = is_clean(others, wall, START_SHARE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _answer(self, limit):
        if not select.select([self.process.stdout], [], [], limit)[0]:
            raise WorkerError(f"no answer in {limit} s")
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"ended with exit code {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def ask(self, command, limit=GROUP_LIMIT):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(f"ended with exit code {self.process.wait()}") from None
        return self._answer(limit)

    def run(self, seconds):
        time.sleep(SETTLE_SECONDS)
        busy, own = busy_seconds(), time.process_time()
        answer = self.ask(f"run {seconds}")
        others = busy_seconds() - busy - answer["cpu_s"] - (time.process_time() - own)
        samples = answer["samples_ms"]
        return Group(statistics.median(samples), len(samples), is_clean(others, answer["wall_s"]))

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.process.stdout.close()
