"""The doses of one cycle of each therapy of a protocol, as numbers for each patient."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from pkpd.arrays import Array, Index
from pkpd.errors import RegimenError, unknown_name
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.regimens import RegimenProblems
from pkpd.symbolic.model import Model
from pkpd.treatment.protocols import Protocol
from pkpd.treatment.regimens import Regimen
from pkpd.treatment.therapies import Therapy
from pkpd.treatment.timed_doses import DoseFunction, dose_function
from pkpd.units import time_in

__all__ = ["Cycle", "CycleRule", "cycle_rule", "dosing_of"]


@dataclass(frozen=True, eq=False)
class Cycle:
    """One cycle of a therapy.

    Attributes
    ----------
    routes
        (doses,): in the order in which they are given.
    lesion
        (doses,): the number of the lesion that a dose is for, -1 where it is for the patient.
    offset, lag, amount, duration
        (patients or 1, doses): days from the first day of the cycle, days until a dose arrives,
        its amount, and how long it lasts (NaN where it is given at once).
    every, longest
        The length of a cycle, and the time from the first after which none begins; infinite
        where there is none.
    most
        The most cycles.
    """

    name: str
    routes: tuple[str, ...]
    lesion: Index
    offset: Array
    lag: Array
    amount: Array
    duration: Array
    every: float
    longest: float
    most: float

    @property
    def doses(self) -> int:
        return len(self.routes)

    def at(self, table: Array, patients: Index, dose: Index) -> Array:
        """The numbers of `table` for these patients and these doses of theirs."""
        numbers: Array = table[patients if len(table) > 1 else 0, dose]
        return numbers


def dosing_of(protocol: Protocol, lesions: Sequence[str]) -> Regimen:
    """All doses of one cycle of each therapy, to prepare a model with.

    Raises
    ------
    UnknownNameError
        If a therapy is for a lesion that is not there.
    """
    every = [_of_therapy(name, therapy, lesions)[0] for name, therapy in protocol.therapies.items()]
    return Regimen(tuple(dose for regimen in every for dose in regimen.doses))


def _of_therapy(name: str, therapy: Therapy, lesions: Sequence[str]) -> tuple[Regimen, Index]:
    """The doses of a cycle and the lesion of each: where it has lesions, for each of them by its route."""
    if not therapy.lesions:
        return therapy.doses, np.full(len(therapy.doses.doses), -1)
    for lesion in therapy.lesions:
        if lesion not in lesions:
            raise unknown_name(f"the therapy {name!r}", "lesion", lesion, lesions)
    doses = [
        (dataclasses.replace(dose, route=route), lesions.index(lesion))
        for dose in therapy.doses.doses
        for lesion, route in therapy.lesions.items()
    ]
    return Regimen(tuple(dose for dose, _ in doses)), np.array([number for _, number in doses])


@dataclass(frozen=True, eq=False)
class CycleRule:
    """From values of parameters to the cycles of a protocol; see `cycle_rule`."""

    protocol: Protocol
    lesions: tuple[str, ...]
    problems: RegimenProblems
    arriving: DoseFunction

    def __call__(self, values: ParameterValues) -> tuple[Cycle, ...]:
        """The cycles of all therapies, in their order.

        Raises
        ------
        RegimenError
            If the doses of a cycle reach into the next.
        """
        numbers, function = self.problems.by_name(values), self.problems.doses[0]
        timed = function(numbers, values.members)
        lags = self.arriving.table(numbers, values.members)[0]
        whole = (timed.times - lags, lags, timed.amounts, timed.durations)
        cycles, first, unit = list[Cycle](), 0, self.problems.known.model.time
        for name, therapy in self.protocol.therapies.items():
            own, lesion = _of_therapy(name, therapy, self.lesions)
            place = slice(first, first + len(own.doses))
            first = place.stop
            parts = [table[:, place] for table in whole]
            cycles.append(_ordered(name, therapy, unit, function.routes[place], lesion, parts))
        return tuple(cycles)


def cycle_rule(protocol: Protocol, lesions: Sequence[str], prepared: Prepared) -> CycleRule:
    """Settle the cycles of `protocol`; `prepared` is with what `dosing_of` gave."""
    problems = prepared.problems
    assert isinstance(problems, RegimenProblems)
    return CycleRule(protocol, tuple(lesions), problems, _arriving(prepared.model, problems.regimens[0]))


def _arriving(model: Model, regimen: Regimen) -> DoseFunction:
    """The same doses all at time 0, so that their times are their lags."""
    return dose_function(model, Regimen(tuple(dataclasses.replace(d, time=sympy.S.Zero) for d in regimen.doses)))


def _ordered(
    name: str, therapy: Therapy, unit: str, routes: Sequence[str], lesion: Index, parts: Sequence[Array]
) -> Cycle:
    order = np.argsort(parts[0][0], kind="stable")
    offset, lag, amount, duration = (table[:, order] for table in parts)
    every = math.inf if therapy.every is None else time_in(therapy.every, unit, f"every of {name!r}")
    longest = math.inf if therapy.duration is None else time_in(therapy.duration, unit, f"duration of {name!r}")
    if (np.diff(offset, axis=1) < 0).any():
        raise RegimenError(f"the doses of a cycle of {name!r} are in an order that depends on the patient.")
    if (offset >= every).any():
        raise RegimenError(f"a dose of {name!r} is {offset.max():g} into its cycle; expected less than {every:g}.")
    most = math.inf if therapy.every is not None and therapy.cycles is None else float(therapy.cycles or 1)
    return Cycle(
        name, tuple(routes[i] for i in order), lesion[order], offset, lag, amount, duration, every, longest, most
    )  # fmt: skip
