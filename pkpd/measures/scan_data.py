"""Scans of lesions as data: what each variable is, and the checks that a measure needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, unknown_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NEW", "NON_TARGET", "NO_LESION", "ROLES", "TARGET", "TOO_SMALL", "VARIABLES", "check_scans", "role_attrs"]

NO_LESION, TARGET, NON_TARGET, NEW = 0, 1, 2, 3
ROLES = ("no_lesion", "target", "non_target", "new")
TOO_SMALL = 5.0
"""What a lesion that is seen but too small to measure counts, in mm (Eisenhauer 2009)."""

VARIABLES = {
    "day": ("patient", "visit"),
    "diameter": ("patient", "visit", "lesion"),
    "role": ("patient", "lesion"),
    "node": ("patient", "lesion"),
    "too_small": ("patient", "visit", "lesion"),
    "unequivocal": ("patient", "visit", "lesion"),
}


def role_attrs() -> dict[str, Any]:
    """Attributes of the variable ``role``: its codes and what they mean, after the CF conventions."""
    return {
        "long_name": "role of the lesion",
        "units": "1",
        "flag_values": np.arange(len(ROLES), dtype=np.int8),
        "flag_meanings": " ".join(ROLES),
    }


def check_scans(scans: xr.Dataset, where: str = "the scans") -> None:
    """Refuse what is not a Dataset of scans; see `collect_scans` for the variables that it has.

    Raises
    ------
    DataError
        If a variable is missing, has other dimensions, or holds what no scan can: days that do
        not rise, negative diameters, a role without a meaning, a new lesion that is there at
        baseline, a target that is not, unequivocal progression of a target.  The message names
        the patient, the visit and the lesion.
    """
    if not hasattr(scans, "data_vars"):
        raise DataError(f"{where}: expected a Dataset as from collect_scans(), got a {type(scans).__name__}.")
    for name, dims in VARIABLES.items():
        if name not in scans.data_vars:
            raise unknown_name(where, "variable", name, map(str, scans.data_vars))
        if scans[name].dims != dims:
            raise DataError(f"{where}: {name!r} has the dimensions {scans[name].dims}; expected {dims}.")
    if scans.sizes["visit"] < 1:
        raise DataError(f"{where} have {scans.sizes['visit']} visits; expected 1, the baseline, or more.")
    _check_days(scans, where)
    _check_sizes(scans, where)
    _check_roles(scans, where)


def _check_days(scans: xr.Dataset, where: str) -> None:
    day = scans["day"].to_numpy()
    if np.isinf(day).any():
        _refuse(scans, where, np.isinf(day), "day", "is infinite; expected a day, or NaN where no scan was made")
    latest = np.fmax.accumulate(day, axis=1)
    with np.errstate(invalid="ignore"):
        falls = day[:, 1:] <= latest[:, :-1]
    if falls.any():
        late = np.concatenate([np.zeros((len(day), 1), dtype=bool), falls], axis=1)
        _refuse(scans, where, late, "day", "is not after the scan before it; the days of a patient must rise")


def _check_sizes(scans: xr.Dataset, where: str) -> None:
    diameter, small = scans["diameter"].to_numpy(), scans["too_small"].to_numpy()
    if diameter.size and not (np.fmin.reduce(diameter, axis=None) >= 0 or np.isnan(diameter).all()):
        _refuse(scans, where, diameter < 0, "diameter", "is negative; expected mm, 0 where the lesion is absent")
    if np.isinf(diameter).any():
        _refuse(scans, where, np.isinf(diameter), "diameter", "is infinite; expected mm, NaN where not evaluable")
    if small.any():
        measured = small & ~np.isnan(diameter) & (diameter != TOO_SMALL)
        cure = f"although the lesion is too small to measure; expected NaN, or the {TOO_SMALL:g} mm that it counts"
        _refuse(scans, where, measured, "diameter", cure)


def _check_roles(scans: xr.Dataset, where: str) -> None:
    role = scans["role"].to_numpy()
    _refuse(scans, where, (role < 0) | (role >= len(ROLES)), "role", f"has no meaning; expected 0 to {len(ROLES) - 1}")
    first = scans["diameter"].to_numpy()[:, 0, :]
    present = (first > 0) | scans["too_small"].to_numpy()[:, 0, :]
    _refuse(scans, where, (role == NEW) & present, "role", "says new, but the lesion is there at baseline")
    listed = (role == TARGET) | (role == NON_TARGET)
    _refuse(scans, where, listed & (first == 0), "role", "says there at baseline, but the baseline diameter is 0")
    unequivocal = scans["unequivocal"].to_numpy()
    if unequivocal.any():
        judged = unequivocal & ((role == NO_LESION) | (role == TARGET))[:, None, :]
        _refuse(scans, where, judged, "unequivocal", "is of a lesion that is measured, or is none")


def _refuse(scans: xr.Dataset, where: str, wrong: Any, name: str, because: str) -> None:
    """The error for the first value that is wrong, if there is one; names where it is."""
    if not wrong.any():
        return
    place = dict(zip(VARIABLES[name], np.argwhere(wrong)[0].tolist(), strict=True))
    labels = ", ".join(f"{dim} {_label(scans, dim, at)}" for dim, at in place.items())
    value = scans[name].to_numpy()[tuple(place.values())]
    raise DataError(f"{where}: {name} {value:g} of {labels} {because}.")


def _label(scans: xr.Dataset, dim: str, at: int) -> str:
    return str(scans[dim].to_numpy()[at]) if dim in scans.coords else str(at)
