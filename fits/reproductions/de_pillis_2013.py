"""Sunitinib takes regulatory T cells away, and the tumor shrinks; twice the dose does a little more.

The abstract: sunitinib by the standard protocol improved the control of the tumor in about 40 % of
simulated patients, and twice the dose in about 15 % more.  The patients' values were not found; this
is the one patient of the public SBML, and the unit of a dose is illustrative.

A: one dose in the public SBML, mended, by libroadrunner (points).  B: the
tumor (solid) and regulatory T cells (dashed) under four weeks of daily doses.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO

MODEL = pkpd.load("de_pillis_2013")
SBML = pd.read_csv(Path(__file__).parents[1] / "data" / "de_pillis_2013_sbml.csv", comment="#")
PUBLIC = "BIOMD0000000908, mended, by libroadrunner"
DOSES = {"untreated": 0.0, "standard": 0.01, "double": 0.02}  # mg/L a day
DAYS = np.linspace(0, 84, 337)


def reproduction():
    """The mended public course after one dose, and the order of three arms after four weeks."""
    one = course(SBML["time"], pkpd.bolus(0.01, "sunitinib"))
    arms = {name: course(DAYS, pkpd.bolus(dose, "sunitinib", every=1, n=28)) for name, dose in DOSES.items()}
    none, standard, double = (float(run["T"].sel(time=28)) for run in arms.values())
    half_life = np.log(2) * 10 / np.log(float(one["S"][4] / one["S"][8]))
    claims = (
        *(
            pkpd.Claim(f"{what} at day 20 ({unit})", float(SBML[name][8]), float(one[name][8]), PUBLIC, 1e-3)
            for name, what, unit in (("T", "tumor", "cell"), ("R", "regulatory T cells", "cell/L"))
        ),
        pkpd.Claim("half-life of sunitinib (day)", np.log(2) / 0.277, half_life, "closed form: ln 2/n", 1e-3),
        pkpd.Claim("tumor, sunitinib", "smaller", compared(standard, none), "abstract (1)"),
        pkpd.Claim("tumor, twice the dose", "smaller", compared(double, standard), "abstract (2)"),
    )
    return pkpd.Reproduction(claims, (draw_public, lambda ax: draw_arms(ax, arms)))


def course(days, regimen):
    return pkpd.simulate(MODEL, regimen, times=days, at_dose="after", rtol=1e-9)


def compared(T, other):
    return "smaller" if T < 0.99 * other else "larger" if T > 1.01 * other else "the same"


def draw_public(ax):
    run = course(np.linspace(0, 40, 161), pkpd.bolus(0.01, "sunitinib"))
    for name, color, what in zip("TR", OKABE_ITO, ("tumor", "regulatory T cells"), strict=False):
        ax.plot(run["time"], run[name] / run[name][0], color=color, label=what)
        ax.plot(SBML["time"], SBML[name] / SBML[name][0], "o", color=color, markersize=3)
    ax.set(xlabel="time (day)", ylabel="relative to the start", ylim=(0, 1.05))
    ax.legend(loc="upper right")


def draw_arms(ax, arms):
    for (arm, run), color in zip(arms.items(), (GRAY, *OKABE_ITO), strict=False):
        ax.semilogy(DAYS, run["T"] / run["T"][0], color=color, label=arm)
        ax.semilogy(DAYS, run["R"] / run["R"][0], "--", color=color, linewidth=0.9)
    ax.set(xlabel="time (day)", ylabel="relative to the start", ylim=(3e-3, 2))
    ax.legend(loc="lower right")
