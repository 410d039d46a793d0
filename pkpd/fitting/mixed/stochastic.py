"""Fits that rest on samples: SAEM and importance sampling, with the likelihood by importance sampling."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError
from pkpd.fitting.mixed.conditional import Point
from pkpd.fitting.mixed.covariance import Certainty, certainty
from pkpd.fitting.mixed.importance import Estimated, matched
from pkpd.fitting.mixed.mixing import approximation_of, individual_modes, most_probable, without_members
from pkpd.fitting.mixed.priors import penalty_of
from pkpd.fitting.mixed.results import MixedFit, Options
from pkpd.fitting.mixed.saem import saem
from pkpd.fitting.mixed.sampled_classes import importance_of
from pkpd.fitting.mixed.sampled_search import maximize
from pkpd.fitting.mixed.searching import Report
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.records.records import Records

__all__ = ["estimated_by_samples", "likelihood"]

MATCHINGS = 3
"""How often a sample is moved to where the one before says that the posteriors are."""

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
    u, mean, covariance = _in_order(subjects, near.u, near.estimate.mean, near.estimate.covariance)
    found = maximize(many, u, mean, covariance, penalty=penalty, report=report)
    return _fit(
        statement, records, options, subjects, found.u, found.estimate, found.converged, found.message,
        near.rounds + found.rounds, near.evaluations + found.evaluations,
        np.concatenate([near.trace, found.trace]), found.interrupted or near.interrupted, {},
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
    subjects: Subjects, u: Array, now: Estimated, eta: Array, free: Mask, notes: list[str]
) -> Certainty:  # fmt: skip
    """By Louis' information where the sample makes it definite, else by the model linearized at the modes."""
    score = 0.5 * now.score[:, free]
    by_sample = Certainty(subjects.numbers, u, free, 0.5 * now.information[np.ix_(free, free)], score.T @ score)
    if not by_sample.missing("R"):
        return by_sample
    notes.append(
        "The information of the importance sample is not positive definite (some subjects have few effective points); "
        "standard errors are those of the FOCEI objective at these estimates. More samples= may help."
    )
    approximation = approximation_of(subjects, "focei")
    return certainty(approximation, approximation.evaluate(u[None], eta[None]), free)


def _fit(
    statement: MixedEffects, records: Records, options: Options, subjects: Subjects, u: Array, now: Estimated,
    converged: bool, message: str, iterations: int, evaluations: int, trace: Array, interrupted: bool,
    details: dict[str, object],
) -> MixedFit:  # fmt: skip
    numbers = subjects.numbers
    floored = (u <= numbers.lowest + 1e-12) & numbers.free
    point = _modes(subjects, u, now.mean - _typical(subjects, u), options)
    mode, curvature = individual_modes(point, now.shares)
    size = now.size if now.shares is None else most_probable(now.shares, now.size)
    thin = [name for name, points in zip(subjects.names, size, strict=True) if points < 20]
    notes: list[str] = []
    certain = None
    if options.covariance is not None and not interrupted:
        free = numbers.free & ~floored & ~without_members(subjects, u)
        certain = _certainty(subjects, u, now, point.eta[0], free, notes)
    if thin:
        notes.append(
            f"Of subject {', '.join(thin[:8])} the importance sample has an effective size below 20: the likelihood is "
            "uncertain there; take more samples=."
        )
    return MixedFit(
        statement=statement, records=records, options=options, subjects=subjects, u=u, objective=now.value,
        each=now.each, eta=mode, eta_covariance=curvature, certainty=certain, converged=converged,
        message=message, iterations=iterations, evaluations=evaluations, floored=floored, trace=trace,
        objective_error=now.error, interrupted=interrupted,
        failed=tuple(np.array(subjects.names)[~np.isfinite(now.each)].tolist()), notes=tuple(notes), details=details,
        shares=now.shares,
    )  # fmt: skip
