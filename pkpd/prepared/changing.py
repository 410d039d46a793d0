"""Parameters that change in time under a regimen: inputs that are set at stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError, RegimenError, unknown_name
from pkpd.prepared.parameters import KnownParameters
from pkpd.solvers.clock_stops import with_stops
from pkpd.solvers.directions import StopDirections, no_change
from pkpd.solvers.equations.controlled import controlled
from pkpd.solvers.equations.system import System
from pkpd.solvers.rounding import snapped
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.timelines import Stops, joined
from pkpd.treatment.over_time import OverTime

__all__ = ["ChangingParameters", "changing_parameters"]


@dataclass(frozen=True, eq=False)
class ChangingParameters:
    """The parameters that change, and the inputs that hold them.

    Attributes
    ----------
    system
        Its inputs are those of the system without changing parameters, then a value and a slope of each.
    table
        By the number of the parameter: the input of its value, that of its slope, and its course.
    inputs
        How many inputs the system had before.
    """

    system: System
    table: Mapping[int, tuple[int, int, OverTime]]
    inputs: int

    def members(self) -> int | None:
        """How many members have courses of their own; None where one serves all."""
        if not self.table:
            return None
        own = {len(course.values) for _, _, course in self.table.values() if course.values.ndim == 2}
        if len(own) > 1:
            raise ParameterError(f"covariates= has values for {' and for '.join(map(str, sorted(own)))} members.")
        return own.pop() if own else None

    def starts(self, parameters: Array) -> Array:
        """`parameters`, (parameters, members), with the values at time 0 of those that change."""
        if not self.table:
            return parameters
        changed = parameters.copy()
        for number, (_, _, course) in self.table.items():
            changed[number] = course.values[..., 0]
        return changed

    def joined(
        self, schedule: Schedule, along: StopDirections | None, times: Array, arms: int
    ) -> tuple[Schedule, StopDirections]:
        """`schedule`, whose rows are those of all arms, with the changes; they follow no direction."""
        if not self.table:
            return schedule, no_change(schedule) if along is None else along
        members = self.members() or 1
        parts = [_stops(course, slot, slope, times, members) for slot, slope, course in self.table.values()]
        stops = joined(parts)
        initial = np.empty((2 * len(self.table), members))
        for slot, slope, course in self.table.values():
            initial[slot - self.inputs] = course.values[..., 0]
            initial[slope - self.inputs] = course.slopes[..., 0]
        if members > 1 and arms > 1:
            stops = joined([_of_arm(stops, arm * members) for arm in range(arms)])
            initial = np.tile(initial, arms)
        return with_stops(schedule, stops, initial, along)


def _of_arm(stops: Stops, first: int) -> Stops:
    return replace(stops, member=stops.member + first)


def _stops(course: OverTime, slot: int, slope: int, times: Array, members: int) -> Stops:
    """Where the value and the slope of one parameter change: before the doses of that time."""
    moments = snapped(course.times[1:], times)
    shape = (members, len(moments))
    member = np.repeat(np.arange(members), len(moments))
    time, rank = np.tile(moments, members), np.full(member.shape, -0.5)
    slopes = course.slopes
    value = course.values - slopes * course.times  # as a line through time 0
    parts = []
    for number, column in ((slot, value), (slope, slopes)):
        change = np.broadcast_to(column[..., 1:], shape).ravel()
        parts.append(Stops.at(member, time, rank, slot=number, change=change))
    return joined(parts)


def changing_parameters(
    known: KnownParameters, system: System, covariates: Mapping[str, Any] | None, doses: frozenset[str]
) -> ChangingParameters:
    """Put inputs in the place of the parameters that change in time.

    Parameters
    ----------
    doses
        The parameters that doses use, which cannot change.

    Raises
    ------
    ParameterError, UnknownNameError, RegimenError
        If one is unknown, no course in time, or used by a dose.
    """
    if not covariates:
        return ChangingParameters(system, {}, len(system.inputs))
    if not isinstance(covariates, Mapping):
        raise ParameterError(f"covariates is {covariates!r}; expected {{parameter: over_time(times, values)}}.")
    names = [s.name for s in known.model.settable]
    for name, course in covariates.items():
        if name not in names:
            raise unknown_name(known.model.name, "parameter", str(name), names)
        if not isinstance(course, OverTime):
            raise ParameterError(f"covariates[{name!r}] is {course!r}; expected over_time(times, values).")
        if name in doses:
            raise RegimenError(
                f"parameter {name!r} changes in time, and a dose uses it; write that dose with numbers of its own."
            )
    held = controlled(system, covariates=[names.index(name) for name in covariates], sloped=True, shifted=False)
    table = {i: (*held.covariate[i], covariates[names[i]]) for i in held.covariate}
    return ChangingParameters(held.system, table, len(system.inputs))
