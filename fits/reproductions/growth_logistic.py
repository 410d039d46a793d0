"""Growth is fastest at half of the largest size, and the course of Murphy 2016.

The turning point follows in closed form: T = Tmax/2, where the tumor grows by kg Tmax/4 a day.
Murphy 2016 (BMC Cancer 16:163, Table 2) gives b as the largest size.  A: the
course with their a = 0.0295 and b = 6920, beside their public model (BIOMD0000000671).  B: the
slope of the simulated course against its size.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, RED
from pkpd.fits.reproductions.growth_exponential import DAYS, SOURCE, draw_course, grown, public_courses

MURPHY = {"kg": 0.0295, "Tmax": 6920, "T0": 220}
LONG = np.linspace(0, 600, 6001)


def reproduction():
    """The size and the slope at the steepest point, the final size, the volumes of the public model."""
    V, public = grown("growth_logistic", MURPHY, LONG), public_courses()["logistic"]
    size, slope = steepest(LONG, V)
    claims = (
        pkpd.Claim("size at which growth is fastest (mm^3)", 6920 / 2, size, "closed form: b/2", 1e-4),
        pkpd.Claim("growth there (mm^3/day)", 0.0295 * 6920 / 4, slope, "closed form: a b/4", 1e-4),
        pkpd.Claim("largest size (mm^3)", 6920, V[-1], "Murphy 2016, Table 2: b", 1e-4),
        pkpd.Claim("volume on day 100 (mm^3)", public[100], np.interp(100, LONG, V), SOURCE, 1e-4),
    )
    course = np.interp(DAYS, LONG, V)
    return pkpd.Reproduction(
        claims,
        (lambda ax: draw_course(ax, "logistic", course), lambda ax: draw_slope(ax, LONG, V, 6920 / 2, "$b$/2")),
    )


def steepest(t, V):
    """Size and slope where a sampled course is steepest: the top of a parabola through three slopes."""
    slope = np.gradient(V, t)
    i = int(slope.argmax())
    low, top, high = slope[i - 1 : i + 2]
    shift = (low - high) / (2 * (low - 2 * top + high))
    return np.interp(i + shift, np.arange(len(V)), V), top + (high - low) * shift / 4


def draw_slope(ax, t, V, published, label):
    """The slope of a course against its size, and where it is largest in closed form."""
    ax.plot(V, np.gradient(V, t), color=BLUE, label="here")
    ax.axvline(published, color=RED, linestyle="--", linewidth=0.8, label=f"closed form, {label}")
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.set(xlabel="tumor (mm$^3$)", ylabel="growth (mm$^3$/day)", ylim=(None, 1.35 * np.gradient(V, t).max()))
    ax.legend(loc="upper right")
