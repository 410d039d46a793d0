"""What doses and stored times cost our own integrators; no peers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.cases import CASES, Case
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Row, Table
from pkpd.solvers.solve import solve

__all__ = ["interruptions_table"]

RTOL = 1e-6
METHODS = {"tipd": "dop853", "tmdd": "rodas5p", "hill": "dop853"}
MEMBERS = 1000
DOSES = (1, 13, 26, 52)  # at even distances over the case's time
STORES = (1, 4, 28)  # in each interval between the case's own doses


def interruptions_table(scale: Scale) -> Table:
    """Every case with more and with fewer doses at the same stored times, and with more and fewer stored times."""
    rows: list[Row] = []
    for name in list(CASES)[: None if scale.everything else 1]:
        say(f"interruptions: {name}")
        rows += _rows(CASES[name], METHODS[name], MEMBERS if scale.everything else 50, scale.rounds)
    return Table(
        "interruptions",
        "What doses and stored times cost",
        rows,
        [
            f"rtol {RTOL:g}, one thread; CPU time, the least of the rounds. All doses together are the same amount.",
            "A dose costs the steps that its transient needs, and the restart: two slopes and the first step's size.",
        ],
    )


def _rows(case: Case, method: str, members: int, rounds: int) -> Iterator[Row]:
    time_span, amount = case.interval * case.doses, case.amount * case.doses
    for doses in DOSES:
        stores = max(1, DOSES[-1] // doses)
        varied = replace(case, doses=doses, interval=time_span / doses, amount=amount / doses, stores=stores)
        yield _row(varied, method, members, rounds)
    for stores in STORES:
        yield _row(replace(case, stores=stores), method, members, rounds)


def _row(case: Case, method: str, members: int, rounds: int) -> Row:
    problem, least, steps = case.problem(members, RTOL), float("inf"), 0.0
    for _ in range(1 + rounds):  # the first compiles
        begun = time.process_time()
        steps = float(solve(problem, method, threads=1).steps.mean())
        least = min(least, time.process_time() - begun)
    return {
        "case": case.name, "method": method, "doses": case.doses, "stored times": len(case.times),
        "steps per member": steps, "CPU us per member": 1e6 * least / members,
        "CPU ns per step": 1e9 * least / members / steps,
    }  # fmt: skip
