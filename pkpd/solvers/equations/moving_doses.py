"""Doses whose times, amounts and durations depend on the parameters of a sensitivity.

Everything a moving dose needs is said in stops, amounts and levels, so that an integrator
knows nothing of it: see `DoseMotion`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy

from pkpd.arrays import Array
from pkpd.solvers.equations.sensitivities import (
    AT_DOSE,
    SETTLE,
    DoseMotion,
    JumpVariant,
    sensitivity_name,
    with_sensitivities,
)
from pkpd.solvers.equations.system import TIME, System
from pkpd.solvers.schedule import Schedule
from pkpd.treatment.timed_doses import DoseSlopes, Slope, TimedDoses

__all__ = ["MovingDoses"]

Number = Array | float


@dataclass(frozen=True)
class MovingDoses:
    """The doses of a plan with their derivatives by the parameters `wrt`, for one model.

    Attributes
    ----------
    base
        The model without sensitivities, with an input for each route that is infused.
    plan, slopes
        The doses and their derivatives.
    positive
        The parameters known to be positive for every member.
    """

    base: System
    wrt: tuple[str, ...]
    plan: TimedDoses
    slopes: Sequence[DoseSlopes]
    positive: frozenset[str] = frozenset()

    @cached_property
    def model(self) -> System:
        """The augmented model."""
        return with_sensitivities(self.base, self.wrt, self._motion, self.positive)

    @cached_property
    def extra_parameters(self) -> Array:
        """The values of the parameters that the augmented model has more than `base`: (parameters, rows)."""
        table = {
            sensitivity_name(f"{part} {j}", k): slope.values
            for j, variant in enumerate(self._variants)
            for part, slopes in variant.slopes.items()
            for k, slope in slopes.items()
        }
        more = self.model.parameters[len(self.base.parameters) :]
        return np.array([table[name] for name in more]).reshape(len(more), len(self.plan.times))

    def schedule(self) -> Schedule:
        """The stops and levels of the doses, and the stops around those that move."""
        stops = _Stops(len(self.plan.times), len(self.model.inputs))
        starts = [self._start(stops, dose) for dose in range(len(self.plan.routes))]
        for dose, start in enumerate(starts):
            if self._lasts(dose):
                self._end(stops, dose, start)
        return stops.schedule()

    # ---- one dose

    def _start(self, stops: _Stops, dose: int) -> int:
        """Add the stops of a dose, and say which of them is the dose itself."""
        time, moves = self.plan.times[:, dose], self.slopes[dose].time
        self._shift(stops, time, moves, 1.0)
        if self._lasts(dose):
            here = stops.add(time)
            self._settle(stops, time, here)
        else:
            gate = stops.add(time) if AT_DOSE in self.model.inputs else None
            here = stops.add(time, self._jump(dose), self.plan.amounts[:, dose])
            if gate is not None:
                stops.hold(self.model.inputs.index(AT_DOSE), gate, here, 1.0)
        self._shift(stops, time, moves, -1.0)
        return here

    def _end(self, stops: _Stops, dose: int, start: int) -> None:
        amount, duration = self.plan.amounts[:, dose], self.plan.durations[:, dose]
        route, slopes = self.plan.routes[dose], self.slopes[dose]
        time = self.plan.times[:, dose] + duration
        moves = _sum(slopes.time, slopes.duration)
        self._shift(stops, time, moves, 1.0)
        end = stops.add(time)
        self._settle(stops, time, end)
        self._shift(stops, time, moves, -1.0)
        stops.hold(self.base.inputs.index(route), start, end, amount / duration)
        for k in self.wrt:
            if k in slopes.amount or k in slopes.duration:
                slope = (_value(slopes.amount, k) - amount / duration * _value(slopes.duration, k)) / duration
                stops.hold(self.model.inputs.index(sensitivity_name(route, k)), start, end, slope)

    def _settle(self, stops: _Stops, time: Array, change: int) -> None:
        """Let events and modes follow the change of an input rate at the stop `change`."""
        if SETTLE in self.model.jump_routes:
            settled = stops.add(time, self.model.jump_routes.index(SETTLE))
            if AT_DOSE in self.model.inputs:
                stops.hold(self.model.inputs.index(AT_DOSE), change, settled, 1.0)

    def _shift(self, stops: _Stops, time: Array, moves: Mapping[str, Slope], sign: float) -> None:
        for k, slope in moves.items():
            stops.add(time, self.model.jump_routes.index(f"shift {k}"), sign * slope.values)

    def _lasts(self, dose: int) -> bool:
        return bool(np.isfinite(self.plan.durations[:, dose]).any())

    # ---- structure

    @cached_property
    def _motion(self) -> DoseMotion:
        shifts = {k for s in self.slopes for k in (*s.time, *s.duration)}
        levels = {
            (route, k)
            for dose, (route, s) in enumerate(zip(self.plan.routes, self.slopes, strict=True))
            for k in (*s.amount, *s.duration)
            if self._lasts(dose)
        }
        return DoseMotion(
            tuple(k for k in self.wrt if k in shifts),
            tuple(v.structure for v in self._variants),
            tuple((route, k) for route in self.base.inputs for k in self.wrt if (route, k) in levels),
        )

    @cached_property
    def _variants(self) -> tuple[_Variant, ...]:
        """The jumps with derivatives of their own, each once; doses alike share one."""
        return tuple(dict.fromkeys(v for dose in range(len(self.slopes)) if (v := self._variant(dose)) is not None))

    def _variant(self, dose: int) -> _Variant | None:
        if self._lasts(dose):
            return None
        route, slopes = self.plan.routes[dose], self.slopes[dose]
        row = self.base.jumps[self.base.jump_routes.index(route)]
        by_time = slopes.time if any(TIME in e.free_symbols for e in row) else {}
        if not slopes.amount and not by_time:
            return None
        expressions = tuple((k, s.expression) for part in (slopes.amount, by_time) for k, s in part.items())
        return _Variant(JumpVariant(route, tuple(slopes.amount), tuple(by_time)), expressions, slopes, bool(by_time))

    def _jump(self, dose: int) -> int:
        variant = self._variant(dose)
        if variant is None:
            return self.base.jump_routes.index(self.plan.routes[dose])
        first = len(self.base.jump_routes) + len(self._motion.shifts)
        return first + self._variants.index(variant)


@dataclass(frozen=True)
class _Variant:
    structure: JumpVariant
    expressions: tuple[tuple[str, sympy.Expr], ...]
    of: DoseSlopes = field(compare=False)
    uses_time: bool = False

    @property
    def slopes(self) -> dict[str, Mapping[str, Slope]]:
        return {"amount": self.of.amount, "time": self.of.time if self.uses_time else {}}


class _Stops:
    """Stops in the making: one after another, then put in the order of their times."""

    def __init__(self, rows: int, inputs: int) -> None:
        self.rows, self.inputs = rows, inputs
        self.columns: list[tuple[Number, int, Number]] = []
        self.held: list[tuple[int, int, int, Number]] = []

    def add(self, time: Number, jump: int = -1, amount: Number = 0.0) -> int:
        self.columns.append((time, jump, amount))
        return len(self.columns) - 1

    def hold(self, slot: int, first: int, last: int, level: Number) -> None:
        """Raise an input by `level` from stop `first` to stop `last`."""
        self.held.append((slot, first, last, level))

    def schedule(self) -> Schedule:
        count = len(self.columns)
        times, amounts = np.empty((self.rows, count)), np.empty((self.rows, count))
        for i, (time, _, amount) in enumerate(self.columns):
            times[:, i], amounts[:, i] = time, amount
        jumps = np.array([jump for _, jump, _ in self.columns], dtype=np.int64)
        order = np.argsort(times, axis=1, kind="stable")
        place = np.argsort(order, axis=1)
        levels = np.zeros((self.rows, count + 1, self.inputs))
        stop = np.arange(count)
        for slot, first, last, level in self.held:
            runs = (place[:, [first]] <= stop) & (stop < place[:, [last]])
            levels[:, 1:, slot] += np.where(runs, np.reshape(level, (-1, 1)), 0.0)
        return Schedule(
            np.take_along_axis(times, order, axis=1), jumps[order], np.take_along_axis(amounts, order, axis=1), levels
        )


def _value(slopes: Mapping[str, Slope], k: str) -> Number:
    return slopes[k].values if k in slopes else 0.0


def _sum(one: Mapping[str, Slope], other: Mapping[str, Slope]) -> dict[str, Slope]:
    both = {**one, **other}
    for k in one.keys() & other.keys():
        both[k] = Slope(one[k].expression + other[k].expression, one[k].values + other[k].values)
    return both
