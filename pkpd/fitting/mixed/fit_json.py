"""A mixed-effects fit as a JSON file: what was found, and the records; the statement is given again to read it."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from pkpd.errors import DataError
from pkpd.fitting.error_json import likelihood_as_json, prior_as_json
from pkpd.fitting.likelihoods import Likelihood, NormalError
from pkpd.fitting.mixed.covariance import Certainty, CovarianceKind
from pkpd.fitting.mixed.estimation import SOLVER
from pkpd.fitting.mixed.results import Estimator, MixedFit, Options
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.starts import MixedStarts
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.fitting.observation_models import blq_method
from pkpd.fitting.solver_json import solver_as_json, solver_from_json
from pkpd.json_files import Fields, json_number, json_numbers, write_json
from pkpd.records.data_json import records_as_json, records_from_json
from pkpd.records.records import Records

__all__ = ["FORMAT", "mixed_fit_from_json", "write_mixed_fit"]

FORMAT, SCHEMA = "pkpd mixed-effects fit", 2
ARRAYS = ("u", "each", "eta", "eta_covariance", "trace")
SEARCH = ("objective", "objective_error", "converged", "message", "iterations", "evaluations", "interrupted")
COUNTS = ("seed", "restarts", "iterations", "samples")


def write_mixed_fit(fit: MixedFit, path: str | Path) -> Path:
    """What `pkpd.write_fit` does with a mixed-effects fit."""
    options, certain, starts = fit.options, fit.certainty, fit.starts
    outputs = options.outputs
    content: dict[str, Any] = {
        "format": FORMAT,
        "schema": SCHEMA,
        "model": fit.statement.model.name,
        "hash": fit.statement.model.hash,
        "labels": list(fit.subjects.numbers.labels),
        "statement": described(fit.statement, fit.subjects),
        "method": options.method,
        "outputs": {str(k): v for k, v in outputs.items()} if isinstance(outputs, Mapping) else outputs,
        "blq": options.blq,
        "covariance": options.covariance,
        "phases": list(options.phases),
        "chains": options.chains,
        "spread": json_number(options.spread),
        "solver": solver_as_json(options.solver or SOLVER),
        "records": records_as_json(fit.records),
        "certainty": None
        if certain is None
        else {"free": certain.free.tolist(), "r": json_numbers(certain.r), "s": json_numbers(certain.s)},
        "floored": fit.floored.tolist(),
        "failed": list(fit.failed),
        "notes": list(fit.notes),
        "class_probabilities": None if fit.shares is None else json_numbers(fit.shares),
        "details": _plain(dict(fit.details)),
        "starts": None
        if starts is None
        else {f.name: _plain(getattr(starts, f.name)) for f in dataclasses.fields(starts)},
    }
    content |= {f"option_{name}": getattr(options, name) for name in COUNTS}
    content |= {name: json_numbers(getattr(fit, name)) for name in ARRAYS}
    content |= {name: json_number(getattr(fit, name)) for name in SEARCH}
    return write_json(path, content)


def mixed_fit_from_json(fields: Fields, statement: Any, data: Any) -> MixedFit:
    """What `pkpd.read_fit` does with a file of a mixed-effects fit.

    Parameters
    ----------
    statement
        The `mixed_effects` model that was fitted.
    data
        None, or the records that the file holds.
    """
    if fields.content.get("format") != FORMAT or fields.integer("schema") != SCHEMA:
        raise fields.wrong("format", f"{FORMAT!r} of the schema {SCHEMA}, which write_fit() writes")
    if not isinstance(statement, MixedEffects):
        raise DataError(
            f"{fields.where} is a mixed-effects fit of {fields.text('model')!r}, and model is {statement!r}; give "
            "model=, the mixed_effects() model that was fitted: a file holds none."
        )
    if fields.text("hash") != statement.model.hash:
        raise DataError(
            f"{fields.where}: the fitted model {fields.text('model')!r} has the hash {fields.text('hash')[:12]}, and "
            f"{statement.model.name!r} has {statement.model.hash[:12]}; give the statement that was fitted."
        )
    options, records = _options(fields), records_from_json(fields.part("records"))
    if data is not None and not (isinstance(data, Records) and data == records):
        raise DataError(
            f"{fields.where}: data is {data!r}, which are not the records that were fitted; leave data= out."
        )
    subjects = settled(
        statement, records, outputs=options.outputs, blq=blq_method(options.blq, statement.error),
        solver=options.solver,
    )  # fmt: skip
    numbers, classes = subjects.numbers, subjects.classes
    if fields.texts("labels") != numbers.labels:
        raise fields.wrong("labels", f"those of the statement: {', '.join(numbers.labels)}")
    _check_same(fields, described(statement, subjects))
    nu, q, n = numbers.nu, subjects.population.q, subjects.count
    u, trace = fields.numbers("u", nu), fields.entry("trace", "a list of numbers")
    return MixedFit(
        statement=statement, records=records, options=options, subjects=subjects, u=u,
        objective=fields.number("objective"), objective_error=fields.number("objective_error"),
        each=fields.numbers("each", n), eta=fields.numbers("eta", n, q),
        eta_covariance=fields.numbers("eta_covariance", n, q, q), certainty=_certainty(fields, subjects, u),
        converged=fields.flag("converged"), message=fields.text("message"), iterations=fields.integer("iterations"),
        evaluations=fields.integer("evaluations"), floored=np.array(fields.flags("floored"), dtype=bool),
        trace=fields.numbers("trace", len(trace), nu + 1) if trace else np.empty((0, nu + 1)),
        interrupted=fields.flag("interrupted"), failed=fields.texts("failed"), notes=fields.texts("notes"),
        details=dict(fields.part("details").content), starts=_starts(fields.part_or_none("starts")),
        shares=None if classes is None else fields.numbers("class_probabilities", classes.count, n),
    )  # fmt: skip


# ---- the statement


def described(statement: MixedEffects, subjects: Subjects) -> list[str]:
    """What the numbers of a fit mean, a line each; where they start is left out."""
    population, numbers, chosen = subjects.population, subjects.numbers, subjects.observations.endpoints
    lines = [
        f"{c.label}: {c.scale.kind} from {c.scale.lower:g} to {c.scale.upper:g} in {c.unit}"
        for c in population.components
    ]
    lines += [
        f"{parameter} by {effect}" + ("" if effect.coefficient is None else f", c {effect.coefficient!r}")
        for parameter, effects in statement.covariates.items()
        for effect in effects
    ]
    lines += [f"{label}: {_free(free)}" for label, free in zip(numbers.labels, numbers.free, strict=True)]
    lines += [f"{name} is {value:.15g}" for name, value in sorted(subjects.trajectories.held.items())]
    lines += [f"{e.output}: {_error(e.likelihood)}" for e in chosen]
    lines += [f"errors with {one.label}, {_free(not one.held)}" for one in statement.residuals]
    priors = {**{k: f.prior for k, f in statement.free.items() if f.prior is not None}, **statement.priors}
    return lines + [f"prior of {k}: {json.dumps(prior_as_json(k, p))}" for k, p in priors.items()]


def _free(free: bool) -> str:
    return "estimated" if free else "held"


def _error(likelihood: Likelihood) -> str:
    """An error model without the numbers that are estimated."""
    if isinstance(likelihood, NormalError) and not likelihood.error.held:
        error = likelihood.error
        return f"{error.scale} error of {', '.join(error.numbers)}, whose {error.adds}s add, {likelihood.blq}"
    return json.dumps(likelihood_as_json(likelihood))


def _check_same(fields: Fields, given: list[str]) -> None:
    for one, other in itertools.zip_longest(fields.texts("statement"), given, fillvalue="nothing more"):
        if one != other:
            raise DataError(
                f"{fields.where}: the mixed-effects model that was fitted says {one!r}, and the one given {other!r}; "
                "give the statement that was fitted."
            )


# ---- parts


def _plain(value: Any) -> Any:
    """Numbers, texts, arrays and mappings of them as JSON has them."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return json_numbers(value)
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else json_number(value)


