"""Where patients stand in each therapy, and the doses that fall due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.rounding import SAME_TIME
from pkpd.trials.cycles import Cycle

__all__ = ["COMPLETED", "STOPPED", "UNDER_WAY", "WAITING", "Doses", "Progress", "before", "give"]

WAITING, UNDER_WAY, COMPLETED, STOPPED = range(4)


@dataclass(frozen=True, eq=False)
class Progress:
    """Where each patient stands in one therapy.

    Attributes
    ----------
    stage
        (patients,): `WAITING`, `UNDER_WAY` (a first day is fixed), `COMPLETED` or `STOPPED`.
    due
        (patients,): the first day of the cycle whose dose is next; infinite where none is.
    place
        (patients,): the number of that dose in its cycle.
    cycle, first
        (patients,): cycles that are over, and the first day, since the therapy last began.
    last
        (patients,): the day of the last dose; minus infinity before the first.
    delayed
        (patients,): by how much the cycle that is due has been put off.
    aims
        (patients, lesions): which lesions local therapy is for.
    why
        (patients,): the number of the reason for which it began.
    """

    stage: Index
    due: Array
    place: Index
    cycle: Index
    first: Array
    last: Array
    delayed: Array
    aims: Mask
    why: Index

    @classmethod
    def before_all(cls, patients: int, lesions: int) -> Progress:
        """That of a therapy which has not begun."""
        none, never = np.zeros(patients, dtype=np.int64), np.full(patients, np.inf)
        everything = np.ones((patients, lesions), dtype=bool)
        return cls(none, never, none, none, -never, -never, np.zeros(patients), everything, none)

    def where(self, who: Mask, **changes: Any) -> Progress:
        """The same with other values for some of the patients."""
        columns = {}
        for name, value in changes.items():
            own = getattr(self, name)
            columns[name] = np.where(who if own.ndim == 1 else who[:, None], value, own).astype(own.dtype)
        return replace(self, **columns)

    def started(self, who: Mask, day: Array, why: int, aims: Mask | None = None) -> Progress:
        """The same, to begin on `day`."""
        aimed = {} if aims is None else {"aims": aims}
        return self.where(
            who, stage=UNDER_WAY, due=day, place=0, cycle=0, first=day, delayed=0.0, why=why, **aimed
        )  # fmt: skip

    def stopped(self, who: Mask) -> Progress:
        """The same, with nothing more to be given."""
        return self.where(who, stage=STOPPED, due=np.inf)

    def delayed_by(self, who: Mask, days: float, longest: float) -> Progress:
        """The same, with the cycle that is due, and all after it, put off; beyond `longest` the therapy is over."""
        first = np.where(self.cycle == 0, self.first + days, self.first)
        later = self.where(who, due=self.due + days, delayed=self.delayed + days, first=first)
        over = who & ~before(later.due - later.first, np.full(len(who), longest))
        return later.where(over, stage=COMPLETED, due=np.inf)

    def next_dose(self, cycle: Cycle) -> Array:
        """(patients,): the day of the next dose, infinite where there is none."""
        day: Array = self.due + cycle.at(cycle.offset, np.arange(len(self.due)), self.place)
        return day

    def cycle_end(self, cycle: Cycle) -> Array:
        """(patients,): the day of the last dose of the cycle under way or due, infinite where none is."""
        end: Array = self.due + cycle.offset[:, -1]
        return end


@dataclass(frozen=True, eq=False)
class Doses:
    """Doses given, each a row: (doses,) for every attribute.

    Attributes
    ----------
    patient, therapy, dose, cycle
        Numbers of the patient, the therapy, the dose in its cycle, and the cycle from 1.
    day, lag, amount, duration
        When it was given, when after that it arrives, its amount, how long it lasts (NaN: at once).
    why
        The number of the reason for which the therapy began.
    """

    patient: Index
    therapy: Index
    dose: Index
    cycle: Index
    day: Array
    lag: Array
    amount: Array
    duration: Array
    why: Index

    @classmethod
    def none(cls) -> Doses:
        return cls(*(np.zeros(0, dtype=np.int64),) * 4, *(np.zeros(0),) * 4, np.zeros(0, dtype=np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Doses]) -> Doses:
        """Those of all parts, one after another."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__annotations__))

    def take(self, rows: Any) -> Doses:
        """Some of the rows."""
        return Doses(*(getattr(self, name)[rows] for name in self.__annotations__))

    @property
    def ends(self) -> Array:
        """(doses,): when the last of it has arrived."""
        ends: Array = self.day + self.lag + np.nan_to_num(self.duration, nan=0.0)
        return ends


def before(day: Array, limit: Array) -> Mask:
    """Whether a day is before another by more than rounding."""
    with np.errstate(invalid="ignore"):
        earlier: Mask = day < limit - SAME_TIME * np.abs(limit)
    return earlier | (np.isfinite(day) & np.isposinf(limit))


def give(number: int, cycle: Cycle, progress: Progress, until: Array) -> tuple[Progress, list[Doses], Mask]:
    """Give the doses of one therapy that are due before `until`, (patients,).

    Returns
    -------
    progress, doses, completed
        Where patients then stand, the doses in parts, and for whom the therapy is now completed.
    """
    parts, over = [], np.zeros(len(until), dtype=bool)
    while (now := before(progress.next_dose(cycle), until)).any():
        who = np.flatnonzero(now)
        parts.append(_given(number, cycle, progress, who))
        day = progress.next_dose(cycle)
        progress = progress.where(now, last=day, place=progress.place + 1)
        cycle_over = now & (progress.place == cycle.doses)
        progress, completed = _next_cycle(cycle, progress, cycle_over)
        over |= completed
    return progress, parts, over


def _next_cycle(cycle: Cycle, progress: Progress, who: Mask) -> tuple[Progress, Mask]:
    """After the last dose of a cycle: the next one, or the end of the therapy."""
    due = progress.due + cycle.every
    progress = progress.where(who, place=0, cycle=progress.cycle + 1, due=due, delayed=0.0)
    ended = who & ((progress.cycle >= cycle.most) | ~before(due - progress.first, np.full(len(due), cycle.longest)))
    return progress.where(ended, stage=COMPLETED, due=np.inf), ended


def _given(number: int, cycle: Cycle, progress: Progress, who: Index) -> Doses:
    """The next dose of these patients, but for lesions at which it is not aimed."""
    dose = progress.place[who]
    lesion = cycle.lesion[dose]
    aimed = (lesion < 0) | (progress.aims[who, np.maximum(lesion, 0)] if progress.aims.shape[1] else lesion < 0)
    who, dose = who[aimed], dose[aimed]
    same = np.full(len(who), number, dtype=np.int64)
    offset, lag, amount, duration = (
        cycle.at(table, who, dose) for table in (cycle.offset, cycle.lag, cycle.amount, cycle.duration)
    )
    day, number_of_cycle = progress.due[who] + offset, progress.cycle[who] + 1
    return Doses(who, same, dose, number_of_cycle, day, lag, amount, duration, progress.why[who])
