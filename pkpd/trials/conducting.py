"""One replicate of a trial, patient by patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.ensembles.streams import check_counts, check_seed
from pkpd.errors import ParameterError, SimulationError, unknown_name
from pkpd.measures.recist import recist
from pkpd.measures.response_codes import NOT_ASSESSED, response_attrs
from pkpd.trials.enrolling import Enrolled, enrolled
from pkpd.trials.settling import SettledProtocol, settled_protocol
from pkpd.trials.treated import Treated
from pkpd.trials.trials import Trial
from pkpd.units import time_in

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SettledTrial", "settled_trial", "simulate_trial", "treat_trial"]

JUST_AFTER = 1e-6
"""In days, from the event to the cutoff: integrated to another end, it comes at the same time but for rounding."""

DAYS = {
    "entry": "day of entry into the trial, from the model's start",
    "enrolled": "day of enrollment, from the first day of the trial",
    "followed": "from entry to the data cutoff",
    "left": "last day under observation, from entry",
    "pfs_day": "progression-free survival",
    "os_day": "overall survival",
    "progression_day": "day of first progression, from entry",
    "response_day": "first day of the response, from entry",
    "response_duration": "duration of response",
}
OTHERS = {
    "status": ("1", "how the integration went, 0 for well"),
    "pfs_event": ("1", "progression or death"),
    "os_event": ("1", "death"),
    "response_ended": ("1", "end of response seen"),
    "best_change": ("%", "best change in sum of diameters"),
    "baseline_sum": ("mm", "sum of diameters of target lesions at baseline"),
    "stopped_for_toxicity": ("1", "a therapy was stopped by a rule on a measurement or an event"),
    "stratum": ("1", "number of the stratum of allocation"),
}
FROM_RECIST = (
    "best_response", "best_change", "response_day", "response_duration", "response_ended", "progression_day", "pfs_day",
    "pfs_event",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SettledTrial:
    """A trial with its arms settled, for any replicate."""

    trial: Trial
    arms: Mapping[str, SettledProtocol]

    @property
    def per_day(self) -> float:
        """A day in the model's unit of time."""
        return time_in("1 day", self.trial.model.time, "a day")

    def _treated(self, people: Enrolled, arm: str, who: Index, seed: int) -> Treated:
        """What the treatment of the patients of one arm came to."""
        settled = self.arms[arm]
        values = settled.prepared.values_of({name: column[who] for name, column in people.columns.items()})
        if values.members != len(who):  # nothing varies
            values = values.take(np.zeros(len(who), dtype=np.int64))
        return settled.treat(values, people.numbers[who], people.followed[who] * self.per_day, seed)

    def patients(self, replicate: int, seed: int) -> xr.Dataset:
        """A replicate, patient by patient; see `simulate_trial`."""
        return self._followed(self.enrolled(replicate, seed), replicate, seed)

    def enrolled(self, replicate: int, seed: int) -> Enrolled:
        """The patients of a replicate, followed up to its data cutoff."""
        people = enrolled(self.trial, replicate, seed)
        if self.trial.events_at_cutoff is None:
            return people
        cutoff = _day_of_event(self._followed(people, replicate, seed), *self.trial.events_at_cutoff)
        if not np.isfinite(cutoff):
            return people
        return people.followed_to(cutoff + JUST_AFTER)

    def arms_of(self, people: Enrolled, seed: int) -> Iterator[tuple[str, Index, Treated]]:
        """Each arm that has patients: its name, who they are, and what their treatment came to."""
        for number, arm in enumerate(self.arms):
            who = np.flatnonzero(people.arm == number)
            if who.size:
                yield arm, who, self._treated(people, arm, who, seed)

    def _followed(self, people: Enrolled, replicate: int, seed: int) -> xr.Dataset:
        """The patients as long as each is followed."""
        columns = _empty(self.trial, len(people.arm))
        therapies = list(dict.fromkeys(name for protocol in self.trial.arms.values() for name in protocol.therapies))
        doses = np.zeros((len(people.arm), len(therapies)), dtype=np.int64)
        for _, who, treated in self.arms_of(people, seed):
            for name, values in _of_patients(self.trial, treated).items():
                columns[name][who] = values
            counts = treated.dose_counts
            for name, own in zip(treated.therapies, counts.T, strict=True):
                doses[who, therapies.index(name)] = own
        columns |= {"enrolled": people.day, "followed": people.followed, "stratum": people.stratum}
        return _labelled(self.trial, people, columns, doses, therapies, {"seed": seed, "replicate": replicate})


