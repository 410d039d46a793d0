"""Runs that begin in the steady state of their doses with ``ss=True``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import RegimenError
from pkpd.prepared.changing import ChangingParameters
from pkpd.prepared.earlier_doses import SteadyDoses
from pkpd.prepared.solver import Solver
from pkpd.solvers.accumulators import accumulators
from pkpd.solvers.equations.controlled import ControlledSystem
from pkpd.solvers.equations.system import TIME, numbered_system
from pkpd.solvers.repeated_dosing import (
    RepeatedDosing,
    short_intervals,
    slowest_times,
    time_since_dose,
    time_since_dose_slopes,
)
from pkpd.solvers.steady_derivatives import DosingSlopes, steady_slopes
from pkpd.solvers.steady_states import SteadyStates, steady_states
from pkpd.symbolic.model import Model
from pkpd.treatment.dose_times import as_text
from pkpd.treatment.regimens import Administration, Regimen
from pkpd.treatment.timed_doses import TimedDoses, steady_intervals

__all__ = ["PlainStarts", "SteadyStarts", "steady_starts"]


@dataclass(frozen=True, eq=False)
class PlainStarts:
    """The values with which the search for steady states begins; members are those of the first arm, then the next.

    Attributes
    ----------
    states, parameters
        (states, members) and (parameters, members), at time 0.
    doses
        The doses of each arm.
    numbers
        The parameters that the doses of each arm use.
    places
        The jump and the input of some routes; -1 where one has none.
    """

    states: Array
    parameters: Array
    doses: Sequence[TimedDoses]
    numbers: Sequence[Mapping[str, Any]]
    places: Callable[[Sequence[str]], tuple[Index, Index]]

    def members(self, arm: int) -> Index:
        """The members of an arm."""
        members: Index = np.arange(self.states.shape[1]).reshape(len(self.doses), -1)[arm]
        return members


@dataclass(frozen=True, eq=False)
class SteadyStarts:
    """The steady states in which arms begin; see `steady_starts`."""

    model: Model
    changing: ChangingParameters
    arms: tuple[SteadyDoses, ...]
    solver: Solver
    atol: Array

    @cached_property
    def any(self) -> bool:
        """Whether an arm begins in a steady state."""
        return any(len(arm.dose) for arm in self.arms)

    def states(self, plain: PlainStarts) -> Array:
        """The states at time 0, (states, members), NaN where there is no steady state.

        Raises
        ------
        RegimenError
            If an interval is not acceptable.
        """
        dosings = self._dosings(plain)
        return self._placed(plain.states, self._steady(dosings).states, plain)

    def slopes(
        self, plain: PlainStarts, free: Array, doses: Sequence[Array], wrt: Sequence[str], sizes: Array
    ) -> Array:
        """The derivatives of `states` by `wrt`, (states, members, K).

        Parameters
        ----------
        free
            (states, members, K): the derivatives of ``plain.states``.
        doses
            By arm the derivatives of times, amounts and durations of its doses, (3, rows, doses, K).
        sizes
            (K,): how far a change along each is natural.
        """
        dosings = self._dosings(plain)
        parts = [self._dosing_slopes(plain, arm, place, doses[arm], wrt) for arm, place in self._each()]
        amount, rate, duration, interval, phase = (np.concatenate(column) for column in zip(*parts, strict=True))
        who = np.concatenate([plain.members(arm) for arm, _ in self._each()])
        dparameters = np.array([[float(name == k) for k in wrt] for name in self._controlled.system.parameters])
        along = DosingSlopes(amount, rate, duration, interval, phase, dparameters, free[:, who], sizes)
        changes = steady_slopes(self._controlled, dosings, self._steady(dosings), along, **self._accuracy)
        return self._placed(free, changes, plain)

    # ---- steady states of all arms and doses as one ensemble

    def _each(self) -> Iterator[tuple[int, int]]:
        """Each steady dose: the number of its arm, and its place among the steady doses of the arm."""
        for arm, steady in enumerate(self.arms):
            for place in range(len(steady.dose)):
                yield arm, place

    @property
    def _controlled(self) -> ControlledSystem:
        return ControlledSystem(self.changing.system, {}, {}, {}, {}, {})

    @property
    def _accuracy(self) -> dict[str, Any]:
        return {"rtol": self.solver.rtol, "atol": self.atol, "method": self.solver.method}

    def _steady(self, dosings: RepeatedDosing) -> SteadyStates:
        return steady_states(self._controlled, dosings, **self._accuracy)

    def _placed(self, free: Array, steady: Array, plain: PlainStarts) -> Array:
        """`free` with the steady states of each arm: the first takes its place, others are added; likewise slopes."""
        result, first = free.copy(), 0
        resting = list(accumulators(self.changing.system))
        for arm, place in self._each():
            who = plain.members(arm)
            states = steady[:, first : first + len(who)].copy()
            first += len(who)
            if place:  # what only accumulates goes on from where it is
                states[resting] = 0.0
                states += result[:, who]
            result[:, who] = states
        return result

    def _dosings(self, plain: PlainStarts) -> RepeatedDosing:
        dosings = RepeatedDosing.joined([self._dosing(plain, arm, place) for arm, place in self._each()])
        short = short_intervals(self._controlled, dosings)
        if short.any():
            i = int(np.argmax(short))
            raise RegimenError(
                f"{self.model.name}: the interval of a dose with ss=True is {dosings.interval[i]:g} {self.model.time}, "
                f"so short against the slowest time constant of the model "
                f"({slowest_times(self._controlled, dosings)[i]:g}) that its steady state cannot be told from "
                "rounding; give a longer interval."
            )
        return dosings

    def _dosing(self, plain: PlainStarts, arm: int, place: int) -> RepeatedDosing:
        steady, doses, who = self.arms[arm], plain.doses[arm], plain.members(arm)
        dose = int(steady.dose[place])

        def by_member(column: Array) -> Array:
            return np.broadcast_to(column, len(who))

        lag, amount, duration = (by_member(t[:, dose]) for t in (doses.times, doses.amounts, doses.durations))
        interval = by_member(steady.interval(doses, plain.numbers[arm])[:, place])
        lasts = ~np.isnan(duration)
        jump, slot = (numbers[0] for numbers in plain.places([doses.routes[dose]]))
        return RepeatedDosing(
            parameters=plain.parameters[:, who],
            input_values=self._input_values(len(who)),
            starts=plain.states[:, who],
            state=np.full(len(who), -1),
            jump=np.full(len(who), jump),
            slot=np.where(lasts, slot, -1),
            amount=np.where(lasts, 0.0, amount),
            rate=np.where(lasts, amount / np.where(lasts, duration, 1.0), 0.0),
            duration=np.where(lasts, duration, 0.0),
            interval=interval,
            phase=time_since_dose(lag, interval),
        )

    def _input_values(self, members: int) -> Array:
        """The inputs apart from doses: parameters that change in time stay as they are at time 0."""
        input_values = np.zeros((len(self.changing.system.inputs), members))
        for slot, _, course in self.changing.table.values():
            input_values[slot] = course.values[..., 0]
        return input_values

    def _dosing_slopes(
        self, plain: PlainStarts, arm: int, place: int, slopes: Array, wrt: Sequence[str]
    ) -> tuple[Array, ...]:
        """The derivatives of amount, rate, duration, interval and phase of one steady dose, (members, K)."""
        steady, doses, members = self.arms[arm], plain.doses[arm], len(plain.members(arm))
        dose = int(steady.dose[place])
        dlag, damount, dduration = slopes[:, :, dose]
        lag, amount, lasting = (t[:, [dose]] for t in (doses.times, doses.amounts, doses.durations))
        dinterval = steady.intervals.derivatives(plain.numbers[arm], len(lag), wrt)[0][:, place]
        interval = steady.interval(doses, plain.numbers[arm])[:, place]
        lasts, duration = ~np.isnan(lasting), np.nan_to_num(lasting, nan=1.0)
        columns = (
            np.where(lasts, 0.0, damount),
            np.where(lasts, (damount - amount / duration * dduration) / duration, 0.0),
            np.where(lasts, dduration, 0.0),
            dinterval,
            time_since_dose_slopes(lag[:, 0], interval, dlag, dinterval),
        )
        return tuple(np.broadcast_to(column, (members, len(wrt))) for column in columns)


def steady_starts(
    model: Model, changing: ChangingParameters, regimens: Sequence[Regimen], solver: Solver, atol: Array
) -> SteadyStarts:
    """Settle the doses with ``ss=True`` of each arm.

    A run begins at time 0 in the steady state just before such a dose, as after the same dose
    given every `interval` for ever; a lag shifts the whole series, and what of it is still
    running or due at time 0 goes on.  The first steady dose of a regimen decides what the states
    are; the steady states of further ones are added, which is right for linear models alone (as
    SS 1 and SS 2 of NONMEM).  The search begins with what the states start with, which also
    decides on what doses keep, such as a total; a state that only accumulates keeps its start.
    Parameters that change in time are in the steady state what they are at time 0.

    Raises
    ------
    RegimenError
        If such a dose is not at time 0, the model depends on time itself, or a steady state is
        to be added on a route that does not add to its states.
    """
    arms = []
    for regimen in regimens:
        doses = regimen.in_time(model.time).doses
        numbers = np.array([i for i, dose in enumerate(doses) if dose.ss], dtype=np.int64)
        for place, i in enumerate(numbers.tolist()):
            _check(model, doses[i], first=place == 0)
        arms.append(SteadyDoses(numbers, steady_intervals(model, regimen)))
    return SteadyStarts(model, changing, tuple(arms), solver, atol)


def _check(model: Model, dose: Administration, *, first: bool) -> None:
    what = f"{model.name}: a dose with ss=True on route {dose.route!r}"
    if dose.time != 0:
        raise RegimenError(
            f"{what} is at time {as_text(dose.time)}; begin the regimen with it, at time 0: a steady state is where a "
            "run starts."
        )
    route = model.routes[dose.route]
    if not first and dose.duration is None and route.additive is None and route.rate is None:
        raise RegimenError(
            f"{what} does not add to its states, so that its steady state cannot be added to that of another dose; "
            "give one dose with ss=True."
        )
    if any(TIME in rate.free_symbols for rate in numbered_system(model).rates):
        raise RegimenError(
            f"{what}: the rates of {model.name} depend on time itself, so repeated doses have no steady state."
        )
