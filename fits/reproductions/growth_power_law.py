"""A power of the volume grows linearly, and the course of Murphy 2016.

Mendelsohn's law in closed form: T^(1-p) rises by (1 - p) kl each day (with T1 = 1), and the
doubling time with the same power of the size.  A: the course with the p = 0.785 of Murphy 2016
(BMC Cancer 16:163), beside their public model (BIOMD0000000671).  B: the power of the simulated
volume that is a line.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, RED
from pkpd.fits.reproductions.growth_exponential import DAYS, SOURCE, doubling, draw_course, grown, public_courses

RATE, P = 0.105, 0.785
MURPHY = {"kl": RATE, "p": P, "T1": 1, "T0": 220}


def reproduction():
    """The slope of the power of the volume, doubling times, the volumes of the public model."""
    V, public = grown("growth_power_law", MURPHY), public_courses()["power_law"]
    slope = np.diff(V ** (1 - P)) / np.diff(DAYS)
    claims = (
        pkpd.Claim("slope of T^(1-p) on day 1 (1/day)", (1 - P) * RATE, slope[0], "closed form: (1-p) kl", 1e-5),
        pkpd.Claim("slope of T^(1-p) on day 200 (1/day)", (1 - P) * RATE, slope[-1], "closed form: (1-p) kl", 1e-5),
        pkpd.Claim("doubling time from 220 mm^3 (day)", twice(220), doubling(V, 220), "closed form", 1e-4),
        pkpd.Claim("doubling time from 2200 mm^3 (day)", twice(2200), doubling(V, 2200), "closed form", 1e-4),
        pkpd.Claim("volume on day 100 (mm^3)", public[100], np.interp(100, DAYS, V), SOURCE, 1e-4),
        pkpd.Claim("volume on day 200 (mm^3)", public[200], V[-1], SOURCE, 1e-4),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_course(ax, "power_law", V), lambda ax: draw_power(ax, V)))


def twice(size):
    """The time from `size` to twice that, in closed form."""
    return size ** (1 - P) * (2 ** (1 - P) - 1) / ((1 - P) * RATE)


def draw_power(ax, V):
    ax.plot(DAYS, V ** (1 - P), color=BLUE, label="here")
    line = 220 ** (1 - P) + (1 - P) * RATE * DAYS
    ax.plot(DAYS[::40], line[::40], "o", color=RED, markerfacecolor="none", label="closed form")
    ax.set(xlabel="time (day)", ylabel="$T^{1-p}$, $T$ in mm$^3$")
    ax.legend()
