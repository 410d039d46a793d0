"""Induction to a sixfold level by turnover, and the occupancy that the induced brake takes.

Closed forms of the equilibrium: PDL1 = PDL1_0 (1 + (fold - 1) E/(E50 + E)), reached with the rate
constant kPDL1, with a sixfold induction and a Hill function with exponent 2 from QSPIO-TNBC.  The brake is
half at free PD-L1 of F50, so that an induced tumor needs an occupancy of
1 - F50/PDL1 for it.  A: induction by three numbers of effectors.  B: the brake against
occupancy, for the same.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

VALUES = pkpd.load("pdl1_turnover").parameters["value"]
FOLD, E50, F50, K = (float(VALUES[name]) for name in ("fold", "E50", "F50", "kPDL1"))
MANY = 50 * E50
EFFECTORS = np.array([0.0, E50, MANY])
DAYS = np.linspace(0, 20, 2001)
SHARES = np.linspace(0, 1, 1001)


def reproduction():
    """Levels at equilibrium, the time to them, and the occupancy that halves the brake."""
    PDL1 = pkpd.simulate(pkpd.load("pdl1_turnover"), times=DAYS, parameters={"E": EFFECTORS}, rtol=1e-9)[
        "PDL1"
    ].to_numpy()
    brake = braked()
    tenth = np.interp(0.9 * (level(MANY) - 1) + 1, PDL1[2], DAYS)
    half = np.interp(-0.5, -brake[2], SHARES)
    claims = (
        pkpd.Claim("PD-L1 at E50 effectors", (1 + FOLD) / 2, PDL1[1, -1], "closed form: (1 + fold)/2", 1e-4),
        pkpd.Claim("PD-L1 at 50 times E50 effectors", level(MANY), PDL1[2, -1], "closed form", 1e-4),
        pkpd.Claim("time to nine tenths of it (day)", np.log(10) / K, tenth, "closed form: ln 10/kPDL1", 1e-3),
        pkpd.Claim("occupancy that halves the brake then", 1 - F50 / level(MANY), half, "1 - F50/PDL1", 1e-3),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_induction(ax, PDL1), lambda ax: draw_brake(ax, brake)))


def level(E):
    return 1 + (FOLD - 1) * E / (E50 + E)


def braked():
    """The brake at equilibrium for each number of effectors and each occupancy."""
    axes = pkpd.grid(E=EFFECTORS, RO=SHARES)
    return pkpd.simulate(pkpd.load("pdl1_turnover"), times=[60], parameters=axes)["pd1_brake"].to_numpy()[..., 0]


def draw_induction(ax, PDL1):
    for E, P, color in zip(EFFECTORS, PDL1, OKABE_ITO, strict=False):
        ax.plot(DAYS, P, color=color, label=f"E = {E:.2g}")
        ax.axhline(level(E), color=color, linestyle="--", linewidth=0.8)
    ax.plot([], [], color=BLACK, linestyle="--", linewidth=0.8, label="closed form")
    ax.set(xlabel="time (day)", ylabel="PD-L1, relative", xlim=(0, 8), ylim=(0, 9))
    ax.legend(loc="upper left", ncols=2)


def draw_brake(ax, brake):
    for E, row, color in zip(EFFECTORS, brake, OKABE_ITO, strict=False):
        ax.plot(SHARES, row, color=color)
        if level(E) > F50:
            ax.plot(1 - F50 / level(E), 0.5, "o", color=color, markeredgecolor=BLACK)
    ax.plot([], [], "o", color=GRAY, markeredgecolor=BLACK, label="1 $-$ F50/PDL1")
    ax.set(xlabel="fraction of PD-L1 occupied", ylabel="restraint by PD-1", ylim=(0, 1.02))
    ax.legend(loc="upper right")
