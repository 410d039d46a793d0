"""The tumor grows by the same volume each day, so that its doubling time grows with its size.

Closed form: T0 + kl t, which doubles within T0/kl.  A: courses from three sizes are parallel.
B: the time that the simulated tumor takes to double against its size, beside T0/kl.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, OKABE_ITO, RED
from pkpd.fits.reproductions.growth_exponential import grown

STARTS = np.array([50.0, 500.0, 1000.0])
DAYS = np.linspace(0, 60, 121)


def reproduction():
    """The slope of the course, and how long tumors of three sizes take to double."""
    courses = grown("growth_linear", {"kl": 50, "T0": STARTS}, DAYS)
    slopes = np.diff(courses, axis=1) / np.diff(DAYS)
    claims = (
        pkpd.Claim("growth on day 1 (mm^3/day)", 50, slopes[0, 0], "closed form: kl", 1e-6),
        pkpd.Claim("growth on day 60 (mm^3/day)", 50, slopes[0, -1], "closed form: kl", 1e-6),
        *(
            pkpd.Claim(f"doubling time from {T0:g} mm^3 (day)", T0 / 50, doubling(T0, T), "closed form: T0/kl", 1e-6)
            for T0, T in zip(STARTS, courses, strict=True)
        ),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_courses(ax, courses), lambda ax: draw_doubling(ax, courses)))


def doubling(T0, T):
    return np.interp(2 * T0, T, DAYS)


def draw_courses(ax, courses):
    for T0, T, color in zip(STARTS, courses, OKABE_ITO, strict=False):
        ax.plot(DAYS, T, color=color, label=f"from {T0:g} mm$^3$")
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)", ylim=(0, None))
    ax.legend()


def draw_doubling(ax, courses):
    ax.plot(STARTS, [doubling(T0, T) for T0, T in zip(STARTS, courses, strict=True)], "o", color=BLUE, label="here")
    ax.plot([0, 1000], [0, 20], color=RED, linestyle="--", linewidth=0.8, label="closed form, $T_0/k_l$")
    ax.set(xlabel="tumor at the start (mm$^3$)", ylabel="time to double (day)")
    ax.legend()
