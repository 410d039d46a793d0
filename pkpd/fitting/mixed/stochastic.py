"""Fits that rest on samples: SAEM and importance sampling, with the likelihood by importance sampling."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError
from pkpd.fitting.mixed.conditional import Approximation
from pkpd.fitting.mixed.covariance import Certainty, certainty
from pkpd.fitting.mixed.importance import Estimated, Importance, matched
from pkpd.fitting.mixed.modes import elsewhere
from pkpd.fitting.mixed.priors import penalty_of
from pkpd.fitting.mixed.results import MixedFit, Options
from pkpd.fitting.mixed.saem import saem
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
    population = subjects.population
    penalty = penalty_of(statement, population)
    if options.method == "saem":
        if penalty is not None:
            raise FitError(
                f"fit: SAEM has no place for the priors of {', '.join(statement.priors) or 'free='}; use "
                "method='importance' or 'focei'."
            )
        done = saem(subjects, u, eta, seed=options.seed, phases=options.phases, chains=options.chains, report=report)
        now = likelihood(subjects, done.u, done.mean, options.samples, options.seed)
        return _fit(
            statement, records, options, subjects, done.u, now, not done.interrupted,
            "interrupted" if done.interrupted else "all iterations were made", done.iterations, done.iterations,
            np.concatenate([done.trace, np.full((len(done.trace), 1), np.nan)], axis=1), done.interrupted,
            {"acceptance": done.acceptance},
        )  # fmt: skip
    mean, covariance = _about_modes(subjects, u, eta, options)
    few = Importance(subjects, min(FEW, options.samples), options.seed)
    near = maximize(few, u, mean, covariance, penalty=penalty, report=report)
    many = Importance(subjects, options.samples, options.seed)
    found = maximize(many, near.u, near.estimate.mean, near.estimate.covariance, penalty=penalty, report=report)
    return _fit(
        statement, records, options, subjects, found.u, found.estimate, found.converged, found.message,
        near.rounds + found.rounds, near.evaluations + found.evaluations,
        np.concatenate([near.trace, found.trace]), found.interrupted or near.interrupted, {},
    )  # fmt: skip


def likelihood(subjects: Subjects, u: Array, eta: Array, samples: int, seed: int) -> Estimated:
    """The likelihood at u by importance sampling, about the modes and then about what that said of the posteriors."""
    mean, covariance = _about_modes(subjects, u, eta, Options(seed=seed))
    first = Importance(subjects, min(FEW, samples), seed)
    for _ in range(MATCHINGS):
        early = first.evaluate(u, first.draw(u, mean, covariance))
        mean, covariance = matched(early, mean, covariance, first.points)
    importance = Importance(subjects, samples, seed + 1)
    return importance.evaluate(u, importance.draw(u, mean, covariance))


def _about_modes(subjects: Subjects, u: Array, eta: Array, options: Options) -> tuple[Array, Array]:
    """The modes of the random components, and the inverse of the curvature there."""
    population = subjects.population
    if options.restarts:
        eta, _ = elsewhere(subjects, u, eta, seed=options.seed, restarts=options.restarts)
    point = Approximation(subjects, "focei").evaluate(u[None], eta[None], gradient=False)
    mu = population.mu(u[None, : population.nb])[0][:, population.random]
    return mu + point.eta[0], np.linalg.inv(point.hessian[0])


def _certainty(
    subjects: Subjects, u: Array, now: Estimated, eta: Array, free: Mask, notes: list[str]
) -> Certainty:  # fmt: skip
    """By Louis' information where the sample makes it definite, else by the model linearized at the modes."""
    score = 0.5 * now.score[:, free]
    by_sample = Certainty(subjects.population, u, free, 0.5 * now.information[np.ix_(free, free)], score.T @ score)
    if not by_sample.missing("R"):
        return by_sample
    notes.append(
        "The information of the importance sample is not positive definite (some subjects have few effective points); "
        "standard errors are those of the FOCEI objective at these estimates. More samples= may help."
    )
    approximation = Approximation(subjects, "focei")
    return certainty(approximation, approximation.evaluate(u[None], eta[None]), free)


def _fit(
    statement: MixedEffects, records: Records, options: Options, subjects: Subjects, u: Array, now: Estimated,
    converged: bool, message: str, iterations: int, evaluations: int, trace: Array, interrupted: bool,
    details: dict[str, object],
) -> MixedFit:  # fmt: skip
    population = subjects.population
    floored = (u <= population.lowest + 1e-12) & population.free
    mu = population.mu(u[None, : population.nb])[0][:, population.random]
    mode, curvature = _about_modes(subjects, u, now.mean - mu, options)
    thin = [name for name, size in zip(subjects.names, now.size, strict=True) if size < 20]
    notes: list[str] = []
    certain = None
    if options.covariance is not None and not interrupted:
        certain = _certainty(subjects, u, now, mode - mu, population.free & ~floored, notes)
    if thin:
        notes.append(
            f"Of subject {', '.join(thin[:8])} the importance sample has an effective size below 20: the likelihood is "
            "uncertain there; take more samples=."
        )
    return MixedFit(
        statement=statement, records=records, options=options, subjects=subjects, u=u, objective=now.value,
        each=now.each, eta=mode - mu, eta_covariance=curvature, certainty=certain, converged=converged,
        message=message, iterations=iterations, evaluations=evaluations, floored=floored, trace=trace,
        objective_error=now.error, interrupted=interrupted,
        failed=tuple(np.array(subjects.names)[~np.isfinite(now.each)].tolist()), notes=tuple(notes), details=details,
    )  # fmt: skip
