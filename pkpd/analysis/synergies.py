"""Two drugs together against what each does alone: Bliss, highest single agent, Loewe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.analysis.hill import fit_hill, hill, hill_dose
from pkpd.analysis.members import members_of
from pkpd.analysis.sobol import check_confidence
from pkpd.arrays import Array
from pkpd.ensembles.streams import check_seed
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.measures.failed_members import Failed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["synergy"]

_REFERENCES = ("bliss", "hsa", "loewe")
_CONTROL = 0.05  # of the effect without drugs: more is no effect relative to a control


def synergy(
    effects: xr.DataArray,
    a: str,
    b: str,
    *,
    references: Iterable[str] = _REFERENCES,
    failed: Failed = "raise",
    confidence: float = 0.95,
    resamples: int = 500,
    seed: int = 1,
) -> xr.Dataset:
    """Effects of two drugs together in excess of what reference models expect from each alone.

    Parameters
    ----------
    effects
        The effect of every combination as a fraction of the control, such as ``1 - V/V_control``:
        0 without drugs, at most 1.  Over the two doses, each of which begins with 0, and where it has
        replicates over ``member``: wells, animals, or virtual patients who each receive every combination.
    a, b
        The dimensions of the doses.
    references
        ``"bliss"``, independent action: ``Ea + Eb - Ea Eb``.  ``"hsa"``, the highest single agent:
        ``max(Ea, Eb)``.  ``"loewe"``, dose additivity: the E with ``a/Da(E) + b/Db(E) = 1``, Da and Db
        the doses with the effect E alone, by Hill curves fitted to the single agents.
    failed
        ``"raise"`` refuses effects that are missing; ``"exclude"`` leaves out each member for whom one is missing,
        counted in ``attrs``.
    confidence
        Of the intervals, percentiles of a bootstrap over members in which the single agents are drawn and
        fitted again.  Without members there are none (NaN).
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        ``effect`` (the mean) over the doses; ``expected`` and ``excess`` with ``excess_low`` and
        ``excess_high`` over ``reference`` and the doses.  An excess above 0 is synergy.

    Raises
    ------
    SimulationError
        If an effect is missing under ``"raise"``, or no member is left.
    DataError
        If an effect is no fraction, a dose 0 is missing, or a Hill curve cannot be fitted.
    UnknownNameError
        If a dimension or reference is not known.

    Notes
    -----
    Bliss CI, Ann Appl Biol 26:585-615 (1939); Loewe S, Arzneim-Forsch 3:285-290 (1953); reviewed by
    Greco WR et al., Pharmacol Rev 47:331-385 (1995).  Where the effect is beyond the Emax of one drug no
    dose of it alone has it: its term is 0.  On the margins the excess of Loewe is the residual of the fitted
    curve.  Percentiles of fewer than about ten members are too narrow.

    Examples
    --------
    >>> import numpy as np, pkpd, xarray as xr
    >>> dose = np.array([0, 0.5, 1, 2, 4.0])
    >>> alone = dose / (1 + dose)
    >>> both = xr.DataArray(alone[:, None] + alone - alone[:, None] * alone, {"A": dose, "B": dose}, ("A", "B"))
    >>> table = pkpd.synergy(both, "A", "B")
    >>> float(abs(table["excess"].sel(reference="bliss")).max()) < 1e-12
    True
    """
    check_confidence("synergy", confidence)
    check_seed(seed)
    chosen = _references(references)
    response = members_of("synergy", effects, None, (a, b), failed)
    if response.others:
        raise DataError(f"synergy(): the effects vary over {', '.join(response.others)} too; choose one with .sel().")
    doses = (_doses(response.values, a), _doses(response.values, b))
    order = [np.argsort(d) for d in doses]
    members, doses = response.columns[0][:, order[0]][:, :, order[1]], (doses[0][order[0]], doses[1][order[1]])
    _check_effects(members)
    effect = members.mean(axis=0)
    expected = _expected(chosen, effect, doses)
    _check_curves(chosen, expected, effect, doses)
    limits = _limits(chosen, members, doses, (confidence, resamples, seed))
    sizes = {"members": len(members), "excluded": int(response.excluded)}
    attrs = {**sizes, "failure_policy": failed, "confidence": confidence, "seed": seed}
    surfaces = {"expected": expected, "excess": effect - expected, "excess_low": limits[0], "excess_high": limits[1]}
    return _labelled(response.values, (a, b), doses, effect, surfaces, chosen).assign_attrs(attrs)


def _references(references: Iterable[str]) -> tuple[str, ...]:
    chosen = (references,) if isinstance(references, str) else tuple(references)
    for name in chosen:
        if name not in _REFERENCES:
            raise unknown_name("synergy()", "reference", str(name), _REFERENCES)
    if not chosen:
        raise DataError(f"synergy(): references is {references!r}; expected some of {', '.join(_REFERENCES)}.")
    return chosen


def _doses(values: xr.DataArray, axis: str) -> Array:
    doses = values[axis].to_numpy()
    if doses.dtype.kind not in "iuf" or (doses < 0).any() or not (doses == 0).any() or len(doses) < 2:
        raise DataError(f"synergy(): {axis!r} is {doses.tolist()}; expected doses with 0, the other drug alone.")
    return np.asarray(doses, dtype=float)


def _check_effects(members: Array) -> None:
    mean = members.mean(axis=0)
    if not np.isfinite(mean[0]).all() or not np.isfinite(mean[:, 0]).all():
        raise SimulationError(f"synergy(): of the single agents {int((~np.isfinite(mean)).sum())} effects are missing.")
    if np.nanmax(mean) > 1 + 1e-9:
        raise DataError(f"synergy(): an effect is {np.nanmax(mean):g}; expected a fraction of the control, at most 1.")
    if abs(mean[0, 0]) > _CONTROL:
        raise DataError(
            f"synergy(): without drugs the effect is {mean[0, 0]:g}; expected it relative to the control, 0."
        )


def _expected(references: tuple[str, ...], effect: Array, doses: tuple[Array, Array]) -> Array:
    """(references, a, b): the surfaces that single agents lead one to expect."""
    of_a, of_b = effect[:, :1], effect[:1, :]
    surfaces: dict[str, Callable[[], Array]] = {
        "bliss": lambda: of_a + of_b - of_a * of_b,
        "hsa": lambda: np.maximum(of_a, of_b),
        "loewe": lambda: _loewe(effect, doses),
    }
    return np.array([surfaces[name]() for name in references])


def _loewe(effect: Array, doses: tuple[Array, Array]) -> Array:
    """NaN where no Hill curve can be fitted to a single agent."""
    first, second = (fit_hill(x, y, 0.0).values for x, y in zip(doses, (effect[:, 0], effect[0]), strict=True))
    if not np.isfinite([first, second]).all():
        return np.full_like(effect, np.nan)
    return dose_additive(doses, first, second)


def _check_curves(references: tuple[str, ...], expected: Array, effect: Array, doses: tuple[Array, Array]) -> None:
    if "loewe" in references and np.isnan(expected[references.index("loewe")]).all():
        raise DataError(
            f"synergy(): no Hill curves could be fitted to the single agents, effects {effect[:, 0].round(4).tolist()} "
            f"at {doses[0].tolist()} and {effect[0].round(4).tolist()} at {doses[1].tolist()}; leave 'loewe' out of "
            "references=."
        )


def dose_additive(doses: tuple[Array, Array], first: Array, second: Array) -> Array:
    """(a, b): the effect of dose additivity of two Hill curves, each (E0, Emax, EC50, hill) with E0 = 0.

    The sum of ``a/Da(E)`` and ``b/Db(E)`` falls with E: it is 1 or more at the larger of the single effects, and 0
    at the larger Emax.
    """
    from scipy.optimize.elementwise import find_root

    x, y = np.broadcast_arrays(doses[0][:, None], doses[1][None, :])
    single = np.maximum(hill(x, *first), hill(y, *second))
    surface = single.copy()
    both = (x > 0) & (y > 0) & (single > 0)

    def excess(E: Array, x: Array, y: Array) -> Array:
        return np.asarray(x / hill_dose(E, *first) + y / hill_dose(E, *second) - 1)

    with np.errstate(all="ignore"):
        both &= excess(single, x, y) > 1e-12  # elsewhere one drug alone has the effect already
        top = np.full(int(both.sum()), max(first[1], second[1]))
        solved = find_root(excess, (single[both], top), args=(x[both], y[both]))
    surface[both] = np.where(solved.success, solved.x, np.nan)
    return surface


def _limits(
    references: tuple[str, ...], members: Array, doses: tuple[Array, Array], how: tuple[float, int, int]
) -> Array:
    """(2, references, a, b): percentiles of the excess over draws of members."""
    confidence, resamples, seed = how
    if len(members) < 2:
        return np.full((2, len(references), *members.shape[1:]), np.nan)
    rng, draws = np.random.default_rng(seed), []
    for _ in range(resamples):
        mean = members[rng.integers(len(members), size=len(members))].mean(axis=0)
        draws.append(mean - _expected(references, mean, doses))
    excess = np.array(draws)
    tails = np.nanquantile(excess, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
    # Where a tenth of the draws has no value, the others are those that suit.
    return np.where(np.isnan(excess).mean(axis=0) > 0.1, np.nan, tails)


def _labelled(
    values: xr.DataArray,
    axes: tuple[str, str],
    doses: tuple[Array, Array],
    effect: Array,
    surfaces: dict[str, Array],
    references: tuple[str, ...],
) -> xr.Dataset:
    import xarray as xr

    words = {
        "expected": "effect expected of the single agents", "excess": "effect in excess of the reference",
        "excess_low": "lower limit of the excess", "excess_high": "upper limit of the excess",
    }  # fmt: skip
    variables: dict[str, Any] = {"effect": (axes, effect, {"units": "1", "long_name": "effect, fraction of control"})}
    for name, surface in surfaces.items():
        variables[name] = (("reference", *axes), surface, {"units": "1", "long_name": words[name]})
    coords: dict[str, Any] = {"reference": list(references)}
    for axis, numbers in zip(axes, doses, strict=True):
        coords[axis] = (axis, numbers, dict(values[axis].attrs))
    return xr.Dataset(variables, coords)
