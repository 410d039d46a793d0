"""Figures of decisions: regimens that are best for all or for each, benefit and risk, what a paper is known for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import xarray as xr

import pkpd
from pkpd.fits import personalized_radiation as chest
from pkpd.fits.gallery_parts.simulated import SEED

__all__ = ["DECIDED"]

_YEAR = 365.0


@cache
def common() -> pkpd.ResponseSurface:
    return chest.surface(chest.patients(100, SEED))


@cache
def informed() -> dict[str, Any]:
    """What scans say of 30 new patients, by their most probable parameters."""
    truth = chest.by_patient(chest.patients(30, SEED + 1))
    recommended = chest.surface(chest.updated(truth, chest.READING, SEED).most_probable, ("patient",)).optimum
    known = chest.surface(truth, ("patient",))
    gain = pkpd.compare_recommendations(known, recommended, common().optimum[["gap", "d"]])
    return {"recommended": recommended, "truth": known.optimum, "gain": gain}


@cache
def benefit() -> xr.Dataset:
    """A drug that halves the hazard of progression (illustrative) and has the adverse events of a PD-L1 antibody."""
    events = pkpd.load("adverse_events")
    base = pkpd.param("base", 0.004, "1/day", "hazard of progression without drug", source="illustrative")
    treated = pkpd.time_to_event(events, "progression", base / (1 + events.outputs["RO_irae"].expression))
    C = pkpd.state("C", "mg/L", "antibody")
    drug = pkpd.Model("drug", {C: 0}, routes={"iv": {C: C + pkpd.dose("mg/L")}})
    model = pkpd.compose("trial", drug, pkpd.time_to_event(treated, "death", base / 4))
    people = pkpd.population(model, 1000, SEED, variability={"Aimae": None}, covariates=pkpd.event_chances(model))
    arms = {"drug": pkpd.bolus(1e6, "iv"), "placebo": None}
    run = pkpd.simulate(model, arms, times=[0, _YEAR], parameters=people)
    return pkpd.benefit_and_risk(
        run, at=_YEAR, benefit=["progression", "death"], risks=["imae", "stop"], excluded_by=["death"]
    )


def recommended() -> Any:
    return pkpd.recommended_regimens(informed()["recommended"]["d"], informed()["truth"]["d"])


DECIDED: Mapping[str, Callable[[], Any]] = {
    "benefit_risk_chart": lambda: pkpd.benefit_risk_chart(benefit()),
    "response_surface": lambda: pkpd.response_surface(common(), "gap", "d"),
    "decision_curve": lambda: pkpd.decision_curve(common(), "d", resampled=common().resampled(100, seed=SEED)),
    "recommended_regimens": recommended,
    "recommendation_gains": lambda: pkpd.recommendation_gains({"early scans": informed()["gain"]}),
    "reproduction_figure": lambda: pkpd.reproduction_figure(pkpd.reproduce("simeoni_2004")),
}
