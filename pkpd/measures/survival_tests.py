"""The log-rank test: whether groups differ in their times to an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed
from pkpd.measures.survival_times import Counts, checked_events, checked_times, counted, grouped, kept_rows, rows_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["logrank"]


def logrank(time: Any, event: Any, group: Any, *, strata: Any = None, failed: Failed = "raise") -> xr.Dataset:
    """The log-rank test of two groups or more, stratified where asked.

    Parameters
    ----------
    time, event
        (patients,): as for `kaplan_meier`.
    group
        (patients,): the label of each, of which there are two or more.
    strata
        (patients,): a label for each; what is observed and expected is added up over strata.
    failed
        What to do about rows without a time or an event: ``"raise"``, or ``"exclude"`` them.

    Returns
    -------
    xarray.Dataset
        ``statistic`` (chi-squared), ``degrees_of_freedom`` and ``p_value``; over ``group``
        ``observed`` and ``expected`` events; ``covariance`` of the differences between them,
        over ``group`` and ``other``.  For two groups the signed root of the statistic is ``z``,
        positive where the last group has more events than expected.

    Raises
    ------
    DataError
        If there are fewer than two groups, no event at all, or arguments that do not fit.

    Notes
    -----
    A group of which nobody was at risk at the time of an event takes no degree of freedom; with
    none left the p-value is NaN.  The variance is the hypergeometric one, as in
    ``scipy.stats.logrank``, which this equals for two groups without strata.

    References
    ----------
    Mantel N. Cancer Chemother Rep 50:163-170 (1966).  Peto R, Peto J. J R Stat Soc A
    135:185-207 (1972).

    Examples
    --------
    >>> import pkpd
    >>> test = pkpd.logrank([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1], ["a", "a", "a", "b", "b", "b"])
    >>> round(float(test["p_value"]), 4)
    0.0246
    """
    time, event, group, strata = rows_of("logrank", time, event, group, strata)
    times = checked_times("logrank", time)
    happened, known = checked_events("logrank", event, len(times))
    rows = kept_rows("logrank", known & ~np.isnan(times), failed)
    labels, codes = grouped("logrank", "group", group, len(times))
    stratum = np.zeros(len(times), np.int64) if strata is None else grouped("logrank", "strata", strata, len(times))[1]
    present = np.unique(codes[rows])
    if len(present) < 2:
        raise DataError(f"logrank: the only group is {labels[present[0]]!r}; expected two groups or more.")
    labels, codes = [labels[number] for number in present], np.searchsorted(present, codes)
    if not happened[rows].any():
        raise DataError(f"logrank: none of the {int(rows.sum())} times is that of an event.")
    observed, expected, covariance = _added(times[rows], happened[rows], codes[rows], stratum[rows], len(labels))
    return _test(observed, expected, covariance, labels, int((~rows).sum()))


def _added(time: Array, event: Mask, group: Index, stratum: Index, groups: int) -> tuple[Array, Array, Array]:
    """Observed and expected events, (groups,), and the covariance of their differences, over all strata."""
    observed, expected, covariance = np.zeros(groups), np.zeros(groups), np.zeros((groups, groups))
    for number in np.unique(stratum):
        mine = stratum == number
        o, e, V = _sums(counted(time[mine], event[mine], group[mine], groups))
        observed, expected, covariance = observed + o, expected + e, covariance + V
    return observed, expected, covariance


def _sums(counts: Counts) -> tuple[Array, Array, Array]:
    """Of one stratum: the hypergeometric mean and covariance at each time of an event, added up."""
    at = counts.events.sum(axis=0) > 0
    Y, d = counts.at_risk[:, at].astype(float), counts.events[:, at]
    n, deaths = Y.sum(axis=0), d.sum(axis=0)
    share = Y / n
    factor = deaths * (n - deaths) / np.maximum(n - 1, 1)  # one alone at risk has no variance: deaths = n
    covariance = np.diag((factor * share).sum(axis=1)) - (factor * share) @ share.T
    return d.sum(axis=1).astype(float), (deaths * share).sum(axis=1), covariance


def _test(observed: Array, expected: Array, covariance: Array, labels: list[Any], excluded: int) -> xr.Dataset:
    import xarray as xr
    from scipy.stats import chi2

    freedom = int((expected > 0).sum()) - 1
    difference = observed - expected
    statistic = float(difference @ np.linalg.pinv(covariance) @ difference)
    p_value = float(chi2.sf(statistic, freedom)) if freedom else np.nan
    variables: dict[str, Any] = {
        "statistic": ((), statistic, {"long_name": "chi-squared statistic", "units": "1"}),
        "degrees_of_freedom": ((), freedom, {"long_name": "degrees of freedom", "units": "1"}),
        "p_value": ((), p_value, {"long_name": "p, two-sided", "units": "1"}),
        "observed": ("group", observed, {"long_name": "observed events", "units": "1"}),
        "expected": ("group", expected, {"long_name": "expected events", "units": "1"}),
        "covariance": (("group", "other"), covariance, {"long_name": "covariance of the differences", "units": "1"}),
    }
    if len(labels) == 2:
        z = np.sqrt(statistic) * np.sign(difference[1])
        variables["z"] = ((), float(z), {"long_name": f"z, positive for more events in {labels[1]!r}", "units": "1"})
    return xr.Dataset(variables, coords={"group": labels, "other": labels}, attrs={"excluded": excluded})
