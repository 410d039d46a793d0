"""Power of a trial and the number of patients it needs: by simulation, and by Schoenfeld's formula."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.trials.replicates import replicate_trial
from pkpd.trials.trials import Trial

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["power", "sample_size", "schoenfeld_events", "schoenfeld_power"]

Finding = Literal["better", "either"]


def power(
    outcome: xr.Dataset,
    endpoint: str = "os",
    *,
    alpha: float = 0.05,
    finding: Finding = "better",
    confidence: float = 0.95,
) -> xr.Dataset:
    """The part of the replicates in which an arm is found better than the control.

    Parameters
    ----------
    outcome
        From `replicate_trial`.
    endpoint
        ``"os"`` or ``"pfs"``: the log-rank test, stratified where the trial is.
    alpha
        Of the two-sided test.
    finding
        ``"better"``: significant, and the hazard ratio below 1; ``"either"`` direction, which under
        equal arms is the type I error.
    confidence
        Of the interval that the number of replicates leaves.

    Returns
    -------
    xarray.Dataset
        Over ``comparison``: ``power`` with ``lower`` and ``upper`` (Clopper and Pearson),
        ``replicates`` counted, and ``untested``: replicates without a test, for want of events,
        which count as no finding.

    Raises
    ------
    DataError, UnknownNameError
        If `outcome` has no such test, or a number is out of range.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 26:404-413 (1934).

    Examples
    --------
    >>> import pkpd, xarray as xr
    >>> dims, coords = ("replicate", "comparison"), {"comparison": ["drug"]}
    >>> p, ratio = [[0.01], [0.2], [0.03], [0.04]], [[0.6], [0.8], [0.7], [1.6]]
    >>> outcome = xr.Dataset({"os_p_value": (dims, p), "os_hazard_ratio": (dims, ratio)}, coords)
    >>> pkpd.power(outcome, "os")["power"].item()
    0.5
    """
    import xarray as xr

    for name, value in (("alpha", alpha), ("confidence", confidence)):
        if not 0 < value < 1:
            raise DataError(f"power: {name} is {value!r}; expected more than 0 and less than 1.")
    if finding not in ("better", "either"):
        raise DataError(f"power: finding is {finding!r}; expected 'better' or 'either'.")
    p, ratio = (_variable(outcome, f"{endpoint}_{name}") for name in ("p_value", "hazard_ratio"))
    with np.errstate(invalid="ignore"):
        significant = (p < alpha) & ((ratio < 1) | (finding == "either"))
    n, hits = len(p), significant.sum(axis=0)
    lower, upper = _clopper_pearson(hits, n, confidence)
    columns = {
        "power": (hits / n, f"replicates in which {endpoint} is found {finding}"),
        "lower": (lower, "lower limit"),
        "upper": (upper, "upper limit"),
        "untested": (np.isnan(p).sum(axis=0), "replicates without a test"),
    }
    variables: dict[str, Any] = {
        name: ("comparison", values, {"units": "1", "long_name": meaning})
        for name, (values, meaning) in columns.items()
    }
    about = {"alpha": alpha, "confidence": confidence, "replicates": n, "endpoint": endpoint}
    return xr.Dataset(variables, {"comparison": outcome["comparison"]}, about)


def _variable(outcome: Any, name: str) -> Array:
    if not hasattr(outcome, "data_vars") or "replicate" not in outcome.dims:
        raise DataError(f"power: got a {type(outcome).__name__}; expected a result of replicate_trial().")
    if name not in outcome.data_vars:
        raise unknown_name("the replicates", "variable", name, map(str, outcome.data_vars))
    values: Array = outcome[name].transpose("replicate", ...).to_numpy()
    return values


def _clopper_pearson(hits: Any, n: int, confidence: float) -> tuple[Array, Array]:
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        lower = np.where(hits > 0, beta.ppf(tail, hits, n - hits + 1), 0.0)
        upper = np.where(hits < n, beta.ppf(1 - tail, hits + 1, n - hits), 1.0)
    return lower, upper


def schoenfeld_power(hazard_ratio: float, events: float, *, alpha: float = 0.05, share: float = 0.5) -> float:
    """The power of the log-rank test to find a hazard ratio below 1, by Schoenfeld's formula.

    Parameters
    ----------
    hazard_ratio
        The true one, proportional.
    events
        Their number in both arms.
    alpha
        Of the two-sided test.
    share
        The part of the patients in the treated arm.

    Raises
    ------
    SimulationError
        If a number is out of range.

    References
    ----------
    Schoenfeld D. Biometrika 68:316-319 (1981); Biometrics 39:499-503 (1983).

    Examples
    --------
    >>> import pkpd
    >>> round(pkpd.schoenfeld_power(0.7, 331), 3)
    0.901
    """
    from scipy.special import ndtr, ndtri

    _check_design(hazard_ratio, alpha, share)
    if not 0 < events < math.inf:
        raise SimulationError(f"schoenfeld_power: events is {events!r}; expected more than 0.")
    drift = -math.log(hazard_ratio) * math.sqrt(events * share * (1 - share))
    return float(ndtr(drift - ndtri(1 - alpha / 2)))


def schoenfeld_events(hazard_ratio: float, power: float, *, alpha: float = 0.05, share: float = 0.5) -> float:
    """The events that the log-rank test needs to find a hazard ratio with a power, by Schoenfeld's formula.

    Parameters
    ----------
    hazard_ratio, alpha, share
        As for `schoenfeld_power`.
    power
        The chance to find it.

    Raises
    ------
    SimulationError
        If a number is out of range.

    References
    ----------
    Schoenfeld D. Biometrics 39:499-503 (1983).

    Examples
    --------
    >>> import pkpd
    >>> round(pkpd.schoenfeld_events(0.7, 0.9), 1)
    330.4
    """
    from scipy.special import ndtri

    _check_design(hazard_ratio, alpha, share)
    if not 0 < power < 1:
        raise SimulationError(f"schoenfeld_events: power is {power!r}; expected more than 0 and less than 1.")
    z = ndtri(1 - alpha / 2) + ndtri(power)
    return float((z / math.log(hazard_ratio)) ** 2 / (share * (1 - share)))


def _check_design(hazard_ratio: float, alpha: float, share: float) -> None:
    if not (0 < hazard_ratio < math.inf) or hazard_ratio == 1:
        raise SimulationError(f"the hazard ratio is {hazard_ratio!r}; expected more than 0, and not 1.")
    for name, value in (("alpha", alpha), ("share", share)):
        if not 0 < value < 1:
            raise SimulationError(f"{name} is {value!r}; expected more than 0 and less than 1.")


def sample_size(
    trial: Trial,
    seed: int,
    *,
    power: float = 0.8,
    endpoint: str = "os",
    alpha: float = 0.05,
    replicates: int = 200,
    tries: int = 4,
) -> xr.Dataset:
    """How many patients a trial needs for a power, by simulation.

    The mean z of the log-rank test grows with the root of the number of patients.  From the mean
    at one size follows the size at which the power is reached; the trial is simulated at that
    size, and so on until the power asked for lies within the interval that the replicates leave.

    Parameters
    ----------
    trial
        Of two arms; its number of patients is where the search begins.
    seed
        Of the first size; each further one has the next.
    power
        The chance to find the arm better than the control.
    endpoint, alpha
        As for `power`.
    replicates
        At each size.
    tries
        The most sizes to be simulated.

    Returns
    -------
    xarray.Dataset
        Over ``size``, the sizes in the order they were tried: ``patients``, ``power`` with ``lower``
        and ``upper``, and ``needed``, the number of patients that follows from it; ``patients_needed``
        is what all of them together say, weighted by their number.  ``found`` is whether the last
        size had the power within its interval.

    Raises
    ------
    SimulationError
        If the arms are not two, or the mean of z says that the arm is no better.

    Examples
    --------
    >>> import pkpd
    >>> X, tau = pkpd.state("X", "mg", "drug given"), pkpd.param("tau", 1, "day", "1 day")
    >>> kept = pkpd.Model("kept", {X: 0 * X / tau}, routes={"iv": {X: X + pkpd.dose("mg")}})
    >>> h, D50 = pkpd.param("h", 0.002, "1/day", "hazard"), pkpd.param("D50", 10, "mg", "dose that halves it")
    >>> arms = {"drug": pkpd.Protocol({"drug": pkpd.therapy(pkpd.bolus(10, "iv"))}), "none": pkpd.Protocol({})}
    >>> model = pkpd.time_to_event(kept, "death", h / (1 + X / D50))
    >>> trial = pkpd.Trial(model, arms, patients=100, follow_up=730, death="death")
    >>> needed = pkpd.sample_size(trial, seed=1, replicates=20, tries=1)["patients_needed"].item()
    >>> 50 < needed < 250
    True
    """
    import xarray as xr

    if len(trial.arms) != 2:
        raise SimulationError(f"sample_size: the trial has {len(trial.arms)} arms; expected 2.")
    if not 0 < power < 1:
        raise SimulationError(f"sample_size: power is {power!r}; expected more than 0 and less than 1.")
    rows: list[dict[str, float]] = []
    patients, found = trial.patients, False
    while len(rows) < tries and not found:
        outcome = replicate_trial(replace(trial, patients=patients), replicates, seed + len(rows))
        rows.append(_tried(outcome, endpoint, alpha, power))
        found = rows[-1]["lower"] <= power <= rows[-1]["upper"]
        patients = max(2, math.ceil(_pooled(rows, "needed")))
    meanings = {
        "patients": "patients of the trial", "power": "power", "lower": "lower limit", "upper": "upper limit",
        "needed": "patients needed, by this size",
    }  # fmt: skip
    variables: dict[str, Any] = {
        name: ("size", [row[name] for row in rows], {"units": "1", "long_name": meaning})
        for name, meaning in meanings.items()
    }
    variables["patients_needed"] = ((), patients, {"units": "1", "long_name": "patients needed"})
    about = {"alpha": alpha, "power": power, "endpoint": endpoint, "found": int(found), "replicates": replicates}
    return xr.Dataset(variables, attrs=about)


def _tried(outcome: xr.Dataset, endpoint: str, alpha: float, wanted: float) -> dict[str, float]:
    """The power at one size, and the size that its mean z calls for."""
    from scipy.special import ndtri

    reached = power(outcome, endpoint, alpha=alpha)
    p, ratio = (_variable(outcome, f"{endpoint}_{name}")[:, 0] for name in ("p_value", "hazard_ratio"))
    tested = ~np.isnan(p)
    z = -ndtri(np.maximum(p[tested], 1e-300) / 2) * np.where(ratio[tested] < 1, 1, -1)
    patients = float(outcome.attrs["patients"])
    mean = float(z.mean()) if tested.any() else math.nan
    if not mean > 0:
        raise SimulationError(
            f"sample_size: with {patients:g} patients the mean z of {endpoint} is {mean:.3g}; expected more than 0: "
            "the arm is no better than the control, or too few have an event."
        )
    target = ndtri(1 - alpha / 2) + ndtri(wanted)
    if target <= 0:
        raise SimulationError(f"sample_size: power is {wanted:g}; expected more than half of alpha, {alpha / 2:g}.")
    limits = {name: float(reached[name][0]) for name in ("power", "lower", "upper")}
    return {"patients": patients, "needed": patients * float(target / mean) ** 2, **limits}


def _pooled(rows: list[dict[str, float]], name: str) -> float:
    """The mean over sizes; a larger trial says more."""
    weights = [row["patients"] for row in rows]
    return float(np.average([row[name] for row in rows], weights=weights))
