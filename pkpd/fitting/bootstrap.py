"""The bootstrap of a fit: what the estimates would have been with other data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.mixed.resampling import MixedBootstrap, bootstrapped
from pkpd.fitting.mixed.results import MixedFit
from pkpd.fitting.multistart import several_optima
from pkpd.fitting.objective import Objective
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.results import Fit
from pkpd.fitting.search import Optimum, minimize
from pkpd.fitting.shapes import Interval, combinations, combinations_in_words, interval_table, percentile_interval
from pkpd.fitting.thresholds import check_confidence
from pkpd.fitting.together import with_one_model
from pkpd.solvers.problem import Progress

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bootstrap", "Resampled", "bootstrap"]

Resampled = Literal["subject", "arm", "parametric"]
KINDS = ("subject", "arm", "parametric")

FEWEST = 2  # subjects or arms that can be drawn with different results


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """The result of `bootstrap`; frozen.

    Attributes
    ----------
    fit
        Whose estimates these are.
    by
        What was drawn.
    x
        (replicates, coordinates): estimates on the scale of the search, NaN where a search failed.
    log_posterior
        (replicates,): of each in its own data.
    success, messages
        Whether each search converged, and what it says.
    seed
        Of the draws; replicate i is the same however many there are.
    undetermined
        What the data do not tell apart near the estimates, by label; a label alone has no effect.
    interrupted
        Whether Ctrl-C ended the searches.
    """

    fit: Fit
    by: Resampled
    x: Array
    log_posterior: Array
    success: Mask
    messages: tuple[str, ...]
    seed: int
    undetermined: tuple[tuple[str, ...], ...]
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.x)

    @property
    def failures(self) -> int:
        """The replicates whose search failed; no statistic counts them."""
        return int((~self.success).sum())

    @property
    def table(self) -> pd.DataFrame:
        """A row for each replicate: the values of all parameters in their units, log_posterior, success, message."""
        import pandas as pd

        values = {c.label: c.natural(self.x[:, i]) for i, c in enumerate(self.fit.coordinates)}
        rest = {"log_posterior": self.log_posterior, "success": self.success, "message": self.messages}
        return pd.DataFrame({**values, **rest}, index=pd.RangeIndex(len(self), name="replicate"))

    def intervals(self, confidence: float = 0.95) -> pd.DataFrame:
        """Percentile intervals: a table by parameter with estimate, ci_low, ci_high, unit, shape, mean, sd.

        A side is open where the percentile is a bound of the parameter; where there is none, 1000
        times the estimate or a 1000th of it on a log scale, 100 times its size otherwise.  What
        the data do not tell apart is "undetermined".  The mean and the standard deviation are
        those of the replicates in the parameter's unit.
        """
        table: pd.DataFrame = interval_table(self._intervals(confidence))
        values = self.table.loc[self.success, list(table.index)]
        return table.assign(mean=values.mean(), sd=values.std(ddof=1))

    def _intervals(self, confidence: float) -> list[Interval]:
        check_confidence(confidence)
        if not self.success.any():
            raise FitError(f"bootstrap: all {len(self)} replicates failed; the first says: {self.messages[0]}")
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        low, high = np.quantile(self.x[self.success], tails, axis=0)
        each = zip(self.fit.coordinates, self.fit.x, low, high, strict=True)
        mixed = {label for labels in self.undetermined for label in labels}
        return [percentile_interval(c, float(v), float(a), float(b), c.label in mixed) for c, v, a, b in each]

    def report(self, confidence: float = 0.95) -> str:
        """The intervals in words, with the failures and what is not determined."""
        drawn = "simulated data" if self.by == "parametric" else f"{self.by}s drawn with replacement"
        first = f"Bootstrap, {len(self)} replicates, {drawn}; {self.failures} failed."
        common = Counter(m for m, good in zip(self.messages, self.success, strict=True) if not good).most_common(1)
        first += f" Most often: {common[0][0]}" if common else ""
        why = [combinations_in_words(self.undetermined)] if self.undetermined else []
        why += several_optima(self.fit)
        intervals = [interval.sentence(confidence) for interval in self._intervals(confidence)]
        return "\n".join([first, *intervals, *why])

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return f"<Bootstrap of {self.fit.model.name} by {self.by}: {len(self.x)} replicates, {self.failures} failed>"


@overload
def bootstrap(
    fit: Fit,
    replicates: int = ...,
    *,
    by: Resampled = ...,
    seed: int = ...,
    limit: int = ...,
    progress: Progress | None = ...,
) -> Bootstrap: ...


@overload
def bootstrap(
    fit: MixedFit,
    replicates: int = ...,
    *,
    by: Resampled = ...,
    seed: int = ...,
    limit: int = ...,
    progress: Progress | None = ...,
) -> MixedBootstrap: ...


def bootstrap(
    fit: Fit | MixedFit,
    replicates: int = 200,
    *,
    by: Resampled = "subject",
    seed: int = 0,
    limit: int = 1000,
    progress: Progress | None = None,
) -> Bootstrap | MixedBootstrap:
    """Estimate again from data drawn anew, all replicates as one ensemble.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`; each search begins at its estimates.  Of a mixed-effects fit subjects are
        drawn, and the result is a table of estimates with its percentile intervals (`interval`).
    replicates
        How many times.
    by
        ``"subject"`` draws the subjects of each arm with replacement, as many as there are, and
        with a subject all observations of it; the subjects of a NONMEM table are drawn from all.
        ``"arm"`` draws whole arms.  ``"parametric"`` keeps the design and draws the observations
        from the fitted error models.
    seed
        A whole number; replicate i is the same whatever `replicates`.
    limit
        Evaluations that a search may take; of a mixed-effects fit iterations.
    progress
        Called with the number of replicates done and of all.

    Raises
    ------
    FitError
        If the data do not tell subjects apart, there is only one to draw, or arms with
        parameters of their own would be drawn.

    References
    ----------
    Efron B, Tibshirani RJ. An Introduction to the Bootstrap. Chapman & Hall (1993).

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> rows = {"arm": "a", "time": [1.0, 2.0, 5.0, 10.0], "output": "C", "value": [9.2, 8.1, 6.1, 3.6], "sd": 0.2}
    >>> data = pkpd.read_observations(pd.DataFrame(rows), {"a": pkpd.bolus(100, "iv")})
    >>> wanted = {"CL": pkpd.free(0.5, log=True), "V": pkpd.free(8, log=True)}
    >>> result = pkpd.fit(pkpd.load("pk_1cmt"), data, wanted)
    >>> pkpd.bootstrap(result, 20, by="parametric").failures
    0
    """
    if isinstance(fit, MixedFit):
        return bootstrapped(fit, replicates, by=by, seed=seed, limit=limit, progress=progress)
    if not isinstance(fit, Fit):
        raise FitError(f"bootstrap() got {fit!r}; expected what pkpd.fit() returns.")
    if not isinstance(replicates, int | np.integer) or isinstance(replicates, bool) or replicates < 2:
        raise FitError(f"bootstrap: replicates is {replicates!r}; expected a whole number of 2 or more.")
    check_seed(seed)
    objective, x = fit.objective, np.array(fit.x)
    draw = _drawing(fit, by)

    def again(i: int) -> Callable[[Objective], Optimum]:
        variant = draw(objective, np.random.default_rng([seed, i]))
        return lambda view: _search(view, variant, x, limit)

    outcomes = with_one_model(objective, [again(i) for i in range(int(replicates))], progress=progress)
    failed = Optimum(np.full(len(x), np.nan), np.nan, False, "interrupted", 0, 0)
    optima = [optimum or failed for optimum in outcomes.values]
    success = np.array([o.success and o.log_posterior > -np.inf for o in optima])  # infinite for a perfect fit
    return Bootstrap(
        fit=fit,
        by=by,
        x=np.where(success[:, None], [o.x for o in optima], np.nan),
        log_posterior=np.array([o.log_posterior for o in optima]),
        success=success,
        messages=tuple(o.message for o in optima),
        seed=int(seed),
        undetermined=combinations(objective, x),
        interrupted=outcomes.interrupted,
    )


Variant = Callable[[Objective], Objective]


def _search(view: Objective, variant: Variant, x: Array, limit: int) -> Optimum:
    try:
        return minimize(variant(view), x, limit=limit)
    except FitError as error:  # of this replicate; the others go on
        return Optimum(x, -np.inf, False, str(error), 0, 0)


def _drawing(fit: Fit, by: object) -> Callable[[Objective, np.random.Generator], Variant]:
    """What makes of an objective one with other data."""
    if by == "parametric":
        predicted = fit.objective.predicted(np.array(fit.x)[None])
        return lambda objective, rng: _with_values(objective.simulated(fit.x, predicted, rng))
    if not (isinstance(by, str) and by in KINDS):
        raise FitError(f"bootstrap: by is {by!r}; expected one of {', '.join(map(repr, KINDS))}.")
    units, strata = _cases(fit) if by == "subject" else _arms(fit)
    number, unit_of = np.unique(units, return_inverse=True)
    stratum_of = np.empty(len(number), dtype=object)
    stratum_of[unit_of] = strata
    groups = [np.flatnonzero(stratum_of == s) for s in dict.fromkeys(strata)]
    if max(len(group) for group in groups) < FEWEST:
        raise FitError(
            f"bootstrap: by={by!r} has one {by} to draw{' in each arm' if len(groups) > 1 else ''}; "
            "take by='parametric', or by='arm' where there are several arms."
        )

    def drawn(objective: Objective, rng: np.random.Generator) -> Variant:
        count = np.zeros(len(number))
        for group in groups:
            count[group] = np.bincount(rng.integers(len(group), size=len(group)), minlength=len(group))
        return _with_weights(count[unit_of])

    return drawn


def _with_values(values: Array) -> Variant:
    return lambda objective: objective.with_values(values)


def _with_weights(weights: Array) -> Variant:
    return lambda objective: objective.with_weights(objective.weights * weights)


def _cases(fit: Fit) -> tuple[list[str], Sequence[str]]:
    """For each observation its subject and the arm within which subjects are drawn."""
    data = fit.data
    if data.subject:
        return [f"{arm}\n{subject}" for arm, subject in zip(data.arm, data.subject, strict=True)], data.arm
    if isinstance(fit.predictor, RecordPredictor):  # an arm each subject
        return _arms(fit)
    raise FitError(
        f"bootstrap: {data.name} does not tell subjects apart (no column 'subject'); take by='arm' or by='parametric'."
    )


def _arms(fit: Fit) -> tuple[list[str], Sequence[str]]:
    own: list[Coordinate] = [c for c in fit.coordinates if c.arm is not None]
    if own:
        raise FitError(
            f"bootstrap: {own[0].label} is the value of one arm, which would be lost where the arm is not drawn; "
            "take by='parametric', or by='subject' with subjects in each arm."
        )
    return list(fit.data.arm), ("",) * len(fit.data)
