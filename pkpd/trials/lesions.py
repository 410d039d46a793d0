"""The lesions of patients: how many, where and how large; sizes of lesions from what was simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Array, Index
from pkpd.ensembles.distributions import as_distribution, truncated
from pkpd.ensembles.streams import check_counts, check_seed, uniforms
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed, kept, over_time
from pkpd.units import parse_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NODE", "draw_lesions", "lesion_diameters", "sphere_diameter", "sphere_volume"]

NODE = "lymph node"
# Negative binomial with these size and mean, fitted by us to the counts of lesions on staging PET of
# 124 patients with advanced NSCLC (Int J Radiat Oncol 2021, S0360-3016(21)02090-3: median 6, range 0
# to 53; 27 % with 0 to 3, 24 % with 4 to 6, 20 % with 7 to 10, 29 % with 11 or more).
_SIZE, _MEAN = 1.785, 8.217
_ORGANS = {"lung": 0.45, NODE: 0.3, "liver": 0.1, "adrenal gland": 0.1, "other": 0.05}


def sphere_diameter(*volumes: ArrayLike, elongation: float = 1.0) -> Array:
    """The diameter of what is seen: a sphere of all volumes that lie in it.

    Parameters
    ----------
    volumes
        In mm^3, arrays of shapes that broadcast: of living cells, and where a model has them of
        dead cells and of immune cells that have come in, all of which a scan shows.
    elongation
        Length over width of a prolate ellipsoid, of which the diameter is then the width, as
        the short axis of a lymph node.

    Returns
    -------
    numpy.ndarray
        In mm.

    Raises
    ------
    DataError
        If a volume is negative, none is given, or `elongation` is less than 1.

    Examples
    --------
    >>> import numpy as np, pkpd
    >>> float(pkpd.sphere_diameter(np.pi / 6 * 20**3).round(6))
    20.0
    """
    if not volumes or not elongation >= 1:
        raise DataError(f"sphere_diameter() got {len(volumes)} volumes and elongation={elongation!r}; expected >= 1.")
    total = np.sum(np.broadcast_arrays(*(np.asarray(volume, dtype=float) for volume in volumes)), axis=0)
    if (total < 0).any():
        raise DataError(f"sphere_diameter(): a volume is {np.nanmin(total):g} mm^3; expected 0 or more.")
    return np.asarray(np.cbrt(6 * total / (np.pi * elongation)))


def sphere_volume(diameter: ArrayLike, *, elongation: float = 1.0) -> Array:
    """The volume in mm^3 of a sphere with a diameter in mm; the inverse of `sphere_diameter`.

    Examples
    --------
    >>> round(float(sphere_volume(10.0)), 1)
    523.6
    """
    return np.asarray(np.pi / 6 * elongation * np.asarray(diameter, dtype=float) ** 3)


def draw_lesions(
    patients: int,
    seed: int,
    *,
    diameter: Any,
    gross: Any = None,
    occult: Any = 0,
    occult_diameter: Any = None,
    organs: Mapping[str, float] | None = None,
    most: int = 10,
    first: int = 0,
) -> xr.Dataset:
    """Draw the lesions of patients: how many are seen and how many are not, their sizes and organs.

    A patient's lesions depend on the seed and the number of the patient alone.

    Parameters
    ----------
    patients, first
        How many, and the number of the first.
    seed
        A whole number of 0 or more.
    diameter
        Distribution of the diameter of a gross lesion at day 0, in mm (of a lymph node the
        short axis): such as ``pkpd.lognormal(25, omega=0.5)``, or one of ``scipy.stats``.
    gross
        Distribution of the number of gross lesions, of which every patient has one or more.  By
        default a negative binomial one fitted to the lesions on staging PET of 124 patients
        with advanced NSCLC.
    occult, occult_diameter
        The same of lesions that are there but not seen at day 0, in number and mm; none by default.
    organs
        How often lesions lie in each organ; ``"lymph node"`` makes them nodes.  The default is
        illustrative.
    most
        The most gross lesions, and the most occult lesions, that a patient may have; the rest is
        cut off.

    Returns
    -------
    xarray.Dataset
        Over (patient, lesion): ``there`` (whether the lesion exists), ``gross``, ``diameter``
        (mm, 0 where there is none), ``node`` and ``organ`` (a number; names in its attributes).

    Raises
    ------
    ParameterError
        If a number is not whole, or a distribution is none.
    DataError
        If occult lesions have no diameter, or the shares of the organs are not positive.

    Examples
    --------
    >>> import pkpd
    >>> lesions = pkpd.draw_lesions(100, seed=1, diameter=pkpd.lognormal(25, omega=0.5))
    >>> lesions.there.sum("lesion").median().item() > 3
    True
    """
    import xarray as xr
    from scipy import stats

    check_counts("draw_lesions", patients, first)
    check_seed(seed)
    if most < 1:
        raise DataError(f"draw_lesions(): most is {most!r}; expected 1 or more.")
    if occult_diameter is None and not (isinstance(occult, int | float) and occult == 0):
        raise DataError(f"draw_lesions(): occult lesions ({occult!r:.40}) have no occult_diameter.")
    counts = stats.nbinom(_SIZE, _SIZE / (_SIZE + _MEAN)) if gross is None else gross
    seen = _draw(truncated(counts, lower=0.5) if not _constant(counts) else counts, "gross", patients, seed, first)
    kinds = [("gross", seen, diameter)]
    if occult_diameter is not None:
        kinds.append(("occult", _draw(occult, "occult", patients, seed, first), occult_diameter))
    there = np.concatenate([np.arange(most) < number[:, None] for _, number, _ in kinds], axis=1)
    size = [
        _draw(of, f"diameter of {kind} lesion {k}", patients, seed, first) for kind, _, of in kinds for k in range(most)
    ]
    names, organ = _organs(_ORGANS if organs is None else organs, there.shape[1], patients, seed, first)
    codes = {"flag_values": np.arange(len(names)), "flag_meanings": " ".join(n.replace(" ", "_") for n in names)}
    node = there & (organ == names.index(NODE)) if NODE in names else np.zeros_like(there)
    at_first = there & (np.arange(there.shape[1]) < most)
    dims = ("patient", "lesion")
    return xr.Dataset(
        {
            "there": (dims, there, {"long_name": "whether there is such a lesion", "units": "1"}),
            "gross": (dims, at_first, {"long_name": "seen at day 0", "units": "1"}),
            "diameter": (
                dims,
                np.where(there, np.array(size).T, 0.0),
                {"long_name": "diameter at day 0", "units": "mm"},
            ),
            "node": (dims, node, {"long_name": "lymph node", "units": "1"}),
            "organ": (dims, organ, {"long_name": "organ", "units": "1"} | codes),
        },
        {"patient": np.arange(first, first + patients)},
    )


def lesion_diameters(
    run: xr.Dataset,
    output: str | Sequence[str],
    lesions: xr.Dataset | None = None,
    *,
    failed: Failed = "raise",
) -> xr.DataArray:
    """The diameters of lesions, (patient, time, lesion), from what was simulated.

    Parameters
    ----------
    run
        The result of `simulate`, over ``time`` and one other dimension, such as ``member``.
    output
        A size of the lesion: a volume, of which it is the diameter of a sphere, or a diameter.
        Several outputs are the lesions of a patient, who is a member.
    lesions
        From `draw_lesions`: each member is then one of its lesions, those of the first patient
        first, and `output` is one name.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"``, by which their sizes
        are NaN and their lesions not evaluable.

    Raises
    ------
    SimulationError
        If a member failed and the policy is ``"raise"``.
    DataError
        If the output is neither a volume nor a length, or the members are not as many as the
        lesions.
    UnknownNameError
        If the run has no such output.
    """
    import xarray as xr

    names = [output] if isinstance(output, str) else list(output)
    each = [_diameters(run, name, failed) for name in names]
    if lesions is None:
        values = np.stack([one.to_numpy() for one in each], axis=-1)
        dim = each[0].dims[0]
        patients: Any = each[0][dim].to_numpy() if dim in each[0].coords else np.arange(len(values))
    else:
        if len(names) != 1:
            raise DataError(
                f"lesion_diameters(): {len(names)} outputs and lesions; expected one output of each lesion."
            )
        values, patients = _folded(each[0].to_numpy(), lesions), lesions["patient"].to_numpy()
    attrs = {"long_name": "diameter of the lesion", "units": "mm"}
    dims = ("patient", "time", "lesion")
    return xr.DataArray(values, {"patient": patients, "time": each[0]["time"]}, dims, "diameter", attrs)


def _constant(distribution: Any) -> bool:
    return isinstance(distribution, int | float) and not isinstance(distribution, bool)


def _draw(distribution: Any, what: str, patients: int, seed: int, first: int) -> Array:
    """One number for each patient; `what` names the stream that it is drawn from."""
    if _constant(distribution):
        return np.full(patients, float(distribution))
    return as_distribution(what, distribution).quantile(uniforms(seed, f"lesions: {what}", patients, first))


def _organs(shares: Mapping[str, float], lesions: int, patients: int, seed: int, first: int) -> tuple[list[str], Index]:
    weights = np.array(list(shares.values()), dtype=float)
    if not len(weights) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise DataError(f"draw_lesions(): organs is {dict(shares)!r:.80}; expected shares of 0 or more.")
    edges = np.cumsum(weights / weights.sum())[:-1]
    drawn = [np.searchsorted(edges, uniforms(seed, f"organ of lesion {k}", patients, first)) for k in range(lesions)]
    return list(shares), np.array(drawn).T


def _diameters(run: xr.Dataset, name: str, failed: Failed) -> xr.DataArray:
    """One output as diameters in mm, (member, time)."""
    values = over_time(run, name, "lesion_diameters").where(kept(run, name, failed, "lesion_diameters"))
    members = [str(dim) for dim in values.dims if dim != "time"]
    if len(members) != 1:
        raise DataError(
            f"lesion_diameters(): {name!r} varies over {', '.join(members) or 'time alone'}; expected one dimension "
            "beside time, the patients or the lesions. Choose one value of the others with .sel()."
        )
    arranged = values.transpose(members[0], "time")
    unit = parse_unit(str(values.attrs.get("units", "1")))
    for power, wanted in ((1, "mm"), (3, "mm^3")):
        if unit.dimensionality == parse_unit(wanted).dimensionality:
            size = np.maximum(arranged.to_numpy() * float((1 * unit).to(wanted).magnitude), 0.0)
            return arranged.copy(data=size if power == 1 else sphere_diameter(size))
    raise DataError(f"lesion_diameters(): {name!r} is in {values.attrs.get('units')!r}; expected a volume or a length.")


def _folded(values: Array, lesions: xr.Dataset) -> Array:
    """The trajectories of lesions, one a member, at the places of their patients; 0 where there is none."""
    there = lesions["there"].to_numpy()
    if len(values) != there.sum():
        raise DataError(
            f"lesion_diameters(): the run has {len(values)} members; expected one for {there.sum()} lesions."
        )
    folded = np.zeros((*there.shape, values.shape[1]))
    folded[there] = values
    return folded.transpose(0, 2, 1)
