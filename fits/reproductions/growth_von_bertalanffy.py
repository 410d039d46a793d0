"""Growth stops at (a/b)^3 and is fastest at 8/27 of that; and the course of Murphy 2016.

Murphy 2016 (BMC Cancer 16:163, Table 2) gives (a/b)^3 as the largest size.  Where a T^(2/3) - b T
is largest follows in closed form.  A: the course with their a = 0.2344 and b = 3.46e-19 (no loss:
the ball of `growth_mayneord`), beside their public model (BIOMD0000000671).  B: growth against
size with the library's values, which do stop.
"""

import numpy as np

import pkpd
from pkpd.fits.reproductions.growth_exponential import DAYS, SOURCE, draw_course, grown, public_courses
from pkpd.fits.reproductions.growth_logistic import draw_slope, steepest

MURPHY = {"a": 0.2344, "b": 3.46e-19, "T0": 220}
MOUSE = {"a": 2.7, "b": 0.2, "T0": 1}
LARGEST = (2.7 / 0.2) ** 3
LONG = np.linspace(0, 400, 16001)


def reproduction():
    """The final size and the steepest point of a tumor that stops, the volumes of the public model."""
    V, public = grown("growth_von_bertalanffy", MURPHY), public_courses()["von_bertalanffy"]
    T = grown("growth_von_bertalanffy", MOUSE, LONG)
    size, slope = steepest(LONG, T)
    claims = (
        pkpd.Claim("largest size (mm^3)", LARGEST, T[-1], "Murphy 2016, Table 2: (a/b)^3", 1e-4),
        pkpd.Claim("size at which growth is fastest (mm^3)", 8 / 27 * LARGEST, size, "closed form: (2a/3b)^3", 1e-4),
        pkpd.Claim("growth there (mm^3/day)", 4 / 27 * 2.7**3 / 0.2**2, slope, "closed form: 4 a^3/27 b^2", 1e-4),
        pkpd.Claim("volume on day 100 (mm^3)", public[100], np.interp(100, DAYS, V), SOURCE, 1e-4),
        pkpd.Claim("volume on day 200 (mm^3)", public[200], V[-1], SOURCE, 1e-4),
    )
    return pkpd.Reproduction(
        claims,
        (
            lambda ax: draw_course(ax, "von_bertalanffy", V),
            lambda ax: draw_slope(ax, LONG, T, 8 / 27 * LARGEST, "(2$a$/3$b$)$^3$"),
        ),
    )
