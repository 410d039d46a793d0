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

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.accumulators import without_accumulators
from pkpd.solvers.equations.controlled import ControlledSystem, stretched
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.solve import solve

__all__ = ["RepeatedDosing", "SteadyStates", "slowest_times", "steady_states"]


NEWTON_STEPS = 12
REPEATED_DOSES = 500
PERTURBATION = 1e-4  # of a state, for a difference quotient
PROBES = 8  # times within an interval at which the size of a state is taken
BLOCK = 1 << 16  # members of one ensemble
SETTLED, UNKNOWN = -1, -2


@dataclass(frozen=True)
class RepeatedDosing:
    """Doses repeated forever, one dosing a member.

    Attributes
    ----------
    parameters
        (parameters, members).
    levels
        (inputs, members): the inputs apart from the doses.
    starts
        (states, members): where the search begins.
    state
        (members,): the state that is dosed, or -1 where a route takes the dose.
    jump, slot
        (members,): the number of the jump that a dose at once makes, and of the input that is
        the rate of one that lasts; -1 where there is none.
    amount, rate, duration
        (members,): what is added at once, and the rate and duration of an infusion.  An
        infinite duration is a constant infusion.
    interval
        (members,): the time between doses; not used for a constant infusion.
    phase
        (members,): the time since the last dose at which the steady state is wanted.
    """

    parameters: Array
    levels: Array
    starts: Array
    state: Index
    jump: Index
    slot: Index
    amount: Array
    rate: Array
    duration: Array
    interval: Array
    phase: Array

    def __len__(self) -> int:
        return len(self.state)

    def take(self, who: Any) -> RepeatedDosing:
        """The dosings of some members, in this order."""
        return RepeatedDosing(*(getattr(self, name)[..., who] for name in self.__dataclass_fields__))


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
    unsettled
        (members,): the number of the state that keeps such a member from settling, `SETTLED`
        where the steady state was found, and `UNKNOWN` where integration itself failed.
    """

    states: Array
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
    states, unsettled = np.full_like(dosings.starts, np.nan), np.full(len(dosings), SETTLED)
    accuracy, model = _Accuracy(rtol, atol, method), without_accumulators(model)
    block = max(BLOCK // (len(dosings.starts) + 1), 1)
    for first in range(0, len(dosings), block):
        who = slice(first, first + block)
        some = _with_intervals(model, dosings.take(who))
        before, good = _newton(model, some, accuracy)
        rest = np.flatnonzero(~good)
        if len(rest):
            before[:, rest], unsettled[who][rest] = _repeated(model, some.take(rest), accuracy)
        good = unsettled[who] == SETTLED
        later = np.flatnonzero(good & (some.phase > 0))
        if len(later):
            dosing = some.take(later)
            before[:, later] = _advanced(model, dosing, before[:, later], dosing.phase, accuracy)
            unsettled[who][later] = np.where(_everywhere(np.isfinite(before[:, later])), SETTLED, UNKNOWN)
        states[:, who] = np.where(unsettled[who] == SETTLED, before, np.nan)
    return SteadyStates(states, unsettled)


def slowest_times(model: ControlledSystem, dosings: RepeatedDosing) -> Array:
    """The longest time constant of the model where the search begins, (members,); infinite where there is none."""
    code, n = numpy_code(model.system), len(dosings.starts)
    with np.errstate(all="ignore"):
        flat = code.jacobian(np.zeros(len(dosings)), dosings.starts, dosings.parameters, _levels(dosings, dosings.rate))
    matrices = np.nan_to_num(flat.reshape(n, n, -1).transpose(2, 0, 1))
    speeds = np.abs(np.linalg.eigvals(matrices).real)
    slowest = np.where(speeds > 1e-9 * speeds.max(axis=1, keepdims=True), speeds, np.inf).min(axis=1)
    times: Array = np.where(np.isfinite(slowest) & (slowest > 0), 1 / slowest, np.inf)
    return times


def _with_intervals(model: ControlledSystem, dosings: RepeatedDosing) -> RepeatedDosing:
    """A constant infusion as a dosing of doses: any interval will do; the slowest time scale is a good one."""
    constant = np.isinf(dosings.duration)
    if not constant.any():
        return dosings
    times = slowest_times(model, dosings)
    interval = np.where(constant, np.where(np.isinf(times), 1.0, times), dosings.interval)
    return replace(dosings, interval=interval)


def _levels(dosings: RepeatedDosing, rate: Array) -> Array:
    levels, lasting = dosings.levels.copy(), np.flatnonzero(dosings.slot >= 0)
    levels[dosings.slot[lasting], lasting] += rate[lasting]
    return levels


def _advanced(
    model: ControlledSystem, dosings: RepeatedDosing, before: Array, lasting: Array, accuracy: _Accuracy
) -> Array:
    """The states `lasting` after a dose that finds the states `before` it; NaN where that fails."""
    return _trajectory(model, dosings, before, lasting, np.array([1.0]), accuracy)[:, 0]


def _trajectory(
    model: ControlledSystem, dosings: RepeatedDosing, before: Array, lasting: Array, times: Array, accuracy: _Accuracy
) -> Array:
    """The states at fractions of the time `lasting`, (states, times, members)."""
    full, rest = _running(dosings)
    constant = np.isinf(dosings.duration)
    ends = np.where(~constant & (rest > 0) & (rest < lasting), rest / lasting, np.inf)
    during = _levels(dosings, np.where(constant, dosings.rate, (full + (rest > 0)) * dosings.rate))
    after = _levels(dosings, np.where(constant, dosings.rate, full * dosings.rate))
    at_once = dosings.amount > 0
    problem = Problem(
        model=stretched(model.system),
        parameters=np.ascontiguousarray(np.vstack([dosings.parameters, lasting])),
        starts=np.ascontiguousarray(before),
        schedule=Schedule(
            np.where(at_once, 0.0, ends)[:, None],
            np.where(at_once, dosings.jump, -1)[:, None],
            dosings.amount[:, None],
            np.stack([during.T, after.T], axis=1),
        ),
        times=times,
        rtol=max(1e-4 * accuracy.rtol, 1e-13),
        atol=1e-4 * accuracy.atol,
    )
    return solve(problem, accuracy.method, None).states.transpose(2, 1, 0)


def _running(dosings: RepeatedDosing) -> tuple[Array, Array]:
    """How many infusions run throughout an interval, and how far into it one more lasts."""
    finite = np.where(np.isinf(dosings.duration), 0.0, dosings.duration)
    ratio = finite / dosings.interval
    full = np.where(np.abs(ratio - np.round(ratio)) < 1e-12 * ratio, np.round(ratio), np.floor(ratio))
    return full, np.maximum(finite - full * dosings.interval, 0.0)


def _everywhere(good: Any) -> Mask:
    """Whether all states of a member are good."""
    every: Mask = np.logical_and.reduce(good, axis=0)
    return every


def _newton(model: ControlledSystem, dosings: RepeatedDosing, accuracy: _Accuracy) -> tuple[Array, Mask]:
    """States before a dose that the period map returns, and where they were found."""
    y, settled = dosings.starts.copy(), np.zeros(len(dosings), dtype=bool)
    active = np.arange(len(dosings))
    scale = _sizes(model, dosings, accuracy)
    for _ in range(NEWTON_STEPS):
        some = dosings.take(active)
        image = _advanced(model, some, y[:, active], some.interval, accuracy)
        scale[:, active] = np.fmax(scale[:, active], np.abs(image))
        derivative = _derivative(model, some, y[:, active], image, scale[:, active], accuracy)
        step = _newton_step(derivative, image - y[:, active], scale[:, active])
        y[:, active] += step
        small = _everywhere(np.abs(step) <= accuracy.bound(y[:, active]))
        left = _everywhere(np.abs(image - y[:, active] + step) <= accuracy.bound(10 * scale[:, active]))
        good = small & left & _attracts(derivative)
        settled[active[good]] = True
        active = active[~small & _everywhere(np.isfinite(step))]
        if not len(active):
            break
    return y, settled


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


def _newton_step(derivative: Array, residual: Array, scale: Array) -> Array:
    """The Newton step, the shortest in units of the scale where it is not unique; (states, members)."""
    sizes = scale.T
    system = (derivative - np.eye(len(residual))) * sizes[:, None, :] / sizes[:, :, None]
    good = _everywhere(np.isfinite(system.reshape(len(system), -1).T)) & _everywhere(np.isfinite(residual))
    inverse = np.linalg.pinv(np.where(good[:, None, None], system, 0.0), rcond=1e-10)
    steps = -np.einsum("mij,mj->mi", inverse, (residual.T / sizes)) * sizes
    return np.where(good[:, None], steps, np.nan).T


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
