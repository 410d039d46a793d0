"""Sensitivity indices of Sobol: which share of an output's variance is due to which parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.analysis.evaluated import Evaluated, evaluate, settled
from pkpd.analysis.salib import salib
from pkpd.analysis.varied import Varied, unit_cube, varied
from pkpd.arrays import Array, Mask
from pkpd.ensembles.streams import check_seed
from pkpd.errors import SimulationError
from pkpd.measures.failed_members import Failed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_confidence", "sobol_indices"]


def sobol_indices(
    response: Any,
    inputs: Mapping[str, Any],
    *,
    n: int,
    seed: int,
    output: str | None = None,
    failed: Failed = "raise",
    confidence: float = 0.95,
    resamples: int = 200,
) -> xr.Dataset:
    """First and total order indices of Sobol, with confidence intervals.

    The first order index of a parameter is the share of the output's variance that would vanish
    if the parameter were known; the total index the share that remains while all others are.  The inputs are
    independent.

    Parameters
    ----------
    response
        A model under its treatment from `pkpd.prepare`, a `pkpd.Study`, whose model and treatment are
        meant and not its members, or a function that takes an array for
        each input by name and returns an array of the same length.
    inputs
        By parameter a range ``(low, high)``, uniform, or a distribution: `lognormal` and the
        others of this package, or a frozen one of ``scipy.stats``; in the parameter's unit.
    n
        Base rows of the design, a power of two; ``n (inputs + 2)`` members are integrated.
    seed
        Of the scrambled Sobol points and of the bootstrap.
    output
        The output or reduction to analyze; it may be left out where there is one.
    failed
        ``"raise"`` refuses a design with a member that failed or has no finite value;
        ``"exclude"`` leaves out the whole base rows of such members, counted in ``attrs``.  The
        indices are then those of the part of the inputs' space where the model has a value.
    confidence
        Of the intervals.
    resamples
        Of the bootstrap over base rows, from whose standard deviation the intervals are made.

    Returns
    -------
    xarray.Dataset
        ``first_order`` and ``total_order`` with ``_low`` and ``_high`` of each over ``parameter``,
        after the dimensions ``arm`` and ``time`` that the output has; NaN where it does not vary.

    Raises
    ------
    SimulationError, ParameterError, UnknownNameError
        If an argument is not acceptable, or a member failed under ``"raise"``.
    MissingExtraError
        If SALib is not installed.

    Notes
    -----
    The design and the first order estimator are those of Saltelli A et al., Comput Phys Commun
    181:259-270 (2010), the total order one is Jansen's (ibid. 117:35-43, 1999), both as in SALib.
    ``scipy.stats.sobol_indices`` has the same estimators, but takes powers of two alone, so
    that no failed row can be left out of it.

    The bootstrap takes the rows for independent ones; as scrambled Sobol points they fill the space more evenly,
    so that the intervals hold more often than they say.

    Examples
    --------
    >>> import pkpd
    >>> def total(a, b):
    ...     return 3 * a + b
    >>> table = pkpd.sobol_indices(total, {"a": (0, 1), "b": (0, 1)}, n=1024, seed=1)
    >>> table["first_order"].round(2).values
    array([0.9, 0.1])
    """
    _check_size("sobol_indices", n)
    check_seed(seed)
    check_confidence("sobol_indices", confidence)
    response = settled(response)
    parameters = varied("sobol_indices", response, inputs)
    evaluated = evaluate("sobol_indices", response, parameters.drawn(_design(n, len(inputs), seed)), output)
    whole = evaluated.whole_groups(len(inputs) + 2, failed, "sobol_indices", "base_rows")
    return _table(parameters, evaluated, whole, (confidence, resamples, seed), failed)


def check_confidence(who: str, confidence: Any) -> None:
    """Refuse what is no confidence of an interval."""
    if not isinstance(confidence, int | float) or not 0 < confidence < 1:
        raise SimulationError(f"{who}(): confidence is {confidence!r}; expected a number between 0 and 1.")


def _check_size(who: str, n: Any) -> None:
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 4 or n & (n - 1):
        raise SimulationError(f"{who}(): n is {n!r}; expected a power of two from 4, such as 1024.")


def _design(n: int, count: int, seed: int) -> Array:
    """(n (count + 2), count): of each row A, then A with one column of B after the other, then B."""
    cube = unit_cube(n, 2 * count, seed)
    first, second = cube[:, :count], cube[:, count:]
    rows = np.repeat(first[:, None], count + 2, axis=1)
    for i in range(count):
        rows[:, 1 + i, i] = second[:, i]
    rows[:, -1] = second
    return rows.reshape(-1, count)


def _table(
    parameters: Varied, evaluated: Evaluated, whole: Mask, how: tuple[float, int, int], failed: Failed
) -> xr.Dataset:
    import xarray as xr

    count = len(parameters.names)
    rows = evaluated.flat.reshape(len(whole), count + 2, -1)[whole]
    columns = [_indices(parameters, rows[..., i].ravel(), how) for i in range(rows.shape[-1])]
    dims = (*evaluated.others, "parameter")
    words = {"first_order": "first order index of Sobol", "total_order": "total order index of Sobol"}
    variables: dict[str, Any] = {}
    for kind, long_name in words.items():
        for suffix in ("", "_low", "_high"):
            values = evaluated.shaped(np.array([column[kind + suffix] for column in columns]))
            variables[kind + suffix] = (dims, values, {"units": "1", "long_name": long_name})
    about = evaluated.counts(whole, failed, "base_rows")
    attrs = {**about, "output_meaning": evaluated.attrs["long_name"], "confidence": how[0], "seed": how[2]}
    return xr.Dataset(variables, {**evaluated.coordinates, **parameters.coordinates}, attrs)


def _indices(parameters: Varied, numbers: Array, how: tuple[float, int, int]) -> dict[str, Array]:
    confidence, resamples, seed = how
    names = list(parameters.names)
    kinds = {"first_order": "S1", "total_order": "ST"}
    if np.ptp(numbers) == 0:
        return {kind + suffix: np.full(len(names), np.nan) for kind in kinds for suffix in ("", "_low", "_high")}
    estimated = salib("analyze.sobol").analyze(
        {"num_vars": len(names), "names": names},
        numbers,
        calc_second_order=False,
        num_resamples=resamples,
        conf_level=confidence,
        seed=seed,
    )
    bounds: dict[str, Array] = {}
    for kind, key in kinds.items():
        index, reach = np.asarray(estimated[key], dtype=float), np.asarray(estimated[f"{key}_conf"], dtype=float)
        bounds |= {kind: index, f"{kind}_low": index - reach, f"{kind}_high": index + reach}
    return bounds
