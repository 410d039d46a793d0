"""What the residuals of a fit should look like: standardized, in order, against their expectation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError, unknown_name
from pkpd.fitting.outcomes import Binomial, EventTime

if TYPE_CHECKING:
    import pandas as pd

    from pkpd.fitting.results import Fit

__all__ = [
    "autocorrelation",
    "comparable_values",
    "counts_events",
    "cumulative_hazard",
    "normal_scores",
    "observed_output",
    "series",
    "standardized_residuals",
    "trend",
]


def observed_output(fit: Fit, output: str | None) -> str:
    """`output` itself if the data of a fit have it; the only one where it is None.

    Raises
    ------
    DataError
        If several outputs were observed and none is named.
    UnknownNameError
        If no such output was observed.
    """
    known = fit.data.outputs
    if output is None:
        if len(known) > 1:
            raise DataError(f"{fit.data.name} observes {', '.join(known)}; name one of them as output=.")
        return str(known[0])
    if output not in known:
        raise unknown_name(fit.data.name, "observed output", output, known)
    return output


def comparable_values(fit: Fit) -> pd.DataFrame:
    """`Fit.residuals` with observed values on the scale of the predictions, and which of them were measured.

    Returns
    -------
    pandas.DataFrame
        `observed` is a share where responders are counted among so many, and the cumulative hazard of the arm
        (Nelson-Aalen), NaN for a censored time, where times to an event are observed; `sd` is that of
        the data; `measured` is False where a value is only known to lie below or above a limit.
    """
    data, observed = fit.data, np.array(fit.data.value)
    for group in fit.objective.groups:
        if isinstance(group.likelihood, Binomial):
            observed[group.rows] /= data.columns[group.likelihood.trials][group.rows]
        if isinstance(group.likelihood, EventTime):
            for arm in data.arms:
                own = np.intersect1d(group.rows, data.rows(arm))
                observed[own] = cumulative_hazard(data.time[own], data.value[own] == 1)
    return fit.residuals.assign(observed=observed, sd=data.sd, measured=np.asarray(data.censored) == 0)


def cumulative_hazard(times: Array, events: Mask) -> Array:
    """The Nelson-Aalen estimate at each time of an event, NaN at times without one.

    Aalen O. Nonparametric inference for a family of counting processes. Ann Stat 6:701 (1978).
    """
    distinct, place = np.unique(times, return_inverse=True)
    happened = np.bincount(place, weights=events, minlength=len(distinct))
    at_risk = len(times) - np.searchsorted(np.sort(times), distinct)
    return np.asarray(np.where(events, np.cumsum(happened / at_risk)[place], np.nan))


def standardized_residuals(fit: Fit) -> pd.DataFrame:
    """`comparable_values` with residuals of unit variance where the model is right.

    Returns
    -------
    pandas.DataFrame
        `residual` is over the standard deviation of the errors, the estimated one where it was
        estimated; NaN where a value is beyond a limit.
    """
    table = comparable_values(fit)
    scale = math.sqrt(fit.reduced_chi_square) if fit.sd_is == "relative" and fit.degrees_of_freedom else 1.0
    return table.assign(residual=table["residual"] / (scale or 1.0))


def counts_events(fit: Fit, output: str) -> bool:
    """Whether an output is observed by times to an event."""
    return any(g.output == output and isinstance(g.likelihood, EventTime) for g in fit.objective.groups)


def series(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The rows of each arm, or of each subject of an arm, by arm and subject (empty where there is none)."""
    names = ["arm", "subject"] if "subject" in table else ["arm"]
    for key, rows in table.groupby(names, sort=False):
        arm, *subject = key
        yield (str(arm), str(subject[0]) if subject else ""), rows.sort_values("time", kind="stable")


def autocorrelation(table: pd.DataFrame, lags: int = 8) -> pd.DataFrame:
    """How residuals resemble those that follow them in the same arm or subject.

    The correlation at lag h is the mean product of residuals h observations apart over their
    mean square, about 0 rather than about their mean, so that a bias shows too.  Replicates
    of one time are averaged first.

    Parameters
    ----------
    table
        Rows of one output from `standardized_residuals`.
    lags
        The largest lag; those that fewer than three pairs have are left out.

    Returns
    -------
    pandas.DataFrame
        By lag: correlation, pairs, and `limit`, beyond which 5 % of independent residuals are.
    """
    import pandas as pd

    each = [rows.groupby("time")["residual"].mean().to_numpy() for _, rows in series(table)]
    square = float(np.mean(np.concatenate(each) ** 2)) if each else math.nan
    rows = {}
    for lag in range(1, lags + 1):
        products = np.concatenate([r[lag:] * r[:-lag] for r in each if len(r) > lag] or [np.empty(0)])
        if len(products) >= 3 and square > 0:
            rows[lag] = (float(products.mean()) / square, len(products), 1.96 / math.sqrt(len(products)))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["correlation", "pairs", "limit"]).rename_axis("lag")


def normal_scores(residuals: Array, level: float = 0.95) -> pd.DataFrame:
    """Sorted residuals beside what a sample of a standard normal distribution has in their places.

    Returns
    -------
    pandas.DataFrame
        For each rank: residual, the median `expected`, and the pointwise interval `low` to `high`
        of `level`, from the beta distribution of an order statistic.
    """
    import pandas as pd
    from scipy.special import betaincinv, ndtri

    n = len(residuals)
    rank = np.arange(1, n + 1)
    middle, low, high = (
        ndtri(betaincinv(rank, n + 1 - rank, share)) for share in (0.5, (1 - level) / 2, (1 + level) / 2)
    )
    return pd.DataFrame({"residual": np.sort(residuals), "expected": middle, "low": low, "high": high})


def trend(x: Array, y: Array, most: int = 8) -> pd.DataFrame:
    """Means of `y` over groups of about as many values in the order of `x`; none of fewer than 12 values.

    Returns
    -------
    pandas.DataFrame
        For each group the mean of x, the mean of y, and its standard error; equal x are never split.
    """
    import pandas as pd

    groups = min(most, len(x) // 6)
    if groups < 2:
        return pd.DataFrame({"x": [], "y": [], "se": []})
    table = pd.DataFrame({"x": x, "y": y})
    each = table.groupby(np.ceil(table["x"].rank() / len(x) * groups))
    return pd.DataFrame({"x": each["x"].mean(), "y": each["y"].mean(), "se": each["y"].sem()}).reset_index(drop=True)
