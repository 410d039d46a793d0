"""The portable ensemble integrator: numpy on blocks of members, each with its own step.

All members of a block take their steps together, each with its own time, step size,
dose list and status; a member that is done leaves the block.  The method is Dormand and
Prince's of order 8(5,3) with its dense output of order 7.

Source: Hairer E, Norsett SP, Wanner G. Solving Ordinary Differential Equations I, 2nd
ed., Springer 1993, sections II.4 to II.6; coefficients as in ``scipy.integrate.DOP853``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.equations.numpy_code import NumpyCode, Rows, numpy_code
from pkpd.solvers.problem import Problem, Progress, Solution, Status

__all__ = ["solve_lockstep"]


BLOCK = 1024  # members at a time: what is touched in a step then fits a 1 MiB cache
SAFETY, SHRINK, GROW = 0.9, 0.2, 8.0
SHARE = 0.1  # of the tolerance for one step, so that what steps add up to stays near it
ROOT_HALVINGS = 60
SMOOTH = 2.0  # h times the largest eigenvalue, up to which the dense output is accurate


def solve_lockstep(problem: Problem, progress: Progress | None = None) -> Solution:
    """Integrate all members of `problem`; a member's numbers do not depend on the others."""
    solution = Solution(
        np.full((problem.members, problem.times.shape[-1], len(problem.model.states)), np.nan),
        np.zeros(problem.members, dtype=np.int64),
        np.zeros(problem.members),
        np.zeros(problem.members, dtype=np.int64),
    )
    with np.errstate(all="ignore"):
        for first in range(0, problem.members, BLOCK):
            last = min(first + BLOCK, problem.members)
            _Block(problem, solution, np.arange(first, last)).run()
            if progress is not None:
                progress(last, problem.members)
    return solution


class _Tableau:
    """The coefficients, each row without its zeros."""

    def __init__(self) -> None:
        from scipy.integrate import DOP853

        a = np.zeros((16, 16))
        a[:12, :12], a[12, :12], a[13:] = DOP853.A[:12, :12], DOP853.B, DOP853.A_EXTRA
        self.c = np.concatenate([DOP853.C[:12], [1.0], DOP853.C_EXTRA])
        self.stage = [_nonzero(row) for row in a]
        self.error5, self.error3 = _nonzero(DOP853.E5), _nonzero(DOP853.E3)
        self.dense = [_nonzero(row) for row in DOP853.D]


def _nonzero(row: Any) -> list[tuple[int, float]]:
    return [(j, float(x)) for j, x in enumerate(row) if x != 0.0]


def _combined(terms: list[tuple[int, float]], slopes: Array) -> Array:
    """The sum of slopes with their weights, added in a fixed order, member by member."""
    (j, weight), *rest = terms
    total: Array = slopes[j] * weight
    for j, weight in rest:
        total += slopes[j] * weight
    return total


def _mean_square(rows: Array) -> Array:
    # Added row by row: numpy's own sum may add in another order for another shape.
    total = rows[0] * rows[0]
    for row in rows[1:]:
        total += row * row
    mean: Array = total / len(rows)
    return mean


def _largest_square(rows: Array) -> Array:
    largest: Array = rows[0] * rows[0]
    for row in rows[1:]:
        largest = np.maximum(largest, row * row)
    return largest


