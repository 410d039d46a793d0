"""Clearance falls with the dose, from CL + Vmax/Km to CL alone.

The two limits of parallel linear and saturable elimination, in closed form: small doses see both
pathways as linear, large ones saturate the second.  A: courses per dose; they would coincide if
all were linear.  B: dose over area against the dose, between the two limits.  At steady
state the rate of an infusion is CL C + Vmax C/(Km + C).
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, OKABE_ITO, RED
from pkpd.fits.reproductions.pk_1cmt import concentration

CL, VMAX, KM = 0.25, 20.0, 2.0
DOSES = np.array([1e-2, 1, 10, 1e2, 1e3, 1e4, 1e5, 1e6])
SHOWN = (1, 3, 4, 5)
DAYS = np.concatenate([np.linspace(0, 2, 2001)[:-1], np.linspace(2, 1200, 24001)])
RATES = np.array([1.0, 15.0, 40.0])
amount = pkpd.param("amount", 1, "mg", "dose", source="swept here")


def reproduction():
    """Dose over area at both ends, and three steady states put into their balance."""
    C = concentration("pk_2cmt_mm", pkpd.bolus(amount, "iv"), DAYS, amount=DOSES)
    clearance = DOSES / np.trapezoid(C, DAYS, axis=1)
    plateaus = concentration("pk_2cmt_mm", pkpd.infusion(amount * 900, "iv", duration=900), [899.0], amount=RATES)[:, 0]
    claims = (
        pkpd.Claim("clearance of 0.01 mg (L/day)", CL + VMAX / KM, clearance[0], "closed form: CL + Vmax/Km", 0.005),
        pkpd.Claim("clearance of 1e6 mg (L/day)", CL, clearance[-1], "closed form: CL", 0.005),
        *(
            pkpd.Claim(f"plateau of {rate:g} mg/day (mg/L)", balanced(rate), C, "root of the balance", 1e-4)
            for rate, C in zip(RATES, plateaus, strict=True)
        ),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_courses(ax, C), lambda ax: draw_clearance(ax, clearance)))


def balanced(rate):
    """The concentration at which both pathways eliminate `rate`."""
    return max(np.roots([CL, CL * KM + VMAX - rate, -rate * KM]))


def draw_courses(ax, C):
    for i, color in zip(SHOWN, OKABE_ITO, strict=False):
        ax.semilogy(DAYS, C[i] / DOSES[i], color=color, label=f"{DOSES[i]:g} mg")
    ax.set(xlabel="time (day)", ylabel="concentration per dose (1/L)", xlim=(0, 50), ylim=(1e-4, 1))
    ax.legend(ncols=2, loc="upper right")


def draw_clearance(ax, clearance):
    ax.loglog(DOSES, clearance, "o-", color=BLUE, markersize=3, label="here")
    for limit, name, dose, side in ((CL + VMAX / KM, "CL + $V_{max}/K_m$", 1e6, "right"), (CL, "CL", 0.01, "left")):
        ax.axhline(limit, color=RED, linestyle="--", linewidth=0.8)
        ax.text(dose, limit * 1.05, name, color=RED, ha=side, va="bottom")
    ax.set(xlabel="dose (mg)", ylabel="dose over area (L/day)", ylim=(0.15, 20))
    ax.legend(loc="center left")
