"""Above its transition a fraction kills in proportion to its dose.

A: log kill of one fraction with the linear-quadratic and the linear-quadratic-linear curve, which leave each
other at the transition dT without a kink, by construction; the slope beyond is alpha + 2 beta dT.  B: what
that takes from the biologically effective dose of a whole course of 60 Gy, by its fraction dose.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, RED

MODEL = pkpd.load("radiotherapy_lql")
ALPHA, BETA, BEND = (MODEL.symbols[name].value for name in ("alpha", "beta", "dT"))
FINAL = ALPHA + 2 * BETA * BEND
DOSES = np.linspace(0.5, 25, 50)
d = pkpd.param("d", 2, "Gy", "fraction dose")


def reproduction():
    """Kill below and above the transition, the slope beyond it, and the kink that is not there."""
    below, large = 0.8 * BEND, 2 * BEND
    kink = slope(BEND + 0.01) - slope(BEND - 0.01)
    beyond = ALPHA * BEND + BETA * BEND**2 + FINAL * (large - BEND)
    claims = (
        pkpd.Claim(
            f"log kill of {below:g} Gy", ALPHA * below + BETA * below**2, kill(below), "alpha d + beta d^2", 1e-6
        ),
        pkpd.Claim(f"log kill of {large:g} Gy", beyond, kill(large), "closed form", 1e-6),
        pkpd.Claim("slope beyond the transition (1/Gy)", FINAL, slope(large), "alpha + 2 beta dT", 1e-4),
        pkpd.Claim(
            "slope at the transition",
            "continuous",
            "continuous" if abs(kink) < 0.01 * FINAL else "kinked",
            "closed form",
        ),
    )
    return pkpd.Reproduction(claims, (draw_kill, draw_course))


def kill(doses):
    """-ln of the share of cells that one fraction leaves, without growth."""
    ensemble = pkpd.grid(d=np.atleast_1d(doses), kg=[0.0], T0=[1.0])
    T = pkpd.simulate(MODEL, pkpd.fractions(d, n=1), times=[1], parameters=ensemble, atol=1e-30)["T"].to_numpy().ravel()
    return -np.log(T) if np.ndim(doses) else float(-np.log(T[0]))


def slope(dose, step=0.005):
    low, high = kill([dose - step, dose + step])
    return float((high - low) / (2 * step))


def draw_kill(ax):
    ax.plot(DOSES, kill(DOSES), color=BLUE, label="linear-quadratic-linear")
    ax.plot(DOSES, ALPHA * DOSES + BETA * DOSES**2, color=GRAY, linestyle="--", linewidth=0.8, label="linear-quadratic")
    ax.axvline(BEND, 0, 0.68, color=RED, linestyle=":", linewidth=0.8, label=f"transition, {BEND:g} Gy")
    ax.set(xlabel="fraction dose (Gy)", ylabel="log kill of a fraction, -ln S", ylim=(0, 16))
    ax.legend(loc="upper left")


def draw_course(ax):
    total = 60
    ax.plot(DOSES, total / DOSES * kill(DOSES) / ALPHA, color=BLUE, label="linear-quadratic-linear")
    ax.plot(
        DOSES, total * (1 + DOSES * BETA / ALPHA), color=GRAY, linestyle="--", linewidth=0.8, label="linear-quadratic"
    )
    ax.axvline(BEND, 0, 0.68, color=RED, linestyle=":", linewidth=0.8)
    ax.set(xlabel="fraction dose of 60 Gy (Gy)", ylabel="BED of the course (Gy)", ylim=(50, 270))
    ax.legend(loc="upper left")
