"""Sensitivity indices of Sobol: which share of an output's variance is due to which parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    second_order: bool = False,
) -> xr.Dataset:
    """First and total order indices of Sobol, and those of pairs where asked, with confidence intervals.

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
        Base rows of the design, a power of two; ``n (inputs + 2)`` members are integrated, with `second_order`
        ``n (2 inputs + 2)``.
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
    second_order
        Whether to estimate also which share is due to each pair of parameters together, beyond what is due to
        either alone.

    Returns
    -------
    xarray.Dataset
        ``first_order`` and ``total_order`` with ``_low`` and ``_high`` of each over ``parameter``,
        after the dimensions ``arm`` and ``time`` that the output has; NaN where it does not vary.  With
        `second_order` also ``second_order`` with its limits over ``parameter`` and ``other``, symmetric and NaN on
        the diagonal.

    Raises
    ------
    SimulationError, ParameterError, UnknownNameError
        If an argument is not acceptable, or a member failed under ``"raise"``.
    MissingExtraError
        If SALib is not installed.

    Notes
    -----
    The design and the first order estimator are those of Saltelli A et al., Comput Phys Commun
    181:259-270 (2010), the total order one is Jansen's (ibid. 117:35-43, 1999), that of pairs is of Saltelli A
    (ibid. 145:280-297, 2002), all as in SALib.
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
    if second_order and len(inputs) < 2:
        raise SimulationError(f"sobol_indices(): second_order takes pairs of inputs, and there are {len(inputs)}.")
    response = settled(response)
    parameters = varied("sobol_indices", response, inputs)
    design = _design(n, len(inputs), seed, pairs=second_order)
    evaluated = evaluate("sobol_indices", response, parameters.drawn(design), output)
    whole = evaluated.whole_groups(len(design) // n, failed, "sobol_indices", "base_rows")
    return _table(parameters, evaluated, whole, _How(confidence, resamples, seed, second_order), failed)


@dataclass(frozen=True)
class _How:
    """The options of the estimate."""

    confidence: float
    resamples: int
    seed: int
    pairs: bool

    @property
    def kinds(self) -> dict[str, str]:
        """Our names of the indices, and those of SALib."""
        return {"first_order": "S1", "total_order": "ST", **({"second_order": "S2"} if self.pairs else {})}


def check_confidence(who: str, confidence: Any) -> None:
    """Refuse what is no confidence of an interval."""
    if not isinstance(confidence, int | float) or not 0 < confidence < 1:
        raise SimulationError(f"{who}(): confidence is {confidence!r}; expected a number between 0 and 1.")


def _check_size(who: str, n: Any) -> None:
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 4 or n & (n - 1):
        raise SimulationError(f"{who}(): n is {n!r}; expected a power of two from 4, such as 1024.")


def _design(n: int, count: int, seed: int, *, pairs: bool) -> Array:
    """(n rows, count): of each row A, A with one column of B after the other, for pairs B with those of A, then B."""
    cube = unit_cube(n, 2 * count, seed)
    first, second = cube[:, :count], cube[:, count:]
    rows = [first]
    for one, other in ((first, second), (second, first))[: 1 + pairs]:
        for i in range(count):
            mixed = one.copy()
            mixed[:, i] = other[:, i]
            rows.append(mixed)
    return np.stack([*rows, second], axis=1).reshape(-1, count)


_WORDS = {
    "first_order": "first order index of Sobol",
    "total_order": "total order index of Sobol",
    "second_order": "second order index of Sobol",
}


def _table(parameters: Varied, evaluated: Evaluated, whole: Mask, how: _How, failed: Failed) -> xr.Dataset:
    import xarray as xr

    rows = evaluated.flat.reshape(len(whole), len(evaluated.flat) // len(whole), -1)[whole]
    columns = [_indices(parameters, rows[..., i].ravel(), how) for i in range(rows.shape[-1])]
    variables: dict[str, Any] = {}
    for kind in how.kinds:
        dims = (*evaluated.others, "parameter", *(["other"] if kind == "second_order" else []))
        for suffix in ("", "_low", "_high"):
            values = evaluated.shaped(np.array([column[kind + suffix] for column in columns]))
            variables[kind + suffix] = (dims, values, {"units": "1", "long_name": _WORDS[kind]})
    about = evaluated.counts(whole, failed, "base_rows")
    attrs = {**about, "output_meaning": evaluated.attrs["long_name"], "confidence": how.confidence, "seed": how.seed}
    labels = {"other": list(parameters.names)} if how.pairs else {}
    return xr.Dataset(variables, {**evaluated.coordinates, **parameters.coordinates, **labels}, attrs)


def _indices(parameters: Varied, numbers: Array, how: _How) -> dict[str, Array]:
    names = list(parameters.names)
    if np.ptp(numbers) == 0:
        shapes = {kind: (len(names),) * (2 if kind == "second_order" else 1) for kind in how.kinds}
        return {kind + suffix: np.full(shapes[kind], np.nan) for kind in how.kinds for suffix in ("", "_low", "_high")}
    estimated = salib("analyze.sobol").analyze(
        {"num_vars": len(names), "names": names},
        numbers,
        calc_second_order=how.pairs,
        num_resamples=how.resamples,
        conf_level=how.confidence,
        seed=how.seed,
    )
    bounds: dict[str, Array] = {}
    for kind, key in how.kinds.items():
        index, reach = (_symmetric(np.asarray(estimated[k], dtype=float)) for k in (key, f"{key}_conf"))
        bounds |= {kind: index, f"{kind}_low": index - reach, f"{kind}_high": index + reach}
    return bounds


def _symmetric(index: Array) -> Array:
    """Of pairs both halves: SALib fills the one above the diagonal."""
    return index if index.ndim == 1 else np.fmax(index, index.T)
