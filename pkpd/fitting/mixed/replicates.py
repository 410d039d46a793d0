"""The trial simulated anew from a fit: random effects, predictions and errors of every subject, all in one ensemble."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError
from pkpd.fitting.likelihoods import NormalError, Observed
from pkpd.fitting.mixed.observed import Endpoint
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["drawn_classes", "drawn_etas", "replicates"]

AT_ONCE = 40_000  # members of one call


def drawn_classes(subjects: Subjects, u: Array, n: int, rng: np.random.Generator) -> Index:
    """(n, subjects): the number of a class, by the probabilities of a mixture; 0 without one."""
    if subjects.classes is None:
        return np.zeros((n, subjects.count), dtype=np.int64)
    chances = np.cumsum(np.exp(subjects.classes.log_probabilities(u)))[:-1]
    which: Index = np.searchsorted(chances, rng.random((n, subjects.count)), side="right")
    return which


def drawn_etas(subjects: Subjects, u: Array, which: Index, rng: np.random.Generator) -> Array:
    """(n, subjects, q), from N(0, Omega) of the classes `which`, (n, subjects)."""
    population = subjects.population
    factor = population.cholesky(population.split(subjects.class_vectors(u))[1])
    drawn = rng.standard_normal((*which.shape, population.q))
    if len(factor) == 1:
        return np.asarray(drawn @ factor[0].T)
    return np.asarray(np.einsum("nsab,nsb->nsa", factor[which], drawn))


def replicates(subjects: Subjects, u: Array, n: int, seed: int) -> Array:
    """Simulated observations, (n, subjects, width); NaN where there is none, or where a subject failed.

    Raises
    ------
    FitError
        If what is observed is an event time, which is not simulated at its own time.
    """
    for e in subjects.observations.endpoints:
        if e.likelihood.further:
            raise FitError(
                f"{e.output!r} is observed by times to an event, which are not simulated at their own times; VPC and "
                "NPDE are of other outputs."
            )
    rng = np.random.default_rng(seed)
    which = drawn_classes(subjects, u, n, rng)
    eta = drawn_etas(subjects, u, which, rng)
    values = np.full((n, subjects.observations.mask.size), np.nan)
    together = max(1, AT_ONCE // subjects.count)
    for first in range(0, n, together):
        part = eta[first : first + together]
        phi = subjects.phi(u, part, which[first : first + together])
        z = subjects.channels(phi).reshape(len(part), -1, subjects.observations.channels)
        scores = subjects.observations.scores(z, rng)
        for e in subjects.observations.endpoints:
            own = None if scores is None else scores[:, e.places]
            values[first : first + len(part), e.places] = _drawn(subjects, e, z[:, e.places], own, rng)
    return values.reshape(n, *subjects.observations.shape)


def _drawn(subjects: Subjects, endpoint: Endpoint, z: Array, scores: Array | None, rng: np.random.Generator) -> Array:
    """Observations of one output at channels z (copies, observations, channels).

    With `scores`, (copies, observations), normal errors are those.
    """
    copies, count, _ = z.shape
    predictions = subjects.observations.predictions
    m = len(endpoint.numbers)
    flat = z.reshape(copies * count, -1)
    raw = flat[:, predictions : predictions + m]
    numbers = np.where(endpoint.logs, np.exp(raw), raw)
    distinct, of = np.unique(numbers, axis=0, return_inverse=True)
    result = np.full(copies * count, np.nan)
    position = np.tile(np.arange(count), copies)
    finite = np.isfinite(flat[:, 0])
    for i, own in enumerate(distinct):
        at = np.flatnonzero((of.reshape(-1) == i) & finite)
        seen = endpoint.observed
        part = Observed(
            seen.value[position[at]], seen.censored[position[at]], seen.sd[position[at]],
            {name: column[position[at]] for name, column in seen.columns.items()},
        )  # fmt: skip
        if scores is not None and isinstance(endpoint.likelihood, NormalError):
            result[at] = endpoint.likelihood.at_scores(flat[at, 0], own, scores.reshape(-1)[at])
        else:
            result[at] = endpoint.likelihood.drawn(flat[at, :1], part, own, rng)
    return result.reshape(copies, count)
