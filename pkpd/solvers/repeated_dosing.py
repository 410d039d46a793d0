"""Doses repeated for ever, and one interval of them as an initial value problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.equations.controlled import ControlledSystem, stretched
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.problem import Problem
from pkpd.solvers.rounding import SAME_TIME
from pkpd.solvers.schedule import Schedule

__all__ = [
    "RepeatedDosing",
    "interval_problem",
    "running",
    "short_intervals",
    "slowest_times",
    "time_since_dose",
    "time_since_dose_slopes",
    "with_intervals",
]

SHORTEST_INTERVAL = 1e-8  # of the slowest time constant: there a steady state has eight digits


@dataclass(frozen=True)
class RepeatedDosing:
    """Doses repeated forever, one dosing a member.

    Attributes
    ----------
    parameters
        (parameters, members).
    input_values
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
    input_values: Array
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

    @staticmethod
    def joined(parts: Sequence[RepeatedDosing]) -> RepeatedDosing:
        """All members of several parts, one part after another."""
        names = RepeatedDosing.__dataclass_fields__
        return RepeatedDosing(*(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in names))


def slowest_times(model: ControlledSystem, dosings: RepeatedDosing) -> Array:
    """The longest time constant of the model where the search begins, (members,); infinite where there is none."""
    code, n = numpy_code(model.system), len(dosings.starts)
    with np.errstate(all="ignore"):
        flat = code.jacobian(
            np.zeros(len(dosings)), dosings.starts, dosings.parameters, _input_values(dosings, dosings.rate)
        )
    matrices = np.nan_to_num(flat.reshape(n, n, -1).transpose(2, 0, 1))
    speeds = np.abs(np.linalg.eigvals(matrices).real)
    slowest = np.where(speeds > 1e-9 * speeds.max(axis=1, keepdims=True), speeds, np.inf).min(axis=1)
    times: Array = np.where(np.isfinite(slowest) & (slowest > 0), 1 / slowest, np.inf)
    return times


def short_intervals(model: ControlledSystem, dosings: RepeatedDosing) -> Mask:
    """Where doses are so close that double precision does not tell the states before one from those before the next."""
    times = slowest_times(model, dosings)
    short: Mask = (dosings.interval > 0) & np.isfinite(times) & (dosings.interval < SHORTEST_INTERVAL * times)
    return short


def with_intervals(model: ControlledSystem, dosings: RepeatedDosing) -> RepeatedDosing:
    """A constant infusion as a dosing of doses: any interval will do; the slowest time scale is a good one."""
    constant = np.isinf(dosings.duration)
    if not constant.any():
        return dosings
    times = slowest_times(model, dosings)
    interval = np.where(constant, np.where(np.isinf(times), 1.0, times), dosings.interval)
    return replace(dosings, interval=interval)


def time_since_dose(lag: Array, interval: Array) -> Array:
    """When a steady state is wanted at the time of a dose without its lag, the time since the last one arrived.

    Zero where the lag is a multiple of the interval, or there is no interval (a constant infusion).
    """
    with np.errstate(invalid="ignore"):
        late = np.where(interval > 0, np.mod(lag, interval), 0.0)
    whole = (late <= interval * SAME_TIME) | (late >= interval * (1 - SAME_TIME))
    return np.where(whole, 0.0, interval - late)


def time_since_dose_slopes(lag: Array, interval: Array, dlag: Array, dinterval: Array) -> Array:
    """The derivatives of `time_since_dose`, (members, K); where that is zero those of the whole interval before."""
    with np.errstate(invalid="ignore", divide="ignore"):
        passed = np.where(interval > 0, np.floor(lag / interval * (1 + SAME_TIME) + SAME_TIME), 0.0)
    return np.where(interval[:, None] > 0, (passed + 1)[:, None] * dinterval - dlag, 0.0)


# ---- one interval


def interval_problem(
    model: ControlledSystem,
    dosings: RepeatedDosing,
    before: Array,
    lasting: Array,
    times: Array,
    accuracy: tuple[float, Array],
    *,
    closed: bool = False,
) -> Problem:
    """A dose that finds the states `before` it, and the time `lasting` after it, as the unit of time.

    The one stop of each member is a dose at once, or the end of an infusion that began in an
    earlier interval or in this one; infusions that run throughout are in the inputs.

    Parameters
    ----------
    before, lasting
        (states, members) and (members,).
    times
        When to store, in fractions of `lasting`.
    accuracy
        The relative and absolute tolerance.
    closed
        Whether an infusion that ends with the interval has a stop at its end, rather than
        running throughout.
    """
    full, rest = running(dosings, closed=closed)
    ends = np.where((rest > 0) & ((rest <= lasting) if closed else (rest < lasting)), rest / lasting, np.inf)
    during = _input_values(dosings, (full + (rest > 0)) * dosings.rate)
    after = _input_values(dosings, full * dosings.rate)
    at_once = dosings.amount > 0
    return Problem(
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
        rtol=accuracy[0],
        atol=accuracy[1],
        before=not closed,
    )


def running(dosings: RepeatedDosing, *, closed: bool = False) -> tuple[Array, Array]:
    """How many infusions run throughout an interval, and how far into it one more lasts.

    A constant infusion is one that runs throughout.
    """
    constant = np.isinf(dosings.duration)
    finite = np.where(constant, 0.0, dosings.duration)
    ratio = finite / dosings.interval
    full = np.where(np.abs(ratio - np.round(ratio)) < 1e-12 * ratio, np.round(ratio), np.floor(ratio))
    rest = np.maximum(finite - full * dosings.interval, 0.0)
    if closed:
        whole = (rest == 0) & (full > 0)
        full, rest = np.where(whole, full - 1, full), np.where(whole, dosings.interval, rest)
    return np.where(constant, 1.0, full), rest


def _input_values(dosings: RepeatedDosing, rate: Array) -> Array:
    input_values, lasting = dosings.input_values.copy(), np.flatnonzero(dosings.slot >= 0)
    input_values[dosings.slot[lasting], lasting] += rate[lasting]
    return input_values
