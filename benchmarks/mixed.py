"""How long mixed-effects fits take in a warm process: theophylline by FOCEI with its covariance, SAEM, importance."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pkpd
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Row, Table

__all__ = ["METHODS", "mixed_table", "population"]

TABLE, DATA = "nlmixr2data/theo_sd.csv", "PKPD_FITS_DATA"
METHODS = ("focei", "saem", "importance")
TARGETS = {"focei": 0.2, "saem": 2.0}  # CPU seconds


def population() -> pkpd.MixedEffects:
    """Theophylline as NONMEM and nlmixr2 are compared by: three log-normal parameters and an additive error."""
    iiv = {"ka": pkpd.lognormal(1.5, cv=0.6), "CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31.5, cv=0.2)}
    return pkpd.mixed_effects(pkpd.load("pk_1cmt_oral").in_time("h"), iiv, error={"C": pkpd.additive_error(0.7)})


def mixed_table(scale: Scale) -> Table:
    """The CPU time of each fit, the least of the rounds, and its objective."""
    remarks = [
        "CPU time of one fit in a warm process, standard errors included, the least of the rounds; theophylline, 12 "
        f"subjects, 132 observations (theo_sd of nlmixr2data below the folder that {DATA} names).",
        "NONMEM's objective is 116.8034; nlmixr2est 7.0.2 takes 2.1 to 4.3 s for FOCEI on a machine like this one "
        "(measured with the prototype, not here).",
    ]
    path = Path(os.environ.get(DATA, "")) / TABLE
    if DATA not in os.environ or not path.is_file():
        return Table("mixed", "Mixed effects", [], [f"{DATA} names no folder with {TABLE}."])
    data = pkpd.read_nonmem(path, time="h", compartments={1: "depot", 2: "central"})
    return Table("mixed", "Mixed effects", [_row(method, data, scale.rounds) for method in METHODS], remarks)


def _row(method: Any, data: pkpd.Records, rounds: int) -> Row:
    say(f"mixed: theophylline by {method}")
    statement, seconds = population(), []
    fit = pkpd.fit(statement, data, method=method)
    for _ in range(rounds):
        begun = time.process_time()
        fit = pkpd.fit(statement, data, method=method)
        seconds.append(time.process_time() - begun)
    row: dict[str, Any] = {
        "method": method, "CPU s": min(seconds), "objective": f"{fit.objective:.4f}", "iterations": fit.iterations,
    }  # fmt: skip
    return row | ({"target s": TARGETS[method]} if method in TARGETS else {})
