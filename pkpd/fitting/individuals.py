"""The fitted course of each subject, under its own covariates."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pkpd.arrays import Array
from pkpd.fitting.covariates import covariates
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.fitting.results import Fit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["individual_curves"]


def individual_curves(fit: Fit, output: str, times: Array) -> dict[tuple[str, str], xr.DataArray]:
    """The fitted `output` at `times` by arm and subject (empty where the data have none).

    Subjects of an arm that have the same covariates share a curve, which is integrated once.
    """
    keys = _first_rows(fit)
    columns = _covariates(fit)
    if not columns:
        by_arm = fit.predict(times)[output]
        arms = {arm: by_arm.sel(arm=arm) for arm in fit.data.arms}
        return {key: arms[key[0]] for key in keys}
    solved: dict[tuple[object, ...], xr.DataArray] = {}
    curves = {}
    for key, row in keys.items():
        values = {name: float(column[row]) for name, column in columns.items()}
        case = (key[0], *values.values())
        if case not in solved:
            # Covariates that are held are those of everybody, here of one subject.
            alone = dataclasses.replace(fit.predictor, constants={**fit.constants, **values})
            solved[case] = alone.curve(key[0], fit.x, times, [output])[output]
        curves[key] = solved[case]
    return curves


def _first_rows(fit: Fit) -> dict[tuple[str, str], int]:
    """The first observation of each subject of each arm."""
    subjects = fit.data.subject or ("",) * len(fit.data)
    rows: dict[tuple[str, str], int] = {}
    for row, key in enumerate(zip(fit.data.arm, subjects, strict=True)):
        rows.setdefault(key, row)
    return rows


def _covariates(fit: Fit) -> dict[str, Array]:
    """The columns that set a parameter, by its name; records apply theirs themselves."""
    if not isinstance(fit.predictor, RegimenPredictor):
        return {}
    spoken_for = {*(c.parameter for c in fit.predictor.coordinates), *fit.constants}
    return covariates(fit.model, fit.data, spoken_for)
