"""Sensitivity about one point: elasticities from exact derivatives, and one parameter moved at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.analysis.evaluated import Evaluated, check_policy, evaluate, one_each, settled
from pkpd.analysis.varied import Varied, varied
from pkpd.arrays import Array
from pkpd.ensembles.inputs import number
from pkpd.errors import DataError, ParameterError, SimulationError, unknown_name
from pkpd.measures.failed_members import Failed, kept
from pkpd.prepared.derivatives import derivative_name
from pkpd.prepared.prepared import Prepared

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["elasticities", "one_at_a_time"]


def elasticities(run: xr.Dataset, output: str, *, failed: Failed = "raise") -> xr.DataArray:
    """Local elasticities ``(p/y) dy/dp`` of an output: its percent change for one percent of a parameter.

    Parameters
    ----------
    run
        The result of ``simulate(..., sensitivities=[...])``, whose derivatives are exact.
    output
        A state or output of it.
    failed
        ``"raise"`` refuses a run in which a member failed; ``"exclude"`` leaves NaN for it, and counts it.

    Returns
    -------
    xarray.DataArray
        With the dimensions of the output and ``parameter``, without unit; NaN where the output is 0.

    Raises
    ------
    DataError
        If the run has no derivatives of the output, or one is by the start of a state, which has no value in it.
    SimulationError
        If a member failed under ``"raise"``.

    Examples
    --------
    >>> import pkpd
    >>> iv = pkpd.bolus("100 mg", "iv")
    >>> run = pkpd.simulate(pkpd.load("pk_1cmt"), iv, times=[10], outputs=["C"], sensitivities=["CL", "V"])
    >>> pkpd.elasticities(run, "C").sel(time=10, parameter=["CL", "V"]).dims
    ('parameter',)
    """
    usable = kept(run, output, failed, "elasticities")
    slopes = run.get(derivative_name(output))
    if slopes is None:
        raise DataError(
            f"the run has no derivatives of {output!r}; ask for them with simulate(..., sensitivities=[...])."
        )
    names = [str(name) for name in slopes["parameter"].to_numpy()]
    starts = [name for name in names if name not in run.coords]
    if starts:
        raise DataError(f"elasticities(): {starts[0]!r} is the start of a state, whose value the run does not hold.")
    values = run[output].where(usable & (run[output] != 0))
    pieces = [(slopes.sel(parameter=name) * run[name] / values).drop_vars(name) for name in names]
    import xarray as xr

    table = xr.concat(pieces, slopes["parameter"], coords="minimal", compat="override", join="exact")
    meaning = run[output].attrs.get("long_name", output)
    attrs = {
        "units": "1", "long_name": f"elasticity of {meaning}", "failure_policy": failed,
        "members_excluded": int((~usable).sum()),
    }  # fmt: skip
    return table.transpose(*slopes.dims).rename(f"elasticity_{output}").assign_attrs(attrs)


def one_at_a_time(
    response: Any,
    inputs: Mapping[str, Any],
    *,
    output: str | None = None,
    base: Mapping[str, float] | None = None,
    quantiles: tuple[float, float] = (0.05, 0.95),
    failed: Failed = "raise",
) -> xr.Dataset:
    """The output with one parameter at a time at the lower and upper end of its range: the table of a tornado.

    Parameters
    ----------
    response, inputs, output
        As for `sobol_indices`; the output has one number for each member.
    base
        The values where the others stand: by default those of the model, of a function the middle of each range.
    quantiles
        Between which a distribution ranges.
    failed
        ``"raise"``, or ``"exclude"``: leaves NaN where a member failed or has no finite value, counted in ``attrs``.

    Returns
    -------
    xarray.Dataset
        Over ``parameter``, the widest swing first: ``low`` and ``high`` of the parameter, its ``base``, and
        ``output_low`` and ``output_high`` at its ends; ``output_base`` for all.

    Raises
    ------
    SimulationError, ParameterError, UnknownNameError
        If an argument is not acceptable, the base itself fails, or a member failed under ``"raise"``.

    Examples
    --------
    >>> import pkpd
    >>> def total(a, b):
    ...     return 3 * a + b
    >>> table = pkpd.one_at_a_time(total, {"b": (0, 1), "a": (0, 1)}, base={"a": 0.5, "b": 0.5})
    >>> table.to_dataframe()[["output_low", "output_high"]]
               output_low  output_high
    parameter
    a                 0.5          3.5
    b                 1.5          2.5
    """
    check_policy(failed)
    response = settled(response)
    parameters = varied("one_at_a_time", response, inputs)
    centers = _centers(response, parameters, base)
    ends = [parameters.within(np.full((1, len(inputs)), edge), quantiles) for edge in (0.0, 1.0)]
    columns = {name: np.full(1 + 2 * len(inputs), centers[name]) for name in parameters.names}
    for i, name in enumerate(parameters.names):
        for j, end in enumerate(ends):
            columns[name][1 + 2 * i + j] = end[name][0]
    evaluated = evaluate("one_at_a_time", response, columns, output)
    numbers = np.where(evaluated.unusable, np.nan, one_each("one_at_a_time", evaluated))
    _check(evaluated, failed)
    return _swings(parameters, evaluated, numbers, columns, failed)


def _centers(response: Any, parameters: Varied, base: Mapping[str, float] | None) -> dict[str, float]:
    settled = {name: number(value, f"the base of {name!r}") for name, value in (base or {}).items()}
    for name in settled:
        if name not in parameters.names:
            raise unknown_name("inputs", "parameter", name, parameters.names)
    middle = parameters.drawn(np.full((1, len(parameters.names)), 0.5))
    for name in parameters.names:
        typical = response.known.default_of(name) if isinstance(response, Prepared) else float(middle[name][0])
        settled.setdefault(name, typical)
        if not np.isfinite(settled[name]):
            raise ParameterError(f"one_at_a_time(): {name!r} has no value in the model; give it one with base=.")
    return settled


def _check(evaluated: Evaluated, failed: Failed) -> None:
    unusable = evaluated.unusable
    if unusable[0]:
        raise SimulationError(f"one_at_a_time(): the base itself has no value of {evaluated.name!r}.")
    if unusable.any() and failed == "raise":
        raise SimulationError(
            f"one_at_a_time(): {int(unusable.sum())} of {unusable.size} members have no value of {evaluated.name!r}. "
            "failed='exclude' leaves NaN for them."
        )


def _swings(
    parameters: Varied, evaluated: Evaluated, numbers: Array, columns: Mapping[str, Array], failed: Failed
) -> xr.Dataset:
    import xarray as xr

    values = np.array([columns[name][1 + 2 * i : 3 + 2 * i] for i, name in enumerate(parameters.names)])
    outputs = numbers[1:].reshape(-1, 2)
    centers = [columns[name][0] for name in parameters.names]
    about = dict(evaluated.attrs)
    variables: dict[str, Any] = {
        "low": ("parameter", values[:, 0], {"long_name": "lower end of the parameter"}),
        "high": ("parameter", values[:, 1], {"long_name": "upper end of the parameter"}),
        "base": ("parameter", centers, {"long_name": "value of the parameter where others are moved"}),
        "output_low": ("parameter", outputs[:, 0], about),
        "output_high": ("parameter", outputs[:, 1], about),
        "output_base": ((), numbers[0], about),
    }
    meanings = ("parameter", list(parameters.meanings))
    attrs = {
        "output": evaluated.name, "failure_policy": failed, "members": len(numbers),
        "members_failed": int(evaluated.failed.sum()),
        "members_not_finite": int((evaluated.unusable & ~evaluated.failed).sum()),
    }  # fmt: skip
    table = xr.Dataset(variables, {**parameters.coordinates, "meaning": meanings}, attrs)
    moves = np.abs(np.c_[np.ptp(outputs, axis=1), outputs - numbers[0]])
    widths = np.nan_to_num(np.fmax.reduce(moves, axis=1), nan=0.0)
    return table.isel(parameter=np.argsort(-widths, kind="stable"))
