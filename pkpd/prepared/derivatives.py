"""Derivatives of a prepared model: by which parameters, and their integration."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import ParameterError, unknown_name
from pkpd.prepared.parameters import KnownParameters, ParameterValues
from pkpd.prepared.regimens import MOST_KEPT, RegimenProblems, stacked, stacked_changes
from pkpd.solvers.clock_stops import moving_clock_schedule
from pkpd.solvers.directions import Directions, MovingDoses, StopDirections, moving_schedule
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.problem import Problem, Solution
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.solve import solve
from pkpd.solvers.steady_derivatives import start_slopes
from pkpd.solvers.tangent_problems import TangentProblem, tangent_problem
from pkpd.symbolic.model import Model

__all__ = ["Slopes", "derivative_name", "differentiated", "integrated_slopes", "slopes_of", "tangent_solution"]

TANGENTS_KEPT = 4
"""How many problems with derivatives are kept for the next call."""


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
    wrt = list(names)
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


@dataclass(frozen=True)
class Slopes:
    """Derivatives of the outputs of an ensemble.

    Attributes
    ----------
    first, second
        By output: (members, times, K) and (members, times, K, K).
    status, ended
        (members,): of the integration of the derivatives.
    """

    first: dict[str, Array]
    second: dict[str, Array]
    status: Index
    ended: Array


def integrated_slopes(
    problems: RegimenProblems, values: ParameterValues, wrt: Sequence[str], outputs: Sequence[str], order: int
) -> Slopes:
    """Integrate the derivatives of `outputs` by `wrt`, of order 1 or 2."""
    return slopes_of(*tangent_solution(problems, values, problems.problem(values), tuple(wrt), order), outputs)


def tangent_solution(
    problems: RegimenProblems,
    values: ParameterValues,
    problem: Problem,
    wrt: tuple[str, ...],
    order: int,
    d: int | None = None,
) -> tuple[TangentProblem, Solution]:
    """The problem with its derivatives, from the last call where only values have changed; and the solution."""
    settled = not problems.steady.any and not problems.moves_with(wrt)
    key = (wrt, order, d, problem.members, *sorted(values.starts))
    kept = problems.tangents.get(key) if settled else None
    if kept is not None and kept.base.schedule is problem.schedule and kept.suits(problem.parameters):
        along = kept.at(problem.parameters, problem.starts)
    else:
        along = tangent_problem(*_directed(problems, values, problem, wrt, order), d=d, order=order)
        if settled and problem.schedule.input_values.size + problem.schedule.times.size <= MOST_KEPT:
            if len(problems.tangents) >= TANGENTS_KEPT:
                problems.tangents.clear()
            problems.tangents[key] = along
    solver = problems.solver
    return along, solve(along.problem, solver.method, None, solver.threads, solver.device)


def slopes_of(
    along: TangentProblem, solution: Solution, outputs: Sequence[str], values: dict[str, Array] | None = None
) -> Slopes:
    """The derivatives of `outputs`; what they are derivatives of goes into `values`."""
    system = along.base.model
    sources = [(system.states, along.states(solution))]
    if set(outputs) & set(system.output_names):
        sources.append((system.output_names, along.outputs(solution)))
    first, second = {}, {}
    for names, derivatives in sources:
        for i, name in enumerate(names):
            if name in outputs:
                first[name] = derivatives.first[:, :, i]
                if values is not None:
                    values.setdefault(name, derivatives.values[:, :, i])
                if derivatives.second is not None:
                    second[name] = derivatives.second[:, :, i]
    return Slopes(first, second, along.status(solution), along.ended(solution))


def _directed(
    problems: RegimenProblems, values: ParameterValues, problem: Problem, wrt: tuple[str, ...], order: int
) -> tuple[Problem, Directions]:
    """The problem with stops that may move, and a direction for each of `wrt`."""
    system = problems.clock.system
    dparameters = _unit(system.parameters, wrt)
    dstarts = _unit(system.states, wrt)
    # A start that was set to a number follows no parameter, nor does one that is differentiated by.
    free = np.array([name not in values.starts for name in system.states])
    directions = Directions(dparameters, dstarts, free, sizes=_magnitudes(problems, wrt))
    if problems.steady.any:
        directions = _from_steady_states(problems, values, problem.parameters, directions, wrt, order)
    if not problems.moves_with(wrt):
        return problem, directions
    schedule, stops, curved = _moving_stops(problems, values, problem, dparameters, wrt, order)
    directions = dataclasses.replace(directions, stops=stops)
    if curved is not None:
        no_parameters = np.zeros((len(system.parameters), curved.dtimes.shape[-1]))
        directions = dataclasses.replace(directions, second=Directions(no_parameters, stops=curved))
    return dataclasses.replace(problem, schedule=schedule), directions


def _from_steady_states(
    problems: RegimenProblems,
    values: ParameterValues,
    parameters: Array,
    directions: Directions,
    wrt: tuple[str, ...],
    order: int,
) -> Directions:
    """The same directions with the changes of the steady states in which arms begin."""
    if order == 2:
        raise ParameterError(
            f"{problems.known.model.name}: second derivatives by {', '.join(map(repr, wrt))} do not go through the "
            "steady state of a dose with ss=True; ask for first ones."
        )
    plain = problems.plain_starts(parameters, values)
    free = start_slopes(problems.system, parameters, directions.dparameters)
    free[~np.broadcast_to(directions.follow, len(free))] = 0.0
    assert directions.dstarts is not None
    assert directions.sizes is not None
    doses = [
        function.derivatives(numbers, len(timed.times), wrt)
        for function, timed, numbers in zip(problems.doses, plain.doses, plain.numbers, strict=True)
    ]
    dstarts = problems.steady.slopes(plain, free + directions.dstarts[:, None], doses, wrt, directions.sizes)
    return dataclasses.replace(directions, dstarts=dstarts, follow=False)


def _unit(names: Sequence[str], wrt: Sequence[str]) -> Array:
    return np.array([[float(name == k) for k in wrt] for name in names]).reshape(len(names), len(wrt))


def _moving_stops(
    problems: RegimenProblems,
    values: ParameterValues,
    problem: Problem,
    dparameters: Array,
    wrt: tuple[str, ...],
    order: int,
) -> tuple[Schedule, StopDirections, StopDirections | None]:
    """The stops of all arms with their changes along `wrt`, and those of second order."""
    pieces = [_moving_arm(problems, values, arm, wrt, order) for arm in range(len(problems.doses))]
    schedules = [schedule for schedule, _, _ in pieces]
    if len(pieces) == 1:
        ((schedule, stops, curved),) = pieces
    else:
        schedule = stacked(schedules, values.members)
        stops = stacked_changes([first for _, first, _ in pieces], schedule, values.members)
        further = [c for _, _, c in pieces if c is not None]
        curved = stacked_changes(further, schedule, values.members) if further else None
    until = float(problems.times[-1])
    arms = len(pieces)
    if curved is not None:
        _, curved = problems.changing.joined(schedule, curved, problems.times, arms)
    plain, stops = problems.changing.joined(schedule, stops, problems.times, arms)
    schedule, stops = moving_clock_schedule(problems.clock, plain, stops, problem.parameters, dparameters, until)
    if curved is not None and problems.clock.conditions:
        if set(wrt) & problems.clock_names:
            raise ParameterError(
                f"{problems.known.model.name}: second derivatives by parameters of its conditions on the clock "
                f"({', '.join(sorted(set(wrt) & problems.clock_names))}) are not available; ask for first ones."
            )
        nothing = np.zeros((len(dparameters), curved.dtimes.shape[-1]))
        _, curved = moving_clock_schedule(problems.clock, plain, curved, problem.parameters, nothing, until)
    return schedule, stops, curved


def _moving_arm(
    problems: RegimenProblems, values: ParameterValues, arm: int, wrt: tuple[str, ...], order: int
) -> tuple[Schedule, StopDirections, StopDirections | None]:
    """The stops of one arm and their changes."""
    own = values.of_arm(arm)
    doses, function = problems.timed_in(arm, own), problems.doses[arm]
    numbers, rows = problems.by_name(own), len(doses.times)
    jump_of, input_of = problems.places(doses.routes)

    def moving(slopes: Array) -> MovingDoses:
        by_part = dict(zip(("dtimes", "damounts", "ddurations"), slopes, strict=True))
        return MovingDoses(doses.times, doses.amounts, doses.durations, **by_part, jump_of=jump_of, input_of=input_of)

    slopes = function.derivatives(numbers, rows, wrt)
    first = moving(problems.steady.arms[arm].earlier_slopes(doses, numbers, slopes, wrt))
    second = moving(function.second_derivatives(numbers, rows, wrt)) if order == 2 else None
    schedule, along = moving_schedule(first, problems.changing.inputs, second, problems.times)
    assert along.stops is not None
    return schedule, along.stops, None if along.second is None else along.second.stops


def _magnitudes(problems: RegimenProblems, wrt: Iterable[str]) -> Array:
    """The size of each parameter by default, and so the same for any ensemble; 1 where it is zero."""
    known, system = problems.known, problems.system
    default = dict(zip(known.names, known.defaults, strict=True))
    with np.errstate(all="ignore"):
        starts = numpy_code(system).starts(known.defaults[: len(system.parameters), None])
    default |= dict(zip(system.states, starts[:, 0], strict=True))
    sizes = np.array([default[k] for k in wrt], dtype=float)
    return np.where(np.isfinite(sizes) & (sizes != 0), np.abs(sizes), 1.0)
