"""Of all pairs of treatments of a castrated mouse, vaccine with checkpoint blockade does best.

The abstract names this pair as the most effective one against tumors that resist androgen
deprivation.  The paper's doses were not readable: here every treatment is one unit a week.

A: the tumor after 60 days under each treatment and each pair, as a fraction of the untreated one.
B: the course untreated and after one dose of the best pair, with the public file of the model,
MODEL2109110002, integrated by libroadrunner (points); the file is not curated.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import OKABE_ITO, PALE, RED

MODEL = pkpd.load("coletti_2020")
DATA = Path(__file__).parents[1] / "data" / "coletti_2020_sbml.csv"
TREATMENTS = {
    "vaccine": "vaccine", "icb": "checkpoint blockade", "anti_treg": "anti-Treg", "anti_mdsc": "anti-MDSC",
    "anti_il2": "anti-IL-2",
}  # fmt: skip
ONCE = pkpd.bolus(1, "vaccine") + pkpd.bolus(1, "icb")
ARMS = {"untreated": None, "vaccine and checkpoint inhibitor": ONCE}
DAYS = np.linspace(0, 60, 121)


def reproduction():
    """The best pair, and the courses of the public file."""
    left = ranking()
    best = min((pair for pair in left if len(pair) == 2), key=left.get)
    table = pd.read_csv(DATA, comment="#").set_index(["arm", "time"])
    courses = {arm: simulated(regimen, DAYS) for arm, regimen in ARMS.items()}
    files = tuple(
        pkpd.Claim(
            f"{arm}: {name} on day {day}",
            float(table.loc[(arm, day), name]),
            float(courses[arm][name].sel(time=day)),
            "MODEL2109110002 by libroadrunner",
            1e-4,
        )
        for arm in ARMS
        for name, day in (("X1", 10), ("X2", 60), ("C2", 60))
    )
    word = pkpd.Claim("most effective pair, castrated", "vaccine, checkpoint blockade", ", ".join(best), "abstract")
    return pkpd.Reproduction((word, *files), (lambda ax: draw_ranking(ax, left), lambda ax: draw(ax, courses, table)))


def simulated(regimen, times):
    return pkpd.simulate(MODEL, regimen, times=times, at_dose="after", rtol=1e-9, atol=1e-12)


def ranking():
    """The tumor after 60 days as a fraction of the untreated one, by the names of the treatments."""
    weekly = {name: pkpd.bolus(1, route, every=7, n=9) for route, name in TREATMENTS.items()}
    chosen = [names for k in (1, 2) for names in combinations(weekly, k)]
    untreated = final(None)
    return {names: final(sum((weekly[n] for n in names), pkpd.Regimen())) / untreated for names in chosen}


def final(regimen):
    return float(simulated(regimen, [0, 60])["X"][-1])


def draw_ranking(ax, left):
    ordered = sorted(left, key=left.get, reverse=True)
    colors = [RED if names == ordered[-1] else OKABE_ITO[0] if len(names) == 2 else PALE for names in ordered]
    ax.barh([" + ".join(names) for names in ordered], [left[names] for names in ordered], color=colors)
    ax.tick_params(axis="y", labelsize=5)
    ax.set(xlabel="tumor on day 60 (of untreated)", ylabel="weekly treatment")


def draw(ax, courses, table):
    for (arm, run), color in zip(courses.items(), (PALE, RED), strict=True):
        total = table.loc[arm, "X1"] + table.loc[arm, "X2"]
        ax.plot(DAYS, run["X"], color=color, label=arm, linewidth=1)
        ax.plot(total.index, total, "o", color=color, markersize=2.5)
    ax.set(xlabel="time (day)", ylabel="tumor (scaled)", ylim=(0, 4.6))
    ax.legend(loc="upper left")
