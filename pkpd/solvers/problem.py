"""What an integrator is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.equations.system import System
from pkpd.solvers.schedule import Schedule

__all__ = ["STIFF", "Problem", "Progress", "Solution", "Status"]

Progress = Callable[[int, int], object]  # called with the members done and their number


class Status(IntEnum):
    """How the integration of a member ended."""

    ok = 0
    max_steps = 1
    step_too_small = 2
    not_finite = 3
    negative = 5  # 4 is `STIFF`
    endless_events = 6
    no_steady_state = 7

    @property
    def sentence(self) -> str:
        return {
            Status.ok: "integrated to the last time asked for",
            Status.max_steps: "took more steps than max_steps allows; the model may be stiff",
            Status.step_too_small: "needed steps too small for the time's precision; a rate may be singular",
            Status.not_finite: "came to a value that is not a finite number",
            Status.negative: "had come to a negative value of a state that its model declares nonnegative",
            Status.endless_events: "came to a time at which its events set each other off without end",
            Status.no_steady_state: "has no steady state that repeated doses reach",
        }[self]


STIFF = 4
"""Of the compiled integrator alone, between its calls: the member goes on with an implicit method."""


@dataclass(frozen=True)
class Problem:
    """An ensemble of initial value problems that differ in parameters and schedules.

    Attributes
    ----------
    parameters
        (parameters, members), C-contiguous.
    starts
        (states, members), at the start of each member.
    times
        When states are stored: (times,), increasing, 0 or more; or (members, times), for each
        member its own, at least one, with infinity after the last.  A time before the start of
        a member stores NaN.
    rtol, atol
        The relative tolerance, and the absolute tolerance of each state, (states,).
    before
        Whether a time that coincides with a stop stores the value before the jump.
    max_steps
        The largest number of steps between two stops of a member.
    at
        When each member starts, (members,); None for time 0.  The stops before it are skipped,
        those at it are made, and the input rates are as after the stops skipped.
    armed
        Which events may fire at the start, (events, members); None for those whose condition
        does not hold there.  To go on with `Solution.final` as if there had been no cut, pass
        `Solution.armed` along.
    """

    model: System
    parameters: Array
    starts: Array
    schedule: Schedule
    times: Array
    rtol: float
    atol: Array
    before: bool = True
    max_steps: int = 100_000
    at: Array | None = None
    armed: Mask | None = None

    @property
    def members(self) -> int:
        return int(self.parameters.shape[1])

    @property
    def begins(self) -> Array:
        """When each member starts, (members,)."""
        return np.zeros(self.members) if self.at is None else np.array(self.at, dtype=np.float64)

    def first_stops(self) -> Index:
        """The number of the first stop of each member that is not before its start, (members,)."""
        if self.at is None:
            return np.zeros(self.members, dtype=np.int64)
        first: Index = (self.schedule.times < self.at[:, None]).sum(axis=1, dtype=np.int64)
        return first

    def first_times(self) -> Index:
        """The number of the first time of each member that is not before its start, (members,)."""
        if self.at is None:
            return np.zeros(self.members, dtype=np.int64)
        first: Index = (self.times < self.at[:, None]).sum(axis=1, dtype=np.int64)
        return first

    def times_of(self, member: int) -> Array:
        """The times at which a member is stored, without those that stand in for none."""
        times = self.times if self.times.ndim == 1 else self.times[member]
        return times[np.isfinite(times)]

    def from_values(self, parameters: Array, starts: Array) -> Problem:
        """The same with other parameters and starts."""
        return Problem(
            self.model, parameters, starts, self.schedule, self.times, self.rtol, self.atol,
            self.before, self.max_steps, self.at, self.armed,
        )  # fmt: skip

    def take(self, members: Index) -> Problem:
        """The same for some of the members."""
        return replace(
            self,
            parameters=np.ascontiguousarray(self.parameters[:, members]),
            starts=np.ascontiguousarray(self.starts[:, members]),
            schedule=self.schedule if self.schedule.shared else self.schedule.take(members),
            times=self.times if self.times.ndim == 1 else self.times[members],
            at=None if self.at is None else self.at[members],
            armed=None if self.armed is None else self.armed[:, members],
        )


@dataclass(frozen=True)
class Solution:
    """The states at the times asked for, and how members fared.

    Attributes
    ----------
    states
        (members, times, states), NaN from a failure on or where there is no time.  One state
        of all members, ``states[..., i]``, lies in memory as one piece where a compiled method
        made it.
    status
        (members,), of `Status`.
    ended
        (members,): the last time that each member reached.
    steps
        (members,): accepted and rejected steps.
    final
        (states, members): the states at `ended`, before any stop there, whatever
        `Problem.before` says of what is stored.  A problem that starts from them, ``at=ended``,
        makes the stops there, so that what is cut in two is integrated as if it were whole.
    armed
        (events, members): which events may fire at `ended`.
    event_counts
        (events, members): how often each event fired up to `ended`.
    event_times
        (events, members): when each event first fired; infinity where it never did.
    note
        Which methods were used.
    """

    states: Array
    status: Index
    ended: Array
    steps: Index
    final: Array
    armed: Mask
    event_counts: Index
    event_times: Array
    note: str = ""
