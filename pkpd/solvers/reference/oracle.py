"""The oracle: scipy, one member at a time, restarted exactly at every dose and event."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.problem import Problem, Progress, Solution, Status

__all__ = ["SCIPY_METHODS", "solve_scipy"]


SCIPY_METHODS = ("LSODA", "DOP853", "RK45", "Radau", "BDF")
_WITH_JACOBIAN = ("LSODA", "Radau", "BDF")
CALLS_A_STEP = 10  # of the rates, at most, for every step that max_steps allows


class _TooManyStepsError(Exception):
    """scipy has no limit of its own, and would try for ever to pass a singular point."""


def solve_scipy(problem: Problem, progress: Progress | None = None, *, method: str = "LSODA") -> Solution:
    """Integrate each member with ``scipy.integrate.solve_ivp``.

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
    runs = [_Run(problem, code, method, i) for i in range(problem.members)]
    with np.errstate(all="ignore"):
        for i, run in enumerate(runs):
            run.integrate()
            if progress is not None:
                progress(i + 1, problem.members)
    return Solution(
        np.stack([run.stored for run in runs]),
        np.array([run.status for run in runs], dtype=np.int64),
        np.array([run.t for run in runs]),
        np.array([run.steps for run in runs], dtype=np.int64),
    )


@dataclass
class _Run:
    """One member on its way; a plain loop over stops, with a solve_ivp call in between."""

    problem: Problem
    code: NumpyCode
    method: str
    member: int
    t: float = 0.0
    saved: int = 0
    steps: int = 0
    status: Status = Status.ok
    p: Array = field(init=False)
    y: Array = field(init=False)
    times: Array = field(init=False)
    stored: Array = field(init=False)
    armed: Mask = field(init=False)

    def __post_init__(self) -> None:
        problem = self.problem
        self.p = problem.parameters[:, self.member : self.member + 1]
        self.y = problem.starts[:, self.member].copy()
        self.times = problem.times_of(self.member)
        self.stored = np.full((problem.times.shape[-1], len(self.y)), np.nan)
        row = 0 if problem.schedule.shared else self.member
        self.armed = self._triggers(0.0, self.y, problem.schedule.levels[row, 0][:, None]) >= 0

    def integrate(self) -> None:
        problem, schedule = self.problem, self.problem.schedule
        row = 0 if schedule.shared else self.member
        end = self.times[-1]
        u = schedule.levels[row, 0][:, None]
        for k in range(schedule.times.shape[1] + 1):
            stop = schedule.times[row, k] if k < schedule.times.shape[1] else np.inf
            before, u = u, schedule.levels[row, k][:, None]
            self._rearm(self._triggers(self.t, self.y, before), u)
            if stop > self.t:
                self._store(self.t, inclusive=True)
            self._advance(min(stop, end), u)
            if self.status is not Status.ok or stop > end:
                break
            self._store(stop, inclusive=problem.before)
            if schedule.jumps[row, k] >= 0:
                jump = self.code.jumps[schedule.jumps[row, k]]
                self._jump(lambda y, u=u, jump=jump, k=k: jump(self._t, y, self.p, u, schedule.amounts[row, [k]]), u)
        if self.status is Status.ok:
            self._store(end, inclusive=True)

    @property
    def _t(self) -> Array:
        return np.array([self.t])

    def _triggers(self, t: float, y: Array, u: Array) -> Array:
        return self.code.triggers(np.array([t]), y[:, None], self.p, u)[:, 0]

    def _store(self, until: float, *, inclusive: bool) -> None:
        """Store the present state for the times up to `until`, which it has reached."""
        times = self.times
        while self.saved < len(times) and (times[self.saved] < until or (inclusive and times[self.saved] == until)):
            self.stored[self.saved] = self.y
            self.saved += 1

    def _jump(self, new: Any, u: Array) -> None:
        """Apply a jump, and every event whose condition it makes true."""
        before = self._triggers(self.t, self.y, u)
        self.y = new(self.y[:, None])[:, 0]
        after = self._triggers(self.t, self.y, u)
        fired = self.armed & (after < 0)
        # An event that just fired stays quiet until its trigger has truly risen again.
        self.armed = (self.armed & ~fired) | ((after > 0) & (after > before))
        for event in np.flatnonzero(fired):
            self._fire(int(event), u)

    def _rearm(self, before: Array, u: Array) -> None:
        """Arm again the events whose trigger has truly risen."""
        now = self._triggers(self.t, self.y, u)
        self.armed |= (now > 0) & (now > before)

    def _fire(self, event: int, u: Array) -> None:
        self.armed[event] = False
        self._jump(lambda y: self.code.event_jumps[event](self._t, y, self.p, u), u)

    def _advance(self, stop: float, u: Array) -> None:
        while self.t < stop and self.status is Status.ok:
            self._segment(stop, u)

    def _segment(self, stop: float, u: Array) -> None:
        """Integrate to `stop` or to the first event, storing what is asked for on the way."""
        from scipy.integrate import solve_ivp

        problem, n = self.problem, len(self.y)

        calls = itertools.count(1)

        def rates(t: float, y: Array) -> Array:
            if next(calls) > CALLS_A_STEP * problem.max_steps:
                raise _TooManyStepsError
            return self.code.rates(np.array([t]), y[:, None], self.p, u)[:, 0]

        # What is extinct stays at zero: the rounding of an implicit step would let it grow again.
        extinct = self.code.absorbing & (self.y == 0)

        def jacobian(t: float, y: Array) -> Array:
            found = self.code.jacobian(np.array([t]), y[:, None], self.p, u).reshape(n, n)
            found[extinct, :] = found[:, extinct] = 0.0
            return found

        events = [self._event(i, u) for i in range(len(problem.model.events))]
        wanted = self.times[(self.times > self.t) & (self.times < stop)]
        if not np.isfinite(rates(self.t, self.y)).all():
            self.status = Status.not_finite
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a failure is told by the status
            options: dict[str, Any] = {"jac": jacobian} if self.method in _WITH_JACOBIAN else {}
            try:
                found: Any = solve_ivp(
                    rates, (self.t, stop), self.y, method=self.method, t_eval=np.append(wanted, stop),
                    events=events, rtol=problem.rtol, atol=problem.atol, **options,
                )  # fmt: skip
            except _TooManyStepsError:
                self.status = Status.max_steps
                return
        self.steps += int(found.nfev)
        fired = [i for i, times in enumerate(found.t_events or []) if len(times)]
        reached = found.t_events[fired[0]][0] if fired else stop
        for t, y in zip(found.t, np.transpose(found.y), strict=True):
            if t < reached or (t == reached and not fired and t < stop):
                self._store_at(t, y)
        if found.status < 0 or not np.isfinite(found.y).all():
            self.t = float(found.t[-1]) if len(found.t) else self.t
            self.status = Status.not_finite if not np.isfinite(found.y).all() else Status.step_too_small
        elif fired:
            self.t, self.y = float(reached), found.y_events[fired[0]][0]
            self._store_at(self.t, self.y)
            due = [event for event in range(len(events)) if self.armed[event] and self._is_due(event, fired, u)]
            self.armed[[event for event in fired if event not in due]] = True
            at_root = self._triggers(self.t, self.y, u)
            self.armed[due] = False  # each once, also where another takes its trigger up and down again
            for event in due:
                self._fire(event, u)
            self._rearm(at_root, u)
        else:
            self.t, self.y = stop, found.y[:, -1]

    def _is_due(self, event: int, fired: list[int], u: Array) -> bool:
        """Whether an armed event happens with those found; solve_ivp tells one of several at one time."""
        same = any(self.problem.model.events[event][0] == self.problem.model.events[i][0] for i in fired)
        return same or bool(self._triggers(self.t, self.y, u)[event] < 0)

    def _store_at(self, t: float, y: Array) -> None:
        if self.saved < len(self.times) and self.times[self.saved] == t:
            self.stored[self.saved] = y
            self.saved += 1

    def _event(self, number: int, u: Array) -> Any:
        """The trigger as solve_ivp wants it: falling while armed, rising (to re-arm) while not."""
        # After it fired, rounding may have left it a hair above zero; to re-arm it must rise from there.
        resting = 0.0 if self.armed[number] else 2 * max(0.0, float(self._triggers(self.t, self.y, u)[number]))

        start, sign = self.t, 1.0 if self.armed[number] else -1.0

        def trigger(t: float, y: Array) -> float:
            value = float(self._triggers(t, y, u)[number]) - resting
            if t == start:  # on its side, whatever rounding says
                value = sign * max(0.0, sign * value)
            # A trigger that rests at zero has neither fired nor risen; solve_ivp would take it for a root.
            return value or sign * 1e-300

        trigger.terminal = True  # type: ignore[attr-defined]
        trigger.direction = -1 if self.armed[number] else 1  # type: ignore[attr-defined]
        return trigger