class _Block:
    """Some members on their way.  Arrays end in the axis of the members still running."""

    def __init__(self, problem: Problem, solution: Solution, members: Index) -> None:
        self.problem, self.solution = problem, solution
        self.code: NumpyCode = numpy_code(problem.model)
        self.method = _Tableau()
        self.times = np.atleast_2d(problem.times)
        self.end = np.broadcast_to(
            self.times.max(axis=1, where=np.isfinite(self.times), initial=0.0), (problem.members,)
        )
        self.end = self.end[members]
        self.member = members
        self.p = np.ascontiguousarray(problem.parameters[:, members])
        self.y = np.ascontiguousarray(problem.starts[:, members])
        self.t = np.zeros(len(members))
        self.h = np.zeros(len(members))
        self.slope = np.zeros_like(self.y)
        self.stop = np.zeros(len(members), dtype=np.int64)  # the next stop of the schedule
        self.saved = np.zeros(len(members), dtype=np.int64)  # how many times are stored
        self.steps = np.zeros(len(members), dtype=np.int64)
        self.since_stop = np.zeros(len(members), dtype=np.int64)
        self.u = np.ascontiguousarray(self._levels(np.arange(len(members))))
        self.armed = self._triggers(self.t, self.y) >= 0

    def run(self) -> None:
        everyone = np.arange(len(self.member))
        self._finish(everyone, np.where(np.isfinite(self.y).all(axis=0), Status.ok, Status.not_finite))
        present = self.problem.before | (self._next_stop() > self.t)
        self._store(everyone, self.t, lambda who, t: self.y.take(who, axis=1), inclusive=present)
        self._pass_stops(everyone)
        self._leave()
        while len(self.member):
            self._step()
            self._leave()

    # ---- one step of every running member

    def _step(self) -> None:
        fresh = np.flatnonzero(self.h == 0.0)
        if len(fresh):
            self._restart(fresh)
        next_stop = np.minimum(self._next_stop(), self.end)
        lands = self.t + self.h * (1 + 1e-12) >= next_stop
        h = np.where(lands, next_stop - self.t, self.h)
        slopes, y_new, stiffness = self._stages(self.t, self.y, self.slope, h, self.p, self.u)
        error = self._error(h, slopes, y_new)
        accepted = error <= 1.0
        self.steps += 1
        self.since_stop += 1
        t_new = np.where(lands, next_stop, self.t + h)
        factor = np.clip(SAFETY * error ** (-1 / 8), SHRINK, GROW)
        factor = np.where(np.isfinite(error), np.where(accepted, factor, np.minimum(factor, 1.0)), SHRINK)
        self._give_up(h, error, accepted)
        # A step cut short by a stop says little about how long the next may be.
        self.h = np.where(accepted & lands, np.maximum(h * factor, self.h), h * factor)
        who = np.flatnonzero(accepted)
        if len(who):
            self._advance(
                who, h[who], t_new[who], slopes.take(who, axis=2), y_new.take(who, axis=1), stiffness[who] > SMOOTH
            )

    def _advance(self, who: Index, h: Array, t_new: Array, slopes: Array, y_new: Array, stiff: Mask) -> None:
        smooth, dense = self._interpolants(who, h, slopes, y_new, stiff)
        triggers = self._triggers(t_new, y_new, who)
        fired = self.armed[:, who] & (triggers < 0)
        cut = np.flatnonzero(fired.any(axis=0))
        if len(cut):
            t_new, y_new = t_new.copy(), y_new.copy()
            t_new[cut] = self._first_root(who[cut], t_new[cut], smooth, cut)
            y_new[:, cut] = dense(cut, t_new[cut])
            triggers[:, cut] = self._triggers(t_new[cut], y_new[:, cut], who[cut])
        self.armed[:, who] |= triggers > 0
        place = np.full(len(self.member), -1)
        place[who] = np.arange(len(who))

        def state_at(members: Index, times: Array) -> Array:
            local = place[members]
            exact = times == t_new[local]
            return np.where(exact, y_new.take(local, axis=1), dense(local, times))

        stops_here = (t_new == self._next_stop()[who]) & ~fired.any(axis=0)
        self._store(who, t_new, state_at, inclusive=self.problem.before | ~stops_here)
        self.t[who], self.y[:, who] = t_new, y_new
        self.slope[:, who] = slopes[12]
        if len(cut):
            self.h[who[cut]] = 0.0
            self._fire(who[cut])
        self._pass_stops(who[stops_here])
        self._finish(who[self.t[who] >= self.end[who]], Status.ok)

    def _stages(self, t: Array, y: Array, slope: Array, h: Array, p: Array, u: Array) -> tuple[Array, Array, Array]:
        """A step: its 13 slopes, the state after it, where the last slope is taken, and its stiffness.

        The stiffness is h times an estimate of the largest eigenvalue of the Jacobian, from
        the two stages at the end of the step (Hairer and Wanner, Solving ODEs II, IV.2).
        """
        slopes = np.empty((16, *y.shape))
        slopes[0] = slope
        stage = y
        for s in range(1, 13):
            before_last = stage
            stage = y + h * _combined(self.method.stage[s], slopes)
            slopes[s] = self.code.rates(t + self.method.c[s] * h, stage, p, u)
        scale = self._scale(np.abs(stage))
        apart = _mean_square((stage - before_last) / scale)
        turn = _mean_square((slopes[12] - slopes[11]) / scale)
        return slopes, stage, h * np.sqrt(turn / np.where(apart > 0, apart, np.inf))

    def _scale(self, size: Array) -> Array:
        """The error that a step may make in states of this size."""
        scale: Array = SHARE * (self.problem.atol[:, None] + self.problem.rtol * size)
        return scale

    def _error(self, h: Array, slopes: Array, y_new: Array) -> Array:
        """The error of a step in units of the tolerance; infinite or NaN where it is no number."""
        scale = self._scale(np.maximum(np.abs(self.y), np.abs(y_new)))
        five = _largest_square(_combined(self.method.error5, slopes) / scale)
        if self.problem.model.kinked:
            return np.abs(h) * np.sqrt(five)
        three = _largest_square(_combined(self.method.error3, slopes) / scale)
        sum_ = five + 0.01 * three
        return np.abs(h) * np.where(sum_ > 0, five / np.sqrt(np.where(sum_ > 0, sum_, 1.0)), sum_)

    def _interpolants(self, who: Index, h: Array, slopes: Array, y_new: Array, stiff: Mask) -> tuple[Any, Any]:
        """The states within a step as functions of members (numbered within `who`) and times.

        The first is the dense output, whose extra slopes are computed when it is first asked
        for.  Where a step is as long as its stability allows, it magnifies what decays fast;
        there the second is the state after a shorter step from the same start.
        """
        t_old, y_old, p, u = self.t[who], self.y.take(who, axis=1), self.p.take(who, axis=1), self.u.take(who, axis=1)
        rows: list[Array] = []

        def prepare() -> None:
            for s in range(13, 16):
                y = y_old + h * _combined(self.method.stage[s], slopes)
                slopes[s] = self.code.rates(t_old + self.method.c[s] * h, y, p, u)
            delta = y_new - y_old
            rows.extend([delta, h * slopes[0] - delta, 2 * delta - h * (slopes[12] + slopes[0])])
            rows.extend(h * _combined(d, slopes) for d in self.method.dense)

        def value(local: Index, times: Array) -> Array:
            fast = stiff[local]
            if fast.all():
                return shorter(local, times)
            y = smooth(local, times)
            if fast.any():
                y[:, fast] = shorter(local[fast], times[fast])
            return y

        def smooth(local: Index, times: Array) -> Array:
            if not rows:
                prepare()
            x = (times - t_old[local]) / h[local]
            y = np.zeros((len(y_old), len(local)))
            for i, row in enumerate(reversed(rows)):
                y = (y + row.take(local, axis=1)) * (x if i % 2 == 0 else 1 - x)
            return y + y_old.take(local, axis=1)

        def shorter(local: Index, times: Array) -> Array:
            t, start = t_old[local], y_old.take(local, axis=1)
            slope = slopes[0].take(local, axis=1)
            return self._stages(t, start, slope, times - t, p.take(local, axis=1), u.take(local, axis=1))[1]

        return smooth, value

    def _restart(self, who: Index) -> None:
        """The slope, and a first step, after a discontinuity (Hairer, Norsett, Wanner II.4)."""
        t, y, p, u = self.t[who], self.y.take(who, axis=1), self.p.take(who, axis=1), self.u.take(who, axis=1)
        slope = self.code.rates(t, y, p, u)
        scale = self._scale(np.abs(y))
        d0, d1 = np.sqrt(_mean_square(y / scale)), np.sqrt(_mean_square(slope / scale))
        guess = np.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / np.where(d1 > 0, d1, 1.0))
        d2 = np.sqrt(_mean_square((self.code.rates(t + guess, y + guess * slope, p, u) - slope) / scale)) / guess
        steepest = np.maximum(d1, d2)
        step = np.where(steepest <= 1e-15, np.maximum(1e-6, guess * 1e-3), (0.01 / steepest) ** (1 / 8))
        step = np.minimum(100 * guess, step)
        self.slope[:, who] = slope
        self.h[who] = np.where(np.isfinite(step) & (step > 0), step, 1e-6)

    # ---- stops, events, storage

    def _row(self) -> Index:
        return np.zeros_like(self.member) if self.problem.schedule.shared else self.member

    def _next_stop(self) -> Array:
        times = self.problem.schedule.times
        padded = np.minimum(self.stop, times.shape[1] - 1)
        if times.shape[1] == 0:
            return np.full(len(self.member), np.inf)
        return np.where(self.stop < times.shape[1], times[self._row(), padded], np.inf)

    def _levels(self, who: Index) -> Array:
        return self.problem.schedule.levels[self._row()[who], self.stop[who]].T

    def _pass_stops(self, who: Index) -> None:
        """Make every jump that is due at the present time of the members `who`."""
        schedule = self.problem.schedule
        while True:
            who = who[self._next_stop()[who] == self.t[who]]
            if not len(who):
                break
            row, stop = self._row()[who], self.stop[who]
            for route in np.unique(schedule.jumps[row, stop]):
                at = schedule.jumps[row, stop] == route
                if route >= 0:
                    self._jump(who[at], self.code.jumps[route], schedule.amounts[row[at], stop[at]])
            self.stop[who] += 1
            self.since_stop[who] = 0
            self.u[:, who] = self._levels(who)
            self.h[who] = 0.0
            if not self.problem.before:
                later = who[self._next_stop()[who] > self.t[who]]
                self._store(later, self.t[later], lambda m, t: self.y.take(m, axis=1), inclusive=True)

    def _jump(self, who: Index, jump: Rows, *amount: Array) -> None:
        """Apply a jump, and every event whose condition it makes true."""
        t, y, p, u = self.t[who], self.y.take(who, axis=1), self.p.take(who, axis=1), self.u.take(who, axis=1)
        before = self._triggers(t, y, who)
        new = jump(t, y, p, u, *amount)
        after = self._triggers(t, new, who)
        self.y[:, who] = new
        fired = self.armed[:, who] & (after < 0)
        # An event that just fired stays quiet until its trigger has truly risen again.
        self.armed[:, who] = (self.armed[:, who] & ~fired) | ((after > 0) & (after > before))
        self.h[who] = 0.0
        for event, row in enumerate(fired):
            if row.any():
                self._jump(who[row], self.code.event_jumps[event])

    def _fire(self, who: Index) -> None:
        """Fire, for each member that stands at the root of an armed event, that event."""
        triggers = self._triggers(self.t[who], self.y.take(who, axis=1), who)
        due = self.armed[:, who] & (triggers < 0)
        self.armed[:, who] &= ~due  # each once, also where another takes its trigger up and down again
        for event, row in enumerate(due):
            if row.any():
                self._jump(who[row], self.code.event_jumps[event])

    def _first_root(self, who: Index, t_new: Array, dense: Any, local: Index) -> Array:
        """The first time at which an armed event of each member has fired, by bisection.

        The later end of the last bracket is taken, so that the event has fired there.
        """
        low, high = self.t[who].copy(), t_new.copy()
        armed = self.armed[:, who]
        for _ in range(ROOT_HALVINGS):
            middle = 0.5 * (low + high)
            past = (armed & (self._triggers(middle, dense(local, middle), who) < 0)).any(axis=0)
            high, low = np.where(past, middle, high), np.where(past, low, middle)
        return high

    def _triggers(self, t: Array, y: Array, who: Index | None = None) -> Array:
        if not self.problem.model.events:
            return np.empty((0, y.shape[1]))
        p, u = (self.p, self.u) if who is None else (self.p.take(who, axis=1), self.u.take(who, axis=1))
        return self.code.triggers(t, y, p, u)

    def _store(self, who: Index, until: Array, state_at: Any, *, inclusive: Any) -> None:
        """Store the states of members `who` at all times that they have now reached."""
        last = self.times.shape[1] - 1
        inclusive = np.broadcast_to(inclusive, who.shape)
        while True:
            row = self.member[who] if len(self.times) > 1 else 0
            wanted = self.times[row, np.minimum(self.saved[who], last)]
            due = (self.saved[who] <= last) & ((wanted < until) | (inclusive & (wanted == until)))
            who, until, inclusive, wanted = who[due], until[due], inclusive[due], wanted[due]
            if not len(who):
                return
            self.solution.states[self.member[who], self.saved[who]] = state_at(who, wanted).T
            self.saved[who] += 1

    # ---- who is done

    def _give_up(self, h: Array, error: Array, accepted: Mask) -> None:
        stuck = ~accepted & (h <= 16 * np.finfo(float).eps * np.maximum(np.abs(self.t), 1e-12))
        self._finish(np.flatnonzero(stuck & np.isfinite(error)), Status.step_too_small)
        self._finish(np.flatnonzero(stuck & ~np.isfinite(error)), Status.not_finite)
        self._finish(np.flatnonzero(~stuck & (self.since_stop >= self.problem.max_steps)), Status.max_steps)

    def _finish(self, who: Index, status: Any) -> None:
        """Record how members ended; those with a failure, or at the end, leave the block."""
        self.solution.status[self.member[who]] = status
        self.solution.ended[self.member[who]] = self.t[who]
        self.solution.steps[self.member[who]] = self.steps[who]

    def _leave(self) -> None:
        gone = (self.solution.status[self.member] != Status.ok) | (self.t >= self.end)
        if gone.any():
            keep = np.flatnonzero(~gone)
            for name in ("member", "end", "t", "h", "stop", "saved", "steps", "since_stop"):
                setattr(self, name, getattr(self, name)[keep])
            for name in ("p", "y", "slope", "u", "armed"):
                setattr(self, name, np.ascontiguousarray(getattr(self, name)[:, keep]))
