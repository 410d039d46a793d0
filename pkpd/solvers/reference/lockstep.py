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
from pkpd.solvers.reference.dormand_prince import Step, combined, largest_square, make_step, mean_square, tableau
from pkpd.solvers.reference.excursions import search_step
from pkpd.solvers.tableaus import GROW, SAFETY, SHRINK

__all__ = ["solve_lockstep"]


BLOCK = 1024  # members at a time: what is touched in a step then fits a 1 MiB cache
SHARE = 0.1  # of the tolerance for one step, so that what steps add up to stays near it
ROOT_HALVINGS = 60
LONGEST_CASCADE = 1000  # events that fire one another at one time
SMOOTH = 2.0  # h times the largest eigenvalue, up to which the dense output is accurate


def solve_lockstep(problem: Problem, progress: Progress | None = None) -> Solution:
    """Integrate all members of `problem`; a member's numbers do not depend on the others."""
    n, members, events = len(problem.model.states), problem.members, len(problem.model.events)
    solution = Solution(
        states=np.full((members, problem.times.shape[-1], n), np.nan),
        status=np.zeros(members, dtype=np.int64),
        ended=problem.begins,
        steps=np.zeros(members, dtype=np.int64),
        final=np.zeros((n, members)),
        armed=np.zeros((events, members), dtype=bool),
        event_counts=np.zeros((events, members), dtype=np.int64),
        event_times=np.full((events, members), np.inf),
    )
    with np.errstate(all="ignore"):
        for first in range(0, problem.members, BLOCK):
            last = min(first + BLOCK, problem.members)
            _Block(problem, solution, np.arange(first, last)).run()
            if progress is not None:
                progress(last, problem.members)
    return solution


