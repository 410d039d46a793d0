"""The diameter of a ball that grows in its outer shell rises by the same length each day.

Mayneord's law (Am J Cancer 16:841-846, 1932) in closed form: the radius is r0 + kr t, so that the
specific growth rate of the volume falls as 3 kr/r.  A: diameters of simulated tumors, from three
sizes.  B: the specific growth rate of the simulated volume.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, OKABE_ITO, RED
from pkpd.fits.reproductions.growth_exponential import grown

KR = 0.2
STARTS = np.array([1.0, 50.0, 500.0])
DAYS = np.linspace(0, 60, 601)


def reproduction():
    """The speed of the radius early and late, and how long the volume takes to double."""
    courses = grown("growth_mayneord", {"kr": KR, "T0": STARTS}, DAYS)
    radii = radius(courses)
    speed = np.diff(radii, axis=1) / np.diff(DAYS)
    early, late = ((2 ** (1 / 3) - 1) * radii[i, 0] / KR for i in (1, 2))
    claims = (
        pkpd.Claim("speed of the radius on day 1 (mm/day)", KR, speed[1, 0], "closed form: kr", 1e-5),
        pkpd.Claim("speed of the radius on day 60 (mm/day)", KR, speed[1, -1], "closed form: kr", 1e-5),
        pkpd.Claim("doubling time from 50 mm^3 (day)", early, np.interp(100, courses[1], DAYS), "closed form", 1e-4),
        pkpd.Claim("doubling time from 500 mm^3 (day)", late, np.interp(1000, courses[2], DAYS), "closed form", 1e-4),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_diameters(ax, radii), lambda ax: draw_specific(ax, courses)))


def radius(volume):
    """Of a ball of this volume."""
    return (3 * volume / (4 * np.pi)) ** (1 / 3)


def draw_diameters(ax, radii):
    for T0, r, color in zip(STARTS, radii, OKABE_ITO, strict=False):
        ax.plot(DAYS, 2 * r, color=color, label=f"from {T0:g} mm$^3$")
    ax.set(xlabel="time (day)", ylabel="diameter (mm)", ylim=(0, None))
    ax.legend()


def draw_specific(ax, courses):
    r = radius(courses[1])
    ax.plot(2 * r, np.gradient(np.log(courses[1]), DAYS, edge_order=2), color=BLUE, label="here")
    ax.plot(2 * r[::50], 3 * KR / r[::50], "o", color=RED, markerfacecolor="none", label="closed form, 3 $k_r/r$")
    ax.set(xlabel="diameter (mm)", ylabel="specific growth rate (1/day)", ylim=(0, None))
    ax.legend()
