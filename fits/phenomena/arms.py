"""Patients and arms, and what makes a phenomenon of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

import pkpd
from pkpd.fits.perturbation import Draws, drawn
from pkpd.fits.phenomena.findings import Finding
from pkpd.fits.phenomena.regimens import START, YEAR

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Arm", "Patient", "Phenomenon", "Runs", "at_every", "changed", "flagship", "growing", "phenomenon", "population",
    "treated",
]  # fmt: skip

Patient = Mapping[str, Any] | pkpd.Ensemble
SEED, CANDIDATES = 5, 300
OUTPUTS = (
    "SLD", "burden", "resistant", "T_primary", "T_metastasis", "diameter_primary", "diameter_metastasis",
    "PDL1_primary", "E_primary", "X_primary", "L", "DC", "MDSC", "sL", "P_irae", "P_stop",
)  # fmt: skip


def flagship() -> pkpd.Model:
    return pkpd.load("durvalumab_radiotherapy_nsclc")


def population() -> pkpd.Ensemble:
    """Patients that differ by the variability that the model declares, and whose tumors grow without treatment."""
    return _population(flagship())


@lru_cache(maxsize=4)
def _population(model: pkpd.Model) -> pkpd.Ensemble:
    return growing(pkpd.sample(model, CANDIDATES, SEED))


def growing(candidates: pkpd.Ensemble) -> pkpd.Ensemble:
    """The candidates whose living tumor is larger eight weeks after the first day than on it, untreated."""
    days = [START, START + 56.0]
    run = pkpd.simulate(flagship(), times=days, parameters=candidates, outputs=["burden"], on_failure="raise")["burden"]
    return candidates.take(np.flatnonzero((run.isel(time=1) > run.isel(time=0)).values))


def at_every(patient: Mapping[str, float], **sweep: Any) -> pkpd.Ensemble:
    """One patient at every combination of the swept values."""
    axes = pkpd.grid(**sweep)
    return pkpd.Ensemble(axes.sizes, {**axes.columns, **{name: ((), value) for name, value in patient.items()}})


@dataclass(frozen=True)
class Arm:
    """A regimen, and who gets it: what sets a patient apart, or many patients."""

    regimen: pkpd.Regimen | None
    patient: Patient = field(default_factory=dict)
    days: int = 2 * YEAR


def treated(
    regimen: pkpd.Regimen | None,
    patient: Patient | None = None,
    *,
    days: int = 2 * YEAR,
    these: Draws | None = None,
    without: Mapping[str, float] | None = None,
) -> xr.Dataset:
    """A run from the first day of treatment on, by week, with its days counted from there.

    With draws the patient is one of each model, along the dimension ``draw``.  `without` are the values
    that take a mechanism out, for everybody.
    """
    times = np.arange(START, START + days + 1, 7.0)
    who = (patient or {}) if these is None else drawn(flagship(), patient or {}, these)
    who = who if without is None else changed(who, without)
    run = pkpd.simulate(
        flagship(), regimen, times=times, parameters=who, outputs=OUTPUTS, on_failure="raise", rtol=1e-7
    )
    return run.assign_coords(time=times - START, **_swept(patient))


def _swept(patient: Patient | None) -> dict[str, Any]:
    """What was swept, as coordinates: the values asked for, drawn anew or taken out as they may have been."""
    if not isinstance(patient, pkpd.Ensemble):
        return {}
    return {name: patient.columns[name][1] for name in patient.sizes if name in patient.columns}


def changed(who: Patient, values: Mapping[str, float]) -> Patient:
    """Everybody with these values."""
    if not isinstance(who, pkpd.Ensemble):
        return {**who, **values}
    constant = {name: _constant(who, name, value) for name, value in values.items()}
    return pkpd.Ensemble(who.sizes, {**who.columns, **constant}, who.labels)


def _constant(who: pkpd.Ensemble, name: str, value: float) -> tuple[tuple[str, ...], Any]:
    """A column of one value; along its own dimension where the parameter is swept."""
    return ((name,), np.full(who.sizes[name], value)) if name in who.sizes else ((), value)


Runs = Mapping[str, "xr.Dataset"]


@dataclass(frozen=True)
class Phenomenon:
    """Arms, what they show, and the mechanisms without which they must not show it."""

    arms: Callable[[], Mapping[str, Arm]]
    show: Callable[[Runs], Finding]
    needs: tuple[str, ...]

    def __call__(self) -> Finding:
        """The finding in the model as it stands; AssertionError where it does not show."""
        return self.show(self.runs())

    def runs(self, these: Draws | None = None, without: Mapping[str, float] | None = None) -> dict[str, xr.Dataset]:
        return {
            name: treated(arm.regimen, arm.patient, days=arm.days, these=these, without=without)
            for name, arm in self.arms().items()
        }

    def refusals(self, these: Draws) -> list[str | None]:
        """For each draw the claim that fails, or None where all hold."""
        runs = self.runs(these)
        return [self._refusal({name: run.isel(draw=i) for name, run in runs.items()}) for i in range(len(these))]

    def without(self, values: Mapping[str, float]) -> str | None:
        """What fails where a mechanism is taken out, or None where the claim holds still."""
        return self._refusal(self.runs(without=values))

    def _refusal(self, runs: Runs) -> str | None:
        try:
            self.show(runs)
        except AssertionError as refusal:
            return str(refusal)
        return None


def phenomenon(
    arms: Callable[[], Mapping[str, Arm]], needs: Iterable[str]
) -> Callable[[Callable[[Runs], Finding]], Phenomenon]:
    """Make a phenomenon of a function that shows what came of `arms`, by the mechanisms that it `needs`."""
    return lambda show: Phenomenon(arms, show, tuple(needs))
