"""Chemotherapy, and drugs against what keeps a patient from responding."""

from __future__ import annotations

from collections.abc import Mapping

import pkpd
from pkpd.fits.phenomena.arms import Arm, Runs, phenomenon, population
from pkpd.fits.phenomena.durvalumab_alone import ACCESSIBLE
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import THRESHOLDS, best, controlled, curves, relative
from pkpd.fits.phenomena.regimens import START, YEAR, durvalumab

__all__ = ["chemotherapy_added", "infiltration", "suppressor_depletion"]


def _rescued(drug: str, n: int, patient: Mapping[str, float]) -> dict[str, Arm]:
    """Durvalumab, a drug every three weeks, and both."""
    cycles = pkpd.bolus(1, drug, at=START, every=21, n=n)
    regimens = {"durvalumab": durvalumab(), drug.replace("_", " "): cycles, "both": durvalumab() + cycles}
    return {name: Arm(regimen, patient) for name, regimen in regimens.items()}


def _rescue(runs: Runs, claim: str) -> Finding:
    least = best(runs)
    for name in list(runs)[:2]:
        holds(least[name] > 0.7, f"{name} alone shrinks the tumor to {least[name]:.2f}")
    holds(least["both"] < 0.5, f"both together do not rescue: {least['both']:.2f}")
    return Finding(
        claim, least, runs["both"]["time"].values, curves(runs), thresholds=THRESHOLDS, regimen=durvalumab(), top=3
    )


REGULATED = ACCESSIBLE | {"sTreg": 3.0, "sMDSC": 0.0, "kpri": 1.6e8}
BLOCKADE = ("antibody occupancy", "PD-L1 brake", "killing by effectors", "priming by antigen")


@phenomenon(
    lambda: _rescued("depletion", 8, REGULATED),
    needs=("suppression", "Treg drawn by effectors", "depletion of suppressors", *BLOCKADE),
)
def suppressor_depletion(runs: Runs) -> Finding:
    """A patient whose own response draws the Treg that keep it down responds once they are depleted."""
    return _rescue(
        runs, "Depletion of Treg, which effectors draw, rescues a patient who does not respond to durvalumab"
    )


@phenomenon(
    lambda: _rescued("infiltration_drug", 17, ACCESSIBLE | {"kpri": 5e7, "ktr": 0.005, "krec": 0.0015}),
    needs=("infiltration drug", *BLOCKADE),
)
def infiltration(runs: Runs) -> Finding:
    """A patient whose effectors hardly get into the tumor (a twentieth) responds once a drug lets them."""
    return _rescue(runs, "A drug that opens the tumor to effectors rescues a patient whose tumor excludes them")


CHEMOTHERAPY = pkpd.bolus(1, "chemo", at=START, every=21, n=4)
CHEMO_ARMS = {"durvalumab": durvalumab(), "chemotherapy": CHEMOTHERAPY, "both": durvalumab() + CHEMOTHERAPY}


@phenomenon(
    lambda: (
        {name: Arm(regimen, ACCESSIBLE | {"kpri": 2e7}, days=YEAR) for name, regimen in CHEMO_ARMS.items()}
        | {f"{name}, population": Arm(regimen, population()) for name, regimen in CHEMO_ARMS.items()}
    ),
    needs=("chemotherapy kills tumor", "chemotherapy kills lymphocytes", *BLOCKADE),
)
def chemotherapy_added(runs: Runs) -> Finding:
    """Four cycles of chemotherapy kill tumor, whose antigen primes, and lymphocytes."""
    year = {name: float(relative(runs[name])[-1]) for name in CHEMO_ARMS}
    holds(year["both"] < 0.8 * min(year["durvalumab"], year["chemotherapy"]), f"chemotherapy adds nothing: {year}")
    mature = {name: float(runs[name]["DC"].values[:13].max()) for name in CHEMO_ARMS}
    holds(mature["both"] > 1.1 * mature["durvalumab"], f"chemotherapy releases no antigen: {mature}")
    fewest = float(runs["both"]["L"].min())
    holds(fewest < 0.8, "chemotherapy spares lymphocytes")
    rate = {name: controlled(runs[f"{name}, population"], 2 * YEAR) for name in CHEMO_ARMS}
    holds(rate["both"] > max(rate["durvalumab"], rate["chemotherapy"]), f"not in the population: {rate}")
    return Finding(
        "Chemotherapy added to durvalumab: deeper and longer, at a cost in lymphocytes",
        {f"size at one year, {k}": v for k, v in year.items()}
        | {f"controlled at 2 years, {k}": v for k, v in rate.items()} | {"fewest lymphocytes": fewest},
        runs["both"]["time"].values, curves(runs, *CHEMO_ARMS), thresholds=THRESHOLDS, regimen=CHEMO_ARMS["both"],
    )  # fmt: skip
