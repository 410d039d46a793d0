"""How time grows with members and states, and shrinks with threads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.cases import CASES
from benchmarks.peers import OURS, PEERS, Job, Peer
from benchmarks.rounds import Failure, Measurement, Task, Worker, hired, measured, say
from benchmarks.scale import Scale
from benchmarks.tables import Table

__all__ = ["members_table", "states_table", "stiff_states_table", "threads_table"]

RTOL = 1e-6
STATE_MEMBERS, STATE_COMPARED = 1_000, 4
THREAD_MEMBERS, RIVAL_MEMBERS = 10_000, 1_000
STIFF = [p for p in OURS if p.method in ("auto", "rodas5p")]
PLAIN = [p for p in OURS if p.method in ("auto", "numpy")]
RIVALS = [p for p in PEERS if p.label == "numbalsoda"]  # the fastest peer, by the comparison


def _rivals(scale: Scale) -> list[Peer]:
    return RIVALS if scale.everything else []


def members_table(scale: Scale) -> Table:
    """TIPD with more and more members, until a run takes longer than one waits."""
    jobs = [Job(peer, "tipd") for peer in (*PLAIN, *_rivals(scale)[:1])]
    workers, refused = hired(jobs, scale.limit)
    rows = []
    try:
        for worker in workers:
            say(f"members: {worker.job}")
            for m in _growing(worker, scale, refused):
                rows.append(_row(m) | {"wall s": min(m.seconds), "peak MB": m.peak})
    finally:
        _close(workers)
    remarks = [
        f"TIPD, rtol {RTOL:g}, one thread, the better of two runs; counts that would take more than "
        f"{scale.patience:g} s are left out.",
        *_absent(refused),
    ]
    return Table("scaling_members", "Scaling in members", rows, remarks)


def _growing(worker: Worker, scale: Scale, refused: dict[Job, str]) -> Iterable[Measurement]:
    speed = 0.0
    for count in scale.members:
        if speed * count > scale.patience:
            return
        measurements, lost = measured([(worker, Task(count, RTOL))], 2)
        refused |= lost
        if not measurements or lost:
            return
        yield measurements[0]
        speed = min(measurements[0].seconds) / count


def states_table(scale: Scale) -> Table:
    """Lesions: the same model with more and more states."""
    rows, refused = _by_states("lesions", scale.states, (*OURS, *_rivals(scale)[:1]), scale)
    remarks = [f"Lesions that share their parameters, rtol {RTOL:g}, one thread. {_COMPARED}", *_absent(refused)]
    return Table("scaling_states", "Scaling in states", rows, remarks)


def stiff_states_table(scale: Scale) -> Table:
    """Barrier: tissue cut into more and more slices."""
    rows, refused = _by_states("barrier", scale.stiff_states, (*STIFF, *_rivals(scale)[-1:]), scale)
    remarks = [
        f"An antibody that diffuses and binds, stiff, rtol {RTOL:g}, one thread. {_COMPARED}",
        *_absent(refused),
    ]
    return Table("scaling_stiff_states", "Scaling in states, stiff", rows, remarks)


_COMPARED = (
    f"Errors of the first {STATE_COMPARED} members against the oracle at a tight tolerance. "
    "The first result includes everything a new model needs."
)


def _by_states(
    kind: str, counts: Sequence[int], peers: Sequence[Peer], scale: Scale
) -> tuple[list[dict[str, Any]], dict[Job, str]]:
    rows: list[dict[str, Any]] = []
    refused: dict[Job, str] = {}
    for states in counts:
        say(f"{kind}: {states} states")
        workers, absent = hired([Job(peer, f"{kind}_{states}") for peer in peers], scale.limit)
        refused |= absent
        try:
            tasks = _affordable(workers, scale, refused)
            measurements, lost = measured(tasks, min(scale.rounds, 3))
            refused |= lost
        finally:
            _close(workers)
        rows += [{"states": states} | _row(m) | {"first result s": m.setup} for m in measurements]
    return rows, refused


def _affordable(workers: Iterable[Worker], scale: Scale, refused: dict[Job, str]) -> list[tuple[Worker, Task]]:
    """A task for each worker that a few members show to be bearable; then warm."""
    tasks = []
    for worker in workers:
        try:
            seconds, _ = worker.run(Task(100, RTOL, STATE_COMPARED))
            count = STATE_MEMBERS if seconds * STATE_MEMBERS / 100 < scale.patience / 4 else 100
            tasks.append((worker, Task(count, RTOL, STATE_COMPARED)))
        except Failure as reason:
            refused[worker.job] = str(reason)
    return tasks


def threads_table(scale: Scale) -> Table:
    """Every case with one thread and with more, up to the number of cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counts = [n for n in (1, 2, 4, 8, 16, 32) if n <= cores]
    rows: list[dict[str, Any]] = []
    refused: dict[Job, str] = {}
    for case in list(CASES.values())[: None if scale.everything else 1]:
        say(f"threads: {case.name}")
        rival = [p for p in _rivals(scale) if p.suits(case)][:1]
        peers = [p for p in (*OURS, *rival) if p.threads and p.suits(case)]
        workers, absent = hired([Job(p, case.name, n) for p in peers for n in counts], scale.limit)
        refused |= absent
        try:
            measurements, lost = measured(_thread_tasks(workers, refused), scale.rounds)
            refused |= lost
        finally:
            _close(workers)
        rows += _speedups(measurements, peers)
    remarks = [
        f"rtol {RTOL:g}; each process is bound to as many cores as it has threads. A speedup compares the medians.",
        *_absent(refused),
    ]
    return Table("scaling_threads", "Scaling in threads", rows, remarks)


def _thread_tasks(workers: Iterable[Worker], refused: dict[Job, str]) -> list[tuple[Worker, Task]]:
    tasks = []
    for worker in workers:
        try:
            _, error = worker.run(Task(100, RTOL))
        except Failure as reason:
            refused[worker.job] = str(reason)
            continue
        if error.failed:
            refused[worker.job] = f"{error.failed} of {error.members} members failed"
            continue
        count = THREAD_MEMBERS if worker.job.peer.ours else RIVAL_MEMBERS
        tasks.append((worker, Task(count, RTOL)))
    return tasks


def _speedups(measurements: Sequence[Measurement], peers: Iterable[Peer]) -> list[dict[str, Any]]:
    rows = []
    for peer in peers:
        mine = sorted((m for m in measurements if m.job.peer == peer), key=lambda m: m.job.threads)
        alone = next((m.microseconds for m in mine if m.job.threads == 1), None)
        for m in mine:
            gain = alone / m.microseconds if alone else None
            rows.append(
                {"case": m.job.case, "threads": m.job.threads} | _row(m) | {"speedup": gain}
            )  # fmt: skip
    return rows


def _row(m: Measurement) -> dict[str, Any]:
    return {
        "integrator": m.job.peer.label,
        "method": m.job.peer.method,
        "members": m.task.members,
        "us per member": m.microseconds,
        "worst error": m.error.worst,
    }


def _absent(refused: dict[Job, str]) -> list[str]:
    return [f"{job}: {why}." for job, why in refused.items()]


def _close(workers: Iterable[Worker]) -> None:
    for worker in workers:
        worker.close()
