"""Virus alone holds a tumor in check, virus with radiation eradicates it.

A: the public file of the model, BIOMD0000001032, which is the simulation of Fig. 8 (points; its tumor
cannot grow, f = 0), with radiation from time 35 on.

B and C: with growth (here f = 0.1), tumor and virus swing, ever wider, around the state where they
balance: virus in all turns where the tumor is h/(1 - m), the tumor where the virus is f.  Radiation of level 1
from time 150 on takes alpha1 > f from that growth, and the tumor goes: the abstract's result, that
radiovirotherapy is more effective than virotherapy and can eradicate tumors completely.  D: without
virus, it takes a level of f/alpha1.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO, RED

MODEL = pkpd.load("al_tuwairqi_2020")
DATA = Path(__file__).parents[1] / "data" / "al_tuwairqi_2020_sbml.csv"
CELLS = {"x": "uninfected", "y": "infected", "v": "virus", "D": "damaged"}
TIMES = np.linspace(0, 300, 3001)
STARTED = 150
SBML = "BIOMD0000001032 by libroadrunner"


def reproduction():
    """The public file's solution, the center of the cycles, and the tumor's fate with radiation."""
    table = pd.read_csv(DATA, comment="#", index_col="time")
    phase = simulated(radiation(35), np.linspace(0, 80, 801), f="SBML")
    virus, both = simulated(None, TIMES), simulated(radiation(STARTED), TIMES)
    h, m, f, alpha1 = (MODEL.symbols[name].value for name in ("h", "m", "f", "alpha1"))
    needed = brentq(growth, 0, 1, xtol=1e-6)
    x, v = turns(virus)
    at = [("x", 20), ("v", 20), ("y", 20), ("D", 36)]
    claims = (
        *(
            pkpd.Claim(f"{CELLS[s]} at {t}", float(table.loc[t, s]), float(phase[s].sel(time=t)), SBML, 1e-4)
            for s, t in at
        ),
        pkpd.Claim("uninfected tumor where virus, free and in cells, turns", h / (1 - m), x, "h/(1 - m)", 0.01),
        pkpd.Claim("virus where the uninfected tumor turns", f, v, "f", 0.01),
        pkpd.Claim("radiation that stops a tumor without virus (level)", f / alpha1, needed, "f/alpha1", 0.001),
        pkpd.Claim("tumor under virus alone", "persists", fate(virus), "abstract"),
        pkpd.Claim("tumor under virus and radiation", "eradicated", fate(both), "abstract"),
    )
    panels = (
        lambda ax: draw_phase(ax, phase, table),
        lambda ax: draw_fates(ax, virus, both),
        lambda ax: draw_cycle(ax, virus, h / (1 - m), f),
        lambda ax: draw_growth(ax, f / alpha1),
    )
    return pkpd.Reproduction(claims, panels)


def radiation(start):
    return pkpd.infusion(400, "radiation", duration=400, at=start)


def simulated(regimen, times, **parameters):
    return pkpd.simulate(MODEL, regimen, times=times, parameters=parameters, rtol=1e-9, atol=1e-13)


def growth(level):
    """The growth rate of a tumor without virus at a `level` of radiation."""
    x = simulated(pkpd.infusion(10 * level, "radiation", duration=10), [0, 10], v0=0.0)["x"].to_numpy()
    return np.log(x[-1] / x[0]) / 10


def turns(run):
    """The tumor at the last peak of all virus, and the virus at the last peak of the tumor."""
    x, y, v = (run[name].to_numpy() for name in "xyv")
    return x[last_peak(y + v)], v[last_peak(x)]


def last_peak(values):
    return np.flatnonzero((values[1:-1] > values[:-2]) & (values[1:-1] > values[2:]))[-1] + 1


def fate(run):
    late = run["V"].sel(time=slice(250, None)).to_numpy()
    return "eradicated" if late.max() < 1e-6 else "persists"


def draw_phase(ax, phase, table):
    for (name, called), color in zip(CELLS.items(), OKABE_ITO, strict=False):
        ax.plot(phase["time"], phase[name], color=color, label=called, linewidth=1)
        ax.plot(table.index, table[name], "o", color=color, markersize=2.5)
    ax.axvline(35, color=GRAY, linestyle="--", linewidth=0.8)
    ax.set(xlabel="time (life of an infected cell)", ylabel="cells and virus (scaled)")
    ax.legend(loc="upper right")


def draw_fates(ax, virus, both):
    ax.semilogy(TIMES, virus["V"], color=BLACK, label="virus", linewidth=1)
    ax.semilogy(TIMES, both["V"], color=RED, label="virus and radiation", linewidth=1)
    ax.axvline(STARTED, color=GRAY, linestyle="--", linewidth=0.8)
    ax.set(xlabel="time (life of an infected cell)", ylabel="tumor (scaled)", ylim=(1e-9, 30))
    ax.legend(loc="lower left")


def draw_cycle(ax, virus, x, v):
    ax.plot(virus["x"], virus["v"], color=OKABE_ITO[0], linewidth=0.8)
    ax.plot(x, v, "o", color=RED, label="h/(1 - m), f")
    ax.set(xlabel="uninfected tumor (scaled)", ylabel="virus (scaled)")
    ax.legend(loc="upper right")


def draw_growth(ax, threshold):
    levels = np.linspace(0, 1, 11)
    ax.plot(levels, [growth(level) for level in levels], "o-", color=OKABE_ITO[0], markersize=3)
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.axvline(threshold, color=RED, linestyle="--", linewidth=0.8, label="f/alpha1")
    ax.set(xlabel="level of radiation", ylabel="growth without virus (1/life)")
    ax.legend(loc="upper right")
