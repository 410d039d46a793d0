"""The first event of each member of a run, and times cut by what ends their observation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.streams import check_counts, uniforms
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.measures.failed_members import Failed, kept
from pkpd.measures.stored_times import real_numbers

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["accrual", "censored_at", "first_event"]


def first_event(
    run: xr.Dataset, *names: str, censored_by: str | Sequence[str] = (), failed: Failed = "raise"
) -> xr.Dataset:
    """Which of several events of a run came first to each member, and when: exactly, not on the stored grid.

    Parameters
    ----------
    run
        The result of `simulate` for a model with events from `time_to_event`, with their states.
    names
        The events that compete; the first is what happened.  ``first_event(run, "progression",
        "death")`` is progression-free survival.
    censored_by
        Events that end the observation without being one, such as ``"dropout"``.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them (NaN).

    Returns
    -------
    xarray.Dataset
        Over the run's dimensions without time: ``time``, that of the first event or, without
        one, of what ended the observation; ``event``, whether there was one (1, 0 or NaN);
        ``cause``, its name, ``""`` where censored, NaN where excluded.  `kaplan_meier`
        takes the first two, `cumulative_incidence` the first and the third.

    Raises
    ------
    UnknownNameError
        If the run has no such event.
    DataError
        If no event is named, or one is named twice.
    SimulationError
        If a member failed and the policy is ``"raise"``.

    Examples
    --------
    >>> import pkpd
    >>> V = pkpd.state("V", "mL", "tumor volume", start=10)
    >>> growing = pkpd.Model("growing", {V: pkpd.param("kg", 0.01, "1/day", "growth") * V})
    >>> model = pkpd.time_to_event(growing, "death", pkpd.param("h0", 1e-4, "1/day/mL", "hazard") * V)
    >>> run = pkpd.simulate(model, times=[0, 200], parameters={"u_death": [0.2, 0.8]})
    >>> pkpd.first_event(run, "death")["cause"].values.tolist()
    ['', 'death']
    """
    import xarray as xr

    ending = (censored_by,) if isinstance(censored_by, str) else tuple(censored_by)
    everything = (*names, *ending)
    _check_names(run, names, everything)
    usable = kept(run, f"t_{everything[0]}", failed, "first_event")
    each = np.stack([_times_of(run, name) for name in everything])
    which, first = each.argmin(axis=0), each.min(axis=0)
    end = float(run["time"][-1])
    event = np.isfinite(first) & (which < len(names))
    cause = np.where(event, np.array([*names, *[""] * len(ending)], dtype=object)[which], "")
    lost = ~usable.to_numpy()
    cause[lost] = np.nan
    unit = run["time"].attrs.get("units", "")
    columns = {
        "time": (np.where(lost, np.nan, np.minimum(first, end)), {"long_name": "time", "units": unit}),
        "event": (np.where(lost, np.nan, event), {"long_name": " or ".join(names), "units": "1"}),
        "cause": (cause, {"long_name": "first event"}),
    }
    coords = {name: of for name, of in run.coords.items() if "time" not in of.dims}
    return xr.Dataset({k: (usable.dims, v, about) for k, (v, about) in columns.items()}, coords)


def censored_at(time: Any, *ends: Any) -> tuple[Array, Array]:
    """Cut times of events at the earliest of several ends of observation.

    Parameters
    ----------
    time
        When the event happens, infinite where it never does; NaN is not known.
    ends
        When observation ends: the data cutoff less the time of entry, dropout; each a number or
        an array like `time`.

    Returns
    -------
    tuple
        The times, and whether each is that of the event: what `kaplan_meier` takes.  An event at
        the very end was seen.

    Raises
    ------
    DataError
        If an end is negative or no number, or none is given.

    Examples
    --------
    >>> import pkpd
    >>> time, event = pkpd.censored_at([100, 400, float("inf")], 365, [500, 200, 300])
    >>> time.tolist(), event.tolist()
    ([100.0, 200.0, 300.0], [1.0, 0.0, 0.0])
    """
    when = real_numbers(time)
    limits = [real_numbers(end) for end in ends]
    if when is None or not limits or any(limit is None or (limit < 0).any() for limit in limits):
        raise DataError(f"censored_at: got {time!r} and the ends {ends!r}; expected numbers of 0 or more.")
    end = np.minimum.reduce(np.broadcast_arrays(np.inf, *[limit for limit in limits if limit is not None]))
    known = ~(np.isnan(when) | np.isnan(end))
    first = np.minimum(when, end)
    if np.isinf(first[known]).any():
        raise DataError(f"censored_at: {int(np.isinf(first[known]).sum())} members have no event and no end either.")
    return np.where(known, first, np.nan), np.where(known, when <= end, np.nan)


def accrual(n: int, period: float, seed: int, *, first: int = 0) -> Array:
    """When each patient enters a trial: uniformly over a period, (n,).

    Parameters
    ----------
    n
        The number of patients.
    period
        From the first entry that is possible to the last, in any unit of time.
    seed
        Patient i enters at the same time whatever `n` and `first`.
    first
        The number of the first patient.

    Raises
    ------
    SimulationError
        If the period is not a number of 0 or more.
    ParameterError
        If a count or the seed is out of range.

    Examples
    --------
    >>> import pkpd
    >>> entry = pkpd.accrual(1000, 24, seed=1)
    >>> follow_up = 33 - entry  # months to the data cutoff: what censored_at() takes
    >>> bool(9 <= follow_up.min() and follow_up.max() <= 33)
    True
    """
    check_counts("accrual", n, first)
    length = real_numbers(period)
    if length is None or length.ndim or not 0 <= float(length) < np.inf:
        raise SimulationError(f"accrual: the period is {period!r}; expected a number of 0 or more.")
    entry: Array = float(length) * uniforms(seed, "accrual", n, first)
    return entry


def _times_of(run: xr.Dataset, name: str) -> Array:
    """When each member had the event, infinite where it did not."""
    when, happened = run[f"t_{name}"].isel(time=-1).to_numpy(), run[name].isel(time=-1).to_numpy()
    return np.where(happened == 1, when, np.inf)


def _check_names(run: Any, names: tuple[str, ...], everything: tuple[str, ...]) -> None:
    import xarray as xr

    if not isinstance(run, xr.Dataset) or "time" not in run.dims:
        raise DataError(f"first_event() got a {type(run).__name__} without 'time'; expected a result of simulate().")
    if not names or len(set(everything)) < len(everything):
        raise DataError(f"first_event() got the events {everything!r}; expected one or more, each once.")
    has = [str(name) for name in run.data_vars if f"t_{name}" in run.data_vars]
    for name in everything:
        if name not in has:
            raise unknown_name(str(run.attrs.get("model", "the run")), "event", str(name), has)
