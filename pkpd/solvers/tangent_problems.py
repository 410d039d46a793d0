"""Derivatives of a whole ensemble: a `Problem` whose members are those of another in several directions.

One member in several directions takes several lanes, each with `d` of them.  Which
directions they are is data; the machine code depends on the model and on `d` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import sympy

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import ParameterError
from pkpd.solvers.directions import Directions, StopDirections, pairs
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.switches import UNCOUNTED, sign_dependent
from pkpd.solvers.equations.system import System
from pkpd.solvers.equations.tangent import TangentSystem, tangent
from pkpd.solvers.moving_stops import StopPlan, stop_plan
from pkpd.solvers.problem import Problem, Solution

__all__ = ["Derivatives", "TangentProblem", "tangent_problem"]

FEW_MEMBERS = 8  # up to these each direction has a lane of its own
TOGETHER = 4  # directions that share a lane where there are more


@dataclass(frozen=True)
class Derivatives:
    """Values with their derivatives.

    Attributes
    ----------
    values
        (members, times, variables).
    first
        (members, times, variables, K).
    second
        (members, times, variables, K, K); None where it was not asked for.
    """

    values: Array
    first: Array
    second: Array | None = None


@dataclass(frozen=True)
class TangentProblem:
    """A `Problem` that integrates derivatives, and how to read its `Solution`.

    Attributes
    ----------
    problem
        What to solve: member ``m*lanes + lane`` is member m of `base` in some directions.
    base
        The problem that was differentiated.
    order
        1 or 2.
    d
        The number of directions in each lane.
    lanes
        The number of lanes of one member.
    sizes
        (K,): how far a derivative goes along each direction.
    layers
        The first tangent, and the second that was made of it.
    source
        (stops,): the stop of `base` that each stop of `problem` belongs to.
    positive
        The parameters that are positive for all members, of those for which it matters to the equations.
    """

    problem: Problem
    base: Problem
    order: int
    d: int
    lanes: int
    sizes: Array
    layers: tuple[_Layer, ...]
    source: Index
    positive: frozenset[str]

    def at(self, parameters: Array, starts: Array) -> TangentProblem:
        """The same directions and doses from other values: a fraction of the work of `tangent_problem`.

        Parameters
        ----------
        parameters
            (parameters, members).
        starts
            (states, members), at time 0.
        """
        base = self.base.from_values(parameters, starts)
        return replace(self, base=base, problem=self.problem_at(parameters, starts))

    def problem_at(self, parameters: Array, starts: Array) -> Problem:
        """What `at` solves; this reads its solution too."""
        p, y = parameters, starts
        if self.lanes > 1:
            p, y = p.repeat(self.lanes, axis=1), y.repeat(self.lanes, axis=1)
        for layer in self.layers:
            p, y = layer.extended(p, y)
        return self.problem.from_values(p, y)

    def suits(self, parameters: Array) -> bool:
        """Whether these equations hold for other parameters: some hold only where parameters are positive."""
        return _positive(self.base.model, parameters) == self.positive

    def of_states(self, rows: Array) -> tuple[Array, Array | None]:
        """The derivatives of states read elsewhere, (states of `problem`, looks x lanes).

        Those of first order, (states, looks, K), and of second, (states, looks, K, K), or None.
        """
        return self._read_looks(rows, len(self.base.model.states), len(self.layers[0].tangent.system.states))

    def of_outputs(self, rows: Array) -> tuple[Array, Array | None]:
        """The same of outputs."""
        count = len(self.base.model.outputs)
        return self._read_looks(rows, count, count * (1 + self.d))

    def states(self, solution: Solution) -> Derivatives:
        """The states with their derivatives."""
        return self._of_states(solution.states)

    def outputs(self, solution: Solution, inputs: Array | None = None) -> Derivatives:
        """The outputs with their derivatives.

        Parameters
        ----------
        inputs
            (members of `problem`, times, inputs): the input rates that each stored value sees; by
            default those before a stop at its time, or after it as `Problem.before` says.
        """
        problem, code = self.problem, numpy_code(self.problem.model)
        u = np.zeros((len(problem.model.inputs), 1, 1))
        if code.outputs_see_inputs:
            if inputs is None:
                inputs = problem.schedule.input_values_at(problem.times, before=problem.before)
            u = inputs.transpose(2, 0, 1)
        with np.errstate(all="ignore"):
            columns = code.outputs(problem.times, solution.states.transpose(2, 0, 1), problem.parameters[:, :, None], u)
        values = np.moveaxis(columns, 0, -1)
        lost = np.isnan(solution.states)
        if np.count_nonzero(lost):
            values[lost.any(axis=-1)] = np.nan
        return self._of_outputs(values)

    def status(self, solution: Solution) -> Index:
        """(members,): that of the first lane that failed, or ok."""
        each = solution.status.reshape(-1, self.lanes)
        first: Index = each[np.arange(len(each)), np.argmax(each != 0, axis=1)]
        return first

    def ended(self, solution: Solution) -> Array:
        """(members,): the last time that all lanes reached."""
        ended: Array = np.min(solution.ended.reshape(-1, self.lanes), axis=1)
        return ended

    def steps(self, solution: Solution) -> Index:
        """(members,): the steps of all lanes."""
        steps: Index = np.sum(solution.steps.reshape(-1, self.lanes), axis=1)
        return steps

    # ---- where things are

    def _of_states(self, rows: Array) -> Derivatives:
        return self._read(rows, len(self.base.model.states), len(self.layers[0].tangent.system.states))

    def _of_outputs(self, rows: Array) -> Derivatives:
        count = len(self.base.model.outputs)
        return self._read(rows, count, count * (1 + self.d))

    def _read(self, rows: Array, n: int, inner: int) -> Derivatives:
        """Sort `rows`, (lanes of members, times, variables), of `n` variables; `inner` of the first tangent."""
        d, times, members = self.d, rows.shape[1], len(rows) // self.lanes
        lanes = rows.reshape(members, self.lanes, times, rows.shape[2])
        # The first lanes take the first of the directions each, and all with which it pairs.
        of_lane = lanes[:, self._leading] if self.order == 2 else lanes
        groups = of_lane.shape[1]
        each = of_lane[..., n : n * (1 + d)].reshape(members, groups, times, d, n).transpose(0, 2, 4, 1, 3)
        first = each.reshape(members, times, n, groups * d)[..., : len(self.sizes)] / self.sizes
        return Derivatives(lanes[:, 0, :, :n], first, self._second(lanes, n, inner) if self.order == 2 else None)

    def _read_looks(self, rows: Array, n: int, inner: int) -> tuple[Array, Array | None]:
        if self.order == 2:
            read = self._read(rows.T[:, None], n, inner)
            assert read.second is not None
            return read.first[:, 0].swapaxes(0, 1), read.second[:, 0].swapaxes(0, 1)
        looks = rows.shape[1] // self.lanes
        each = rows[n : n * (1 + self.d)].reshape(self.d, n, looks, self.lanes).transpose(1, 2, 3, 0)
        return each.reshape(n, looks, self.lanes * self.d)[..., : len(self.sizes)] / self.sizes, None

    @cached_property
    def _groups(self) -> Index:
        return _groups(len(self.sizes), self.d, self.order)

    @cached_property
    def _leading(self) -> Index:
        """The first lane that takes each group of directions."""
        return np.searchsorted(self._groups[:, 0], np.arange(-(-len(self.sizes) // self.d)))

    def _second(self, lanes: Array, n: int, inner: int) -> Array:
        count, d = len(self.sizes), self.d
        number = {(int(a), int(b)): lane for lane, (a, b) in enumerate(self._groups)}
        both = pairs(count)
        lane = np.array([number[int(k) // d, int(l) // d] for k, l in both], dtype=np.int64)
        one, other = both.T
        place = inner * (1 + other % d) + n * (1 + one % d)
        half = _taken(lanes, lane, place[:, None] + np.arange(n)) / (self.sizes[one] * self.sizes[other])
        second = np.empty((*half.shape[:-1], count, count))
        second[..., one, other] = second[..., other, one] = half
        return second


def tangent_problem(problem: Problem, directions: Directions, d: int | None = None, order: int = 1) -> TangentProblem:
    """Differentiate `problem` along `directions`.

    Parameters
    ----------
    problem
        An ensemble of members.
    directions
        K directions.
    d
        How many directions one lane takes; chosen by the number of members if None.
    order
        1, or 2 for second derivatives too.

    Raises
    ------
    ParameterError
        If a rate or a trigger holds a function such as ``floor``, which jumps at more
        places than can be followed, of something that changes along a direction.

    Examples
    --------
    The derivative of an amount that decays, y = 2 exp(-k t), by k.

    >>> import numpy as np
    >>> from pkpd import Model, param, state
    >>> from pkpd.solvers.equations.system import numbered_system
    >>> from pkpd.solvers.schedule import Schedule
    >>> from pkpd.solvers.solve import solve
    >>> k, A = param("k", 0.5, "1/day", "elimination"), state("A", "mg", "drug", start=2)
    >>> none = Schedule(np.empty((1, 0)), np.empty((1, 0), dtype=int), np.empty((1, 0)), np.zeros((1, 1, 0)))
    >>> system = numbered_system(Model("decay", rates={A: -k * A}))
    >>> plain = Problem(system, np.array([[0.5]]), np.array([[2.0]]), none, np.array([1.0]), 1e-9, np.array([1e-9]))
    >>> along = tangent_problem(plain, Directions(np.array([[1.0]])))
    >>> along.states(solve(along.problem, "numpy")).first.round(6).tolist()
    [[[[-1.213061]]]]
    """
    _check_counted(problem.model, directions)
    count = directions.count
    d = directions_per_lane(problem.members, count) if d is None else d
    groups = _groups(count, d, order)
    sizes = np.ones(count) if directions.sizes is None else _power_of_two(directions.sizes)
    spread = _spread(problem, directions, len(groups))
    inner, outer = (groups[:, [i]] * d + np.arange(d) for i in (0, -1))
    first = _chosen(directions, inner, sizes, problem.members)
    positive = _positive(problem.model, problem.parameters)
    layer = _Layer(tangent(problem.model, d, positive), first, spread.schedule.input_values[:, 0].T)
    stops = _stops(spread, first)
    plan = stop_plan(layer.tangent, spread.schedule, stops)
    layers: tuple[_Layer, ...] = (layer,)
    source = plan.source
    extended = _extended(spread, layer, plan, stops)
    if order == 2:
        further = _chosen(directions, outer, sizes, problem.members)
        mixed = _chosen_pairs(directions, inner, outer, sizes, problem.members)
        changes = plan.changes(_stops(spread, further), _stops(spread, mixed))
        along = _joined(layer.tangent, further, mixed, changes)
        second = _Layer(tangent(extended.model, d, positive), along, extended.schedule.input_values[:, 0].T)
        plan = stop_plan(second.tangent, extended.schedule, changes)
        extended, layers = _extended(extended, second, plan, changes), (layer, second)
        source = source[plan.source]
    return TangentProblem(extended, problem, order, d, len(groups), sizes, layers, source, positive)


def directions_per_lane(members: int, count: int) -> int:
    """The number of directions that one lane takes.

    One where there are few members, who would not fill the lanes, and four where there are
    many: then the states are not integrated anew for each direction (up to 1.8 times faster,
    where the code takes three times as long to compile).  No more widths than these, so
    that another number of directions makes no machine code either.
    """
    return 1 if members <= FEW_MEMBERS or count < 3 else TOGETHER


# ---- directions of lanes


@dataclass(frozen=True)
class _Along:
    """The directions of each lane: as `Directions`, but (..., lanes of members, d)."""

    dparameters: Array
    dstarts: Array
    follow: Mask
    stops: StopDirections | None


def _groups(count: int, d: int, order: int) -> Index:
    """Which group of `d` directions each lane takes, (lanes, order): half of the square for second order."""
    groups = -(-count // d)
    return np.arange(groups)[:, None] if order == 1 else pairs(groups)


def _chosen(directions: Directions, index: Index, sizes: Array, members: int) -> _Along:
    """The directions `index`, (lanes, d), for each lane; none where there are no more."""
    there = index < len(sizes)
    index = np.where(there, index, 0)
    return _along(directions, index, np.where(there, sizes[index], 0.0), members)


def _chosen_pairs(directions: Directions, inner: Index, outer: Index, sizes: Array, members: int) -> _Along:
    """The second derivatives along each pair of `inner` and `outer`, (..., lanes of members, d*d)."""
    count = len(sizes)
    number = np.zeros((count, count), dtype=np.int64)
    one, other = pairs(count).T
    number[one, other] = number[other, one] = np.arange(len(one))
    there = ((inner < count)[:, :, None] & (outer < count)[:, None, :]).reshape(len(inner), -1)
    inner, outer = np.where(inner < count, inner, 0), np.where(outer < count, outer, 0)
    index = number[inner[:, :, None], outer[:, None, :]].reshape(len(inner), -1)
    size = (sizes[inner][:, :, None] * sizes[outer][:, None, :]).reshape(len(inner), -1)
    if directions.second is None:
        nothing = replace(directions, dparameters=np.zeros((len(directions.dparameters), 1)), dstarts=None, stops=None)
        return _along(nothing, np.zeros_like(index), np.zeros_like(size), members)
    return _along(directions.second, index, np.where(there, size, 0.0), members)


def _along(directions: Directions, index: Index, size: Array, members: int) -> _Along:
    def lanes(x: Array) -> Array:
        """(rows, K) or (rows, members, K) as (rows, lanes of members, d)."""
        each = x[:, None, :] if x.ndim == 2 else x
        wide = np.broadcast_to(each[..., index] * size, (len(x), members, *index.shape))
        return wide.reshape(len(x), members * len(index), index.shape[1])

    def rows(x: Array) -> Array:
        """(members or 1, ..., K) as (lanes of members, ..., d)."""
        wide = np.moveaxis(np.broadcast_to(x, (members, *x.shape[1:]))[..., index] * size, -2, 1)
        return wide.reshape(members * len(index), *x.shape[1:-1], index.shape[1])

    stops = directions.stops
    moving = stops is not None and any(np.any(x) for x in vars(stops).values())
    dparameters = lanes(directions.dparameters)
    dstarts = np.zeros((1, *dparameters.shape[1:])) if directions.dstarts is None else lanes(directions.dstarts)
    changes = StopDirections(*map(rows, vars(stops).values())) if stops is not None and moving else None
    return _Along(dparameters, dstarts, np.atleast_1d(np.asarray(directions.follow, dtype=bool)), changes)


def _stops(problem: Problem, along: _Along) -> StopDirections:
    if along.stops is not None:
        return along.stops
    schedule, k = problem.schedule, along.dparameters.shape[-1]
    none = np.zeros((*schedule.times.shape, k))
    return StopDirections(none, none, np.zeros((*schedule.input_values.shape, k)))


def _joined(first: TangentSystem, further: _Along, mixed: _Along, stops: StopDirections) -> _Along:
    """The directions of a first tangent: how its base changes `further`, and its derivatives by `mixed`."""
    n, d = len(first.base.y), first.d
    constants = len(first.system.y) - n * (1 + d)

    def nested(x: Array) -> Array:
        """(rows, lanes, d*d) as (d*rows, lanes, d), the first direction outermost."""
        rows, lanes, _ = x.shape
        return np.moveaxis(x.reshape(rows, lanes, d, d), 2, 0).reshape(d * rows, lanes, d)

    def whole(x: Array) -> Array:
        return np.broadcast_to(x, (n, *x.shape[1:]))

    none = np.zeros((constants, *further.dstarts.shape[1:]))
    follow = np.append(np.tile(np.broadcast_to(further.follow, n), 1 + d), np.ones(constants, dtype=bool))
    return _Along(
        np.concatenate([further.dparameters, nested(mixed.dparameters)]),
        np.concatenate([whole(further.dstarts), nested(whole(mixed.dstarts)), none]),
        follow,
        stops,
    )


# ---- a problem extended


def _spread(problem: Problem, directions: Directions, lanes: int) -> Problem:
    """Each member `lanes` times; one row of stops serves all of them where none of the stops changes."""
    every = np.repeat(np.arange(problem.members), lanes)
    alike = directions.stops is None or not any(np.any(x) for x in vars(directions.stops).values())
    schedule = problem.schedule
    if not (schedule.shared and alike):
        schedule = schedule.take(np.zeros_like(every) if schedule.shared else every)
    return replace(
        problem,
        parameters=np.ascontiguousarray(problem.parameters[:, every]),
        starts=np.ascontiguousarray(problem.starts[:, every]),
        schedule=schedule,
        times=problem.times if problem.times.ndim == 1 else problem.times[every],
    )


@dataclass(frozen=True)
class _Layer:
    """A tangent with the directions of each lane, and the inputs at time 0, (inputs, lanes or 1)."""

    tangent: TangentSystem
    along: _Along
    input_values: Array

    def extended(self, parameters: Array, starts: Array) -> tuple[Array, Array]:
        """The parameters and starts of the tangent for those of its base."""
        n, d, lanes = len(starts), self.tangent.d, starts.shape[1]
        whole = np.concatenate([parameters, self._dparameters])
        slopes = self._dstarts
        if self._start_slopes:
            with np.errstate(all="ignore"):
                slopes = numpy_code(self.tangent.system).starts(whole)[n : n * (1 + d)].reshape(d, n, lanes)
            slopes = np.where(self.along.follow[:, None], slopes, 0.0) + self._dstarts
        return whole, np.concatenate([starts, slopes.reshape(d * n, lanes), self._constants(parameters, starts)])

    @cached_property
    def _dparameters(self) -> Array:
        """(d x parameters, lanes)."""
        dparameters = self.along.dparameters
        return dparameters.transpose(2, 0, 1).reshape(-1, dparameters.shape[1])

    @cached_property
    def _dstarts(self) -> Array:
        """(d, states, lanes)."""
        dstarts = self.along.dstarts.transpose(2, 0, 1)
        return np.ascontiguousarray(
            np.broadcast_to(dstarts, (len(dstarts), len(self.tangent.base.y), dstarts.shape[2]))
        )

    @cached_property
    def _start_slopes(self) -> bool:
        """Whether the states at time 0 follow the parameters at all."""
        n, d = len(self.tangent.base.y), self.tangent.d
        return any(slope != 0 for slope in self.tangent.system.starts[n : n * (1 + d)])

    def _constants(self, parameters: Array, starts: Array) -> Array:
        """The sides of the surfaces on which members start, whatever the model's own starts are."""
        lanes = starts.shape[1]
        if not self.tangent.sides:
            return np.empty((0, lanes))
        u = np.broadcast_to(self.input_values, (len(self.input_values), lanes))
        with np.errstate(all="ignore"):
            return numpy_code(_sides(self.tangent)).outputs(np.zeros(lanes), starts, parameters, u)


