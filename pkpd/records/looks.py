"""What each record sees in a solution: where it looks, and the stops above it.

Both follow from the stops alone, so that they are settled once for all parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.records.predictions import SegmentGroup
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.problem import Problem

__all__ = ["Looks", "looks_of"]


CHUNK = 1 << 15  # rows that are read at a time


@dataclass(frozen=True, eq=False)
class _Passed:
    """One stop above each of some looks, made for all of them at once.

    Attributes
    ----------
    who, member
        (looks,): which looks, and their members.
    time, inputs
        (looks,) and (inputs, looks): when the stop is, and the inputs until then.
    jumps
        Those that are made.
    """

    who: Index
    member: Index
    time: Array
    inputs: Array
    jumps: tuple[_Jump, ...]


@dataclass(frozen=True, eq=False)
class _Jump:
    """A jump by number, which of the looks at a stop make it, and when, with what inputs and doses."""

    number: int
    who: slice | Index
    time: Array
    inputs: Array
    amounts: Array


@dataclass(frozen=True, eq=False)
class Looks:
    """Where some records of a group look, with a look for each of their lanes, one after another.

    Attributes
    ----------
    part
        Which rows of the group these are.
    rows
        (rows,): the rows of the table; a slice where they follow one another.
    member, place
        (looks,): the member, and its stored value among those of all members.
    time, inputs
        (looks,) and (inputs, looks): the time of each, and the inputs that it sees.
    passed
        The stops above the looks that change a state, in their order.
    """

    part: slice
    rows: slice | Index
    member: Index
    place: Index
    time: Array
    inputs: Array
    passed: tuple[_Passed, ...]

    def read(self, problem: Problem, states: Array) -> tuple[Array, Array]:
        """The states and outputs that are seen, (states, looks) and (outputs, looks), NaN where a state is.

        Parameters
        ----------
        states
            (members, times, states): what was stored, before all stops of a time.
        """
        code = numpy_code(problem.model)
        y = states.transpose(2, 0, 1).reshape(states.shape[2], -1).take(self.place, axis=1)
        with np.errstate(all="ignore"):
            for stop in self.passed:
                _pass(stop, problem, code, y)
            if not problem.model.output_names:
                return y, np.empty((0, y.shape[1]))
            p = _taken(problem, code.output_parameters, self.member)
            outputs = code.outputs(self.time, y, p, self.inputs)
        lost = np.isnan(y)
        if np.count_nonzero(lost):
            outputs[:, lost.any(axis=0)] = np.nan
        return y, outputs


def _taken(problem: Problem, parameters: Iterable[int], member: Index) -> dict[int, Array]:
    """Some parameters, by number, of the member of each look."""
    return {i: problem.parameters[i].take(member) for i in parameters}


def _pass(stop: _Passed, problem: Problem, code: NumpyCode, y: Array) -> None:
    """Make a stop in `y`, of all looks."""
    before = y.take(stop.who, axis=1)
    p = _taken(problem, code.jump_parameters, stop.member)
    for jump in stop.jumps:
        change, who = code.jump_changes[jump.number], jump.who
        of_jump = p if isinstance(who, slice) else {i: row[who] for i, row in p.items()}
        y[change.states, stop.who[who]] = change.new(jump.time, before[:, who], of_jump, jump.inputs, jump.amounts)
    if problem.model.events:
        after = y.take(stop.who, axis=1)
        _fire(code, stop.time, before, after, problem.parameters.take(stop.member, axis=1), stop.inputs)
        y[:, stop.who] = after


def _fire(code: NumpyCode, t: Array, before: Array, y: Array, p: Array, u: Array) -> None:
    """Let events fire whose condition a jump has made true, in `y`, as an integrator does."""
    fired = (code.triggers(t, before, p, u) >= 0) & (code.triggers(t, y, p, u) < 0)
    for event, row in enumerate(fired):
        who = np.flatnonzero(row)
        if len(who):
            y[:, who] = code.event_jumps[event](t[who], y[:, who], p[:, who], u[:, who])


def looks_of(
    problem: Problem, group: SegmentGroup, lanes: int = 1, source: Index | None = None
) -> Iterator[Looks]:  # fmt: skip
    """Where the records of a group look, some rows at a time.

    Parameters
    ----------
    problem
        That of `group`, or of its derivatives: member ``m*lanes + lane`` is then member m.  Its
        parameters and starts do not matter.
    source
        (stops,): the stop of the group that each stop of `problem` belongs to; by default its own.
    """
    schedule, times = problem.schedule, problem.times
    for first in range(0, len(group.rows), CHUNK):
        part = slice(first, first + CHUNK)
        member = (group.member[part, None] * lanes + np.arange(lanes)).ravel()
        place = np.repeat(group.place[part], lanes)
        earlier, seen = (np.repeat(count[part], lanes) for count in (group.earlier, group.seen))
        if source is not None:
            earlier, seen = (np.searchsorted(source, count) for count in (earlier, seen))
        time, row = times[member, place], member if not schedule.shared else 0 * member
        inputs = np.ascontiguousarray(schedule.input_values[row, seen].T)
        passed = tuple(_passed(problem, time, member, earlier, seen))
        yield Looks(part, _sliced(group.rows[part]), member, member * times.shape[1] + place, time, inputs, passed)


def _sliced(rows: Index) -> slice | Index:
    """`rows`, as a slice where they follow one another."""
    first, last = int(rows[0]), int(rows[-1]) + 1
    return slice(first, last) if np.array_equal(rows, np.arange(first, last)) else rows


def _passed(problem: Problem, time: Array, member: Index, earlier: Index, seen: Index) -> Iterator[_Passed]:
    """The stops above each look, one after the other for all looks at once."""
    schedule = problem.schedule
    for k in range(int((seen - earlier).max(initial=0))):
        who = np.flatnonzero(earlier + k < seen)
        row, stop = member[who] if not schedule.shared else 0 * who, earlier[who] + k
        jumps, amounts = schedule.jumps[row, stop], schedule.amounts[row, stop]
        inputs = np.ascontiguousarray(schedule.input_values[row, stop].T)
        made = []
        for number in np.unique(jumps[jumps >= 0]):
            one = slice(None) if (jumps == number).all() else np.flatnonzero(jumps == number)
            made.append(_Jump(int(number), one, time[who][one], inputs[:, one], amounts[one]))
        if made or problem.model.events:
            yield _Passed(who, member[who], time[who], inputs, tuple(made))
