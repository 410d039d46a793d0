"""Integrate in chunks and keep only what was asked for, so that memory is that of the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import System
from pkpd.solvers.problem import Problem, Progress, Solution, Status
from pkpd.solvers.solve import solve

__all__ = ["Collected", "Standing", "below_zero", "collect", "falls_below_zero", "joined_notes"]


CHUNK_BYTES = {"cpu": 2**26, "gpu": 2**30}  # of states in one chunk; a card makes its own batches
CHUNK_MEMBERS = 4096  # a smaller chunk would leave threads and lanes without work


@dataclass(frozen=True)
class Collected:
    """What was kept: for each name (members, times), or (members,) for a number, and how each member ended."""

    columns: dict[str, Array]
    status: Index
    ended: Array
    note: str
    last: Standing | None = None


@dataclass(frozen=True)
class Standing:
    """Where members stand at the end, and what has happened to them; as in `Solution`.

    Attributes
    ----------
    final
        (states, members).
    armed, event_counts, event_times
        (events, members).
    """

    final: Array
    armed: Mask
    event_counts: Index
    event_times: Array

    @classmethod
    def of(cls, solution: Solution) -> Standing:
        """That of the members of a solution."""
        return cls(solution.final, solution.armed, solution.event_counts, solution.event_times)

    @classmethod
    def joined(cls, parts: Sequence[Standing]) -> Standing:
        """That of chunks of members, one after another."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts], axis=1) for f in fields(cls)))


def collect(
    problem: Problem,
    names: Sequence[str],
    method: str,
    progress: Progress | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Collected:
    """Integrate `problem` and keep the states and outputs `names`.

    Parameters
    ----------
    names
        States and outputs of the model.
    method, progress, threads, device
        As for `solve`.
    """
    # Where every state is wanted, what the solver makes is the result: no chunks, and no copy.
    whole = set(problem.model.states) <= set(names)
    if problem.members <= _chunk_size(problem, CHUNK_BYTES[device]):
        return _at_once(problem, names, solve(problem, method, progress, threads, device), progress)
    members, kept = problem.members, dict[str, Array]()
    status, ended, notes = np.zeros(members, dtype=np.int64), np.zeros(members), dict[str, int]()
    stands: list[Standing] = []
    observed = [name for name in names if not (whole and name in problem.model.states)]
    for who in [slice(0, members)] if whole else _chunks(problem, CHUNK_BYTES[device]):
        part = _part(problem, who)
        solution = solve(part, method, _shifted(progress, who.start, members), threads, device)
        status[who], ended[who] = solution.status, solution.ended
        stands.append(Standing.of(solution))
        notes[solution.note] = notes.get(solution.note, 0) + part.members
        if whole:
            kept |= {name: solution.states[..., i] for i, name in enumerate(problem.model.states)}
        for inner in _chunks(part, CHUNK_BYTES["cpu"]):
            chunk, states = _part(part, inner), solution.states[inner]
            here = slice(who.start + inner.start, who.start + inner.stop)
            if falls_below_zero(chunk, states):
                status[here][_negative(chunk, states)] = Status.negative
            _keep(kept, _observed(chunk, states, observed), here, members)
        if progress is not None:
            progress(who.stop, members)
    return Collected(kept, status, ended, joined_notes(notes), Standing.joined(stands))


def _at_once(problem: Problem, names: Sequence[str], solution: Solution, progress: Progress | None) -> Collected:
    """What one chunk holds."""
    status = solution.status
    if falls_below_zero(problem, solution.states):
        status = np.where(_negative(problem, solution.states), Status.negative, status)
    if progress is not None:
        progress(problem.members, problem.members)
    columns = _observed(problem, solution.states, names)
    return Collected(columns, status, solution.ended, solution.note, Standing.of(solution))


def _keep(kept: dict[str, Array], columns: Mapping[str, Array], here: slice, members: int) -> None:
    """Put the columns of some members where they belong."""
    for name, values in columns.items():
        if len(values) == members:
            kept[name] = values
            continue
        if name not in kept:
            kept[name] = np.empty((members, *values.shape[1:]))
        kept[name][here] = values


def _negative(problem: Problem, states: Array) -> Mask:
    """Which members have such a value at some time, (members,); see `below_zero`."""
    members: Mask = np.asarray(below_zero(problem, states).any(axis=1))
    return members


def falls_below_zero(problem: Problem, states: Array) -> bool:
    """Whether `below_zero` has to look: a state that has none holds a value below zero, if only by rounding."""
    return any(
        nonnegative and np.fmin.reduce(states[..., i], axis=None, initial=0.0) < 0
        for i, nonnegative in enumerate(problem.model.nonnegative)
    )


def below_zero(problem: Problem, states: Array) -> Mask:
    """Which stored times have a value below zero, by more than the tolerance, of a state that has none.

    `states` are (members, times, states); the mask is (members, times).
    """
    below = np.zeros(states.shape[:2], dtype=bool)
    for i, nonnegative in enumerate(problem.model.nonnegative):
        if nonnegative:
            values = states[..., i]
            size = np.abs(values).max(axis=1, initial=0.0, where=np.isfinite(values))
            below |= values < -10 * (problem.atol[i] + problem.rtol * size)[:, None]
    return below


def joined_notes(notes: Mapping[str, int]) -> str:
    """What the chunks say of their methods, with the members that each speaks of where they differ."""
    if len(notes) <= 1:
        return next(iter(notes), "")
    return "; ".join(f"{note} (of {members})" for note, members in notes.items())


def _part(problem: Problem, who: slice) -> Problem:
    return problem if who.stop - who.start == problem.members else problem.take(np.arange(who.start, who.stop))


def _chunk_size(problem: Problem, most: int) -> int:
    return max(CHUNK_MEMBERS, most // (8 * len(problem.times) * len(problem.model.states)))


def _chunks(problem: Problem, most: int) -> list[slice]:
    size = _chunk_size(problem, most)
    return [slice(first, min(first + size, problem.members)) for first in range(0, problem.members, size)]


def _shifted(progress: Progress | None, first: int, total: int) -> Progress | None:
    return None if progress is None else lambda done, _: progress(first + done, total)


def _observed(problem: Problem, states: Array, names: Sequence[str]) -> dict[str, Array]:
    """The states and outputs `names` as (members, times) each, NaN where a state is."""
    system = problem.model
    number = {name: i for i, name in enumerate(system.states)}
    outputs = [name for name in names if name not in number]
    values = dict(zip(outputs, _outputs(problem, states, outputs), strict=True)) if outputs else {}
    return {name: states[..., number[name]] if name in number else values[name] for name in names}


def _outputs(problem: Problem, states: Array, names: Sequence[str]) -> Array:
    """(outputs, members, times); parameters are not repeated for every time, so that memory is that of the result."""
    code, inputs = numpy_code(_with_outputs(problem.model, tuple(names))), len(problem.model.inputs)
    u = np.zeros((inputs, 1, 1))
    if code.outputs_see_inputs:
        u = problem.schedule.input_values_at(problem.times, before=problem.before).transpose(2, 0, 1)
    with np.errstate(all="ignore"):
        values = code.outputs(problem.times, states.transpose(2, 0, 1), problem.parameters[:, :, None], u)
    lost = np.isnan(states)
    if np.count_nonzero(lost):
        values[:, lost.any(axis=-1)] = np.nan
    return values


@lru_cache(maxsize=256)
def _with_outputs(system: System, names: tuple[str, ...]) -> System:
    """`system` with some of its outputs."""
    chosen = tuple(system.outputs[system.output_names.index(name)] for name in names)
    return dataclasses.replace(system, output_names=names, outputs=chosen)
