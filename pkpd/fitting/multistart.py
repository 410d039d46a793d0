"""Searches from many starts at once, and the optima in which they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FitError
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.objective import Objective
from pkpd.fitting.ranges import search_ranges
from pkpd.fitting.search import Optimum, minimize
from pkpd.fitting.together import with_one_model
from pkpd.solvers.problem import Progress

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Starts", "check_starts", "multistart", "several_optima", "spread_starts"]

SAME = 0.01  # of log-likelihood: ends that differ by less are one optimum
EQUAL = 1e-3  # of log-likelihood: so equal are ends of one likelihood ...
APART = 0.2  # ... and so many spans apart are different estimates


@dataclass(frozen=True, eq=False, repr=False)
class Starts:
    """Where the searches of a fit began and ended, in the order of their starts; the first is the given start.

    Attributes
    ----------
    begin, end
        (starts, coordinates): on the scale of the search; a search that could not begin ends
        where it began.
    log_posterior_begin, log_posterior
        (starts,): at the two; -inf where the model cannot be solved.
    success, messages
        Whether each minimizer converged, and what it says.
    evaluations
        (starts,): how often each asked for values.
    seed
        Of the Latin hypercube.
    interrupted
        Whether Ctrl-C ended the searches.
    """

    coordinates: tuple[Coordinate, ...]
    begin: Array
    end: Array
    log_posterior_begin: Array
    log_posterior: Array
    success: Mask
    messages: tuple[str, ...]
    evaluations: Index
    seed: int
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.begin)

    @property
    def best(self) -> int:
        """Which start led to the highest log-posterior; the first of equals."""
        return int(np.argmax(self.log_posterior))

    @cached_property
    def optimum(self) -> Index:
        """(starts,): 1 for those that ended in the best optimum, 2 in the next, ...; 0 where a search failed.

        Ends whose log-posteriors differ by less than 0.01 from the next one are one optimum.
        """
        number = np.zeros(len(self), dtype=np.int64)
        ended = np.flatnonzero(self.success & (self.log_posterior > -np.inf))
        order = ended[np.argsort(-self.log_posterior[ended], kind="stable")]
        with np.errstate(invalid="ignore"):  # perfect fits are infinite, and alike
            drops = -np.diff(self.log_posterior[order])
        number[order] = 1 + np.concatenate([[0], np.cumsum(drops > SAME)])[: len(order)]
        return number

    @property
    def n_optima(self) -> int:
        """The number of distinct optima."""
        return int(self.optimum.max(initial=0))

    @property
    def failures(self) -> int:
        """The searches that failed."""
        return int((self.optimum == 0).sum())

    @property
    def table(self) -> pd.DataFrame:
        """The starts from the best end to the worst: what a waterfall shows.

        Columns: optimum, log_posterior, log_posterior_begin, success, evaluations, message, and
        for each parameter ``NAME_begin`` and ``NAME`` in its unit.
        """
        import pandas as pd

        columns: dict[str, Any] = {
            "optimum": self.optimum,
            "log_posterior": self.log_posterior,
            "log_posterior_begin": self.log_posterior_begin,
            "success": self.success,
            "evaluations": self.evaluations,
            "message": self.messages,
        }
        for i, c in enumerate(self.coordinates):
            columns[f"{c.label}_begin"] = c.natural(self.begin[:, i])
            columns[c.label] = c.natural(self.end[:, i])
        table = pd.DataFrame(columns, index=pd.RangeIndex(len(self), name="start"))
        return table.sort_values(["success", "log_posterior"], ascending=False, kind="stable")

    @property
    def undecided(self) -> str:
        """In words, the parameters that differ between ends of one and the same likelihood; empty where none does."""
        best = self.log_posterior[self.best]
        equal = self.end[self.success & (self.log_posterior >= best - EQUAL)]
        if len(equal) < 2:
            return ""
        low, high = equal.min(axis=0), equal.max(axis=0)
        each = list(zip(self.coordinates, self.end[self.best], low, high, strict=True))
        apart = [
            f"{c.label} ({float(c.natural(a)):.4g} to {float(c.natural(b)):.4g})"
            for c, v, a, b in each
            if b - a > APART * c.span(v)
        ]
        return f"The same likelihood is reached at different values of {', '.join(apart)}." if apart else ""

    def report(self) -> str:
        """How many starts there were, how they ended, and what they leave undecided."""
        ended = int((self.optimum == 1).sum())
        failed = f"; {self.failures} failed" if self.failures else ""
        optima = "optimum" if self.n_optima == 1 else "distinct optima"
        first = f"{len(self)} starts ended in {self.n_optima} {optima}, {ended} of them in the best{failed}."
        return " ".join(part for part in (first, self.undecided) if part)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        optima = "optimum" if self.n_optima == 1 else "optima"
        return f"<Starts: {len(self)} in {self.n_optima} {optima}, {self.failures} failed>"


def several_optima(fit: Any) -> list[str]:
    """What the starts of a fit left undecided, as sentences; none where there was one start."""
    return [fit.starts.undecided] if fit.starts is not None and fit.starts.undecided else []


def spread_starts(objective: Objective, n: int, seed: int) -> Array:
    """The start of the coordinates, then a Latin hypercube over their ranges, (n, coordinates).

    It is uniform on the scale of the search, log-uniform for a parameter on a log scale, between the ends
    of `search_ranges`.
    """
    from scipy.stats import qmc

    start = objective.start
    lower, upper = search_ranges(objective)
    cube = qmc.LatinHypercube(len(start), rng=np.random.default_rng(seed)).random(max(n - 1, 0))
    return np.concatenate([start[None], lower + cube * (upper - lower)])[:n]


def check_starts(starts: object, where: str = "fit") -> None:
    """Refuse what is no number of starts.

    Raises
    ------
    FitError
    """
    if not isinstance(starts, int | np.integer) or isinstance(starts, bool) or starts < 1:
        raise FitError(f"{where}: starts is {starts!r}; expected a whole number of 1 or more.")


def multistart(
    objective: Objective,
    starts: int,
    seed: int = 0,
    *,
    optimizer: str | None = None,
    limit: int = 1000,
    progress: Progress | None = None,
) -> Starts:
    """Search from many starts, all of them as one ensemble.

    Parameters
    ----------
    objective
        What is maximized.
    starts
        How many searches; the first begins at the start of the coordinates, the others at those
        of `spread_starts`.
    seed
        Of the Latin hypercube.
    optimizer, limit
        As for `minimize`.
    progress
        Called with the number of searches that ended and of all.

    Raises
    ------
    FitError
        If `starts` is not a whole number of 1 or more, or the model can be solved at no start.
    """
    check_starts(starts)
    begin = spread_starts(objective, int(starts), seed)
    values = objective.log_posterior(begin)
    usable = np.flatnonzero(values > -np.inf)
    if not len(usable):
        raise FitError(f"fit: the model can be solved at none of {starts} starts; narrow the bounds.")

    def searched(x: Array) -> Callable[[Objective], Optimum]:
        return lambda view: _ended(view, x, optimizer, limit)

    outcomes = with_one_model(objective, [searched(begin[i]) for i in usable], progress=progress)
    ends: list[Optimum | None] = [None] * len(begin)
    for i, outcome in zip(usable, outcomes.values, strict=True):
        ends[i] = outcome
    return _starts(objective, begin, values, ends, seed, outcomes.interrupted)


def _ended(objective: Objective, x: Array, optimizer: str | None, limit: int) -> Optimum:
    try:
        return minimize(objective, x, optimizer=optimizer, limit=limit)
    except FitError as error:  # of this start; the others go on
        return Optimum(x, -np.inf, False, str(error), 0, 0)


def _starts(
    objective: Objective, begin: Array, values: Array, ends: list[Optimum | None], seed: int, interrupted: bool
) -> Starts:
    def message(i: int, end: Optimum | None) -> str:
        if end is not None:
            return end.message
        return "interrupted" if values[i] > -np.inf else "the model cannot be solved at this start"

    return Starts(
        coordinates=objective.coordinates,
        begin=begin,
        end=np.array([x if end is None else end.x for x, end in zip(begin, ends, strict=True)]),
        log_posterior_begin=values,
        log_posterior=np.array([v if end is None else end.log_posterior for v, end in zip(values, ends, strict=True)]),
        success=np.array([end is not None and end.success for end in ends]),
        messages=tuple(message(i, end) for i, end in enumerate(ends)),
        evaluations=np.array([0 if end is None else end.evaluations for end in ends], dtype=np.int64),
        seed=seed,
        interrupted=interrupted,
    )
