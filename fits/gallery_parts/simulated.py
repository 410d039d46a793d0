"""Figures of simulated courses: against time, against a swept parameter, and of observed percentiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import pkpd

__all__ = ["SIMULATED"]

Q4W = pkpd.infusion("1500 mg", route="iv", duration="1 h", every=28, n=6)
RADIATION = pkpd.fractions(2.0, n=5, route="radiation", start=7, every=1, duration=0.001)
ANTIBODY = pkpd.bolus(1.333, route="ip", at=[7, 9, 11, 14])
SEED = 2018


# ---- what is simulated


@cache
def antibody() -> xr.Dataset:
    """Durvalumab in 60 patients; times at each dose and the end of each infusion, so that drops are steep."""
    days = np.union1d(np.linspace(0, 168, 337), 28.0 * np.arange(6) + 1 / 24)
    model = pkpd.load("durvalumab_baverel_2018")
    return pkpd.simulate(model, Q4W, times=days, parameters=pkpd.sample(model, 60, SEED), outputs=["C"])


@cache
def mice() -> xr.Dataset:
    model = pkpd.load("kosinsky_2018")
    return pkpd.simulate(
        model, RADIATION + ANTIBODY, times=np.linspace(0, 56, 113), parameters=pkpd.sample(model, 60, SEED),
        outputs=["V"],
    )  # fmt: skip


@cache
def cured() -> xr.Dataset:
    """Complete responses by the first day of the antibody."""
    model = pkpd.load("kosinsky_2018")
    first = pkpd.param("first", 7, "day", "day of the first antibody dose")
    run = pkpd.simulate(
        model, RADIATION + ANTIBODY.shift(first - 7), times=np.arange(0.0, 61.0),
        parameters=pkpd.grid(first=[7, 12, 19]) * pkpd.sample(model, 40, SEED), outputs=["V"],
    )  # fmt: skip
    return pkpd.rate(pkpd.complete_response(run, "V", below="10 mm^3", after=7))


@cache
def arms() -> xr.Dataset:
    """The same rates by the name of an arm, and so of categories."""
    rates = cured()
    return rates.assign_coords(first=["day 7", "day 12", "day 19"]).rename(first="arm")


@cache
def swept() -> xr.Dataset:
    """A tumor over its growth rate and the killing of it."""
    model = pkpd.load("growth_logistic")
    return pkpd.simulate(
        model,
        times=np.arange(0.0, 61.0),
        parameters=pkpd.grid(kg=[0.05, 0.1, 0.15, 0.2], T0=[0, 25, 50, 100, 200, 400]),
    )


def seeded() -> xr.Dataset:
    """Those that have a tumor."""
    return swept().sel(T0=slice(25, None))


@cache
def observed() -> tuple[xr.Dataset, pd.DataFrame]:
    """Concentrations of a one-compartment drug in 200 members, and in 40 that were observed."""
    model = pkpd.load("pk_1cmt_oral")
    hours = [0.5, 1, 2, 4, 8, 12, 24, 48]
    volume, clearance = (str(s) for s in ("V", "CL"))
    drawn = pkpd.members(
        ka=np.full(200, 1.0), **{volume: 20 * np.exp(0.25 * _scores(0)), clearance: 3 * np.exp(0.3 * _scores(1))}
    )
    dose = pkpd.bolus("100 mg", "oral")
    run = pkpd.simulate(model.in_time("h"), dose, times=[0.0, *hours], parameters=drawn, outputs=["C"])
    error = pkpd.combined_error(0.05, 0.2)
    simulated = pkpd.observe(run, "C", error=error, seed=SEED, times=hours, lloq=0.3)
    seen = pkpd.observe(run, "C", error=error, seed=SEED + 1, times=hours, lloq=0.3).isel(member=slice(0, 40))
    table = seen["value"].to_dataframe().reset_index()[["time", "value", "member"]]
    return simulated, table.assign(sex=np.where(table["member"] % 2, "female", "male"))


def _scores(stream: int) -> Any:
    return np.random.default_rng([SEED, stream]).standard_normal(200)


def _sexes() -> xr.Dataset:
    simulated, _ = observed()
    sexes = np.where(simulated["member"].to_numpy() % 2, "female", "male")
    return simulated.assign_coords(sex=("member", sexes))


# ---- what is drawn


def both() -> tuple[xr.Dataset, pd.DataFrame]:
    simulated, table = observed()
    return simulated, table[["time", "value"]]


def growing(part: xr.Dataset, ax: Any = None) -> Any:
    return pkpd.time_course(part, "T", by="kg", ax=ax)


SIMULATED: Mapping[str, Callable[[], Any]] = {
    "time_course": lambda: pkpd.time_course(antibody(), "C", regimen=Q4W),
    "time_course-log": lambda: pkpd.time_course(mice(), "V", regimen=RADIATION + ANTIBODY, log=True),
    "time_course-swept": lambda: growing(swept().isel(T0=1)),
    "small_multiples": lambda: pkpd.small_multiples(swept(), "T0", growing)[0],
    "spaghetti": lambda: pkpd.spaghetti(mice(), "V"),
    "response_curve": lambda: pkpd.response_curve(cured(), "rate", x="first", lines={"untreated": 0.0}),
    "response_curve-categories": lambda: pkpd.response_curve(arms(), "rate", x="arm"),
    "response_curve-log": lambda: pkpd.response_curve(swept(), "T", x="T0", by="kg", at=30, log=True),
    "heat_map": lambda: pkpd.heat_map(seeded(), "T0", "kg", output="T", at=30, values=True, optimum="min"),
    "contours": lambda: pkpd.contours(seeded(), "T0", "kg", output="T", at=30),
    "vpc": lambda: pkpd.vpc(*both(), replicates=5, log=True),
    "vpc-binless": lambda: pkpd.vpc(*both(), replicates=5, bins="none"),
    "vpc-strata_below": lambda: pkpd.vpc(_sexes(), observed()[1], by="sex", below=True, replicates=5, log=True),
    "schematic": lambda: pkpd.schematic(pkpd.load("kosinsky_2018")),
    "schematic-small": lambda: pkpd.schematic(pkpd.load("tumor_immune")),
}
