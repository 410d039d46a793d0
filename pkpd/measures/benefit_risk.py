"""Benefit and risk of regimens, read off one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, unknown_name
from pkpd.measures.event_times import first_event
from pkpd.measures.failed_members import Failed
from pkpd.measures.survival import at_landmarks, kaplan_meier, landmark_survival
from pkpd.measures.survival_incidence import cumulative_incidence

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["benefit_and_risk"]

_MEANINGS = {
    "rate": "fraction of patients",
    "lower": "lower confidence limit",
    "upper": "upper confidence limit",
    "std_error": "standard error",
    "n": "number of patients",
    "difference": "difference from the control arm",
    "difference_std_error": "standard error of the difference",
}


def benefit_and_risk(
    run: xr.Dataset,
    *,
    at: float,
    benefit: Sequence[str],
    risks: Sequence[str],
    excluded_by: Sequence[str] = (),
    control: Any = None,
    confidence: float = 0.95,
    failed: Failed = "raise",
) -> xr.Dataset:
    """What each arm of a run gains and what it costs by a time: of the same patients, in the same run.

    Parameters
    ----------
    run
        The result of `simulate` over ``arm``, for a model with events from `time_to_event`.
    at
        The time, in the run's unit.
    benefit
        Events whose absence is the benefit: ``["progression", "death"]`` is progression-free
        survival, by Kaplan-Meier.
    risks
        Adverse events, each by its cumulative incidence.
    excluded_by
        Events after which a risk can no longer happen, such as ``["death"]``.
    control
        The arm that the others are compared with; by default the last.
    confidence
        Coverage of the intervals.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them.

    Returns
    -------
    xarray.Dataset
        Over ``outcome`` and ``arm``: ``rate``, ``lower``, ``upper`` and ``std_error`` (the interval
        is exact where nobody or everybody had the event), ``n`` patients, and the
        ``difference`` from the control with its ``difference_std_error``, as of independent arms
        (the same patients in both make it smaller).  The coordinate ``kind`` says ``benefit``
        or ``risk``, and ``meaning`` the outcome in words.

    Raises
    ------
    DataError
        If the run has no arms, or `at` is not within it.
    UnknownNameError
        If the run has no such event or arm.

    Examples
    --------
    >>> import pkpd
    >>> A, h = pkpd.state("A", "mg", "drug"), pkpd.param("h", 0.002, "1/day", "hazard of death")
    >>> k = pkpd.param("k", 1e-4, "1/day/mg", "hazard of toxicity")
    >>> model = pkpd.Model("drug", {A: 0}, routes={"iv": {A: A + pkpd.dose("mg")}})
    >>> model = pkpd.time_to_event(model, "death", h / (1 + A / pkpd.param("A50", 10, "mg", "half")))
    >>> model = pkpd.time_to_event(model, "toxicity", k * A)
    >>> people = pkpd.population(model, 500, seed=1, covariates=pkpd.event_chances(model))
    >>> arms = {"drug": pkpd.bolus(10, "iv"), "none": None}
    >>> run = pkpd.simulate(model, arms, times=[0, 365], parameters=people)
    >>> table = pkpd.benefit_and_risk(run, at=365, benefit=["death"], risks=["toxicity"], excluded_by=["death"])
    >>> table["outcome"].values.tolist()
    ['no death', 'toxicity']
    """
    import xarray as xr

    if not isinstance(run, xr.Dataset) or "arm" not in run.dims:
        raise DataError(f"benefit_and_risk() got a {type(run).__name__} without 'arm'; expected a run of several arms.")
    if not 0 <= at <= float(run["time"][-1]):
        raise DataError(
            f"benefit_and_risk(): at is {at!r}; expected 0 to the end of the run, {float(run['time'][-1]):g}."
        )
    arms = run["arm"].values.tolist()
    reference = arms[-1] if control is None else control
    if reference not in arms:
        raise unknown_name("the run", "arm", str(reference), map(str, arms))
    rows = [_without(run, benefit, at, confidence, failed)]
    rows += [_with(run, risk, excluded_by, at, confidence, failed) for risk in risks]
    outcomes = [f"no {' or '.join(benefit)}", *risks]
    table = xr.concat(rows, "outcome", coords="minimal", compat="override").rename(group="arm").sel(arm=arms)
    table = _with_exact_ends(table, confidence)
    base = table.sel(arm=reference)
    table["difference"] = table["rate"] - base["rate"]
    error = (table["std_error"] ** 2 + base["std_error"] ** 2) ** 0.5
    table["difference_std_error"] = error.where(table["arm"] != reference, 0)
    kinds = ("outcome", ["benefit", *["risk"] * len(risks)])
    words = [f"no {' or '.join(_meaning(run, name) for name in benefit)}", *(_meaning(run, risk) for risk in risks)]
    meanings = ("outcome", words)
    table = table.assign_coords(outcome=outcomes, kind=kinds, meaning=meanings)
    for name, meaning in _MEANINGS.items():
        table[name] = table[name].assign_attrs(long_name=meaning, units="1")
    unit = str(run["time"].attrs.get("units", ""))
    lost = run[benefit[0]].isel(time=0).size - int(table["n"].isel(outcome=0).sum())
    return table.assign_attrs(
        at=float(at), units_of_at=unit, control=str(reference), confidence=confidence, excluded=lost
    )


def _meaning(run: xr.Dataset, event: str) -> str:
    """An event in words, as its indicator has them."""
    words = str(run[event].attrs.get("long_name", event)) if event in run else event
    return words.removeprefix("whether ").removesuffix(" has happened")


def _without(run: xr.Dataset, events: Sequence[str], at: float, confidence: float, failed: Failed) -> xr.Dataset:
    """The fraction of each arm that has had none of the events."""
    first = first_event(run, *events, failed=failed)
    curve = kaplan_meier(first["time"], first["event"], group="arm", confidence=confidence, failed=failed)
    rates = landmark_survival(curve, [at]).isel(time=0, drop=True)
    columns = rates.rename(survival="rate")[["rate", "lower", "upper", "std_error"]]
    return columns.assign(n=curve["at_risk"].isel(time=0, drop=True))


def _with(
    run: xr.Dataset, event: str, excluded_by: Sequence[str], at: float, confidence: float, failed: Failed
) -> xr.Dataset:
    """The fraction of each arm that has had the event before what excludes it."""
    import xarray as xr

    first = first_event(run, event, *excluded_by, failed=failed)
    if not bool((first["cause"] == event).any()):
        n = first["event"].notnull().sum([dim for dim in first["event"].dims if dim != "arm"]).rename(arm="group")
        none = xr.zeros_like(n, dtype=float)
        return xr.Dataset({"rate": none, "lower": none, "upper": none, "std_error": none, "n": n})
    curves = cumulative_incidence(first["time"], first["cause"], group="arm", confidence=confidence, failed=failed)
    rates = at_landmarks(curves.sel(cause=event, drop=True), np.array([at])).isel(time=0, drop=True)
    columns = rates.rename(incidence="rate")[["rate", "lower", "upper", "std_error"]]
    return columns.assign(n=curves["at_risk"].isel(time=0, drop=True))


def _with_exact_ends(table: xr.Dataset, confidence: float) -> xr.Dataset:
    """Nobody or everybody is no certainty: the interval of Clopper and Pearson for none, or all, of n."""
    far = 1 - ((1 - confidence) / 2) ** (1 / table["n"])
    upper, lower = table["upper"].where(table["rate"] > 0, far), table["lower"].where(table["rate"] < 1, 1 - far)
    return table.assign(upper=upper, lower=lower)
