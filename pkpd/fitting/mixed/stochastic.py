"""Fits that rest on samples: SAEM and importance sampling, with the likelihood by importance sampling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError
from pkpd.fitting.mixed.conditional import Point
from pkpd.fitting.mixed.covariance import Certainty, bend_of, certainty
from pkpd.fitting.mixed.importance import Estimated, matched
from pkpd.fitting.mixed.mixing import approximation_of, individual_modes, most_probable, without_members
from pkpd.fitting.mixed.priors import penalty_of
from pkpd.fitting.mixed.results import MixedFit, Options
from pkpd.fitting.mixed.saem import saem
from pkpd.fitting.mixed.sampled_classes import importance_of
from pkpd.fitting.mixed.sampled_search import Maximum, maximize
from pkpd.fitting.mixed.searching import Penalty, Report
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.records.records import Records

__all__ = ["estimated_by_samples", "likelihood"]

MATCHINGS = 3
"""How often a sample is moved to where the one before says that the posteriors are."""

THIN = 20
"""The effective number of points of a subject below which its likelihood is uncertain."""

UNINFORMED = 0.9
"""The share of the variance of a random effect that is left, from which on Louis' information is mostly noise."""

FEW = 256
"""The points with which a search by samples begins."""


def estimated_by_samples(
    statement: MixedEffects, records: Records, options: Options, subjects: Subjects, u: Array, eta: Array,
    report: Report | None,
) -> MixedFit:  # fmt: skip
    """The fit by ``method="saem"`` or ``"importance"``.

    Raises
    ------
    FitError
        If there are priors for SAEM.
    """
    penalty = penalty_of(statement, subjects.numbers)
    if options.method == "saem":
        if penalty is not None:
            raise FitError(
                f"fit: SAEM has no place for the priors of {', '.join(statement.priors) or 'free='}; use "
                "method='importance' or 'focei'."
            )
        done = saem(subjects, u, eta, seed=options.seed, phases=options.phases, chains=options.chains, report=report)
        u, mean = _in_order(subjects, done.u, done.mean)
        now = likelihood(subjects, u, mean, options.samples, options.seed)
        return _fit(
            statement, records, options, subjects, u, now, not done.interrupted,
            "interrupted" if done.interrupted else "all iterations were made", done.iterations, done.iterations,
            np.concatenate([done.trace, np.full((len(done.trace), 1), np.nan)], axis=1), done.interrupted,
            {"acceptance": done.acceptance},
        )  # fmt: skip
    mean, covariance = _about_modes(subjects, u, eta, options)
    few = importance_of(subjects, min(FEW, options.samples), options.seed)
    near = maximize(few, u, mean, covariance, penalty=penalty, report=report)
    many = importance_of(subjects, options.samples, options.seed)
    found = near
    if not near.interrupted:
        start = _in_order(subjects, near.u, near.estimate.mean, near.estimate.covariance)
        found = _after(near, maximize(many, *start, penalty=penalty, report=report))
    if not found.interrupted and np.median(_sizes(found.estimate)) < THIN:  # a spread fell far below the sample's
        away = found.estimate.mean - _typical(subjects, found.u)
        mean, covariance = _about_modes(subjects, found.u, away, options)
        found = _after(found, maximize(many, found.u, mean, covariance, penalty=penalty, report=report))
    return _fit(
        statement, records, options, subjects, found.u, found.estimate, found.converged, found.message,
        found.rounds, found.evaluations, found.trace, found.interrupted, {},
    )  # fmt: skip


def _after(before: Maximum, now: Maximum) -> Maximum:
    """`now`, with the rounds of the search before it."""
    return replace(
        now, rounds=before.rounds + now.rounds, evaluations=before.evaluations + now.evaluations,
        trace=np.concatenate([before.trace, now.trace]),
    )  # fmt: skip


def _in_order(subjects: Subjects, u: Array, *of_classes: Array) -> list[Array]:
    """u, and what stands there for each class and subject, with the classes of a mixture in the order of their starts.

    See `Classes.ordered`.
    """
    found = None if subjects.classes is None else subjects.classes.ordered(u)
    if found is None:
        return [u, *of_classes]
    u, taken = found
    return [u, *(np.concatenate([np.split(a, len(taken))[k] for k in taken]) for a in of_classes)]


def likelihood(subjects: Subjects, u: Array, eta: Array, samples: int, seed: int) -> Estimated:
    """The likelihood at u by importance sampling, about the modes and then about what that said of the posteriors."""
    mean, covariance = _about_modes(subjects, u, eta, Options(seed=seed))
    first = importance_of(subjects, min(FEW, samples), seed)
    for _ in range(MATCHINGS):
        early = first.evaluate(u, first.draw(u, mean, covariance))
        mean, covariance = matched(early, mean, covariance, first.points)
    importance = importance_of(subjects, samples, seed + 1)
    return importance.evaluate(u, importance.draw(u, mean, covariance))


