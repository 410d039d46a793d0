"""Clearance of durvalumab falls by a third; exposure before surgery in AEGEAN.

A: clearance of the reference patient on 1500 mg every 4 weeks, with the published largest fall (Discussion)
and the label's clearance at steady state (day 365).  B: four doses of 1500 mg every 3 weeks with
chemotherapy; the published geometric means over the 4th interval (Table S4, points) are those of 343
patients, here of typical men and women of 70 kg, 35.1 % of them women (Tables 1 and 2).
C: that area by body weight; the quartiles of Table S3 lie from the curve of women to that of men
as patients get heavier.  The text's effects of a large body weight on V1 and on CL are for one and the
same weight, which the text does not give: it follows from the first, and gives the second.

Numbers of the paper as in nlmixr2lib's vignette Zhao_2026_durvalumab.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, OKABE_ITO, RED

MODEL = pkpd.load("durvalumab_zhao_2026")
AEGEAN = {"ALB": [41.0], "CRCL": [84.0], "chemo": [1.0]}
WOMEN = 0.351
Q3W = pkpd.infusion(1500, "iv", duration="1 h", every=21, n=4)
Q4W = pkpd.infusion(1500, "iv", duration="1 h", every=28, n=14)
DAYS = np.union1d(np.linspace(0, 84, 337), 21 * np.arange(4) + 1 / 24)
QUARTILES = {53.2: 8530, 65.8: 7490, 74.8: 6910, 93.0: 6070}  # kg: mg day/L, Table S3
PUBLISHED = {"auc": (7190, "area (mg day/L)"), "cmax": (645, "peak (mg/L)"), "trough": (219, "trough (mg/L)")}
WEIGHTS = np.linspace(45, 110, 14)


def reproduction():
    """Clearance in time and by weight, and the exposure of the 4th interval."""
    clearance = 1000 / 24 * pkpd.simulate(MODEL, Q4W, times=np.arange(0, 392.0), outputs=["CLt"])["CLt"]
    limit = float(pkpd.simulate(MODEL, times=[0, 1e7])["CLt"][-1]) / MODEL.symbols["CL"].value
    course = patients(WT=[70.0])
    area = exposures(patients(WT=WEIGHTS))["auc"]
    claims = (
        pkpd.Claim("largest fall of clearance (%)", 34, 100 * (1 - limit), "Discussion", 0.01),
        pkpd.Claim("clearance on day 365 (mL/h)", 8.16, float(clearance.sel(time=365)), "label", 0.02),
        pkpd.Claim("CL where weight raises V1 by 21.3 % (change in %)", 15.6, heavier(1.213), "Results 3.2", 0.02),
        *fourth_interval(exposures(course)),
    )
    panels = (
        lambda ax: draw_clearance(ax, clearance, limit),
        lambda ax: draw_course(ax, course),
        lambda ax: draw_weight(ax, area),
    )
    return pkpd.Reproduction(claims, panels)


def patients(**axes):
    """Men and women of AEGEAN, over four doses."""
    people = pkpd.grid(female=[0.0, 1.0], **AEGEAN, **axes)
    return pkpd.simulate(MODEL, Q3W, times=DAYS, parameters=people, outputs=["C"]).squeeze(list(AEGEAN))


def exposures(run):
    return pkpd.exposure(run, intervals=[63, 84]).isel(interval=0)


def fourth_interval(measures):
    """The geometric means over men and women beside those of Table S4."""
    both = {
        name: np.exp(np.average(np.log(measures[name].to_numpy().ravel()), weights=[1 - WOMEN, WOMEN]))
        for name in PUBLISHED
    }
    return [
        pkpd.Claim(f"{what}, 4th interval, geometric mean", value, float(both[name]), "Table S4", 0.03)
        for name, (value, what) in PUBLISHED.items()
    ]


def heavier(factor):
    """The change of CL (%) at the weight that raises V1 by `factor`, as one bolus shows it."""
    run = pkpd.simulate(
        MODEL, pkpd.bolus(100, "iv"), times=[0], at_dose="after", parameters=pkpd.grid(WT=np.linspace(69.4, 130, 608))
    )
    C, CL = run["C"].to_numpy()[:, 0], run["CLt"].to_numpy()[:, 0]
    return float(100 * (np.interp(factor, C[0] / C, CL) / CL[0] - 1))


def draw_clearance(ax, clearance, limit):
    ax.plot(clearance["time"], clearance, color=BLUE)
    ax.axhline(float(clearance[0]) * limit, color=GRAY, linestyle="--", linewidth=0.8, label="largest fall, 34 %")
    ax.plot(365, 8.16, "o", color=RED, label="label, 8.16 mL/h")
    ax.set(xlabel="time (day)", ylabel="clearance (mL/h)", ylim=(6, 13))
    ax.legend(loc="upper right")


def draw_course(ax, course):
    for female, name, color in ((0, "man", OKABE_ITO[0]), (1, "woman", OKABE_ITO[3])):
        ax.plot(DAYS, course["C"].sel(female=female).squeeze(), color=color, label=f"{name} of 70 kg", linewidth=1)
    ax.plot([63, 84], [645, 219], "o", color=BLACK, markersize=3, label="published mean")
    ax.set(xlabel="time (day)", ylabel="durvalumab (mg/L)", ylim=(0, 1050))
    ax.legend(loc="upper left", ncols=2)


def draw_weight(ax, area):
    for female, name, color in ((0, "men", OKABE_ITO[0]), (1, "women", OKABE_ITO[3])):
        ax.plot(WEIGHTS, area.sel(female=female), color=color, label=name, linewidth=1)
    ax.plot(list(QUARTILES), list(QUARTILES.values()), "o", color=BLACK, markersize=3, label="published quartiles")
    ax.set(xlabel="body weight (kg)", ylabel="area, 4th interval (mg day/L)", ylim=(4500, 10000))
    ax.legend(loc="upper right")
