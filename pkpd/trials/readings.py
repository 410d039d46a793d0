"""Scans so far, visit by visit, and what they mean for a protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.measures.irecist import irecist
from pkpd.measures.lesion_status import each_lesion, lesion_status
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import CR, ICPD, NOT_ASSESSED, PD, PR, SD
from pkpd.measures.scan_data import NEW
from pkpd.measures.time_points import GROWTH, STEP, at_least, time_points
from pkpd.solvers.rounding import SAME_TIME
from pkpd.treatment.conditions import IRECIST, Seen
from pkpd.trials.scanning import Reader, ScanChances, read_diameters

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Readings", "SettledImaging", "Shows", "progressing_lesions"]

CODES = {
    "CR": CR, "PR": PR, "SD": SD, "PD": PD, "iCR": CR, "iPR": PR, "iSD": SD, "iUPD": PD, "iCPD": ICPD,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shows:
    """What scans of this day show.

    Attributes
    ----------
    responses
        (2, patients): codes by RECIST 1.1 and by iRECIST; -1 where there is no scan this day.
    progressing
        (patients, lesions): which lesions progress.
    """

    responses: Codes
    progressing: Mask

    def holds(self, condition: Seen) -> Mask:
        """For whom the condition holds, (patients,)."""
        mask = np.zeros(len(self.progressing), dtype=bool)
        for name in condition.responses:
            mask |= self.responses[int(name in IRECIST)] == CODES[name]
        if condition.lesions is None:
            return mask
        least, most = condition.lesions
        count = self.progressing.sum(axis=1)
        mask &= (count >= least) & (count <= (np.inf if most is None else most))
        return mask


@dataclass(frozen=True, eq=False)
class SettledImaging:
    """How patients are scanned; (patients, ...) for arrays.

    Attributes
    ----------
    outputs, sizes
        The output of the model that is the size of each lesion, and its diameter in mm from that.
    planned, scheduled
        (patients, visits): days from entry on which scans are made, NaN where one is missed, and on
        which they are due.
    per_day
        A day in the model's unit of time.
    reader, chances
        How scans are read, and what chance decides about them.
    node, organ
        (patients, lesions): whether a lymph node, and a number for the organ, None where nobody says.
    criteria
        What RECIST and iRECIST leave to the protocol.
    judged, immune
        Whether a rule asks for responses, and for those by iRECIST.
    """

    outputs: tuple[str, ...]
    sizes: tuple[Callable[[Array], Array], ...]
    planned: Array
    scheduled: Array
    per_day: float
    reader: Reader
    chances: ScanChances
    node: Mask
    organ: Index | None
    criteria: RecistRules
    judged: bool
    immune: bool

    @cached_property
    def upcoming(self) -> tuple[Array, Index]:
        """(patients, visits + 1) each: the day and the number of the first visit from each on that is not missed."""
        patients, visits = self.planned.shape
        number = np.where(np.isnan(self.planned), visits, np.arange(visits))
        following = np.minimum.accumulate(number[:, ::-1], axis=1)[:, ::-1]
        following = np.concatenate([following, np.full((patients, 1), visits)], axis=1)
        days = np.concatenate([self.planned, np.full((patients, 1), np.inf)], axis=1)
        return np.take_along_axis(days, following, axis=1), following


@dataclass(frozen=True, eq=False)
class Readings:
    """Scans so far.

    Attributes
    ----------
    visit
        (patients,): the visit that comes next, missed or not.
    day, true
        (patients, visits) and (patients, visits, lesions): days from entry, and true diameters; NaN
        where no scan has been made.
    baseline
        (patients,): the visit against which responses are judged.
    """

    imaging: SettledImaging
    visit: Index
    day: Array
    true: Array
    baseline: Index

    @classmethod
    def begun(cls, imaging: SettledImaging) -> Readings:
        """Before the first scan."""
        shape, none = imaging.planned.shape, np.zeros(len(imaging.planned), dtype=np.int64)
        return cls(imaging, none, np.full(shape, np.nan), np.full((*shape, len(imaging.outputs)), np.nan), none)

    @property
    def lesions(self) -> int:
        return len(self.imaging.outputs)

    def scans(self, patient: Index) -> xr.Dataset:
        """All scans, for `recist` and `irecist`; `patient` labels the patients."""
        about = self.imaging
        return read_diameters(
            self.true, self.day, about.chances, about.reader, node=about.node, organ=about.organ,
            scheduled=about.scheduled, patient=patient,
        )  # fmt: skip

    def next_day(self, entry: Array, now: Array) -> Array:
        """(patients,): the time of the model at which each is scanned next, not before `now`; infinite for never."""
        days = np.take_along_axis(self.imaging.upcoming[0], self.visit[:, None], axis=1)[:, 0]
        time: Array = np.maximum(entry + days * self.imaging.per_day, now)
        return time

    def looked(
        self,
        active: Mask,
        asked: Mask,
        now: Array,
        entry: Array,
        new_baseline: Array,
        current: Mapping[str, Array],
    ) -> tuple[Readings, Shows]:
        """The same with the scans that are due now, and what they show of those patients of whom it is `asked`."""
        shows = Shows(
            np.full((2, len(now)), NOT_ASSESSED, dtype=np.int8), np.zeros((len(now), self.lesions), dtype=bool)
        )
        if not self.lesions:
            return self, shows
        who = np.flatnonzero(active & (self.next_day(entry, now) <= now + SAME_TIME * np.maximum(now, 1.0)))
        if not who.size:
            return self, shows
        readings = self._scanned(who, (now - entry) / self.imaging.per_day, current)
        who = who[asked[who]]
        if not self.imaging.judged or not who.size:
            return readings, shows
        readings = readings._based(who, (new_baseline - entry) / self.imaging.per_day)
        return readings, readings._shown(who, shows)

    def _scanned(self, who: Index, since_entry: Array, current: Mapping[str, Array]) -> Readings:
        visit = self.imaging.upcoming[1][who, self.visit[who]]
        day, true, after = self.day.copy(), self.true.copy(), self.visit.copy()
        planned, actual = self.imaging.planned[who, visit], since_entry[who]
        exact = np.abs(planned - actual) <= 1e-6  # rounding; a scan planned before the model starts is at its start
        day[who, visit] = np.where(exact, planned, actual)
        outputs = zip(self.imaging.outputs, self.imaging.sizes, strict=True)
        true[who, visit] = np.stack([diameter(current[name][who]) for name, diameter in outputs], axis=1)
        after[who] = visit + 1
        return replace(self, day=day, true=true, visit=after)

    def _based(self, who: Index, new_baseline: Array) -> Readings:
        """The same with the last scan before a therapy as the baseline of those scanned after it began."""
        last = self.day[who, self.visit[who] - 1]
        who = who[np.isfinite(new_baseline[who]) & (last > new_baseline[who])]
        if not who.size:
            return self
        with np.errstate(invalid="ignore"):
            earlier = self.day[who] <= new_baseline[who, None]
        latest = self.day.shape[1] - 1 - earlier[:, ::-1].argmax(axis=1)
        moved = earlier.any(axis=1) & (latest > self.baseline[who])
        baseline = self.baseline.copy()
        baseline[who[moved]] = latest[moved]
        return replace(self, baseline=baseline)

    def _shown(self, who: Index, shows: Shows) -> Shows:
        """What the last scans of these patients show."""
        since = self.visit[who] - 1 - self.baseline[who]
        scans = self._since_baseline(who, since)
        each, status = np.arange(len(who)), lesion_status(scans)
        response = time_points(status).overall[since, each]
        progressed = response == PD
        responses, progressing = shows.responses.copy(), shows.progressing.copy()
        responses[0, who] = response
        if self.imaging.immune:
            responses[1, who] = irecist(scans, rules=self.imaging.criteria)["response"].to_numpy()[each, since]
            progressed |= np.isin(responses[1, who], (PD, ICPD))
        if progressed.any():
            progressing[who] = progressing_lesions(scans, since) & progressed[:, None]
        return Shows(responses, progressing)

    def _since_baseline(self, who: Index, since: Index) -> xr.Dataset:
        """The scans of these patients from the baseline on, as if it were visit 0; NaN after `since`."""
        about, rows = self.imaging, who[:, None]
        visits = np.arange(int(since.max()) + 1)
        place = np.minimum(self.baseline[who, None] + visits, self.day.shape[1] - 1)
        after = visits > since[:, None]
        day = np.where(after, np.nan, self.day[rows, place])
        true = np.where(after[:, :, None], np.nan, self.true[rows, place])
        return read_diameters(
            true, day, about.chances.take(rows, place), about.reader, node=about.node[who],
            organ=None if about.organ is None else about.organ[who],
        )  # fmt: skip


def progressing_lesions(scans: xr.Dataset, visit: Index) -> Mask:
    """Which lesions of each patient progress at a visit, (patients, lesions).

    RECIST judges patients, not lesions.  Here a lesion progresses that is new, or that has grown
    by 20 % and 5 mm above its own smallest diameter before, as the criteria ask of the sum; where
    none has, the one that has grown most in mm.
    """
    each = np.arange(len(visit))
    grown, increase = [], []
    for lesion in each_lesion(scans):
        seen = np.where(np.isnan(lesion.size), np.inf, lesion.size)
        nadir = np.minimum.accumulate(seen, axis=0)[np.maximum(visit - 1, 0), each]
        size = lesion.size[visit, each]
        with np.errstate(invalid="ignore"):
            own = at_least(size, GROWTH * nadir) & at_least(size - nadir, STEP)
        grown.append(np.where(lesion.role == NEW, lesion.present[visit, each], own | lesion.unequivocal[visit, each]))
        increase.append(np.where(np.isfinite(nadir), size - nadir, -np.inf))
    progressing, by = np.stack(grown, axis=1), np.nan_to_num(np.stack(increase, axis=1), nan=-np.inf)
    none = ~progressing.any(axis=1)
    progressing[none, by[none].argmax(axis=1)] = by[none].max(axis=1) > 0
    return progressing
