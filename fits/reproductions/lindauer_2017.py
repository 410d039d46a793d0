"""Shrinkage of a melanoma by pembrolizumab reaches its plateau at 2 mg/kg every 3 weeks.

Fig. 3A of the paper: the change of the tumor's diameter after 6 months hardly depends on doses of 2
mg/kg and more, which is why that dose was chosen; as nlmixr2lib's vignette
Lindauer_2017_pembrolizumab tells it, which also has the first peak at about 50 mg/L and PD-1 in blood
saturated throughout.  KEYNOTE-001 (Patnaik 2015, Clin Cancer Res 21:4286, abstract) found the largest
engagement in blood at the trough of 1 mg/kg and more. A plateau is called here a change at 2 mg/kg
within 6 % of that at 10 mg/kg. A patient of 70 kg with a tumor of medium growth.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED, ordered_colors

MODEL = pkpd.load("lindauer_2017")
DOSES = [0.1, 0.3, 1.0, 2.0, 5.0, 10.0]  # mg/kg
MOLAR = 0.149  # mg/nmol
per_kg = pkpd.param("per_kg", 2, "mg/kg", "dose by weight")
nmol = pkpd.param("nmol", 70 / MOLAR, "kg*nmol/mg", "70 kg over the molar mass")
Q3W = pkpd.bolus(per_kg * nmol, "iv", every=21, n=9)
TROUGH = 21 * 4 - 1e-3
DAYS = np.union1d(np.linspace(0, 182, 92), TROUGH)


def reproduction():
    """The plateau, and what saturates in blood but not in the tumor."""
    run = pkpd.simulate(
        MODEL, Q3W, times=DAYS, parameters=pkpd.grid(per_kg=DOSES), method="scipy", rtol=1e-5, at_dose="after"
    )
    change = 100 * ((run["W"] / MODEL.symbols["W0"].value) ** (1 / 3) - 1)
    last = change.isel(time=-1)
    blood = 100 * run["RO_blood"].sel(time=TROUGH)
    first = float(run["C"].sel(per_kg=2, time=0)) * MOLAR
    claims = (
        pkpd.Claim(
            "effect of 2 mg/kg, of that of 10 mg/kg",
            1,
            float(last.sel(per_kg=2) / last.sel(per_kg=10)),
            "Fig. 3A, in words",
            0.06,
        ),
        pkpd.Claim(
            "PD-1 in blood occupied at the trough of 1 mg/kg (%)", 100, float(blood.sel(per_kg=1)), "Patnaik 2015", 0.01
        ),
        pkpd.Claim("first peak of 2 mg/kg (mg/L)", 50, first, "nlmixr2lib", 0.05),
    )
    panels = (
        lambda ax: draw_courses(ax, change),
        lambda ax: draw_dose(ax, last),
        lambda ax: draw_occupancy(ax, run),
    )
    return pkpd.Reproduction(claims, panels)


def draw_courses(ax, change):
    for dose, color in zip(DOSES, ordered_colors(np.linspace(0, 1, len(DOSES))), strict=True):
        ax.plot(DAYS, change.sel(per_kg=dose), color=color, label=f"{dose:g}", linewidth=1)
    ax.set(xlabel="time (day)", ylabel="change of diameter (%)", ylim=(-100, 30))
    ax.legend(loc="upper right", title="mg/kg every 3 weeks", ncols=3)


def draw_dose(ax, last):
    ax.semilogx(DOSES, last, "o-", color=BLUE, markersize=3)
    ax.axvspan(2, 10, color=OKABE_ITO[5], alpha=0.25, linewidth=0, label="published plateau")
    ax.axhline(-30, color=GRAY, linestyle="--", linewidth=0.8, label="partial response")
    ax.set(xlabel="dose every 3 weeks (mg/kg)", ylabel="change in 6 months (%)", ylim=(-100, 10))
    ax.legend(loc="upper left")


def draw_occupancy(ax, run):
    for name, output, color in (("blood", "RO_blood", RED), ("tumor", "RO", BLUE)):
        for dose, style in ((2.0, "-"), (0.3, ":")):
            ax.plot(
                DAYS,
                100 * run[output].sel(per_kg=dose),
                style,
                color=color,
                label=f"{name}, {dose:g} mg/kg",
                linewidth=1,
            )
    ax.set(xlabel="time (day)", ylabel="PD-1 occupied (%)", ylim=(0, 150))
    ax.legend(loc="upper right", ncols=2)
