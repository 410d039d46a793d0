"""How far a response surface follows from whom the population happened to hold: a bootstrap over members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.streams import check_seed
from pkpd.errors import DataError

if TYPE_CHECKING:
    import xarray as xr

    from pkpd.trials.response_surfaces import ResponseSurface

__all__ = ["resampled_surface"]


def resampled_surface(surface: ResponseSurface, n: int, seed: int, confidence: float) -> xr.Dataset:
    """What `ResponseSurface.resampled` returns."""
    import xarray as xr

    check_seed(seed)
    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise DataError(f"resampled(): n is {n!r}; expected a whole number of 2 or more.")
    if not 0 < confidence < 1:
        raise DataError(f"resampled(): confidence is {confidence!r}; expected a number between 0 and 1.")
    rng, size = np.random.default_rng(seed), len(surface.weights)
    drawn = rng.multinomial(size, surface.weights / surface.weights.sum(), n).astype(float)
    surfaces = [surface.dataset_for(weights) for weights in drawn]
    objective = np.stack([one["objective"].to_numpy() for one in surfaces])
    low, high = np.nanquantile(objective, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    columns = {
        "lower": (low, "lower confidence limit of the objective"),
        "upper": (high, "upper confidence limit of the objective"),
        "feasible": (np.mean([one["feasible"] for one in surfaces], axis=0), "share in which it is feasible"),
        "chosen": (np.mean([_chosen(surface, one) for one in surfaces], axis=0), "share in which it is best"),
    }  # fmt: skip
    about = surface.dataset["objective"]
    variables = {name: (about.dims, column, {"long_name": text}) for name, (column, text) in columns.items()}
    coords = {name: c for name, c in about.coords.items() if set(c.dims) <= set(about.dims)}
    return xr.Dataset(variables, coords).assign_attrs(confidence=confidence, resamples=n)


def _chosen(surface: ResponseSurface, resample: xr.Dataset) -> Array:
    """1 at the best feasible regimen, 0 elsewhere."""
    low = surface.objective.high_is_bad
    values = resample["objective"].where(resample["feasible"]).fillna(np.inf if low else -np.inf).to_numpy()
    mark = np.zeros(values.shape)
    if bool(resample["feasible"].any()):
        mark.flat[int(values.argmin() if low else values.argmax())] = 1.0
    return mark
