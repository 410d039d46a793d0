"""Radiation and the antibody: together, in either order, and outside of the field."""

from __future__ import annotations

import numpy as np

import pkpd
from pkpd.fits.phenomena.arms import Arm, Runs, at_every, phenomenon, population
from pkpd.fits.phenomena.durvalumab_alone import ACCESSIBLE
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import THRESHOLDS, best, controlled, curves, on_day, relative
from pkpd.fits.phenomena.regimens import BOTH, HYPOFRACTIONATED, YEAR, durvalumab, radiation

__all__ = ["abscopal", "order_and_gap", "synergy", "which_lesion"]

ALONE = {"none": None, "durvalumab": durvalumab(), "radiation": radiation(*HYPOFRACTIONATED)}
SINGLE = ("durvalumab", "radiation")
COLD = ACCESSIBLE | {"kpri": 2e7}  # an eighth of the typical priming, so that durvalumab alone is not enough
RADIATION_AND_ANTIBODY = (
    "antibody occupancy", "PD-L1 brake", "killing by effectors", "priming by antigen", "radiation kills tumor",
)  # fmt: skip


@phenomenon(
    lambda: (
        {name: Arm(regimen, COLD) for name, regimen in {**ALONE, "both": BOTH}.items()}
        | {f"{name}, population": Arm(regimen, population()) for name, regimen in {**ALONE, "both": BOTH}.items()}
    ),
    needs=RADIATION_AND_ANTIBODY,
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
        runs["none"]["time"].values, curves(runs, *ALONE, "both"), thresholds=THRESHOLDS, regimen=BOTH,
    )  # fmt: skip


GAPS = (-168, -140, -112, -84, -56, -28, -14, 0, 14, 28, 56, 84, 112, 140, 168)
SCHEDULES = {"3 x 8 Gy": HYPOFRACTIONATED, "30 x 2 Gy": (2, 30)}
COLDEST = ACCESSIBLE | {"kpri": 1e7}


def _gaps() -> dict[str, Arm]:
    gap = pkpd.param("gap", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    patients = at_every(COLDEST, gap=GAPS)
    return {
        name: Arm(radiation(*fractions, at=168) + durvalumab(3, at=168 + gap), patients, days=168 + YEAR)
        for name, fractions in SCHEDULES.items()
    }


@phenomenon(_gaps, needs=(*RADIATION_AND_ANTIBODY, "radiation kills lymphocytes", "recall", "memory"))
def order_and_gap(runs: Runs) -> Finding:
    """Antibody before and after radiation: a gap costs in both directions, and within weeks it does not matter.

    Three doses of durvalumab and 3 x 8 Gy, which begin on day 168; a year after them.  What is primed
    before the antibody is lost, what antibody is gone frees nothing; what is left for a while is memory.  With
    60 Gy in 30 fractions, which take six weeks and the lymphocytes, no time is good.
    """
    living = {name: run["burden"].isel(time=-1).values + 1 for name, run in runs.items()}
    short, long = living.values()
    together = short[GAPS.index(0)]
    before, after = (float(short[end] / together) for end in (0, -1))
    holds(min(before, after) > 5, f"a gap does not cost: {before:.2f}, {after:.2f}")
    window = [gap for gap, size in zip(GAPS, short, strict=True) if size < short.max() / 10]
    holds(max(window) - min(window) >= 28, f"the window is {window}")
    holds(long.min() > 5 * short.min(), "30 fractions do as well")
    return Finding(
        "Order and gap: within weeks of radiation the antibody does the most, long before or after it loses",
        {"window begins, days": min(window), "window ends, days": max(window), "168 days before, fold": before,
         "168 days after, fold": after, "30 x 2 Gy, least mm^3": float(long.min())},
        np.array(GAPS, float), living, x_label="first antibody dose after first fraction, days",
        y_label="tumor after a year + 1, mm$^3$", log=True, note="one patient",
    )  # fmt: skip


FAR = COLD | {"diameter0_metastasis": 25.0}


@phenomenon(
    lambda: {name: Arm(regimen, FAR, days=YEAR) for name, regimen in {"both": BOTH, **ALONE}.items()},
    needs=(*RADIATION_AND_ANTIBODY, "trafficking to the metastasis"),
)
def abscopal(runs: Runs) -> Finding:
    """The metastasis regresses though the primary alone is irradiated, and not by either treatment alone."""
    size = {name: relative(run, "T_metastasis") for name, run in runs.items()}
    last = {name: float(on_day(one, 182)) for name, one in size.items()}
    holds(last["both"] < 0.5, f"the metastasis is at {last['both']:.2f}")
    for name in ALONE:
        holds(last[name] > 1.2, f"{name}: the metastasis is at {last[name]:.2f}")
    holds(relative(runs["radiation"], "T_primary").min() < 0.3, "radiation should work where it is given")
    return Finding(
        "Abscopal: with durvalumab the metastasis outside the field regresses, and by neither alone",
        {f"metastasis at 26 weeks, {k}": v for k, v in last.items()},
        runs["both"]["time"].values, size, y_label="living metastasis (day 0 = 1)", regimen=BOTH,
    )  # fmt: skip


SITES = {
    "neither": durvalumab(),
    "the smaller": durvalumab() + radiation(*HYPOFRACTIONATED, lesion="metastasis"),
    "the larger": BOTH,
    "both": BOTH + radiation(*HYPOFRACTIONATED, lesion="metastasis"),
}


@phenomenon(
    lambda: {name: Arm(regimen, COLD, days=YEAR) for name, regimen in SITES.items()},
    needs=(
        "antibody occupancy", "killing by effectors", "priming by antigen", "radiation kills tumor",
        "trafficking to the metastasis",
    ),
)  # fmt: skip
def which_lesion(runs: Runs) -> Finding:
    """Of two lesions the one that is irradiated matters: what dies of the larger primes more."""
    outside = {
        "the smaller": relative(runs["the smaller"], "T_primary"),
        "the larger": relative(runs["the larger"], "T_metastasis"),
        "neither": relative(runs["neither"], "T_metastasis"),
    }
    last = {name: float(on_day(one, 182)) for name, one in outside.items()}
    holds(last["the smaller"] > 1, f"irradiating the smaller does it too: {last}")
    holds(last["the larger"] < 0.5, f"irradiating the larger does not: {last}")
    mature = {name: float(runs[name]["DC"].values[:9].max()) for name in outside}
    holds(mature["the larger"] > 1.2 * mature["the smaller"], f"the larger primes no more: {mature}")
    left = {name: float(run["burden"][26]) for name, run in runs.items()}
    holds(left["both"] < 100 < left["the smaller"], f"living tumor: {left}")
    return Finding(
        "Which lesion: under durvalumab what dies of the larger one primes enough for the other, the smaller does not",
        {f"living at 26 weeks outside the field, irradiated: {k}": v for k, v in last.items()}
        | {f"most mature dendritic cells, irradiated: {k}": v for k, v in mature.items()}
        | {f"living tumor at 26 weeks, mm^3, irradiated: {k}": v for k, v in left.items()},
        runs["neither"]["time"].values, {f"irradiated: {k}": v for k, v in outside.items()},
        y_label="living lesion outside the field (day 0 = 1)", regimen=BOTH,
    )  # fmt: skip