def _options(fields: Fields) -> Options:
    covariance: Any = fields.text_or_none("covariance")
    if covariance is not None and covariance not in get_args(CovarianceKind):
        raise fields.wrong("covariance", "R, S, sandwich or null")
    method: Any = fields.choice("method", get_args(Estimator))
    outputs: Any = fields.entry("outputs", "a name, names by DVID, or null")
    phases = fields.integers("phases")
    if len(phases) != 2:
        raise fields.wrong("phases", "two whole numbers")
    counts = {name: fields.integer(f"option_{name}") for name in COUNTS}
    return Options(
        method=method,
        outputs=outputs,
        blq=fields.text_or_none("blq"),
        solver=solver_from_json(fields.part("solver")),
        covariance=covariance,
        phases=(int(phases[0]), int(phases[1])),
        chains=None if fields.entry("chains", "a whole number or null") is None else fields.integer("chains"),
        spread=fields.number("spread"),
        **counts,
    )


def _certainty(fields: Fields, subjects: Subjects, u: Any) -> Certainty | None:
    part = fields.part_or_none("certainty")
    if part is None:
        return None
    free = np.array(part.flags("free"), dtype=bool)
    k = int(free.sum())
    if len(free) != subjects.numbers.nu:
        raise part.wrong("free", f"{subjects.numbers.nu} flags")
    return Certainty(subjects.numbers, u, free, part.numbers("r", k, k), part.numbers("s", k, k))


def _starts(part: Fields | None) -> MixedStarts | None:
    if part is None:
        return None
    labels, objective = part.texts("labels"), part.numbers("objective")
    shape = (len(objective), len(labels))
    return MixedStarts(
        labels, part.numbers("start", *shape), part.numbers("end", *shape), objective,
        np.array(part.flags("converged"), dtype=bool), part.integers("optimum"),
    )  # fmt: skip
