"""The section ``trial``: a virtual trial of two arms, with visits, RECIST and survival, replicated."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pkpd
from benchmarks.rounds import ROOT, say
from benchmarks.scale import Scale
from benchmarks.tables import Table
from benchmarks.worker import environment, peak_memory

__all__ = ["trial_table"]

PATIENTS = 1000
LESIONS = ("a", "b", "c")
VISITS = pkpd.schedule_visits(56, 3 * 365, jitter=2, missed=0.03, delayed=0.03)


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
        imaging=pkpd.Imaging({name: f"diameter_{name}" for name in LESIONS}, VISITS),
        accrual=365,
        follow_up=2 * 365,
        death="death",
        leaving=("dropout",),
        solver=pkpd.Solver(rtol=1e-6),
    )


def trial_table(scale: Scale) -> Table:
    """Replicates of 2 x 500 patients, each in a process of its own so that its memory is seen."""
    counts = (10, 100) if scale.everything else (2,)
    rows = []
    for replicates in counts:
        say(f"trial: {replicates} replicates")
        rows.append(_timed(replicates))
    remarks = [
        f"2 x {PATIENTS // 2} patients, an antibody every 2 weeks until progression against none, 3 lesions, scans "
        "every 8 weeks for up to 3 years with an error of measurement, visits missed and delayed, RECIST 1.1, death "
        "and dropout by hazards; hazard ratios, medians and log-rank tests of every replicate. rtol 1e-6, from a cold "
        "start, the model's machine code included; memory is the highest of the process."
    ]
    return Table("trial", "A virtual trial", rows, remarks)


def _timed(replicates: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.trial", str(replicates)],
        capture_output=True, text=True, check=True, env=environment(2), cwd=ROOT,
    )  # fmt: skip
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def main(replicates: int) -> dict[str, Any]:
    """The time and the memory of so many replicates."""
    begun, clock = time.process_time(), time.perf_counter()
    pkpd.replicate_trial(trial(PATIENTS), replicates, seed=1)
    return {
        "replicates": replicates,
        "CPU s": time.process_time() - begun,
        "wall s": time.perf_counter() - clock,
        "peak MB": peak_memory(),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
