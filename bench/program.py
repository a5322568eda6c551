"""The program under test, called once for each figure."""
import hashlib
import pathlib
import subprocess


class NoFigure(Exception):
    """One line: why there is none."""


class Program:
    """ValueError where it is not there."""

    def __init__(self, path, threads=0):
        self.threads = threads
        self.path = pathlib.Path(path).resolve()
        if not self.path.exists():
            raise ValueError(f"{self.path} is not there (make build)")
        self.digest = hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]
        self.help = subprocess.run([self.path, "optimize", "--help"], capture_output=True, text=True, check=True).stdout

    def lacks(self, options):
        """The first option that it does not know, or nothing."""
        return next((o for o in options if o.startswith("--") and f"{o} " not in self.help), "")

    def call(self, *arguments):
        done = subprocess.run([str(a) for a in (self.path, *arguments, "--threads", self.threads)], capture_output=True, text=True)
        if done.returncode != 0:
            raise NoFigure((done.stderr or done.stdout).strip().splitlines()[-1][:300])
