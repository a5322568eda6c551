"""One case, measured: every competitor's worker is started, then their groups alternate."""
import dataclasses
import statistics

import competitors
import optimised
import workers

ATTEMPTS = 3  # groups that are tried for each that is wanted


@dataclasses.dataclass(frozen=True)
class Case:
    batch: int
    threads: int
    keep: float = 1.0
    cold: bool = False  # caches emptied before each run

    @property
    def title(self):
        text = f"batch {self.batch}, {self.threads} thread{'s' if self.threads > 1 else ''}"
        text += f", {round(100 * self.keep)} % of K kept" if self.keep < 1 else ""
        return text + (", cold caches" if self.cold else "")


@dataclasses.dataclass(frozen=True)
class Effort:
    rounds: int = 8  # clean groups wanted of each competitor
    seconds: float = 0.25  # of one group, at least
    starts: int = 3  # of each worker, for the time from its start to its first output


def mad(values):
    """The median absolute deviation, in the values' unit."""
    center = statistics.median(values)
    return statistics.median(abs(value - center) for value in values)


def _start(competitor, model, case, worker, effort):
    """The last started worker (None where it is not timed) and the row's figures so far."""
    command = competitors.command_of(competitor, model, case, worker)
    starts, running = [], None
    for index in range(effort.starts):
        if running is not None:
            running.close()
        running = workers.Worker(command)
        starts.append(running.start_s)
    ready = running.ready
    row = {"competitor": competitor.name, "peer": competitor.peer, "format": ready["format"], "keep": competitor.keep,
           "version": ready["version"], "batch": ready["batch"], "peak_mib": ready["peak_kib"] / 1024,
           "first_output_s": statistics.median(starts), "first_output_mad_s": mad(starts), "import_s": running.import_s,
           "start_clean": running.start_clean}
    if competitor.optimised:
        row["lost"] = optimised.lost(model)
    if "macs" in ready:
        row["macs"] = ready["macs"]
    if competitor.package:
        running.close()
        running = None
    return running, row


def _alternate(running, rounds, seconds):
    """(groups, errors) by competitor: one group of each a round, until each has `rounds` clean ones or was tried often
    enough. The order turns, so that nobody always runs after the same neighbour. Who fails is left out from then on."""
    groups, errors = {name: [] for name in running}, {}
    for turn in range(ATTEMPTS * rounds):
        names = list(groups)
        if all(sum(group.clean for group in groups[name]) >= rounds for name in names):
            break
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            try:
                groups[name].append(running[name].run(seconds))
            except workers.WorkerError as error:
                errors[name] = str(error)
                del groups[name]
    return groups, errors


def _summarise(row, groups):
    clean = [group.median_ms for group in groups if group.clean]
    used = clean or [group.median_ms for group in groups]
    row.update(ms=statistics.median(used), mad_ms=mad(used), clean=len(clean), groups=len(groups),
               runs=sum(group.runs for group in groups), medians=[[group.median_ms, group.clean] for group in groups])


def measure(model, case, wanted, worker, effort):
    """The rows of one case, in the order of `wanted`; where there is no figure, the row has an "error"."""
    running, rows = {}, []
    try:
        for competitor in wanted:
            try:
                process, row = _start(competitor, model, case, worker, effort)
                if process is not None:
                    running[competitor.name] = process
            except workers.WorkerError as error:
                row = {"competitor": competitor.name, "peer": competitor.peer, "format": competitor.format,
                       "keep": competitor.keep, "error": str(error)}
            rows.append(row)
        groups, errors = _alternate(running, effort.rounds, effort.seconds)
    finally:
        for process in running.values():
            process.close()
    for row in rows:
        if row["competitor"] in groups:
            _summarise(row, groups[row["competitor"]])
        elif row["competitor"] in errors:
            row["error"] = errors[row["competitor"]]
    return rows


def paired_ratio(ours, theirs):
    """(ours / theirs, its median absolute deviation) over the rounds in which both groups were clean; over all rounds
    where there are none."""
    pairs = list(zip(ours["medians"], theirs["medians"]))
    clean = [(a, b) for a, b in pairs if a[1] and b[1]] or pairs
    ratios = [a[0] / b[0] for a, b in clean]
    return statistics.median(ratios), mad(ratios)
