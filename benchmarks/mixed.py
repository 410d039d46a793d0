"""How long mixed-effects fits of theophylline take in a warm process, and where searches from many starts end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pkpd
from benchmarks.rounds import say
from benchmarks.scale import FULL, Scale
from benchmarks.tables import Row, Table
from pkpd.fitting.mixed.starts import MixedStarts

__all__ = ["METHODS", "OPTIMA", "elsewhere", "mixed_table", "population", "starts_table"]

TABLE, DATA = "nlmixr2data/theo_sd.csv", "PKPD_FITS_DATA"
METHODS = ("focei", "saem", "importance")
TARGETS = {"focei": 0.2, "saem": 2.0}  # CPU seconds
OPTIMA = {"NONMEM's, ka > CL/V": 116.8034, "flip-flop, ka < CL/V": 110.3458}  # objectives of FOCEI
STARTS, FEW, SEEDS = 128, 24, (0, 1, 2)


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
    data = _theophylline()
    rows = [] if data is None else [_row(method, data, scale.rounds) for method in METHODS]
    return Table("mixed", "Mixed effects", rows, remarks if rows else [_MISSING])


def starts_table(scale: Scale) -> Table:
    """Where searches end that begin with every number off by a factor of 3, and how long they take together."""
    remarks = [
        "Theophylline by FOCEI, begun with every number off by a factor of 3, up or down, no two starts alike "
        "(`pkpd.fit(starts=, spread=3)`); a search counts as elsewhere if it did not converge, or more than 0.05 from "
        "either objective. CPU time of all searches in a warm process, without standard errors.",
        "Wanted: at most 5 of 128 elsewhere. Both optima are maxima of the likelihood; the report of the fit sets them "
        "side by side.",
    ]
    data, title = _theophylline(), "Mixed effects from many starts"
    if data is None:
        return Table("mixed_starts", title, [], [_MISSING])
    seeds, searches = (SEEDS, STARTS) if scale is FULL else (SEEDS[:1], FEW)
    return Table("mixed_starts", title, [_from_starts(data, searches, seed) for seed in seeds], remarks)


def elsewhere(starts: MixedStarts) -> int:
    """How many searches of theophylline ended at neither of its two optima."""
    return len(starts.objective) - sum(_ended(starts, value) for value in OPTIMA.values())


_MISSING = f"{DATA} names no folder with {TABLE}."


def _theophylline() -> pkpd.Records | None:
    """None where the table is not to be had."""
    path = Path(os.environ.get(DATA, "")) / TABLE
    if DATA not in os.environ or not path.is_file():
        return None
    return pkpd.read_nonmem(path, time="h", compartments={1: "depot", 2: "central"})


def _ended(starts: MixedStarts, objective: float) -> int:
    return int((starts.converged & (abs(starts.objective - objective) < 0.05)).sum())


def _from_starts(data: pkpd.Records, searches: int, seed: int) -> Row:
    say(f"mixed: theophylline from {searches} starts, seed {seed}")
    pkpd.fit(population(), data, covariance=None)
    begun = time.process_time()
    starts = pkpd.fit(population(), data, starts=searches, seed=seed, spread=3.0, covariance=None).starts
    seconds = time.process_time() - begun
    assert starts is not None
    counts = {f"{about} ({value})": _ended(starts, value) for about, value in OPTIMA.items()}
    return {"seed": seed, "searches": searches, **counts, "elsewhere": elsewhere(starts), "CPU s": seconds}


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
