"""A concentration above lambda0/k2 eradicates; below, a course delays growth by k2 AUC/lambda0.

The threshold of Simeoni M et al. (Cancer Res 64:1094-1101, 2004) with the published values of
paclitaxel (experiment 4 of Lestini 2016, from 0.055 g): lambda0/k2, 0.434 mg/L.  Every number here is
a closed form.  A: the rate at which a small tumor grows beside a constant concentration,
from simulated courses.  B: untreated and treated tumors; while growth is exponential the course with
drug comes later by k2 AUC/lambda0 (the time efficacy index, as in Choi 2021).  Growth turns linear at
lambda1/lambda0, with lambda1 = 0.814 g/day, and cells that are hit die after 3/k1 on average.
"""

import numpy as np
from scipy.optimize import brentq

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED

LAMBDA0, LAMBDA1, K1, K2 = 0.273, 0.814, 0.968, 0.629
V, CL = 1.0, 2.0
DOSES = np.array([0.0, 4.0, 8.0])  # mg: areas of 2 and 4 mg day/L
DAYS = np.linspace(0, 40, 4001)
amount = pkpd.param("amount", 1, "mg", "dose", source="swept here")


def reproduction():
    """Threshold, delays, time to death and late growth."""
    threshold = brentq(lambda C: long_growth([C])[0], 0.2, 0.8, xtol=1e-6)
    small, w = treated(1e-4), treated(0.055)
    delays = [crossing(row, 1e-2) - crossing(small[0], 1e-2) for row in small[1:]]
    late = (w[0, -1] - w[0, -101]) / (DAYS[-1] - DAYS[-101])
    claims = (
        pkpd.Claim("concentration that eradicates (mg/L)", LAMBDA0 / K2, threshold, "lambda0/k2", 1e-3),
        *(
            pkpd.Claim(f"delay of growth by {D:g} mg (day)", K2 * D / CL / LAMBDA0, delay, "k2 AUC/lambda0", 1e-3)
            for D, delay in zip(DOSES[1:], delays, strict=True)
        ),
        pkpd.Claim("mean time to death of cells that are hit (day)", 3 / K1, dying(), "3/k1", 1e-3),
        pkpd.Claim("late growth, untreated (g/day)", LAMBDA1, late, "lambda1", 1e-4),
    )
    return pkpd.Reproduction(claims, (draw_threshold, lambda ax: draw_courses(ax, w)))


def long_growth(concentrations):
    """The exponential rate of a small tumor between days 40 and 60 at each constant concentration."""
    values = {"C": np.asarray(concentrations, float), "w0": 1e-9}
    w = pkpd.simulate(pkpd.load("simeoni_2004"), times=[40, 60], parameters=values, rtol=1e-10, atol=1e-20)[
        "w"
    ].to_numpy()
    return np.log(w[:, 1] / w[:, 0]) / 20


def treated(w0):
    """Tumor mass from `w0` after each dose on day 2; in rows."""
    model = pkpd.compose("xenograft", pkpd.load("simeoni_2004"), pkpd.load("pk_1cmt"))
    values = {"V": V, "CL": CL, "amount": DOSES, "w0": w0}
    doses = pkpd.bolus(amount, "iv", at=2)
    return pkpd.simulate(model, doses, times=DAYS, parameters=values, rtol=1e-9, atol=1e-12)["w"].to_numpy()


def dying():
    """The area under the mass that a concentration which hits all cells at once leaves, over that at the start."""
    w = pkpd.simulate(pkpd.load("simeoni_2004"), times=DAYS, parameters={"C": 1e5}, rtol=1e-9, atol=1e-12)[
        "w"
    ].to_numpy()
    return np.trapezoid(w, DAYS) / w[0]


def crossing(w, size):
    """When the tumor last reaches `size`."""
    return np.interp(np.log(size), np.log(w[1000:]), DAYS[1000:])


def draw_threshold(ax):
    C = np.linspace(0, 0.8, 17)
    ax.plot(C, long_growth(C), "o-", color=BLUE, markersize=3, label="here")
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.axvline(LAMBDA0 / K2, color=RED, linestyle="--", linewidth=0.8, label=r"$\lambda_0/k_2$")
    ax.set(xlabel="paclitaxel, constant (mg/L)", ylabel="growth of a small tumor (1/day)")
    ax.legend()


def draw_courses(ax, w):
    for D, row, color in zip(DOSES, w, OKABE_ITO, strict=False):
        ax.semilogy(DAYS, row, color=color, label=f"{D:g} mg on day 2" if D else "untreated")
    ax.axhline(LAMBDA1 / LAMBDA0, color=GRAY, linestyle=":", linewidth=0.8)
    ax.text(40, LAMBDA1 / LAMBDA0 * 0.9, "linear above", color=GRAY, ha="right", va="top")
    ax.set(xlabel="time (day)", ylabel="tumor (g)", ylim=(0.02, 40))
    ax.legend(loc="lower right")
