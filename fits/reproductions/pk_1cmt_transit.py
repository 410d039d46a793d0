"""A chain of compartments delivers the dose by a gamma density, after MTT on average.

Savic RM et al. (J Pharmacokinet Pharmacodyn 34:711-726, 2007) wrote absorption through n transit
compartments as a gamma function, which the chain of this model is for a whole n.  A: the simulated
input into the absorption compartment, beside that density; its peak is at n MTT/(n+1).
B: concentrations by n at the same MTT.  The mean residence time is MTT + 1/ka + V/CL for any n.
"""

import numpy as np
from scipy.stats import gamma

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO
from pkpd.fits.reproductions.pk_1cmt import CL, V, dosed
from pkpd.models.pk_1cmt_transit import transit

DOSE, MTT, KA = 300.0, 2.0, 3.0
CHAINS = (1, 3, 10)
DAYS = np.linspace(0, 300, 15001)


def reproduction():
    """Time and height of the largest input, mean residence times."""
    runs = {n: dosed(transit(n), pkpd.bolus(DOSE, "oral"), DAYS, MTT=MTT, ka=KA, CL=CL, V=V) for n in CHAINS}
    claims = []
    for n, run in runs.items():
        rate, mode = arriving(run, n), n * MTT / (n + 1)
        where = f"gamma density, n = {n}"
        claims += [
            pkpd.Claim(f"time of the largest input, n = {n} (day)", mode, DAYS[rate.argmax()], "n MTT/(n+1)", 0.01),
            pkpd.Claim(f"largest input, n = {n} (mg/day)", DOSE * density(n).pdf(mode), rate.max(), where, 1e-4),
            pkpd.Claim(
                f"mean residence time, n = {n} (day)", MTT + 1 / KA + V / CL, residence(run), "MTT + 1/ka + V/CL", 1e-3
            ),
        ]
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_input(ax, runs), lambda ax: draw_courses(ax, runs)))


def arriving(run, n):
    """What enters the absorption compartment in a day."""
    return (n + 1) / MTT * run[f"transit{n}"].to_numpy()


def density(n):
    return gamma(n + 1, scale=MTT / (n + 1))


def residence(run):
    """Mean residence time of the drug: first moment of the concentration over its area."""
    C = run["C"].to_numpy()
    return np.trapezoid(DAYS * C, DAYS) / np.trapezoid(C, DAYS)


def draw_input(ax, runs):
    for (n, run), color in zip(runs.items(), OKABE_ITO, strict=False):
        ax.plot(DAYS, arriving(run, n), color=color, label=f"n = {n}")
        t = np.arange(0.25, 6, 0.25)
        ax.plot(t, DOSE * density(n).pdf(t), "o", color=color, markerfacecolor="none", markersize=3)
    ax.plot([], [], "o", color=GRAY, markerfacecolor="none", markersize=3, label="gamma density")
    ax.set(xlabel="time (day)", ylabel="input into absorption (mg/day)", xlim=(0, 6))
    ax.legend()


def draw_courses(ax, runs):
    for (n, run), color in zip(runs.items(), OKABE_ITO, strict=False):
        ax.plot(DAYS, run["C"], color=color, label=f"n = {n}")
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", xlim=(0, 12))
    ax.legend()
