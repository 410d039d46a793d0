"""Saturable elimination in closed form: Lambert's W, and an area that grows faster than the dose.

With Michaelis-Menten elimination alone the concentration after a bolus is
Km W(C0/Km exp((C0 - v t)/Km)) with v = Vmax/V, its area C0 (C0/2 + Km)/v, the time to half of C0
(C0/2 + Km ln 2)/v, and an infusion below Vmax comes to Km rate/(Vmax - rate).  A: four doses, with
Lambert's W as points.  B: the area against the dose, beside the closed form and proportionality.
"""

import numpy as np
from scipy.special import lambertw

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED
from pkpd.fits.reproductions.pk_1cmt import concentration

V, VMAX, KM = 3.5, 20.0, 2.0
SPEED = VMAX / V
DOSES = np.array([3.5, 35.0, 175.0, 350.0])
DAYS = np.linspace(0, 40, 8001)
amount = pkpd.param("amount", 1, "mg", "dose", source="swept here")
ALONE = {"CL": 0, "V": V, "Vmax": VMAX, "Km": KM}


def reproduction():
    """Concentrations, areas, half-times of the doses, and the plateau of an infusion."""
    C = concentration("pk_1cmt_mm", pkpd.bolus(amount, "iv"), DAYS, amount=DOSES, **ALONE)
    plateau = concentration("pk_1cmt_mm", pkpd.infusion(15 * 300, "iv", duration=300), [299], **ALONE)[0]
    claims = [pkpd.Claim("plateau of 15 mg/day (mg/L)", KM * 15 / (VMAX - 15), plateau, "Km rate/(Vmax-rate)", 1e-4)]
    for D, c in zip(DOSES, C, strict=True):
        C0, t = D / V, 0.8 * D / VMAX
        half = np.interp(-C0 / 2, -c, DAYS)
        claims += [
            pkpd.Claim(
                f"C {t:.3g} days after {D:g} mg (mg/L)", closed(t, C0), np.interp(t, DAYS, c), "Lambert's W", 1e-4
            ),
            pkpd.Claim(f"time to half, {D:g} mg (day)", (C0 / 2 + KM * np.log(2)) / SPEED, half, "closed form", 1e-3),
            pkpd.Claim(
                f"area, {D:g} mg (mg day/L)", C0 * (C0 / 2 + KM) / SPEED, np.trapezoid(c, DAYS), "closed form", 1e-3
            ),
        ]
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_courses(ax, C), lambda ax: draw_areas(ax, C)))


def closed(t, C0):
    return KM * lambertw(C0 / KM * np.exp((C0 - SPEED * t) / KM)).real


def draw_courses(ax, C):
    t = np.linspace(0, 30, 61)
    for D, c, color in zip(DOSES, C, OKABE_ITO, strict=False):
        ax.semilogy(DAYS, c, color=color, label=f"{D:g} mg")
        ax.semilogy(t, closed(t, D / V), "o", color=color, markerfacecolor="none", markersize=2.5, markeredgewidth=0.6)
    ax.plot([], [], "o", color=GRAY, markerfacecolor="none", markersize=2.5, label="Lambert's W")
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", xlim=(-0.5, 25), ylim=(1e-2, 1e4))
    ax.legend(ncols=2, loc="upper right")


def draw_areas(ax, C):
    C0 = np.geomspace(1, 100, 50)
    ax.loglog(C0 * V, C0 * (C0 / 2 + KM) / SPEED, color=RED, linestyle="--", linewidth=0.8, label="closed form")
    ax.loglog(C0 * V, C0 * KM / SPEED, color=GRAY, linestyle=":", linewidth=0.8, label="proportional to dose")
    ax.loglog(DOSES, np.trapezoid(C, DAYS, axis=1), "o", color=BLUE, label="here")
    ax.set(xlabel="dose (mg)", ylabel="area (mg day/L)")
    ax.legend()
