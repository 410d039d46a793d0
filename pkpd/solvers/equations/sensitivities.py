"""Forward sensitivities: a model that integrates d state/d parameter along with its states.

The sensitivities of the states y to a parameter p obey, with f the rates,

    ds/dt = (df/dy) s + df/dp,        s(0) = d start/dp.

Where the states jump to g(t, y, p) at a time tau that itself depends on p,

    s+ = (dg/dy) s + dg/dp + [(dg/dy) f(y-) + dg/dt - f(y+)] dtau/dp.

This follows from the total derivative of y at the moving time, ds = s + f dtau/dp, taken
before and after the jump.  For an event the time is that at which its trigger h is zero,

    dtau/dp = -[(dh/dy) s + dh/dp] / [(dh/dy) f(y-) + dh/dt].

Source: Rozenvasser EN. General sensitivity equations of discontinuous systems. Automation
and Remote Control 28:400-404 (1967); Galan S, Feehery WF, Barton PI. Parametric
sensitivity functions for hybrid discrete/continuous systems. Applied Numerical
Mathematics 31:17-47 (1999).

A rate that jumps across a surface makes of the surface an event that resets nothing: the
states stay and a mode changes (`pkpd.solvers.equations.switches`).  An event that another one sets off
happens at the time of that one, and so has its dtau/dp; one that a dose or a change of an
input sets off happens at the time of the dose.

The augmented model is an ordinary `System`: any integrator serves it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import sympy

from pkpd.errors import ParameterError
from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.switches import UNCOUNTED, Switch, switched
from pkpd.solvers.equations.system import AMOUNT, TIME, Row, System

__all__ = ["AT_DOSE", "SETTLE", "DoseMotion", "JumpVariant", "sensitivity_name", "with_sensitivities"]

AT_DOSE = "at a dose"
"""The input that is 1 while a dose is made, so that an event knows that the dose set it off."""

SETTLE = "settle"
"""The jump after a change of the input rates that lets events and modes that use them follow."""


@dataclass(frozen=True)
class JumpVariant:
    """A jump whose amount depends on some parameters, or that uses the time and whose time does.

    Each of those derivatives is a parameter of the augmented model.
    """

    route: str
    amount: tuple[str, ...] = ()
    time: tuple[str, ...] = ()


@dataclass(frozen=True)
class DoseMotion:
    """How the doses depend on the parameters: what is needed to generate code, no numbers.

    Attributes
    ----------
    shifts
        The parameters that move a dose or the end of an infusion in time.  Each gets a
        jump route that adds ``f * amount`` to its sensitivities; around a stop that
        moves, it is given the amount dtau/dp before and -dtau/dp after.
    variants
        The jumps that need more than their own row.
    levels
        The pairs of an input and a parameter on which that input's rate depends.  Each
        is an input of the augmented model.
    """

    shifts: tuple[str, ...] = ()
    variants: tuple[JumpVariant, ...] = ()
    levels: tuple[tuple[str, str], ...] = ()


def sensitivity_name(of: str, to: str) -> str:
    """The name of a derivative among the states, outputs, parameters and inputs of an augmented model."""
    return f"d {of}/d {to}"


@lru_cache(maxsize=64)
def with_sensitivities(
    model: System, wrt: tuple[str, ...], motion: DoseMotion | None = None, positive: frozenset[str] = frozenset()
) -> System:
    """Extend `model` by the derivatives of its states and outputs.

    Parameters
    ----------
    model
        States 0 to n - 1 of the result are its states, parameters, inputs, routes and
        outputs likewise.
    wrt
        The parameters.  A state stands for its value at time 0; a name the model does not
        have is a parameter of the doses alone.  The derivatives by the k-th are states
        ``(k + 1)*n`` to ``(k + 2)*n - 1``, and so for the outputs.  States beyond those are
        constant between events.
    motion
        How the doses depend on `wrt`; by default not at all.
    positive
        The parameters known to be positive, which helps to prove that a rate is continuous.

    Notes
    -----
    Derivatives are taken branch by branch (`partial`).  A member that starts on a surface
    across which a rate jumps has two one-sided derivatives.  That of a surface in time alone
    is taken as if it were crossed just after time 0, and that of any other as if the member
    had started on the side to which it goes.

    Raises
    ------
    ParameterError
        If a rate or a trigger holds a function such as ``floor``, which jumps at more
        places than can be followed, of something that depends on `wrt`.
    """
    _check_counted(model, wrt)
    return _Augmentation(model, wrt, motion or DoseMotion(), positive).system()


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


class _Augmentation:
    """The expressions of an augmented model, one method for each kind of row."""

    def __init__(self, model: System, wrt: tuple[str, ...], motion: DoseMotion, positive: frozenset[str]) -> None:
        n, plain = len(model.y), model
        found = switched(model, wrt, positive, n * (1 + len(wrt)))
        self.model, self.switches, self.wrt, self.motion = found.model, found.switches, wrt, motion
        # Switches come first: an event at the same time may then take its member back across the surface.
        self.events = (
            *(_Occurrence(_departure(s), s.level, model.y, s) for s in self.switches),
            *(_Occurrence(trigger, trigger, row) for trigger, row in self.model.events),
        )
        self.y = (*model.y, *_more("y", n, n * len(wrt)))
        self.s = {name: self.y[n * k : n * (k + 1)] for k, name in enumerate(wrt, 1)}
        self._add_constants()
        derivatives = [sensitivity_name(f"amount {j}", k) for j, v in enumerate(motion.variants) for k in v.amount]
        derivatives += [sensitivity_name(f"time {j}", k) for j, v in enumerate(motion.variants) for k in v.time]
        self.p = dict(zip(derivatives, _more("p", len(model.p), len(derivatives)), strict=True))
        watched = frozenset[sympy.Symbol]().union(*(e.trigger.free_symbols for e in self.events))
        self.settles = bool(watched & set(model.u))
        inputs = [sensitivity_name(*level) for level in motion.levels]
        inputs += [AT_DOSE] if plain.events and (plain.jump_routes or self.settles) else []
        self.u = dict(zip(inputs, _more("u", len(model.u), len(inputs)), strict=True))

    def _add_constants(self) -> None:
        """States that are constant between events: modes, and what an event leaves to those that it sets off."""
        changes = [self._changed(e) for e in self.events]
        follows = [
            j
            for j, later in enumerate(self.events)
            if later.switch is None and any(later.trigger.free_symbols & c for i, c in enumerate(changes) if i != j)
        ]
        modes = tuple(s.mode for s in self.switches)
        more = _more("y", len(self.y) + len(modes), len(follows) + len(self.wrt) * bool(follows))
        self.set_off = dict(zip(follows, more, strict=False))
        self.delay = dict(zip(self.wrt if follows else (), more[len(follows) :], strict=True))
        self.constants = (*modes, *more)

    def system(self) -> System:
        m, v = self.model, self.motion.variants
        return System(
            name=m.name,
            states=(
                *self._names(m.states),
                *(f"side of {i}" for i in range(len(self.switches))),
                *(f"{j} set off" for j in self.set_off),
                *(sensitivity_name("time", k) for k in self.delay),
            ),
            parameters=(*m.parameters, *self.p),
            inputs=(*m.inputs, *self.u),
            jump_routes=(
                *m.jump_routes,
                *(f"shift {k}" for k in self.motion.shifts),
                *(f"{variant.route} {j}" for j, variant in enumerate(v)),
                *([SETTLE] if self.settles else []),
            ),
            output_names=self._names(m.output_names),
            y=(*self.y, *self.constants),
            p=(*m.p, *self.p.values()),
            u=(*m.u, *self.u.values()),
            rates=(*self._extended(m.rates), *(sympy.S.Zero for _ in self.constants)),
            starts=(
                *m.starts,
                *(self._start(i, k) for k in self.wrt for i in range(len(m.y))),
                *self._first_sides(),
                *(sympy.S.NegativeOne for _ in self.set_off),
                *(sympy.S.Zero for _ in self.delay),
            ),
            outputs=self._extended(m.outputs),
            jumps=(
                *((*self._extended(row), *self._kept(row)) for row in m.jumps),
                *(self._shift(k) for k in self.motion.shifts),
                *(self._variant(j, variant) for j, variant in enumerate(v)),
                *([self._settle()] if self.settles else []),
            ),
            events=tuple((e.trigger, self._event(j, e)) for j, e in enumerate(self.events)),
            nonnegative=m.nonnegative,
        )

    def _names(self, of: Iterable[str]) -> tuple[str, ...]:
        of = tuple(of)
        return (*of, *(sensitivity_name(name, k) for k in self.wrt for name in of))

    # ---- derivatives

    def _total(self, expression: sympy.Expr, k: str) -> sympy.Expr:
        """d `expression` / d k at a fixed time, through states, inputs and the parameter itself."""
        terms = [partial(expression, y) * s for y, s in zip(self.model.y, self.s[k], strict=True)]
        terms += [
            partial(expression, u) * self.u[sensitivity_name(name, k)]
            for name, u in zip(self.model.inputs, self.model.u, strict=True)
            if (name, k) in self.motion.levels
        ]
        return sympy.Add(*terms, self._explicit(expression, k))

    def _explicit(self, expression: sympy.Expr, k: str) -> sympy.Expr:
        parameters = self.model.parameters
        return partial(expression, self.model.p[parameters.index(k)]) if k in parameters else sympy.S.Zero

    def _along(self, expression: sympy.Expr) -> sympy.Expr:
        """d `expression` / dt along a trajectory."""
        by_state = (partial(expression, y) * f for y, f in zip(self.model.y, self.model.rates, strict=True))
        return sympy.Add(*by_state, partial(expression, TIME))

    # ---- rows

    def _extended(self, row: Row) -> Row:
        return (*row, *(self._total(e, k) for k in self.wrt for e in row))

    def _start(self, state: int, k: str) -> sympy.Expr:
        if k in self.model.states:
            return sympy.Integer(self.model.states[state] == k)
        return self._explicit(self.model.starts[state], k)

    def _shift(self, moved: str) -> Row:
        new = {s: s + f * AMOUNT for s, f in zip(self.s[moved], self.model.rates, strict=True)}
        return tuple(new.get(y, y) for y in (*self.y, *self.constants))

    def _variant(self, number: int, variant: JumpVariant) -> Row:
        row = self.model.jumps[self.model.jump_routes.index(variant.route)]

        def more(e: sympy.Expr, k: str) -> sympy.Expr:
            by = (("amount", variant.amount, AMOUNT), ("time", variant.time, TIME))
            return sympy.Add(
                *(partial(e, x) * self.p[sensitivity_name(f"{what} {number}", k)] for what, ks, x in by if k in ks)
            )

        return (*row, *(self._total(e, k) + more(e, k) for k in self.wrt for e in row), *self._kept(row))

    def _event(self, number: int, event: _Occurrence) -> Row:
        m = self.model
        modes = self._modes(event)
        later = {**dict(zip(m.y, event.row, strict=True)), **modes}
        drift = [self._along(e) - f.xreplace(later) for e, f in zip(event.row, m.rates, strict=True)]
        delays = {k: self._delay(number, event, k) for k in self.wrt}
        rows = []
        for k in self.wrt:
            for e, d in zip(event.row, drift, strict=True):
                plain, moved = self._total(e, k), d * delays[k]
                rows.append(plain + moved if event.switch else self._unless_at_dose(plain, moved))
        reached = self._changed(event)
        for j, stamp in self.set_off.items():
            sets_off = j != number and self.events[j].trigger.free_symbols & reached
            modes[stamp] = TIME if sets_off else stamp
        modes |= {self.delay[k]: delays[k] for k in self.delay}
        return (*event.row, *rows, *(modes[c] for c in self.constants))

    def _delay(self, number: int, event: _Occurrence, k: str) -> sympy.Expr:
        """dtau/dk of an event: its own, or that of another which set it off."""
        speed = self._along(event.level)
        # Without a speed only a dose or a change of an input can set it off; on a branch without one, nothing.
        own = -self._total(event.level, k) / speed if speed != 0 else sympy.S.Zero
        own = own.xreplace({sympy.zoo: sympy.nan})
        if number not in self.set_off:
            return own
        return sympy.Piecewise((self.delay[k], self.set_off[number] >= TIME), (own, True))

    def _unless_at_dose(self, plain: sympy.Expr, moved: sympy.Expr) -> sympy.Expr:
        """An event that a dose sets off happens at the time of the dose, wherever its trigger stands."""
        if AT_DOSE not in self.u:
            return plain + moved
        return sympy.Piecewise((plain, self.u[AT_DOSE] > 0), (plain + moved, True))

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

    def _kept(self, row: Row) -> Row:
        """The constants after a dose."""
        modes = self._sides(row, {})
        return tuple(modes.get(c, c) for c in self.constants)

    def _settle(self) -> Row:
        new = {
            s.mode: sympy.Piecewise((sympy.sign(s.level), sympy.Ne(s.level, 0)), (s.mode, True))
            for s in self.switches
            if s.level.free_symbols & set(self.model.u)
        }
        return (*self.y, *(new.get(c, c) for c in self.constants))

    def _first_sides(self) -> Row:
        """The modes at time 0."""
        m = self.model
        start: dict[sympy.Basic, sympy.Expr] = {
            TIME: sympy.S.Zero, **dict.fromkeys(m.u, sympy.S.Zero), **dict(zip(m.y, m.starts, strict=True)),
        }  # fmt: skip
        signs = dict(start)
        for s in self.switches:
            signs[s.mode] = sympy.sign(s.level.xreplace(signs))
        return tuple(self._first_side(s, start, signs) for s in self.switches)

    def _first_side(
        self, switch: Switch, start: dict[sympy.Basic, sympy.Expr], signs: dict[sympy.Basic, sympy.Expr]
    ) -> sympy.Expr:
        level, speed = switch.level.xreplace(signs), self._along(switch.level)
        if not switch.level.free_symbols & set(self.model.y):
            return sympy.Piecewise((sympy.sign(level), sympy.Ne(level, 0)), (-sympy.sign(speed.xreplace(signs)), True))
        up, down = (speed.xreplace({**signs, switch.mode: sympy.Integer(side)}) for side in (1, -1))
        return sympy.Piecewise((sympy.sign(level), sympy.Ne(level, 0)), (1, up > 0), (-1, down < 0), (0, True))


def _departure(switch: Switch) -> sympy.Expr:
    """A function that falls below zero where the level of `switch` leaves the side that its mode says."""
    return sympy.Piecewise((switch.mode * switch.level, sympy.Ne(switch.mode, 0)), (-sympy.Abs(switch.level), True))


def _check_counted(model: System, wrt: tuple[str, ...]) -> None:
    symbols = dict(zip((*model.y, *model.p), (*model.states, *model.parameters), strict=True))
    moving = {symbol for symbol, name in symbols.items() if symbol in model.y or name in wrt}
    named = {f"the rate of {state}": e for state, e in zip(model.states, model.rates, strict=True)}
    named |= {f"the condition of event {i}": trigger for i, (trigger, _) in enumerate(model.events, 1)}
    for where, expression in named.items():
        for steps in expression.atoms(*UNCOUNTED):
            if steps.free_symbols & moving:
                said = steps.xreplace({s: sympy.Symbol(name) for s, name in symbols.items()})
                raise ParameterError(
                    f"{model.name}: {where} jumps with {said}, and derivatives by {', '.join(map(repr, wrt))} are not "
                    "followed through such jumps; write them as Piecewise, as doses or as an event."
                )


def _more(letter: str, first: int, count: int) -> Row:
    return tuple(sympy.Symbol(f"{letter}_{i}", real=True) for i in range(first, first + count))
