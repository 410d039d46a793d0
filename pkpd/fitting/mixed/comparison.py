"""Likelihood-ratio tests, and the stepwise search for effects of covariates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import FitError, unknown_name
from pkpd.fitting.mixed.estimation import estimate
from pkpd.fitting.mixed.expansion import coefficient_label
from pkpd.fitting.mixed.results import MixedFit
from pkpd.symbolic.covariates import CovariateEffect

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CovariateSearch", "RatioTest", "likelihood_ratio", "search_covariates"]

Pair = tuple[str, CovariateEffect]
Effects = Mapping[str, Sequence[CovariateEffect] | CovariateEffect]


@dataclass(frozen=True)
class RatioTest:
    """A likelihood-ratio test of a smaller model within a larger one.

    Attributes
    ----------
    drop
        How much lower the objective of the larger model is.
    degrees
        How many more numbers it estimates.
    p
        The chance of such a drop if the smaller one is right.
    variances
        How many of these numbers are variances, which the smaller model holds at 0, their bound:
        `p` is that of the mixture of chi-squares then (Self and Liang 1987), for one of them.
    classes
        How many more subpopulations the larger model has.  A class that is not there has no typical
        values, so that no chi-squared distribution holds (McLachlan and Peel 2000, chapter 6); `p` is a
        guide, and simulated data without the class give its distribution.
    """

    drop: float
    degrees: int
    p: float
    variances: int = 0
    classes: int = 0

    def __str__(self) -> str:
        about = f", {self.variances} of them variances at their bound" if self.variances else ""
        if self.classes:
            about += f", with {self.classes} more subpopulation{'s' * (self.classes > 1)}, for which p is a mere guide"
        way = "falls" if self.drop >= 0 else "rises"
        return f"the objective {way} by {abs(self.drop):.3f} for {self.degrees} more numbers{about}: p = {self.p:.3g}"


def likelihood_ratio(smaller: MixedFit, larger: MixedFit) -> RatioTest:
    """Test a mixed-effects fit against one that it lies within.

    Raises
    ------
    FitError
        If they are of other data or methods, or the larger one does not estimate more.

    References
    ----------
    Self SG, Liang KY. Asymptotic properties of maximum likelihood estimators and likelihood ratio
    tests under nonstandard conditions. J Am Stat Assoc 82:605-610 (1987).
    """
    from scipy.stats import chi2

    for fit in (smaller, larger):
        if not isinstance(fit, MixedFit):
            raise FitError(f"likelihood_ratio() got {fit!r}; expected two results of fits of mixed-effects models.")
    if smaller.method != larger.method or smaller.n_observations != larger.n_observations:
        raise FitError(
            f"likelihood_ratio: one fit has {smaller.n_observations} observations by {smaller.method}, the other "
            f"{larger.n_observations} by {larger.method}; expected the same data and the same method."
        )
    if not _same_observations(smaller, larger):
        raise FitError(
            f"likelihood_ratio: the fits are of other observations ({smaller.records.name} and {larger.records.name}); "
            "expected the same data."
        )
    degrees = larger.n_free - smaller.n_free
    if degrees < 1:
        raise FitError(
            f"likelihood_ratio: the larger model estimates {larger.n_free} numbers and the smaller {smaller.n_free}; "
            "give the one that lies within the other first."
        )
    mine, theirs = (fit.subjects.numbers for fit in (smaller, larger))
    alone = [label for label, free in zip(mine.labels, mine.free, strict=True) if free and label not in theirs.labels]
    if alone:
        raise FitError(
            f"likelihood_ratio: the smaller model estimates {alone[0]!r}, which the larger one lacks; it does not lie "
            "within it, so compare AIC or BIC."
        )
    drop = smaller.objective - larger.objective
    new = set(larger.subjects.numbers.labels) - set(smaller.subjects.numbers.labels)
    variances = sum(label.startswith("omega") for label in new)
    p = float(chi2.sf(max(drop, 0.0), degrees))
    if variances == 1:
        lower = float(chi2.sf(max(drop, 0.0), degrees - 1)) if degrees > 1 else float(drop <= 0)
        p = 0.5 * (p + lower)
    return RatioTest(float(drop), degrees, p, variances, _classes(larger) - _classes(smaller))


def _classes(fit: MixedFit) -> int:
    return max(1, len(fit.statement.mixture))


def _same_observations(one: MixedFit, other: MixedFit) -> bool:
    seen, others = one.residuals, other.residuals
    return all(seen[name].equals(others[name]) for name in ("time", "output", "observed", "measured"))


@dataclass(frozen=True, eq=False)
class CovariateSearch:
    """What a stepwise search tried and kept.

    Attributes
    ----------
    fit
        The last model.
    table
        A row for each model that was tried: step, direction, effect, objective, drop, p, kept.
    interrupted
        Whether Ctrl-C ended it: `fit` is then the model of the last whole step.
    """

    fit: MixedFit
    table: pd.DataFrame
    interrupted: bool = False

    def report(self) -> str:
        """What was kept at each step."""
        lines = []
        for row in self.table[self.table["kept"]].to_dict("records"):
            sign = "with" if row["direction"] == "forward" else "without"
            lines.append(f"{sign} {row['effect']}: objective {row['objective']:.3f}, p = {row['p']:.3g}")
        kept = [coefficient_label(name, e) for name, es in self.fit.statement.covariates.items() for e in es]
        lines.append(f"{len(self.table)} models were tried; the last has {', '.join(kept) or 'no effect'}.")
        if self.interrupted:
            lines.append("The search was interrupted.")
        return "\n".join(lines)


def search_covariates(
    fit: MixedFit,
    candidates: Effects,
    *,
    forward: float = 0.05,
    backward: float = 0.01,
    progress: Callable[[int, int], object] | bool | None = None,
) -> CovariateSearch:
    """Stepwise search for effects of covariates: the best is added while it is significant, then dropped what is not.

    Parameters
    ----------
    fit
        The model to begin with.
    candidates
        By parameter the effects to try: ``{"CL": [power_effect("WT", 70), ...]}``.
    forward, backward
        An effect comes in where the p value of its likelihood-ratio test is less than `forward`, and
        stays where that of leaving it out is less than `backward`.
    progress
        True for a bar on the terminal, or called with the models tried in a step and their number.

    Raises
    ------
    FitError
        If there are no candidates, or a level is no probability.

    References
    ----------
    Jonsson EN, Karlsson MO. Automated covariate model building within NONMEM. Pharm Res
    15:1463-1468 (1998).
    """
    if not isinstance(fit, MixedFit):
        raise FitError(f"search_covariates() got {fit!r}; expected the result of a fit of a mixed-effects model.")
    for what, level in (("forward", forward), ("backward", backward)):
        if not isinstance(level, int | float) or not 0 < level < 1:
            raise FitError(f"search_covariates: {what} is {level!r}; expected a probability, as 0.05.")
    left = _pairs(fit, candidates)
    if not left:
        raise FitError(f"search_covariates: candidates is {candidates!r}; expected effects by parameter.")
    rows: list[dict[str, Any]] = []
    base = replace(fit, certainty=None)
    while left:
        fits = _all_of(_with(base, [*_present(base), pair]) for pair in _told(left, progress, "forward"))
        if fits is None:
            return _ended(base, rows, interrupted=True)
        best = _chosen(rows, base, fits, left, "forward", forward)
        if best is None:
            break
        base, taken = fits[best], coefficient_label(*left[best])
        left = [pair for pair in left if coefficient_label(*pair) != taken]  # nor another effect of that column
    while True:
        present = [pair for pair in _present(base) if pair not in _present(fit)]
        if not present:
            break
        fits = _all_of(
            _with(base, [p for p in _present(base) if p != pair]) for pair in _told(present, progress, "backward")
        )
        if fits is None:
            return _ended(base, rows, interrupted=True)
        best = _chosen(rows, base, fits, present, "backward", backward)
        if best is None:
            break
        base = fits[best]
    return _ended(_with(base, _present(base), covariance=fit.options.covariance), rows, interrupted=False)


def _all_of(fits: Iterable[MixedFit]) -> list[MixedFit] | None:
    """The fits of a step; None where Ctrl-C ended one of them."""
    done: list[MixedFit] = []
    try:
        for one in fits:
            if one.interrupted:
                return None
            done.append(one)
    except KeyboardInterrupt:
        return None
    return done


def _ended(last: MixedFit, rows: list[dict[str, Any]], *, interrupted: bool) -> CovariateSearch:
    import pandas as pd

    columns = ["step", "direction", "effect", "objective", "drop", "p", "kept"]
    return CovariateSearch(last, pd.DataFrame(rows, columns=columns), interrupted)


def _pairs(fit: MixedFit, candidates: Any) -> list[Pair]:
    if not isinstance(candidates, Mapping):
        raise FitError(
            f"search_covariates: candidates is {candidates!r}; expected effects by parameter, as "
            "{'CL': power_effect('WT', 70)}."
        )
    estimated = [c.label for c in fit.subjects.population.components if c.parameter == c.label and not c.random]
    present = {coefficient_label(*pair) for pair in _present(fit)}
    pairs: list[Pair] = []
    for name, effects in candidates.items():
        if name not in estimated:
            raise unknown_name("the mixed-effects model", "estimated parameter", str(name), estimated)
        for effect in effects if isinstance(effects, list | tuple) else [effects]:
            if not isinstance(effect, CovariateEffect):
                raise FitError(
                    f"search_covariates: candidates[{name!r}] has {effect!r}; expected an effect of a column, such as "
                    "power_effect('WT', 70), or a list of them."
                )
            if coefficient_label(name, effect) in present:
                raise FitError(
                    f"search_covariates: candidates[{name!r}] has {effect}, and the fit has an effect of "
                    f"{effect.covariate!r} on {name!r} already; leave it out."
                )
            pairs.append((name, effect))
    return pairs


def _present(fit: MixedFit) -> list[Pair]:
    return [(name, effect) for name, effects in fit.statement.covariates.items() for effect in effects]


def _with(fit: MixedFit, pairs: Sequence[Pair], covariance: Any = None) -> MixedFit:
    """The model with these effects, begun where `fit` ended."""
    effects: dict[str, tuple[CovariateEffect, ...]] = {}
    for name, effect in pairs:
        effects[name] = (*effects.get(name, ()), effect)
    statement = fit.statement.but(covariates=effects)
    return estimate(statement, fit.records, replace(fit.options, covariance=covariance), _known(fit, statement, pairs))


def _known(fit: MixedFit, statement: Any, pairs: Sequence[Pair]) -> dict[str, float]:
    """The estimates that both models have."""
    dropped = {coefficient_label(n, e) for n, e in _present(fit)} - {coefficient_label(n, e) for n, e in pairs}
    return {str(k): float(v) for k, v in fit.estimates["estimate"].items() if k not in dropped}


def _chosen(
    rows: list[dict[str, Any]], base: MixedFit, fits: Sequence[MixedFit], pairs: Sequence[Pair], direction: str,
    level: float,
) -> int | None:  # fmt: skip
    """The number of the fit to go on with; all are noted in `rows`."""
    forward = direction == "forward"
    tests = [likelihood_ratio(base, f) if forward else likelihood_ratio(f, base) for f in fits]
    order = np.argmin([t.p for t in tests]) if forward else np.argmax([t.p for t in tests])
    taken = int(order)
    kept = tests[taken].p < level if forward else tests[taken].p >= level
    step = 1 + max((row["step"] for row in rows), default=0)
    for i, (test, (name, effect), fit) in enumerate(zip(tests, pairs, fits, strict=True)):
        rows.append(
            {
                "step": step,
                "direction": direction,
                "effect": f"{name} by {effect.covariate}: {effect}",
                "objective": fit.objective,
                "drop": test.drop,
                "p": test.p,
                "kept": bool(kept and i == taken),
            }
        )
    return taken if kept else None


def _told(pairs: Sequence[Pair], progress: Any, direction: str) -> Any:
    if progress is True:
        from rich.progress import track

        return track(list(pairs), description=f"{direction}: {len(pairs)} effects", transient=True)
    if callable(progress):
        return _calling(pairs, progress)
    return list(pairs)


def _calling(pairs: Sequence[Pair], progress: Callable[[int, int], object]) -> Any:
    for i, pair in enumerate(pairs):
        yield pair
        progress(i + 1, len(pairs))
