"""The hazard ratio of two arms by the counts at each time of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed
from pkpd.measures.stored_times import real_numbers
from pkpd.measures.survival_times import (
    checked_confidence,
    checked_events,
    checked_times,
    counted,
    grouped,
    kept_rows,
    rows_of,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MEANINGS", "Ties", "TwoArms", "checked_arms", "checked_ties", "hazard_ratio", "ratio_of"]

Ties = Literal["efron", "breslow"]

_FAR = 50.0  # a log hazard ratio that no finite estimate reaches

MEANINGS = {
    "hazard_ratio": "hazard ratio",
    "lower": "lower confidence limit",
    "upper": "upper confidence limit",
    "log_hazard_ratio": "log hazard ratio",
    "std_error": "standard error of the log hazard ratio",
    "p_value": "p, two-sided (Wald)",
    "treated": "number treated",
    "control": "number in control",
    "events_treated": "events among those treated",
    "events_control": "events in control",
}


def hazard_ratio(
    time: Any,
    event: Any,
    treated: Any,
    *,
    ties: Ties = "efron",
    strata: Any = None,
    confidence: float = 0.95,
    failed: Failed = "raise",
) -> xr.Dataset:
    """The hazard ratio of two arms by Cox's partial likelihood, stratified where asked.

    The same estimate as `cox` of one covariate that is 0 or 1, for which counts by arm are all
    that matters: no extra is needed, and a trial of 1000 takes 1 ms.

    Parameters
    ----------
    time, event
        (patients,): as for `kaplan_meier`.
    treated
        (patients,): true (1) for the arm above the line of the ratio, false (0) for the control.
    ties
        How events at one time are treated: ``"efron"`` or ``"breslow"``.
    strata
        (patients,): a label for each; each stratum has a baseline hazard of its own.
    confidence
        Coverage of the interval, which is symmetric in the logarithm (Wald).
    failed
        What to do about rows without a time, an event or an arm: ``"raise"``, or ``"exclude"``
        them.

    Returns
    -------
    xarray.Dataset
        ``hazard_ratio``, ``lower``, ``upper``, ``log_hazard_ratio``, ``std_error``, ``p_value``
        and the numbers of patients and events by arm.  Where only one arm has an event while
        the other is at risk, the ratio is 0 or infinite and its interval NaN; without any
        information all are NaN.

    Raises
    ------
    DataError
        If arguments do not fit one another, or there is only one arm.

    References
    ----------
    Cox DR. J R Stat Soc B 34:187-220 (1972).  Efron B. J Am Stat Assoc 72:557-565 (1977).
    Breslow N. Biometrics 30:89-99 (1974).

    Examples
    --------
    >>> import pkpd
    >>> ratio = pkpd.hazard_ratio([5, 8, 12, 3, 4, 9], [1, 1, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])
    >>> round(float(ratio["hazard_ratio"]), 4)
    0.4229
    """
    import xarray as xr

    arms = checked_arms("hazard_ratio", time, event, treated, strata, failed)
    if len(np.unique(arms.treated)) < 2:
        raise DataError(
            f"hazard_ratio: all {len(arms.time)} patients have treated = {bool(arms.treated[0])}; expected two arms."
        )
    ties, confidence = checked_ties("hazard_ratio", ties), checked_confidence("hazard_ratio", confidence)
    numbers = ratio_of(arms, ties, confidence)
    variables = {name: ((), value, {"long_name": MEANINGS[name], "units": "1"}) for name, value in numbers.items()}
    about = {"confidence": confidence, "ties": ties, "excluded": int((~arms.rows).sum())}
    return xr.Dataset(variables, attrs=about)


@dataclass(frozen=True, eq=False)
class TwoArms:
    """Times, events, arm and stratum of the patients that count, and which rows of the table they are."""

    time: Array
    event: Mask
    treated: Mask
    stratum: Index
    rows: Mask

    def where(self, chosen: Mask) -> TwoArms:
        """Those `chosen` among the patients that count."""
        rows = self.rows.copy()
        rows[self.rows] = chosen
        return TwoArms(self.time[chosen], self.event[chosen], self.treated[chosen], self.stratum[chosen], rows)


def checked_arms(measure: str, time: Any, event: Any, treated: Any, strata: Any, failed: Failed) -> TwoArms:
    """The patients that count; a row without a time, an event or an arm is a failed one."""
    time, event, treated, strata = rows_of(measure, time, event, treated, strata)
    times = checked_times(measure, time)
    n = len(times)
    happened, known = checked_events(measure, event, n)
    flags = real_numbers(treated)
    if flags is None or flags.shape != (n,) or not (np.isin(flags, (0, 1)) | np.isnan(flags)).all():
        raise DataError(f"{measure}: treated is {treated!r}; expected true or false for each of the {n} patients.")
    rows = kept_rows(measure, known & ~np.isnan(times) & ~np.isnan(flags), failed)
    stratum = np.zeros(n, dtype=np.int64) if strata is None else grouped(measure, "strata", strata, n)[1]
    return TwoArms(times[rows], happened[rows], flags[rows] == 1, stratum[rows], rows)


def checked_ties(measure: str, ties: Ties) -> Ties:
    if ties not in ("efron", "breslow"):
        raise DataError(f"{measure}: ties is {ties!r}; expected 'efron' or 'breslow'.")
    return ties


def ratio_of(arms: TwoArms, ties: Ties, confidence: float) -> dict[str, float]:
    """The numbers of `hazard_ratio`, by name."""
    from scipy.special import ndtr, ndtri

    control, treated, events = _terms(arms, ties)
    beta, error = _estimate(control, treated, events)
    z = ndtri((1 + confidence) / 2)
    reach = z * error if np.isfinite(beta) else np.nan
    with np.errstate(over="ignore"):
        ratio, lower, upper = (float(np.exp(value)) for value in (beta, beta - reach, beta + reach))
    return {
        "hazard_ratio": ratio,
        "lower": lower,
        "upper": upper,
        "log_hazard_ratio": beta,
        "std_error": error,
        "p_value": float(2 * ndtr(-abs(beta / error))) if np.isfinite(beta) else np.nan,
        "treated": int(arms.treated.sum()),
        "control": int((~arms.treated).sum()),
        "events_treated": int((arms.event & arms.treated).sum()),
        "events_control": int((arms.event & ~arms.treated).sum()),
    }


def _terms(arms: TwoArms, ties: Ties) -> tuple[Array, Array, int]:
    """Of each event the weight at risk in control and among those treated, and how many were of those treated.

    Efron counts the l-th of d tied events with the weight of those at risk less l/d of the tied.
    """
    at_risk, tied = [], []
    for number in np.unique(arms.stratum):
        mine = arms.stratum == number
        counts = counted(arms.time[mine], arms.event[mine], arms.treated[mine].astype(np.int64), 2)
        at = counts.events.sum(axis=0) > 0
        at_risk.append(counts.at_risk[:, at])
        tied.append(counts.events[:, at])
    Y, d = np.concatenate(at_risk, axis=1), np.concatenate(tied, axis=1)
    deaths = d.sum(axis=0)
    order = np.arange(deaths.sum()) - np.repeat(np.cumsum(deaths) - deaths, deaths)  # 0 to d - 1 at each time
    share = order / np.repeat(deaths, deaths) if ties == "efron" else np.zeros(len(order))
    control, treated = np.repeat(Y, deaths, axis=1) - share * np.repeat(d, deaths, axis=1)
    return control, treated, int(d[1].sum())


def _estimate(control: Array, treated: Array, events: int) -> tuple[float, float]:
    """The root of the score, and the standard error by the observed information."""
    from scipy.optimize import brentq
    from scipy.special import expit

    alone = control == 0  # such an event is of those treated whatever the ratio
    informative = ~alone & (treated > 0)
    events, terms = events - int(alone.sum()), int(informative.sum())
    if not terms:
        return np.nan, np.nan
    if events <= 0 or events >= terms:
        return (-np.inf if events <= 0 else np.inf), np.nan
    log_odds = np.log(treated[informative]) - np.log(control[informative])
    beta = float(brentq(lambda b: events - expit(b + log_odds).sum(), -_FAR, _FAR, xtol=1e-14, rtol=1e-14))
    chance = expit(beta + log_odds)
    return beta, float(1 / np.sqrt((chance * (1 - chance)).sum()))
