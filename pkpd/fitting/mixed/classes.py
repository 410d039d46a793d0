"""What is estimated of a mixture: the numbers of every class, those that classes share once, and probabilities.

A class has the numbers of a population model (`Population`), v = (beta, l).  The vector of the
search, u, holds those that all classes share once, others for each class that has its own, and at
the end a number for the probability of each class but the first.  So the vector of a class is a
choice of numbers of u, and a slope by v is a slope by those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FitError
from pkpd.fitting.mixed.components import Population
from pkpd.fitting.mixed.populations import require_estimated, require_labels
from pkpd.fitting.mixed.statements import MixedEffects

__all__ = ["Classes", "Numbers", "classes_of", "posterior_shares"]


@dataclass(frozen=True, eq=False)
class Classes:
    """The layout of u for a mixture.

    Attributes
    ----------
    population
        One class: what it makes of a subject, and the layout of v.
    names
        Of the classes.
    select
        (classes, numbers of v): which number of u each number of a class is.
    labels, free, start
        Of u, (nu,): the last numbers are those of the probabilities.
    """

    population: Population
    names: tuple[str, ...]
    select: Index
    labels: tuple[str, ...]
    free: Mask
    start: Array

    @property
    def count(self) -> int:
        return len(self.names)

    @property
    def nu(self) -> int:
        return len(self.labels)

    @property
    def first_probability(self) -> int:
        """Where the numbers of probabilities begin."""
        return self.nu - self.count + 1

    @cached_property
    def lowest(self) -> Array:
        """(nu,): bounds of the search from below, for standard deviations that go to 0."""
        lowest = np.full(self.nu, -np.inf)
        for own in self.select:
            lowest[own] = self.population.lowest
        return lowest

    @cached_property
    def source(self) -> Index:
        """(first_probability,): which number of v each number of u is."""
        source = np.zeros(self.first_probability, dtype=np.int64)
        for own in self.select:
            source[own] = np.arange(self.population.nu)
        return source

    def alone(self, label: str) -> str:
        """The label without the name of a class: what it is in the population model."""
        place = self.labels.index(label)
        return label if place >= self.first_probability else self.population.labels[self.source[place]]

    def of(self, u: Array) -> Array:
        """The vectors of all classes, (..., classes, numbers of v)."""
        return np.asarray(u[..., self.select])

    # ---- probabilities

    @cached_property
    def _searched(self) -> Mask:
        """(classes,): whose probability is no number that is held: the first has what all others leave."""
        return np.concatenate([[True], self.free[self.first_probability :]])

    def log_probabilities(self, u: Array) -> Array:
        """(..., classes): held ones by their logit, the others share what these leave (softmax)."""
        from scipy.special import expit, log_softmax

        number = np.concatenate([np.zeros((*u.shape[:-1], 1)), u[..., self.first_probability :]], axis=-1)
        log = np.log(expit(number))
        left = 1 - np.exp(log[..., ~self._searched]).sum(-1, keepdims=True)
        log[..., self._searched] = log_softmax(number[..., self._searched], axis=-1) + np.log(left)
        return np.asarray(log)

    def probability_slopes(self, u: Array) -> Array:
        """d ln p/du of those that are searched for, (..., classes, classes - 1); 0 by the others."""
        share = np.where(self._searched, np.exp(self.log_probabilities(u)), 0.0)
        share = share / share.sum(-1, keepdims=True)
        slopes = np.where(self._searched[:, None], np.eye(self.count) - share[..., None, :], 0.0)
        return np.where(self._searched, slopes, 0.0)[..., 1:]

    def numbers_of(self, probabilities: Array) -> Array:
        """The numbers of u for the probabilities of all classes but the first, (classes - 1,).

        Raises
        ------
        FitError
            If they leave nothing to the first class, or one is not between 0 and 1.
        """
        first = 1 - float(probabilities.sum())
        if not ((probabilities > 0) & (probabilities < 1)).all() or first <= 0:
            stated = ", ".join(f"{n} {p:g}" for n, p in zip(self.names[1:], probabilities, strict=True))
            raise FitError(
                f"fit: the probabilities of the subpopulations start at {stated}, which leaves {first:g} for "
                f"{self.names[0]}; each is to be between 0 and 1, and so is what they leave."
            )
        held = ~self.free[self.first_probability :]
        return np.asarray(np.log(probabilities) - np.where(held, np.log1p(-probabilities), np.log(first)))

    def information(self, u: Array, subjects: int) -> Array:
        """Of the numbers of probabilities, were the classes known: the curvature of -2 ln L, (..., K - 1, K - 1)."""
        share = np.where(self._searched, np.exp(self.log_probabilities(u)), 0.0)
        left = share.sum(-1)[..., None, None]
        share = (share / share.sum(-1, keepdims=True))[..., 1:]
        diagonal = share[..., None] * np.eye(self.count - 1)
        return np.asarray(2 * subjects * left * (diagonal - share[..., :, None] * share[..., None, :]))

    def empty(self, u: Array, subjects: int) -> Mask:
        """(classes,): whether less than half a subject is expected in a class."""
        return np.asarray(np.exp(self.log_probabilities(u)) * subjects < 0.5)

    def without_members(self, u: Array, subjects: int) -> Mask:
        """(nu,): what is of empty classes alone; where one is, the probability of one class follows from others."""
        empty = self.empty(u, subjects)
        kept = np.zeros(self.nu, dtype=bool)
        kept[self.select[~empty]] = True
        kept[self.first_probability :] = ~empty[1:]
        if empty[0] and self.count > 1:
            kept[self.first_probability + int(np.argmax(~empty[1:]))] = False
        return ~kept

    # ---- derivatives by v as such by u

    def spread_slopes(self, by_class: Array) -> Array:
        """(..., classes, *, numbers of v) -> (..., classes, *, nu), for arrays with classes third from the end."""
        whole = np.zeros((*by_class.shape[:-1], self.nu))
        for k, own in enumerate(self.select):
            whole[..., k, :, own] = np.moveaxis(by_class[..., k, :, :], -1, 0)
        return whole

    def spread_information(self, by_class: Array) -> Array:
        """The sum over classes of (..., classes, numbers of v, numbers of v), (..., nu, nu)."""
        whole = np.zeros((*by_class.shape[:-3], self.nu, self.nu))
        for k, own in enumerate(self.select):
            whole[..., own[:, None], own] += by_class[..., k, :, :]
        return whole

    # ---- names that changed places

    @cached_property
    def told_by(self) -> Index:
        """(classes,): the numbers of u that tell classes apart: those of the first in which most of them differ."""
        different = [len(np.unique(column)) for column in self.select.T]
        return np.asarray(self.select[:, int(np.argmax(different))])

    def ordered(self, u: Array) -> tuple[Array, Index] | None:
        """u with classes renamed so that what tells them apart (`told_by`) is in the order in which it started.

        Returns
        -------
        tuple or None
            The vector, and for each class the number of that whose place it takes; None where the
            order holds, or no renaming of classes says the same.
        """
        wanted, here = (np.argsort(values[self.told_by], kind="stable") for values in (self.start, u))
        taken = np.empty(self.count, dtype=np.int64)
        taken[wanted] = here
        if np.array_equal(taken, np.arange(self.count)):
            return None
        renamed = u.copy()
        for k, own in enumerate(self.select):
            renamed[own] = u[self.select[taken[k]]]
        same = all(np.allclose(renamed[own], u[self.select[taken[k]]]) for k, own in enumerate(self.select))
        moved = ~np.isclose(renamed, u) & ~self.free
        if not same or moved.any() or not self._searched.all():
            return None
        log = self.log_probabilities(u)[taken]
        renamed[self.first_probability :] = log[1:] - log[0]
        return renamed, taken


Numbers = Population | Classes
"""What a vector u of the search means: a population model's, or that of a mixture."""


