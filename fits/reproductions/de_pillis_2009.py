"""A tumor without treatment, as in Figure 1, and the drug level that holds one.

A: the public SBML, whose curators say that it reproduces the paper's Figure 1, integrated by
libroadrunner (points).  Its CD8+ T cells kill nothing (d = 0); the model is set to that here.

B: without them a tumor grows at a - c N - K_T (1 - exp(-delta_T M)) beside a chemotherapeutic
drug held at M, which is zero at M = -ln(1 - (a - c N)/K_T)/delta_T, 0.356 mg/L; here from simulated
growth of a small tumor under an infusion.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO, RED

MODEL = pkpd.load("de_pillis_2009")
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
SBML = pd.read_csv(Path(__file__).parents[1] / "data" / "de_pillis_2009_sbml.csv", comment="#")
LEVELS = np.linspace(0, 1, 21)  # mg/L


def reproduction():
    """The public course at three days, the drug's half-life, and the level of no growth."""
    T = pkpd.simulate(MODEL, times=SBML["time"], parameters={"d": 0})["T"].to_numpy()
    growth = held_growth()
    tumors = {day: T[int(day / 2.5)] for day in (5, 10, 20)}
    claims = (
        *(
            pkpd.Claim(
                f"tumor at day {day} (cell)",
                float(SBML["T"][int(day / 2.5)]),
                T_day,
                "BIOMD0000000779 by libroadrunner",
                1e-3,
            )
            for day, T_day in tumors.items()
        ),
        pkpd.Claim(
            "drug level of no growth (mg/L)",
            no_growth(**VALUE),
            float(np.interp(0, -growth, LEVELS)),
            "closed form",
            0.005,
        ),
    )
    return pkpd.Reproduction(claims, (draw_course, lambda ax: draw_held(ax, growth)))


def no_growth(a, c, N0, K_T, delta_T, **_):
    return -np.log(1 - (a - c * N0) / K_T) / delta_T


def held_growth():
    """Exponential growth (1/day) of one tumor cell while an infusion holds the drug at `LEVELS`."""
    days = np.array([0, 30.0, 31.0])
    total = pkpd.param("total", 0.0, "mg/L", "drug in all", source="swept")
    T = pkpd.simulate(
        MODEL, pkpd.infusion(total, "chemo", duration=days[-1]), times=days, rtol=1e-9, atol=1e-15,
        parameters={"total": LEVELS * VALUE["gamma"] * days[-1], "d": 0, "T0": 1.0, "b": 0},
    )["T"].to_numpy()  # fmt: skip
    return np.log(T[:, 2] / T[:, 1])


def draw_course(ax):
    run = pkpd.simulate(MODEL, times=np.linspace(0, 40, 161), parameters={"d": 0})["T"]
    ax.plot(run["time"], run, color=OKABE_ITO[0], label="here")
    ax.plot(SBML["time"], SBML["T"], "o", color=GRAY, markersize=3, label="public SBML")
    ax.set(xlabel="time (day)", ylabel="tumor cells", ylim=(0, None))
    ax.legend(loc="lower right")


def draw_held(ax, growth):
    ax.plot(LEVELS, growth, color=OKABE_ITO[0])
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.axvline(no_growth(**VALUE), color=RED, linestyle="--", linewidth=0.8, label="closed form")
    ax.set(xlabel="drug (mg/L)", ylabel="growth of a small tumor (1/day)")
    ax.legend()
