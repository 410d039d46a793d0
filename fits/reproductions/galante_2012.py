"""Lysis in a chromium release assay is bought with perforin, one tumor cell for each unit.

A: the public file of the model, BIOMD0000000812, integrated by libroadrunner over its assay of 12
hours, as it stands (0.315 of perforin) and from other starts (points).  Perforin and tumor cells
consume each other at the same rate, so lysis ends where the perforin does, at 100 P0 percent
(B, dashed) unless T cells release more: as published (kp = 0.097) they hardly do in 12 hours.  The
paper's own figures were not readable.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO, ordered_colors

MODEL = pkpd.load("galante_2012")
DATA = Path(__file__).parents[1] / "data" / "galante_2012_sbml.csv"
HOURS = np.linspace(0, 12, 241)
STARTS = np.linspace(0, 0.6, 13)
RELEASE = [0.0, 0.097, 1.0, 3.0]


def reproduction():
    """Lysis after 4 and 12 hours in the public file, and where it ends without release of perforin."""
    table = pd.read_csv(DATA, comment="#").pivot(index="P0", columns="time", values="lysis")
    course = simulated(HOURS, P0=list(table.index)).sel(time=HOURS)
    final = simulated([12], P0=STARTS, kp=RELEASE, k=0, k5=0).isel(time=0)
    at = [(0.1, 12), (0.315, 1), (0.315, 4), (0.315, 12), (0.6, 4)]
    files = tuple(
        pkpd.Claim(
            f"lysis after {hour} h from {P0:g} of perforin (%)",
            float(table.loc[P0, hour]),
            float(course.sel(P0=P0).interp(time=hour)),
            "BIOMD0000000812 by libroadrunner",
            1e-4,
        )
        for P0, hour in at
    )
    ends = float(final.sel(P0=0.3, kp=0.0, method="nearest"))
    closed = pkpd.Claim("lysis that 0.3 of perforin buys, without release or growth (%)", 30, ends, "100 P0", 0.002)
    panels = (lambda ax: draw_course(ax, course, table), lambda ax: draw_ends(ax, final))
    return pkpd.Reproduction((*files, closed), panels)


def simulated(times, k=MODEL.symbols["k"].value, k5=MODEL.symbols["k5"].value, **axes):
    return pkpd.simulate(MODEL, times=times, parameters=pkpd.grid(k=[k], k5=[k5], **axes))["lysis"].squeeze(["k", "k5"])


def draw_course(ax, course, table):
    for P0, color in zip(table.index, ordered_colors(np.linspace(0, 1, len(table))), strict=True):
        ax.plot(HOURS, course.sel(P0=P0), color=color, label=f"{P0:g}", linewidth=1)
        ax.plot(table.columns, table.loc[P0], "o", color=color, markersize=2.5)
    ax.set(xlabel="time (hour)", ylabel="tumor cells lysed (%)", ylim=(0, 85))
    ax.legend(title="perforin at the start", loc="upper right", ncols=4, columnspacing=1)


def draw_ends(ax, final):
    for kp, color in zip(RELEASE, OKABE_ITO, strict=False):
        ax.plot(STARTS, final.sel(kp=kp), "o", color=color, label=f"{kp:g} /hour", markersize=3)
    ax.plot(STARTS, 100 * STARTS, color=GRAY, linestyle="--", linewidth=0.8, label="100 P0")
    ax.set(xlabel="perforin at the start (of tumor cells)", ylabel="lysed in 12 h, no growth (%)")
    ax.legend(title="release kp", loc="upper left")
