"""Response of a tumor: how far it shrank, and whether it vanished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed, kept, over_time
from pkpd.measures.stored_times import later, stored
from pkpd.measures.thresholds import described, threshold

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["best_change", "complete_response", "percent_change"]


def complete_response(
    run: xr.Dataset,
    output: str = "V",
    *,
    below: float | str | xr.DataArray | Array = 10.0,
    after: float = 7.0,
    failed: Failed = "raise",
) -> xr.DataArray:
    """Whether each member's tumor was at or below a detection limit at any stored time after `after`.

    Parameters
    ----------
    run
        The result of `simulate`.
    output
        The tumor's size.
    below
        The detection limit: a number in the output's unit, text with a unit (``"10 mm^3"``), or
        an array by member: a DataArray over the run's dimensions without time, or a numpy array.
    after
        In the run's unit of time; later times count, this one does not.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them.

    Returns
    -------
    xarray.DataArray
        True or False over the run's dimensions without time.  Under ``failed="exclude"`` it
        is 1, 0 or NaN (excluded), so that ``.mean()`` leaves the excluded out.

    Raises
    ------
    SimulationError
        If a member failed and the policy is ``"raise"``, or nothing is stored after `after`.
    UnknownNameError
        If the run has no such output.
    UnitError
        If the unit of `below` does not fit the output.

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("kosinsky_2018")
    >>> run = pkpd.simulate(model, times=range(31), parameters=pkpd.sample(model, 20, seed=1), outputs=["V"])
    >>> int(complete_response(run, "V", below="10 mm^3").sum())
    0
    """
    values = over_time(run, output, "complete_response")
    usable = kept(run, output, failed, "complete_response")
    limit = threshold(below, values, "the detection limit")
    flags: xr.DataArray = (later(values, after, "complete_response") <= limit).any("time")
    if failed == "exclude":
        flags = flags.astype(float).where(usable)
    unit, clock = values.attrs.get("units", "1"), values["time"].attrs.get("units", "")
    return flags.rename("complete_response").assign_attrs(
        long_name="complete response",
        units="1",
        definition=f"{output} <= {described(limit)} {unit} at a time after {after:g} {clock}".rstrip(),
    )


def percent_change(
    run: xr.Dataset, output: str = "V", *, baseline: float = 0.0, failed: Failed = "raise"
) -> xr.DataArray:
    """Change of `output` from its value at the time `baseline`, in percent, at every stored time.

    Parameters
    ----------
    run
        The result of `simulate`.
    output
        The tumor's size.
    baseline
        A stored time, in the run's unit of time.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them (NaN).

    Raises
    ------
    SimulationError
        If a member failed and the policy is ``"raise"``, or `baseline` is not a stored time.
    DataError
        If a baseline is not more than 0.
    UnknownNameError
        If the run has no such output.

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("kosinsky_2018")
    >>> run = pkpd.simulate(model, times=range(31), parameters=pkpd.sample(model, 20, seed=1), outputs=["V"])
    >>> percent_change(run, "V").dims
    ('member', 'time')
    """
    values = over_time(run, output, "percent_change")
    usable = kept(run, output, failed, "percent_change")
    start = values.isel(time=stored(values, baseline)).where(usable)
    if bool((start <= 0).any()):
        raise DataError(
            f"percent_change(): {output!r} at the baseline, time {baseline:g}, is {float(start.min()):g}; "
            "a change in percent needs a baseline of more than 0."
        )
    change = 100 * (values.where(usable) / start.drop_vars("time") - 1)
    return change.rename("percent_change").assign_attrs(
        long_name=f"change in {values.attrs.get('long_name', output)}",
        units="%",
        baseline=baseline,
        baseline_units=values.attrs.get("units", "1"),
    )


def best_change(run: xr.Dataset, output: str = "V", *, baseline: float = 0.0, failed: Failed = "raise") -> xr.DataArray:
    """The lowest percent change from baseline that each member reached after the baseline.

    Positive where the tumor was never smaller than at the baseline, as in a waterfall plot.
    The arguments and errors are those of `percent_change`; a time after the baseline must be
    stored.

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("kosinsky_2018")
    >>> run = pkpd.simulate(model, times=range(31), parameters=pkpd.sample(model, 20, seed=1), outputs=["V"])
    >>> best_change(run, "V").dims
    ('member',)
    """
    change = percent_change(run, output, baseline=baseline, failed=failed)
    best = later(change, baseline, "best_change").min("time", skipna=False)
    return best.rename("best_change").assign_attrs(change.attrs, long_name=f"best {change.attrs['long_name']}")
