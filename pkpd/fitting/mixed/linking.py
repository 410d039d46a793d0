"""Which observation has which partner, where residual errors depend on one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError
from pkpd.fitting.likelihoods import BlqMethod
from pkpd.fitting.mixed.components import Component
from pkpd.fitting.mixed.scales import Scale
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.fitting.record_observations import RecordObservations
from pkpd.measures.dependent_errors import AutocorrelatedErrors, CorrelatedErrors, DependentErrors
from pkpd.solvers.rounding import SAME_TIME

__all__ = ["Partners", "partners", "require_partners"]

FORGOTTEN = 0.01
"""At the floor of a time constant the squared correlations of all observations with their partners sum to this.

Their correlation is a tenth of its standard error there, and the objective within a few tenths of that of
independent errors; below, a search finds no slope to follow.
"""


@dataclass(frozen=True, eq=False)
class Partners:
    """The observations that one statement of dependent errors makes partners.

    Attributes
    ----------
    own, other
        (links,): the number of each among the observations, and that of its partner.
    gaps
        (links,): the times between them, of an autocorrelation; None otherwise.
    """

    stated: DependentErrors
    own: Index
    other: Index
    gaps: Array | None = None

    def component(self, statement: MixedEffects) -> Component:
        """The number that is estimated."""
        one = self.stated
        free = not one.held and one.label not in statement.fixed
        unit, lowest = "1" if self.gaps is None else statement.model.time, -math.inf
        if self.gaps is not None and len(self.gaps) and free:
            lowest = _least_time(self.gaps)
        scale = Scale("logit", -1.0, 1.0) if self.gaps is None else Scale()  # twice Fisher's, and logarithms
        return Component(one.label, scale, one.start, unit, None, free, lowest=lowest)


def _least_time(gaps: Array) -> float:
    """The logarithm of the floor of a time constant."""
    from scipy.optimize import brentq

    def above(log_time: float) -> float:
        return float(np.exp(-2 * gaps * math.exp(-log_time)).sum()) - FORGOTTEN

    return float(brentq(above, math.log(gaps.min() / 50), math.log(gaps.max() * 50)))


def partners(stated: Sequence[DependentErrors], observed: RecordObservations, blq: BlqMethod) -> tuple[Partners, ...]:
    """The partners of each statement.

    Raises
    ------
    FitError
        If an observation beyond a limit, or a second one at one time, would have a partner.
    """
    found = []
    for one in stated:
        _require_measured(one, observed, blq)
        run = _runs(observed)
        if isinstance(one, AutocorrelatedErrors):
            found.append(_in_time(one, observed, run))
        else:
            found.append(_at_one_time(one, observed, run))
    return tuple(found)


def require_partners(subjects: Subjects) -> None:
    """Refuse to estimate a correlation of errors that no two observations tell of.

    Raises
    ------
    FitError
    """
    free = {c.label for c in subjects.population.components if c.free}
    for link in subjects.observations.links:
        if link.label in free and not len(link.places):
            how = "of both outputs at one time of a subject" if link.gaps is None else "of the output in one subject"
            raise FitError(
                f"fit: {link.label!r} cannot be estimated: there are no two observations {how}. Leave it out of "
                "residuals=, or hold it with .fixed()."
            )


def _require_measured(one: DependentErrors, observed: RecordObservations, blq: BlqMethod) -> None:
    output = np.array(observed.data.output, dtype=object)
    if blq == "M4":
        raise FitError(
            f"fit: blq is 'M4', and {one.label!r} has no place for the condition that observations are positive; use "
            "blq='M1', or 'M3' where nothing is beyond a limit."
        )
    for name in one.outputs:
        beyond = int((observed.data.censored[output == name] != 0).sum())
        if beyond:
            raise FitError(
                f"fit: {one.label!r} has no place for the {beyond} observations of {name!r} beyond a limit; use "
                "blq='M1', which leaves them out."
            )


def _runs(observed: RecordObservations) -> Index:
    """(observations,): a number that those of a subject share until time goes back."""
    records = observed.records
    begins = np.append(False, np.diff(records["TIME"]) < 0)
    begins[records.first_rows] = True
    return np.asarray(np.cumsum(begins)[observed.rows])


def _in_time(one: AutocorrelatedErrors, observed: RecordObservations, run: Index) -> Partners:
    data = observed.data
    own = np.flatnonzero(np.array(data.output, dtype=object) == one.output)
    own = own[np.lexsort((observed.rows[own], run[own]))]
    follows = np.diff(run[own]) == 0
    place, before = own[1:][follows], own[:-1][follows]
    gaps = data.time[place] - data.time[before]
    twice = gaps <= SAME_TIME * np.abs(data.time[place])
    if twice.any():
        i = int(place[np.argmax(twice)])
        raise FitError(
            f"fit: {one.output!r} is observed twice at time {data.time[i]:g} of subject {data.arm[i]}, where "
            f"{one.label!r} would make both errors one; leave one of the two out, or take their mean."
        )
    return Partners(one, place, before, gaps)


def _at_one_time(one: CorrelatedErrors, observed: RecordObservations, run: Index) -> Partners:
    """The first of one output with the first of the other at a time, the second with the second."""
    data = observed.data
    order = np.lexsort((observed.rows, data.time, run))
    time = data.time[order]
    later = np.append(True, (np.diff(time) > SAME_TIME * np.abs(time[1:])) | (np.diff(run[order]) != 0))
    moments = np.empty(len(order), dtype=np.int64)
    moments[order] = np.cumsum(later)
    waiting: dict[str, dict[tuple[int, int], int]] = {name: {} for name in one.outputs}
    counts: dict[tuple[str, int], int] = {}
    for i in order.tolist():
        name, moment = data.output[i], int(moments[i])
        if name in waiting:
            count = counts[name, moment] = counts.get((name, moment), 0) + 1
            waiting[name][moment, count] = i
    first, second = (waiting[name] for name in one.outputs)
    both = sorted(first.keys() & second.keys())
    places = np.array([(second[key], first[key]) for key in both], dtype=np.int64).reshape(-1, 2)
    return Partners(one, places[:, 0], places[:, 1])
