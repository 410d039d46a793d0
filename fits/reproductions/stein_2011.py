"""The nadir and its time follow from growth and regression; late growth shows g alone.

Stein WD et al. (Oncologist 13:1046-1054, 2008, abstract): the smallest value and the time to it are
determined by d and g.  Both have closed forms.  The abstract of 2011 has the growth constants of
two trials a decade apart, 10^-3.17 and 10^-2.08 per day.  A: the two of them with the
regression rate of tumgr's sample data; crosses are the closed form of the nadir.  B: once the
regression is over, the logarithm of size and size at the start together rises by g a day, which reads
that input back.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, RED

TRIALS = {"latest trial": 10**-3.17, "earliest trial": 10**-2.08}  # growth constants (1/day)
D, START = 0.020427, 80.0
DAYS = np.linspace(0, 3000, 30001)
COLORS = (BLUE, RED)


def reproduction():
    """Nadirs, their times, and the late slope of the logarithm."""
    run = pkpd.simulate(pkpd.load("stein_2011"), times=DAYS, parameters={"g": list(TRIALS.values()), "d": D}, rtol=1e-9)
    sizes, claims = run["TS"].to_numpy(), []
    for (name, g), TS in zip(TRIALS.items(), sizes, strict=True):
        slope = slopes(TS)[-1]
        claims += [
            pkpd.Claim(f"time of the nadir, {name} (day)", turn(g), DAYS[TS.argmin()], "(ln d - ln g)/(g + d)", 0.002),
            pkpd.Claim(f"nadir over the start, {name}", nadir(g), TS.min() / START, "closed form", 1e-4),
            pkpd.Claim(
                f"log10 of the late growth rate, {name}", np.log10(g), np.log10(slope), "input g (Stein 2011)", 0.001
            ),
        ]
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_sizes(ax, sizes), lambda ax: draw_slopes(ax, sizes)))


def turn(g):
    return np.log(D / g) / (g + D)


def nadir(g):
    return np.exp(-D * turn(g)) + np.exp(g * turn(g)) - 1


def slopes(TS):
    """Of the logarithm of the size and that at the start."""
    return np.gradient(np.log(TS + START), DAYS)


def draw_sizes(ax, sizes):
    for (name, g), TS, color in zip(TRIALS.items(), sizes, COLORS, strict=True):
        ax.plot(DAYS, TS, color=color, label=name)
        ax.plot(turn(g), START * nadir(g), "x", color=BLACK, markersize=5, zorder=3)
    ax.plot([], [], "x", color=BLACK, label="nadir, closed form")
    ax.set(xlabel="time (day)", ylabel="tumor size (mm)", xlim=(0, 700), ylim=(0, 130))
    ax.legend(loc="upper right")


def draw_slopes(ax, sizes):
    for g, TS, color in zip(TRIALS.values(), sizes, COLORS, strict=True):
        ax.plot(DAYS, slopes(TS), color=color)
        ax.axhline(g, color=color, linestyle="--", linewidth=0.8)
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.plot([], [], color=BLACK, linestyle="--", linewidth=0.8, label="published $g$")
    ax.set(xlabel="time (day)", ylabel="slope of ln(size + start) (1/day)", xlim=(0, 700))
    ax.legend(loc="lower right")
