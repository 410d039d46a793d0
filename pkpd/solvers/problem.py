"""What an integrator is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.solvers.equations.system import System
from pkpd.solvers.schedule import Schedule

__all__ = ["Problem", "Progress", "Solution", "Status"]

Progress = Callable[[int, int], object]  # called with the members done and their number


class Status(IntEnum):
    """How the integration of a member ended."""

    ok = 0
    max_steps = 1
    step_too_small = 2
    not_finite = 3
    negative = 5  # 4 is the compiled integrator's own

    @property
    def sentence(self) -> str:
        return {
            Status.ok: "integrated to the last time asked for",
            Status.max_steps: "took more steps than max_steps allows; the model may be stiff",
            Status.step_too_small: "needed steps too small for the time's precision; a rate may be singular",
            Status.not_finite: "came to a value that is not a finite number",
            Status.negative: "had come to a negative value of a state that its model declares nonnegative",
        }[self]


@dataclass(frozen=True)
class Problem:
    """An ensemble of initial value problems that differ in parameters and schedules.

    Attributes
    ----------
    parameters
        (parameters, members), C-contiguous.
    starts
        (states, members), at time 0.
    times
        When states are stored: (times,), increasing, 0 or more; or (members, times), for each
        member its own, at least one, with infinity after the last.
    rtol, atol
        The relative tolerance, and the absolute tolerance of each state, (states,).
    before
        Whether a time that coincides with a stop stores the value before the jump.
    max_steps
        The largest number of steps between two stops of a member.
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

    @property
    def members(self) -> int:
        return int(self.parameters.shape[1])

    def times_of(self, member: int) -> Array:
        """The times at which a member is stored, without those that stand in for none."""
        times = self.times if self.times.ndim == 1 else self.times[member]
        return times[np.isfinite(times)]

    def take(self, members: Index) -> Problem:
        """The same for some of the members."""
        return replace(
            self,
            parameters=np.ascontiguousarray(self.parameters[:, members]),
            starts=np.ascontiguousarray(self.starts[:, members]),
            schedule=self.schedule if self.schedule.shared else self.schedule.take(members),
            times=self.times if self.times.ndim == 1 else self.times[members],
        )


@dataclass(frozen=True)
class Solution:
    """States of shape (members, times, states), NaN from a failure on or where there is no time, and how members fared.

    The course of one state in all members, ``states[..., i]``, lies in memory as one piece
    where a compiled method made it.  `ended` is the last time each member reached; `steps`
    counts accepted and rejected steps; `note` says which methods were used.
    """

    states: Array
    status: Index
    ended: Array
    steps: Index
    note: str = ""
