"""Derivatives of a prepared model: by which parameters, and the problem that integrates them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError, SimulationError, unknown_name
from pkpd.prepared.parameters import KnownParameters, ParameterValues
from pkpd.prepared.regimens import RegimenProblems
from pkpd.solvers.equations.moving_doses import MovingDoses
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.sensitivities import sensitivity_name
from pkpd.solvers.equations.switches import sign_dependent
from pkpd.solvers.problem import Problem
from pkpd.symbolic.model import Model
from pkpd.treatment.timed_doses import dose_slopes

__all__ = ["derivative_name", "differentiated", "slope_columns", "with_derivatives"]


def derivative_name(of: str) -> str:
    """The name of the variable that holds the derivatives of a state or output."""
    return f"sensitivity_{of}"


def differentiated(model: Model, known: KnownParameters, names: Iterable[str]) -> dict[str, str]:
    """The parameters and states to differentiate by, with their units.

    Raises
    ------
    SimulationError, ParameterError, UnknownNameError
        If they are not names, or a name is that of an output, of nothing, or given twice.
    """
    if not isinstance(names, Iterable):
        raise SimulationError(f"sensitivities is {names!r}; expected names of parameters or states.")
    wrt = [names] if isinstance(names, str) else list(names)
    units = known.units
    for name in wrt:
        if name in model.outputs:
            raise ParameterError(
                f"sensitivities names {name!r}, an output of {model.name}: name the parameters to differentiate by; "
                f"the result then holds the derivatives of every output, such as {derivative_name(name)!r}."
            )
        if name not in units:
            raise unknown_name(model.name, "parameter or state", str(name), units)
        if wrt.count(name) > 1:
            raise ParameterError(f"sensitivities names {name!r} twice.")
    for name in ("parameter", *map(derivative_name, (*(s.name for s in model.states), *model.outputs))):
        if wrt and (name in units or name in model.units):
            raise ParameterError(f"{model.name} has the name {name!r}, which a result with sensitivities needs.")
    return {name: units[name] for name in wrt}


def slope_columns(outputs: Iterable[str], wrt: Iterable[str]) -> list[str]:
    """The columns that hold the derivatives of `outputs`."""
    by = list(wrt)
    return [sensitivity_name(name, k) for name in outputs for k in by]


def with_derivatives(
    problems: RegimenProblems, values: ParameterValues, problem: Problem, wrt: tuple[str, ...]
) -> Problem:
    """`problem` with its derivatives by `wrt` beside the states."""
    (doses,), (regimen,) = problems.timed(values), problems.regimens
    moving = MovingDoses(
        problems.system, wrt, doses,
        dose_slopes(problems.known.model, regimen, problems.by_name(values), len(doses.times), wrt),
        _positive(problem),
    )  # fmt: skip
    rows = np.broadcast_to(moving.extra_parameters, (len(moving.extra_parameters), problem.members))
    atol = np.concatenate([problem.atol, np.outer(1 / _magnitudes(problems, wrt), problem.atol).reshape(-1)])
    constant = np.ones(len(moving.model.states) - len(atol))
    augmented = dataclasses.replace(
        problem,
        model=moving.model,
        parameters=np.vstack([problem.parameters, rows]),
        schedule=moving.schedule(),
        atol=np.concatenate([atol, constant]),
    )
    with np.errstate(all="ignore"):
        starts = numpy_code(augmented.model).starts(augmented.parameters)
    starts[: len(problem.starts)] = problem.starts
    return dataclasses.replace(augmented, starts=starts)


def _magnitudes(problems: RegimenProblems, wrt: Iterable[str]) -> Array:
    """The size of each parameter by default, and so the same for any ensemble; 1 where it is zero."""
    known, system = problems.known, problems.system
    default = dict(zip(known.names, known.defaults, strict=True))
    with np.errstate(all="ignore"):
        starts = numpy_code(system).starts(known.defaults[: len(system.parameters), None])
    default |= dict(zip(system.states, starts[:, 0], strict=True))
    sizes = np.array([default[k] for k in wrt], dtype=float)
    return np.where(np.isfinite(sizes) & (sizes != 0), np.abs(sizes), 1.0)


def _positive(problem: Problem) -> frozenset[str]:
    """The parameters that are positive for every member, of those for which it matters."""
    rows = zip(problem.model.parameters, problem.parameters, strict=True)
    return sign_dependent(problem.model) & {name for name, row in rows if (row > 0).all()}
