"""Growth is exponential below kl/kg and linear above, the more sharply the larger psi is.

Simeoni M et al. (Cancer Res 64:1094-1101, 2004) took psi = 20, which makes the law switch between
the two.  A: the simulated course leaves the exponential one at kl/kg = 2000 mm^3.  B: growth
against size for three psi; at the turn it is kl/2^(1/psi) in closed form.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED
from pkpd.fits.reproductions.growth_exponential import grown

KG, KL = 0.2, 400.0
SHARPNESS = np.array([1.0, 5.0, 20.0])
DAYS = np.linspace(0, 40, 4001)


def reproduction():
    """The early and late rates of the course, and its slope at the turn."""
    courses = grown("growth_simeoni", {"kg": KG, "kl": KL, "T0": 50, "psi": SHARPNESS}, DAYS)
    T = courses[-1]
    slopes = np.gradient(courses, DAYS, axis=1)
    turns = [np.interp(KL / KG, T, slope) for T, slope in zip(courses, slopes, strict=True)]
    claims = (
        pkpd.Claim("specific growth rate at 100 mm^3 (1/day)", KG, np.interp(100, T, slopes[-1] / T), "kg", 1e-4),
        pkpd.Claim("growth at 6000 mm^3 (mm^3/day)", KL, np.interp(6000, T, slopes[-1]), "kl", 1e-4),
        *(
            pkpd.Claim(f"growth at the turn, psi = {psi:g} (mm^3/day)", KL / 2 ** (1 / psi), turn, "closed form", 1e-3)
            for psi, turn in zip(SHARPNESS, turns, strict=True)
        ),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_course(ax, T), lambda ax: draw_slopes(ax, courses, slopes)))


def draw_course(ax, T):
    ax.semilogy(DAYS, 50 * np.exp(KG * DAYS), color=GRAY, linestyle=":", linewidth=1, label="exponential, $k_g$")
    ax.semilogy(DAYS, T, color=BLUE, label="here, psi = 20")
    ax.axhline(KL / KG, color=RED, linestyle="--", linewidth=0.8, label="turn, $k_l/k_g$")
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)", ylim=(30, 1e5))
    ax.legend(loc="upper left")


def draw_slopes(ax, courses, slopes):
    for psi, T, slope, color in zip(SHARPNESS, courses, slopes, OKABE_ITO, strict=False):
        ax.plot(T, slope, color=color, label=f"psi = {psi:g}")
    ax.axvline(KL / KG, color=RED, linestyle="--", linewidth=0.8)
    ax.set(xlabel="tumor (mm$^3$)", ylabel="growth (mm$^3$/day)", xlim=(0, 6000), ylim=(0, 430))
    ax.legend(loc="lower right")