@lru_cache(maxsize=64)
def _sides(extended: TangentSystem) -> System:
    """The base of a tangent with the sides of its surfaces as outputs."""
    return replace(extended.base, output_names=("",) * len(extended.sides), outputs=extended.sides)


def _extended(problem: Problem, layer: _Layer, plan: StopPlan, stops: StopDirections) -> Problem:
    """`problem` with its derivatives along the directions of each of its members."""
    parameters, starts = layer.extended(problem.parameters, problem.starts)
    constants = np.ones(len(layer.tangent.system.y) - len(problem.starts) * (1 + layer.tangent.d))
    return replace(
        problem,
        model=layer.tangent.system,
        parameters=parameters,
        starts=starts,
        schedule=plan.schedule(problem.schedule, stops),
        atol=np.concatenate([np.tile(problem.atol, 1 + layer.tangent.d), constants]),
    )


def _positive(model: System, parameters: Array) -> frozenset[str]:
    """The parameters that are positive for every member, of those for which it matters."""
    deciding = sign_dependent(model)
    if not deciding:
        return deciding
    rows = zip(model.parameters, parameters, strict=True)
    return frozenset(name for name, row in rows if name in deciding and (row > 0).all())


def _power_of_two(sizes: Array) -> Array:
    """The nearest power of two, so that to multiply and to divide by it loses nothing; 1 for zero."""
    good = np.isfinite(sizes) & (sizes != 0)
    return np.where(good, np.exp2(np.round(np.log2(np.abs(np.where(good, sizes, 1.0))))), 1.0)


