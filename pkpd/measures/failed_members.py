"""Members that failed: which they are, and what a statistic does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pkpd.errors import DataError, SimulationError, unknown_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Failed", "evaluable", "kept", "over_time", "variable"]

Failed = Literal["raise", "exclude"]


def variable(run: xr.Dataset, output: str) -> xr.DataArray:
    """The variable `output` of a run.

    Raises
    ------
    UnknownNameError
        If the run has no such variable.
    DataError
        If it is no run at all.
    """
    if not hasattr(run, "data_vars"):
        raise DataError(f"a result of simulate() is expected, with {output!r} in it; got a {type(run).__name__}.")
    if not isinstance(output, str) or output not in run.data_vars:
        has = [str(name) for name in run.data_vars if name not in ("status", "ended")]
        raise unknown_name(_name(run), "output", str(output), has)
    return run[output]


def over_time(run: xr.Dataset, output: str, measure: str) -> xr.DataArray:
    """The variable `output` of a run, which must have the dimension ``time``; `measure` asks.

    Raises
    ------
    UnknownNameError
        If the run has no such variable.
    SimulationError
        If it is not over time, as what ``reduce=`` returns.
    """
    values = variable(run, output)
    if "time" not in values.dims:
        raise SimulationError(f"{output!r} has no dimension 'time'; {measure}() reads courses that simulate() stored.")
    return values


def evaluable(run: xr.Dataset, output: str, *, gaps: bool = False) -> xr.DataArray:
    """Which members can be measured: integrated to the end, and a number at every time.

    Parameters
    ----------
    run, output
        The run, and the variable to be measured.
    gaps
        Whether samples may be missing (NaN) in what was observed, which has no ``status``: a
        member then needs one sample only.

    Returns
    -------
    xarray.DataArray
        True or False, over the dimensions of `output` without time.
    """
    values = variable(run, output)
    known = values.notnull()
    if "time" in values.dims:
        known = known.any("time") if gaps and "status" not in run else known.all("time")
    return known & (run["status"] == 0) if "status" in run else known


def kept(run: xr.Dataset, output: str, failed: Failed, measure: str, *, gaps: bool = False) -> xr.DataArray:
    """`evaluable`, after the policy: ``"raise"`` refuses a run in which a member failed.

    Raises
    ------
    SimulationError
        If a member failed and the policy is ``"raise"``, or `failed` is neither of the two.
    """
    if not isinstance(failed, str) or failed not in ("raise", "exclude"):
        raise SimulationError(f"failed is {failed!r}; expected 'raise' or 'exclude'.")
    usable = evaluable(run, output, gaps=gaps)
    lost = int((~usable).sum())
    if lost and failed == "raise":
        reason = (
            f"{lost} of {usable.size} members failed, so {measure}() has no value of {output!r} for them"
            if "status" in run
            else f"{lost} of {usable.size} members have {'no' if gaps else 'missing'} samples of {output!r}, "
            f"so {measure}() cannot measure them"
        )
        raise SimulationError(f"{_name(run)}: {reason}. failed='exclude' leaves them out.")
    return usable


def _name(run: xr.Dataset) -> str:
    return str(run.attrs.get("model", "the run"))
