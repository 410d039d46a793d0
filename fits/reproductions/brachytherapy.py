"""The biologically effective dose of a permanent implant, by isotope.

100 Gy to complete decay of iodine-125 (half-life 59.4 days) or palladium-103 (17.0 days).  A: dose rates.  B: by how
much the BED, simulated log kill over alpha, exceeds the dose so far; in the end by D^2 lam/((mu_rep + lam)
alpha/beta), the closed form of Dale (1985).  The faster source gives more of its dose before repair.
"""

import numpy as np

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO

MODEL = pkpd.load("brachytherapy")
ALPHA, BETA, REPAIR = (MODEL.symbols[name].value for name in ("alpha", "beta", "mu_rep"))
SOURCES = {"I125": "iodine-125", "Pd103": "palladium-103"}
HALF_LIFE = {"I125": 59.4, "Pd103": 17.0}  # days
TOTAL = 100.0
DAYS = np.union1d(np.linspace(0, 400, 201), [*HALF_LIFE.values(), 2000])


def reproduction():
    """Effective doses at the end, and half of the dose after a half-life."""
    runs = {source: simulated(source) for source in SOURCES}
    claims = [claim for source in SOURCES for claim in checked(source, runs[source])]
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_rates(ax, runs), lambda ax: draw_doses(ax, runs)))


def simulated(source):
    return pkpd.simulate(
        MODEL.using(lam=source), pkpd.bolus(TOTAL, "implant"), times=DAYS, parameters={"kg": 0.0, "T0": 1.0},
        rtol=1e-9, atol=1e-16, at_dose="after",
    )  # fmt: skip


def checked(source, run):
    name = SOURCES[source]
    half = TOTAL - float(run["B"].sel(time=HALF_LIFE[source]))
    return (
        pkpd.Claim(
            f"BED beyond 100 Gy of {name} (Gy)", closed(source), float(excess(run)[-1]), "Dale 1985, closed form", 1e-3
        ),
        pkpd.Claim(f"dose of {name} in {HALF_LIFE[source]} days (Gy)", TOTAL / 2, half, "half-life", 1e-4),
    )


def excess(run):
    """By how much the BED, log kill over alpha, exceeds the dose so far (Gy)."""
    return -np.log(run["T"].to_numpy()) / ALPHA - (TOTAL - run["B"].to_numpy())


def closed(source):
    lam = np.log(2) / HALF_LIFE[source]
    return TOTAL**2 * lam / ((REPAIR + lam) * ALPHA / BETA)


def draw_rates(ax, runs):
    for (source, name), color in zip(SOURCES.items(), OKABE_ITO, strict=False):
        ax.semilogy(DAYS, 100 / 24 * runs[source]["dose_rate"], color=color, label=name)
    ax.set(xlabel="time (day)", ylabel="dose rate (cGy/h)", xlim=(0, 400), ylim=(1e-2, 50))
    ax.legend(loc="upper right")


def draw_doses(ax, runs):
    for (source, name), color in zip(SOURCES.items(), OKABE_ITO, strict=False):
        ax.plot(DAYS, excess(runs[source]), color=color, label=name)
        ax.axhline(closed(source), color=color, linestyle="--", linewidth=0.8)
    ax.plot([], [], color=GRAY, linestyle="--", linewidth=0.8, label="closed form")
    ax.set(xlabel="time (day)", ylabel="BED beyond the dose (Gy)", xlim=(0, 400), ylim=(0, 1.6))
    ax.legend(loc="upper left", ncols=2)