def _day_of_event(patients: xr.Dataset, kind: str, number: int) -> float:
    """The day of the trial on which so many had an event; infinite where there were not as many."""
    seen = patients[f"{kind}_event"].to_numpy() == 1
    days = np.sort((patients["enrolled"] + patients[f"{kind}_day"]).to_numpy()[seen])
    return float(days[number - 1]) if len(days) >= number else np.inf


def settled_trial(trial: Trial) -> SettledTrial:
    """Settle the arms of a trial.

    Raises
    ------
    SimulationError, UnknownNameError, RegimenError
        If a protocol does not fit the model.
    """
    if not isinstance(trial, Trial):
        raise SimulationError(f"got {trial!r} as the trial; expected pkpd.Trial(...).")
    known = {s.name for s in trial.model.settable}
    for name in trial.biomarkers:
        if name not in known:
            raise unknown_name(trial.model.name, "parameter", name, known)
    leaving = tuple(dict.fromkeys([*([] if trial.death is None else [trial.death]), *trial.leaving]))
    arms = {
        name: settled_protocol(
            trial.model,
            protocol,
            imaging=trial.imaging,
            leaving=leaving,
            watched=trial.events,
            solver=trial.solver,
        )
        for name, protocol in trial.arms.items()
    }
    return SettledTrial(trial, arms)


def simulate_trial(trial: Trial, seed: int, *, replicate: int = 0) -> xr.Dataset:
    """Simulate one replicate of a trial, patient by patient.

    Parameters
    ----------
    trial
        The trial.
    seed
        Of all that is drawn: patients, enrollment, allocation, starts, events, errors of scans.
    replicate
        The number of the replicate; `replicate_trial` with this seed has the same patients in it.

    Returns
    -------
    xarray.Dataset
        Over ``patient``, of whom those are left out who would have been enrolled after a cutoff at
        a number of events: ``arm`` (a coordinate), ``os_day`` and ``os_event``, ``pfs_day`` and
        ``pfs_event`` by RECIST 1.1, ``best_response``, ``best_change``, ``response_duration`` and
        the others of `recist`, all from entry; ``day_of_`` and the name of each event, NaN
        where it was not seen; ``doses`` by ``therapy``; ``stopped_for_toxicity``; biomarkers and
        ``baseline_sum``; ``status`` of the integration, where all else is NaN if it failed.
        `kaplan_meier` and `subgroup_hazard_ratios` take its columns.

    Raises
    ------
    SimulationError, UnknownNameError, RegimenError, ParameterError
        If the trial does not fit its model.

    Examples
    --------
    Two equal arms, patients who differ in how fast their tumors grow:

    >>> import pkpd
    >>> V, h0 = pkpd.state("V", "mL", "tumor volume", start=10), pkpd.param("h0", 1e-4, "1/day/mL", "hazard")
    >>> growing = pkpd.Model("growing", {V: pkpd.param("kg", 0.005, "1/day", "growth", iiv=0.3) * V})
    >>> model = pkpd.time_to_event(growing, "death", h0 * V)
    >>> arms = {"a": pkpd.Protocol({}), "b": pkpd.Protocol({})}
    >>> trial = pkpd.Trial(model, arms, patients=100, accrual=90, follow_up=365, death="death", biomarkers="kg")
    >>> patients = pkpd.simulate_trial(trial, seed=1)
    >>> patients.sizes["patient"], patients.attrs["control"], bool(patients["os_event"].any())
    (100, 'b', True)
    """
    check_seed(seed)
    _check_replicate(replicate)
    return settled_trial(trial).patients(int(replicate), seed)


def treat_trial(trial: Trial, seed: int, *, replicate: int = 0) -> dict[str, Treated]:
    """Simulate one replicate of a trial, arm by arm, with all that was given, decided and scanned.

    Parameters
    ----------
    trial, seed, replicate
        As for `simulate_trial`, whose patients these are.

    Returns
    -------
    dict
        By arm what `treat` returns: the table of doses, the decisions, and the scans that `recist`
        and the figures of responses take.

    Raises
    ------
    SimulationError, UnknownNameError, RegimenError, ParameterError
        If the trial does not fit its model.

    Examples
    --------
    >>> import pkpd
    >>> drug = pkpd.Protocol({"drug": pkpd.therapy(pkpd.bolus(100, "iv"), every=7)})
    >>> trial = pkpd.Trial(pkpd.load("pk_1cmt"), {"drug": drug, "none": pkpd.Protocol({})}, patients=10, follow_up=20)
    >>> len(pkpd.treat_trial(trial, seed=1)["drug"].doses)
    15
    """
    check_seed(seed)
    _check_replicate(replicate)
    settled = settled_trial(trial)
    people = settled.enrolled(int(replicate), seed)
    return {arm: treated for arm, _, treated in settled.arms_of(people, seed)}


