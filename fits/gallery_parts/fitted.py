"""Figures of fits, of arms and of populations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import pkpd
from pkpd.fits import mc38_radiation
from pkpd.fits.gallery_parts.simulated import SEED

__all__ = ["FITTED"]

_HOURS = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)
_ORAL = pkpd.load("pk_1cmt_oral").in_time("h")
_TYPICAL = {"ka": 1.2, "CL": 3.0, "V": 35.0}
_IIV = {name: pkpd.lognormal(value, cv=cv) for (name, value), cv in zip(_TYPICAL.items(), (0.5, 0.3, 0.2), strict=True)}
_DOSE = 320.0


@cache
def tumors() -> pkpd.Fit:
    return mc38_radiation.run()


def _drawn(people: int) -> pd.DataFrame:
    """Concentrations (mg/L) after one oral dose, with an error of 0.3, by subject and hour; from 50 to 90 kg."""
    draws = np.random.default_rng([SEED, people])
    spread = np.exp([[0.5], [0.3], [0.2]] * draws.standard_normal((3, people)))
    values = {name: typical * row for (name, typical), row in zip(_TYPICAL.items(), spread, strict=True)}
    run = pkpd.simulate(
        _ORAL, pkpd.bolus(f"{_DOSE:g} mg", "oral"), times=[0.0, *_HOURS], parameters=pkpd.members(**values),
        outputs=["C"],
    )  # fmt: skip
    table = run["C"].isel(time=slice(1, None)).to_dataframe().reset_index()[["member", "time", "C"]]
    table["C"] += 0.3 * draws.standard_normal(len(table))
    return table.assign(WT=50 + 40 * draws.random(people)[table["member"]])


@cache
def subjects(people: int) -> pkpd.Fit:
    """Each subject by itself, with one volume: more arms than one panel can tell apart."""
    table = _drawn(people)
    rows = pd.DataFrame(
        {
            "arm": [f"subject {m + 1}" for m in table["member"]],
            "time": table["time"],
            "output": "C",
            "value": table["C"],
        }
    )
    regimens = dict.fromkeys(rows["arm"].unique(), pkpd.bolus(f"{_DOSE:g} mg", "oral"))
    return pkpd.fit(
        _ORAL, pkpd.read_observations(rows, regimens),
        {name: pkpd.free(value, log=True) for name, value in _TYPICAL.items()}, error=pkpd.additive_error(0.5),
    )  # fmt: skip


@cache
def searched() -> pkpd.Fit:
    """From several starts: another optimum is flip-flop, with slow absorption and fast elimination."""
    within = {"ka": (0.01, 10), "CL": (0.1, 100), "V": (1, 1000)}
    free = {name: pkpd.free(value, within[name], log=True) for name, value in _TYPICAL.items()}
    return pkpd.fit(_ORAL, subjects(8).data, free, error=pkpd.additive_error(0.5), starts=20, seed=SEED)


@cache
def population() -> pkpd.MixedFit:
    table = _drawn(24)
    doses = table.groupby("member").first().reset_index().assign(time=0.0, C=0.0, AMT=_DOSE, EVID=1, CMT=1)
    rows = pd.concat([doses, table.assign(AMT=0.0, EVID=0, CMT=2)]).sort_values(["member", "time"], kind="stable")
    named = rows.rename(columns={"member": "ID", "time": "TIME", "C": "DV"}).assign(ID=rows["member"] + 1)
    data = pkpd.read_nonmem(named, compartments={1: "depot", 2: "central"})
    return pkpd.fit(pkpd.mixed_effects(_ORAL, _IIV, error={"C": pkpd.additive_error(0.5)}), data)


@cache
def posterior() -> pkpd.Posterior:
    return pkpd.sample_posterior(subjects(8), 1000, warmup=300, seed=SEED)


FITTED: Mapping[str, Callable[[], Any]] = {
    "fit_overlay": lambda: pkpd.fit_overlay(tumors())[0],
    "fit_overlay-8_arms": lambda: pkpd.fit_overlay(subjects(8))[0],
    "fit_overlay-24_arms": lambda: pkpd.fit_overlay(subjects(24))[0],
    "individual_fits": lambda: pkpd.individual_fits(tumors())[0],
    "individual_fits-mixed": lambda: pkpd.individual_fits(population())[0],
    "goodness_of_fit": lambda: pkpd.goodness_of_fit(tumors()),
    "goodness_of_fit-mixed": lambda: pkpd.goodness_of_fit(population()),
    "vpc-mixed": lambda: pkpd.vpc(population(), corrected=True),
    "estimate_correlations": lambda: pkpd.estimate_correlations(tumors()),
    "start_waterfall": lambda: pkpd.start_waterfall(searched()),
    "likelihood_profiles": lambda: pkpd.likelihood_profiles(pkpd.profile(subjects(8)))[0],
    "parameter_pairs": lambda: pkpd.parameter_pairs(posterior()),
    "posterior_traces": lambda: pkpd.posterior_traces(posterior())[0],
}
