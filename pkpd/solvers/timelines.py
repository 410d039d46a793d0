"""Stops of many members, flat: what jumps and which input changes, when and in which order.

A stop has a time and, among the stops of one time, a rank.  Whoever looks at a member at a
time and a rank sees the stops up to there and no others; so the order of records at one
time decides what an observation sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.directions import StopDirections
from pkpd.solvers.ordering import count_before
from pkpd.solvers.schedule import Schedule

DERIVATIVES = ("dtime", "damount", "dchange")

__all__ = ["Stops", "Timeline", "joined", "timeline"]


@dataclass(frozen=True)
class Stops:
    """Stops in any order; each attribute has the shape (stops,), or (stops, K) where it is a derivative.

    Attributes
    ----------
    member, time, rank
        Whose stop it is, when, and in which order among those of one time.
    jump, amount
        The number of the jump, or -1, and its amount.
    slot, change, running
        The number of the input that changes, or -1; how; and by how much the number of
        the doses that make up this input changes: +1 or -1 for an input that is a sum of
        rates, 0 for an input that is set to the value `change`.
    dtime, damount, dchange
        How the time, the amount and the change follow K directions.
    """

    member: Index
    time: Array
    rank: Array
    jump: Index
    amount: Array
    slot: Index
    change: Array
    running: Index
    dtime: Array
    damount: Array
    dchange: Array

    def __len__(self) -> int:
        return len(self.member)

    def take(self, which: Mask | Index) -> Stops:
        """Some of the stops."""
        return Stops(*(getattr(self, f.name)[which] for f in fields(Stops)))

    @classmethod
    def at(cls, member: Index, time: Array, rank: Array, **changes: object) -> Stops:
        """Stops that do what `changes` says (numbers, or arrays over stops), and nothing else."""
        idle: dict[str, object] = {"jump": -1, "amount": 0.0, "slot": -1, "change": 0.0, "running": 0}
        slopes: dict[str, Any] = {name: changes.pop(name, np.zeros((len(member), 0))) for name in DERIVATIVES}
        whole = {"jump", "slot", "running"}
        values: dict[str, Any] = {
            name: np.broadcast_to(np.asarray(value, dtype=np.int64 if name in whole else float), len(member))
            for name, value in (idle | changes).items()
        }
        return cls(member, time, rank, **values, **slopes)


def joined(parts: Sequence[Stops]) -> Stops:
    """All the stops of several parts; those of the first come first where time and rank are equal.

    A part without derivatives changes along none of the directions of the others.
    """
    K = max((part.dtime.shape[1] for part in parts), default=0)

    def column(part: Stops, name: str) -> NDArray[Any]:
        values: NDArray[Any] = getattr(part, name)
        return values if values.ndim == 1 or values.shape[1] == K else np.zeros((len(part), K))

    return Stops(*(np.concatenate([column(part, f.name) for part in parts]) for f in fields(Stops)))


@dataclass(frozen=True)
class Timeline:
    """Sorted stops of `members` members; those of member m are ``stops[first[m]:first[m + 1]]``.

    `initial` holds the inputs before the first stop, (inputs, members).
    """

    stops: Stops
    first: Index
    initial: Array

    def passed(self, member: Index, time: Array, rank: Array) -> tuple[Index, Index]:
        """How many stops of its member lie before the time of each look, and how many it sees."""
        keys = (self.stops.member, self.stops.time, self.stops.rank)
        ranks = np.concatenate([np.full(len(rank), -np.inf), rank])
        found = count_before(keys, (np.tile(member, 2), np.tile(time, 2), ranks)) - np.tile(self.first[member], 2)
        return found[: len(member)], found[len(member) :]

    def schedule(self, members: Index) -> Schedule:
        """The stops of some members, as an integrator takes them."""
        which, there = self._places(members)
        return Schedule(
            np.where(there, self.stops.time[which], np.inf),
            np.where(there, self.stops.jump[which], -1),
            np.where(there, self.stops.amount[which], 0.0),
            self._input_values(members, which, there),
        )

    def changes(self, members: Index) -> StopDirections:
        """How the stops of `schedule` change along directions; those of inputs that are set do not."""
        which, there = self._places(members)
        there = there[..., None]
        slots = np.where(there[..., 0], self.stops.slot[which], -1)
        running = np.where(there[..., 0], self.stops.running[which], 0)
        dchange = np.where(there, self.stops.dchange[which], 0.0)
        K = self.stops.dtime.shape[1]
        dinput_values = np.zeros((len(members), which.shape[1] + 1, len(self.initial), K))
        for slot in np.unique(slots[running != 0]):
            here = slots == slot
            runs = np.cumsum(np.where(here, running, 0), axis=1) > 0
            sums = np.cumsum(np.where(here[..., None], dchange, 0.0), axis=1)
            dinput_values[:, 1:, slot] = np.where(runs[..., None], sums, 0.0)
        return StopDirections(
            np.where(there, self.stops.dtime[which], 0.0),
            np.where(there, self.stops.damount[which], 0.0),
            dinput_values,
        )

    def _places(self, members: Index) -> tuple[Index, Mask]:
        """Which stop is the k-th of each member, (members, stops), and whether there is one."""
        count = self.first[members + 1] - self.first[members]
        there = np.arange(int(count.max(initial=0))) < count[:, None]
        return np.where(there, self.first[members][:, None] + np.arange(there.shape[1]), 0), there

    def _input_values(self, members: Index, which: Index, there: Mask) -> Array:
        input_values = np.zeros((len(members), which.shape[1] + 1, len(self.initial)))
        input_values[:, 0] = self.initial[:, members].T
        slots = np.where(there, self.stops.slot[which], -1)
        for slot in range(len(self.initial)):
            here = slots == slot
            running = np.where(here, self.stops.running[which], 0)
            change = np.where(here, self.stops.change[which], 0.0)
            if running.any():
                # With no dose running the sum is zero, not the rounding of what came and went.
                total = np.where(np.cumsum(running, axis=1) > 0, np.cumsum(change, axis=1), 0.0)
                input_values[:, 1:, slot] = input_values[:, :1, slot] + total
            else:
                last = np.maximum.accumulate(np.where(here, np.arange(here.shape[1]), -1), axis=1)
                value = np.take_along_axis(change, np.maximum(last, 0), axis=1)
                input_values[:, 1:, slot] = np.where(last >= 0, value, input_values[:, :1, slot])
        return input_values


def timeline(stops: Stops, members: int, initial: Array) -> Timeline:
    """Sort `stops`; those of equal member, time and rank keep their order."""
    stops = stops.take(np.lexsort((stops.rank, stops.time, stops.member)))
    first = np.searchsorted(stops.member, np.arange(members + 1))
    return Timeline(stops, first, initial)
