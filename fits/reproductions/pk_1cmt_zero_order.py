"""A release that ends has its peak at its end.

Closed forms of a constant release over D into one compartment (Gibaldi and Perrier 1982,
chapter 1): the peak is at D, of F dose (1 - exp(-k D))/(CL D), and the area does not depend on D.
A: courses by the duration of release, with the peaks in closed form.  B: the peak against the
duration.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED
from pkpd.fits.reproductions.pk_1cmt import CL, V, concentration, dosed

DOSE, K = 300.0, CL / V
DURATIONS = np.array([1.0, 7.0, 21.0])
DAYS = np.linspace(0, 40, 4001)
MODEL = pkpd.load("pk_1cmt_zero_order")
RELEASE = pkpd.infusion(DOSE, "oral", duration=MODEL["D"])


def reproduction():
    """Time and height of the peaks, and areas."""
    C = concentration(MODEL, RELEASE, DAYS, D=DURATIONS)
    areas = pkpd.exposure(dosed(MODEL, RELEASE, np.linspace(0, 200, 4001), D=DURATIONS))["auc_inf"].to_numpy()[:, 0]
    claims = [
        claim
        for D, c, area in zip(DURATIONS, C, areas, strict=True)
        for claim in (
            pkpd.Claim(f"time of the peak, D = {D:g} day (day)", D, DAYS[c.argmax()], "closed form: D", 1e-4),
            pkpd.Claim(f"peak, D = {D:g} day (mg/L)", peak(D), c.max(), "dose (1-exp(-k D))/(CL D)", 1e-4),
            pkpd.Claim(f"area, D = {D:g} day (mg day/L)", DOSE / CL, area, "closed form: dose/CL", 1e-3),
        )
    ]
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_courses(ax, C), lambda ax: draw_peaks(ax, C)))


def peak(D):
    return DOSE * (1 - np.exp(-K * D)) / (CL * D)


def draw_courses(ax, C):
    for D, c, color in zip(DURATIONS, C, OKABE_ITO, strict=False):
        ax.plot(DAYS, c, color=color, label=f"D = {D:g} day")
        ax.plot(D, peak(D), "o", color=color, markerfacecolor="white")
    ax.plot([], [], "o", color=GRAY, markerfacecolor="white", label="peak, closed form")
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", ylim=(0, 90))
    ax.legend()


def draw_peaks(ax, C):
    D = np.linspace(0.1, 28, 100)
    ax.plot(D, peak(D), color=RED, linestyle="--", linewidth=0.8, label="closed form")
    ax.plot(DURATIONS, C.max(axis=1), "o", color=BLUE, label="here")
    ax.set(xlabel="duration of release (day)", ylabel="peak (mg/L)", ylim=(0, 90))
    ax.legend()
