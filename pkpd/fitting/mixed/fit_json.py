"""A mixed-effects fit as a JSON file: what was found, and the records; the statement is given again to read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np

from pkpd.errors import DataError
from pkpd.fitting.mixed.covariance import Certainty, CovarianceKind
from pkpd.fitting.mixed.estimation import SOLVER
from pkpd.fitting.mixed.results import Estimator, MixedFit, Options
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.observation_models import blq_method
from pkpd.json_files import Fields, json_number, json_numbers, read_json, write_json
from pkpd.prepared.solver import Solver
from pkpd.records.data_json import records_as_json, records_from_json

__all__ = ["read_mixed_fit", "write_mixed_fit"]

FORMAT = "pkpd mixed-effects fit 1"


def write_mixed_fit(fit: MixedFit, path: str | Path) -> Path:
    """Write a mixed-effects fit as JSON, whole or not at all.

    The file holds the records, the estimates and how certain they are, the random effects and the
    options.  The model and what varies stay in Python: `read_mixed_fit` is given them again.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    solver = fit.options.solver or SOLVER
    certain = fit.certainty
    outputs = fit.options.outputs
    content: dict[str, Any] = {
        "format": FORMAT,
        "model": fit.statement.model.name,
        "hash": fit.statement.model.hash,
        "labels": list(fit.subjects.numbers.labels),
        "method": fit.options.method,
        "outputs": {str(k): v for k, v in outputs.items()} if isinstance(outputs, dict) else outputs,
        "blq": fit.options.blq,
        "seed": fit.options.seed,
        "covariance": fit.options.covariance,
        "solver": {"method": solver.method, "rtol": solver.rtol, "max_steps": solver.max_steps},
        "records": records_as_json(fit.records),
        "u": json_numbers(fit.u),
        "objective": json_number(fit.objective),
        "objective_error": json_number(fit.objective_error),
        "each": json_numbers(fit.each),
        "eta": json_numbers(fit.eta),
        "eta_covariance": json_numbers(fit.eta_covariance),
        "certainty": None
        if certain is None
        else {"free": certain.free.tolist(), "r": json_numbers(certain.r), "s": json_numbers(certain.s)},
        "converged": fit.converged,
        "message": fit.message,
        "iterations": fit.iterations,
        "evaluations": fit.evaluations,
        "floored": fit.floored.tolist(),
        "interrupted": fit.interrupted,
        "failed": list(fit.failed),
        "notes": list(fit.notes),
        "class_probabilities": None if fit.shares is None else json_numbers(fit.shares),
    }
    return write_json(path, content)


def read_mixed_fit(path: str | Path, statement: MixedEffects) -> MixedFit:
    """Read a fit that `write_mixed_fit` has written; a search that was interrupted goes on with ``start=`` it.

    Parameters
    ----------
    statement
        The `mixed_effects` model that was fitted.

    Raises
    ------
    DataError
        If the file is no such fit, or of another model or statement.
    """
    fields = read_json(path)
    if fields.text("format") != FORMAT:
        raise fields.wrong("format", FORMAT)
    if not isinstance(statement, MixedEffects):
        raise DataError(f"read_mixed_fit() got {statement!r} as the statement; expected a mixed_effects() model.")
    if fields.text("hash") != statement.model.hash:
        raise DataError(
            f"{fields.where}: the fitted model {fields.text('model')!r} has the hash {fields.text('hash')[:12]}, and "
            f"{statement.model.name!r} has {statement.model.hash[:12]}; give the statement that was fitted."
        )
    options, records = _options(fields), records_from_json(fields.part("records"))
    subjects = settled(
        statement, records, outputs=options.outputs, blq=blq_method(options.blq, statement.error),
        solver=options.solver,
    )  # fmt: skip
    numbers, classes = subjects.numbers, subjects.classes
    if fields.texts("labels") != numbers.labels:
        raise fields.wrong("labels", f"those of the statement: {', '.join(numbers.labels)}")
    nu, q, n = numbers.nu, subjects.population.q, subjects.count
    u = fields.numbers("u", nu)
    return MixedFit(
        statement=statement, records=records, options=options, subjects=subjects, u=u,
        objective=fields.number("objective"), objective_error=fields.number("objective_error"),
        each=fields.numbers("each", n), eta=fields.numbers("eta", n, q),
        eta_covariance=fields.numbers("eta_covariance", n, q, q), certainty=_certainty(fields, subjects, u),
        converged=fields.flag("converged"), message=fields.text("message"), iterations=fields.integer("iterations"),
        evaluations=fields.integer("evaluations"), floored=np.array(fields.flags("floored"), dtype=bool),
        trace=np.empty((0, nu + 1)), interrupted=fields.flag("interrupted"), failed=fields.texts("failed"),
        notes=fields.texts("notes"),
        shares=None if classes is None else fields.numbers("class_probabilities", classes.count, n),
    )  # fmt: skip


def _options(fields: Fields) -> Options:
    solver = fields.part("solver")
    covariance: Any = fields.text_or_none("covariance")
    if covariance is not None and covariance not in get_args(CovarianceKind):
        raise fields.wrong("covariance", "R, S, sandwich or null")
    method: Any = fields.choice("method", get_args(Estimator))
    outputs: Any = fields.entry("outputs", "a name, names by DVID, or null")
    return Options(
        method=method,
        outputs=outputs,
        blq=fields.text_or_none("blq"),
        solver=Solver(method=solver.text("method"), rtol=solver.number("rtol"), max_steps=solver.integer("max_steps")),
        seed=fields.integer("seed"),
        covariance=covariance,
    )


def _certainty(fields: Fields, subjects: Any, u: Any) -> Certainty | None:
    part = fields.part_or_none("certainty")
    if part is None:
        return None
    free = np.array(part.flags("free"), dtype=bool)
    k = int(free.sum())
    if len(free) != subjects.numbers.nu:
        raise part.wrong("free", f"{subjects.numbers.nu} flags")
    return Certainty(subjects.numbers, u, free, part.numbers("r", k, k), part.numbers("s", k, k))
