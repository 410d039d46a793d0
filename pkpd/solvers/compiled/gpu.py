"""The ensemble integrator on a card: batches of members that fit its memory, a thread for each member at a time.

The kernel is that of the processor with one lane: its threads take members from a counter
that all share, so that neither the batch nor the shape of a launch can make a difference
to a member's numbers.  With ``"auto"`` all arrays stay on the card between the explicit and
the implicit pass; the host sees statuses only.

Experimental: see `pkpd.solvers.compiled.cuda`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import SimulationError
from pkpd.memory import in_bytes
from pkpd.solvers.compiled.cuda import OUT_OF_MEMORY, Card, CudaError, Program, open_card
from pkpd.solvers.compiled.frame import ARGUMENTS
from pkpd.solvers.compiled.methods import COMPILED_METHODS, GIVEN_UP, PATIENCE, clipped_times, explicit_method
from pkpd.solvers.compiled.state import State
from pkpd.solvers.equations.system import System
from pkpd.solvers.problem import STIFF, Problem, Progress, Solution, Status

__all__ = ["DEVICE_METHODS", "solve_gpu", "solve_on"]

DEVICE_METHODS = ("auto", *COMPILED_METHODS)
BLOCK = 32  # threads: one warp, as threads share nothing, so that few members spread over all processors
SHARE = 0.9  # of the free memory
ENDLESS = 2**62  # turns
SHORTEST, LONGEST = 1e-4, 0.05  # seconds between looks at what runs; in between a hundredth of what it has taken
TOLD = 0.1  # seconds between words of progress
NEXT, CANCEL, TURNS = 0, 1, 2  # the counters


def solve_gpu(problem: Problem, method: str, progress: Progress | None = None) -> Solution:
    """Integrate all members of `problem` on the first card of this machine.

    Parameters
    ----------
    method
        One of `DEVICE_METHODS`.
    progress
        Called now and then with the number of members begun, and of all.

    Raises
    ------
    SimulationError
        If there is no card to compute on, if it is too small, or if it fails.
    ModelError
        If the model holds a function that has no form on a device.
    """
    return solve_on(open_card(), problem, method, progress)


def solve_on(
    card: Card,
    problem: Problem,
    method: str,
    progress: Progress | None = None,
    *,
    most: int | None = None,
    threads: int = BLOCK,
) -> Solution:
    """`solve_gpu` on this card.

    Parameters
    ----------
    most
        Members in a batch; by default as many as fit.
    threads
        Of a block.
    """
    card.use()
    first = explicit_method(problem) if method == "auto" else method
    task = _Task(card, problem, State.of(problem), method, first, threads)
    size = _batch(task, most or problem.members)
    stiff = begin = 0
    while begin < problem.members:
        members = slice(begin, min(begin + size, problem.members))
        try:
            stiff += _solve_batch(task, members, progress)
        except CudaError as error:
            if error.code != OUT_OF_MEMORY or size == 1:
                raise
            size = -(-size // 2)  # others use the card too; nothing has come back of this batch
            continue
        begin = members.stop
    return task.state.solution(_note(task, stiff))


def _note(task: _Task, stiff: int) -> str:
    methods = task.program(task.first).method
    if stiff:
        second = task.program("rodas5p").method
        methods += f", and {second} for {stiff} stiff of {task.problem.members} members"
    return f"{methods}; on the GPU {task.card.name} (experimental)"


# ---- what is on the card


@dataclass(frozen=True)
class _Loaded:
    """A model's kernel on a card, and what it says of its method."""

    program: Program
    method: str


@lru_cache(maxsize=64)
def _loaded(card: Card, model: System, method: str) -> _Loaded:
    from pkpd.solvers.compiled.ptx import device_code

    code = device_code(model, method)
    return _Loaded(card.load(code.ptx), code.method)


@dataclass(frozen=True)
class _Task:
    """A problem on its way through a card."""

    card: Card
    problem: Problem
    state: State
    method: str
    first: str
    threads: int

    def program(self, method: str) -> _Loaded:
        return _loaded(self.card, self.problem.model, method)

    @cached_property
    def arrays(self) -> dict[str, tuple[Any, int | None]]:
        """What the card has a copy of: each array, and the axis along which members lie in it."""
        problem, state, schedule = self.problem, self.state, self.problem.schedule
        times = np.atleast_2d(problem.times)
        own_stops, own_times = None if schedule.shared else 0, None if problem.times.ndim == 1 else 0
        return {
            "parameters": (_real(problem.parameters), 1),
            "whole": (state.whole, 1),
            "real": (state.real, 1),
            "out": (state.out, 1),
            "order": (np.arange(problem.members), 0),
            "stop_times": (_real(schedule.times), own_stops),
            "jumps": (np.ascontiguousarray(schedule.jumps, dtype=np.int64), own_stops),
            "amounts": (_real(schedule.amounts), own_stops),
            "input_values": (_real(schedule.input_values), own_stops),
            "times": (_real(times), own_times),
            "counts": (np.isfinite(times).sum(axis=1, dtype=np.int64), own_times),
            "atol": (_real(problem.atol), None),
            "counters": (np.array([0, 0, ENDLESS]), None),
        }

    def arguments(self, places: Mapping[str, int], method: str, members: int, count: int) -> list[int | float]:
        """What the kernel is called with for the first `count` of the order, of so many members on the card."""
        problem, schedule, m = self.problem, self.problem.schedule, 8 * members
        n, e, stored = len(self.state.out), self.state.events, problem.times.shape[-1]
        whole, real, counters = places["whole"], places["real"], places["counters"]
        armed = real + m * (1 + n)
        values = {
            **{name: place for name, place in places.items() if name in ARGUMENTS},
            "workspace": 0, "begin": 1, "next": counters, "cancel": counters + 8, "turns": counters + 16,
            "count": count, "members": members, "stored": stored, "few": clipped_times(method, stored),
            "stop": whole, "saved": whole + m, "status": whole + 2 * m, "steps": whole + 3 * m,
            "at": real, "states": real + m, "armed": armed, "fired": armed + m * e, "first": armed + 2 * m * e,
            "stops": schedule.times.shape[1], "own_schedule": int(not schedule.shared),
            "own_times": int(problem.times.ndim == 2), "before": int(problem.before), "rtol": float(problem.rtol),
            "max_steps": float(problem.max_steps), "patience": self._patience(method),
        }  # fmt: skip
        return [values[name] for name in ARGUMENTS]

    def _patience(self, method: str) -> float:
        return PATIENCE if self.method == "auto" and method == self.first else float("inf")


