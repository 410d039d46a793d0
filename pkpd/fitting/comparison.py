"""Fits of the same data beside each other: information criteria and likelihood-ratio tests."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import FitError, unknown_name
from pkpd.fitting.results import Fit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What `compare` returns; frozen.

    Attributes
    ----------
    table
        A row for each fit, the lowest AIC first: `k` (parameters estimated, those of the errors
        among them), `log_likelihood`, `aic`, `delta_aic` (above the lowest), `weight` (Akaike's),
        `bic`, `delta_bic`, `converged`, `at_bound` (estimates that a bound holds).
    tests
        A row for each nested pair: `simpler`, `fuller`, `statistic` (twice the difference of
        the log-likelihoods), `df`, `p_value`, `remark`.
    n_observations
        How many observations all of them describe.
    """

    table: pd.DataFrame
    tests: pd.DataFrame
    n_observations: int

    def __str__(self) -> str:
        text = f"{len(self.table)} fits of the same {self.n_observations} observations\n\n"
        text += self.table.to_string(float_format=_short)
        if len(self.tests):
            text += "\n\nLikelihood-ratio tests\n" + self.tests.to_string(index=False, float_format=_short)
        return text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def compare(fits: Mapping[str, Fit], *, nested: Iterable[tuple[str, str]] = ()) -> Comparison:
    """Compare fits of the same data by AIC, BIC and, where one is a special case of another, a likelihood-ratio test.

    Parameters
    ----------
    fits
        By what to call each.  Models, error models and free parameters may differ; the
        observations may not.
    nested
        Pairs ``(simpler, fuller)`` of names: the simpler fit is the fuller one with some parameters
        held.  That this is so is not checked, save that the fuller one has more parameters.

    Returns
    -------
    Comparison
        A table of the fits and one of the tests; prints both.

    Notes
    -----
    With delta the difference of AIC from the lowest, a model's weight is ``exp(-delta/2)`` over their
    sum (Burnham & Anderson, Model Selection and Multimodel Inference, 2002).  The statistic of the
    test has a chi-square distribution (Wilks, Ann Math Stat 9:60, 1938) where the simpler value is
    not at a limit of the parameter; at a limit, as for an effect that cannot be negative, the
    p-value is too large, by a factor of 2 for one parameter (Self & Liang, JASA 82:605, 1987).

    Raises
    ------
    FitError
        If there are fewer than two fits, they are of different observations, one has priors
        (its log-likelihood is not at its maximum), or a pair is not nested.
    UnknownNameError
        If `nested` names no fit.

    Examples
    --------
    ``pkpd.compare({"linear": one, "saturable": two}, nested=[("linear", "saturable")])``
    """
    named = _checked(fits)
    _check_same_data(named)
    pairs = _pairs(named, nested)
    n = next(iter(named.values())).n_observations
    return Comparison(_table(named), _tests(named, pairs), n)


def _checked(fits: Any) -> dict[str, Fit]:
    if not isinstance(fits, Mapping):
        raise FitError(f"compare: fits is {fits!r}; expected {{name: fit, ...}}.")
    for name, fit in fits.items():
        if not isinstance(fit, Fit):
            raise FitError(f"compare: {name!r} is {fit!r}; expected what fit() returns.")
        with_prior = [fit.coordinates[i].label for i in fit.objective.priors.of]
        if with_prior:
            raise FitError(
                f"compare: {name!r} has a prior of {', '.join(with_prior)}, so its log-likelihood is not at its "
                "maximum; AIC, BIC and likelihood-ratio tests need fits without priors."
            )
    if len(fits) < 2:
        raise FitError(f"compare: got {len(fits)} fit{'' if len(fits) == 1 else 's'}; a comparison needs two or more.")
    return {str(name): fit for name, fit in fits.items()}


def _check_same_data(fits: Mapping[str, Fit]) -> None:
    (first, reference), *others = fits.items()
    for name, fit in others:
        a, b = reference.data, fit.data
        if len(a) != len(b):
            raise FitError(
                f"compare: {first!r} has {len(a)} observations and {name!r} has {len(b)}; criteria compare fits of the "
                "same observations only. Was blq='M1', which leaves out values below a limit, asked for in one of them?"
            )
        for column in ("arm", "subject", "time", "output", "value", "censored"):
            here, there = (list(getattr(data, column)) for data in (a, b))
            if here != there:
                raise FitError(f"compare: {first!r} and {name!r} differ in their data: {_difference(column, a, b)}.")


