"""Derivatives of periodic steady states, by the implicit function theorem.

The state y just before a dose solves P(y, p) = y, with P the dose and one interval after it.
So ``dy = (1 - P_y)^-1 P_p``, and both derivatives of P are those of one initial value problem,
along the states and along what the doses and parameters depend on.  What an interval keeps (a
total, or a state that only accumulates) changes as the starts do.

Source: Aprille TJ, Trick TN. Steady-state analysis of nonlinear circuits with periodic
inputs. Proc IEEE 60:108-114 (1972).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from pkpd.arrays import Array
from pkpd.solvers.accumulators import without_accumulators
from pkpd.solvers.directions import Directions, StopDirections
from pkpd.solvers.equations.controlled import ControlledSystem
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import System
from pkpd.solvers.fixed_points import fixed_point
from pkpd.solvers.repeated_dosing import RepeatedDosing, interval_problem, running, with_intervals
from pkpd.solvers.solve import solve
from pkpd.solvers.steady_states import SteadyStates
from pkpd.solvers.tangent_problems import tangent_problem

__all__ = ["DosingSlopes", "start_slopes", "steady_slopes"]


@dataclass(frozen=True)
class DosingSlopes:
    """The derivatives of a `RepeatedDosing` along K directions.

    Attributes
    ----------
    amount, rate, duration, interval
        (members, K).
    phase
        (members, K); where the phase is zero, that of the whole interval before, see
        `time_since_dose_slopes`.
    parameters
        (parameters, K).
    starts
        (states, members, K): of the states with which the search begins.
    sizes
        (K,): how far a change along each direction is natural, as of `Directions`.
    """

    amount: Array
    rate: Array
    duration: Array
    interval: Array
    phase: Array
    parameters: Array
    starts: Array
    sizes: Array

    def after_states(self, states: int) -> DosingSlopes:
        """The same with directions before its own along which no more than a state changes, one for each state."""

        def wider(table: Array) -> Array:
            return np.concatenate([np.zeros((*table.shape[:-1], states)), table], axis=-1)

        named = {name: wider(getattr(self, name)) for name in self.__dataclass_fields__}
        return DosingSlopes(**named)


def steady_slopes(
    model: ControlledSystem,
    dosings: RepeatedDosing,
    steady: SteadyStates,
    slopes: DosingSlopes,
    *,
    rtol: float,
    atol: Array,
    method: str = "auto",
) -> Array:
    """The derivatives of `steady`, which `steady_states` made of the same arguments.

    Returns
    -------
    numpy.ndarray
        (states, members, K); NaN where there is no steady state.
    """
    model, accuracy = without_accumulators(model), (max(1e-4 * rtol, 1e-13), 1e-4 * atol)
    states = len(slopes.starts)
    result = np.full(slopes.starts.shape, np.nan)
    good = np.flatnonzero(np.isfinite(steady.states).all(axis=0) & np.isfinite(steady.before).all(axis=0))
    if not len(good):
        return result
    dosings, slopes = with_intervals(model, dosings.take(good)), _of_members(slopes, good)
    before, scale = steady.before[:, good], steady.sizes[:, good]
    wide = replace(slopes.after_states(states), sizes=np.concatenate([scale.max(axis=1), slopes.sizes]))
    along = np.zeros((states, len(good), len(wide.sizes)))
    along[range(states), :, range(states)] = 1.0
    image = _mapped(model, dosings, before, along, dosings.interval, wide.interval, wide, (accuracy, method))
    kept = np.moveaxis(slopes.starts, 1, 0)
    changes = np.moveaxis(fixed_point(image[..., :states], image[..., states:], scale.T, kept), 0, 1)
    if dosings.phase.any() or (slopes.phase != slopes.interval).any():
        lasting = np.where(dosings.phase > 0, dosings.phase, dosings.interval)
        how = (accuracy, method)
        changes = np.moveaxis(_mapped(model, dosings, before, changes, lasting, slopes.phase, slopes, how), 0, 1)
    result[:, good] = changes
    return result


def _of_members(slopes: DosingSlopes, who: Any) -> DosingSlopes:
    own = {name: getattr(slopes, name)[who] for name in ("amount", "rate", "duration", "interval", "phase")}
    return replace(slopes, **own, starts=slopes.starts[:, who])


def _mapped(
    model: ControlledSystem,
    dosings: RepeatedDosing,
    before: Array,
    dbefore: Array,
    lasting: Array,
    dlasting: Array,
    slopes: DosingSlopes,
    how: tuple[tuple[float, Array], str],
) -> Array:
    """The derivatives, (members, states, K), of the states `lasting` after a dose that finds the states `before`."""
    accuracy, method = how
    problem = interval_problem(model, dosings, before, lasting, np.ones(1), accuracy, closed=True)
    members, K = dlasting.shape
    dparameters = np.broadcast_to(slopes.parameters[:, None], (len(slopes.parameters), members, K))
    directions = Directions(
        np.concatenate([dparameters, dlasting[None]]),
        dbefore,
        follow=False,
        stops=_stops(dosings, lasting, dlasting, slopes),
        sizes=slopes.sizes,
    )
    along = tangent_problem(problem, directions)
    return along.states(solve(along.problem, method, None)).first[:, 0]


def _stops(dosings: RepeatedDosing, lasting: Array, dlasting: Array, slopes: DosingSlopes) -> StopDirections:
    """How the stop of `interval_problem` and the rates before and after it change."""
    full, rest = (column[:, None] for column in running(dosings, closed=True))
    ends = (rest > 0) & (rest <= lasting[:, None]) & (dosings.amount <= 0)[:, None]
    drest = slopes.duration - full * slopes.interval
    unit = lasting[:, None]
    dtime = np.where(ends, drest / unit - rest / unit**2 * dlasting, 0.0)
    members, K = dlasting.shape
    dinput_values = np.zeros((members, 2, len(dosings.input_values), K))
    lasts = np.flatnonzero(dosings.slot >= 0)
    dinput_values[lasts, 0, dosings.slot[lasts]] = ((full + (rest > 0)) * slopes.rate)[lasts]
    dinput_values[lasts, 1, dosings.slot[lasts]] = (full * slopes.rate)[lasts]
    return StopDirections(dtime[:, None], slopes.amount[:, None], dinput_values)


# ---- where the search begins


def start_slopes(system: System, parameters: Array, dparameters: Array) -> Array:
    """The derivatives of the model's starts along directions, (states, members, K).

    Parameters
    ----------
    parameters, dparameters
        (parameters, members) and (parameters, K).
    """
    members, n = parameters.shape[1], len(system.states)
    moving = tuple(int(i) for i in np.flatnonzero(dparameters.any(axis=1)))
    if not moving:
        return np.zeros((n, members, dparameters.shape[1]))
    none = np.zeros((n, members))
    with np.errstate(all="ignore"):
        code = numpy_code(_start_derivatives(system, moving))
        slopes = code.outputs(np.zeros(members), none, parameters, np.zeros((len(system.inputs), members)))
    along: Array = np.einsum("inm,ik->nmk", slopes.reshape(len(moving), n, members), dparameters[list(moving)])
    return along


@lru_cache(maxsize=64)
def _start_derivatives(system: System, by: tuple[int, ...]) -> System:
    """`system` with the derivatives of its starts by some parameters as outputs."""
    slopes = tuple(sympy.diff(start, system.p[i]) for i in by for start in system.starts)
    return replace(system, output_names=("",) * len(slopes), outputs=slopes)