def posterior_shares(parts: Array, log_probabilities: Array) -> tuple[Array, Array]:
    """-2 ln of the sum over classes of p exp(-O/2) and the share of each class in it.

    Parameters
    ----------
    parts
        (..., classes, subjects): O, infinite where a class has no likelihood.
    log_probabilities
        (..., classes).

    Returns
    -------
    tuple
        (..., subjects) and (..., classes, subjects).
    """
    from scipy.special import logsumexp

    log = log_probabilities[..., None] - 0.5 * parts
    log = np.where(np.isnan(log), -np.inf, log)
    with np.errstate(all="ignore"):
        total = logsumexp(log, axis=-2)
        shares = np.exp(log - np.where(np.isfinite(total), total, 0.0)[..., None, :])
    return np.asarray(-2 * total), np.asarray(shares)


def classes_of(statement: MixedEffects, population: Population, own: Sequence[Population]) -> Classes:
    """The layout of a mixture.

    Parameters
    ----------
    population
        That of the statement without its mixture, nothing fixed by label.
    own
        That of each class, which differs in starts alone.

    Raises
    ------
    UnknownNameError
        If what is fixed or has a prior is no label.
    FitError
        If two classes are alike, or nothing is estimated.
    """
    names = tuple(statement.mixture)
    starts = np.stack([one.start for one in own])
    _require_different(names, starts)
    _require_scales(names, population, own)
    differs = _differing(statement, population, own)
    labels: list[str] = []
    select = np.zeros((len(names), population.nu), dtype=np.int64)
    start: list[float] = []
    free: list[bool] = []
    for j, label in enumerate(population.labels):
        shared = np.flatnonzero(~differs[:, j])
        groups = [(shared, label)] if len(shared) else []
        groups += [(np.array([k]), _named(label, names[k])) for k in np.flatnonzero(differs[:, j])]
        for members, own_label in groups:
            select[members, j] = len(labels)
            labels.append(own_label)
            start.append(float(starts[members[0], j]))
            free.append(bool(population.free[j]) and own_label not in statement.fixed)
    probabilities = [f"probability[{name}]" for name in names[1:]]
    labels += probabilities
    free += [label not in statement.fixed for label in probabilities]
    held = statement.but(priors={**_free_priors(statement), **statement.priors})
    require_labels(held, labels)
    mask = np.array(free, dtype=bool)
    require_estimated(labels, mask)
    share = np.array([one.probability for one in statement.mixture.values()])
    empty = Classes(population, names, select, tuple(labels), mask, np.array([*start, *np.zeros(len(probabilities))]))
    first = np.concatenate([start, empty.numbers_of(share[1:] / share.sum())])
    anywhere: Mask = np.isin(np.arange(population.nu), empty.source[mask[: empty.first_probability]])
    return replace(empty, start=first, population=_searching(population, anywhere))


