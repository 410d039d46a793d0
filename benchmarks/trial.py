"""The section ``trial``: a virtual trial of two arms, with visits, RECIST and survival, replicated."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import pkpd

LESIONS = ("a", "b", "c")
VISITS = np.arange(0, 3 * 365, 56.0)


def patient() -> pkpd.Model:
    """An antibody, three lesions that it shrinks until they escape, and death by their size; values illustrative."""
    param = pkpd.param
    C = pkpd.given("C", "mg/L", "antibody in plasma")
    C50, lost = (
        param("C50", 20, "mg/L", "half of the effect"),
        param("lost", 0.004, "1/day", "loss of the effect", iiv=0.5),
    )
    h0, mm = param("h0", 0.0004, "1/day", "hazard of death"), param("mm", 40, "mm", "size by which the hazard grows")
    left = pkpd.state("left", "1", "effect that is left", start=1)
    rates, outputs, total = {left: -lost * left}, {}, 0
    for name in LESIONS:
        d0 = param(f"d0_{name}", 30, "mm", "diameter at baseline", iiv=0.4)
        kg = param(f"kg_{name}", 0.0025, "1/day", "growth", iiv=0.6)
        kd = param(f"kd_{name}", 0.006, "1/day", "shrinkage", iiv=0.8)
        D = pkpd.state(f"D_{name}", "mm", "diameter", start=d0)
        rates[D] = (kg - kd * left * C / (C50 + C)) * D
        outputs[f"diameter_{name}"] = D
        total += D
    tumor = pkpd.Model("three_lesions", rates=rates, outputs=outputs)
    whole = pkpd.compose("antibody_and_lesions", pkpd.load("pk_2cmt"), tumor)
    whole = pkpd.time_to_event(whole, "death", h0 * (1 + total / mm))
    return pkpd.time_to_event(whole, "dropout", param("h_out", 0.0002, "1/day", "hazard of dropout"))


def trial(patients: int) -> pkpd.Trial:
    """An antibody every 2 weeks until progression or for 2 years, against none."""
    stop = pkpd.stop_at(pkpd.seen("PD"))
    antibody = pkpd.therapy(pkpd.infusion(700, "iv", "1 h"), every=14, duration="2 years")
    return pkpd.Trial(
        patient(),
        {"antibody": pkpd.Protocol({"antibody": antibody}, rules=[stop]), "none": pkpd.Protocol({})},
        patients=patients,
        visits=VISITS,
        lesions={name: f"diameter_{name}" for name in LESIONS},
        accrual=365,
        follow_up=2 * 365,
        death="death",
        leaving=("dropout",),
        solver=pkpd.Solver(rtol=1e-6),
    )


@dataclass(frozen=True)
class Timed:
    """What one run took."""

    processor: float
    wall: float
    peak: int


def timed(replicates: int, patients: int) -> Timed:
    """The time of so many replicates, with everything from the model on."""
    from benchmarks.memory import peak_memory

    begun, clock = time.process_time(), time.perf_counter()
    pkpd.replicate_trial(trial(patients), replicates, seed=1)
    return Timed(time.process_time() - begun, time.perf_counter() - clock, peak_memory())
