"""A statement and records become the subjects of a fit: components, Omega, observations, trajectories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.errors import FitError, ParameterError, UnitError
from pkpd.fitting.free_parameters import Free
from pkpd.fitting.likelihoods import BlqMethod, Likelihood
from pkpd.fitting.mixed.classes import classes_of
from pkpd.fitting.mixed.components import Component
from pkpd.fitting.mixed.expansion import Expanded, expanded
from pkpd.fitting.mixed.linking import Partners, partners
from pkpd.fitting.mixed.mixture_statements import class_statement
from pkpd.fitting.mixed.natural import require_holdable
from pkpd.fitting.mixed.padding import padded
from pkpd.fitting.mixed.populations import coefficient_start, population_of
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
    linked = partners(statement.residuals, observed, blq)
    numbers = _numbers(statement, chosen, linked)
    components = [*_parameters(statement, larger), *numbers]
    count, classes = len(observed.data.arms), None
    if statement.mixture:
        alone = statement.but(mixture={}, fixed=frozenset(), priors={})
        held = {label.replace(f"[{name}]]", "]") for label in statement.fixed for name in ("", *statement.mixture)}
        whole, *own = (
            population_of(one, larger, [*_parameters(one, larger), *_numbers(one, chosen, linked)], count, held)
            for one in (alone, *(class_statement(statement, name) for name in statement.mixture))
        )
        classes = classes_of(statement, whole, own)
    population = population_of(statement, larger, components, count) if classes is None else classes.population
    require_holdable(population if classes is None else classes)
    names = tuple(c.parameter for c in components if c.parameter is not None)
    longer, _, _ = with_further_rows(observed.data, chosen)
    wanted = tuple(dict.fromkeys(longer.output))
    trajectories = Trajectories(larger.model, larger.records, names, _held(statement, names), wanted, solver)
    observations = padded(observed, chosen, wanted, [c.label for c in numbers], linked)
    return Subjects(population, trajectories, observations, observed.data.arms, classes)


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
        free, start = coefficient_start(effect.coefficient)
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


def _numbers(statement: MixedEffects, chosen: Mapping[str, Likelihood], linked: Sequence[Partners]) -> list[Component]:
    """The numbers of error models that are estimated, then the correlations of errors."""
    components = []
    for output, likelihood in chosen.items():
        for name, start in likelihood.numbers.items():
            label = f"{name}[{output}]"
            unit = statement.model.units[output] if name == "sd_additive" else "1"
            scale = Scale("linear" if name == "power" else "log")
            components.append(Component(label, scale, float(start), unit, None, label not in statement.fixed))
    return components + [one.component(statement) for one in linked]


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
