"""Patients: what they differ by, as frozen draws, and the estimates that turn draws into parameters.

The draws are fixed (a scrambled Sobol sequence): the same patient, at other estimates, is another
value of the same quantile, so that a calibration sees no noise of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from pkpd.arrays import Array

__all__ = ["CORRELATION", "VISIBLE", "Draws", "draw", "immunity", "metastatic_patients", "stage_three_patients"]

SEED = 2017
CORRELATION = 0.87  # of radiosensitivity with growth, Geng 2017
VISIBLE = 10.0  # mm: what RECIST 1.1 calls measurable; a new lesion is seen from there on
WINDOW = (1.0, 42.0)  # days from the end of chemoradiation to randomization, PACIFIC
SCAN_SD = 1.7  # mm, Oxnard 2011: 2.4 mm between two scans within 15 minutes
BOUNDARIES, SHARES = (0.01, 0.25), (0.33, 0.65)  # of patients below TC 1 % and 25 %: illustrative, a third each
LESION = (3.592, 0.600)  # of ln(mm): diameters of study 4 at baseline
GROSS = (np.log(50.0), 0.4)  # of ln(mm): gross disease of stage III; illustrative
NAMES = (
    "growth",
    "radiosensitivity",
    "size",
    "metastases",
    "effectors",
    "PDL1",
    "wait",
    "death",
    "dropout",
    "clearance",
)
SCANS = 40


@dataclass(frozen=True, eq=False)
class Draws:
    """Uniform draws (patients,) by name, and standard normal ones of the scans (patients, scans)."""

    uniform: Mapping[str, Array]
    scans: Array

    def normal(self, name: str) -> Array:
        return np.asarray(special.ndtri(self.uniform[name]))

    def __len__(self) -> int:
        return len(self.scans)


def draw(n: int = 4096, seed: int = SEED) -> Draws:
    """The draws of `n` patients, a power of 2."""
    points = stats.qmc.Sobol(len(NAMES), seed=seed).random(n)
    inside = np.clip(points, 1e-9, 1 - 1e-9)
    return Draws(dict(zip(NAMES, inside.T, strict=True)), np.random.default_rng(seed).standard_normal((n, SCANS)))


def expression(draws: Draws) -> Array:
    """The share of tumor cells with PD-L1: logit-normal, with the shares of patients at its boundaries."""
    low, high = special.logit(BOUNDARIES)
    z = special.ndtri(SHARES)
    spread = (high - low) / (z[1] - z[0])
    return np.asarray(special.expit(low + spread * (draws.normal("PDL1") - z[0])))


def immunity(draws: Draws, estimates: Mapping[str, float]) -> dict[str, Array | float]:
    """What decides about a patient's response to the antibody."""
    return {
        "e": estimates["e"] * np.exp(estimates["e_sd"] * draws.normal("effectors")),
        "PDL1_tumor": expression(draws),
        **{name: estimates[name] for name in ("PDL1_immune", "kloss")},
    }


def metastatic_patients(draws: Draws, estimates: Mapping[str, float]) -> dict[str, Array | float]:
    """Patients with a lesion as in study 4, who are given the antibody alone."""
    mean, sd = LESION
    return {
        "rho": estimates["rho_metastatic"] * np.exp(estimates["rho_metastatic_sd"] * draws.normal("growth")),
        "diameter_gross": np.exp(mean + sd * draws.normal("size")),
        "metastatic": 0.0,
        **immunity(draws, estimates),
    }


def radiosensitivity(draws: Draws, estimates: Mapping[str, float]) -> Array:
    """Normal over patients, truncated at 0 as in Geng 2017, and correlated with growth."""
    both = CORRELATION * draws.normal("growth") + np.sqrt(1 - CORRELATION**2) * draws.normal("radiosensitivity")
    least = special.ndtr(-estimates["alpha"] / estimates["alpha_sd"])
    z = special.ndtri(least + (1 - least) * np.clip(special.ndtr(both), 1e-12, 1 - 1e-12))
    return np.maximum(estimates["alpha"] + estimates["alpha_sd"] * z, 1e-6)


def largest_metastasis(draws: Draws, estimates: Mapping[str, float]) -> tuple[Array, Array]:
    """The diameter of the largest occult metastasis, and whether there is any.

    Their number is Poisson distributed, their diameters are log-normal: the largest is below x with
    the probability exp(-m (1 - F(x))).  None is visible, or the patient were of stage IV.
    """
    m, median, sd = (estimates[name] for name in ("metastases", "diameter_occult", "diameter_occult_sd"))
    beyond = special.ndtr(-np.log(VISIBLE / median) / sd)
    above = -np.log(draws.uniform["metastases"]) / m + beyond  # 1 - F at the largest
    metastatic = above < 1
    z = -special.ndtri(np.clip(above, 1e-12, 1 - 1e-9))
    return np.where(metastatic, median * np.exp(sd * z), 1.0), metastatic.astype(float)


def stage_three_patients(
    draws: Draws, estimates: Mapping[str, float], randomized: float, duration: float
) -> dict[str, Array | float]:
    """Patients whose chemoradiation, of so many days, ends 1 to 42 days before the day `randomized`."""
    mean, sd = GROSS
    wait = WINDOW[0] + (WINDOW[1] - WINDOW[0]) * draws.uniform["wait"]
    diameter, metastatic = largest_metastasis(draws, estimates)
    named = ("h0", "h1", "B50")
    return {
        "rho": estimates["rho"] * np.exp(estimates["rho_sd"] * draws.normal("growth")),
        "alpha": radiosensitivity(draws, estimates),
        "diameter_gross": np.exp(mean + sd * draws.normal("size")),
        "diameter_occult": diameter,
        "metastatic": metastatic,
        "start": randomized - duration - wait,
        "kcl": estimates["kcl_rt"] * np.exp(estimates["kcl_rt_sd"] * draws.normal("clearance")),
        "H_death": -np.log(draws.uniform["death"]),
        **{name: estimates[name] for name in named},
        **immunity(draws, estimates),
    }
