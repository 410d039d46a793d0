"""Dormancy under immune predation, the rise of resistant cells, and what ends dormancy.

A to C: the public SBML, whose curators say that f = 1 reproduces the paper's Figure 7a and that its
other parts have other values of f (0.9 and 0.5, says the file), by libroadrunner (points).  The
abstract: the immune system prunes sensitive cells, so that a mixed tumor becomes a more homogeneous
and more resistant one.

D: the abstract finds a decline in recruitment to be a stronger cause of escape than resistance to
predation.  At rest the tumor is (1 - Ie k/a)/u (where it is small beside K): half the recruitment
u doubles it, half the predation k leaves it as it is.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO

MODEL = pkpd.load("wilkie_2013")
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
SBML = pd.read_csv(Path(__file__).parents[1] / "data" / "wilkie_2013_sbml.csv", comment="#")
PUBLIC = "BIOMD0000000752 by libroadrunner"
SUSCEPTIBLE = (1.0, 0.9, 0.5)  # f, killing of a resistant cell beside a sensitive one
DAYS = np.linspace(0, 200, 801)


def reproduction():
    """The public courses, their resistant fractions, and the tumor at rest under half of either cause."""
    run = pkpd.simulate(MODEL, times=DAYS, parameters={"f": SUSCEPTIBLE, "k_decay": 0}, rtol=1e-9)
    tumor, fraction = run["T"].to_numpy(), (run["R"] / run["T"]).to_numpy()
    public = dict(list(SBML.groupby("f")))
    claims = [
        pkpd.Claim(
            f"resistant fraction at day 200, f = {f:g}", resistant(public[f]).iloc[-1], fraction[i, -1], PUBLIC, 1e-3
        )
        for i, f in enumerate(SUSCEPTIBLE)
    ]
    claims += [
        pkpd.Claim(f"tumor at day 100, f = {f:g} (cell)", total(public[f]).iloc[25], tumor[i, 400], PUBLIC, 1e-3)
        for i, f in enumerate(SUSCEPTIBLE)
    ]
    grown = {name: at_rest(**{name: VALUE[name] / 2}) / at_rest() for name in ("u", "a0")}
    cause = max(grown, key=grown.get)
    claims += [
        pkpd.Claim("tumor at rest (cell)", dormant(), at_rest(), "closed form", 0.01),
        pkpd.Claim(
            "stronger cause of escape", "recruitment", {"u": "recruitment", "a0": "predation"}[cause], "abstract"
        ),
    ]
    panels = (
        lambda ax: draw_public(ax, total, tumor, public, "tumor cells"),
        lambda ax: draw_public(ax, immune, run["I"].to_numpy(), public, "immune cells"),
        lambda ax: draw_public(ax, resistant, fraction, public, "resistant fraction"),
        draw_causes,
    )
    return pkpd.Reproduction(tuple(claims), panels)


def total(table):
    return table["C"] + table["R"]


def immune(table):
    return table["I"]


def resistant(table):
    return table["R"] / total(table)


def dormant(a0=VALUE["a0"], u=VALUE["u"]):
    return (1 - VALUE["Ie"] * a0 / VALUE["a"]) / u


def at_rest(**values):
    """The tumor of sensitive cells alone after its oscillations have died away."""
    start = {"R0": 0, "k_decay": 0, "C0": dormant()} | values
    T = pkpd.simulate(MODEL, times=[0, 6000], parameters=start, rtol=1e-8)["T"].to_numpy()
    return T[..., -1]


def draw_public(ax, quantity, ours, public, label):
    for f, course, color in zip(SUSCEPTIBLE, ours, OKABE_ITO, strict=False):
        ax.plot(DAYS, course, color=color, linewidth=1, label=f"f = {f:g}")
        ax.plot(public[f]["time"][::2], quantity(public[f])[::2], "o", color=color, markersize=2)
    ax.set(xlabel="time (day)", ylabel=label)
    if quantity is resistant:
        ax.set_ylim(-0.05, 1.05)
    else:
        ax.set(yscale="log", ylim=(100, 1e9 if quantity is total else 1e5))
        ax.legend(loc="upper left", ncols=3)


def draw_causes(ax):
    left = np.linspace(0.2, 1, 9)
    for (name, cause), color in zip({"u": "recruitment", "a0": "predation"}.items(), OKABE_ITO, strict=False):
        ax.plot(left, [dormant(**{name: x * VALUE[name]}) for x in left], color=GRAY, linewidth=0.8)
        ax.plot(left, at_rest(**{name: left * VALUE[name]}), "o", color=color, label=f"less {cause}")
    ax.plot([], [], color=GRAY, label="closed form")
    ax.set(xlabel="what is left of it", ylabel="tumor at rest (cell)", ylim=(0, 6000))
    ax.legend(loc="upper right")
