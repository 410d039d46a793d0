"""The tangent of a model: derivatives of its states along directions that are data.

Along a direction the parameters p change by dp, the inputs u by du, and the states y by s:

    ds/dt = (df/dy) s + (df/dp) dp + (df/du) du,        s(0) = (d start/dp) dp,

with f the rates.  Where the states jump to g(t, y, p, a) by a dose of the amount a, at a time
tau that changes by dtau,

    s+ = (dg/dy) s + (dg/dp) dp + (dg/da) da + [(dg/dy) f(y-) + dg/dt - f(y+)] dtau.

This follows from the total derivative of y at the moving time, ds = s + f dtau, taken
before and after the jump.  For an event the time is that at which its trigger h is zero,

    dtau = -[(dh/dy) s + (dh/dp) dp] / [(dh/dy) f(y-) + dh/dt].

Source: Rozenvasser EN. General sensitivity equations of discontinuous systems. Automation
and Remote Control 28:400-404 (1967); Galan S, Feehery WF, Barton PI. Parametric
sensitivity functions for hybrid discrete/continuous systems. Applied Numerical
Mathematics 31:17-47 (1999).

A rate that jumps across a surface makes of the surface an event that resets nothing: the
states stay and a mode changes (`pkpd.solvers.equations.switches`).  An event that another one sets off
happens at the time of that one, and so has its dtau; one that a dose or a change of an
input sets off happens at the time of the dose.

The tangent is an ordinary `System`: any integrator serves it, and it has a tangent of its own,
which holds the second derivatives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import sympy

from pkpd.solvers.equations.derivatives import Slopes, directional
from pkpd.solvers.equations.switches import Switch, switched
from pkpd.solvers.equations.system import AMOUNT, TIME, Row, System

__all__ = ["TangentSystem", "derivative_label", "tangent"]

AT_DOSE = "at a dose"  # the input that is 1 while a dose is made, so that an event knows that the dose set it off


@dataclass(frozen=True)
class TangentSystem:
    """A `System` that integrates `d` directional derivatives with the states of `base`, and where they are.

    With n states, P parameters, m inputs and q outputs of `base`, direction k = 0, ..., d - 1 has

    - the derivatives of the states as states ``(k + 1)*n`` to ``(k + 2)*n - 1``, and those of the outputs likewise;
    - dp as parameters ``(k + 1)*P`` to ``(k + 2)*P - 1``;
    - du as the inputs from ``m + k*(m + 2)`` on, then da and dtau of the next stop.

    States beyond these are constant between events.

    Attributes
    ----------
    sides
        The first values of the constant states in terms of time, states, parameters and
        inputs of `base` at the start.
    shift
        The jump that adds ``f * amount * dtau`` to each derivative: with the amount 1
        before a stop that moves, and -1 after it.
    settle
        The jump after a change of `watched` inputs that lets events and modes follow; -1 for none.
    at_dose
        The input that is 1 while a dose is made; -1 for none.
    watched
        The inputs that a condition uses.
    """

    base: System
    system: System
    d: int
    sides: Row
    shift: int
    settle: int
    at_dose: int
    watched: tuple[int, ...]


def derivative_label(of: str, along: str) -> str:
    """The name of a derivative among the states, outputs, parameters and inputs of a tangent."""
    return f"d {of}/d {along}"


@lru_cache(maxsize=64)
def tangent(system: System, d: int, positive: frozenset[str] = frozenset()) -> TangentSystem:
    """Extend `system` by its derivatives along `d` directions.

    Parameters
    ----------
    system
        Possibly a tangent itself: that of a tangent has the second derivatives.
    d
        The number of directions, 1 or more.
    positive
        The parameters known to be positive, which helps to prove that a rate is continuous.

    Notes
    -----
    Derivatives are taken branch by branch (`directional`).  A member that starts on a surface
    across which a rate jumps has two one-sided derivatives.  That of a surface in time alone
    is taken as if it were crossed just after time 0, and that of any other as if the member
    had started on the side to which it goes.

    Examples
    --------
    >>> from pkpd import load
    >>> from pkpd.solvers.equations.system import numbered_system
    >>> extended = tangent(numbered_system(load("pk_1cmt")), 1)
    >>> extended.system.states[-1]
    'd central/d a1'
    """
    return _Tangent(system, d, positive).extended()


@dataclass(frozen=True)
class _Occurrence:
    """What happens when `level` falls through zero, or where it is a switch, passes it.

    Attributes
    ----------
    trigger
        What an integrator sees fall below zero.
    level
        The function of which the zero is the time of the event.
    row
        The new values of the states of the model.
    switch
        The switch that this is; None for an event of the model.
    """

    trigger: sympy.Expr
    level: sympy.Expr
    row: Row
    switch: Switch | None = None


class _Tangent:
    """The expressions of a tangent, one method for each kind of row."""

    def __init__(self, base: System, d: int, positive: frozenset[str]) -> None:
        self.base, self.d = base, d
        moded = switched(base, base.parameters, positive, len(base.y) * (1 + d))
        self.model, self.switches = moded.model, moded.switches
        # Switches come first: an event at the same time may then take its member back across the surface.
        self.events = (
            *(_Occurrence(_departure(s), s.level, base.y, s) for s in self.switches),
            *(_Occurrence(trigger, trigger, row) for trigger, row in self.model.events),
        )
        self.labels = _labels(base, d)
        self._number_symbols()
        self._add_constants()
        rates = dict(zip(base.y, self.model.rates, strict=True))
        self.flow = Slopes({**rates, TIME: sympy.S.One})

    def _number_symbols(self) -> None:
        base, d = self.base, self.d
        n, m, count = len(base.y), len(base.u), len(base.p)
        self.y = (*base.y, *_more("y", n, n * d))
        self.p = (*base.p, *_more("p", count, count * d))
        more = _more("u", m, (m + 2) * d)
        watched = frozenset[sympy.Symbol]().union(*(e.trigger.free_symbols for e in self.events))
        self.watched = tuple(i for i, u in enumerate(base.u) if u in watched)
        self.at_dose = dict(zip(base.inputs, base.u, strict=True)).get(AT_DOSE)
        if self.at_dose is None and base.events and (base.jump_routes or self.watched):
            (self.at_dose,) = _more("u", m + len(more), 1)
        own = self.at_dose is not None and self.at_dose not in base.u
        self.u = (*base.u, *more, *([self.at_dose] if own else []))
        self.s = [self.y[n * (k + 1) : n * (k + 2)] for k in range(d)]
        self.slopes, self.with_time, self.at_stop, self.dtimes = [], [], [], []
        for k in range(d):
            dp, du = self.p[count * (k + 1) : count * (k + 2)], more[(m + 2) * k : (m + 2) * k + m]
            damount, dtime = more[(m + 2) * k + m : (m + 2) * (k + 1)]
            moving = dict(zip((*base.y, *base.p, *base.u), (*self.s[k], *dp, *du), strict=True))
            self.slopes.append(Slopes(moving))
            self.with_time.append(Slopes({**moving, TIME: dtime}))
            self.at_stop.append(Slopes({**moving, AMOUNT: damount, TIME: dtime}))
            self.dtimes.append(dtime)

    def _add_constants(self) -> None:
        """States that are constant between events: modes, and what an event leaves to those that it sets off."""
        changes = [self._changed(e) for e in self.events]
        follows = [
            j
            for j, later in enumerate(self.events)
            if later.switch is None and any(later.trigger.free_symbols & c for i, c in enumerate(changes) if i != j)
        ]
        modes = tuple(s.mode for s in self.switches)
        more = _more("y", len(self.y) + len(modes), len(follows) + self.d * bool(follows))
        self.set_off = dict(zip(follows, more, strict=False))
        self.delays = more[len(follows) :]
        self.constants = (*modes, *more)

    # ---- the whole

    def extended(self) -> TangentSystem:
        base, system = self.base, self._system()
        return TangentSystem(
            base=base,
            system=system,
            d=self.d,
            sides=(
                *self._first_sides(),
                *(sympy.S.NegativeOne for _ in self.set_off),
                *(sympy.S.Zero for _ in self.delays),
            ),
            shift=len(base.jump_routes),
            settle=len(base.jump_routes) + 1 if self.watched else -1,
            at_dose=-1 if self.at_dose is None else system.u.index(self.at_dose),
            watched=self.watched,
        )

    def _system(self) -> System:
        m, label = self.model, self.labels[0]
        at_start = {TIME: sympy.S.Zero, **dict.fromkeys(m.u, sympy.S.Zero), **dict(zip(m.y, m.starts, strict=True))}
        sides = (side.xreplace(at_start) for side in self._first_sides())
        return System(
            name=m.name,
            states=(
                *self._names(m.states),
                *(f"side of {i} {label}" for i in range(len(self.switches))),
                *(f"{j} set off {label}" for j in self.set_off),
                *(derivative_label("delay", k) for k, _ in zip(self.labels, self.delays, strict=False)),
            ),
            parameters=self._names(m.parameters),
            inputs=self._input_names(),
            jump_routes=(*m.jump_routes, f"shift {label}", *([f"settle {label}"] if self.watched else [])),
            output_names=self._names(m.output_names),
            y=(*self.y, *self.constants),
            p=self.p,
            u=self.u,
            rates=(*self._with_derivatives(m.rates), *(sympy.S.Zero for _ in self.constants)),
            starts=(
                *self._with_derivatives(m.starts),
                *sides,
                *(sympy.S.NegativeOne for _ in self.set_off),
                *(sympy.S.Zero for _ in self.delays),
            ),
            outputs=self._with_derivatives(m.outputs),
            jumps=(*map(self._jump, m.jumps), self._shift(), *([self._settle()] if self.watched else [])),
            events=tuple((e.trigger, self._event(j, e)) for j, e in enumerate(self.events)),
            nonnegative=m.nonnegative,
            strict=(*(True for _ in self.switches), *m.strictness),
            guards=m.guards,
            blocks=tuple(k * len(m.y) + first for k in range(self.d + 1) for first in m.blocks or (0,)),
        )

    def _names(self, of: Iterable[str]) -> tuple[str, ...]:
        of = tuple(of)
        return (*of, *(derivative_label(name, k) for k in self.labels for name in of))

    def _input_names(self) -> tuple[str, ...]:
        inputs = self.base.inputs
        more = [derivative_label(name, k) for k in self.labels for name in (*inputs, "amount", "time")]
        own = len(self.u) > len(inputs) + len(more)
        return (*inputs, *more, *([AT_DOSE] if own else []))

    def _with_derivatives(self, row: Row) -> Row:
        return (*row, *(directional(e, slopes) for slopes in self.slopes for e in row))

    # ---- jumps

    def _jump(self, row: Row) -> Row:
        modes = self._sides(row, {})
        kept = (modes.get(c, c) for c in self.constants)
        return (*row, *(directional(e, slopes) for slopes in self.at_stop for e in row), *kept)

    def _shift(self) -> Row:
        rates = self.model.rates
        moved = (s + f * AMOUNT * dt for row, dt in zip(self.s, self.dtimes, strict=True)
                 for s, f in zip(row, rates, strict=True))  # fmt: skip
        return (*self.model.y, *moved, *self.constants)

    def _settle(self) -> Row:
        new = {
            s.mode: sympy.Piecewise((sympy.sign(s.level), sympy.Ne(s.level, 0)), (s.mode, True))
            for s in self.switches
            if s.level.free_symbols & set(self.model.u)
        }
        return (*self.y, *(new.get(c, c) for c in self.constants))

    # ---- events

    def _event(self, number: int, event: _Occurrence) -> Row:
        m, modes = self.model, self._modes(event)
        later = {**dict(zip(m.y, event.row, strict=True)), **modes}
        drift = [directional(e, self.flow) - f.xreplace(later) for e, f in zip(event.row, m.rates, strict=True)]
        delays = [self._delay(number, event, k) for k in range(self.d)]
        rows = []
        for k, delay in enumerate(delays):
            for e, speed in zip(event.row, drift, strict=True):
                moved = directional(e, self.slopes[k]) + speed * delay
                at_dose = directional(e, self.with_time[k])
                rows.append(moved if event.switch else self._unless_at_dose(at_dose, moved))
        reached = self._changed(event)
        for j, stamp in self.set_off.items():
            sets_off = j != number and self.events[j].trigger.free_symbols & reached
            modes[stamp] = TIME if sets_off else stamp
        modes |= dict(zip(self.delays, delays, strict=False))
        return (*event.row, *rows, *(modes[c] for c in self.constants))

    def _delay(self, number: int, event: _Occurrence, k: int) -> sympy.Expr:
        """dtau of an event: its own, or that of another which set it off."""
        speed = directional(event.level, self.flow)
        # Without a speed only a dose or a change of an input can set it off; on a branch without one, nothing.
        own = -directional(event.level, self.slopes[k]) / speed if speed != 0 else sympy.S.Zero
        own = own.xreplace({sympy.zoo: sympy.nan})
        if number not in self.set_off:
            return own
        return sympy.Piecewise((self.delays[k], self.set_off[number] >= TIME), (own, True))

    def _unless_at_dose(self, at_dose: sympy.Expr, moved: sympy.Expr) -> sympy.Expr:
        """An event that a dose sets off happens at the time of the dose, wherever its trigger stands."""
        if self.at_dose is None:
            return moved
        return sympy.Piecewise((at_dose, self.at_dose > 0), (moved, True))

    # ---- modes

    def _changed(self, event: _Occurrence) -> set[sympy.Symbol]:
        """The states and modes that an event changes."""
        states = {y for y, e in zip(self.model.y, event.row, strict=True) if e != y}
        return states | {mode for mode, new in self._modes(event).items() if new != mode}

    def _modes(self, event: _Occurrence) -> dict[sympy.Symbol, sympy.Expr]:
        """The modes after an event; a switch goes to its other side, whatever rounding leaves of its level."""
        own = {}
        if event.switch is not None:
            mode = event.switch.mode
            own[mode] = -mode + (1 - mode**2) * sympy.sign(event.level)
        return self._sides(event.row, own)

    def _sides(self, row: Row, own: dict[sympy.Symbol, sympy.Expr]) -> dict[sympy.Symbol, sympy.Expr]:
        """The modes after a jump of the states: new where their level changes with it."""
        later = {y: e for y, e in zip(self.model.y, row, strict=True) if e != y} | own
        for s in self.switches:
            if s.mode not in later and s.level.free_symbols & later.keys():
                later[s.mode] = sympy.sign(s.level.xreplace(later))
        return {s.mode: later.get(s.mode, s.mode) for s in self.switches}

    def _first_sides(self) -> Row:
        """The modes at the start."""
        signs: dict[sympy.Basic, sympy.Expr] = {}
        for s in self.switches:
            signs[s.mode] = sympy.sign(s.level.xreplace(signs))
        return tuple(self._first_side(s, signs) for s in self.switches)

    def _first_side(self, switch: Switch, signs: dict[sympy.Basic, sympy.Expr]) -> sympy.Expr:
        level, speed = switch.level.xreplace(signs), directional(switch.level, self.flow)
        if not switch.level.free_symbols & set(self.model.y):
            return sympy.Piecewise((sympy.sign(level), sympy.Ne(level, 0)), (-sympy.sign(speed.xreplace(signs)), True))
        up, down = (speed.xreplace({**signs, switch.mode: sympy.Integer(side)}) for side in (1, -1))
        return sympy.Piecewise((sympy.sign(level), sympy.Ne(level, 0)), (1, up > 0), (-1, down < 0), (0, True))


def _labels(base: System, d: int) -> tuple[str, ...]:
    """Names of the directions that no tangent within `base` has taken."""
    letter = next(x for x in "abcdefgh" if derivative_label("time", f"{x}1") not in base.inputs)
    return tuple(f"{letter}{k}" for k in range(1, d + 1))


def _departure(switch: Switch) -> sympy.Expr:
    """A function that falls below zero where the level of `switch` leaves the side that its mode says."""
    return sympy.Piecewise((switch.mode * switch.level, sympy.Ne(switch.mode, 0)), (-sympy.Abs(switch.level), True))


def _more(letter: str, first: int, count: int) -> Row:
    return tuple(sympy.Symbol(f"{letter}_{i}", real=True) for i in range(first, first + count))
