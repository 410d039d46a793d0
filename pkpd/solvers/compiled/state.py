"""Where the members of a problem stand, in the arrays that compiled code reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.solvers.problem import Problem, Solution

__all__ = ["State"]


@dataclass(frozen=True)
class State:
    """Where each member stands; the compiled code reads it and writes it back.

    Attributes
    ----------
    whole
        (4, members): the next stop, the next time to store, the status and the steps.
    real
        (1 + states + 3 events, members): the time, the states, which events are armed, how
        often each fired, and when first.
    out
        (states, members, times).
    """

    whole: Index
    real: Array
    out: Array
    events: int

    @classmethod
    def of(cls, problem: Problem) -> State:
        n, members, events = len(problem.model.states), problem.members, len(problem.model.events)
        whole = np.zeros((4, members), dtype=np.int64)
        real = np.zeros((1 + n + 3 * events, members))
        out = np.empty((n, members, problem.times.shape[-1]))
        real[1 : 1 + n] = problem.starts
        if events:
            # Negative: not yet known.
            real[1 + n : 1 + n + events] = -1.0 if problem.armed is None else problem.armed
            real[1 + n + 2 * events :] = np.inf
        if problem.at is not None:
            whole[0], whole[1], real[0] = problem.first_stops(), problem.first_times(), problem.at
            out[:, np.arange(out.shape[2]) < whole[1][:, None]] = np.nan
        return cls(whole, real, out, events)

    @property
    def status(self) -> Index:
        status: Index = self.whole[2]
        return status

    def solution(self, note: str) -> Solution:
        n, events = len(self.out), self.events
        armed, fired, first = (self.real[1 + n + i * events : 1 + n + (i + 1) * events] for i in range(3))
        return Solution(
            states=self.out.transpose(1, 2, 0), status=self.status, ended=self.real[0], steps=self.whole[3],
            final=self.real[1 : 1 + n], armed=armed > 0, event_counts=fired.astype(np.int64), event_times=first,
            note=note,
        )  # fmt: skip
