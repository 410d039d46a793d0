"""What a trial's protocol lays down about the assessment of responses."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pkpd.errors import DataError

__all__ = ["RecistRules"]


@dataclass(frozen=True)
class RecistRules:
    """What RECIST 1.1 and iRECIST leave to the protocol of a trial; all in days.

    Attributes
    ----------
    confirmation
        The least time between a response and the scan that confirms it: 28 days as in
        trials without control whose endpoint is response (Eisenhauer 2009).  With 0 a response
        needs no confirmation, as in a randomized trial.
    stable
        The least time from day 0 to a scan at which stable disease may become the best response;
        in general 6 to 8 weeks (Eisenhauer 2009).  With visits every 6 weeks and a window of one,
        35 takes in the visits that came early.
    missed
        Progression or death right after so many missed or not evaluable visits in a row, or
        more, is not an event: PFS is censored at the last scan before them.  2 in the FDA's
        guidance on endpoints (2018, table A); with None it always is an event.
    progression
        The time after an iUPD within which a scan can confirm it, least and most.  iRECIST asks
        for 4 to 8 weeks; the defaults add the 2 days of variance that the EORTC recommends before
        and a visit's window of a week after.
    non_target_increase
        How many mm the sum of non-target lesions, or of new lesions that are not measured, must
        grow for iRECIST to see "any increase".  0 in the guideline, where a reader judges it; a
        little more than 0 is a wise choice for simulated diameters with an error.
    """

    confirmation: float = 28.0
    stable: float = 42.0
    missed: int | None = 2
    progression: tuple[float, float] = (26.0, 63.0)
    non_target_increase: float = 0.0

    def __post_init__(self) -> None:
        for name in ("confirmation", "stable", "non_target_increase"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise DataError(f"RecistRules: {name} is {value!r}; expected a number of 0 or more.")
        whole = isinstance(self.missed, int) and not isinstance(self.missed, bool) and self.missed >= 1
        if self.missed is not None and not whole:
            raise DataError(f"RecistRules: missed is {self.missed!r}; expected a number of visits, 1 or more, or None.")
        try:
            least, most = (float(day) for day in self.progression)
        except (TypeError, ValueError):
            least = most = math.nan
        if not 0 <= least <= most:
            raise DataError(f"RecistRules: progression is {self.progression!r}; expected two rising numbers of days.")
