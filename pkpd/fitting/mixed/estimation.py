"""The verb for mixed-effects models: a statement and records become a `MixedFit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_args

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError
from pkpd.fitting.mixed.conditional import Kind, Point
from pkpd.fitting.mixed.covariance import Certainty, CovarianceKind, certainty
from pkpd.fitting.mixed.linking import require_partners
from pkpd.fitting.mixed.mixing import approximation_of, individual_modes, modes_of, without_members
from pkpd.fitting.mixed.natural import from_natural
from pkpd.fitting.mixed.priors import penalty_of
from pkpd.fitting.mixed.progress import Told, reporter
from pkpd.fitting.mixed.results import Estimator, MixedFit, Options
from pkpd.fitting.mixed.searching import Objective, Searched, search
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.starts import compared, scattered
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.stochastic import estimated_by_samples
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.fitting.observation_models import blq_method
from pkpd.fitting.outcomes import EventTime
from pkpd.prepared.solver import Solver
from pkpd.records.records import Records

__all__ = ["SOLVER", "estimate", "fit_mixed_effects", "posthoc", "require_value", "start_of"]

SOLVER = Solver(rtol=1e-8)

LEAST_SAMPLES = 16
"""Fewer points have no covariance from which the next could be drawn."""


def fit_mixed_effects(
    statement: MixedEffects,
    records: Records,
    stated: Mapping[str, Any],
    *,
    method: str | None,
    start: Any,
    starts: int,
    progress: Told,
    **options: Any,
) -> MixedFit:
    """What `pkpd.fit` does with a mixed-effects model.

    Parameters
    ----------
    stated
        Options of other fits: none may be there.
    options
        Fields of `Options`.

    Raises
    ------
    FitError
        If an option is of no use here.
    """
    for name, value in stated.items():
        if value is not None:
            where = "solver=pkpd.Solver(...)" if name in ("rtol", "atol", "max_steps") else "mixed_effects()"
            raise FitError(f"fit: {name} is {value!r}; of a mixed-effects model it is stated by {where}.")
    known = [f.name for f in fields(Options)]
    for name in options:
        if name not in known:
            raise FitError(
                f"fit: there is no option {name!r}; the options of a mixed-effects model are {', '.join(known)}."
            )
    chosen = Options(**{"method": method or "focei", **options})
    if starts != 1:
        return best_of_starts(statement, records, chosen, start, starts, progress)
    return estimate(statement, records, chosen, start, progress)


def estimate(
    statement: MixedEffects, records: Records, options: Options, start: Any = None, progress: Told = None
) -> MixedFit:
    """The fit that `options` ask for.

    Parameters
    ----------
    start
        Values by label, or a `MixedFit` of the same components, to begin with.
    progress
        True to show the search on the terminal, or a function of (iteration, objective, {label: value}).
    """
    _check(options)
    _require_place(statement, options.method)
    solver = options.solver or SOLVER
    subjects = settled(
        statement, records, outputs=options.outputs, blq=blq_method(options.blq, statement.error), solver=solver
    )
    u, eta = start_of(subjects, start)
    require_value(subjects, u)
    require_partners(subjects)
    require_estimable(subjects)
    with reporter(subjects.numbers, progress) as report:
        if options.method == "saem" or options.method == "importance":
            return estimated_by_samples(statement, records, options, subjects, u, eta, report)
        kind: Kind = options.method
        objective = Objective(approximation_of(subjects, kind), penalty_of(statement, subjects.numbers))
        done = search(
            objective, u, eta, seed=options.seed, restarts=options.restarts, report=report, most=options.iterations
        )
        done = in_order(objective, done)
    if not np.isfinite(done.value):
        raise FitError(f"fit: {done.message} of {statement.model.name}; begin elsewhere with start=.")
    return fit_of(statement, records, options, objective, done)


def fit_of(
    statement: MixedEffects, records: Records, options: Options, objective: Objective, done: Searched
) -> MixedFit:
    """The result of a search, with how certain it is."""
    subjects, point = objective.approximation.subjects, done.point
    certain = None
    if options.covariance is not None and not done.interrupted:
        certain = certainty_of(objective, done)
    penalty = 0.0 if objective.penalty is None else objective.penalty(done.u)[0]
    shares = None if point.shares is None else point.shares[0]
    modes = posthoc(subjects, done.u) if options.method == "fo" else point
    eta, spread = individual_modes(modes, shares)
    return MixedFit(
        statement=statement, records=records, options=options, subjects=subjects, u=done.u,
        objective=done.value - penalty, each=point.each[0], eta=eta, eta_covariance=spread, certainty=certain,
        converged=done.converged, message=done.message, iterations=done.iterations, evaluations=done.evaluations,
        floored=done.floored, trace=done.trace, interrupted=done.interrupted,
        failed=tuple(np.array(subjects.names)[~np.isfinite(point.each[0])].tolist()), shares=shares,
    )  # fmt: skip


def best_of_starts(
    statement: MixedEffects, records: Records, options: Options, start: Any, searches: int, progress: Told
) -> MixedFit:
    """The lowest optimum that searches from many starts found, with what the others found.

    A search that is begun at a start without a likelihood has none to give; it is counted.
    """
    _check(options)
    _require_place(statement, options.method)
    if options.method in ("saem", "importance"):
        raise FitError(
            f"fit: starts is {searches!r}, and method={options.method!r} has one search; give it the best of "
            "method='focei' with start=."
        )
    subjects = settled(
        statement, records, outputs=options.outputs, blq=blq_method(options.blq, statement.error),
        solver=options.solver or SOLVER,
    )  # fmt: skip
    u, eta = start_of(subjects, start)
    require_value(subjects, u)
    require_partners(subjects)
    require_estimable(subjects)
    guesses = scattered(subjects, u, searches, options.spread, options.seed)
    kind: Any = options.method
    objective = Objective(approximation_of(subjects, kind), penalty_of(statement, subjects.numbers))
    ends: list[Searched] = []
    with reporter(subjects.numbers, progress) as report:
        for guess in guesses:
            done = search(
                objective, guess, eta, seed=options.seed, restarts=options.restarts, report=report,
                most=options.iterations,
            )  # fmt: skip
            done = in_order(objective, done)
            ends.append(done)
            if done.interrupted:
                break
    values = np.array([done.value for done in ends])
    if not np.isfinite(values).any():
        raise FitError(f"fit: none of {len(ends)} searches of {statement.model.name} has a value; begin elsewhere.")
    found = compared(
        subjects, guesses[: len(ends)], np.stack([done.u for done in ends]), values,
        np.array([done.converged for done in ends]),
    )  # fmt: skip
    converged = np.where(found.converged, values, np.inf)
    best = ends[int(np.argmin(converged if np.isfinite(converged).any() else values))]
    interrupted = ends[-1].interrupted
    message = f"{best.message}; interrupted after {len(ends)} of {searches} searches" if interrupted else best.message
    fit = fit_of(statement, records, options, objective, best)
    return replace(fit, starts=found, interrupted=interrupted, message=message)


def in_order(objective: Objective, done: Searched) -> Searched:
    """The same optimum, with the classes of a mixture that have changed places in the order of their starts."""
    subjects = objective.approximation.subjects
    found = None if subjects.classes is None or not np.isfinite(done.value) else subjects.classes.ordered(done.u)
    if found is None:
        return done
    u, taken = found
    modes = done.point.eta[0].reshape(len(taken), subjects.count, -1)[taken]
    point = objective.at(u, modes.reshape(-1, modes.shape[-1]))
    numbers = subjects.numbers
    return replace(done, point=point, floored=(u <= numbers.lowest) & numbers.free)


def certainty_of(objective: Objective, done: Searched) -> Certainty:
    subjects = objective.approximation.subjects
    free = subjects.numbers.free & ~done.floored & ~without_members(subjects, done.u)
    return certainty(objective.approximation, done.point, free, objective.penalty)


def posthoc(subjects: Subjects, u: Array) -> Point:
    """The modes of the random effects at u and the curvature there."""
    return approximation_of(subjects, "focei").evaluate(u[None], modes_of(subjects)[None], gradient=False)


def start_of(subjects: Subjects, start: Any) -> tuple[Array, Array]:
    """u and the random effects that a search begins with."""
    numbers, nothing = subjects.numbers, modes_of(subjects)
    if start is None:
        return numbers.start, nothing
    if isinstance(start, MixedFit):
        known = start.estimates["estimate"]
        values = {str(k): float(v) for k, v in known.items() if k in numbers.labels and np.isfinite(v)}
        same = start.eta.shape == nothing.shape and start.subjects.names == subjects.names
        return from_natural(numbers, values), start.eta if same else nothing
    if isinstance(start, Mapping):
        return from_natural(numbers, start), nothing
    raise FitError(f"fit: start is {start!r}; expected {{label: value}}, or the result of an earlier fit.")


def require_value(subjects: Subjects, u: Array) -> None:
    """Refuse a start at which a subject has no likelihood, or an eta moves nothing.

    Raises
    ------
    FitError
    """
    population = subjects.population
    vectors = subjects.class_vectors(u)
    beta, _ = population.split(vectors)
    z, slopes = subjects.slopes(
        population.phi(beta, np.zeros((len(beta), subjects.count, population.q))), population.random
    )
    value = subjects.observations.terms(z, slopes=False).value.min(axis=0)  # one class that has one is enough
    if not np.isfinite(value).all():
        subject = subjects.names[int(np.argmin(np.isfinite(value)))]
        raise FitError(
            f"fit: the observations of subject {subject} have no likelihood at the start: the model cannot be "
            "integrated there, or predicts what its error model does not admit (0 for a proportional or log-normal "
            "one). Begin elsewhere, leave the observation out, or give the error an additive part."
        )
    idle = ~(np.abs(slopes) > 0).any((0, 1, 2, 3))
    if idle.any():
        label = population.components[population.random[int(np.argmax(idle))]].label
        records = subjects.trajectories.records
        if not np.isin(records["EVID"], (1, 4)).any():
            raise FitError(
                f"fit: the random effect on {label!r} changes no prediction, and {records.name} has no dose (EVID 1 "
                "or 4); add the doses."
            )
        raise FitError(
            f"fit: the random effect on {label!r} changes no prediction of {', '.join(subjects.trajectories.outputs)}; "
            f"leave {label!r} out of iiv=."
        )


def require_estimable(subjects: Subjects) -> None:
    """Refuse to estimate what these subjects cannot tell whatever their values: all of them alike, or nothing measured.

    Raises
    ------
    FitError
    """
    population = subjects.population
    for c in population.coefficients:
        x = population.covariates[c.covariate]
        if c.free and x.min() == x.max():
            where = "all or none of the subjects have" if c.kind == "category" else "all subjects have one value of"
            raise FitError(
                f"fit: the coefficient {c.label!r} cannot be estimated, since {where} its covariate; leave it out of "
                "covariates=, or give its value to the effect."
            )
    _require_two_occasions(subjects)
    seen = subjects.observations
    if all(e.observed.censored.all() for e in seen.endpoints):
        raise FitError(
            f"fit: all {seen.count} observations of {', '.join(e.output for e in seen.endpoints)} lie beyond a limit "
            "(CENS), which tells no typical value from one that is farther off; some must be measured."
        )


def _require_place(statement: MixedEffects, method: str) -> None:
    """Refuse a method that has no place for how something was observed."""
    for output, error in statement.error.items():
        if isinstance(error, EventTime) and method in ("foce", "focei"):
            raise FitError(
                f"fit: method={method!r} needs the expected information of observations, which times to an event "
                f"({output!r}) have not in closed form; use method='laplace', 'saem' or 'importance'."
            )
    if statement.error_spread and method in ("fo", "foce"):
        raise FitError(
            f"fit: method={method!r} takes the size of the error from the typical subject, and a random effect on "
            f"{next(iter(statement.error_spread))!r} would do nothing; use 'focei', 'laplace', 'saem' or 'importance'."
        )


def _require_two_occasions(subjects: Subjects) -> None:
    records, population = subjects.trajectories.records, subjects.population
    columns = [column for name, column in records.covariates.items() if name.startswith("occasion_")]
    for label in population.labels_l:
        name = label.removeprefix("omega_occasion[").removesuffix("]")
        if label == f"omega_occasion[{name}]" and f"omega[{name}]" in population.labels_l:
            had = sum(np.maximum.reduceat(column, records.first_rows) > 0 for column in columns)
            if np.max(had) < 2:
                raise FitError(
                    f"fit: no subject has two occasions (OCC), so that {label!r} cannot be told from 'omega[{name}]'; "
                    f"leave {name!r} out of occasions=, or out of iiv=."
                )


def _check(options: Options) -> None:
    if options.method not in get_args(Estimator):
        raise FitError(f"fit: method is {options.method!r}; expected one of {', '.join(get_args(Estimator))}.")
    if options.covariance is not None and options.covariance not in get_args(CovarianceKind):
        raise FitError(f"fit: covariance is {options.covariance!r}; expected 'R', 'S', 'sandwich' or None.")
    if options.solver is not None and not isinstance(options.solver, Solver):
        raise FitError(f"fit: solver is {options.solver!r}; expected pkpd.Solver(...).")
    check_seed(options.seed)
    chains = 1 if options.chains is None else options.chains
    for what, count, least in (
        ("restarts", options.restarts, 0), ("iterations", options.iterations, 0), ("chains", chains, 1),
        ("samples", options.samples, LEAST_SAMPLES),
    ):  # fmt: skip
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise FitError(f"fit: {what} is {count!r}; expected a whole number of {least} or more.")
    phases = options.phases
    whole = isinstance(phases, tuple | list) and all(isinstance(k, int) and not isinstance(k, bool) for k in phases)
    if not whole or len(phases) != 2 or phases[0] < 1 or phases[1] < 0:
        raise FitError(
            f"fit: phases is {phases!r}; expected two numbers, the iterations of SAEM before and after its gain falls, "
            "as (200, 150)."
        )
