"""Smooth courses of every subject between the records: of the typical subject with its doses, and its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index
from pkpd.records.nonmem import UNKNOWN_IF_MISSING
from pkpd.records.records import Records

if TYPE_CHECKING:
    import pandas as pd

    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["individual_courses"]


def individual_courses(fit: MixedFit, output: str, points: int = 120) -> pd.DataFrame:
    """Columns subject, time, pred and ipred, at the records and at `points` times between the first and last of each.

    A subject whose time goes back (a reset) is followed at the records alone.
    """
    import pandas as pd

    trajectories = fit.subjects.trajectories
    denser = _denser(trajectories.records, points)
    finer = replace(trajectories, records=denser, outputs=(output,))
    population = fit.subjects.population
    eta = np.stack([np.zeros_like(fit.eta), fit.eta])
    psi = population.psi(fit.subjects.phi(fit.u, eta, fit.class_of))[..., : fit.subjects.parameters]
    typical, own = finer.values(psi)[output]
    return pd.DataFrame(
        {
            "subject": np.array(fit.subjects.names, dtype=object)[finer.subject_of],
            "time": denser["TIME"],
            "pred": typical,
            "ipred": own,
        }
    )


def _denser(records: Records, points: int) -> Records:
    """The records with rows that do nothing between those of each subject."""
    first = records.first_rows
    ends = np.append(first[1:], len(records))
    place, times = [], []
    for begin, end in zip(first, ends, strict=True):
        clock = records["TIME"][begin:end]
        if (np.diff(clock) < 0).any() or clock[-1] <= clock[0]:
            continue
        grid = np.setdiff1d(np.linspace(clock[0], clock[-1], points), clock)
        times.append(grid)
        place.append(begin + np.searchsorted(clock, grid, side="left"))
    if not times:
        return records
    at, when = np.concatenate(place), np.concatenate(times)
    owner = np.searchsorted(first, np.minimum(at, len(records)) - 1, side="right") - 1
    standard = {
        k: np.insert(column, at, _silent(k, column, when, first[owner])) for k, column in records.standard.items()
    }
    covariates = {k: np.insert(column, at, _missing(column)) for k, column in records.covariates.items()}
    return replace(records, standard=standard, covariates=covariates)


def _silent(key: str, column: NDArray[Any], times: Array, owner: Index) -> Any:
    """What a row that does nothing has: EVID 2, MDV 1, the subject's ID, its occasion, and nothing else."""
    if key == "TIME":
        return times
    if key == "ID":
        return column[owner]
    if column.dtype == object or key in UNKNOWN_IF_MISSING:
        return _missing(column)
    return {"EVID": 2, "MDV": 1}.get(key, 0)


def _missing(column: NDArray[Any]) -> Any:
    return None if column.dtype == object else np.nan
