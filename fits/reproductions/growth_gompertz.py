"""Growth is fastest at 1/e of the largest size, and its specific rate falls exponentially.

Both are what Gompertz' law is known for: Laird AK (Br J Cancer 18:490-502, 1964) described
tumors by a specific growth rate that falls exponentially, here at the rate a.  The turning
point follows in closed form: T = Tmax/e, where the tumor grows by a Tmax/e a day.  A: the course
and its turning point.  B: the specific growth rate of tumors of three starts.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED
from pkpd.fits.reproductions.growth_exponential import grown
from pkpd.fits.reproductions.growth_logistic import steepest

VALUES = {"a": 0.08, "Tmax": 2500}
DAYS = np.linspace(0, 100, 4001)


def reproduction():
    """The size and slope at the steepest point, its day, and the rate at which the specific rate falls."""
    T = grown("growth_gompertz", {**VALUES, "T0": 50}, DAYS)
    size, slope = steepest(DAYS, T)
    day, decay = np.interp(size, T, DAYS), -np.polyfit(DAYS, np.log(specific(T)), 1)[0]
    turn = np.log(np.log(2500 / 50)) / 0.08
    claims = (
        pkpd.Claim("size at which growth is fastest (mm^3)", 2500 / np.e, size, "closed form: Tmax/e", 1e-4),
        pkpd.Claim("growth there (mm^3/day)", 0.08 * 2500 / np.e, slope, "closed form: a Tmax/e", 1e-4),
        pkpd.Claim("day on which it is fastest", turn, day, "closed form: ln(ln(Tmax/T0))/a", 1e-3),
        pkpd.Claim("rate at which the specific rate falls (1/day)", 0.08, decay, "closed form: a (Laird 1964)", 1e-3),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_course(ax, T, day, size), draw_specific))


def specific(T):
    """The specific growth rate along a course."""
    return np.gradient(np.log(T), DAYS, edge_order=2)


def draw_course(ax, T, day, size):
    ax.plot(DAYS, T, color=BLUE)
    ax.plot(day, size, "o", color=BLUE, label="fastest growth here")
    ax.axhline(2500, color=GRAY, linestyle=":", linewidth=0.8)
    ax.axhline(2500 / np.e, color=RED, linestyle="--", linewidth=0.8, label=r"closed form, $T_{\max}$/e")
    ax.text(0, 2530, r"$T_{\max}$", color=GRAY, va="bottom")
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)", ylim=(0, 2900))
    ax.legend(loc="center right")


def draw_specific(ax):
    for T0, color in zip((1, 50, 500), OKABE_ITO, strict=False):
        T = grown("growth_gompertz", {**VALUES, "T0": T0}, DAYS)
        ax.semilogy(DAYS, specific(T), color=color, label=f"from {T0} mm$^3$")
    ax.set(xlabel="time (day)", ylabel="specific growth rate (1/day)", xlim=(0, 60), ylim=(1e-3, 1.5))
    ax.legend()
