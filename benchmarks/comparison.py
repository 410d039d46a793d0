"""Every integrator on every case: time beside error at one tolerance, and over many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.cases import Case
from benchmarks.peers import OURS, PEERS, SIMULATED, Job
from benchmarks.rounds import Failure, Measurement, Task, Worker, hired, measured, say
from benchmarks.scale import Scale
from benchmarks.tables import Table

__all__ = ["RTOL", "Comparison", "compare", "comparison_table", "precision_table"]

RTOL = 1e-6
OUR_TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)  # among which a run as accurate as a peer's is found
COUNTS = (10_000, 1_000, 100, 20)
OUR_FEWEST = 1_000
PRECISION_COMPARED = 20  # the slowest peers run no more
LATE = 6  # budgets that a run at one tolerance may take for the next, harder one to be tried


@dataclass(frozen=True)
class Comparison:
    """All that was measured on one case."""

    case: Case
    table: Sequence[Measurement]
    precision: Sequence[Measurement]
    refused: dict[Job, str]


def compare(case: Case, scale: Scale) -> Comparison:
    """Measure the peers and our methods on `case`, one thread each, in turns."""
    jobs = [Job(peer, case.name) for peer in (*OURS, SIMULATED, *PEERS) if peer.suits(case)]
    workers, refused = hired(jobs, scale.limit)
    try:
        speeds = _speeds(workers, scale.fewest, refused)
        say(f"{case.name}: {len(speeds)} integrators at rtol {RTOL:g}")
        tasks = _table_tasks(speeds, scale)
        _, lost = measured(tasks, 1)  # warm
        table, failed = measured([t for t in tasks if t[0].job not in lost], scale.rounds)
        refused |= lost | failed
        say(f"{case.name}: work and precision")
        precision = _precision({w: s for w, s in speeds.items() if w.job not in refused}, scale)
    finally:
        for worker in workers:
            worker.close()
    return Comparison(case, table, precision, refused)


def _speeds(workers: Iterable[Worker], fewest: int, refused: dict[Job, str]) -> dict[Worker, float]:
    """Seconds a member of each worker, once warm; those that fail are added to `refused`."""
    speeds = {}
    for worker in workers:
        count = _fewest(worker, fewest)
        try:
            seconds, error = worker.run(Task(count, RTOL))
            if not error.failed:  # warm now: a peer may compile for every new number of members
                seconds, error = worker.run(Task(count, RTOL))
        except Failure as reason:
            refused[worker.job] = str(reason)
            continue
        if error.failed:
            refused[worker.job] = f"{error.failed} of {error.members} members failed"
        else:
            speeds[worker] = seconds / count
    return speeds


def _fewest(worker: Worker, fewest: int) -> int:
    """The members a run has at least: many where a call's own cost would hide theirs."""
    return OUR_FEWEST if worker.job.peer.ours else fewest


def _count(worker: Worker, speed: float, budget: float, fewest: int) -> int:
    """The largest count that fits the budget, or the fewest."""
    return max(_fewest(worker, fewest), next((n for n in COUNTS if n * speed <= budget), 0))


def _table_tasks(speeds: dict[Worker, float], scale: Scale) -> list[tuple[Worker, Task]]:
    tasks = []
    for worker, speed in speeds.items():
        count = _count(worker, speed, scale.budget, scale.fewest)
        for rtol in OUR_TOLERANCES if worker.job.peer in OURS else (RTOL,):
            tasks.append((worker, Task(count, rtol)))
    return tasks


def _precision(speeds: dict[Worker, float], scale: Scale) -> list[Measurement]:
    """Each tolerance in turn, until a peer takes far longer than it may or is lost."""
    counts = {w: _count(w, speed, scale.precision_budget, PRECISION_COMPARED) for w, speed in speeds.items()}
    measurements: list[Measurement] = []
    running = [w for w in speeds if w.job.peer != SIMULATED]
    _, lost = measured([(w, Task(counts[w], RTOL)) for w in running], 1)  # warm
    for rtol in scale.tolerances:
        running = [w for w in running if w.job not in lost]
        done, lost = measured([(w, Task(counts[w], rtol, PRECISION_COMPARED)) for w in running], min(scale.rounds, 3))
        measurements += done
        slow = {m.job for m in done if min(m.seconds) > LATE * scale.precision_budget}
        running = [w for w in running if w.job not in slow]
    return measurements


# ---- tables


def comparison_table(comparison: Comparison) -> Table:
    """Time and error of each integrator, and the ratio to ours at equal or smaller error."""
    case = comparison.case
    ours = [m for m in comparison.table if m.job.peer in OURS]
    usual = [m for m in comparison.table if m.task.rtol == RTOL]
    absent = [f"{job.peer.label} {job.peer.method}: {why}." for job, why in comparison.refused.items()]
    remarks = [
        f"rtol {RTOL:g}, atol {RTOL / 100:g}, one thread, the median of {max(len(m.seconds) for m in usual)} rounds in "
        "turns. Errors are those of the first 100 members, or of all where there are fewer.",
        "Ratio: to the fastest of our runs in this table's rounds (rtol 1e-4 to 1e-8) whose worst and median "
        "error are both no larger; the run compared with is named.",
        "Of the peers, methods for stiff problems are left out here."
        if not case.stiff
        else "Explicit methods of peers are left out: the case is stiff.",
        *absent,
    ]
    rows = [_row(m, ours) for m in sorted(usual, key=lambda m: m.microseconds)]
    return Table(f"comparison_{case.name}", f"{case.title}: every integrator at one tolerance", rows, remarks)


def _row(m: Measurement, ours: Sequence[Measurement]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "integrator": m.job.peer.label,
        "method": m.job.peer.method,
        "members": m.task.members,
        "us per member": m.microseconds,
        "spread": (max(m.seconds) - min(m.seconds)) / min(m.seconds),
        "worst error": m.error.worst,
        "median error": m.error.median,
        "first result s": m.setup,
        "peak MB": m.peak,
    }
    best = None if m.job.peer.ours else _as_accurate(m, ours)
    row["ratio"] = m.microseconds / best.microseconds if best else None
    row["ours"] = f"{best.job.peer.method} {best.task.rtol:.0e}, {best.error.worst:.1e}" if best else None
    return row


def _as_accurate(m: Measurement, ours: Sequence[Measurement]) -> Measurement | None:
    good = [o for o in ours if o.error.worst <= m.error.worst and o.error.median <= m.error.median]
    return min(good, key=lambda o: o.microseconds, default=None)


def precision_table(comparisons: Iterable[Comparison]) -> Table:
    """Every point of the work-precision figure."""
    rows = [
        {
            "case": m.job.case,
            "integrator": m.job.peer.label,
            "method": m.job.peer.method,
            "rtol": m.task.rtol,
            "members": m.task.members,
            "us per member": m.microseconds,
            "worst error": m.error.worst,
            "median error": m.error.median,
            "failed": m.error.failed,
        }
        for comparison in comparisons
        for m in comparison.precision
    ]
    remarks = [f"atol is rtol/100. Errors of the first {PRECISION_COMPARED} members.", "The figure is precision.png."]
    return Table("precision", "Time against the error reached", rows, remarks, listed=False)
