"""Numbers of the trajectory itself, integrated beside it: areas, extremes, first crossings and their times.

Each number is a further state.  An area grows at the rate of what it is the area of.  An
extreme is constant but for a start, the two sides of every jump, and an event where the slope
of the observed quantity changes its sign.  A first crossing is an event that writes down the
time.  None of these touches the states of the model, so that any integrator serves them, and
no number depends on which times are stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from pkpd.arrays import Array
from pkpd.errors import unknown_name
from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.numpy_code import vectorized
from pkpd.solvers.equations.system import TIME, Row, System

__all__ = ["SLACK", "Observed", "Watch", "observed"]

SLACK = "slack of extremes"
"""The parameter that says how much of what goes in and out the slope must come to, to have changed its sign."""

_UNSET = 1e200  # of an extreme before the window begins, and of a crossing that has not come
_TIES = 10  # tolerances within which two extremes are equal
_UNCHECKED = 1e300  # the absolute tolerance of what is constant between events


@dataclass(frozen=True)
class Watch:
    """What is observed of a state or output.

    Attributes
    ----------
    of
        The name of a state or output.
    kind
        ``"max"``, ``"min"``, ``"time_of_max"``, ``"time_of_min"``, ``"auc"``, ``"last"``,
        ``"first_below"`` or ``"first_above"``.
    from_start
        Whether a first crossing counts from the begin of the window, rather than from the first dose.
    """

    of: str
    kind: str
    from_start: bool = False

    @property
    def crosses(self) -> bool:
        return self.kind.startswith("first_")

    @property
    def extreme(self) -> str:
        """``"max"`` or ``"min"``, or nothing where it is neither that nor the time of one."""
        return self.kind.removeprefix("time_of_") if self.kind.endswith(("max", "min")) else ""


@dataclass(frozen=True)
class Observed:
    """A system with observers, and where they are.

    Attributes
    ----------
    system
        Its first states, parameters, inputs, jump routes and events are those of the model.
    watches
        By the name of the number.
    begin, begin_crossings, observe
        The numbers of the jump routes that begin the window, that begin the search for first
        crossings after the first dose, and that look at both sides of a change of the inputs.
    states
        The number of states of the model.
    """

    system: System
    watches: tuple[tuple[str, Watch], ...]
    begin: int
    begin_crossings: int
    observe: int
    states: int

    @property
    def needs_observing(self) -> bool:
        """Whether a stop that changes nothing but inputs must have the jump `observe` before and after it."""
        return any(w.extreme or w.crosses for _, w in self.watches)

    def extra_parameters(self, thresholds: Mapping[str, Any], members: int, rtol: float) -> Array:
        """The rows of the parameters that follow those of the model, (parameters, members).

        Parameters
        ----------
        thresholds
            For each first crossing, by the name of its number: a number, or (members,).
        rtol
            The relative tolerance of the integration: a slope that is a smaller part of its terms is none.
        """
        rows = [np.broadcast_to(np.asarray(thresholds[n], float), members) for n, w in self.watches if w.crosses]
        return np.array([*rows, np.full(members, rtol)])

    def tolerances(self, atol: Array, span: float) -> Array:
        """The absolute tolerance of every state: those of the model's states, `atol`, and of the observers.

        That of an area is the smallest of the states it depends on, over the time `span`; what
        is constant between events takes no part in the control of steps.
        """
        areas = {_name(w): w for _, w in self.watches if w.kind == "auc"}
        extra = []
        for name in self.system.states[self.states :]:
            if name not in areas:
                extra.append(_UNCHECKED)
                continue
            symbols = _expression(self.system, areas[name].of).free_symbols
            own = [a for y, a in zip(self.system.y, atol, strict=False) if y in symbols]
            extra.append(min(own or list(atol)) * max(span, 1.0))
        return np.concatenate([atol, extra])

    def read(
        self, states: Array, parameters: Array, inputs: Array, begin: Any, end: Any, status: Any
    ) -> dict[str, Array]:
        """The numbers of every member, (members,) each; NaN for a member that failed.

        Parameters
        ----------
        states
            (members, states): those of `system` at the end of the window, as they are stored there.
        parameters
            (parameters, members), of `system`.
        inputs
            (inputs, members), those of the model at least, at the end of the window.
        begin, end
            Of the window: numbers, or (members,).
        status
            (members,): how each ended.
        """
        members = len(states)
        end, begin = (np.broadcast_to(np.asarray(x, float), members) for x in (end, begin))
        place = {name: i for i, name in enumerate(self.system.states)}
        values = self._at_the_end(states, parameters, inputs, end)
        numbers = {}
        for name, watch in self.watches:
            column = [states[:, place[n]] for n in _columns(name, watch)]
            with np.errstate(invalid="ignore"):
                number = _read(watch, column, values[watch.of], begin, end, parameters[-1])
            failed = (np.asarray(status) != 0) | np.isnan(states).any(axis=1) | np.isnan(values[watch.of])
            numbers[name] = np.where(failed, np.nan, number)
        return numbers

    def _at_the_end(self, states: Array, parameters: Array, inputs: Array, end: Array) -> dict[str, Array]:
        system, n = self.system, self.states
        p, u = system.p, system.u
        names = list(dict.fromkeys(w.of for _, w in self.watches))
        function = _outputs_at(system.y[:n], p, u, tuple(_expression(system, name) for name in names))
        with np.errstate(all="ignore"):
            rows = function(end, np.ascontiguousarray(states[:, :n].T), parameters, inputs[: len(u)])
        return dict(zip(names, rows, strict=True))


@lru_cache(maxsize=256)
def _outputs_at(y: Row, p: Row, u: Row, expressions: Row) -> Any:
    return vectorized([TIME, y, p, u], expressions)


def _read(watch: Watch, column: Sequence[Array], last: Array, begin: Array, end: Array, rtol: Array) -> Array:
    """One number out of its states, and the value at the end of the window."""
    if watch.kind == "last":
        return last
    if watch.kind == "auc":
        return np.where(end > begin, column[0], 0.0)
    if watch.crosses:
        return np.where(np.abs(column[0]) < 0.5 * _UNSET, column[0], np.inf)
    sign = 1 if watch.extreme == "max" else -1
    margin = 0.0 if watch.kind == watch.extreme else _TIES * rtol * np.abs(column[0])
    beyond = sign * (last - column[0]) > margin
    beyond |= np.abs(column[0]) > 0.5 * _UNSET  # the window is one time
    return np.where(beyond, last if watch.kind == watch.extreme else end, column[-1])


def _name(watch: Watch) -> str:
    return f"{watch.kind} of {watch.of}"


def _columns(name: str, watch: Watch) -> tuple[str, ...]:
    """The names of the states of a watch; equal ones serve several."""
    if watch.kind == "last":
        return ()
    if watch.crosses:
        return (f"{watch.kind} for {name}",)
    if watch.kind == "auc" or watch.kind == watch.extreme:
        return (_name(watch),)
    return f"{watch.extreme} of {watch.of}", _name(watch)


@lru_cache(maxsize=64)
def observed(system: System, watches: tuple[tuple[str, Watch], ...]) -> Observed:
    """`system` with an observer for each of `watches`.

    Call it before `clocked`, so that conditions on the clock in what is observed have their
    stops too; `observing` puts the jumps of the observers into a schedule.

    Parameters
    ----------
    watches
        By the names of the numbers.

    Raises
    ------
    UnknownNameError
        If the system has no such state or output.

    Notes
    -----
    A quantity that itself jumps where a condition on a state changes, with a slope of one sign
    on both sides, is seen on one side of it alone.  An extreme is missed where what is observed
    turns twice within a quarter of a step, as a steep function of states that change smoothly may.
    """
    for _, watch in watches:
        if watch.of not in (*system.states, *system.output_names):
            raise unknown_name(system.name, "state or output", watch.of, (*system.states, *system.output_names))
    return _Observation(system, watches).observed()


def _expression(system: System, name: str) -> sympy.Expr:
    """What a state or output is, in terms of the symbols."""
    if name in system.states:
        return system.y[system.states.index(name)]
    return system.outputs[system.output_names.index(name)]


class _Observer:
    """One further state, as it is in a start, a rate, a jump and an event."""

    start: float = 0.0
    rate: sympy.Expr = sympy.S.Zero

    def __init__(self, symbol: sympy.Symbol, observed: sympy.Expr) -> None:
        self.symbol, self.g = symbol, observed

    def begun(self) -> sympy.Expr:
        """Its value once the window begins."""
        return self.symbol

    def crossing_begun(self) -> sympy.Expr:
        """Its value once the search for first crossings begins."""
        return self.symbol

    def jumped(self, after: sympy.Expr) -> sympy.Expr:
        """Its value after a jump that takes what is observed to `after`."""
        return self.symbol


class _Area(_Observer):
    def __init__(self, symbol: sympy.Symbol, observed: sympy.Expr) -> None:
        super().__init__(symbol, observed)
        self.rate = observed

    def begun(self) -> sympy.Expr:
        return sympy.S.Zero


class _Extreme(_Observer):
    """The largest value so far; with the sign -1 the smallest."""

    def __init__(self, symbol: sympy.Symbol, observed: sympy.Expr, sign: int) -> None:
        super().__init__(symbol, observed)
        self.sign, self.start = sign, sign * _UNSET

    def begun(self) -> sympy.Expr:
        return self.g

    def jumped(self, after: sympy.Expr) -> sympy.Expr:
        values = {self.symbol, self.g, after}
        return sympy.Max(*values) if self.sign > 0 else sympy.Min(*values)

    def passed_by(self, value: sympy.Expr, margin: sympy.Expr) -> Any:
        """Whether `value` lies beyond it by more than this part of it."""
        return self.sign * (value - self.symbol) > margin * sympy.Abs(self.symbol)


class _TimeOfExtreme(_Observer):
    """When the extreme was reached: of those equal up to `_TIES` tolerances, the first."""

    def __init__(self, symbol: sympy.Symbol, extreme: _Extreme, slack: sympy.Symbol) -> None:
        super().__init__(symbol, extreme.g)
        self.extreme, self.margin = extreme, _TIES * slack

    def begun(self) -> sympy.Expr:
        return TIME

    def jumped(self, after: sympy.Expr) -> sympy.Expr:
        new = [self.extreme.passed_by(value, self.margin) for value in dict.fromkeys((self.g, after))]
        return sympy.Piecewise((TIME, sympy.Or(*new)), (self.symbol, True))


class _Crossing(_Observer):
    """The time of the first crossing; `_UNSET` while it has not come, and that below zero while it does not count."""

    start = -_UNSET

    def __init__(self, symbol: sympy.Symbol, above: sympy.Expr, from_start: bool) -> None:
        super().__init__(symbol, above)
        self.from_start = from_start

    @property
    def open(self) -> Any:
        return self.symbol > 0.5 * _UNSET

    @property
    def guard(self) -> sympy.Expr:
        return sympy.Piecewise((self.g, self.open), (1, True))

    def _now_or_later(self) -> sympy.Expr:
        return sympy.Piecewise((TIME, self.g <= 0), (sympy.Float(_UNSET), True))

    def begun(self) -> sympy.Expr:
        return self._now_or_later() if self.from_start else self.symbol

    def crossing_begun(self) -> sympy.Expr:
        return self.symbol if self.from_start else self._now_or_later()

    def jumped(self, after: sympy.Expr) -> sympy.Expr:
        return sympy.Piecewise((TIME, self.open & (after <= 0)), (self.symbol, True))


class _Observation:
    """The extension of one system."""

    def __init__(self, system: System, watches: tuple[tuple[str, Watch], ...]) -> None:
        self.base, self.watches = system, watches
        crossings = [name for name, watch in watches if watch.crosses]
        self.parameters = (*system.parameters, *(f"threshold of {name}" for name in crossings), SLACK)
        self.p = (*system.p, *_numbered("p", len(system.p), len(crossings) + 1))
        self.threshold = dict(zip(crossings, self.p[len(system.p) :], strict=False))
        names = list(dict.fromkeys(n for name, watch in watches for n in _columns(name, watch)))
        self.names = names
        self.y = dict(zip(names, _numbered("y", len(system.y), len(names)), strict=True))
        self.observers: dict[str, Any] = {}
        for name, watch in watches:
            self._observe(name, watch)

    def _observe(self, name: str, watch: Watch) -> None:
        g, columns = _expression(self.base, watch.of), _columns(name, watch)
        if watch.kind == "auc":
            self.observers.setdefault(columns[0], _Area(self.y[columns[0]], g))
        elif watch.crosses:
            above = g - self.threshold[name] if watch.kind == "first_below" else self.threshold[name] - g
            self.observers[columns[0]] = _Crossing(self.y[columns[0]], above, watch.from_start)
        elif watch.extreme:
            sign = 1 if watch.extreme == "max" else -1
            extreme = self.observers.setdefault(columns[0], _Extreme(self.y[columns[0]], g, sign))
            for time in columns[1:]:
                self.observers.setdefault(time, _TimeOfExtreme(self.y[time], extreme, self.p[-1]))

    def observed(self) -> Observed:
        base, own = self.base, [self.observers[name] for name in self.names]
        same = base.y
        jumps = [self._jumped(row) for row in base.jumps]
        begin = (*same, *(o.begun() for o in own))
        begin_crossings = (*same, *(o.crossing_begun() for o in own))
        first, observing = len(jumps), tuple(self._events())
        system = replace(
            base,
            states=(*base.states, *self.names),
            parameters=self.parameters,
            jump_routes=(*base.jump_routes, "begin", "begin crossings", "observe"),
            y=(*base.y, *self.y.values()),
            p=self.p,
            rates=(*base.rates, *(o.rate for o in own)),
            starts=(*base.starts, *(sympy.Float(o.start) for o in own)),
            jumps=(*jumps, begin, begin_crossings, self._jumped(same)),
            events=(*((guard, self._jumped(row)) for guard, row in base.events), *observing),
            strict=(*base.strictness, *(True for _ in observing)),
            watching=sum(isinstance(o, _Extreme) and self._slope(o.g) != 0 for o in own),
        )
        return Observed(system, self.watches, first, first + 1, first + 2, len(base.states))

    def _jumped(self, row: Row) -> Row:
        """A jump of the model, and what the observers make of it."""
        changed = {y: new for y, new in zip(self.base.y, row, strict=True) if y != new}
        return (*row, *(o.jumped(o.g.xreplace(changed)) for o in (self.observers[n] for n in self.names)))

    def _events(self) -> list[tuple[sympy.Expr, Row]]:
        events = []
        for observer in sorted(self.observers.values(), key=lambda o: isinstance(o, _Extreme)):
            if isinstance(observer, _Crossing):
                events.append((observer.guard, self._writing({observer.symbol: TIME})))
            elif isinstance(observer, _Extreme) and self._slope(observer.g) != 0:
                events.append((self._turn(observer), self._jumped(self.base.y)))
        return events

    def _turn(self, extreme: _Extreme) -> sympy.Expr:
        """The slope toward the extreme, raised by the slack, so that the noise of a plateau turns nothing."""
        slope = self._slope(extreme.g)
        return extreme.sign * slope + self.p[-1] * _size(slope)

    def _slope(self, g: sympy.Expr) -> sympy.Expr:
        """d g/d time along the trajectory."""
        moving = zip(self.base.y, self.base.rates, strict=True)
        return partial(g, TIME) + sympy.Add(*(partial(g, y) * rate for y, rate in moving))

    def _writing(self, values: Mapping[sympy.Symbol, sympy.Expr]) -> Row:
        return tuple(values.get(y, y) for y in (*self.base.y, *self.y.values()))


def _size(expression: sympy.Expr) -> sympy.Expr:
    """The sum of the sizes of the terms of `expression`, within its factors too."""
    if isinstance(expression, sympy.Add | sympy.Mul):
        return expression.func(*map(_size, expression.args))
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((_size(value), condition) for value, condition in expression.args))
    return sympy.Abs(expression)


def _numbered(letter: str, first: int, count: int) -> tuple[sympy.Symbol, ...]:
    return tuple(sympy.Symbol(f"{letter}_{i}", real=True) for i in range(first, first + count))
