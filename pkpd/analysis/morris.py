"""Elementary effects of Morris: which of many parameters matter at all, at the price of few members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.analysis.evaluated import Evaluated, evaluate, settled
from pkpd.analysis.salib import salib
from pkpd.analysis.sobol import check_confidence
from pkpd.analysis.varied import Varied, varied
from pkpd.arrays import Array, Mask
from pkpd.ensembles.streams import check_seed
from pkpd.errors import SimulationError
from pkpd.measures.failed_members import Failed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["morris"]

_KINDS = {
    "mu_star": "mean absolute elementary effect",
    "mu": "mean elementary effect",
    "sigma": "standard deviation of elementary effects",
}


def morris(
    response: Any,
    inputs: Mapping[str, Any],
    *,
    n: int,
    seed: int,
    output: str | None = None,
    levels: int = 4,
    quantiles: tuple[float, float] = (0.05, 0.95),
    failed: Failed = "raise",
    confidence: float = 0.95,
    resamples: int = 500,
) -> xr.Dataset:
    """Elementary effects of Morris, with confidence intervals.

    An elementary effect is the change of the output over the whole range of one input, read off
    one step of it from a random place of the others.  ``mu_star``, the mean of their absolute
    values, ranks the inputs; ``sigma`` says how much an effect depends on the place: on
    the others, or on a curve.

    Parameters
    ----------
    response, inputs, output
        As for `sobol_indices`.
    n
        Trajectories; ``n (inputs + 1)`` members are integrated.
    seed
        Of the trajectories and of the bootstrap.
    levels
        Of each input, an even number.
    quantiles
        The part of a distribution that is its range.
    failed
        ``"raise"``, or ``"exclude"``: leaves out the whole trajectories in which a member failed
        or has no finite value, counted in ``attrs``.
    confidence
        Of the intervals: of ``mu_star`` by the bootstrap over trajectories, of ``mu`` by Student's t.
    resamples
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        ``mu_star``, ``mu`` (each with ``_low`` and ``_high``) and ``sigma``, in the unit of the output,
        over ``parameter``, after the dimensions ``arm`` and ``time`` that the output has.

    Raises
    ------
    SimulationError, ParameterError, UnknownNameError
        If an argument is not acceptable, or a member failed under ``"raise"``.
    MissingExtraError
        If SALib is not installed.

    Notes
    -----
    Morris MD, Technometrics 33:161-174 (1991); ``mu_star`` is of Campolongo F et al., Environ
    Model Softw 22:1509-1518 (2007).

    Examples
    --------
    >>> import pkpd
    >>> def total(a, b):
    ...     return 3 * a + b
    >>> pkpd.morris(total, {"a": (0, 2), "b": (0, 1)}, n=10, seed=1)["mu_star"].round(6).values
    array([6., 1.])
    """
    for what, value, least in (("n", n, 2), ("levels", levels, 2)):
        if not isinstance(value, int | np.integer) or value < least or (what == "levels" and value % 2):
            raise SimulationError(f"morris(): {what} is {value!r}; expected {least} or more, and levels even.")
    check_seed(seed)
    check_confidence("morris", confidence)
    response = settled(response)
    parameters = varied("morris", response, inputs)
    problem = _problem(parameters)
    cube = salib("sample.morris").sample(problem, int(n), num_levels=int(levels), seed=seed)
    evaluated = evaluate("morris", response, parameters.within(cube, quantiles), output)
    whole = evaluated.whole_groups(len(inputs) + 1, failed, "morris", "trajectories")
    return _table(parameters, evaluated, cube, whole, (confidence, resamples, seed, int(levels)), failed)


def _problem(parameters: Varied) -> dict[str, Any]:
    count = len(parameters.names)
    return {"num_vars": count, "names": list(parameters.names), "bounds": [[0.0, 1.0]] * count}


def _table(
    parameters: Varied,
    evaluated: Evaluated,
    cube: Array,
    whole: Mask,
    how: tuple[float, int, int, int],
    failed: Failed,
) -> xr.Dataset:
    import xarray as xr

    used = np.repeat(whole, len(parameters.names) + 1)
    columns = [_effects(parameters, cube[used], column, how) for column in evaluated.flat[used].T]
    dims = (*evaluated.others, "parameter")
    variables = {
        kind: (
            dims,
            evaluated.shaped(np.array([column[kind] for column in columns])),
            {"units": evaluated.attrs["units"], "long_name": _KINDS[kind.removesuffix("_low").removesuffix("_high")]},
        )
        for kind in columns[0]
    }
    about = evaluated.counts(whole, failed, "trajectories")
    attrs = {**about, "output_meaning": evaluated.attrs["long_name"], "confidence": how[0], "seed": how[2]}
    return xr.Dataset(variables, {**evaluated.coordinates, **parameters.coordinates}, attrs)


def _effects(parameters: Varied, cube: Array, numbers: Array, how: tuple[float, int, int, int]) -> dict[str, Array]:
    from scipy.special import stdtrit

    confidence, resamples, seed, levels = how
    estimated = salib("analyze.morris").analyze(
        _problem(parameters), cube, numbers,
        num_resamples=resamples, conf_level=confidence, num_levels=levels, seed=seed,
    )  # fmt: skip
    mu, star, sigma, reach = (
        np.ma.getdata(estimated[key]).astype(float) for key in ("mu", "mu_star", "sigma", "mu_star_conf")
    )
    count = len(numbers) // (len(mu) + 1)
    error = stdtrit(count - 1, 0.5 + confidence / 2) * sigma / np.sqrt(count)
    return {
        "mu_star": star, "mu_star_low": star - reach, "mu_star_high": star + reach,
        "mu": mu, "mu_low": mu - error, "mu_high": mu + error, "sigma": sigma,
    }  # fmt: skip