def _difference(column: str, a: Any, b: Any) -> str:
    here, there = (list(getattr(data, column)) for data in (a, b))
    if len(here) != len(there):
        return f"one of them has no {column!r}"
    row = next(i for i, (x, y) in enumerate(zip(here, there, strict=True)) if x != y)
    return f"{column} of observation {row + 1} is {here[row]!s} and {there[row]!s}"


def _pairs(fits: Mapping[str, Fit], nested: Any) -> list[tuple[str, str]]:
    pairs = []
    if isinstance(nested, str) or not isinstance(nested, Iterable):
        raise FitError(f"compare: nested is {nested!r}; expected pairs (simpler, fuller) of names.")
    for pair in nested:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise FitError(f"compare: nested has {pair!r}; expected a pair (simpler, fuller) of names.")
        simpler, fuller = (str(name) for name in pair)
        for name in (simpler, fuller):
            if name not in fits:
                raise unknown_name("compare", "fit", name, fits)
        if fits[fuller].n_likelihood <= fits[simpler].n_likelihood:
            raise FitError(
                f"compare: {simpler!r} has {fits[simpler].n_likelihood} parameters and {fuller!r} has "
                f"{fits[fuller].n_likelihood}; the first of a nested pair has fewer."
            )
        pairs.append((simpler, fuller))
    return pairs


def _table(fits: Mapping[str, Fit]) -> pd.DataFrame:
    import pandas as pd

    rows = {
        name: {
            "k": fit.n_likelihood,
            "log_likelihood": fit.log_likelihood,
            "aic": fit.aic,
            "bic": fit.bic,
            "converged": fit.success,
            "at_bound": ", ".join(c.label for c, held in zip(fit.coordinates, fit.at_bound, strict=True) if held),
        }
        for name, fit in fits.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    delta = table["aic"] - table["aic"].min()
    weight = np.exp(-delta / 2)
    table.insert(3, "delta_aic", delta)
    table.insert(4, "weight", weight / weight.sum())
    table.insert(6, "delta_bic", table["bic"] - table["bic"].min())
    return table.sort_values("aic", kind="stable")


def _tests(fits: Mapping[str, Fit], pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    import pandas as pd
    from scipy.special import chdtrc

    rows = []
    for simpler, fuller in pairs:
        statistic = 2 * (fits[fuller].log_likelihood - fits[simpler].log_likelihood)
        statistic = 0.0 if abs(statistic) < 1e-9 * abs(fits[fuller].log_likelihood) else statistic  # rounding
        df = fits[fuller].n_likelihood - fits[simpler].n_likelihood
        p_value = float(chdtrc(df, max(statistic, 0.0))) if math.isfinite(statistic) else math.nan
        rows.append((simpler, fuller, statistic, df, p_value, _remark(fits[simpler], fits[fuller], statistic)))
    return pd.DataFrame(rows, columns=["simpler", "fuller", "statistic", "df", "p_value", "remark"])


def _remark(simpler: Fit, fuller: Fit, statistic: float) -> str:
    """Why a p-value is not to be trusted; empty where nothing speaks against it."""
    if not (simpler.success and fuller.success):
        return "a fit did not converge"
    if statistic < -1e-6 * max(abs(fuller.log_likelihood), 1.0):
        return "the fuller fit is the worse one: it is not at its optimum; start it elsewhere"
    if fuller.at_bound.any():
        return "an estimate is at a bound: the p-value is too large"
    if _adds_spread(simpler, fuller):
        return "a standard deviation is 0 in the simpler fit, its limit: the p-value is too large"
    return ""


def _adds_spread(simpler: Fit, fuller: Fit) -> bool:
    """Whether the fuller fit has a standard deviation more of an output whose errors the simpler one estimates too."""
    known, more = ({c.label for c in fit.objective.errors} for fit in (simpler, fuller))
    estimated = {label.partition("[")[2] for label in known}
    return any(label.startswith("sd_") and label.partition("[")[2] in estimated for label in more - known)


def _short(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 100 else f"{value:.2f}"
