"""Three antigenicities, three courses; and the effectors per day that clear a small tumor.

The paper's abstract: the model "explains" short-term oscillations of tumor size as well as
long-term relapse.  A: without treatment a tumor of low antigenicity c grows to its capacity,
one of middling c comes and goes, one of high c stays small.

The state without tumor is stable where effectors are given faster than s1 = r2 g2 mu2/a, which
is 540 cells a day.  B: the rate at which a small tumor grows beside the effectors that such
a treatment maintains, from its simulated course; it crosses zero there.
"""

import numpy as np
from scipy.optimize import brentq

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO, RED

MODEL = "kirschner_panetta_1998"
ANTIGENICITIES = {"low": 1e-5, "middling": 0.03, "high": 0.05}
YEARS = np.linspace(0, 30, 3001)


def reproduction():
    """The threshold by bisection on simulated growth, and the kind of course of each antigenicity."""
    untreated = pkpd.simulate(
        pkpd.load(MODEL), times=YEARS * 365, parameters=pkpd.grid(c=list(ANTIGENICITIES.values()))
    )
    tumors = untreated["T"].to_numpy()
    threshold = brentq(small_tumor_growth, 300, 900, xtol=1e-3)
    courses = [
        pkpd.Claim(f"untreated tumor of {name} c ({c:g} /day)", expected, course(T), "abstract")
        for (name, c), expected, T in zip(ANTIGENICITIES.items(), ("grows", "oscillates", "rests"), tumors, strict=True)
    ]
    cells = pkpd.Claim("effectors that clear a small tumor (cell/day)", 540, threshold, "s1 = r2 g2 mu2/a", 0.001)
    return pkpd.Reproduction((cells, *courses), (lambda ax: draw_courses(ax, tumors), draw_threshold))


def small_tumor_growth(rate):
    """The exponential growth rate (1/day) of one tumor cell under effectors given at `rate` (cell/day)."""
    mu2 = pkpd.load(MODEL).symbols["mu2"].value
    transfer = pkpd.infusion(rate * 20, "cells", duration=20)
    start = {"E0": rate / mu2, "T0": 1.0, "c": 0.0}
    T = pkpd.simulate(pkpd.load(MODEL), transfer, times=[0, 20], parameters=start, rtol=1e-10)["T"].to_numpy()
    return np.log(T[-1] / T[0]) / 20


def course(T):
    """What a tumor does in the last third of its time."""
    late = T[len(T) * 2 // 3 :]
    if late.max() > 10 * late.min():
        return "oscillates"
    return "grows" if late.mean() > 1e8 else "rests"


def draw_courses(ax, tumors):
    for (name, c), T, color in zip(ANTIGENICITIES.items(), tumors, OKABE_ITO, strict=False):
        ax.semilogy(YEARS, T, color=color, label=f"{name}, c = {c:g} /day", linewidth=1)
    ax.set(xlabel="time (year)", ylabel="tumor (cell)", ylim=(0.5, 1e15))
    ax.legend(loc="upper right")


def draw_threshold(ax):
    rates = np.linspace(300, 900, 13)
    ax.plot(rates, [small_tumor_growth(rate) for rate in rates], "o-", markersize=3)
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.axvline(540, color=RED, linestyle="--", linewidth=0.8, label="published, 540")
    ax.set(xlabel="effectors given (cell/day)", ylabel="growth of a small tumor (1/day)")
    ax.legend()