@lru_cache(maxsize=64)
def _uncounted(model: System) -> tuple[tuple[str, sympy.Expr], ...]:
    """Functions that jump at more places than can be listed, and where in the model they are."""
    where = {f"the rate of {state}": e for state, e in zip(model.states, model.rates, strict=True)}
    where |= {f"the condition of event {i}": trigger for i, (trigger, _) in enumerate(model.events, 1)}
    return tuple((place, steps) for place, e in where.items() for steps in e.atoms(*UNCOUNTED))


def _check_counted(model: System, directions: Directions) -> None:
    uncounted = _uncounted(model)
    if not uncounted:
        return
    changes: Mask = np.any(directions.dparameters.reshape(len(model.parameters), -1), axis=1)
    names = [name for name, change in zip(model.parameters, changes, strict=True) if change]
    symbols = dict(zip((*model.y, *model.p), (*model.states, *model.parameters), strict=True))
    moving = {symbol for symbol, name in symbols.items() if symbol in model.y or name in names}
    for place, steps in uncounted:
        if steps.free_symbols & moving:
            named = steps.xreplace({s: sympy.Symbol(name) for s, name in symbols.items()})
            raise ParameterError(
                f"{model.name}: {place} jumps with {named}, and derivatives by "
                f"{', '.join(map(repr, names)) or 'states'} are not followed through such jumps; "
                "write them as Piecewise, as doses or as an event."
            )


# ---- reading


def _taken(lanes: Array, lane: Index, columns: Index) -> Array:
    """From (members, lanes, times, all) for each direction its columns: (members, times, columns, directions)."""
    return np.moveaxis(lanes[:, lane[:, None], :, columns], (0, 1, 2, 3), (3, 2, 0, 1))
