"""Radiation of one tumor shrinks another where immunogenic death outweighs survival.

A: mice without SIRPa that bear two MC38 tumors, of which the primary one gets 8 Gy on day 12 (data of
the authors' repository, mean and standard deviation); the model from the sizes and the estimate A = 6.12
of their script abscopal100.m, which fits the starts besides.  B: the factor by which radiation
multiplies net growth, S - A (1 - S) at the primary tumor and 1 - A (1 - S) at the other one; growth turns into
regression where it passes zero, S = A/(1 + A) and S = 1 - 1/A.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO, RED

MODEL = pkpd.load("rauf_2025").using(rate="abscopal")
DATA = Path(__file__).parents[1] / "data" / "rauf_2025_abscopal.csv"
SITES = {"primary": "c1", "abscopal": "c2"}
DAYS = np.linspace(12, 26, 57)
A = MODEL.symbols["A"].value
SURVIVAL = {"primary": A / (1 + A), "abscopal": 1 - 1 / A}  # where growth turns into regression


def reproduction():
    """The fates of both tumors, survival of 8 Gy, and the doses from which each regresses."""
    data = pd.read_csv(DATA, comment="#").set_index(["arm", "site"]).sort_index()
    runs = {arm: simulated(data.loc[arm], gray) for arm, gray in (("0 Gy", 0), ("8 Gy", 8))}
    fates = [
        pkpd.Claim(f"{site} tumor, {arm}", fate(data.loc[(arm, site), "value"]), fate(run[state]), "Data/abs100.txt")
        for arm, run in runs.items()
        for site, state in SITES.items()
    ]
    thresholds = [
        pkpd.Claim(f"survival below which the {site} tumor regresses", S, surviving(turning(state)), closed, 1e-3)
        for (site, state), S, closed in zip(SITES.items(), SURVIVAL.values(), ("A/(1 + A)", "1 - 1/A"), strict=True)
    ]
    eight = pkpd.Claim("survival of 8 Gy", code_survival(8), surviving(8), "abscopal100.m", 1e-3)
    return pkpd.Reproduction((*fates, eight, *thresholds), (lambda ax: draw_mice(ax, data, runs), draw_factors))


def simulated(data, gray):
    """Both tumors from their measured sizes (mm^3) on day 12 on."""
    size = {site: 1e6 * float(data.loc[site].set_index("time").loc[12, "value"]) for site in SITES}
    regimen = pkpd.bolus(gray, "radiation") if gray else None
    start = {"c10": size["primary"], "c20": size["abscopal"]}
    run = pkpd.simulate(MODEL, regimen, times=DAYS - 12, parameters=start, method="scipy")
    return run / 1e6


def fate(sizes):
    values = np.asarray(sizes)
    return "grows" if values[-1] > values.max() / 2 else "regresses"


def surviving(gray):
    return float(pkpd.simulate(MODEL, pkpd.bolus(gray, "radiation"), times=[0], at_dose="after")["surv"][0])


def code_survival(gray):
    """As the script has it, at 6 Gy/min."""
    x = 2.558775384581 * gray / 6
    return np.exp(-0.005147638197 * gray - 0.006577733464 * gray**2 * 2 * (x + np.exp(-x) - 1) / x**2)


def factor(gray, state):
    """The growth rate of a tumor right after radiation, over that before."""
    with_and_without = pkpd.simulate(
        MODEL, pkpd.bolus(pkpd.param("d", 0, "Gy", "dose"), "radiation"), times=[0, 0.01],
        parameters=pkpd.grid(d=[1e-9, gray]), method="scipy", rtol=1e-11,
    )[state].to_numpy()  # fmt: skip
    before, after = np.log(with_and_without[:, 1] / with_and_without[:, 0])
    return after / before


def turning(state):
    """The dose (Gy) from which a tumor regresses."""
    return brentq(factor, 1, 20, args=(state,), xtol=1e-4)


def draw_mice(ax, data, runs):
    for (site, state), color in zip(SITES.items(), OKABE_ITO, strict=False):
        for arm, style, fill in (("0 Gy", ":", "white"), ("8 Gy", "-", color)):
            seen = data.loc[(arm, site)]
            points = {"fmt": "o", "color": color, "mfc": fill, "markersize": 3, "elinewidth": 0.6}
            ax.errorbar(seen["time"], seen["value"], seen["sd"], **points)
            ax.plot(DAYS, runs[arm][state], style, color=color, label=f"{site}, {arm}", linewidth=1)
    ax.axvline(12, 0, 0.78, color=GRAY, linestyle="--", linewidth=0.8)
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)", yscale="log", ylim=(1, 1e5))
    ax.legend(loc="upper left", ncols=2, columnspacing=1)


def draw_factors(ax):
    doses = np.linspace(0.5, 15, 12)
    for (site, state), color in zip(SITES.items(), OKABE_ITO, strict=False):
        ax.plot(doses, [factor(d, state) for d in doses], "o-", color=color, label=site, markersize=3, linewidth=1)
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.axvline(8, color=RED, linestyle="--", linewidth=0.8, label="dose of A")
    ax.set(xlabel="fraction dose (Gy)", ylabel="growth rate, of that before")
    ax.legend(loc="lower left")
