"""Ligands that stimulate natural killer cells decide between escape and rejection.

The paper fits four sets of values to mice: tumors with ligands that stimulate natural killer cells
(l) or without them (n) at the first challenge, and then at the second; public code
(github.com/S-Ng/Immune-Response-to-Tumor-Growth) has copied them.  The public SBML is the first, nn.

Natural killer cells at rest, sigma/f of them, reject a small tumor without CD8+ T cells where they
kill at a rate c above a f/sigma.  A: the course that the public SBML gives (points).  B: that threshold
from simulated growth, and the values of tumors with ligands and without.  C: a million
tumor cells under each set, and D: tumors of other sizes, beside natural killer cells at rest.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO, RED

MODEL = pkpd.load("de_pillis_2005")
SBML = pd.read_csv(Path(__file__).parents[1] / "data" / "de_pillis_2005_sbml.csv", comment="#")
NAMES = "c", "g", "d", "l", "s", "j"
SETS = {
    "nn": (3.23e-7, 0.025, 1.43, 0.58, 2.73, 0.0375),
    "nl": (3.23e-7, 0.025, 3.6, 0.46, 1.61, 0.0375),
    "ln": (3.5e-6, 0.2, 3.51, 0.9, 5.07, 0.113),
    "ll": (3.5e-6, 0.2, 7.17, 0.75, 0.4, 0.3),
}
SIZES = np.geomspace(1e2, 1e9, 29)
KILLING = np.linspace(2e-7, 4e-6, 15)


def reproduction():
    """The public course, and the rate of killing at which a small tumor no longer grows."""
    a, f, sigma = (MODEL.symbols[k].value for k in ("a", "f", "sigma"))
    T = pkpd.simulate(MODEL, times=SBML["time"])["T"].to_numpy()
    growth = small_tumor_growth(sigma / f)
    claims = [
        pkpd.Claim(
            f"tumor at day {day} (cell)",
            float(SBML["T"][day // 5]),
            T[day // 5],
            "MODEL1907260001 by libroadrunner",
            1e-3,
        )
        for day in (20, 30, 60)
    ]
    needed = float(np.interp(0, -growth, KILLING))
    claims.append(pkpd.Claim("killing that rejects (1/cell/day)", a * f / sigma, needed, "closed form a f/sigma", 1e-3))
    return pkpd.Reproduction(
        tuple(claims), (draw_course, lambda ax: draw_threshold(ax, growth, a * f / sigma), draw_sets, draw_sizes)
    )


def small_tumor_growth(killers):
    """Exponential growth (1/day) of a thousandth of a tumor cell beside natural killer cells alone."""
    start = {"T0": 1e-3, "N0": killers, "c": KILLING, "d": 0}
    T = pkpd.simulate(MODEL, times=[0, 1], parameters=start, rtol=1e-9, atol=1e-12)["T"].to_numpy()
    return np.log(T[:, 1] / T[:, 0])


def draw_course(ax):
    run = pkpd.simulate(MODEL, times=np.linspace(0, 60, 241))
    for name, color in zip("TNL", OKABE_ITO, strict=False):
        x, y = run["time"].to_numpy(), run[name].to_numpy()
        ax.semilogy(x[y > 0], y[y > 0], color=color, label=run[name].attrs["long_name"])
        ax.plot(SBML["time"], SBML[name].where(SBML[name] > 0), "o", color=color, markersize=3)
    ax.set(xlabel="time (day)", ylabel="cells", ylim=(1, 1e12))
    ax.legend(loc="upper left", ncols=2)


def draw_threshold(ax, growth, needed):
    ax.plot(KILLING, growth, color=OKABE_ITO[0])
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.axvline(needed, color=RED, linestyle="--", linewidth=0.8, label="closed form")
    for name, marker in (("nn", "o"), ("ln", "s")):
        c = SETS[name][0]
        label = "with ligands" if name == "ln" else "without ligands"
        ax.plot(c, np.interp(c, KILLING, growth), marker, color=GRAY, label=label)
    ax.set(xlabel="killing by natural killers (1/cell/day)", ylabel="growth of a small tumor (1/day)")
    ax.legend(loc="upper right")


def challenged(name, days, size):
    """Tumors of `size` cells under the set called `name`, beside natural killer cells at rest."""
    rest = MODEL.symbols["sigma"].value / MODEL.symbols["f"].value
    values = dict(zip(NAMES, SETS[name], strict=True)) | {"T0": size, "N0": rest}
    return np.fmax(pkpd.simulate(MODEL, times=days, parameters=values)["T"].to_numpy(), 0.1)


def draw_sets(ax):
    days = np.linspace(0, 40, 161)
    for name, color in zip(SETS, OKABE_ITO, strict=False):
        ax.semilogy(days, challenged(name, days, 1e6), color=color, label=name)
    ax.set(xlabel="time (day)", ylabel="tumor cells", ylim=(1, 1e12))
    ax.legend(loc="upper left", ncols=4)


def draw_sizes(ax):
    for name, color in zip(SETS, OKABE_ITO, strict=False):
        ax.loglog(
            SIZES, challenged(name, [0, 60], SIZES)[:, 1], "o-", markersize=3, linewidth=0.8, color=color, label=name
        )
    ax.set(xlabel="tumor cells at the start", ylabel="tumor cells at day 60", ylim=(1, 1e12))
    ax.legend(loc="upper left", ncols=4)
