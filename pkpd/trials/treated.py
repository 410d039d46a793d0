"""What treatment by a protocol came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import unknown_name
from pkpd.trials.walking import Walked

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Treated"]


@dataclass(frozen=True, eq=False)
class Treated:
    """Patients after a protocol: what was given, decided, scanned, and what happened.

    Times are days from the model's start, whatever its unit of time; those of `scans` count from
    entry.

    Attributes
    ----------
    per_day
        A day in the model's unit of time.
    entry, left
        (patients,): the day of entry into the trial, infinite where none came to it, and the last
        day under observation.
    status
        (patients,): how the integration went, see `Status`; 0 for well.
    """

    per_day: float
    therapies: tuple[str, ...]
    routes: tuple[tuple[str, ...], ...]
    reasons: tuple[str, ...]
    toxic: frozenset[int]
    events: Mapping[str, int]
    numbers: Index
    walked: Walked

    @property
    def entry(self) -> Array:
        return self.walked.entry / self.per_day

    @property
    def left(self) -> Array:
        return self.walked.left / self.per_day

    @property
    def status(self) -> Index:
        return self.walked.reached.status

    @cached_property
    def doses(self) -> pd.DataFrame:
        """The treatment that was given, a row for each dose: patient, day, route, amount, duration, therapy, cycle, and
        the reason why the therapy was begun."""
        import pandas as pd

        doses = self.walked.doses
        doses = doses.take(np.lexsort((doses.dose, doses.therapy, doses.day, doses.patient)))
        routes = [self.routes[t][d] for t, d in zip(doses.therapy.tolist(), doses.dose.tolist(), strict=True)]
        return pd.DataFrame(
            {
                "patient": self.numbers[doses.patient],
                "day": doses.day / self.per_day,
                "route": routes,
                "amount": doses.amount,
                "duration": doses.duration / self.per_day,
                "therapy": np.array(self.therapies, dtype=object)[doses.therapy],
                "cycle": doses.cycle,
                "reason": np.array(self.reasons, dtype=object)[doses.why],
            }
        )

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """What rules decided, in time: patient, day, therapy, action (start, delay, stop), reason."""
        import pandas as pd

        parts = [
            pd.DataFrame(
                {
                    "patient": self.numbers[d.patient],
                    "day": d.day / self.per_day,
                    "therapy": np.array(self.therapies, dtype=object)[d.therapy],
                    "action": d.action,
                    "reason": self.reasons[d.reason],
                }
            )
            for d in self.walked.decisions
        ]
        columns = ["patient", "day", "therapy", "action", "reason"]
        table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
        return table.sort_values(["patient", "day"], kind="stable", ignore_index=True)

    @cached_property
    def scans(self) -> xr.Dataset:
        """What was scanned, for `recist` and `irecist`; days from entry."""
        return self.walked.readings.scans(self.numbers)

    @property
    def dose_counts(self) -> Index:
        """(patients, therapies): how many doses were given."""
        doses, shape = self.walked.doses, (len(self.numbers), len(self.therapies))
        counts = np.bincount(doses.patient * shape[1] + doses.therapy, minlength=shape[0] * shape[1])
        return counts.reshape(shape).astype(np.int64)

    @property
    def stopped_for_toxicity(self) -> Mask:
        """(patients,): whether a rule on a measurement or an event stopped a therapy."""
        stopped = np.zeros(len(self.numbers), dtype=bool)
        for decision in self.walked.decisions:
            if decision.action == "stop" and decision.reason in self.toxic:
                stopped[decision.patient] = True
        return stopped

    def day_of(self, event: str) -> Array:
        """(patients,): the day on which an event of the model happened under observation, NaN where it did not.

        Raises
        ------
        UnknownNameError
            If no condition or `leaving` named it.
        """
        if event not in self.events:
            raise unknown_name("the treated patients", "event", event, self.events)
        time = self.walked.reached.event_days[self.events[event]]
        return np.where(time <= self.walked.left, time, np.nan) / self.per_day
