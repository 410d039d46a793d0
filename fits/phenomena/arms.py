"""Regimens, patients and arms, and what makes a phenomenon of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import pkpd
from pkpd.fits.perturbation import Draws, drawn
from pkpd.fits.phenomena.findings import Finding

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "BOTH", "HYPOFRACTIONATED", "START", "YEAR", "Arm", "Phenomenon", "Runs", "at_every", "durvalumab", "flagship",
    "phenomenon", "population", "radiation", "treated",
]  # fmt: skip

Patient = Mapping[str, Any] | pkpd.Ensemble
START = 60
YEAR = 364  # 52 weeks
SEED, PATIENTS = 5, 200
OUTPUTS = ("SLD", "burden", "resistant", "T_primary", "T_metastasis", "effectors", "L", "DC", "P_irae")


def durvalumab(n: int = 13, at: Any = 0) -> pkpd.Regimen:
    """1500 mg every 4 weeks."""
    return pkpd.infusion(1500, "iv", 1 / 24, at=START + at, every=28, n=n)


def radiation(dose: Any, n: int, at: Any = 0, lesion: str = "primary") -> pkpd.Regimen:
    """Fractions on five days a week to one lesion."""
    return pkpd.fractions(dose, n, f"radiation_{lesion}", start=START + at, per_week=5)


HYPOFRACTIONATED = (8, 3)
BOTH = radiation(*HYPOFRACTIONATED) + durvalumab()


def flagship() -> pkpd.Model:
    return pkpd.load("durvalumab_radiotherapy_nsclc")


def population() -> pkpd.Ensemble:
    """Patients that differ by the variability that the model declares."""
    return pkpd.sample(flagship(), PATIENTS, SEED)


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
    regimen: pkpd.Regimen | None, patient: Patient | None = None, *, days: int = 2 * YEAR, these: Draws | None = None
) -> xr.Dataset:
    """A run from the first day of treatment on, by week, with its days counted from there.

    With draws the patient is one of each model, along the dimension ``draw``.
    """
    times = np.arange(START, START + days + 1, 7.0)
    who = (patient or {}) if these is None else drawn(flagship(), patient or {}, these)
    run = pkpd.simulate(
        flagship(), regimen, times=times, parameters=who, outputs=OUTPUTS, on_failure="raise", rtol=1e-7
    )
    return run.assign_coords(time=times - START)


Runs = Mapping[str, "xr.Dataset"]


@dataclass(frozen=True)
class Phenomenon:
    """Arms, and what they show."""

    arms: Callable[[], Mapping[str, Arm]]
    show: Callable[[Runs], Finding]

    def __call__(self) -> Finding:
        """The finding in the model as it stands; AssertionError where it does not show."""
        return self.show(self.runs(None))

    def runs(self, these: Draws | None) -> dict[str, xr.Dataset]:
        arms = self.arms().items()
        return {name: treated(arm.regimen, arm.patient, days=arm.days, these=these) for name, arm in arms}

    def refusals(self, these: Draws) -> list[str | None]:
        """For each draw the claim that fails, or None where all hold."""
        runs = self.runs(these)
        return [self._refusal({name: run.isel(draw=i) for name, run in runs.items()}) for i in range(len(these))]

    def _refusal(self, runs: Runs) -> str | None:
        try:
            self.show(runs)
        except AssertionError as refusal:
            return str(refusal)
        return None


def phenomenon(arms: Callable[[], Mapping[str, Arm]]) -> Callable[[Callable[[Runs], Finding]], Phenomenon]:
    """Make a phenomenon of a function that shows what came of `arms`."""
    return lambda show: Phenomenon(arms, show)
