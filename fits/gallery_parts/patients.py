"""Figures of patients: their responses, their survival, their treatment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

import pkpd
from pkpd.fits.gallery_parts.simulated import SEED, mice

__all__ = ["PATIENTS"]

_FEW = 30  # patients that have a row each

# A lesion that a drug shrinks, and a hazard of death that grows with it: every value is illustrative.
_g = pkpd.param("g", 0.002, "1/day", "growth of the diameter", source="illustrative", iiv=0.5)
_effect = pkpd.param("effect", 4e-6, "1/day/mg", "shrinkage per amount of drug", source="illustrative", iiv=1.0)
_ke = pkpd.param("ke", 0.04, "1/day", "elimination of the drug", source="illustrative")
_h = pkpd.param("h", 3e-5, "1/day/mm", "hazard of death per mm", source="illustrative")
_A = pkpd.state("A", "mg", "drug in the body")
_D = pkpd.state("D", "mm", "diameter of the target lesion", start=40)
_LESION = pkpd.Model(
    "lesion", {_D: (_g - _effect * _A) * _D, _A: -_ke * _A}, outputs={"diameter": _D},
    routes={"iv": {_A: _A + pkpd.dose("mg")}},
)  # fmt: skip
_PATIENT = pkpd.time_to_event(_LESION, "death", _h * _D)
_DRUG = pkpd.Protocol(
    {"drug": pkpd.therapy(pkpd.bolus("1500 mg", "iv"), every=28)}, [pkpd.stop_at(pkpd.seen("PD"), "drug")]
)
_IMAGING = pkpd.Imaging({"target": "diameter"}, pkpd.schedule_visits(56, 730))


@cache
def trial() -> xr.Dataset:
    """Two arms of 100, with scans every 8 weeks."""
    design = pkpd.Trial(
        _PATIENT, {"drug": _DRUG, "control": pkpd.Protocol({})}, patients=200, imaging=_IMAGING,
        accrual="6 months", follow_up="2 years", death="death",
    )  # fmt: skip
    return pkpd.simulate_trial(design, seed=SEED)


@cache
def treated() -> pkpd.Treated:
    people = pkpd.population(_PATIENT, 60, SEED, covariates=pkpd.event_chances(_PATIENT))
    return pkpd.treat(_PATIENT, _DRUG, people, until=730, imaging=_IMAGING, leaving=["death"])


@cache
def assessed(count: int) -> xr.Dataset:
    """By RECIST, the first so many that were treated."""
    return pkpd.recist(treated().scans.isel(patient=slice(0, count)))


def survival() -> xr.Dataset:
    of = trial()
    return pkpd.kaplan_meier(of["os_day"], of["os_event"], group=of["arm"], unit="day")


def incidence() -> xr.Dataset:
    """What came first: progression or death."""
    of = trial()
    progressed = of["pfs_event"].to_numpy().astype(bool) & (of["pfs_day"].to_numpy() < of["os_day"].to_numpy())
    cause = np.where(progressed, "progression", np.where(of["pfs_event"], "death", ""))
    return pkpd.cumulative_incidence(of["pfs_day"], cause, group=of["arm"], unit="day")


def subgroups() -> xr.Dataset:
    """Those of a trial in which nothing but chance tells them apart."""
    of = trial()
    draws = np.random.default_rng(SEED)
    traits = {
        "Sex": draws.choice(["female", "male"], of.sizes["patient"]),
        "PD-L1 expression": draws.choice(["below 1 %", "1 % to 49 %", "50 % or more"], of.sizes["patient"]),
    }
    return pkpd.subgroup_hazard_ratios(of["os_day"], of["os_event"], of["arm"] == "drug", traits)


PATIENTS: Mapping[str, Callable[[], Any]] = {
    "waterfall": lambda: pkpd.waterfall(pkpd.best_change(mice(), "V")),
    "waterfall-recist": lambda: pkpd.waterfall(assessed(60)["best_change"], classes=assessed(60)["best_response"]),
    "spider": lambda: pkpd.spider(assessed(60)),
    "swimmer": lambda: pkpd.swimmer(assessed(_FEW)),
    "treatment_timeline": lambda: pkpd.treatment_timeline(treated()),
    "survival_curves": lambda: pkpd.survival_curves(survival(), median=True),
    "incidence_curves": lambda: pkpd.incidence_curves(incidence()),
    "forest": lambda: pkpd.forest(subgroups(), treated="drug", control="control"),
}
