"""Radiation and the antibody: together, in either order, by dose of a fraction, and after progression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import pkpd
from pkpd.fits.phenomena.arms import (
    BOTH,
    HYPOFRACTIONATED,
    YEAR,
    Arm,
    Runs,
    at_every,
    durvalumab,
    phenomenon,
    population,
    radiation,
)  # fmt: skip
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import THRESHOLDS, best, controlled, curves, on_day, progression, relative

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["abscopal", "fraction_dose", "order_and_gap", "progression_after_durvalumab", "synergy"]

ALONE = {"none": None, "durvalumab": durvalumab(), "radiation": radiation(*HYPOFRACTIONATED)}
SINGLE = ("durvalumab", "radiation")


@phenomenon(
    lambda: (
        {name: Arm(regimen) for name, regimen in {**ALONE, "both": BOTH}.items()}
        | {f"{name}, population": Arm(regimen, population()) for name, regimen in {**ALONE, "both": BOTH}.items()}
    )
)
def synergy(runs: Runs) -> Finding:
    """Radiation (3 x 8 Gy to the primary) and durvalumab together do more than either, and more than their sum."""
    # The log of living tumor in mm^3, plus 1 so that an extinct one counts: independent kills would add up in it.
    logs = {name: float(np.log(on_day(runs[name]["burden"].values, 182) + 1)) for name in (*ALONE, "both")}
    gain = {name: logs["none"] - logs[name] for name in (*SINGLE, "both")}
    holds(gain["both"] > 1.3 * (gain["durvalumab"] + gain["radiation"]), f"no synergy: {gain}")
    least = best(runs)
    holds(least["both"] < min(least[name] for name in SINGLE), "no gain in size")
    rate = {name: controlled(runs[f"{name}, population"], 2 * YEAR) for name in (*ALONE, "both")}
    holds(rate["both"] > rate["durvalumab"] + rate["radiation"], f"no synergy in the population: {rate}")
    return Finding(
        "Radiation and durvalumab: more than either alone, and more than their sum",
        {f"log fall of living tumor at 26 weeks, {k}": v for k, v in gain.items()}
        | {f"controlled at 2 years, {k}": v for k, v in rate.items()},
        runs["none"]["time"].values, curves(runs, *ALONE, "both"), thresholds=THRESHOLDS,
    )  # fmt: skip


GAPS = (-168, -140, -112, -84, -56, -28, -14, 0, 14, 28, 56, 84, 112, 140, 168)
SCHEDULES = {"3 x 8 Gy": HYPOFRACTIONATED, "30 x 2 Gy": (2, 30)}


def _gaps() -> dict[str, Arm]:
    gap = pkpd.param("gap", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    patients = at_every({"kpri": 1.7e7}, gap=GAPS)
    return {
        name: Arm(radiation(*fractions, at=168) + durvalumab(3, at=168 + gap), patients, days=168 + YEAR)
        for name, fractions in SCHEDULES.items()
    }


@phenomenon(_gaps)
def order_and_gap(runs: Runs) -> Finding:
    """Antibody before and after radiation: a gap costs in both directions, most where the antibody is late.

    Three doses of durvalumab and 3 x 8 Gy, which begin on day 168; a year after them.  What is primed
    before the antibody is exhausted or lost, what antibody is gone frees nothing.  With 60 Gy in 30
    fractions, which take six weeks and the lymphocytes, the time matters less.
    """
    living = {name: run["burden"].isel(time=-1).values + 1 for name, run in runs.items()}
    short, long = living.values()
    together = short[GAPS.index(0)]
    before, after = (float(short[end] / together) for end in (0, -1))
    holds(min(before, after) > 1.5, f"a gap does not cost: {before:.2f}, {after:.2f}")
    holds(after > before, "the late antibody should be the worse order")
    holds(long.max() / long.min() < short.max() / short.min(), "time matters as much for 30 fractions")
    return Finding(
        "Order and gap: antibody long before or long after radiation loses; long after is worse",
        {"best gap, days": GAPS[int(short.argmin())], "168 days before, fold": before,
         "168 days after, fold": after, "30 x 2 Gy, largest fold": float(long.max() / long.min())},
        np.array(GAPS, float), living, x_label="first antibody dose after first fraction, days",
        y_label="tumor after a year + 1, mm$^3$", log=True,
    )  # fmt: skip


@phenomenon(
    lambda: {
        "both": Arm(BOTH, days=YEAR),
        "radiation": Arm(radiation(*HYPOFRACTIONATED), days=YEAR),
        "durvalumab": Arm(durvalumab(), days=YEAR),
        "both, no effectors": Arm(BOTH, {"kpri": 0.0}, days=YEAR),
    }
)
def abscopal(runs: Runs) -> Finding:
    """The metastasis regresses though the primary alone is irradiated, and not without effectors."""
    size = {name: relative(run, "T_metastasis") for name, run in runs.items()}
    last = {name: float(on_day(one, 182)) for name, one in size.items()}
    holds(last["both"] < 0.5, f"the metastasis is at {last['both']:.2f}")
    for name in list(runs)[1:]:
        holds(last[name] > 1.2, f"{name}: the metastasis is at {last[name]:.2f}")
    local = relative(runs["both, no effectors"], "T_primary")
    holds(local.min() < 0.3, "radiation should still work where it is given")
    return Finding(
        "Abscopal: the metastasis outside the field regresses, and not without effectors",
        {f"metastasis at 26 weeks, {k}": v for k, v in last.items()},
        runs["both"]["time"].values, size, y_label="living metastasis (day 0 = 1)",
    )  # fmt: skip


FRACTIONS = (0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15)


def _fractions() -> dict[str, Arm]:
    dose = pkpd.param("fraction", 2, "Gy", "dose of a fraction", source="swept")
    regimen = radiation(dose, 15) + durvalumab()
    return {
        name: Arm(regimen, at_every({"field": field, "kpri": 1.3e7}, fraction=FRACTIONS), days=182)
        for name, field in {"field of 300 mL": 300.0, "no lymphocytes hit": 0.0}.items()
    }


@phenomenon(_fractions)
def fraction_dose(runs: Runs) -> Finding:
    """Fifteen fractions to the primary with durvalumab: small ones prime too little, large ones deplete lymphocytes.

    What responds is the metastasis, outside of the field; with no lymphocytes hit, larger is never worse.
    """
    living = {name: run["T_metastasis"].isel(time=-1).values + 1 for name, run in runs.items()}
    hit, spared = living.values()
    nadir = runs["field of 300 mL"]["L"].min("time").values
    least = int(hit.argmin())
    holds(0 < least < len(FRACTIONS) - 1, f"the best fraction is at the end: {FRACTIONS[least]} Gy")
    holds(min(hit[0], hit[-1]) > 1.5 * hit[least], "the optimum is flat")
    holds(np.all(np.diff(nadir) < 0) and nadir[-1] < 0.5, f"lymphocytes are not depleted: {nadir[-1]:.2f}")
    holds(spared[-1] <= 1.1 * spared.min() and spared[-1] < hit[-1] / 1.5, "large fractions lose without depletion")
    return Finding(
        "The best fraction dose lies between too little antigen and too few lymphocytes",
        {"best fraction, Gy": FRACTIONS[least], "metastasis at the best, mm^3": float(hit[least]),
         "at 0.25 Gy": float(hit[0]), "at 15 Gy": float(hit[-1]), "lymphocytes at 15 Gy": float(nadir[-1])},
        np.array(FRACTIONS, float), living,
        x_label="dose of each of 15 fractions, Gy", y_label="metastasis at 26 weeks + 1, mm$^3$", log=True,
    )  # fmt: skip


WASHOUTS = (14, 28, 42, 56, 84, 112, 140, 168)
EXTENTS = {"limited": {"diameter0_metastasis": 10.0}, "widespread": {"diameter0_metastasis": 35.0}}
LAST = 7 * 28  # the day of the eighth dose


def _washouts() -> dict[str, Arm]:
    washout = pkpd.param("washout", 28, "day", "from the last antibody dose to radiation", source="swept")
    regimen = durvalumab(8) + radiation(*HYPOFRACTIONATED, at=LAST + washout)
    before = {f"{extent}, before": Arm(durvalumab(8), patient) for extent, patient in EXTENTS.items()}
    return before | {
        extent: Arm(regimen, at_every(patient, washout=WASHOUTS), days=4 * YEAR) for extent, patient in EXTENTS.items()
    }


@phenomenon(_washouts)
def progression_after_durvalumab(runs: Runs) -> Finding:
    """3 x 8 Gy to the primary, weeks after the last of eight doses that could not hold the tumor.

    Limited progression is a primary with a small metastasis, widespread one with a large metastasis.
    """
    limits = {}
    for extent in EXTENTS:
        first = progression(runs[f"{extent}, before"])
        holds(first < LAST + min(WASHOUTS), f"{extent}: no progression on durvalumab")
        limits[extent] = np.array([_second_progression(runs[extent], w) for w in WASHOUTS])
    limited, widespread = limits.values()
    holds((limited / widespread)[:2].min() > 1.5, f"extent does not matter within four weeks: {limits}")
    holds(limited[0] > 1.5 * limited[-1], f"limited disease is held as long without antibody: {limits}")
    holds((limited / widespread)[-1] < 1.2, f"limited disease is held longer without antibody too: {limits}")
    return Finding(
        "Radiation after progression on durvalumab holds limited disease for long while antibody is left, "
        "widespread disease never",
        {f"{extent}, washout {w}": float(limits[extent][i]) for extent in limits for i, w in enumerate(WASHOUTS)},
        np.array(WASHOUTS, float), limits,
        x_label="washout: last antibody dose to radiation, days", y_label="radiation to progression, days",
    )  # fmt: skip


def _second_progression(run: xr.Dataset, washout: float) -> float:
    """Days from radiation to progression, or to the end of the run."""
    after = run.sel(washout=washout).sel(time=slice(LAST + washout, None))
    day = min(float(progression(after)), float(after["time"][-1]))
    return day - LAST - washout
