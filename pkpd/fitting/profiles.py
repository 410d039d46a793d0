"""Profile likelihoods: how far each parameter can go while the others make up for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.mixed.resampling import MixedProfiles, profiled
from pkpd.fitting.mixed.results import MixedFit
from pkpd.fitting.multistart import check_starts, several_optima
from pkpd.fitting.objective import Objective
from pkpd.fitting.profile_walks import BETTER, Walk, tangents, walk
from pkpd.fitting.results import Fit
from pkpd.fitting.shapes import Interval, chosen, interval_table
from pkpd.fitting.thresholds import Threshold, threshold
from pkpd.fitting.together import with_one_model
from pkpd.solvers.problem import Progress

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Profile", "Profiles", "profile"]

PERFECT = 1e-20  # of the squares of the values: residuals by rounding
INTERRUPTED = "The search was interrupted."
FLAT = 0.01  # of the threshold: a profile that falls by no more is flat


@dataclass(frozen=True, eq=False)
class Profile:
    """The highest log-posterior for each value of one coordinate.

    Attributes
    ----------
    position
        Of the coordinate among those of the fit.
    points
        (n, coordinates): where the others are best, in increasing order of the profiled one; on
        the scale of the search.
    log_posterior
        (n,).
    interval
        Where the profile has fallen to the threshold.
    notes
        Why a side is open.
    """

    coordinates: tuple[Coordinate, ...]
    position: int
    points: Array
    log_posterior: Array
    interval: Interval
    notes: tuple[str, ...]

    @property
    def coordinate(self) -> Coordinate:
        return self.coordinates[self.position]

    @property
    def x(self) -> Array:
        """The values of the profiled coordinate on the scale of the search, (n,)."""
        return self.points[:, self.position]

    @property
    def values(self) -> Array:
        """The values of the profiled parameter in its unit, (n,)."""
        return np.asarray(self.coordinate.natural(self.x))

    @property
    def companions(self) -> list[str]:
        """The labels of the coordinates that move by half their size or more along the profile."""
        moved = np.ptp(self.points, axis=0)
        middle = self.points[int(np.argmax(self.log_posterior))]
        each = enumerate(zip(self.coordinates, moved, middle, strict=True))
        return [c.label for i, (c, far, v) in each if i != self.position and far > 0.5 * c.span(v)]


@dataclass(frozen=True, eq=False, repr=False)
class Profiles:
    """The result of `profile`; frozen.

    Attributes
    ----------
    curves
        A `Profile` for each coordinate that was asked for; ``profiles["CL"]`` is one of them.
    x, log_posterior
        The estimates, on the scale of the search, and the log-posterior there.
    threshold
        How far twice the log-posterior falls at the ends of the intervals, and by which rule.
    confidence
        Of the intervals.
    notes
        What else is known to be undecided.
    interrupted
        Whether Ctrl-C ended the search; open sides are then not known.
    """

    curves: tuple[Profile, ...]
    x: Array
    log_posterior: float
    threshold: Threshold
    confidence: float
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    def __getitem__(self, label: str) -> Profile:
        for curve in self.curves:
            if curve.coordinate.label == label:
                return curve
        raise unknown_name("profiles", "profile", str(label), [c.coordinate.label for c in self.curves])

    @property
    def intervals(self) -> pd.DataFrame:
        """A table by parameter: estimate, ci_low and ci_high in the parameter's unit, unit, shape.

        The shape is "bounded", "bounded below only", "bounded above only" or "not bounded"; an open
        side has the bound of the parameter, infinite where there is none.  Where Ctrl-C ended the search
        the shape is "undetermined", and the side that was not found is NaN.
        """
        table: pd.DataFrame = interval_table([curve.interval for curve in self.curves])
        return table

    @property
    def table(self) -> pd.DataFrame:
        """A row for each point: parameter, value, log_posterior, deviance, and the values of all parameters.

        The deviance is twice the fall of the log-posterior from the estimates.
        """
        import pandas as pd

        return pd.concat([self._rows(curve) for curve in self.curves], ignore_index=True)

    def _rows(self, curve: Profile) -> pd.DataFrame:
        import pandas as pd

        columns = {
            "parameter": curve.coordinate.label,
            "value": curve.values,
            "log_posterior": curve.log_posterior,
            "deviance": 2 * (self.log_posterior - curve.log_posterior),
        }
        others = {c.label: c.natural(curve.points[:, i]) for i, c in enumerate(curve.coordinates)}
        return pd.DataFrame({**columns, **others})

    @property
    def better(self) -> str:
        """In words the best point met, where it is better than the fit; otherwise empty."""
        curve = max(self.curves, key=lambda c: float(c.log_posterior.max()))
        gain = float(curve.log_posterior.max()) - self.log_posterior
        if gain <= BETTER:
            return ""
        best = curve.points[int(np.argmax(curve.log_posterior))]
        at = ", ".join(f"{c.label} = {float(c.natural(v)):.6g}" for c, v in zip(curve.coordinates, best, strict=True))
        return (
            f"The fit is not at the optimum: the log-posterior is higher by {gain:.3g} at {at}. Fit again from there; "
            "these intervals are relative to the fit."
        )

    def sentences(self) -> list[str]:
        """What the data say about each parameter."""
        return [*map(self._sentence, self.curves), *([self.better] if self.better else []), *self.notes]

    def _sentence(self, curve: Profile) -> str:
        if INTERRUPTED in curve.notes:
            return f"{curve.coordinate.label} has no interval. {INTERRUPTED}"
        words = [curve.interval.sentence(self.confidence)]
        if curve.interval.shape == "not bounded":
            fall = float(2 * (self.log_posterior - curve.log_posterior.min()))
            low, high = curve.values[0], curve.values[-1]
            if fall <= FLAT * self.threshold.fall:
                words.append(f"Its profile is flat from {low:.4g} to {high:.4g}.")
        if curve.interval.shape != "bounded" and curve.companions:
            words.append(f"It can be made up for by {', '.join(curve.companions)}.")
        return " ".join([*words, *curve.notes])

    def report(self) -> str:
        """The intervals in words, and the rule by which they end."""
        return "\n".join([f"Profile likelihood, {self.threshold.rule}:", *self.sentences()])

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return f"<Profiles of {', '.join(c.coordinate.label for c in self.curves)}: {100 * self.confidence:g} %>"


@overload
def profile(
    fit: Fit,
    parameters: str | Iterable[str] | None = ...,
    *,
    confidence: float = ...,
    limit: int = ...,
    starts: int = ...,
    progress: Progress | None = ...,
) -> Profiles: ...


@overload
def profile(
    fit: MixedFit,
    parameters: str | Iterable[str] | None = ...,
    *,
    confidence: float = ...,
    limit: int = ...,
    starts: int = ...,
    progress: Progress | None = ...,
) -> MixedProfiles: ...


def profile(
    fit: Fit | MixedFit,
    parameters: str | Iterable[str] | None = None,
    *,
    confidence: float = 0.95,
    limit: int = 1000,
    starts: int = 1,
    progress: Progress | None = None,
) -> Profiles | MixedProfiles:
    """Profile the likelihood: confidence intervals without a quadratic approximation.

    For each parameter and direction a walk away from the estimate, by steps that adapt, with all
    others estimated anew from where they were; it ends where the deviance passes the threshold,
    whose place is then found as a root.  All walks are one ensemble.

    The threshold is the quantile of chi-square with one degree of freedom.  Where the standard
    deviations are known up to one common factor, which is estimated, it is that of Student's t:
    ``n ln(1 + t**2/(n - p))``, which is exact for a linear model.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`.  Of a mixed-effects fit each estimate is held at places over 3 standard
        errors to both sides, and the result is `MixedProfiles`, with `intervals` too.
    parameters
        Labels as in ``fit.estimates``; a parameter with a value in each arm stands for all of
        them.  All by default.
    confidence
        Of the intervals.
    limit
        Evaluations that a search of the others may take; of a mixed-effects fit iterations.
    starts
        With 2 or more so many searches, from a Latin hypercube over the bounds or the ranges of the starts
        of `fit`, look for another optimum of the others wherever the threshold is passed.  Where the
        others jump from one optimum to another by themselves, 8 such searches say which is the best.
    progress
        Called with the number of walks that ended and of all.

    Returns
    -------
    Profiles
        With `intervals`, `table` and `report()`.  A side on which the threshold is not met before
        the bound is open, and named so; a parameter without a bound is followed to 1000 times its
        estimate or a 1000th of it on a log scale, and by 100 times its size otherwise.  A profile
        whose deviance has several minima is followed to its first crossing.  Where the others have several
        optima the one that is followed need not be the best; see `starts`.

    Raises
    ------
    UnknownNameError
        If there is no such parameter.
    FitError
        If `confidence` is not between 0 and 1, or no observation is left to estimate the common
        factor from.

    References
    ----------
    Venzon DJ, Moolgavkar SH. A method for computing profile-likelihood-based confidence
    intervals. Appl Stat 37:87-94 (1988).  Raue A et al. Structural and practical
    identifiability analysis of partially observed dynamical models by exploiting the profile
    likelihood. Bioinformatics 25:1923-1929 (2009).

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> rows = {"arm": "a", "time": [1.0, 2.0, 5.0, 10.0], "output": "C", "value": [9.2, 8.1, 6.1, 3.6], "sd": 0.2}
    >>> data = pkpd.read_observations(pd.DataFrame(rows), {"a": pkpd.bolus(100, "iv")})
    >>> wanted = {"CL": pkpd.free(0.5, log=True), "V": pkpd.free(8, log=True)}
    >>> result = pkpd.fit(pkpd.load("pk_1cmt"), data, wanted)
    >>> pkpd.profile(result, "CL").intervals.loc["CL", "shape"]
    'bounded'
    """
    if isinstance(fit, MixedFit):
        if starts != 1:
            raise FitError(f"profile: starts is {starts!r}; a profile of a mixed-effects fit has one search a place.")
        return profiled(fit, parameters, confidence=confidence, limit=limit, progress=progress)
    if not isinstance(fit, Fit):
        raise FitError(f"profile() got {fit!r}; expected what pkpd.fit() returns.")
    check_starts(starts, "profile")
    objective, x = fit.objective, np.array(fit.x)
    rule = threshold(objective, confidence)
    if fit.objective.relative and fit.chi_square <= PERFECT * float(((fit.data.value / fit.data.sd) ** 2).sum()):
        raise FitError(
            f"profile: the model goes through all {len(fit.data)} observations, which do not tell how large the "
            "errors are. Give the data a column 'sd'."
        )
    positions = chosen(objective, parameters, "profile()")
    directions = tangents(objective, x)
    walks = [
        _walk_of(x, fit.log_posterior, position, sign, directions[position], rule.fall, limit, starts)
        for position in positions
        for sign in (-1, 1)
    ]
    outcomes = with_one_model(objective, walks, progress=progress)
    pairs = zip(outcomes.values[::2], outcomes.values[1::2], strict=True)
    origin = Walk(x[None], np.array([fit.log_posterior]), np.nan, INTERRUPTED)
    curves = tuple(
        _joined(objective.coordinates, position, x, low or origin, high or origin)
        for position, (low, high) in zip(positions, pairs, strict=True)
    )
    return Profiles(curves, x, fit.log_posterior, rule, confidence, tuple(several_optima(fit)), outcomes.interrupted)


def _walk_of(
    x: Array, log_posterior: float, position: int, sign: int, tangent: Array, fall: float, limit: int, starts: int
) -> Callable[[Objective], Walk]:
    return lambda view: walk(view, x, log_posterior, position, sign, tangent, fall, limit, starts)


def _joined(coordinates: Sequence[Coordinate], position: int, x: Array, low: Walk, high: Walk) -> Profile:
    points = np.concatenate([low.points, high.points[1:]])  # both begin at the estimate
    values = np.concatenate([low.log_posterior, high.log_posterior[1:]])
    order = np.argsort(points[:, position], kind="stable")
    c = coordinates[position]
    interval = Interval(
        c,
        float(x[position]),
        c.lower if low.end is None else low.end,
        c.upper if high.end is None else high.end,
        low.end is None,
        high.end is None,
        undetermined=INTERRUPTED in (low.note, high.note),
    )
    notes = tuple(note for note in dict.fromkeys((low.note, high.note)) if note)
    return Profile(tuple(coordinates), position, points[order], values[order], interval, notes)
