"""From the true sizes of lesions to what scans show of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Array, Index, Mask
from pkpd.ensembles.streams import check_seed, normals, uniforms
from pkpd.errors import DataError, unknown_name
from pkpd.measures.lesion_status import NORMAL_NODE
from pkpd.measures.new_lesions import MEASURABLE, MEASURABLE_NODE
from pkpd.measures.scan_data import NEW, NO_LESION, NON_TARGET, TARGET, TOO_SMALL
from pkpd.trials.scans import collect_scans
from pkpd.trials.target_lesions import select_targets

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Reader", "ScanChances", "read_diameters", "scan", "scan_chances"]

OXNARD_SD = 2.4 / math.sqrt(2)
"""SD in mm of one measurement, from that of the change between two scans within 15 minutes."""


@dataclass(frozen=True)
class Reader:
    """How scans are read: what is seen, how well it is measured, and what is chosen to be measured.

    Attributes
    ----------
    error
        Standard deviation of a measured diameter, in mm.  The change between two scans of one
        lesion within 15 minutes has a standard deviation of 2.4 mm (Oxnard 2011), so 1.7 mm for
        one; it does not grow with the lesion.
    vanishes
        A lesion that is followed is absent below this diameter, in mm; illustrative.  Between it
        and 5 mm it is too small to measure.
    appears
        A lesion that was not seen before is seen from this diameter on, in mm; illustrative,
        about a slice of CT.  A lymph node is one from 10 mm (Eisenhauer 2009).
    not_evaluable
        The probability that a lesion cannot be evaluated on a scan.
    most, most_of_an_organ
        How many target lesions, in all and in one organ (Eisenhauer 2009: 5 and 2).
    unequivocal
        By how much the volume of all non-target lesions must grow over its smallest for a reader
        to call it unequivocal progression: 0.73, which is 20 % in diameter (Eisenhauer 2009,
        section 4.3.4, for patients with non-measurable disease).
    """

    error: float = OXNARD_SD
    vanishes: float = 2.0
    appears: float = 5.0
    not_evaluable: float = 0.0
    most: int = 5
    most_of_an_organ: int = 2
    unequivocal: float = 0.73

    def __post_init__(self) -> None:
        for name in ("error", "vanishes", "appears", "unequivocal"):
            if not 0 <= getattr(self, name) < math.inf:
                raise DataError(f"Reader: {name} is {getattr(self, name)!r}; expected a number of 0 or more.")
        if not 0 <= self.not_evaluable <= 1:
            raise DataError(f"Reader: not_evaluable is {self.not_evaluable!r}; expected a probability.")
        if not self.vanishes <= TOO_SMALL:
            raise DataError(f"Reader: vanishes is {self.vanishes!r}; expected {TOO_SMALL:g} mm or less.")
        if self.most < 0 or self.most_of_an_organ < 0:
            raise DataError(
                f"Reader: most is {self.most!r}, {self.most_of_an_organ!r} of an organ; expected 0 or more."
            )


def scan(
    diameters: xr.DataArray,
    visits: xr.Dataset,
    seed: int,
    *,
    reader: Reader | None = None,
    node: ArrayLike = False,
    organ: ArrayLike | None = None,
    first: int = 0,
) -> xr.Dataset:
    """Scan lesions whose true sizes are known, at the visits of their patients.

    What a patient's scans show depends on the seed and the number of the patient alone.

    Parameters
    ----------
    diameters
        True diameters, over (patient, time, lesion), in mm; of lymph nodes the short axis; 0 where
        there is no lesion, NaN where it is not known, as of a member that failed, which is then
        not evaluable.  Between times they are interpolated linearly.  As from `lesion_diameters`.
    visits
        From `visit_days`; the first is the baseline.
    seed
        A whole number of 0 or more.
    reader
        How scans are read; `Reader` has the defaults.
    node, organ
        (patients, lesions), or one for all: whether a lymph node, and a number for the organ.
        Without organs targets are not limited by organ.
    first
        The number of the first patient.

    Returns
    -------
    xarray.Dataset
        As from `collect_scans`.  The roles of lesions are those that the baseline scan gives:
        see `select_targets`.  Target lesions are measured with an error, and so are new ones
        that are large enough to be measured; the others are judged, not measured, and have none.

    Raises
    ------
    DataError
        If shapes or times do not fit.

    References
    ----------
    Oxnard et al., J Clin Oncol 29:3114-3119 (2011); Eisenhauer et al., Eur J Cancer 45:228-247 (2009).

    Examples
    --------
    >>> import numpy as np, pkpd, xarray as xr
    >>> sizes = xr.DataArray([[[30.0], [15.0]]], {"time": [0, 84]}, ("patient", "time", "lesion"))
    >>> visits = pkpd.visit_days(pkpd.schedule_visits(42, 84), 1, seed=1)
    >>> pkpd.scan(sizes, visits, seed=1, reader=pkpd.Reader(error=0)).diameter.to_numpy().ravel().tolist()
    [30.0, 22.5, 15.0]
    """
    check_seed(seed)
    reader = Reader() if reader is None else reader
    day = visits["day"].to_numpy()
    true = _at_visits(diameters, day)
    return read_diameters(
        true,
        day,
        scan_chances(true.shape, reader, seed, first),
        reader,
        node=node,
        organ=organ,
        scheduled=visits["scheduled"].to_numpy() if "scheduled" in visits else None,
        patient=visits["patient"].to_numpy() if "patient" in visits.coords else None,
    )


@dataclass(frozen=True, eq=False)
class ScanChances:
    """What chance decides about scans; (patients, visits, lesions) each.

    Attributes
    ----------
    error
        Of each measurement, in standard deviations.
    not_evaluable
        Whether the lesion cannot be evaluated; not read at the baseline.
    """

    error: Array
    not_evaluable: Mask

    def take(self, *index: Any) -> ScanChances:
        """Those of some patients and visits."""
        return ScanChances(self.error[index], self.not_evaluable[index])


def scan_chances(shape: tuple[int, ...], reader: Reader, seed: int, first: int = 0) -> ScanChances:
    """Draw them for patients from the number `first` on; those of a patient depend on the seed and the number alone."""
    return ScanChances(_errors(shape, seed, first), _not_evaluable(shape, reader, seed, first))


def read_diameters(
    true: Array,
    day: Array,
    chances: ScanChances,
    reader: Reader,
    *,
    node: ArrayLike = False,
    organ: ArrayLike | None = None,
    scheduled: ArrayLike | None = None,
    patient: ArrayLike | None = None,
) -> xr.Dataset:
    """What scans show of true diameters, (patients, visits, lesions), the first visit as the baseline; see `scan`."""
    shape = (true.shape[0], true.shape[2])
    nodes = np.broadcast_to(np.asarray(node, dtype=bool), shape)
    organs = None if organ is None else np.broadcast_to(np.asarray(organ, dtype=np.int64), shape)
    measured = np.maximum(true + reader.error * chances.error, 0.0)
    there = _there(true, nodes, reader)
    role = np.where(np.isnan(true[:, 0]), TARGET, _roles(measured[:, 0], there, nodes, organs, reader))
    readable = np.where(nodes, MEASURABLE_NODE, MEASURABLE)[:, None, :]
    by_measure = (role == TARGET)[:, None, :] | ((role == NEW)[:, None, :] & (true >= readable))
    size = np.where(by_measure, measured, true)
    small = there & ~nodes[:, None, :] & (size < TOO_SMALL)
    size = np.where(there | nodes[:, None, :] & (role != NO_LESION)[:, None, :], size, 0.0)
    size[(role == NEW)[:, None, :] & ~there] = 0.0
    size[:, 0][(role == NEW) & nodes] = 0.0
    unseen = np.isnan(true) | chances.not_evaluable
    unseen[:, 0] = np.isnan(true[:, 0])
    return collect_scans(
        day,
        np.where(unseen, np.nan, size),
        role,
        node=nodes,
        too_small=small & ~unseen,
        unequivocal=_unequivocal(true, role, reader),
        organ=organs,
        scheduled=scheduled,
        patient=patient,
    )


# ---- true sizes


def _at_visits(diameters: xr.DataArray, day: Array) -> Array:
    """The true sizes on the days of the visits, (patients, visits, lesions); NaN where there was none."""
    for dim in ("patient", "time", "lesion"):
        if dim not in getattr(diameters, "dims", ()):
            raise unknown_name("scan(): diameters", "dimension", dim, map(str, getattr(diameters, "dims", ())))
    sizes = diameters.transpose("patient", "time", "lesion").to_numpy()
    times = np.asarray(diameters["time"], dtype=float)
    if len(sizes) != len(day):
        raise DataError(f"scan(): diameters are of {len(sizes)} patients, the visits of {len(day)}.")
    if (sizes < 0).any():
        raise DataError(f"scan(): a diameter is {np.nanmin(sizes):g} mm; expected 0 or more.")
    if len(times) < 1 or (np.diff(times) <= 0).any():
        raise DataError(f"scan(): diameters have {len(times)} times; expected rising ones.")
    low, high = np.nanmin(day), np.nanmax(day)
    if low < times[0] - 1e-9 or high > times[-1] + 1e-9:
        raise DataError(
            f"scan(): visits are on days {low:g} to {high:g}, diameters are known from {times[0]:g} to {times[-1]:g}."
        )
    after = np.clip(np.searchsorted(times, np.where(np.isnan(day), times[0], day)), 1, max(len(times) - 1, 1))
    after = np.minimum(after, len(times) - 1)
    before = np.maximum(after - 1, 0)
    span = np.where(after > before, times[after] - times[before], 1.0)
    share = np.clip((np.where(np.isnan(day), times[0], day) - times[before]) / span, 0.0, 1.0)[:, :, None]
    left = np.take_along_axis(sizes, before[:, :, None], axis=1)
    right = np.take_along_axis(sizes, after[:, :, None], axis=1)
    between = np.where(share == 0, left, np.where(share == 1, right, left + share * (right - left)))
    return np.where(np.isnan(day)[:, :, None], np.nan, between)


def _errors(shape: tuple[int, ...], seed: int, first: int) -> Array:
    """Standard normal numbers for each patient, visit and lesion."""
    patients, visits, lesions = shape
    scores = [
        normals(seed, f"scan: lesion {k} at visit {v}", patients, first) for v in range(visits) for k in range(lesions)
    ]
    return np.array(scores).reshape(visits, lesions, patients).transpose(2, 0, 1)


def _not_evaluable(shape: tuple[int, ...], reader: Reader, seed: int, first: int) -> Mask:
    if reader.not_evaluable == 0:
        return np.zeros(shape, dtype=bool)
    patients, visits, lesions = shape
    numbers = [
        uniforms(seed, f"scan: whether lesion {k} is evaluable at visit {v}", patients, first)
        for v in range(visits)
        for k in range(lesions)
    ]
    drawn = np.array(numbers).reshape(visits, lesions, patients).transpose(2, 0, 1)
    unseen: Mask = drawn < reader.not_evaluable
    return unseen


# ---- what a reader sees


def _there(true: Array, node: Mask, reader: Reader) -> Mask:
    """Whether a lesion is seen: from `appears` on when it was not, above `vanishes` when it was."""
    appears = np.where(node, NORMAL_NODE, reader.appears)
    vanishes = np.where(node, NORMAL_NODE, reader.vanishes)
    there = np.zeros(true.shape, dtype=bool)
    known = np.zeros(node.shape, dtype=bool)
    for visit in range(true.shape[1]):
        size = true[:, visit]
        with np.errstate(invalid="ignore"):
            there[:, visit] = (size > 0) & (size >= np.where(known, vanishes, appears))
        known |= there[:, visit]
    return there


def _roles(measured: Array, there: Mask, node: Mask, organ: Index | None, reader: Reader) -> Index:
    """Targets and non-targets as the baseline scan shows them; new what is seen only later."""
    seen = there[:, 0]
    chosen = select_targets(
        np.where(seen, measured, 0.0),
        node=node,
        organ=organ,
        most=reader.most,
        most_of_an_organ=reader.most_of_an_organ,
    )
    later = there.any(axis=1) & ~seen
    return np.where(seen, np.where(chosen, TARGET, NON_TARGET), np.where(later, NEW, NO_LESION))


def _unequivocal(true: Array, role: Index, reader: Reader) -> Mask:
    """Non-target lesions that grew, at visits at which all of them together grew unequivocally."""
    others = (role == NON_TARGET)[:, None, :]
    volume = np.where(others, true, 0.0) ** 3
    total = volume.sum(axis=2)
    width = np.where(others, true, 0.0).sum(axis=2)
    ratio = 1 + reader.unequivocal
    with np.errstate(invalid="ignore"):
        worse = (total >= ratio * np.fmin.accumulate(total, axis=1)) & (
            width - np.fmin.accumulate(width, axis=1) >= TOO_SMALL
        )
        grown = volume >= ratio * np.fmin.accumulate(volume, axis=1)
    flags: Mask = worse[:, :, None] & grown & others
    return flags
