"""Suppressors rise with the tumor and hold the priming of T cells down.

The public SBML is not curated, and is mended as the model's page says; by libroadrunner it gives the
points of A.  At rest beside a tumor C the suppressors are M_min + (alpha/beta) C/(q + C), which is
2.45e8 cells at C = q, where they leave T cells 18 % of their priming.  B: both beside tumors that are
held at a size.

What the paper is about, taking suppressors away by low doses of 5-fluorouracil, is not compared: its
numbers were not found.  In the mended equations it changes the course of A little, as T cells come
there by recruitment and not by priming.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO

MODEL = pkpd.load("shariatpanahi_2018")
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
SBML = pd.read_csv(Path(__file__).parents[1] / "data" / "shariatpanahi_2018_sbml.csv", comment="#")
PUBLIC = "MODEL1909090003, mended, by libroadrunner"


def reproduction():
    """The mended public course at day 40, and suppressors beside a tumor that is held at C = q."""
    run = pkpd.simulate(MODEL, times=SBML["time"], rtol=1e-9)
    named = {"C": "tumor", "T": "cytotoxic T cells", "M": "suppressors"}
    beside = held(VALUE["q"])
    claims = (
        *(
            pkpd.Claim(f"{what} at day 40 (cell)", float(SBML[name][8]), float(run[name][8]), PUBLIC, 1e-3)
            for name, what in named.items()
        ),
        pkpd.Claim(
            "suppressors beside C = q (cell)", at_rest(VALUE["q"], **VALUE), float(beside["M"][-1]), "closed form", 1e-4
        ),
        pkpd.Claim("priming left there", VALUE["Smin"], float(beside["S"][-1]), "Smin of the SBML", 0.02),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_course(ax, named), draw_held))


def at_rest(C, M_min, alpha, beta, q, **_):
    return M_min + alpha / beta * C / (q + C)


def held(C):
    """Suppressors that have come to rest beside tumors that neither grow nor are killed."""
    start = {"C0": C, "a": 0, "b": 0, "eta": 0}
    return pkpd.simulate(MODEL, times=[0, 100], parameters=start)


def draw_course(ax, named):
    run = pkpd.simulate(MODEL, times=np.linspace(0, 60, 241))
    for (name, what), color in zip(named.items(), OKABE_ITO, strict=False):
        ax.semilogy(run["time"], run[name], color=color, label=what)
        ax.plot(SBML["time"], SBML[name], "o", color=color, markersize=3)
    ax.set(xlabel="time (day)", ylabel="cells", ylim=(1e4, 1e11))
    ax.legend(loc="lower right")


def draw_held(ax):
    C = np.geomspace(1e6, 1e10, 17)
    run = held(C).isel(time=-1)
    ax.semilogx(C, at_rest(C, **VALUE) / at_rest(VALUE["Cmax"], **VALUE), color=OKABE_ITO[2], label="suppressors")
    ax.plot(C, run["M"] / at_rest(VALUE["Cmax"], **VALUE), "o", color=OKABE_ITO[2], markersize=3, label="simulated")
    ax.plot(C, run["S"], color=OKABE_ITO[1], label="priming")
    ax.axhline(VALUE["Smin"], color=GRAY, linestyle="--", linewidth=0.6)
    ax.set(xlabel="tumor cells", ylabel="relative to the largest", ylim=(0, 1.05))
    ax.legend(loc="center left")
