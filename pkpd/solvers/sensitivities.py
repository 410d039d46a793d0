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

The augmented model is an ordinary `Canonical`: any integrator serves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy

from pkpd.errors import ParameterError
from pkpd.solvers.canonical import AMOUNT, TIME, Canonical, Row
from pkpd.solvers.derivatives import partial

__all__ = ["AT_DOSE", "DoseMotion", "JumpVariant", "sensitivity_name", "with_sensitivities"]

AT_DOSE = "at a dose"
"""The input that is 1 while a dose is made, so that an event knows that the dose set it off."""


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
def with_sensitivities(model: Canonical, wrt: tuple[str, ...], motion: DoseMotion | None = None) -> Canonical:
    """Extend `model` by the derivatives of its states and outputs.

    Parameters
    ----------
    model
        States 0 to n - 1 of the result are its states, parameters, inputs, routes and
        outputs likewise.
    wrt
        The parameters.  A state stands for its value at time 0; a name the model does not
        have is a parameter of the doses alone.  The derivatives by the k-th are states
        ``(k + 1)*n`` to ``(k + 2)*n - 1``, and so for the outputs.
    motion
        How the doses depend on `wrt`; by default not at all.

    Notes
    -----
    Derivatives are taken branch by branch (`partial`): they are exact where a rate is
    continuous across its branches.  A rate that is itself discontinuous in a state or in a
    moving time is better written as an event or a dose.

    Raises
    ------
    ParameterError
        If an event can set off another event, or is set off by an input rate: its time
        then depends on the parameters in a way that is not followed.
    """
    return _Augmentation(model, wrt, motion or DoseMotion()).canonical()


class _Augmentation:
    """The expressions of an augmented model, one method for each kind of row."""

    def __init__(self, model: Canonical, wrt: tuple[str, ...], motion: DoseMotion) -> None:
        self.model, self.wrt, self.motion = model, wrt, motion
        n = len(model.y)
        self.y = (*model.y, *_more("y", n, n * len(wrt)))
        self.s = {name: self.y[n * k : n * (k + 1)] for k, name in enumerate(wrt, 1)}
        derivatives = [sensitivity_name(f"amount {j}", k) for j, v in enumerate(motion.variants) for k in v.amount]
        derivatives += [sensitivity_name(f"time {j}", k) for j, v in enumerate(motion.variants) for k in v.time]
        self.p = dict(zip(derivatives, _more("p", len(model.p), len(derivatives)), strict=True))
        inputs = [sensitivity_name(*level) for level in motion.levels]
        inputs += [AT_DOSE] if model.events and model.jump_routes else []
        self.u = dict(zip(inputs, _more("u", len(model.u), len(inputs)), strict=True))

    def canonical(self) -> Canonical:
        m, v = self.model, self.motion.variants
        return Canonical(
            name=m.name,
            states=self._names(m.states),
            parameters=(*m.parameters, *self.p),
            inputs=(*m.inputs, *self.u),
            jump_routes=(
                *m.jump_routes,
                *(f"shift {k}" for k in self.motion.shifts),
                *(f"{variant.route} {j}" for j, variant in enumerate(v)),
            ),
            output_names=self._names(m.output_names),
            y=self.y,
            p=(*m.p, *self.p.values()),
            u=(*m.u, *self.u.values()),
            rates=self._extended(m.rates),
            starts=(*m.starts, *(self._start(i, k) for k in self.wrt for i in range(len(m.y)))),
            outputs=self._extended(m.outputs),
            jumps=(
                *(self._extended(row) for row in m.jumps),
                *(self._shift(k) for k in self.motion.shifts),
                *(self._variant(j, variant) for j, variant in enumerate(v)),
            ),
            events=tuple((trigger, self._event(trigger, row)) for trigger, row in self._checked_events()),
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
        return tuple(new.get(y, y) for y in self.y)

    def _variant(self, number: int, variant: JumpVariant) -> Row:
        row = self.model.jumps[self.model.jump_routes.index(variant.route)]

        def more(e: sympy.Expr, k: str) -> sympy.Expr:
            by = (("amount", variant.amount, AMOUNT), ("time", variant.time, TIME))
            return sympy.Add(
                *(partial(e, x) * self.p[sensitivity_name(f"{what} {number}", k)] for what, ks, x in by if k in ks)
            )

        return (*row, *(self._total(e, k) + more(e, k) for k in self.wrt for e in row))

    def _event(self, trigger: sympy.Expr, row: Row) -> Row:
        m = self.model
        later = dict(zip(m.y, row, strict=True))
        drift = [self._along(e) - f.xreplace(later) for e, f in zip(row, m.rates, strict=True)]
        speed = self._along(trigger)
        rows = []
        for k in self.wrt:
            delay = -self._total(trigger, k) / speed
            for e, d in zip(row, drift, strict=True):
                rows.append(self._unless_at_dose(self._total(e, k), d * delay))
        return (*row, *rows)

    def _unless_at_dose(self, plain: sympy.Expr, moved: sympy.Expr) -> sympy.Expr:
        """An event that a dose sets off happens at the time of the dose, wherever its trigger stands."""
        if AT_DOSE not in self.u:
            return plain + moved
        return sympy.Piecewise((plain, self.u[AT_DOSE] > 0), (plain + moved, True))

    def _checked_events(self) -> Sequence[tuple[sympy.Expr, Row]]:
        m = self.model
        for i, (trigger, row) in enumerate(m.events):
            if trigger.free_symbols & set(m.u):
                raise ParameterError(
                    f"{m.name}: sensitivities through the event {self._said(trigger)} < 0 are not possible, because "
                    "an input rate can set it off; let its condition use states, parameters and the time."
                )
            changed = {y for y, e in zip(m.y, row, strict=True) if e != y}
            for j, (other, _) in enumerate(m.events):
                if i != j and (other == trigger or other.free_symbols & changed):
                    raise ParameterError(
                        f"{m.name}: sensitivities are not possible, because the event {self._said(trigger)} < 0 "
                        f"can set off the event {self._said(other)} < 0 at the same time."
                    )
        return m.events

    def _said(self, expression: sympy.Expr) -> str:
        names = dict(zip((*self.model.y, *self.model.p), (*self.model.states, *self.model.parameters), strict=True))
        return str(expression.xreplace({symbol: sympy.Symbol(name) for symbol, name in names.items()}))


def _more(letter: str, first: int, count: int) -> Row:
    return tuple(sympy.Symbol(f"{letter}_{i}", real=True) for i in range(first, first + count))
