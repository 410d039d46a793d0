"""Where only a fraction regresses, the tumor ends as the rest: closed form of the nadir.

With sizes phi exp(-d t) + (1 - phi) exp(g t) the nadir is at ln(phi d/((1 - phi) g))/(g + d), and
late growth is that of the fraction 1 - phi.  A: sizes at the medians of tumgr's sample data, by
phi; crosses are the closed form.  B: the line that late growth follows leads back to 1 - phi
of the size at the start.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, OKABE_ITO

PHIS, G, D, START = np.array([0.83, 0.987381, 0.999]), 0.001414, 0.020427, 80.0
DAYS = np.linspace(0, 1500, 15001)


def reproduction():
    """Nadirs, their times, and where late growth leads back to."""
    run = pkpd.simulate(pkpd.load("stein_2011_gdphi"), times=DAYS, parameters={"phi": PHIS}, rtol=1e-9)
    sizes, claims = run["TS"].to_numpy(), []
    for phi, TS in zip(PHIS, sizes, strict=True):
        claims += [
            pkpd.Claim(f"time of the nadir, phi = {phi:.3g} (day)", turn(phi), DAYS[TS.argmin()], "closed form", 0.001),
            pkpd.Claim(
                f"nadir over the start, phi = {phi:.3g}", course(phi, turn(phi)), TS.min() / START, "closed form", 1e-4
            ),
            pkpd.Claim(f"late growth led back, phi = {phi:.3g}", 1 - phi, led_back(TS), "closed form: 1 - phi", 0.001),
        ]
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_sizes(ax, sizes), lambda ax: draw_led_back(ax, sizes)))


def turn(phi):
    return np.log(phi * D / ((1 - phi) * G)) / (G + D)


def course(phi, t):
    return phi * np.exp(-D * t) + (1 - phi) * np.exp(G * t)


def line(TS):
    """Slope and height of ln(size over start) from day 1000 on."""
    return np.polyfit(DAYS[10000:], np.log(TS[10000:] / START), 1)


def led_back(TS):
    return np.exp(line(TS)[1])


def draw_sizes(ax, sizes):
    for phi, TS, color in zip(PHIS, sizes, OKABE_ITO, strict=False):
        ax.plot(DAYS, TS, color=color, label=f"phi = {phi:.3g}")
        ax.plot(turn(phi), START * course(phi, turn(phi)), "x", color=BLACK, markersize=5, zorder=3)
    ax.plot([], [], "x", color=BLACK, label="nadir, closed form")
    ax.set(xlabel="time (day)", ylabel="tumor size (mm)", xlim=(0, 700), ylim=(0, 90))
    ax.legend(loc="upper right")


def draw_led_back(ax, sizes):
    for phi, TS, color in zip(PHIS, sizes, OKABE_ITO, strict=False):
        ax.semilogy(DAYS, TS / START, color=color)
        ax.semilogy(DAYS, np.exp(np.polyval(line(TS), DAYS)), color=color, linestyle="--", linewidth=0.8)
        ax.plot(0, 1 - phi, "o", color=color, clip_on=False)
    ax.plot([], [], "o", color=BLACK, label="1 $-$ phi")
    ax.plot([], [], color=BLACK, linestyle="--", linewidth=0.8, label="late growth, led back")
    ax.set(xlabel="time (day)", ylabel="size over that at the start", ylim=(5e-4, 1.5))
    ax.legend(loc="lower right")
