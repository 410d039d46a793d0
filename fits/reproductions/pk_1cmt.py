"""One exponential: half-life, area, accumulation, and the plateau of an infusion.

What every textbook of pharmacokinetics derives for one compartment (Gibaldi and Perrier 1982,
chapter 1), with k = CL/V.  A: one bolus; its half-life is ln 2/k and its area dose/CL.
B: a bolus a week; peaks come to 1/(1 - exp(-k tau)) times the first.  An infusion without end
comes to rate/CL, 90 % of it after ln 10/k.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, RED

CL, V, DOSE, TAU = 0.25, 3.5, 300.0, 7.0
K = CL / V
DAYS = np.linspace(0, 100, 1001)
WEEKS = pkpd.bolus(DOSE, "iv", every=TAU, n=20)


def reproduction():
    """Measures of one bolus, of many, and of an infusion."""
    once = dosed("pk_1cmt", pkpd.bolus(DOSE, "iv"), DAYS)
    measures = pkpd.exposure(once)
    peaks = concentration("pk_1cmt", WEEKS, TAU * np.arange(20))
    infused = concentration("pk_1cmt", pkpd.infusion(10 * 500, "iv", duration=500), [np.log(10) / K, 499])
    claims = (
        pkpd.Claim("half-life (day)", np.log(2) / K, float(measures["half_life"][0]), "closed form: ln 2 V/CL", 1e-4),
        pkpd.Claim("area after a bolus (mg day/L)", DOSE / CL, float(measures["auc_inf"][0]), "dose/CL", 1e-4),
        pkpd.Claim(
            "accumulation of peaks", 1 / (1 - np.exp(-K * TAU)), peaks[-1] / peaks[0], "1/(1-exp(-k tau))", 1e-4
        ),
        pkpd.Claim("plateau of 10 mg/day (mg/L)", 10 / CL, infused[1], "closed form: rate/CL", 1e-4),
        pkpd.Claim("share of it after ln 10/k", 0.9, infused[0] / infused[1], "closed form", 1e-4),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_bolus(ax, once), draw_weeks))


def dosed(name, regimen, times, **values):
    """A model of the library under doses, with the values at a dose after it."""
    model = pkpd.load(name) if isinstance(name, str) else name
    return pkpd.simulate(model, regimen, times=times, parameters=values, at_dose="after", rtol=1e-9, atol=1e-12)


def concentration(name, regimen, times, **values):
    return dosed(name, regimen, times, **values)["C"].to_numpy()


def draw_bolus(ax, once):
    ax.semilogy(DAYS, once["C"], color=BLUE, label="here")
    halves = np.arange(6)
    ax.plot(
        halves * np.log(2) / K,
        DOSE / V / 2.0**halves,
        "o",
        color=RED,
        markerfacecolor="none",
        label="halves, closed form",
    )
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", xlim=(-2, 60), ylim=(1, 200))
    ax.legend()


def draw_weeks(ax):
    t = np.linspace(0, 98, 1961)
    ax.plot(t, concentration("pk_1cmt", WEEKS, t), color=BLUE, linewidth=1)
    peak = DOSE / V / (1 - np.exp(-K * TAU))
    for level, name, side in ((peak, "peak", "bottom"), (peak * np.exp(-K * TAU), "trough", "top")):
        ax.axhline(level, color=RED, linestyle="--", linewidth=0.8)
        ax.text(
            98,
            level + (2 if side == "bottom" else -3),
            f"{name}, closed form",
            color=RED,
            ha="right",
            va=side,
            fontsize=7,
        )
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", ylim=(0, 1.15 * peak))