def _batch(task: _Task, most: int) -> int:
    """How many members fit into the memory that is free, in batches of about one size."""
    card, members, arrays = task.card, task.problem.members, task.arrays.values()
    fixed = sum(array.nbytes for array, axis in arrays if axis is None)
    each = sum(array.nbytes for array, axis in arrays if axis is not None) / max(1, members)
    # The driver keeps local memory for every thread that the card can hold.
    local = card.processors * card.threads * task.program(task.first).program.local_bytes
    free = card.free_memory()
    fit = int((SHARE * free - fixed - local) // max(1.0, each))
    if fit < 1:
        raise SimulationError(
            f"{task.problem.model.name}: one member takes {in_bytes(int(each))} on the GPU, and what all share "
            f"{in_bytes(fixed + local)}; {task.card.name} has {in_bytes(free)} free. Store fewer times, keep numbers "
            "with reduce=, or use device='cpu'."
        )
    most = max(1, min(fit, most, members))
    return -(-members // -(-members // most)) if members else 1


def _real(x: Any) -> Array:
    return np.ascontiguousarray(x, dtype=np.float64)


# ---- a batch


def _solve_batch(task: _Task, members: slice, progress: Progress | None) -> int:
    """Integrate some members; the number of those that went on with an implicit method."""
    arrays, count = task.arrays, members.stop - members.start
    parts = {name: list(_pieces(array, axis, members)) for name, (array, axis) in arrays.items()}
    parts["order"] = [np.arange(count)]
    with task.card.allocated({name: sum(p.nbytes for p in pieces) for name, pieces in parts.items()}) as places:
        for name, pieces in parts.items():
            if name != "out" or task.problem.at is not None:  # then what comes before the start is there already
                _copy(task.card.put, places[name], pieces)
        _launch(task, places, task.first, members, count, progress)
        stiff = _go_on(task, places, members, progress) if task.method == "auto" else 0
        for name in ("whole", "real", "out"):
            _copy(task.card.get, places[name], parts[name])
    return stiff


def _go_on(task: _Task, places: Mapping[str, int], members: slice, progress: Progress | None) -> int:
    """Take the members that turned out stiff on from where they stand; their number."""
    card, count = task.card, members.stop - members.start
    status, place = np.empty(count, dtype=np.int64), places["whole"] + 2 * 8 * count
    card.get(place, status)
    stiff = np.flatnonzero(np.isin(status, (STIFF, *GIVEN_UP)))
    if len(stiff):
        status[stiff] = Status.ok
        card.put(place, status)
        card.put(places["order"], stiff)
        card.put(places["counters"], np.array([0, 0, ENDLESS]))
        _launch(task, places, "rodas5p", members, len(stiff), progress)
    return len(stiff)


def _pieces(array: Any, axis: int | None, members: slice) -> Iterator[Any]:
    """What of an array belongs to some members, in contiguous pieces."""
    if axis == 1:
        yield from (row[members] for row in array)
    else:
        yield array if axis is None else array[members]


def _copy(verb: Callable[[int, Any], None], place: int, pieces: list[Any]) -> None:
    for piece in pieces:
        if piece.nbytes:
            verb(place, piece)
        place += piece.nbytes


def _launch(
    task: _Task, places: Mapping[str, int], method: str, members: slice, count: int, progress: Progress | None
) -> None:
    """Take the first `count` members of the order as far as they go; an interrupt is heard."""
    card, program = task.card, task.program(method).program
    arguments = task.arguments(places, method, members.stop - members.start, count)
    blocks = min(card.resident_blocks(program, task.threads), -(-count // task.threads))
    begun, first, last = np.zeros(1, dtype=np.int64), members.start, task.problem.members

    def tell() -> None:
        if progress is not None:
            card.get(places["counters"] + 8 * NEXT, begun)
            progress(first + min(int(begun[0]), count), last)

    with card.launched(program, arguments, blocks, task.threads) as done:
        try:
            _wait(done, tell)
        except BaseException:
            card.put(places["counters"] + 8 * CANCEL, np.ones(1, dtype=np.int64))
            raise
    if progress is not None:
        progress(members.stop, last)


def _wait(done: Callable[[], bool], tell: Callable[[], None]) -> None:
    """Wait in turns that are short beside what the work takes, so that an interrupt is heard and no time is lost."""
    begun = told = time.monotonic()
    while not done():
        now = time.monotonic()
        time.sleep(min(max(SHORTEST, 0.01 * (now - begun)), LONGEST))
        if now - told > TOLD:
            tell()
            told = now