def _about_modes(subjects: Subjects, u: Array, eta: Array, options: Options) -> tuple[Array, Array]:
    """The modes of the random components, and the inverse of the curvature there; in every class."""
    point = _modes(subjects, u, eta, options)
    return _typical(subjects, u) + point.eta[0], np.linalg.inv(point.hessian[0])


def _modes(subjects: Subjects, u: Array, eta: Array, options: Options) -> Point:
    approximation = approximation_of(subjects, "focei")
    if options.restarts:
        eta, _ = approximation.elsewhere(u, eta, seed=options.seed, restarts=options.restarts)
    return approximation.evaluate(u[None], eta[None], gradient=False)


def _typical(subjects: Subjects, u: Array) -> Array:
    """The typical random components of every subject in every class, (classes x subjects, q)."""
    population = subjects.population
    mu = population.mu(subjects.class_vectors(u)[:, : population.nb])[..., population.random]
    return mu.reshape(-1, population.q)


def _certainty(
    subjects: Subjects, u: Array, now: Estimated, eta: Array, free: Mask, notes: list[str], penalty: Penalty | None
) -> Certainty:  # fmt: skip
    """By Louis' information where the sample makes it definite, else by the model linearized at the modes."""
    score = 0.5 * now.score[:, free]
    information = now.information[np.ix_(free, free)]
    if penalty is not None:
        information = information + bend_of(penalty, u, np.flatnonzero(free))
    by_sample = Certainty(subjects.numbers, u, free, 0.5 * information, score.T @ score)
    left, population = _left(subjects, u, now), subjects.population
    if by_sample.missing("R"):
        why = (
            "The information of the importance sample is not positive definite (some subjects have few effective "
            "points); more samples= may help."
        )
    elif left.max() > UNINFORMED:
        carrier = population.components[population.random[int(np.argmax(left))]]
        why = (
            f"The data say so little of the random effect on {carrier.random or carrier.label} that the information by "
            "samples is a small difference of large numbers."
        )
    else:
        return by_sample
    notes.append(f"{why} Standard errors are those of the FOCEI objective at these estimates.")
    approximation = approximation_of(subjects, "focei")
    return certainty(approximation, approximation.evaluate(u[None], eta[None]), free, penalty)


def _left(subjects: Subjects, u: Array, now: Estimated) -> Array:
    """(q,): the share of the variance of each random effect that observations leave, in the mean over subjects."""
    omega = subjects.population.omega(subjects.population.split(subjects.class_vectors(u))[1])
    prior = np.repeat(np.diagonal(omega, axis1=-2, axis2=-1), subjects.count, axis=0)
    weights = None if now.shares is None else now.shares.reshape(-1)
    return np.asarray(np.average(np.diagonal(now.covariance, axis1=-2, axis2=-1) / prior, axis=0, weights=weights))


def _sizes(now: Estimated) -> Array:
    """(subjects,): the effective number of points, of a mixture in the most probable class."""
    return now.size if now.shares is None else most_probable(now.shares, now.size)


def _fit(
    statement: MixedEffects, records: Records, options: Options, subjects: Subjects, u: Array, now: Estimated,
    converged: bool, message: str, iterations: int, evaluations: int, trace: Array, interrupted: bool,
    details: dict[str, object],
) -> MixedFit:  # fmt: skip
    numbers, penalty = subjects.numbers, penalty_of(statement, subjects.numbers)
    floored = (u <= numbers.lowest + 1e-12) & numbers.free
    point = _modes(subjects, u, now.mean - _typical(subjects, u), options)
    mode, curvature = individual_modes(point, now.shares)
    thin = [name for name, points in zip(subjects.names, _sizes(now), strict=True) if points < THIN]
    notes: list[str] = []
    certain = None
    if options.covariance is not None and not interrupted:
        free = numbers.free & ~floored & ~without_members(subjects, u)
        certain = _certainty(subjects, u, now, point.eta[0], free, notes, penalty)
    if thin:
        notes.append(
            f"Of subject {', '.join(thin[:8])} the importance sample has an effective size below {THIN}: their "
            "likelihood is uncertain; take more samples=."
        )
    return MixedFit(
        statement=statement, records=records, options=options, subjects=subjects, u=u, objective=now.value,
        each=now.each, eta=mode, eta_covariance=curvature, certainty=certain, converged=converged,
        message=message, iterations=iterations, evaluations=evaluations, floored=floored, trace=trace,
        objective_error=now.error, interrupted=interrupted,
        failed=tuple(np.array(subjects.names)[~np.isfinite(now.each)].tolist()), notes=tuple(notes), details=details,
        shares=now.shares,
    )  # fmt: skip
