"""What one call costs: a prepared model, `simulate`, a table with derivatives, a new choice of sensitivities."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import pkpd
from benchmarks.cases import CASES
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Table

__all__ = ["calls_table"]

BATCHES = 100
SECONDS = 0.02  # of one batch: short, so that some batch meets no interruption

DOSES = pkpd.bolus(100, "iv", every=1, n=3)
TIMES = np.linspace(0, 10, 21)


def calls_table(scale: Scale) -> Table:
    """The CPU time of a call in a warm process: of a batch of calls the mean, of the batches the least."""
    rows = []
    for name, target, call in _cases():
        say(f"calls: {name}")
        call()
        rows.append({"call": name, "ms": 1e3 * _least(call, BATCHES if scale.everything else 10), "target ms": target})
    rows.append(_many_members(scale))
    remarks = [
        "Warm, rtol 1e-6: the mean of a batch of calls of about 20 ms, the least of the batches. CPU time, since a "
        "call is one thread: what others do on the machine counts less. A prepared call takes a bare array of "
        "parameters.",
        "The last row: simulate() of 10,000 TIPD members with all states, relative to the integrator alone on the "
        "same problem, CPU time, the least of the rounds.",
    ]
    return Table("calls", "One call", rows, remarks)


def _cases() -> list[tuple[str, float | None, Callable[[], Any]]]:
    solver = pkpd.Solver(rtol=1e-6, threads=1)
    pk, kosinsky = pkpd.load("pk_1cmt"), pkpd.load("kosinsky_2018")
    rt = pkpd.fractions(2.0, 5, "radiation", start=7, every=1, duration=0.001)
    small = pkpd.prepare(pk, DOSES, times=TIMES, outputs=["C"], parameters=["CL", "V"], solver=solver)
    mouse = pkpd.prepare(kosinsky, rt, times=np.arange(61.0), outputs=["V"], parameters=["alpha"], solver=solver)
    two = pkpd.prepare(
        pk, DOSES, times=TIMES, outputs=["C"], parameters=["CL", "V"], sensitivities=["CL", "V"], solver=solver
    )
    table = pkpd.prepare(
        pkpd.load("pk_1cmt_oral").in_time("h"), theophylline(), outputs=["C"], parameters=["ka", "CL", "V"],
        sensitivities=["ka", "CL", "V"], solver=solver,
    )  # fmt: skip
    x, alpha = np.array([[1.0], [10.0]]), np.array([[0.1]])
    subjects = np.repeat(np.array([[1.5], [2.8], [32.0]]), 12, axis=1)
    parameters = {"CL": 1.0, "V": 10.0}
    return [
        ("prepared pk_1cmt, one member", 0.12, lambda: small(x)),
        ("prepared pk_1cmt, two sensitivities", None, lambda: two(x)),
        ("prepared kosinsky_2018, one member", 0.9, lambda: mouse(alpha)),
        ("prepared theophylline, 12 subjects, derivatives by three", 0.3, lambda: table(subjects)),
        (
            "simulate pk_1cmt, one member",
            1.2,
            lambda: pkpd.simulate(pk, DOSES, times=TIMES, parameters=parameters, solver=solver),
        ),
    ]


def theophylline() -> pkpd.Records:
    """Twelve subjects with one oral dose and eleven samples each, at the times of the theophylline data."""
    hours = [0.0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37]
    rows = [
        {"ID": subject, "TIME": hour, "AMT": 320.0 * first, "EVID": int(first), "CMT": 1}
        for subject in range(1, 13)
        for first, hour in [(True, 0.0), *((False, hour) for hour in hours)]
    ]
    return pkpd.read_nonmem(pd.DataFrame(rows), compartments={1: "depot", 2: "central"}, time="h")


def _least(call: Callable[[], Any], batches: int) -> float:
    begun = time.process_time()
    call()
    count = max(1, int(SECONDS / max(time.process_time() - begun, 1e-6)))
    means = []
    for _ in range(batches):
        begun = time.process_time()
        for _ in range(count):
            call()
        means.append((time.process_time() - begun) / count)
    return min(means)


def _many_members(scale: Scale) -> dict[str, Any]:
    """simulate() of an ensemble against the solver on the problem that it makes of it."""
    from pkpd.solvers.solve import solve

    case, solver = CASES["tipd"], pkpd.Solver(rtol=1e-6, atol=1e-8, threads=1)
    members = case.ensemble(10_000 if scale.everything else 2_000)
    states = [state.name for state in case.model.states]
    prepared = pkpd.prepare(case.model, case.regimen, times=case.times, outputs=states, solver=solver)
    problem = prepared.problems.problem(prepared.values_of(members))  # type: ignore[union-attr]

    def labelled() -> Any:
        return pkpd.simulate(
            case.model, case.regimen, times=case.times, parameters=members, outputs=states, solver=solver
        )

    least = {"bare": np.inf, "labelled": np.inf}
    for _ in range(7 if scale.everything else 2):
        for name, call in (("bare", lambda: solve(problem, "auto", None, 1)), ("labelled", labelled)):
            begun = time.process_time()
            call()
            least[name] = min(least[name], time.process_time() - begun)
    return {
        "call": f"simulate {len(members):,} TIPD members: ratio to the integrator alone",
        "ms": 1e3 * least["labelled"],
        "target ms": None,
        "ratio": least["labelled"] / least["bare"],
    }
