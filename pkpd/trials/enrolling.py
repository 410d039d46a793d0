"""The patients of one replicate of a trial: who they are, when they come, and in which arm they are treated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.populations import population
from pkpd.ensembles.streams import uniforms
from pkpd.errors import SimulationError, unknown_name
from pkpd.measures.event_times import accrual
from pkpd.symbolic.hazards import hazards
from pkpd.symbolic.model import Model
from pkpd.trials.allocation import allocated, allocated_in_blocks
from pkpd.trials.splitting import Split
from pkpd.trials.trials import Trial
from pkpd.units import time_in

__all__ = ["Enrolled", "enrolled"]


@dataclass(frozen=True, eq=False)
class Enrolled:
    """The patients of one replicate; (patients,) for every array.

    Attributes
    ----------
    columns
        Their parameters by name.
    numbers
        Their numbers, which no other replicate has.
    day
        When each was enrolled, from the first day of the trial.
    followed
        For how many days each is followed.
    arm, stratum
        Numbers of the arm and the stratum.
    """

    columns: Mapping[str, Array]
    numbers: Index
    day: Array
    followed: Array
    arm: Index
    stratum: Index

    def followed_to(self, cutoff: float) -> Enrolled:
        """Those enrolled by a day of the trial, each followed up to it."""
        who = np.flatnonzero(self.day <= cutoff)
        columns = {name: column[who] for name, column in self.columns.items()}
        day = self.day[who]
        return Enrolled(columns, self.numbers[who], day, cutoff - day, self.arm[who], self.stratum[who])


def enrolled(trial: Trial, replicate: int, seed: int) -> Enrolled:
    """Enroll the patients of a replicate, whatever others are simulated.

    Raises
    ------
    SimulationError, UnknownNameError
        If the population is not one, or a stratum is by what it does not have.
    """
    n, first = trial.patients, replicate * trial.patients
    columns = _people(trial, n, first, seed)
    period = time_in(trial.accrual, "day", "accrual")
    day = accrual(n, period, seed, first=first)
    stratum = _strata(trial.model, trial.strata, columns, n)
    stream = f"allocation of replicate {replicate}"
    if trial.strata:
        arm = allocated_in_blocks(trial.weights, stratum, day, seed, stream)
    else:
        arm = allocated(trial.weights, n, seed, stream)
    followed = period + time_in(trial.follow_up, "day", "follow_up") - day
    return Enrolled(columns, first + np.arange(n), day, followed, arm, stratum)


def _people(trial: Trial, n: int, first: int, seed: int) -> dict[str, Array]:
    chances = {f"u_{name}": uniforms(seed, f"u_{name}", n, first) for name in hazards(trial.model)}
    who = trial.population
    if callable(who):
        people = who(n, seed, first)
        if not isinstance(people, Ensemble) or len(people) != n:
            raise SimulationError(f"population({n}, {seed}, {first}) gave {people!r}; expected an Ensemble of {n}.")
    elif isinstance(who, Ensemble):
        people = who.take(np.floor(uniforms(seed, "patients", n, first) * len(who)).astype(np.int64))
    elif who is None and not _varies(trial.model):
        return chances
    else:
        people = population(trial.model, n, seed, variability=who, first=first)
    return {name: np.asarray(people[name]) for name in people.columns} | chances


def _varies(model: Model) -> bool:
    return any(getattr(symbol.declaration, "iiv", None) for symbol in model.settable)


def _strata(model: Model, splits: tuple[Split, ...], columns: Mapping[str, Any], n: int) -> Index:
    """The number of each patient's stratum: every combination of classes is one."""
    stratum = np.zeros(n, dtype=np.int64)
    for split in splits:
        if split.of not in columns:
            raise unknown_name(f"the population of {model.name}", "parameter that varies", split.of, columns)
        stratum = stratum * (len(split.labels) + 1) + split.codes(columns[split.of]) + 1
    return stratum
