"""A doubling time that does not change with size, and the course of Murphy 2016.

Murphy H, Jaafari H and Dobrovolny HM compared seven growth laws on one data set (BMC Cancer
16:163, 2016); their Table 2 has ln 2/a as the doubling time of exponential growth.  A: the
course with their a = 0.0246, beside their public model (BIOMD0000000671).  B: the time that
the simulated tumor takes to double, from each size on.
"""

from pathlib import Path

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, RED

MURPHY = {"kg": 0.0246, "T0": 220}
PUBLIC = Path(__file__).parents[1] / "data" / "growth_laws_sbml.csv"
SOURCE = "BIOMD0000000671 by libroadrunner"
DAYS = np.linspace(0, 200, 401)


def reproduction():
    """The time from size to twice the size, and the volumes of the public model."""
    V = grown("growth_exponential", MURPHY)
    public, at = public_courses(), 100
    claims = (
        pkpd.Claim("doubling time (day)", np.log(2) / 0.0246, doubling(V, 220), "Murphy 2016, Table 2: ln 2/a", 1e-4),
        pkpd.Claim("the same, from 10 times the size", np.log(2) / 0.0246, doubling(V, 2200), "as above", 1e-4),
        pkpd.Claim("volume on day 100 (mm^3)", public["exponential"][at], np.interp(at, DAYS, V), SOURCE, 1e-4),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_course(ax, "exponential", V), lambda ax: draw_doubling(ax, V)))


def grown(name, values, times=DAYS):
    """The volume at each of `times` by the growth law `name`."""
    return pkpd.simulate(pkpd.load(name), times=times, parameters=values, rtol=1e-9)["T"].to_numpy()


def public_courses():
    """The volumes of the public model, by law, with the days as index."""
    import pandas as pd

    return pd.read_csv(PUBLIC, comment="#", index_col="time")


def doubling(V, size):
    """How long the course `V` takes from `size` to twice that."""
    reached = np.interp(np.log([size, 2 * size]), np.log(V), DAYS)
    return reached[1] - reached[0]


def draw_course(ax, law, V):
    """Our course as a line, the public one as points."""
    public = public_courses()[law]
    ax.semilogy(DAYS, V, color=BLUE, label="here")
    ax.plot(public.index, public, "o", color=BLACK, markerfacecolor="none", markersize=4, label="BIOMD0000000671")
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)", ylim=(100, 1e5))
    ax.legend(loc="lower right")


def draw_doubling(ax, V):
    sizes = np.geomspace(220, V[-1] / 2.1, 9)
    ax.semilogx(sizes, [doubling(V, size) for size in sizes], "o", color=BLUE, label="here")
    ax.axhline(np.log(2) / 0.0246, color=RED, linestyle="--", linewidth=0.8, label="published, ln 2/a")
    ax.set(xlabel="tumor (mm$^3$)", ylabel="time to double (day)", ylim=(0, 40))
    ax.legend(loc="lower right")
