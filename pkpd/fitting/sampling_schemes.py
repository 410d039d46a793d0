"""A design whose sampling times are to be chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError
from pkpd.fitting.designs import Design, sampled
from pkpd.fitting.exchange import criterion
from pkpd.fitting.observation_models import with_further_rows
from pkpd.records.observations import Side

__all__ = ["Sampling"]


@dataclass(frozen=True, eq=False)
class Sampling:
    """A design whose times are to be chosen: each output is sampled at every time, in all arms or in one.

    `nuisance` are the coordinates of no interest.
    """

    design: Design
    outputs: Sequence[str]
    side: Side
    nuisance: Index
    own_times: bool

    def at(self, times: Array) -> Design:
        """The design at these times, (samples,) or (arms, samples), which may repeat."""
        design = self.design
        regimens, sd = design.data.regimens, dict(zip(design.data.output, design.data.sd, strict=True))
        by_arm = dict(zip(regimens, np.broadcast_to(times, (len(regimens), times.shape[-1])), strict=True))
        plain = sampled(regimens, by_arm, self.outputs, self.side)
        data = dataclasses.replace(plain, sd=np.array([sd[name] for name in plain.output]))
        longer, places, _ = with_further_rows(data, design.chosen)
        predictor = dataclasses.replace(design.predictor, data=longer)
        return dataclasses.replace(design, data=data, predictor=predictor, places=places)

    @property
    def groups(self) -> int:
        """How many sets of times there are: one for all arms, or one for each."""
        return len(self.design.data.arms) if self.own_times else 1

    def information(self, times: Array) -> Array:
        """What a sample of each group says at times (times,): (groups, times, coordinates, coordinates)."""
        design = self.at(times)
        rows = design.rows(design.start).parameters
        arms = len(design.data.arms)
        factors = rows.reshape(arms, len(times), -1, rows.shape[2])
        by_arm = np.einsum("atri,atrj->atij", factors, factors)
        return np.asarray(by_arm if self.own_times else by_arm.sum(axis=0, keepdims=True))

    def of_own_times(self, times: Array) -> Array:
        """The information of samples at times (groups, samples), (groups, samples, coordinates, coordinates)."""
        distinct, place = np.unique(times, return_inverse=True)
        return self.information(distinct)[np.arange(self.groups)[:, None], place.reshape(times.shape)]

    def log_determinant(self, times: Array) -> float:
        own = np.broadcast_to(times, (self.groups, times.shape[-1]))
        return float(criterion(self.of_own_times(own).sum(axis=(0, 1))[None], self.nuisance)[0])

    def samples(self, times: Any) -> Array:
        """Times as numbers, in order.

        Raises
        ------
        FitError
            If they are none.
        """
        samples = np.sort(np.atleast_1d(np.array(times, dtype=float)), axis=-1)
        wrong = samples.ndim > 1 and (not self.own_times or len(samples) != self.groups)
        if not samples.size or not np.isfinite(samples).all() or wrong:
            raise FitError(f"times is {times!r}; expected one or more numbers.")
        return samples
