"""Durvalumab in a virtual population: a year of 1500 mg every 4 weeks, as an assay would report it.

    python -m pkpd.fits.durvalumab_population DIR [PATIENTS]

Patients differ by the published, correlated variability and by correlated covariates; their
concentrations carry the published residual error.  Written are the percentiles of the
simulated observations (population.png) and the exposure in the first and the last interval
(population_exposure.csv).

Source: model, variability and residual error (proportional variance 0.0454, additive variance
0.09 (mg/L)^2) from Baverel et al., Clin Pharmacol Ther 103:631-642 (2018), as in nlmixr2lib
deVries_2025_durvalumab.  The distributions of the covariates are illustrative; they are
centered at the paper's reference patient.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.models.durvalumab_baverel_2018 import model, variability
from pkpd.storage import write_atomically

SEED, PATIENTS = 2018, 100_000
CYCLE, CYCLES = 28.0, 13
Q4W = pkpd.infusion(1500, "iv", duration="1 h", every=CYCLE, n=CYCLES)
ASSAY = pkpd.combined_error(additive=0.09**0.5, proportional=0.0454**0.5)

# Days after a dose: the end of the infusion, then ever farther apart until the trough.
AFTER_DOSE = np.array([1 / 24, 1.0, 3.0, 7.0, 14.0, 21.0, CYCLE])

BODY = pkpd.block(
    {
        "WT": pkpd.truncated(pkpd.lognormal(cv=0.22), 35, 150),
        "ALB": pkpd.truncated(pkpd.normal(sd=5), 20, 52),
        "female": pkpd.categorical({0: 0.6, 1: 0.4}),
    },
    correlations={("WT", "female"): -0.35, ("WT", "ALB"): 0.1},
)
STATUS = {"ECOG": pkpd.categorical({0: 0.4, 1: 0.6})}


def patients(n: int, first: int = 0) -> pkpd.Ensemble:
    """The patients `first` to ``first + n - 1``; each is the same in any chunk."""
    return pkpd.population(model, n, SEED, variability=variability, covariates=[BODY, STATUS], first=first)


def concentrations(people: pkpd.Ensemble, method: str = "auto") -> xr.Dataset:
    """Their concentrations over the year, without residual error."""
    times = np.union1d(0.0, np.add.outer(CYCLE * np.arange(CYCLES), AFTER_DOSE))
    return pkpd.simulate(model, Q4W, times=times, parameters=people, outputs=["C"], method=method)


def exposures(run: xr.Dataset) -> pd.DataFrame:
    """The 5, 50 and 95 % quantiles of peak, trough and area in the first and the last interval."""
    measures = pkpd.exposure(run, intervals=CYCLE * np.arange(CYCLES + 1))
    columns = measures[["cmax", "trough", "auc", "accumulation_auc"]].isel(interval=[0, -1])
    spread = columns.quantile([0.05, 0.5, 0.95], "member", keep_attrs=True)
    return spread.to_dataframe().reset_index().drop(columns=["interval_start", "interval_end"])


def run(out: str | Path, n: int = PATIENTS) -> xr.Dataset:
    """Simulate `n` patients, write the figure and the table to the folder `out`, return the concentrations."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    simulated = concentrations(patients(n))
    pkpd.save(pkpd.vpc(pkpd.observe(simulated, "C", error=ASSAY, seed=SEED)), folder / "population.png")
    table = exposures(simulated)
    write_atomically(folder / "population_exposure.csv", lambda path: table.to_csv(path, index=False))
    return simulated


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the figure and the table."""
    parser = argparse.ArgumentParser(
        prog="python -m pkpd.fits.durvalumab_population", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="folder for population.png and population_exposure.csv")
    parser.add_argument("patients", type=int, nargs="?", default=PATIENTS, help=f"how many; {PATIENTS} by default")
    chosen = parser.parse_args(arguments)
    run(chosen.out, chosen.patients)


if __name__ == "__main__":
    with as_messages():
        main()
