"""A card beside the processor: ``python -m benchmarks --only gpu`` is all that a machine with one needs; minutes.

For each case and method: the kernel, the copies, the whole call, and a call of `simulate` that
keeps two numbers of each member; the error reached, and whether statuses are those of the
processor and the bits those of another block size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Any

import numpy as np

import pkpd
from benchmarks.accuracy import ensemble_error
from benchmarks.cases import CASES, Case
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Table
from pkpd.errors import SimulationError
from pkpd.solvers.compiled.cuda import Card, Program, open_card
from pkpd.solvers.compiled.gpu import solve_on
from pkpd.solvers.problem import Solution
from pkpd.solvers.solve import solve

__all__ = ["TimedCard", "gpu_table", "timed"]

RTOL = 1e-6
METHODS = {"tipd": ("tsit5", "dop853"), "tmdd": ("rodas5p",), "hill": ("dop853",)}
BLOCKS = (32, 128)  # threads
REPEATS = 3
PEERS = {"tipd": "Tsit5", "tmdd": "Kvaerno5", "hill": "Tsit5"}  # of diffrax, on the same card
REDUCED = {"nadir": ("T", "min"), "final": ("T", "last")}
TITLE = "A card"


@dataclass(frozen=True, eq=False)
class TimedCard(Card):
    """A card that adds up the seconds of its verbs, by their names."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def _clock(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun

    def load(self, ptx: str) -> Program:
        with self._clock("load"):
            return super().load(ptx)

    def put(self, place: int, array: Any) -> None:
        with self._clock("in"):
            super().put(place, array)

    def get(self, place: int, array: Any) -> None:
        with self._clock("out"):
            super().get(place, array)

    @contextmanager
    def launched(
        self, program: Program, arguments: Sequence[int | float], blocks: int, threads: int
    ) -> Iterator[Callable[[], bool]]:
        with self._clock("kernel"), super().launched(program, arguments, blocks, threads) as done:
            yield done


def timed(card: Card) -> TimedCard:
    """The same card with a clock."""
    return TimedCard(**{f.name: getattr(card, f.name) for f in fields(Card)})


def gpu_table(scale: Scale) -> Table:
    """Each case on the first card of this machine; without one no rows, and a word why."""
    try:
        card = open_card()
    except SimulationError as error:
        return Table("gpu", TITLE, [], [f"Not measured: {error}"])
    card.use()
    rows = []
    for name, methods in METHODS.items():
        for method in methods:
            say(f"gpu: {name} {method}")
            rows.append(_row(card, CASES[name], method, scale.gpu))
        rows += _peer(CASES[name], PEERS[name], min(scale.gpu, 100_000))
    version = f"{card.driver_version // 1000}.{card.driver_version % 1000 // 10}"
    return Table("gpu", TITLE, rows, [
        f"{card.name}, compute capability {card.capability[0]}.{card.capability[1]}, {card.processors} processors, "
        f"CUDA {version} of the driver. rtol {RTOL:g}, weekly outputs of all states, medians of {REPEATS} warm runs.",
        "kernel, in and out: the integration, and the copies to the card and back; whole: a call of the solver layer, "
        "arrays in and out; reduced: simulate() keeping the lowest and the last tumor volume of each member.",
        "compile: from equations to a kernel on the card, nothing kept. Statuses and steps differ in so many members "
        "of those that the processor integrated too; bits: whether blocks of 32 and 128 threads give the same.",
    ])  # fmt: skip


def _row(card: Card, case: Case, method: str, count: int) -> dict[str, Any]:
    problem, clocked = case.problem(count, RTOL), timed(card)
    begun = time.perf_counter()
    solve_on(clocked, case.problem(8, RTOL), method)
    compiled = time.perf_counter() - begun
    runs, solutions = [], []
    for threads in (*BLOCKS[:1] * REPEATS, BLOCKS[1]):
        clocked.seconds.clear()
        begun = time.perf_counter()
        solutions = [*solutions[:1], solve_on(clocked, problem, method, threads=threads)]  # the first and the last
        runs.append({"whole s": time.perf_counter() - begun, **{f"{k} s": s for k, s in clocked.seconds.items()}})
    first, last = solutions
    typical = sorted(runs[:REPEATS], key=lambda run: run["whole s"])[REPEATS // 2]
    error = ensemble_error(first.states[:100], case.reference)
    return {
        "case": case.name, "integrator": "pkpd", "method": method, "card": card.name, "members": count,
        "compile s": compiled, **typical, "reduced s": _reduced(case, count, method),
        "kernel us per member": 1e6 * typical["kernel s"] / count, **_processor(case, method, count, first),
        "worst error": error.worst, "median error": error.median, "failed": int((first.status != 0).sum()),
        "bits": np.array_equal(first.states, last.states, equal_nan=True),
    }  # fmt: skip


def _reduced(case: Case, count: int, method: str) -> float:
    """Seconds of a warm `simulate` that keeps two numbers of each member."""
    solver = pkpd.Solver(method, rtol=RTOL, atol=RTOL * 1e-2, device="gpu")

    def simulated(ensemble: pkpd.Ensemble) -> None:
        pkpd.simulate(case.model, case.regimen, times=case.times, parameters=ensemble, reduce=REDUCED, solver=solver)

    simulated(case.ensemble(8))
    ensemble = case.ensemble(count)
    return float(np.median([_seconds(lambda: simulated(ensemble)) for _ in range(REPEATS)]))


def _processor(case: Case, method: str, count: int, found: Solution) -> dict[str, Any]:
    """The processor on a tenth of the members, all threads."""
    some = case.problem(max(1, count // 10), RTOL)
    solve(case.problem(8, RTOL), method)
    begun = time.perf_counter()
    solution = solve(some, method)
    seconds, there = time.perf_counter() - begun, slice(0, some.members)
    return {
        "processor us per member": 1e6 * seconds / some.members,
        "other statuses": int((found.status[there] != solution.status).sum()),
        "other steps": int((found.steps[there] != solution.steps).sum()),
    }


def _peer(case: Case, method: str, count: int) -> list[dict[str, Any]]:
    """diffrax on the same card, where it is installed with a jax that sees the card."""
    try:
        card = import_module("jax").devices("gpu")[0]
        load = import_module("benchmarks.peers.diffrax_peer").prepare(case, method, 1)
        run = load(count, RTOL)
        run()
    except (ImportError, RuntimeError) as error:
        say(f"gpu: diffrax is left out: {error}")
        return []
    begun = time.perf_counter()
    states = run()
    seconds, error = time.perf_counter() - begun, ensemble_error(states[:100], case.reference)
    return [{
        "case": case.name, "integrator": "diffrax", "method": method, "card": card.device_kind, "members": count,
        "whole s": seconds, "worst error": error.worst, "median error": error.median, "failed": error.failed,
    }]  # fmt: skip


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
