"""The oracle: scipy, one member at a time, restarted exactly at every dose and event."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.problem import Problem, Progress, Solution, Status
from pkpd.solvers.reference.guarding import EventStep, first_event

__all__ = ["SCIPY_METHODS", "solve_scipy"]


SCIPY_METHODS = ("LSODA", "DOP853", "RK45", "Radau", "BDF")
_WITH_JACOBIAN = ("LSODA", "Radau", "BDF")
CALLS_A_STEP = 10  # of the rates, at most, for every step that max_steps allows
LONGEST_CASCADE = 1000  # events that fire one another at one time
SHORTEST = 64 * np.finfo(float).eps  # of the time: scipy begins no integration over less
# What scipy raises when its linear algebra or its step size meets values that are no numbers.
_SCIPY_ERRORS = (ArithmeticError, ValueError, RuntimeError, np.linalg.LinAlgError)


class _TooManyStepsError(Exception):
    """scipy has no limit of its own, and would try for ever to pass a singular point."""


def solve_scipy(problem: Problem, progress: Progress | None = None, *, method: str = "LSODA") -> Solution:
    """Integrate each member with one of the solvers of ``scipy.integrate``.

    Parameters
    ----------
    problem
        The ensemble.
    progress
        Called after each member.
    method
        One of `SCIPY_METHODS`; the implicit ones get the symbolic Jacobian.
    """
    code = numpy_code(problem.model)
    members = [_Member(problem, code, method, i) for i in range(problem.members)]
    with np.errstate(all="ignore"):
        for i, member in enumerate(members):
            member.integrate()
            if progress is not None:
                progress(i + 1, problem.members)
    return Solution(
        states=np.stack([m.stored for m in members]),
        status=np.array([m.status for m in members], dtype=np.int64),
        ended=np.array([m.standing.t for m in members]),
        steps=np.array([m.steps for m in members], dtype=np.int64),
        final=np.stack([m.standing.y for m in members], axis=1),
        armed=np.stack([m.standing.armed for m in members], axis=1),
        event_counts=np.stack([m.standing.fired for m in members], axis=1),
        event_times=np.stack([m.standing.first for m in members], axis=1),
    )


@dataclass(frozen=True)
class _Standing:
    """Where a member stands before any jump."""

    t: float
    y: Array
    armed: Mask
    fired: Index
    first: Array


@dataclass
class _Member:
    """One member on its way; a plain loop over stops, with scipy's solver in between."""

    problem: Problem
    code: NumpyCode
    method: str
    number: int
    steps: int = 0
    status: Status = Status.ok
    t: float = field(init=False)
    saved: int = field(init=False)
    p: Array = field(init=False)
    y: Array = field(init=False)
    times: Array = field(init=False)
    stored: Array = field(init=False)
    armed: Mask = field(init=False)
    fired: Index = field(init=False)
    first: Array = field(init=False)
    standing: _Standing = field(init=False)

    def __post_init__(self) -> None:
        problem, i, events = self.problem, self.number, len(self.problem.model.events)
        self.t = float(problem.begins[i])
        self.saved = int(problem.first_times()[i])
        self.p = problem.parameters[:, i : i + 1]
        self.y = problem.starts[:, i].copy()
        self.times = problem.times_of(i)
        self.stored = np.full((problem.times.shape[-1], len(self.y)), np.nan)
        triggers = self._triggers(self.y, self._level(int(problem.first_stops()[i])))
        self.armed = ~self._holds(triggers) if problem.armed is None else problem.armed[:, i].astype(bool)
        self.fired, self.first = np.zeros(events, dtype=np.int64), np.full(events, np.inf)

    def integrate(self) -> None:
        """Take the member through its stops to its end."""
        problem, end = self.problem, self.times[-1]
        first = int(problem.first_stops()[self.number])
        u = self._level(first)
        if not np.isfinite(self.y).all():
            self.status = Status.not_finite
        for k in range(first, problem.schedule.times.shape[1] + 1):
            stop = self._stop(k)
            before, u = u, self._level(k)
            self._rearm(self._triggers(self.y, before), u)
            if stop > self.t and self.status is Status.ok:
                self._store(self.t, inclusive=True)
            self._advance(min(stop, end), u)
            if self.t >= end or self.status is not Status.ok:
                break
            self._store(stop, inclusive=problem.before)
            self._make_jump(k, u)
        self.standing = _Standing(self.t, self.y, self.armed, self.fired.copy(), self.first.copy())
        if self.status is Status.ok:
            self._store_end(end)

    def _store_end(self, end: float) -> None:
        """Store the end, after the jumps there if that is what is wanted."""
        if not self.problem.before:
            for k in range(self.problem.schedule.times.shape[1]):
                if self._stop(k) == end:
                    self._make_jump(k, self._level(k))
        self._store(end, inclusive=True)

    # ---- stops

    @property
    def _row(self) -> int:
        return 0 if self.problem.schedule.shared else self.number

    def _stop(self, k: int) -> float:
        times = self.problem.schedule.times[self._row]
        return float(times[k]) if k < len(times) else np.inf

    def _level(self, k: int) -> Array:
        values: Array = self.problem.schedule.input_values[self._row, k]
        return values[:, None]

    def _make_jump(self, k: int, u: Array) -> None:
        """The jump of stop `k`, if it has one."""
        schedule, row = self.problem.schedule, self._row
        if schedule.jumps[row, k] >= 0:
            jump = self.code.jumps[schedule.jumps[row, k]]
            y = jump(np.array([self.t]), self.y[:, None], self.p, u, schedule.amounts[row, [k]])[:, 0]
            self._cascade(self._change(y, u).astype(np.int64), u)

    def _store(self, until: float, *, inclusive: bool) -> None:
        """Store the present state for the times up to `until`, which it has reached."""
        times = self.times
        while self.saved < len(times) and (times[self.saved] < until or (inclusive and times[self.saved] == until)):
            self.stored[self.saved] = self.y
            self.saved += 1

    # ---- events

    def _triggers(self, y: Array, u: Array) -> Array:
        return self.code.triggers(np.array([self.t]), y[:, None], self.p, u)[:, 0]

    def _holds(self, triggers: Array) -> Mask:
        """Which conditions hold; one that is no number counts as if it did."""
        strict = np.array(self.problem.model.strictness, dtype=bool)
        holds: Mask = ~np.where(strict, triggers >= 0, triggers > 0)
        return holds

    def _change(self, y: Array, u: Array) -> Mask:
        """Jump to `y`; which events that sets off."""
        before, after = self._triggers(self.y, u), self._triggers(y, u)
        self.y = y
        fired: Mask = self.armed & self._holds(after) & ~np.isnan(after)
        # An event that just fired stays quiet until its trigger has truly risen again.
        self.armed = (self.armed & ~fired) | ((after > 0) & (after > before))
        return fired

    def _rearm(self, before: Array, u: Array) -> None:
        """Arm again the events whose trigger has truly risen."""
        now = self._triggers(self.y, u)
        self.armed = self.armed | ((now > 0) & (now > before))

    def _cascade(self, generations: Index, u: Array) -> None:
        """Fire events, each of a generation: the latest first, and one in order of declaration."""
        for _ in range(LONGEST_CASCADE):
            if not generations.any():
                return
            event = int(generations.argmax())
            latest, generations[event] = generations[event], 0
            self.fired[event] += 1
            self.first[event] = min(self.first[event], self.t)
            y = self.code.event_jumps[event](np.array([self.t]), self.y[:, None], self.p, u)[:, 0]
            generations[self._change(y, u)] = latest + 1
        self.status = Status.endless_events

    # ---- integration

    def _advance(self, stop: float, u: Array) -> None:
        while self.t < stop and self.status is Status.ok:
            self._segment(stop, u)

    def _segment(self, stop: float, u: Array) -> None:
        """Integrate to `stop` or to the first event, storing what is asked for on the way."""
        from scipy import integrate

        problem, n = self.problem, len(self.y)
        calls = itertools.count(1)

        def rates(t: float, y: Array) -> Array:
            if next(calls) > CALLS_A_STEP * problem.max_steps:
                raise _TooManyStepsError
            return self.code.rates(np.array([t]), y[:, None], self.p, u)[:, 0]

        # What is extinct stays at zero: the rounding of an implicit step would let it grow again.
        extinct = self.code.absorbing & (self.y == 0)

        def jacobian(t: float, y: Array) -> Array:
            square = self.code.jacobian(np.array([t]), y[:, None], self.p, u).reshape(n, n)
            square[extinct, :] = square[:, extinct] = 0.0
            return square

        slope = rates(self.t, self.y)
        if not np.isfinite(slope).all():
            self.status = Status.not_finite
        elif stop - self.t <= SHORTEST * abs(stop):
            # Over a few units in the last place of the time one step of Euler's is exact to rounding.
            self._settle(stop, self.y + (stop - self.t) * slope, u)
        else:
            options = {"jac": jacobian} if self.method in _WITH_JACOBIAN else {}
            self._integrate(getattr(integrate, self.method), rates, stop, options, u)

    def _integrate(self, kind: Any, rates: Any, stop: float, options: dict[str, Any], u: Array) -> None:
        """Take scipy's steps to `stop` or to the first event; whatever fails within scipy is a status."""
        solver = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a failure is told by the status
                solver = kind(rates, self.t, self.y, stop, rtol=self.problem.rtol, atol=self.problem.atol, **options)
                while solver.status == "running" and self.status is Status.ok:
                    solver.step()
                    if self._take_step(solver, u):
                        break
        except _TooManyStepsError:
            self.status = Status.max_steps
        except _SCIPY_ERRORS:
            self.status = self._cause(solver, options, u)
        self.steps += 0 if solver is None else int(solver.nfev)

    def _cause(self, solver: Any, options: dict[str, Any], u: Array) -> Status:
        """What made scipy raise: rates or a Jacobian that are no finite numbers, or else steps too small."""
        if solver is None:
            return Status.step_too_small
        slope = self.code.rates(np.array([solver.t]), solver.y[:, None], self.p, u)
        jacobian = options["jac"](solver.t, solver.y) if options else 0.0
        finite = np.isfinite(slope).all() and np.isfinite(jacobian).all()
        return Status.step_too_small if finite else Status.not_finite

    def _take_step(self, solver: Any, u: Array) -> bool:
        """Stand where scipy's step has ended, or at the first event in it; whether there was one."""
        if solver.status == "failed":
            self.status = Status.step_too_small
            return False
        if not np.isfinite(solver.y).all():
            self.status = Status.not_finite
            return False
        states = _Lazy(solver)
        event = self._first_event(solver, states, u) if self.problem.model.events else None
        reached = event.t if event else solver.t
        while self.saved < len(self.times) and self.times[self.saved] <= reached:
            time = self.times[self.saved]
            if time == solver.t_bound and not (event and self.problem.before):
                break  # a stop, which has its own word in what is stored there
            self.stored[self.saved] = solver.y if time == solver.t else states(time)
            self.saved += 1
        if event is None:
            self.t, self.y = float(solver.t), np.array(solver.y)
            return False
        self.armed = event.ready
        self._settle(event.t, solver.y if event.t == solver.t else states(event.t), u)
        return True

    def _first_event(self, solver: Any, states: _Lazy, u: Array) -> EventStep | None:
        def guards(t: float) -> tuple[Array, Array]:
            y = self.y if t == self.t else solver.y if t == solver.t else states(t)
            at = (np.array([t]), y[:, None], self.p, u)
            return self.code.triggers(*at)[:, 0], self.code.trigger_slopes(*at)[:, 0]

        event, self.armed = first_event(guards, self.armed, self.t, float(solver.t))
        return event

    def _settle(self, t: float, y: Array, u: Array) -> None:
        """Stand at time `t`, and fire what is due there."""
        self.t, self.y = t, np.array(y)
        triggers = self._triggers(self.y, u)
        due = self.armed & (triggers < 0)
        self.armed = (self.armed & ~due) | (triggers > 0)  # each once
        self._cascade(due.astype(np.int64), u)


class _Lazy:
    """The states within the last step of a solver; the dense output is made when it is first asked for."""

    def __init__(self, solver: Any) -> None:
        self._solver = solver
        self._output: Any = None

    def __call__(self, t: float) -> Array:
        if self._output is None:
            self._output = self._solver.dense_output()
        return np.asarray(self._output(t), dtype=np.float64)
