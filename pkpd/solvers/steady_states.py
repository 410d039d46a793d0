"""Periodic steady states: what repeated doses lead to, found without repeating them.

The state just before a dose, y, is steady if the period map P (the dose, then one
interval) returns it: P(y) = y.  Newton's method on P(y) - y takes the derivative of P
from differences, all of them members of one ensemble; for a linear system the first step
is exact.  A steady state that repeated doses would not reach (the derivative of P has an
eigenvalue outside the unit circle) does not count, and where Newton fails the doses are
repeated.

A state that only accumulates, such as an area under a curve, has no part in this: nothing
depends on it, nor does its own rate.  It is left at its start, unless it is dosed itself.

Source: Aprille TJ, Trick TN. Steady-state analysis of nonlinear circuits with periodic
inputs. Proc IEEE 60:108-114 (1972).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.accumulators import without_accumulators
from pkpd.solvers.equations.controlled import ControlledSystem
from pkpd.solvers.fixed_points import fixed_point
from pkpd.solvers.repeated_dosing import RepeatedDosing, interval_problem, with_intervals
from pkpd.solvers.solve import solve

__all__ = ["SETTLED", "SteadyStates", "steady_states"]


NEWTON_STEPS = 12
REPEATED_DOSES = 500
PERTURBATION = 1e-4  # of a state, for a difference quotient
PROBES = 8  # times within an interval at which the size of a state is taken
BLOCK = 1 << 16  # members of one ensemble
SETTLED, UNKNOWN = -1, -2
DRIFT = 1e-3  # of the size of a state in its first interval, that an interval may change a steady state by
NOISE = 3e-11  # of a steady state, that it changes by for the error of integration


@dataclass(frozen=True)
class _Accuracy:
    """How exact a steady state is wanted, and the integrator; integration is tighter by four digits."""

    rtol: float
    atol: Array
    method: str

    def bound(self, size: Array) -> Array:
        """The error allowed for states of this size, (states, members)."""
        return self.rtol * np.abs(size) + self.atol[:, None]


@dataclass(frozen=True)
class SteadyStates:
    """The steady state of each dosing at its phase.

    Attributes
    ----------
    states
        (states, members); NaN where there is no steady state that repeated doses reach.
    before
        (states, members): the same just before a dose.
    sizes
        (states, members): how large each state gets within an interval.
    unsettled
        (members,): the number of the state that keeps such a member from settling, `SETTLED`
        where the steady state was found, and `UNKNOWN` where integration itself failed.
    """

    states: Array
    before: Array
    sizes: Array
    unsettled: Index


def steady_states(
    model: ControlledSystem, dosings: RepeatedDosing, *, rtol: float, atol: Array, method: str = "auto"
) -> SteadyStates:
    """The steady state of each dosing at its phase, and what does not settle where there is none.

    Parameters
    ----------
    model
        Its rates must not depend on time, apart from slopes of covariates that are zero.
    dosings
        The doses.
    rtol, atol
        The relative and absolute tolerance of the steady state, (states,); integration
        is tighter by four digits.
    method
        The integrator.
    """
    states, unsettled = np.full((3, *dosings.starts.shape), np.nan), np.full(len(dosings), SETTLED)
    accuracy, model = _Accuracy(rtol, atol, method), without_accumulators(model)
    block = max(BLOCK // (len(dosings.starts) + 1), 1)
    for first in range(0, len(dosings), block):
        who = slice(first, first + block)
        some = with_intervals(model, dosings.take(who))
        before, sizes, good = _newton(model, some, accuracy)
        rest = np.flatnonzero(~good)
        if len(rest):
            before[:, rest], unsettled[who][rest] = _repeated(model, some.take(rest), accuracy)
        now, later = before.copy(), np.flatnonzero((unsettled[who] == SETTLED) & (some.phase > 0))
        if len(later):
            dosing = some.take(later)
            now[:, later] = _advanced(model, dosing, before[:, later], dosing.phase, accuracy)
            unsettled[who][later] = np.where(_everywhere(np.isfinite(now[:, later])), SETTLED, UNKNOWN)
        states[:, :, who] = np.where(unsettled[who] == SETTLED, [now, before, sizes], np.nan)
    return SteadyStates(states[0], states[1], states[2], unsettled)


def _advanced(
    model: ControlledSystem, dosings: RepeatedDosing, before: Array, lasting: Array, accuracy: _Accuracy
) -> Array:
    """The states `lasting` after a dose that finds the states `before` it; NaN where that fails."""
    return _trajectory(model, dosings, before, lasting, np.array([1.0]), accuracy)[:, 0]


def _trajectory(
    model: ControlledSystem, dosings: RepeatedDosing, before: Array, lasting: Array, times: Array, accuracy: _Accuracy
) -> Array:
    """The states at fractions of the time `lasting`, (states, times, members)."""
    tight = (max(1e-4 * accuracy.rtol, 1e-13), 1e-4 * accuracy.atol)
    problem = interval_problem(model, dosings, before, lasting, times, tight)
    return solve(problem, accuracy.method, None).states.transpose(2, 1, 0)


def _everywhere(good: Any) -> Mask:
    """Whether all states of a member are good."""
    every: Mask = np.logical_and.reduce(good, axis=0)
    return every


def _newton(model: ControlledSystem, dosings: RepeatedDosing, accuracy: _Accuracy) -> tuple[Array, Array, Mask]:
    """States before a dose that the period map returns, how large they get, and where they were found."""
    y, settled = dosings.starts.copy(), np.zeros(len(dosings), dtype=bool)
    active = np.arange(len(dosings))
    scale = _sizes(model, dosings, accuracy)
    first = scale.copy()
    for _ in range(NEWTON_STEPS):
        some = dosings.take(active)
        image = _advanced(model, some, y[:, active], some.interval, accuracy)
        scale[:, active] = np.fmax(scale[:, active], np.abs(image))
        derivative = _derivative(model, some, y[:, active], image, scale[:, active], accuracy)
        step = fixed_point(derivative, (image - y[:, active]).T[..., None], scale[:, active].T)[..., 0].T
        y[:, active] += step
        small = _everywhere(np.abs(step) <= accuracy.bound(y[:, active]))
        drift = np.abs(image - y[:, active] + step)
        left = _everywhere(drift <= accuracy.bound(10 * scale[:, active]))
        # Where elimination is saturated Newton runs off to where any drift is small against the state.
        left &= _everywhere(drift <= DRIFT * first[:, active] + NOISE * np.abs(y[:, active]))
        good = small & left & _attracts(derivative)
        settled[active[good]] = True
        active = active[~small & _everywhere(np.isfinite(step))]
        if not len(active):
            break
    return y, scale, settled


def _sizes(model: ControlledSystem, dosings: RepeatedDosing, accuracy: _Accuracy) -> Array:
    """How large each state gets in the first interval: the unit of a difference, (states, members)."""
    times = np.linspace(0.0, 1.0, PROBES + 1)[1:]
    path = _trajectory(model, dosings, dosings.starts, dosings.interval, times, accuracy)
    sizes = np.fmax(np.abs(dosings.starts), np.fmax.reduce(np.abs(path), axis=1))
    dosed = np.arange(len(sizes))[:, None] == dosings.state
    return np.fmax(np.maximum(sizes, accuracy.atol[:, None]), np.where(dosed, dosings.amount, 0.0))


def _derivative(
    model: ControlledSystem, dosings: RepeatedDosing, y: Array, image: Array, scale: Array, accuracy: _Accuracy
) -> Array:
    """The derivative of the period map, (members, states, states), from differences in one ensemble."""
    n, members = y.shape
    steps = PERTURBATION * scale
    moved = np.tile(y, n)
    for j in range(n):
        moved[j, j * members : (j + 1) * members] += steps[j]
    every = dosings.take(np.tile(np.arange(members), n))
    images = _advanced(model, every, moved, every.interval, accuracy)
    quotients = (images.reshape(n, n, members) - image[:, None, :]) / steps[None, :, :]
    return np.ascontiguousarray(quotients.transpose(2, 0, 1))


def _attracts(derivative: Array) -> Mask:
    good = _everywhere(np.isfinite(derivative.reshape(len(derivative), -1).T))
    growth = np.abs(np.linalg.eigvals(np.where(good[:, None, None], derivative, 0.0))).max(axis=1)
    attracts: Mask = good & (growth <= 1 + 1e-6)
    return attracts


def _repeated(model: ControlledSystem, dosings: RepeatedDosing, accuracy: _Accuracy) -> tuple[Array, Index]:
    """The states that doses repeated from the starts settle to, and what does not settle; see `SteadyStates`."""
    y, unsettled = dosings.starts.copy(), np.full(len(dosings), UNKNOWN)
    change = np.full_like(y, np.inf)
    active = np.arange(len(dosings))
    for _ in range(REPEATED_DOSES):
        some = dosings.take(active)
        image = _advanced(model, some, y[:, active], some.interval, accuracy)
        # What is left of a change that shrinks by a factor each time is a geometric sum.
        with np.errstate(all="ignore"):
            last, change[:, active] = change[:, active], np.abs(image - y[:, active])
            factor = np.where(last > 0, change[:, active] / last, 0.0)
            left = np.where(factor < 1, change[:, active] * factor / (1 - factor), np.inf)
            bound = accuracy.bound(image)
            furthest = _furthest(change[:, active] / bound, left / bound)
        y[:, active] = image
        finite = _everywhere(np.isfinite(image))
        unsettled[active[finite]] = furthest[finite]
        active = active[finite & (furthest != SETTLED)]
        if not len(active):
            break
    return y, unsettled


def _furthest(change: Array, left: Array) -> Index:
    """The state that is furthest from settling, by its last change and what is left, in units of the bound."""
    excess = np.fmax(left, change * 0.1)
    settled = _everywhere(excess <= 1)
    # Among those whose changes do not shrink it is the one that changes most, not one at the rounding of its digits.
    furthest = np.where(np.isinf(left).any(axis=0), np.argmax(change, axis=0), np.argmax(excess, axis=0))
    worst: Index = np.where(settled, SETTLED, furthest)
    return worst
