"""Scans of lesions: what was seen of each lesion of each patient at each visit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.measures.scan_data import TOO_SMALL, check_scans, role_attrs

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["collect_scans"]


def collect_scans(
    day: ArrayLike,
    diameter: ArrayLike,
    role: ArrayLike,
    *,
    node: ArrayLike = False,
    too_small: ArrayLike = False,
    unequivocal: ArrayLike = False,
    organ: ArrayLike | None = None,
    scheduled: ArrayLike | None = None,
    patient: ArrayLike | None = None,
) -> xr.Dataset:
    """Put the scans of patients together in the Dataset that `recist` and `irecist` assess.

    Parameters
    ----------
    day
        (patients, visits), or (visits,) where it is the same for all: day of each scan, counted
        from randomization or the first dose.  Visit 0 is the baseline.  NaN where a visit was
        missed, or was to come after the patient had left.
    diameter
        (patients, visits, lesions), in mm: the longest diameter, of a lymph node the short axis.
        0 where the lesion is absent, NaN where it could not be evaluated.  What stands at a
        visit that was missed is not read.
    role
        (patients, lesions), or (lesions,): 0 no lesion, 1 target, 2 non-target, 3 new (not there
        at baseline).
    node
        Whether the lesion is a lymph node; in the shape of `role`, or one for all.
    too_small, unequivocal
        In the shape of `diameter`, or one for all: whether the lesion was seen but was too small
        to measure (it counts 5 mm), and whether a non-target lesion was judged to have
        progressed unequivocally.
    organ
        In the shape of `role`, a whole number for each organ.  `irecist` takes two new lesions
        of an organ for targets, and does not look at organs where it is None.
    scheduled
        In the shape of `day`, days at which each visit was due; needed to count the visits that a
        patient who died had missed.
    patient
        Labels of the patients; 0, 1, 2, ... by default.

    Returns
    -------
    xarray.Dataset
        ``day`` (patient, visit), ``diameter``, ``too_small`` and ``unequivocal`` (patient, visit,
        lesion), ``role`` and ``node`` (patient, lesion); where given ``organ`` (patient, lesion)
        and ``scheduled`` (patient, visit).

    Raises
    ------
    DataError
        If shapes do not fit, or a value is one that no scan can have; the message names the
        patient, the visit and the lesion.

    Examples
    --------
    One patient, one target lesion, and a new one at the second visit:

    >>> import pkpd
    >>> scans = pkpd.collect_scans(day=[[-3, 42, 84]], diameter=[[[40, 0], [26, 0], [27, 12]]], role=[[1, 3]])
    >>> pkpd.recist(scans).response.to_numpy().tolist()
    [[-1, 2, 4]]
    """
    import xarray as xr

    sizes = _numbers("diameter", diameter)
    if sizes.ndim != 3:
        raise DataError(f"diameter has the shape {sizes.shape}; expected (patients, visits, lesions).")
    by_visit, by_lesion = sizes.shape[:2], (sizes.shape[0], sizes.shape[2])
    days = _shaped("day", _numbers("day", day), by_visit)
    small = _shaped("too_small", np.asarray(too_small, dtype=bool), sizes.shape)
    measured = np.where(np.isnan(days)[:, :, None], np.nan, np.where(small, TOO_SMALL, sizes))
    roles = _shaped("role", _whole("role", role), by_lesion)
    variables: dict[str, Any] = {
        "day": (("patient", "visit"), days, {"long_name": "day of the scan", "units": "day"}),
        "diameter": (("patient", "visit", "lesion"), measured, {"long_name": "diameter", "units": "mm"}),
        "role": (("patient", "lesion"), roles.astype(np.int8), role_attrs()),
        "node": _flags("node", node, ("patient", "lesion"), by_lesion, "lymph node"),
        "too_small": (("patient", "visit", "lesion"), small, {"long_name": "too small to measure", "units": "1"}),
        "unequivocal": _flags(
            "unequivocal", unequivocal, ("patient", "visit", "lesion"), sizes.shape, "unequivocal progression"
        ),
    }
    if organ is not None:
        organs = _shaped("organ", _whole("organ", organ), by_lesion)
        variables["organ"] = (("patient", "lesion"), organs, {"long_name": "organ", "units": "1"})
    if scheduled is not None:
        due = _shaped("scheduled", _numbers("scheduled", scheduled), by_visit)
        variables["scheduled"] = (
            ("patient", "visit"),
            due,
            {"long_name": "day at which the visit is due", "units": "day"},
        )
    scans = xr.Dataset(variables, {"patient": _patients(patient, len(sizes)), "visit": np.arange(sizes.shape[1])})
    check_scans(scans, "collect_scans()")
    return scans


def _patients(labels: ArrayLike | None, count: int) -> Any:
    names = np.arange(count) if labels is None else np.asarray(labels)
    if names.shape != (count,):
        raise DataError(f"patient has the shape {names.shape}; expected {count} labels.")
    if len(set(names.tolist())) != count:
        twice = next(name for name in names.tolist() if names.tolist().count(name) > 1)
        raise DataError(f"patient has the label {twice!r} twice; expected one of its own for each of {count} patients.")
    return names


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{name} is {values!r:.60}; expected an array of numbers.") from None


def _whole(name: str, values: ArrayLike) -> Any:
    array = _numbers(name, values)
    if not np.array_equal(array, np.rint(array)):
        raise DataError(f"{name} has {array[array != np.rint(array)][0]:g}; expected whole numbers.")
    return array.astype(np.int64)


def _flags(name: str, values: ArrayLike, dims: tuple[str, ...], shape: tuple[int, ...], meaning: str) -> Any:
    return dims, _shaped(name, np.asarray(values, dtype=bool), shape), {"long_name": meaning, "units": "1"}


def _shaped(name: str, array: Any, shape: tuple[int, ...]) -> Any:
    """The array in its full shape; what is the same for all patients may lack their dimension."""
    if array.ndim > len(shape) or (array.ndim not in (0, len(shape) - 1, len(shape))):
        raise DataError(f"{name} has the shape {array.shape}; expected {shape}.")
    if array.ndim and array.shape != shape[len(shape) - array.ndim :]:
        raise DataError(f"{name} has the shape {array.shape}; expected {shape[len(shape) - array.ndim :]}.")
    return np.broadcast_to(array, shape).copy()
