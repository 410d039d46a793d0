"""Dose of a fraction at equal biological dose, volume of the field, and what radiation draws."""

from __future__ import annotations

import numpy as np

import pkpd
from pkpd.fits.phenomena.arms import Arm, Runs, at_every, phenomenon
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import THRESHOLDS, best, curves
from pkpd.fits.phenomena.regimens import START, YEAR, durvalumab, equal_bed, radiation
from pkpd.fits.phenomena.with_radiation import FAR

__all__ = ["field_volume", "fraction_dose", "suppressors_after_radiation"]

PATIENT = FAR | {"kpri": 2e7}
BED = 72.0  # Gy at alpha/beta of 10 Gy: that of 30 x 2 Gy
NUMBERS = (4, 5, 6, 8, 10, 15, 20, 25, 30, 35)
FIELDS = {"field of 300 mL": 300.0, "field of 1000 mL": 1000.0, "no lymphocytes hit": 0.0}


def _isoeffective() -> dict[str, Arm]:
    regimens = {n: radiation(equal_bed(n, BED), n) + durvalumab() for n in NUMBERS}
    return {
        f"{label}, {n}": Arm(regimen, PATIENT | {"field": field}, days=182)
        for label, field in FIELDS.items()
        for n, regimen in regimens.items()
    }


@phenomenon(
    _isoeffective,
    needs=("radiation kills lymphocytes", "killing by effectors", "priming by antigen", "radiation kills tumor"),
)
def fraction_dose(runs: Runs) -> Finding:
    """Fractions of one biological dose (72 Gy, alpha/beta 10) to the primary, with durvalumab: few spare lymphocytes.

    What kills the primary alike at any number of fractions leaves the metastasis, outside of the field, to effectors
    that are primed by lymphocytes; many fractions hit more of these.
    """
    ends = {name: run.isel(time=-1) for name, run in runs.items()}
    far = {label: np.array([float(ends[f"{label}, {n}"]["T_metastasis"]) + 1 for n in NUMBERS]) for label in FIELDS}
    near = [float(ends[f"field of 300 mL, {n}"]["T_primary"]) for n in NUMBERS]
    holds(max(near) < 1, f"the primary is not gone at every number of fractions: {near}")
    hit, wide, spared = far.values()
    nadir = np.array([float(runs[f"field of 300 mL, {n}"]["L"].min()) for n in NUMBERS])
    holds(nadir[0] > 2 * nadir[-1], f"few fractions spare no lymphocytes: {nadir}")
    holds(hit[-1] > 10 * hit[0], f"the number of fractions does not matter: {hit}")
    holds(np.all(wide >= hit), "a wide field does not matter")
    holds(spared.max() < hit[-1] / 10, "many fractions lose without depletion too")
    return Finding(
        "At equal biological dose few large fractions spare lymphocytes, and with them the abscopal response",
        {
            f"metastasis at 26 weeks, mm^3, {n} x {equal_bed(n, BED):.2g} Gy": float(x) - 1
            for n, x in zip(NUMBERS, hit, strict=True)
        }
        | {f"fewest lymphocytes, {n} fractions": float(x) for n, x in zip(NUMBERS, nadir, strict=True)},
        np.array(NUMBERS, float), far, x_label=f"Number of fractions of a biological dose of {BED:g} Gy",
        y_label="Metastasis at 26 weeks + 1 (mm$^3$)", log=True, note="one patient; 4 x 9.3 Gy to 35 x 1.8 Gy",
    )  # fmt: skip


VOLUMES = (10.0, 30.0, 100.0, 200.0, 300.0, 500.0, 800.0, 1200.0, 2000.0)
COURSES = {"5 x 8 Gy": (8.0, 5), "30 x 2 Gy": (2.0, 30)}


@phenomenon(
    lambda: {
        name: Arm(radiation(*fractions) + durvalumab(), at_every(PATIENT, field=VOLUMES), days=182)
        for name, fractions in COURSES.items()
    },
    needs=("radiation kills lymphocytes", "killing by effectors", "priming by antigen"),
)
def field_volume(runs: Runs) -> Finding:
    """The same biological dose to fields of other volumes: the wider, the fewer lymphocytes, and the less abscopal."""
    far = {name: run["T_metastasis"].isel(time=-1).values + 1 for name, run in runs.items()}
    nadir = {name: run["L"].min("time").values for name, run in runs.items()}
    few, many = far.values()
    for name, left in nadir.items():
        holds(np.all(np.diff(left) < 0.02), f"{name}: a wider field spares lymphocytes: {left}")
        holds(left[-1] < left[0] - 0.3, f"{name}: the field does not matter to lymphocytes: {left}")
    holds(few[-1] > 10 * few[0] and many[-1] > 10 * many[0], f"the field does not matter: {few}, {many}")
    limit = {
        name: min((v for v, x in zip(VOLUMES, size, strict=True) if x > 1000), default=np.inf)
        for name, size in far.items()
    }
    holds(limit["5 x 8 Gy"] > limit["30 x 2 Gy"], f"5 fractions bear no wider field: {limit}")
    return Finding(
        "Field volume: the wider the field, the fewer lymphocytes are left to prime, sooner so with 30 fractions",
        {f"field at which the metastasis stays above 1 mL, mL, {k}": v for k, v in limit.items()}
        | {f"fewest lymphocytes at 300 mL, {k}": float(v[VOLUMES.index(300.0)]) for k, v in nadir.items()},
        np.array(VOLUMES), far, x_label="Volume of the field (mL)", y_label="Metastasis at 26 weeks + 1 (mm$^3$)",
        log=True, log_x=True, note="one patient, biological dose 72 Gy",
    )  # fmt: skip


MYELOID = FAR | {"sTreg": 0.0, "sMDSC": 1.5, "kpri": 4.6e7}
DEPLETION = pkpd.bolus(1, "depletion", at=START, every=21, n=4)
AFTER = {
    "durvalumab and radiation": radiation(8, 5) + durvalumab(),
    "with depletion of suppressors": radiation(8, 5) + durvalumab() + DEPLETION,
}


@phenomenon(
    lambda: {name: Arm(regimen, MYELOID, days=YEAR) for name, regimen in AFTER.items()},
    needs=(
        "radiation draws MDSC",
        "suppression",
        "depletion of suppressors",
        "antibody occupancy",
        "radiation kills tumor",
    ),
)
def suppressors_after_radiation(runs: Runs) -> Finding:
    """Radiation draws MDSC into a patient who has many: they take the abscopal response, and a drug gives it back."""
    least = best(runs)
    drawn = {name: float(run["MDSC"].max() / run["MDSC"][0]) for name, run in runs.items()}
    holds(drawn["durvalumab and radiation"] > 1.3, f"radiation draws no MDSC: {drawn}")
    size = {name: run["T_metastasis"].values for name, run in runs.items()}
    last = {name: float(one[26] / one[0]) for name, one in size.items()}
    alone, depleted = last.values()
    holds(alone > 1, f"the metastasis shrinks in spite of MDSC: {last}")
    holds(depleted < 0.5, f"depletion does not help: {last}")
    return Finding(
        "Radiation draws MDSC, which take the abscopal response; their depletion gives it back",
        {f"metastasis at 26 weeks, {k}": v for k, v in last.items()}
        | {f"MDSC, fold, {k}": v for k, v in drawn.items()} | {f"least size, {k}": v for k, v in least.items()},
        next(iter(runs.values()))["time"].values, curves(runs), thresholds=THRESHOLDS,
        regimen=AFTER["durvalumab and radiation"],
    )  # fmt: skip
