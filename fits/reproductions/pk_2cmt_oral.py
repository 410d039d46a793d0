"""Absorption delays the drug by 1/ka on average and leaves the terminal slope alone.

Moments of two compartments with first-order absorption (Gibaldi and Perrier 1982): the mean
residence time after a bolus is (V1 + V2)/CL, after an oral dose longer by the mean absorption time
1/ka, and the areas have the ratio F.  A: a bolus and two oral doses.  B: mean residence times
against 1/ka.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, OKABE_ITO, RED
from pkpd.fits.reproductions.pk_1cmt import dosed
from pkpd.fits.reproductions.pk_2cmt import CL, DOSE, V1, V2

KA = np.array([0.2, 0.3, 0.5, 1.0])
DAYS = np.concatenate([np.linspace(0, 30, 3001)[:-1], np.linspace(30, 1000, 4851)])


def reproduction():
    """Mean residence and absorption times, bioavailability, terminal half-lives."""
    runs = both_routes("pk_2cmt_oral")
    return pkpd.Reproduction(
        claims_of(runs, (V1 + V2) / CL, "(V1 + V2)/CL"),
        (lambda ax: draw_courses(ax, *runs), lambda ax: draw_residence(ax, *runs, (V1 + V2) / CL)),
    )


def both_routes(name):
    """Concentrations after a bolus, and after oral doses with F = 0.6 by ka."""
    iv, oral = (dosed(name, pkpd.bolus(DOSE, r), DAYS, ka=KA, F=0.6)["C"].to_numpy() for r in ("iv", "oral"))
    return iv[0], oral


def claims_of(runs, held, form):
    """What the two routes must have in common, and what not."""
    iv, oral = runs
    delays = [residence(c) - residence(iv) for c in oral]
    return (
        pkpd.Claim("mean residence time after a bolus (day)", held, residence(iv), form, 1e-3),
        *(
            pkpd.Claim(f"mean absorption time, ka = {ka:g} /day (day)", 1 / ka, delay, "closed form: 1/ka", 1e-3)
            for ka, delay in zip(KA, delays, strict=True)
        ),
        pkpd.Claim(
            "oral area over that of a bolus, F = 0.6",
            0.6,
            np.trapezoid(oral[1], DAYS) / np.trapezoid(iv, DAYS),
            "F",
            1e-3,
        ),
        pkpd.Claim("terminal half-life, oral over bolus", 1, half_life(oral[3]) / half_life(iv), "closed form", 1e-3),
    )


def residence(C):
    """Mean residence time: first moment over area."""
    return np.trapezoid(DAYS * C, DAYS) / np.trapezoid(C, DAYS)


def half_life(C):
    """Between days 300 and 400."""
    early, late = np.log(np.interp([300, 400], DAYS, C))
    return np.log(2) * 100 / (early - late)


def draw_courses(ax, iv, oral):
    ax.semilogy(DAYS, iv, color="black", label="bolus")
    for i, color in zip((0, 3), OKABE_ITO, strict=False):
        ax.semilogy(DAYS, oral[i], color=color, label=f"oral, $k_a$ = {KA[i]:g} /day")
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", xlim=(0, 60), ylim=(1, 150))
    ax.legend()


def draw_residence(ax, iv, oral, held):
    ax.plot(1 / KA, [residence(c) for c in oral], "o", color=BLUE, label="here")
    ax.plot(0, residence(iv), "s", color="black", label="here, bolus")
    ax.plot([0, 5], [held, held + 5], color=RED, linestyle="--", linewidth=0.8, label="closed form")
    ax.set(xlabel="1/$k_a$ (day)", ylabel="mean residence time (day)")
    ax.legend()
