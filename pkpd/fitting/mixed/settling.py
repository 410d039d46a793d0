"""A statement and records become the subjects of a fit: components, Omega, observations, trajectories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.correlated import Block
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.errors import FitError, ParameterError, UnitError, unknown_name
from pkpd.fitting.free_parameters import Free
from pkpd.fitting.likelihoods import BlqMethod, Likelihood, Observed
from pkpd.fitting.mixed.components import Coefficient, Component, Population
from pkpd.fitting.mixed.expansion import Expanded, coefficient_label, expanded, subject_of
from pkpd.fitting.mixed.natural import require_holdable
from pkpd.fitting.mixed.observed import Endpoint, Observations
from pkpd.fitting.mixed.predictions import Trajectories
from pkpd.fitting.mixed.scales import Scale
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.fitting.observation_models import likelihoods, with_further_rows
from pkpd.fitting.record_observations import RecordObservations, record_observations, require_risk
from pkpd.fitting.usable_data import measured
from pkpd.prepared.solver import Solver
from pkpd.records.records import Records
from pkpd.records.tidy_tables import as_text
from pkpd.symbolic.symbols import Parameter
from pkpd.symbolic.values import parameter_value

__all__ = ["settled"]

LEAST_SPREAD = 0.01
"""The floor of a standard deviation of an eta, in the size of its component: 1 % of a log-normal parameter."""


def settled(
    statement: MixedEffects, records: Records, *, outputs: str | Mapping[Any, str] | None, blq: BlqMethod,
    solver: Solver, patients: bool = False,
) -> Subjects:  # fmt: skip
    """Settle all that a fit needs but the values of what is estimated.

    `patients` of a known population may lack an output, or have none of its categories.

    Raises
    ------
    FitError
        If a subject has no observation, a start is not possible, a label of fixed= or priors= is
        not there, or nothing is estimated.
    DataError, UnknownNameError
        If a covariate or an output is missing.
    """
    observed = _observed(statement, records, outputs, blq)
    if patients:
        seen = observed.data.outputs
        error = {name: one for name, one in statement.error.items() if name in seen}
        spreads = {k: v for k, v in statement.error_spread.items() if k.split("[", 1)[1][:-1] in seen}
        statement = statement.but(error=error, error_spread=spreads)
    larger = expanded(statement, observed.records, estimated=not patients)
    chosen = likelihoods(observed.data, dict(statement.error), blq)
    require_risk(observed, chosen)
    components = [*_parameters(statement, larger), *_numbers(statement, chosen)]
    population = _population(statement, larger, components, len(observed.data.arms))
    names = tuple(c.parameter for c in components if c.parameter is not None)
    longer, places, _ = with_further_rows(observed.data, chosen)
    wanted = tuple(dict.fromkeys(longer.output))
    trajectories = Trajectories(larger.model, larger.records, names, _held(statement, names), wanted, solver)
    observations = _observations(observed, chosen, places, longer.output, wanted, _numbers(statement, chosen))
    return Subjects(population, trajectories, observations, observed.data.arms)


# ---- observations


def _observed(statement: MixedEffects, records: Records, outputs: Any, blq: BlqMethod) -> RecordObservations:
    if not isinstance(records, Records):
        raise FitError(
            f"fit: got a {type(records).__name__} as the data of a mixed-effects model; read them with "
            "pkpd.read_nonmem(...)."
        )
    if outputs is None and len(statement.error) == 1:
        outputs = next(iter(statement.error))
    observed = record_observations(statement.model, records, outputs, with_sd=False)
    if blq == "M1":
        observed = observed.take(measured(observed.data))
    everyone = [as_text(subject) for subject in records.subjects]
    without = [subject for subject in everyone if subject not in observed.data.arms]
    if without:
        if blq == "M1" and (records["CENS"] != 0).any():
            raise FitError(
                f"fit: every observation of subject {without[0]} of {records.name} lies beyond a limit"
                f"{f' (as of {len(without) - 1} others)' if len(without) > 1 else ''}, and blq='M1' leaves these out; "
                "use blq='M3', or leave the subject out."
            )
        raise FitError(
            f"fit: subject {without[0]} of {records.name} has no observation"
            f"{f' (as have {len(without) - 1} others)' if len(without) > 1 else ''}; leave the records out, or set MDV "
            "to 0 where DV was measured."
        )
    for name in observed.data.outputs:
        if name not in statement.error:
            raise FitError(
                f"fit: {name!r} is observed in {records.name} and has no error model; name it in error= of "
                "mixed_effects(), or leave its DVID out of outputs=."
            )
    return observed


def _observations(
    observed: RecordObservations,
    chosen: Mapping[str, Likelihood],
    places: Mapping[str, Index],
    output: Sequence[str],
    wanted: Sequence[str],
    numbers: Sequence[Component],
) -> Observations:
    """The observations padded to the width of the subject who has most."""
    data, rows = observed.data, observed.rows
    subject = subject_of(observed.records)[rows]
    width = int(np.bincount(subject).max())
    order = np.argsort(subject, kind="stable")
    rank = np.empty(len(rows), dtype=np.int64)
    rank[order] = np.arange(len(rows)) - np.searchsorted(subject[order], subject[order])
    at = subject * width + rank
    shape = (len(data.arms), width)
    predictions = 1 + max(len(one.further) for one in chosen.values())
    most = max(len(one.numbers) for one in chosen.values())
    record, which = (np.full((shape[0] * width, predictions), fill) for fill in (0, -1))
    number = np.full((shape[0] * width, most), -1)
    labels = [c.label for c in numbers]
    outputs = np.array(data.output, dtype=object)
    endpoints = []
    numeric = {k: column.astype(float) for k, column in observed.records.covariates.items() if column.dtype != object}
    for name, likelihood in chosen.items():
        own = np.flatnonzero(outputs == name)
        record[at[own]] = rows[own][:, None]
        which[at[own], 0] = wanted.index(name)
        for i, further in enumerate(likelihood.further):
            which[at[own], 1 + i] = wanted.index(further)
        index = np.array([labels.index(f"{n}[{name}]") for n in likelihood.numbers], dtype=np.int64)
        number[at[own], : len(index)] = index
        part = Observed(
            data.value[own], data.censored[own], data.sd[own],
            {name: column[rows[own]] for name, column in numeric.items()},
        )  # fmt: skip
        logs = np.array([n != "power" for n in likelihood.numbers], dtype=bool)
        endpoints.append(Endpoint(name, likelihood, part, at[own], index, logs))
    mask = np.zeros(shape[0] * width, dtype=bool)
    mask[at] = True
    return Observations(
        tuple(endpoints), record.reshape(*shape, -1), which.reshape(*shape, -1), mask.reshape(shape),
        number.reshape(*shape, -1), at,
    )  # fmt: skip


# ---- components


def _parameters(statement: MixedEffects, larger: Expanded) -> list[Component]:
    """The parameters of the model that are estimated: those that vary, then those that do not, then those within."""
    model, marginals = statement.model, statement.variability.distributions
    symbols = {s.name: s for s in model.settable}
    components = []
    for name, marginal in marginals.items():
        assert isinstance(marginal, TransformedNormal | BoxCox)
        choice = statement.free.get(name, Free())
        if choice.bounds is not None:
            raise FitError(
                f"fit: free[{name!r}] has the bounds {choice.bounds!r}, and {name!r} varies between subjects; a "
                "logitnormal() or probitnormal() distribution keeps it within limits."
            )
        start = marginal.center if choice.start is None else parameter_value(model, symbols[name], choice.start)
        scale = Scale() if isinstance(marginal, BoxCox) else _scale_of(marginal, float(start))
        size = max(abs(float(start)), float(marginal.sd)) if scale.kind == "linear" else 1.0
        fixed = name in statement.fixed
        components.append(Component(name, scale, float(start), symbols[name].unit, name, not fixed, size))
    for name, choice in statement.free.items():
        if name not in marginals:
            components.append(_without_variability(statement, name, choice, symbols[name]))
    for name, (label, effect) in larger.changing.items():
        free, start = _coefficient_start(effect.coefficient)
        free = free and label not in statement.fixed
        components.append(Component(label, Scale("linear"), start, "1", name, free))
    for names in larger.occasions.values():
        components += [Component(name, Scale(), 1.0, "1", name, False, random=name) for name in names]
    for name, (spread, shape) in larger.box_cox.items():
        start, label = float(getattr(marginals[name], "shape", 0.0)), f"shape[{name}]"
        components.append(Component(label, Scale("linear"), start, "1", shape, label not in statement.fixed))
        components.append(Component(spread, Scale(), 1.0, "1", spread, False, random=name))
    return components


def _scale_of(marginal: TransformedNormal, start: float) -> Scale:
    if marginal.scale in ("logit", "probit"):
        return Scale(marginal.scale, marginal.lower, marginal.upper)
    if marginal.scale == "linear":
        return Scale("linear")
    if start == 0:
        raise FitError("fit: a log-normal parameter starts at 0, where it cannot vary; give its median another value.")
    return Scale("log", sign=math.copysign(1.0, start))


def _without_variability(statement: MixedEffects, name: str, choice: Free, symbol: Any) -> Component:
    declared = getattr(symbol.declaration, "bounds", (-math.inf, math.inf))
    low, high = declared if choice.bounds is None else choice.bounds
    low, high = (-math.inf if low is None else float(low)), (math.inf if high is None else float(high))
    given = symbol.value if isinstance(symbol, Parameter) else symbol.default
    start = given if choice.start is None else parameter_value(statement.model, symbol, choice.start)
    if start is None:
        raise FitError(f"fit: {name!r} has no value to start from; give free(start=...).")
    if not low < start < high and not (low == 0 == start):
        raise FitError(f"fit: {name!r} starts at {start:g} {symbol.unit}, not within its bounds {low:g} to {high:g}.")
    fixed = name in statement.fixed
    if math.isfinite(low) and math.isfinite(high) and not choice.log:
        scale = Scale("logit", low, high)
    elif start > 0 and (low >= 0 or not math.isfinite(low)):
        scale = Scale()
    else:
        scale = Scale("linear")
    size = max(abs(float(start)), 0.1) if scale.kind == "linear" else 1.0
    return Component(name, scale, float(start), symbol.unit, name, not fixed, size)


def _numbers(statement: MixedEffects, chosen: Mapping[str, Likelihood]) -> list[Component]:
    """The numbers of error models that are estimated."""
    components = []
    for output, likelihood in chosen.items():
        for name, start in likelihood.numbers.items():
            label = f"{name}[{output}]"
            unit = statement.model.units[output] if name == "sd_additive" else "1"
            scale = Scale("linear" if name == "power" else "log")
            components.append(Component(label, scale, float(start), unit, None, label not in statement.fixed))
    return components


def _coefficient_start(coefficient: Any) -> tuple[bool, float]:
    """Whether a coefficient is estimated, and its start."""
    if coefficient is None:
        return True, 0.0
    if isinstance(coefficient, Free):
        return True, float(coefficient.start or 0.0)
    if isinstance(coefficient, bool) or not isinstance(coefficient, int | float):
        raise FitError(
            f"fit: the coefficient of a covariate is {coefficient!r}; expected a number, which is held, or free(start)."
        )
    return False, float(coefficient)


def _held(statement: MixedEffects, names: Sequence[str]) -> dict[str, float]:
    """The values of parameters that are held, and medians that do not vary and are not free."""
    symbols = {s.name: s for s in statement.model.settable}
    held = {}
    for name, value in statement.parameters.items():
        if name in names:
            continue
        try:
            held[name] = parameter_value(statement.model, symbols[name], value)
        except (ParameterError, UnitError) as error:
            raise FitError(f"fit: {error}") from error
    return held


# ---- the population


def _population(
    statement: MixedEffects, larger: Expanded, components: Sequence[Component], subjects: int
) -> Population:
    position = {c.label: i for i, c in enumerate(components)}
    covariates: dict[str, Array] = {}
    coefficients = []
    for parameter, effects in larger.constant.items():
        for effect, column in effects:
            label = coefficient_label(parameter, effect)
            covariates[label] = column
            free, start = _coefficient_start(effect.coefficient)
            coefficients.append(
                Coefficient(
                    position[parameter],
                    effect.kind,
                    label,
                    effect.reference or 0.0,
                    start,
                    free and label not in statement.fixed,
                    label,
                )
            )
    random, rows, cols, which, start, labels = _spreads(statement, larger, position)
    floor = np.full(len(start), -np.inf)
    for place, r, c in zip(which, rows, cols, strict=True):
        if r == c:
            floor[place] = math.log(LEAST_SPREAD * components[random[r]].size)
    known = {*position, *(c.label for c in coefficients), *labels}
    for what, names in (("fixed", statement.fixed), ("priors", statement.priors)):
        for name in names:
            if name not in known:
                raise unknown_name(f"{what}= of the mixed-effects model", "label", name, known)
    free_l = np.array([label not in statement.fixed for label in labels], dtype=bool)
    population = Population(
        subjects, tuple(components), tuple(coefficients), covariates, np.array(random, dtype=np.int64),
        np.array(rows, dtype=np.int64), np.array(cols, dtype=np.int64), np.array(which, dtype=np.int64),
        np.array(start), free_l, tuple(labels), floor,
    )  # fmt: skip
    require_holdable(population)
    if not population.q:
        raise FitError("fit: nothing varies between subjects; say what does in iiv=, as {'CL': lognormal(cv=0.3)}.")
    if not population.free.any():
        raise FitError(f"fit: all of {', '.join(population.labels)} are fixed; nothing is left to estimate.")
    return population


def _spreads(statement: MixedEffects, larger: Expanded, position: Mapping[str, int]) -> Any:
    """The etas and the places, starts and labels of the numbers of their Cholesky factor."""
    random: list[int] = []
    rows: list[int] = []
    cols: list[int] = []
    which: list[int] = []
    start: list[float] = []
    labels: list[str] = []

    def add(row: int, col: int, value: float, label: str) -> None:
        rows.append(row)
        cols.append(col)
        which.append(len(start))
        start.append(value)
        labels.append(label)

    for joint in statement.variability.joints:
        assert isinstance(joint, Block)
        varying = [
            i for i, m in enumerate(joint.marginals.values()) if not getattr(m, "constant", getattr(m, "sd", 1) == 0)
        ]
        # Standard deviations that are held come first, where they are a number of the Cholesky factor alone.
        varying.sort(key=lambda i: f"omega[{joint.names[i]}]" not in statement.fixed)
        names = [joint.names[i] for i in varying]
        factor = _factor(names, joint.covariance[np.ix_(varying, varying)])
        first = len(random)
        random += [position[larger.box_cox[name][0] if name in larger.box_cox else name] for name in names]
        for i, name in enumerate(names):
            for j in range(i):
                a, b = sorted((names[j], name), key=joint.names.index)
                add(first + i, first + j, float(factor[i, j]), f"correlation[{a},{b}]")
            add(first + i, first + i, math.log(factor[i, i]), f"omega[{name}]")
    for label, spread in statement.error_spread.items():
        random.append(position[label])
        add(len(random) - 1, len(random) - 1, math.log(spread), f"omega[{label}]")
    for parameter, factors in larger.occasions.items():
        number = len(start)
        start.append(math.log(statement.occasions[parameter].sd))
        labels.append(f"omega_occasion[{parameter}]")
        for name in factors:
            random.append(position[name])
            rows.append(len(random) - 1)
            cols.append(len(random) - 1)
            which.append(number)
    return random, rows, cols, which, start, labels


def _factor(names: Sequence[str], covariance: Array) -> Array:
    factor: Array
    try:
        factor = np.asarray(np.linalg.cholesky(covariance), dtype=float)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(covariance)
    if not (np.diag(factor) ** 2 > 1e-10 * np.diag(covariance)).all():
        least = float(np.linalg.eigvalsh(covariance)[0])
        raise FitError(
            f"fit: the covariance of the etas of {', '.join(names)} is not positive definite where it starts (its "
            f"least eigenvalue is {least:.3g}); start from correlations below 1."
        )
    return factor
