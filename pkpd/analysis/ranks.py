"""Partial rank correlation: how a sweep's output follows each parameter when the others are accounted for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.analysis.sobol import check_confidence
from pkpd.arrays import Array
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.measures.failed_members import Failed, kept

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["prcc"]

_NO_PARAMETERS = {"time", "arm", "member", "parameter", "status", "ended"}


def prcc(
    run: xr.Dataset,
    output: str,
    *,
    parameters: Iterable[str] | None = None,
    failed: Failed = "raise",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Partial rank correlation coefficients of an output with the parameters of a sweep.

    The correlation of the ranks of output and parameter, after the ranks of all other parameters have been
    taken out of both by linear regression.  It measures a monotone relation; one that rises and falls may have
    none.

    Parameters
    ----------
    run
        The result of `simulate` or of `open_sweep`, or a measure of it, with the parameters as coordinates.
    output
        A variable of it.
    parameters
        Those to correlate with; by default all coordinates that vary over members and are real numbers.
    failed
        ``"raise"`` refuses a run in which a member failed; ``"exclude"`` leaves such members out, counted in
        ``members``.
    confidence
        Of the intervals.

    Returns
    -------
    xarray.Dataset
        ``prcc`` with ``prcc_low``, ``prcc_high`` and ``p_value`` over ``parameter``, after the dimensions
        ``arm`` and ``time`` of the output; NaN where it does not vary.  ``members`` is how many each rests on.

    Raises
    ------
    SimulationError
        If a member failed under ``"raise"``, or too few are left.
    DataError, UnknownNameError
        If nothing varies, or a name is not known.

    Notes
    -----
    Marino S et al., J Theor Biol 254:178-196 (2008).  The intervals are by Fisher's transformation with
    the standard error of a rank correlation of Bonett DG, Wright TA, Psychometrika 65:23-28 (2000),
    with one member less for each parameter taken out; the p-values by Student's t.

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("pk_1cmt")
    >>> varied = pkpd.sample(model, 200, seed=1, distributions={"CL": pkpd.lognormal(omega=0.5)})
    >>> run = pkpd.simulate(model, pkpd.bolus("100 mg", "iv"), times=[14], parameters=varied, outputs=["C"])
    >>> pkpd.prcc(run, "C")["prcc"].sel(parameter="CL").round(3).values
    array([-1.])
    """
    check_confidence("prcc", confidence)
    usable = kept(run, output, failed, "prcc")
    members = tuple(d for d in usable.dims if d != "arm")
    if not members:
        raise DataError(f"prcc() needs members that differ; {output!r} has only the dimensions {run[output].dims}.")
    names = _names(run, members, parameters)
    columns = np.stack([_stacked(run[name].broadcast_like(usable), members) for name in names], axis=-1)
    chosen, values = _stacked(usable, members), _stacked(run[output], members)
    others = [str(d) for d in run[output].dims if d not in members]
    table = _by_column(columns, chosen, values, confidence)
    return _labelled(run, output, names, others, table).assign_attrs(failure_policy=failed, confidence=confidence)


def _names(run: xr.Dataset, members: tuple[Hashable, ...], parameters: Iterable[str] | None) -> list[str]:
    varying = [
        str(name)
        for name, column in run.coords.items()
        if column.dims and set(column.dims) <= set(members) and column.dtype.kind in "iuf"
        and name not in _NO_PARAMETERS and float(column.max()) > float(column.min())
    ]  # fmt: skip
    names = varying if parameters is None else list(parameters)
    for name in names:
        if name not in varying:
            raise unknown_name("the run", "parameter that varies", str(name), varying)
    if not names:
        raise DataError(f"prcc(): no parameter varies over {', '.join(map(str, members))}.")
    return names


def _stacked(column: xr.DataArray, members: tuple[Hashable, ...]) -> Any:
    """Members first, whatever dimensions they have, then the arms, then the times."""
    rest = [d for d in ("arm", "time") if d in column.dims]
    extra = set(column.dims) - set(members) - {"arm", "time"}
    if extra:
        raise DataError(f"prcc(): the output varies over {', '.join(map(str, extra))} too; choose a value with .sel().")
    ordered = column.transpose(*members, *rest).to_numpy()
    return ordered.reshape(-1, *ordered.shape[len(members) :])


def _by_column(columns: Array, chosen: Any, values: Any, confidence: float) -> list[tuple[float, ...]]:
    """For each arm and time and each parameter: coefficient, limits, p-value; then the members."""
    rows: list[tuple[float, ...]] = []
    armed = chosen.ndim == 2
    for arm in range(chosen.shape[1] if armed else 1):
        use = chosen[:, arm] if armed else chosen
        inputs = (columns[:, arm] if armed else columns)[use]
        y = (values[:, arm] if armed else values)[use]
        y = y.reshape(len(y), -1)
        ranked = _ranks(inputs)
        for column in y.T:
            rows += [(*row, len(y)) for row in _coefficients(ranked, column, confidence)]
    return rows


def _ranks(columns: Array) -> Array:
    from scipy.stats import rankdata

    return np.asarray(rankdata(columns, axis=0), dtype=float)


def _coefficients(ranked: Array, column: Array, confidence: float) -> list[tuple[float, float, float, float]]:
    from scipy.special import ndtri, stdtr

    n, k = ranked.shape
    free = n - k - 1
    if free < 3:
        raise SimulationError(f"prcc(): {n} members are too few for {k} parameters; expected {k + 4} or more.")
    if np.ptp(column) == 0:
        return [(np.nan,) * 4] * k
    y, rows = _ranks(column[:, None])[:, 0], []
    for i in range(k):
        r = _partial(ranked[:, i], y, np.delete(ranked, i, axis=1))
        error = np.sqrt((1 + r**2 / 2) / (free - 1))
        z, reach = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15)), ndtri(0.5 + confidence / 2) * error
        t = abs(r) * np.sqrt(free / max(1 - r**2, 1e-300))
        rows.append((r, float(np.tanh(z - reach)), float(np.tanh(z + reach)), float(2 * stdtr(free, -t))))
    return rows


def _partial(x: Array, y: Array, others: Array) -> float:
    """The correlation of what is left of x and y after a regression on the others."""
    design = np.column_stack([np.ones(len(x)), others])
    left = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    size = float(np.linalg.norm(left[0]) * np.linalg.norm(left[1]))
    # What is left of a column that the others determine is rounding.
    scale = float(np.linalg.norm(x - x.mean()) * np.linalg.norm(y - y.mean()))
    return float(left[0] @ left[1]) / size if size > 1e-12 * scale else np.nan


def _labelled(
    run: xr.Dataset, output: str, names: list[str], others: list[str], table: list[tuple[float, ...]]
) -> xr.Dataset:
    import xarray as xr

    dims = [d for d in ("arm", "time") if d in others]
    shape = (*(run.sizes[d] for d in dims), len(names))
    columns = np.array(table, dtype=float).reshape(*shape, 5)
    words = ("partial rank correlation", "lower limit", "upper limit", "p-value of no correlation", "members used")
    keys = ("prcc", "prcc_low", "prcc_high", "p_value", "members")
    variables = {
        key: ((*dims, "parameter"), columns[..., i], {"units": "1", "long_name": word})
        for i, (key, word) in enumerate(zip(keys, words, strict=True))
    }
    units = [str(run[name].attrs.get("units", "1")) for name in names]
    coords = {d: run[d] for d in dims if d in run.coords}
    attrs = {"output": output, "output_meaning": str(run[output].attrs.get("long_name", output))}
    return xr.Dataset(variables, {**coords, "parameter": names, "unit": ("parameter", units)}, attrs)
