"""Radiation and the antibody: together, in either order, and outside of the field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import pkpd
from pkpd.arrays import Array
from pkpd.fits.phenomena.arms import Arm, Runs, phenomenon, population
from pkpd.fits.phenomena.durvalumab_alone import ACCESSIBLE
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import THRESHOLDS, best, controlled, curves, on_day, relative
from pkpd.fits.phenomena.regimens import BOTH, HYPOFRACTIONATED, YEAR, durvalumab, radiation

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["abscopal", "order_and_gap", "synergy", "which_lesion"]

ALONE = {"none": None, "durvalumab": durvalumab(), "radiation": radiation(*HYPOFRACTIONATED)}
SINGLE = ("durvalumab", "radiation")
COLD = ACCESSIBLE | {"kpri": 1.6e7}  # a tenth of the typical priming, so that durvalumab alone is not enough
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


GAPS = (-168, -112, -84, -42, 0, 42, 84, 112, 168)
SCHEDULES = {"3 x 8 Gy": HYPOFRACTIONATED, "30 x 2 Gy": (2, 30)}
RADIATED = 168
SOME = 120  # of the population, so that many gaps and draws take seconds


def _gaps() -> dict[str, Arm]:
    gap = pkpd.param("gap", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    patients = pkpd.grid(gap=GAPS) * population().take(np.arange(SOME))
    return {
        name: Arm(radiation(*fractions, at=RADIATED) + durvalumab(3, at=RADIATED + gap), patients, days=RADIATED + YEAR)
        for name, fractions in SCHEDULES.items()
    }


@phenomenon(_gaps, needs=(*RADIATION_AND_ANTIBODY, "radiation kills lymphocytes"))
def order_and_gap(runs: Runs) -> Finding:
    """Antibody before and after radiation: a gap of months costs in both directions, one of weeks does not.

    Three doses of durvalumab and radiation to the primary, which begins on day 168; living tumor a year after
    that.  With 60 Gy in 30 fractions, which take six weeks and the lymphocytes, it is more at any gap.
    """
    logs = {name: _log_burden(run) for name, run in runs.items()}
    living = {name: one.mean(axis=1) for name, one in logs.items()}
    short, long = living.values()
    best_gap = GAPS[int(short.argmin())]
    before, after = (float(short[end] - short.min()) for end in (0, -1))
    holds(abs(best_gap) <= 84, f"the best gap is at {best_gap} days")
    holds(min(before, after) > 0.1, f"a gap costs {before:.2f} before, {after:.2f} after")
    near = float(max(short[GAPS.index(gap)] for gap in (-42, 0, 42)) - short.min())
    holds(near < min(before, after), f"a gap of weeks costs as much as one of months: {near:.2f}")
    many = float((long - short)[GAPS.index(0)])
    holds(many > 0.03, f"30 fractions cost {many:.2f}")
    return Finding(
        "Order and gap: within weeks of radiation the antibody does the most, months before or after it less",
        {"best gap, days": best_gap, "cost of 168 days before, log10": before, "cost of 168 days after, log10": after,
         "largest cost within six weeks, log10": near, "cost of 30 x 2 Gy without a gap, log10": many},
        np.array(GAPS, float), living, x_label="First antibody dose after first fraction (day)",
        y_label="Living tumor a year after (log$_{10}$ mm$^3$)",
        bands={name: _standard_error(one) for name, one in logs.items()},
        note=f"N = {SOME}; means, and their standard error between patients", zero=False,
    )  # fmt: skip


def _log_burden(run: xr.Dataset) -> Array:
    """The log of living tumor, mm^3 plus 1, at the end; by gap and patient."""
    return np.log10(run["burden"].isel(time=-1).transpose("gap", "member").values + 1)


def _standard_error(logs: Array) -> tuple[Array, Array]:
    """Of the mean over patients, whose own level is taken off: what a gap changes is seen within patients."""
    within = logs - logs.mean(axis=0)
    error, mean = within.std(axis=1, ddof=1) / np.sqrt(logs.shape[1]), logs.mean(axis=1)
    return mean - error, mean + error


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
        runs["both"]["time"].values, size, y_label="Living metastasis (day 0 = 1)", regimen=BOTH,
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
        y_label="Living lesion outside the field (day 0 = 1)", regimen=BOTH,
    )  # fmt: skip