def _free_priors(statement: MixedEffects) -> dict[str, object]:
    return {name: choice.prior for name, choice in statement.free.items() if choice.prior is not None}


def _require_different(names: Sequence[str], starts: Array) -> None:
    for k in range(len(names)):
        for other in range(k):
            if np.allclose(starts[k], starts[other], rtol=1e-9, atol=1e-12):
                raise FitError(
                    f"fit: the subpopulations {names[other]!r} and {names[k]!r} start alike, and no data can tell them "
                    f"apart; give {names[k]!r} a typical value of its own, as subpopulation(..., values={{'CL': ...}})."
                )


def _require_scales(names: Sequence[str], population: Population, own: Sequence[Population]) -> None:
    for name, one in zip(names, own, strict=True):
        for c, other in zip(one.components, population.components, strict=True):
            if c.scale != other.scale:
                raise FitError(
                    f"fit: {c.label!r} of the subpopulation {name!r} starts at {c.start:g} and that of others at "
                    f"{other.start:g}, which are on no common scale; begin with values of one sign."
                )


def _differing(statement: MixedEffects, population: Population, own: Sequence[Population]) -> Mask:
    """(classes, numbers of v): which numbers a class does not share; of correlated etas all or none."""
    starts = np.stack([one.start for one in own])
    stated = np.array([[label in share.values for label in population.labels] for share in statement.mixture.values()])
    differs: Mask = stated | ~np.isclose(starts, population.start, rtol=1e-9, atol=1e-12)
    for members in _blocks(population):
        places = population.nb + members
        differs[:, places] = differs[:, places].any(axis=1, keepdims=True)
    return differs


def _blocks(population: Population) -> list[Index]:
    """The numbers of l of each block of correlated etas."""
    block = np.arange(population.q)
    for r, c in zip(population.rows, population.cols, strict=True):
        block[block == block[r]] = block[c]
    return [np.unique(population.which[block[population.rows] == b]) for b in np.unique(block)]


def _named(label: str, name: str) -> str:
    """The label of a class's own number: ``CL[slow]``, ``omega[CL[slow]]``."""
    if "[" not in label:
        return f"{label}[{name}]"
    head, inside = label.split("[", 1)
    return f"{head}[{','.join(f'{part}[{name}]' for part in inside[:-1].split(','))}]"


def _searching(population: Population, free: Mask) -> Population:
    """With what no class estimates held, so that no slope by it is looked for."""
    p, nb = len(population.components), population.nb
    components = tuple(replace(c, free=bool(f)) for c, f in zip(population.components, free[:p], strict=True))
    coefficients = tuple(replace(c, free=bool(f)) for c, f in zip(population.coefficients, free[p:nb], strict=True))
    return replace(population, components=components, coefficients=coefficients, free_l=free[nb:])
