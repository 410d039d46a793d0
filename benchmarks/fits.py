"""How long fits take: ten parameters on four arms beside lmfit over scipy, and 28 on the 24 mice of the xenografts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import pkpd
from benchmarks.peers.lmfit_peer import scipy_fit
from benchmarks.rounds import ROOT, say
from benchmarks.scale import Scale
from benchmarks.tables import Row, Table

__all__ = ["DOSES", "FREE", "STARTS", "TRUTH", "fits_table", "simulated", "xenografts_model"]

DOSES = {"control": 0.0, "low": 0.2, "middle": 0.6, "high": 2.5}  # mg a day
DAYS, FIRST, NUMBER = np.arange(0.0, 29.0, 2.0), 3.5, 14
SAMPLES = np.array([3.6, 3.8, 4.3, 10.6, 10.9])
RELATIVE = 0.1  # the standard deviation of an observation, relative to the truth
SEED = 11

TRUTH = {"V": 0.13, "CL": 1.0, "lambda0": 0.12, "lambda1": 0.1, "k1": 0.8, "k2": 0.12}
MASSES = dict(zip(DOSES, (0.3, 0.25, 0.35, 0.3), strict=True))
STARTS = {"V": 0.2, "CL": 0.7, "lambda0": 0.1, "lambda1": 0.15, "k1": 0.5, "k2": 0.08}
START_MASS = 0.2
HELD = {"ka": 55.0}
FREE = {name: pkpd.free(start, log=True) for name, start in STARTS.items()} | {
    "w0": pkpd.free(START_MASS, log=True, per_arm=True)
}

TABLE = "erlotinib_gefitinib_lxf_xenograft/PKPD_ErloAndGefi_LXF.csv"
DATA, BEFORE = "PKPD_FITS_DATA", "PKPD_BEFORE"


def fits_table(scale: Scale) -> Table:
    """The CPU time of each fit in a warm process, and the optimum that it ends at."""
    rows = [*_ten_parameters(scale), *_xenografts()]
    remarks = [
        "CPU time of one fit in a warm process (machine code is there), the least of the rounds.",
        "Ten parameters: a simulated experiment, one compartment with absorption and Simeoni's tumor, 14 daily doses, "
        "concentrations and masses with an error of 10 %. The peer is lmfit's least_squares over scipy's solve_ivp "
        "(LSODA, restarted at each dose, right-hand side compiled by numba, rtol 1e-9), with derivatives by "
        "differences, on the logarithms of the same parameters from the same starts.",
        f"28 parameters: erlotinib's 24 mice (fits/egfr_xenografts.py), below the folder that {DATA} names; "
        f"the state before is that of the checkout that {BEFORE} names.",
    ]
    return Table("fits", "Fits", rows, remarks)


# ---- ten parameters on four arms


def xenografts_model() -> pkpd.Model:
    """One compartment with absorption, and Simeoni's tumor."""
    return pkpd.compose("xenograft", pkpd.load("pk_1cmt_oral"), pkpd.load("simeoni_2004"))


def simulated() -> pkpd.Dataset:
    """Masses and concentrations of the four arms, drawn around `TRUTH`."""
    model, rng, rows = xenografts_model(), np.random.default_rng(SEED), []
    regimens = {arm: _regimen(dose) for arm, dose in DOSES.items()}
    for arm, regimen in regimens.items():
        values = {**TRUTH, **HELD, "w0": MASSES[arm]}
        for output, times in (("w", DAYS), ("C", SAMPLES)):
            if output == "w" or regimen is not None:
                run = pkpd.simulate(model, regimen, times=times, parameters=values, rtol=1e-10)[output].to_numpy()
                observed = run * (1 + RELATIVE * rng.standard_normal(len(times)))
                columns = {"time": times, "output": output, "value": observed, "sd": RELATIVE * run}
                rows.append(pd.DataFrame(columns).assign(arm=arm))
    return pkpd.read_observations(pd.concat(rows, ignore_index=True), regimens, at_dose="before")


def _regimen(dose: float) -> pkpd.Regimen | None:
    return pkpd.bolus(dose, "oral", every=1, n=NUMBER).shift(FIRST) if dose else None


def _ten_parameters(scale: Scale) -> list[Row]:
    data, model, name = simulated(), xenografts_model(), "10 parameters, 4 arms"

    def ours() -> pkpd.Fit:
        return pkpd.fit(model, data, FREE, parameters=HELD)

    say("fits: ten parameters on four arms, pkpd")
    seconds, fitted = _least(ours, scale.rounds)
    rows: list[Row] = [_row(name, "pkpd", seconds, fitted.chi_square, fitted.evaluations)]
    if find_spec("numba") is None:
        return [
            *rows,
            {"fit": name, "who": "lmfit, scipy, numba", "remark": "numba is not installed"},
        ]
    say("fits: ten parameters on four arms, lmfit")
    peer_seconds, theirs = _least(scipy_fit(data, DOSES, STARTS, START_MASS, HELD["ka"]), 1)
    row = _row(name, "lmfit, scipy, numba", peer_seconds, theirs.chi_square, theirs.evaluations)
    apart = _farthest(fitted, theirs.estimates)
    return [*rows, {**row, "ratio": peer_seconds / seconds, "estimates apart": apart}]


def _farthest(fitted: pkpd.Fit, estimates: Mapping[str, float]) -> float:
    """The largest relative difference of an estimate."""
    ours = fitted.estimates["estimate"]
    return max(abs(ours[name] / value - 1) for name, value in estimates.items())


def _row(fit: str, who: str, seconds: float, chi_square: float, evaluations: int) -> dict[str, Any]:
    return {"fit": fit, "who": who, "CPU s": seconds, "chi-square": f"{chi_square:.6f}", "evaluations": evaluations}


def _least(call: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """The least CPU time of a call after a first one, and its result."""
    result = call()
    seconds = []
    for _ in range(rounds):
        begun = time.process_time()
        result = call()
        seconds.append(time.process_time() - begun)
    return min(seconds), result


# ---- the mice under erlotinib


def _xenografts() -> list[Row]:
    name = "28 parameters, 24 arms"
    table = Path(os.environ.get(DATA, "")) / TABLE
    if DATA not in os.environ or not table.is_file():
        return [{"fit": name, "who": "pkpd", "remark": f"{DATA} names no folder with the table"}]
    now = _measured(name, "pkpd", ROOT, table)
    if BEFORE not in os.environ:
        return [now, {"fit": name, "who": "pkpd before", "remark": f"{BEFORE} names no checkout"}]
    before = _measured(name, "pkpd before", Path(os.environ[BEFORE]), table)
    if "CPU s" in now and "CPU s" in before:
        before["ratio"] = before["CPU s"] / now["CPU s"]
    return [now, before]


def _measured(name: str, who: str, checkout: Path, table: Path) -> dict[str, Any]:
    """The row of `xenograft_fit` with the code of a checkout."""
    say(f"fits: 24 mice with {checkout}")
    script = Path(__file__).with_name("xenograft_fit.py")
    done = subprocess.run(
        [sys.executable, str(script), str(table)],
        capture_output=True, text=True, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)},
    )  # fmt: skip
    if done.returncode:
        return {"fit": name, "who": who, "remark": (done.stderr.strip().splitlines() or ["no reason told"])[-1]}
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return _row(name, who, measured["seconds"], measured["chi_square"], measured["evaluations"])
