"""An oracle that shares nothing with the package but the equations: scipy between breaks that the caller knows.

It reads neither the schedule of a regimen nor the conditions of the clock nor the guards of events from the package;
it is told when doses are given and when the clock changes a rate, and looks for events by sampling every step densely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy
from scipy.integrate import DOP853
from scipy.optimize import brentq

import pkpd

SAME = 1e-9  # what is nearer than this, relative to 1, is one time
SAMPLES = 12  # in each step, where events are looked for
FUNCTIONS = [{"Heaviside": lambda x, half=1.0: float(x >= 0), "sign": lambda x: (x > 0) - (x < 0)}, "math"]


@dataclass(frozen=True)
class Dose:
    """A dose as numbers; at once where it has no duration."""

    time: float
    amount: float
    route: str
    duration: float | None = None


@dataclass(frozen=True)
class Course:
    """States at the times asked for, (states, times), before and after what happens there; and counts of events."""

    before: np.ndarray
    after: np.ndarray
    counts: list[int]


@dataclass
class Plain:
    """The equations of a model as plain functions of (t, states, parameters)."""

    model: pkpd.Model
    states: list[Any] = field(init=False)
    parameters: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.states = list(self.model.states)
        self.parameters = [s.name for s in self.model.settable]
        settable = list(self.model.settable)
        every = [*self.model.rates.values(), *(o.expression for o in self.model.outputs.values())]
        clocks = {s for e in every for s in e.free_symbols if s not in {*self.states, *settable} and "clock" in
                  type(s).__name__.lower()}  # fmt: skip
        self.t = next(iter(clocks), sympy.Symbol("t_"))
        self.arguments = (self.t, self.states, settable)
        self.rates = self._function(list(self.model.rates.values()))
        self.starts = sympy.lambdify((settable,), [s.start for s in self.states], FUNCTIONS)
        self.outputs = self._function([o.expression for o in self.model.outputs.values()])
        self.guards = self._function([_guard(e.when) for e in self.model.events])
        self.then = [self._function([e.then.get(s, s) for s in self.states]) for e in self.model.events]
        self.jumps = {name: self._jump(route) for name, route in self.model.routes.items()}

    def _function(self, expressions: Sequence[Any], *more: Any) -> Callable[..., Any]:
        return sympy.lambdify((*self.arguments, *more), expressions, FUNCTIONS)

    def _jump(self, route: Any) -> Callable[..., Any]:
        (amount,) = route.doses
        return self._function([route.jumps.get(s, s) for s in self.states], amount)


def _guard(condition: Any) -> Any:
    greater = isinstance(condition, sympy.StrictGreaterThan | sympy.GreaterThan)
    return condition.lhs - condition.rhs if greater else condition.rhs - condition.lhs


def course(
    plain: Plain,
    values: Mapping[str, float],
    times: np.ndarray,
    doses: Sequence[Dose] = (),
    breaks: Sequence[float] = (),
    rtol: float = 1e-11,
    atol: float = 1e-13,
    max_step: float = np.inf,
) -> Course:
    """The trajectory at `times`; `breaks` are the times at which the clock changes a rate."""
    return _Walk(plain, values, np.asarray(times, float), doses, breaks, rtol, atol, max_step).walk()


class _Walk:
    def __init__(self, plain: Plain, values, times, doses, breaks, rtol, atol, max_step) -> None:
        self.plain, self.times, self.doses = plain, times, list(doses)
        self.options = {"rtol": rtol, "atol": atol, "max_step": max_step}
        self.p = [float(values[name]) for name in plain.parameters]
        ends = [d.time + (d.duration or 0.0) for d in self.doses]
        self.stops = _apart([0.0, times[-1], *(d.time for d in self.doses), *ends, *breaks], times[-1])
        self.y = np.array(plain.starts(self.p), float)
        self.infused = np.zeros(len(self.y))
        self.counts = [0] * len(plain.model.events)
        self.before = np.full((len(self.y), len(times)), np.nan)
        self.after = self.before.copy()

    def walk(self) -> Course:
        self.held = [g >= 0 for g in self.guards(0.0)]
        for start, stop in zip(self.stops, [*self.stops[1:], None], strict=True):
            here = np.abs(self.times - start) < SAME * (1 + start)
            self.before[:, here] = self.y[:, None]
            self.give(start)
            self.after[:, here] = self.y[:, None]
            if stop is not None:
                self.advance(start, stop)
        return Course(self.before, self.after, self.counts)

    def guards(self, t, y=None):
        return self.plain.guards(t, self.y if y is None else y, self.p)

    def give(self, now: float) -> None:
        """The doses of this time, in their order, and which infusions run from here on."""
        for dose in self.doses:
            if dose.duration is None and _same(dose.time, now):
                self.y = np.array(self.plain.jumps[dose.route](now, self.y, self.p, dose.amount), float)
                self.fire(now)
        self.infused = np.zeros(len(self.y))
        for dose in self.doses:
            if dose.duration is not None:
                begins, ends = dose.time, dose.time + dose.duration
                if (begins < now or _same(begins, now)) and now < ends and not _same(ends, now):
                    zero = np.zeros(len(self.y))
                    gained = np.array(self.plain.jumps[dose.route](now, zero, self.p, dose.amount), float)
                    self.infused = self.infused + gained / dose.duration

    def fire(self, now: float) -> None:
        """Events whose condition a jump has made true."""
        for i, guard in enumerate(self.guards(now)):
            if guard > 0 and not self.held[i]:
                self.jump(i, now)
            else:
                self.held[i] = guard > 0

    def jump(self, i: int, now: float) -> None:
        self.y = np.array(self.plain.then[i](now, self.y, self.p), float)
        self.counts[i] += 1
        self.held = [old or g > 0 for old, g in zip(self.held, self.guards(now), strict=True)]
        self.held[i] = self.guards(now)[i] > -1e-9

    def advance(self, start: float, stop: float) -> None:
        """Integrate from one stop to the next; the clock is kept within, so that no branch of another side is seen."""
        edge = 1e-11 * (stop - start)

        def rates(t, y):
            inside = min(max(t, start + edge), stop - edge)
            return np.array(self.plain.rates(inside, y, self.p), float) + self.infused

        now = start
        while now < stop:
            now = self.until_event(rates, now, self.between(start, stop), stop)

    def between(self, start: float, stop: float) -> np.ndarray:
        """Which of the times asked for lie strictly between two stops, whatever rounding does."""
        low, high = start + SAME * (1 + start), stop - SAME * (1 + stop)
        inside: np.ndarray = (self.times > low) & (self.times < high)
        return inside

    def until_event(self, rates, now: float, between: np.ndarray, stop: float) -> float:
        solver = DOP853(rates, now, self.y, stop, **self.options)
        while solver.status == "running":
            old = solver.t
            solver.step()
            assert solver.status != "failed", f"the oracle failed at {old}"
            dense = solver.dense_output()
            event = self.search(dense, old, solver.t) if self.counts else None
            reached = solver.t if event is None else event[1]
            within = (self.times > old) & (self.times <= reached) & between
            self.before[:, within] = self.after[:, within] = dense(self.times[within])
            self.y = np.array(dense(reached) if event else solver.y)
            if event is not None:
                self.jump(event[0], reached)
                return reached
        return stop

    def search(self, dense, old: float, new: float):
        """The first event between two times as (which, when); a condition that ends to hold may hold again."""
        last = old
        for t in np.linspace(old, new, SAMPLES + 1)[1:]:
            guards = self.guards(t, dense(t))
            risen = [i for i, g in enumerate(guards) if g > 0 and not self.held[i]]
            roots = [(self.root(dense, i, last, t), i) for i in risen]
            if roots:
                when, which = min(roots)
                return which, when
            self.held = [h and g > 0 for h, g in zip(self.held, guards, strict=True)]
            last = t
        return None

    def root(self, dense, i: int, low: float, high: float) -> float:
        def guard(t):
            return self.guards(t, dense(t))[i]

        return high if guard(low) >= 0 else float(brentq(guard, low, high, xtol=1e-14, rtol=1e-14))


def _same(one: float, other: float) -> bool:
    return abs(one - other) < SAME * (1 + abs(other))


def _apart(times: Sequence[float], end: float) -> list[float]:
    """The times from 0 to `end` in order, one for those that are the same."""
    kept: list[float] = []
    for time in sorted(t for t in times if 0 <= t <= end):
        if not kept or not _same(kept[-1], time):
            kept.append(time)
    return kept