class _Block:
    """Some members on their way.  Arrays end in the axis of the members still running."""

    def __init__(self, problem: Problem, solution: Solution, members: Index) -> None:
        self.problem, self.solution = problem, solution
        self.code: NumpyCode = numpy_code(problem.model)
        self.strict = np.array(problem.model.strictness, dtype=bool)[:, None]
        self.times = np.atleast_2d(problem.times)
        self.end = np.broadcast_to(
            self.times.max(axis=1, where=np.isfinite(self.times), initial=0.0), (problem.members,)
        )
        self.end = self.end[members]
        self.member = members
        self.p = np.ascontiguousarray(problem.parameters[:, members])
        self.y = np.ascontiguousarray(problem.starts[:, members])
        self.t = problem.begins[members]
        self.h = np.zeros(len(members))
        self.slope = np.zeros_like(self.y)
        self.stop = problem.first_stops()[members]  # the next stop of the schedule
        self.saved = problem.first_times()[members]  # the next time to store
        self.steps = np.zeros(len(members), dtype=np.int64)
        self.since_stop = np.zeros(len(members), dtype=np.int64)
        self.u = np.ascontiguousarray(self._input_values(np.arange(len(members))))
        triggers = self._triggers(self.t, self.y)
        self.armed = ~self._holds(triggers) if problem.armed is None else problem.armed[:, members].astype(bool)
        self.fired = np.zeros(triggers.shape, dtype=np.int64)
        self.first = np.full(triggers.shape, np.inf)

    def run(self) -> None:
        everyone = np.arange(len(self.member))
        self._finish(everyone, np.where(np.isfinite(self.y).all(axis=0), Status.ok, Status.not_finite))
        present = self.problem.before | (self._next_stop() > self.t)
        self._store(everyone, self.t, lambda who, t: self.y.take(who, axis=1), inclusive=present)
        self._arrive(everyone)
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
        slopes, y_new, before_last = make_step(self.code.rates, self.t, h, self.p, self.u, self.y, self.slope)
        fast = self._stiffness(h, slopes, y_new, before_last) > SMOOTH
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
            step = Step(
                self.code.rates, self.t[who], h[who], self.p.take(who, axis=1), self.u.take(who, axis=1),
                self.y.take(who, axis=1), slopes.take(who, axis=2), y_new.take(who, axis=1), fast[who],
            )  # fmt: skip
            self._advance(who, step, t_new[who])

    def _advance(self, who: Index, step: Step, t_new: Array) -> None:
        """Stand at the end of an accepted `step` of members `who`, or at the first event in it."""
        cut, t_new, y_new = self._cut(who, step, t_new) if len(self.strict) else (who[:0], t_new, step.end)
        place = np.full(len(self.member), -1)
        place[who] = np.arange(len(who))

        def state_at(members: Index, times: Array) -> Array:
            local = place[members]
            exact = times == t_new[local]
            return np.where(exact, y_new.take(local, axis=1), step.state(local, times))

        stops_here = t_new == self._next_stop()[who]
        stops_here[cut] = False
        self._store(who, t_new, state_at, inclusive=self.problem.before | ~stops_here)
        self.t[who], self.y[:, who] = t_new, y_new
        self.slope[:, who] = step.slopes[12]
        if len(cut):
            self.h[who[cut]] = 0.0
            self._fire_due(who[cut])
        self._arrive(who)
        self._pass_stops(who[stops_here])
        arrived = who[self.t[who] >= self.end[who]]
        self._finish(arrived[self.solution.status[self.member[arrived]] == Status.ok], Status.ok)

    def _cut(self, who: Index, step: Step, t_new: Array) -> tuple[Index, Array, Array]:
        """The members of a step, numbered within it, that do not come to its end, and where it ends for each."""

        def guards(local: Index, times: Array) -> tuple[Array, Array]:
            y = step.smooth(local, times)
            at_end = times == t_new[local]
            y[:, at_end] = step.end[:, local[at_end]]
            p, u = step.p.take(local, axis=1), step.u.take(local, axis=1)
            return self.code.triggers(times, y, p, u), self.code.trigger_slopes(times, y, p, u)

        bracket = search_step(guards, self.armed[:, who], step.t, t_new)
        cut = np.flatnonzero(bracket.within)
        self.armed[:, who] = bracket.ready
        y_new = step.end
        if len(cut):
            t_new, y_new = t_new.copy(), y_new.copy()
            t_new[cut] = self._first_root(who[cut], bracket.low[cut], bracket.high[cut], step, cut)
            y_new[:, cut] = step.state(cut, t_new[cut])
        self.armed[:, who] |= self._triggers(t_new, y_new, who) > 0
        return cut, t_new, y_new

    def _stiffness(self, h: Array, slopes: Array, y_new: Array, before_last: Array) -> Array:
        """h times an estimate of the largest eigenvalue of the Jacobian.

        It comes from the two stages at the end of the step (Hairer and Wanner, Solving ODEs II, IV.2).
        """
        scale = self._scale(np.abs(y_new))
        apart = mean_square((y_new - before_last) / scale)
        turn = mean_square((slopes[12] - slopes[11]) / scale)
        stiffness: Array = h * np.sqrt(turn / np.where(apart > 0, apart, np.inf))
        return stiffness

    def _scale(self, size: Array) -> Array:
        """The error that a step may make in states of this size."""
        scale: Array = SHARE * (self.problem.atol[:, None] + self.problem.rtol * size)
        return scale

    def _error(self, h: Array, slopes: Array, y_new: Array) -> Array:
        """The error of a step in units of the tolerance; infinite or NaN where it is no number."""
        scale = self._scale(np.maximum(np.abs(self.y), np.abs(y_new)))
        five = largest_square(combined(tableau().error5, slopes) / scale)
        if self.problem.model.kinked:
            return np.abs(h) * np.sqrt(five)
        three = largest_square(combined(tableau().error3, slopes) / scale)
        sum_ = five + 0.01 * three
        return np.abs(h) * np.where(sum_ > 0, five / np.sqrt(np.where(sum_ > 0, sum_, 1.0)), sum_)

    def _restart(self, who: Index) -> None:
        """The slope, and a first step, after a discontinuity (Hairer, Norsett, Wanner II.4)."""
        t, y, p, u = self.t[who], self.y.take(who, axis=1), self.p.take(who, axis=1), self.u.take(who, axis=1)
        slope = self.code.rates(t, y, p, u)
        scale = self._scale(np.abs(y))
        d0, d1 = np.sqrt(mean_square(y / scale)), np.sqrt(mean_square(slope / scale))
        guess = np.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / np.where(d1 > 0, d1, 1.0))
        d2 = np.sqrt(mean_square((self.code.rates(t + guess, y + guess * slope, p, u) - slope) / scale)) / guess
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

    def _input_values(self, who: Index) -> Array:
        return self.problem.schedule.input_values[self._row()[who], self.stop[who]].T

    def _pass_stops(self, who: Index) -> None:
        """Make every jump that is due at the present time of the members `who`; those at the end only to be stored."""
        schedule = self.problem.schedule
        while True:
            onward = (self.t[who] < self.end[who]) | (not self.problem.before)
            who = who[(self._next_stop()[who] == self.t[who]) & onward]
            if not len(who):
                break
            row, stop = self._row()[who], self.stop[who]
            for route in np.unique(schedule.jumps[row, stop]):
                at = schedule.jumps[row, stop] == route
                if route >= 0:
                    self._jump(who[at], self.code.jumps[route], schedule.amounts[row[at], stop[at]])
            self.stop[who] += 1
            self.since_stop[who] = 0
            self.u[:, who] = self._input_values(who)
            self.h[who] = 0.0
            if not self.problem.before:
                later = who[self._next_stop()[who] > self.t[who]]
                self._store(later, self.t[later], lambda m, t: self.y.take(m, axis=1), inclusive=True)

    def _jump(self, who: Index, jump: Rows, *amount: Array) -> None:
        """Apply a jump, and every event whose condition it makes true."""
        self._cascade(who, self._change(who, jump, *amount).astype(np.int64))

    def _change(self, who: Index, jump: Rows, *amount: Array) -> Mask:
        """Apply a jump; which events it sets off."""
        t, y, p, u = self.t[who], self.y.take(who, axis=1), self.p.take(who, axis=1), self.u.take(who, axis=1)
        before = self._triggers(t, y, who)
        new = jump(t, y, p, u, *amount)
        after = self._triggers(t, new, who)
        self.y[:, who] = new
        self.h[who] = 0.0
        fired: Mask = self.armed[:, who] & self._holds(after) & ~np.isnan(after)
        # An event that just fired stays quiet until its trigger has truly risen again.
        self.armed[:, who] = (self.armed[:, who] & ~fired) | ((after > 0) & (after > before))
        return fired

    def _fire_due(self, who: Index) -> None:
        """Fire, for each member that stands at the root of an armed event, that event."""
        triggers = self._triggers(self.t[who], self.y.take(who, axis=1), who)
        due = self.armed[:, who] & (triggers < 0)
        self.armed[:, who] &= ~due  # each once, also where another takes its trigger up and down again
        self._cascade(who, due.astype(np.int64))

    def _cascade(self, who: Index, generations: Index) -> None:
        """Fire events, (events, members): the latest generation first, and one in order of declaration."""
        length = np.zeros(len(who), dtype=np.int64)
        while generations.any():
            event = generations.argmax(axis=0)  # the first of those that are largest
            latest = generations.max(axis=0)
            for number in np.unique(event[latest > 0]):
                local = np.flatnonzero((event == number) & (latest > 0))
                generations[number, local] = 0
                length[local] += 1
                self.fired[number, who[local]] += 1
                self.first[number, who[local]] = np.minimum(self.first[number, who[local]], self.t[who[local]])
                set_off = self._change(who[local], self.code.event_jumps[number])
                generations[:, local] = np.where(set_off, latest[local] + 1, generations[:, local])
            endless = length > LONGEST_CASCADE
            generations[:, endless] = 0
            self._finish(who[endless], Status.endless_events)

    def _first_root(self, who: Index, low: Array, high: Array, step: Step, local: Index) -> Array:
        """The first time at which an armed event of each member has fired, by bisection.

        The later end of the last bracket is taken, so that the event has fired there; where
        none has at `high`, an event is armed again there.
        """
        armed = self.armed[:, who]

        def past(times: Array) -> Mask:
            return np.asarray((armed & (self._triggers(times, step.smooth(local, times), who) < 0)).any(axis=0))

        low = np.where(past(high), low, high)
        for _ in range(ROOT_HALVINGS):
            middle = 0.5 * (low + high)
            fired = past(middle)
            high, low = np.where(fired, middle, high), np.where(fired, low, middle)
        return high

    def _holds(self, triggers: Array) -> Mask:
        """Which conditions hold; one that is no number counts as if it did."""
        holds: Mask = ~np.where(self.strict, triggers >= 0, triggers > 0)
        return holds

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
        member = self.member[who]
        self.solution.status[member] = status
        self.solution.steps[member] = self.steps[who]
        failed = self.solution.status[member] != Status.ok
        self._write_back(who[failed])

    def _arrive(self, who: Index) -> None:
        """Record how members that have come to their end stand there before any jump."""
        self._write_back(who[self.t[who] >= self.end[who]])

    def _write_back(self, who: Index) -> None:
        member, solution = self.member[who], self.solution
        solution.ended[member] = self.t[who]
        solution.final[:, member], solution.armed[:, member] = self.y[:, who], self.armed[:, who]
        solution.event_counts[:, member], solution.event_times[:, member] = self.fired[:, who], self.first[:, who]

    def _leave(self) -> None:
        gone = (self.solution.status[self.member] != Status.ok) | (self.t >= self.end)
        if gone.any():
            keep = np.flatnonzero(~gone)
            for name in ("member", "end", "t", "h", "stop", "saved", "steps", "since_stop"):
                setattr(self, name, getattr(self, name)[keep])
            for name in ("p", "y", "slope", "u", "armed", "fired", "first"):
                setattr(self, name, np.ascontiguousarray(getattr(self, name)[:, keep]))
