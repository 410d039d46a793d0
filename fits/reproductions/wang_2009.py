"""Regrowth is a line: closed forms of nadir, early shrinkage and median survival.

The structure of Wang 2009 (exponential decay and linear growth; log-normal survival by the change of
size until week 8, the size at the start and ECOG status), with the library's illustrative values: what
holds for any.  The nadir is at ln(SR TS0/PR)/SR; half survive exp(mu).  A: sizes by SR.  B: survival by
SR, with the medians in closed form.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

RATES, PR, START = np.array([0.02, 0.05, 0.1]), 1.0, 85.0
WEEKS = np.linspace(0, 150, 15001)


def reproduction():
    """Nadirs, late slopes, shrinkage until week 8 and medians by the rate of shrinkage."""
    run = pkpd.simulate(pkpd.load("wang_2009"), times=WEEKS, parameters={"SR": RATES}, rtol=1e-9)
    sizes, survival = run["TS"].to_numpy(), run["S"].to_numpy()
    slope = (sizes[2, -1] - sizes[2, -101]) / (WEEKS[-1] - WEEKS[-101])
    claims = [pkpd.Claim("late growth, SR = 0.1 /week (mm/week)", PR, slope, "closed form: PR", 0.001)]
    for SR, TS, S in zip(RATES, sizes, survival, strict=True):
        name, week8 = f"SR = {SR:g} /week", 1 - TS[800] / START
        claims += [
            pkpd.Claim(f"time of the nadir, {name} (week)", turn(SR), WEEKS[TS.argmin()], "closed form", 0.001),
            pkpd.Claim(f"shrinkage until week 8, {name}", shrunk(SR), week8, "closed form", 1e-4),
            pkpd.Claim(f"median survival, {name} (week)", median(SR), np.interp(-0.5, -S, WEEKS), "exp(mu)", 0.001),
        ]
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_sizes(ax, sizes), lambda ax: draw_survival(ax, survival)))


def turn(SR):
    return np.log(SR * START / PR) / SR


def shrunk(SR):
    return 1 - np.exp(-8 * SR) - 8 * PR / START


def median(SR):
    """exp(mu0 + b_PTR PTR) with the library's values."""
    symbols = pkpd.load("wang_2009").symbols
    return np.exp(symbols["mu0"].value + symbols["b_PTR"].value * shrunk(SR))


def draw_sizes(ax, sizes):
    for SR, TS, color in zip(RATES, sizes, OKABE_ITO, strict=False):
        ax.plot(WEEKS, TS, color=color, label=f"SR = {SR:g} /week")
        ax.plot(turn(SR), np.interp(turn(SR), WEEKS, TS), "x", color=BLACK, markersize=5, zorder=3)
    ax.plot([], [], "x", color=BLACK, label="nadir, closed form")
    ax.axvline(8, color=GRAY, linestyle=":", linewidth=0.8)
    ax.text(8.5, 4, "week 8", color=GRAY)
    ax.set(xlabel="time (week)", ylabel="tumor size (mm)", xlim=(0, 100), ylim=(0, 190))
    ax.legend(loc="upper right")


def draw_survival(ax, survival):
    for SR, S, color in zip(RATES, survival, OKABE_ITO, strict=False):
        ax.plot(WEEKS, S, color=color, label=f"SR = {SR:g} /week")
        ax.plot(median(SR), 0.5, "o", color=color, markeredgecolor=BLACK, zorder=3)
    ax.plot([], [], "o", color=GRAY, markeredgecolor=BLACK, label="median, exp(mu)")
    ax.set(xlabel="time (week)", ylabel="probability of survival", ylim=(0, 1.02))
    ax.legend()