def _check_replicate(replicate: Any) -> None:
    try:
        check_counts("simulate_trial", 1, replicate)
    except ParameterError:
        raise ParameterError(f"replicate is {replicate!r}; expected a whole number of 0 or more.") from None


def _empty(trial: Trial, n: int) -> dict[str, Any]:
    """Columns by patient, to be filled arm by arm."""
    names = ["entry", "left", *(f"day_of_{event}" for event in trial.events)]
    names += ["os_day", "os_event"] if trial.death is not None else []
    names += [*FROM_RECIST, "baseline_sum"] if trial.imaging is not None else []
    columns: dict[str, Any] = {name: np.full(n, np.nan) for name in names}
    columns |= {"status": np.zeros(n, dtype=np.int64), "stopped_for_toxicity": np.zeros(n, dtype=bool)}
    if trial.imaging is not None:
        columns["best_response"] = np.full(n, NOT_ASSESSED, dtype=np.int8)
    return columns


def _of_patients(trial: Trial, treated: Treated) -> dict[str, Any]:
    """What became of the patients of an arm, in days from entry; NaN for who did not enter or failed."""
    entry = np.where(np.isfinite(treated.entry), treated.entry, np.nan)
    lost = np.isnan(entry) | (treated.status != 0)
    left = np.where(lost, np.nan, treated.left - entry)
    columns: dict[str, Any] = {f"day_of_{event}": treated.day_of(event) - entry for event in trial.events}
    columns |= {"entry": entry, "left": left, "status": treated.status}
    columns["stopped_for_toxicity"] = treated.stopped_for_toxicity
    death = np.full(len(entry), np.nan) if trial.death is None else columns[f"day_of_{trial.death}"]
    if trial.death is not None:
        columns |= {"os_day": np.fmin(left, death), "os_event": np.where(lost, np.nan, ~np.isnan(death))}
    if trial.imaging is not None:
        columns |= _responses(treated, trial, np.where(lost, np.nan, death), lost)
    return columns


def _responses(treated: Treated, trial: Trial, death: Array, lost: Mask) -> dict[str, Any]:
    assessment = recist(treated.scans, rules=treated.walked.readings.imaging.criteria, death=death)
    columns = {name: assessment[name].to_numpy() for name in FROM_RECIST}
    columns["baseline_sum"] = assessment["sum_of_diameters"].to_numpy()[:, 0]
    best = np.where(lost, NOT_ASSESSED, columns.pop("best_response"))
    return {name: np.where(lost, np.nan, column) for name, column in columns.items()} | {"best_response": best}


def _labelled(
    trial: Trial,
    people: Enrolled,
    columns: Mapping[str, Any],
    doses: Index,
    therapies: list[str],
    about: dict[str, int],
) -> xr.Dataset:
    import xarray as xr

    variables: dict[str, Any] = {}
    for name, values in columns.items():
        if name == "best_response":
            variables[name] = ("patient", values, response_attrs("best response"))
        elif name in OTHERS:
            variables[name] = ("patient", values, dict(zip(("units", "long_name"), OTHERS[name], strict=True)))
        else:
            meaning = DAYS.get(name, f"{name.removeprefix('day_of_')}, from entry")
            variables[name] = ("patient", values, {"units": "day", "long_name": meaning})
    variables["doses"] = (("patient", "therapy"), doses, {"units": "1", "long_name": "doses given"})
    for name in dict.fromkeys([*trial.biomarkers, *(split.of for split in trial.strata)]):
        symbol = trial.model[name]
        value = people.columns.get(name, getattr(symbol.declaration, "value", np.nan))
        column = np.array(np.broadcast_to(np.asarray(value, dtype=float), len(people.arm)))
        variables[name] = ("patient", column, {"units": symbol.unit, "long_name": symbol.meaning})
    arm = np.array(list(trial.arms), dtype=object)[people.arm].astype(str)
    coords = {"patient": people.numbers, "arm": ("patient", arm), "therapy": np.array(therapies, dtype=str)}
    return xr.Dataset(variables, coords, {"model": trial.model.name, "control": trial.control, **about})
