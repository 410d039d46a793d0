"""Mixed-effects models for tests: published tables of a few numbers, and trials that are simulated."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd

# Wang Y. Derivation of various NONMEM estimation methods. J Pharmacokinet Pharmacodyn 34:575-593 (2007).
WANG = [
    10.68, 3.6837, 10.402, 6.454, 9.8814, 5.8565, 9.3408, 5.6209, 10.082, 6.7583, 9.8938, 6.5049, 9.8908, 6.9557,
    10.234, 6.4488, 9.9882, 6.7112, 9.6736, 6.6402,
]  # fmt: skip


def wang(error: object) -> tuple[pkpd.MixedEffects, pkpd.Records]:
    """C = 10 exp(-ke t), ke = 0.5 exp(eta), omega^2 = 0.04, at two times in ten subjects."""
    ke = pkpd.param("ke", 0.5, "1/day", "elimination", source="Wang 2007")
    amount = pkpd.state("A", "mg/L", "concentration", start=10)
    model = pkpd.Model("wang", rates={amount: -ke * amount}, outputs={"C": pkpd.output(amount, "concentration")})
    table = pd.DataFrame(
        {"ID": np.repeat(np.arange(1, 11), 2), "TIME": [0.0, 1.0] * 10, "DV": WANG, "AMT": 0, "EVID": 0}
    )
    return pkpd.mixed_effects(model, {"ke": pkpd.lognormal(omega=0.2)}, error=error), pkpd.read_nonmem(table)


def nlmixr2data(name: str) -> Path:
    """A table of nlmixr2data, or a skip that says where to get it."""
    for folder in (os.environ.get("PKPD_FITS_DATA", ""), str(Path(__file__).parents[2] / "shared" / "data")):
        path = Path(folder) / "nlmixr2data" / name
        if folder and path.is_file():
            return path
    pytest.skip(f"{name} of the R package nlmixr2data is not here; set PKPD_FITS_DATA to the folder that has it")


def theophylline(**options: object) -> tuple[pkpd.MixedEffects, pkpd.Records]:
    """Twelve subjects with one oral dose each (Boeckmann, Sheiner and Beal's NONMEM Users Guide)."""
    data = pkpd.read_nonmem(nlmixr2data("theo_sd.csv"), compartments={1: "depot", 2: "central"})
    return one_compartment(**options), data


def one_compartment(**options: object) -> pkpd.MixedEffects:
    iiv = {"ka": pkpd.lognormal(1.5, cv=0.6), "CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31.5, cv=0.2)}
    settings = {"iiv": iiv, "error": {"C": pkpd.additive_error(0.7)}, **options}
    return pkpd.mixed_effects(pkpd.load("pk_1cmt_oral").in_time("h"), **settings)  # type: ignore[arg-type]


OMEGAS = {"ka": 0.5, "CL": 0.3, "V": 0.2}
TYPICAL = {"ka": 1.2, "CL": 3.0, "V": 35.0}
TIMES = (0.5, 1.0, 2.0, 4.0, 7.0, 12.0, 24.0)


def simulated(n: int = 24, seed: int = 7, sd: float = 0.3, covariate: bool = False) -> pkpd.Records:
    """A trial of `n` subjects with one oral dose, drawn from OMEGAS about TYPICAL; with WT, CL ~ (WT/70)^0.75."""
    rng = np.random.default_rng(seed)
    weight = np.round(rng.normal(70, 15, n), 1)
    rows = []
    for i in range(n):
        rows.append((i + 1, 0.0, 320.0, 1, 1, 0.0, weight[i]))
        rows += [(i + 1, t, 0.0, 0, 2, 0.0, weight[i]) for t in TIMES]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "WT"])
    psi = {k: TYPICAL[k] * np.exp(OMEGAS[k] * rng.standard_normal(n)) for k in TYPICAL}
    if covariate:
        psi["CL"] = psi["CL"] * (weight / 70) ** 0.75
    predicted = closed_form(table, psi)
    here = table["EVID"] == 0
    table.loc[here, "DV"] = predicted[here] + sd * rng.standard_normal(int(here.sum()))
    return pkpd.read_nonmem(table, compartments={1: "depot", 2: "central"})


def closed_form(table: pd.DataFrame, psi: dict[str, np.ndarray]) -> np.ndarray:
    """The Bateman function at every row of one dose of 320 mg at time 0."""
    i = table["ID"].to_numpy() - 1
    ka, ke, V = psi["ka"][i], (psi["CL"] / psi["V"])[i], psi["V"][i]
    t = table["TIME"].to_numpy()
    return np.asarray(320 / V * ka / (ka - ke) * (np.exp(-ke * t) - np.exp(-ka * t)))
