"""What is measured of a run: sizes relative to the first day of treatment, progression, control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Mask
from pkpd.fits.phenomena.arms import Runs
from pkpd.fits.phenomena.findings import Array

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "THRESHOLDS", "best", "best_response", "controlled", "curves", "first_response", "on_day", "progression",
    "quartiles", "relative", "responded",
]  # fmt: skip


def relative(run: xr.Dataset, name: str = "SLD") -> Array:
    """A quantity relative to the first day of treatment, 0 where it was gone by then; time is last."""
    values = run[name].transpose(..., "time").values
    first = np.broadcast_to(values[..., :1], values.shape)
    return np.divide(values, first, out=np.zeros(values.shape), where=first > 0)


def progression(run: xr.Dataset) -> Array:
    """The day on which the sum of diameters is 20 % and 5 mm above its nadir; infinite if never."""
    size = run["SLD"].transpose(..., "time").values
    nadir = np.minimum.accumulate(size, -1)
    worse = (size >= 1.2 * nadir) & (size >= nadir + 5)
    return np.where(worse.any(-1), run["time"].values[worse.argmax(-1)], np.inf)


def on_day(curve: Array, day: float) -> Array:
    return np.asarray(curve[..., round(day / 7)])


def controlled(run: xr.Dataset, day: float) -> float:
    """The share of patients in response on a day."""
    return float((on_day(relative(run), day) <= 0.7).mean())


def responded(run: xr.Dataset, within: float, name: str = "SLD") -> Mask:
    """Who has a size 30 % below day 0 at any time until a day."""
    size = relative(run, name)
    return np.asarray((size[..., : round(within / 7) + 1] <= 0.7).any(-1))


def best_response(run: xr.Dataset) -> dict[str, Mask]:
    """Who progresses within 16 weeks without a response, who responds within the run, and who is stable."""
    response = responded(run, float(run["time"][-1]))
    progressed = ~response & (progression(run) <= 112)
    return {"progressed": progressed, "stable": ~response & ~progressed, "responded": response}


def first_response(run: xr.Dataset) -> Array:
    """The day of the first size 30 % below day 0; infinite if never."""
    small = relative(run) <= 0.7
    return np.where(small.any(-1), run["time"].values[small.argmax(-1)], np.inf)


def quartiles(curves: Array) -> tuple[Array, Array]:
    """The band that holds the middle half of the curves; members come first."""
    low, high = np.quantile(curves, [0.25, 0.75], axis=0)
    return low, high


def curves(runs: Runs, *names: str) -> dict[str, Array]:
    return {name: relative(runs[name]) for name in names or runs}


def best(runs: Runs) -> dict[str, float]:
    """The smallest sum of diameters in each arm, relative to day 0."""
    return {name: float(relative(run).min()) for name, run in runs.items()}


THRESHOLDS = {"response": 0.7, "day 0": 1.0}
