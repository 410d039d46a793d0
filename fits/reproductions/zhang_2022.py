"""Immune-related adverse events in lung cancer by class, line and chemotherapy.

Fig. 4 of the paper prints the predicted rates of any grade for twelve scenarios, which come out
again.  Exposures to ipilimumab (Cav/IC50: 17.5 for 1 mg/kg every 6 weeks, 36, 109 and 375 for 1, 3 and
10 mg/kg every 3 weeks) are those of the authors' data set; all as in nlmixr2lib's vignette
Zhang_2022_ici_irae_nsclc_mbma.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, OKABE_ITO

PART = pkpd.load("zhang_2022")
x = pkpd.param("x", 0, "1", "exposure, Cav/IC50", bounds=(0, None))
level = pkpd.state("level", "nM", "antibody to CTLA-4, held", start=x * PART.symbols["IC50"])
MODEL = pkpd.compose("cohort", PART, pkpd.Model("antibody", rates={level: 0}, outputs={"Cav": level}))
SCENARIOS = {  # PDL1_drug, later_line, with_chemo, Cav/IC50, printed (%)
    "anti-PD-1, 1st line": (0, 0, 0, 0, 21.9),
    "anti-PD-1, 2nd line": (0, 1, 0, 0, 14.9),
    "anti-PD-1 + chemo, 1st line": (0, 0, 1, 0, 41.1),
    "anti-PD-1 + chemo, 2nd line": (0, 1, 1, 0, 30.2),
    "anti-PD-L1, 1st line": (1, 0, 0, 0, 16.5),
    "anti-PD-L1, 2nd line": (1, 1, 0, 0, 11.0),
    "anti-PD-L1 + chemo, 1st line": (1, 0, 1, 0, 33.0),
    "anti-PD-L1 + chemo, 2nd line": (1, 1, 1, 0, 23.4),
    "anti-PD-1 + ipilimumab 1 mg/kg Q6W": (0, 0, 0, 17.5, 22.3),
    "anti-PD-1 + ipilimumab 1 mg/kg Q3W": (0, 0, 0, 36, 22.7),
    "ipilimumab 3 mg/kg + chemo": (0, 0, 1, 109, 44.6),
    "ipilimumab 10 mg/kg + chemo": (0, 0, 1, 375, 53.2),
}


def reproduction():
    """The rate of each scenario beside the printed one."""
    *settings, printed = np.array(list(SCENARIOS.values()), dtype=float).T
    computed = 100 * rates(*settings)
    claims = tuple(
        pkpd.Claim(f"{name} (%)", float(print_), float(rate), "Fig. 4", 0.005)
        for name, print_, rate in zip(SCENARIOS, printed, computed, strict=True)
    )
    return pkpd.Reproduction(claims, (lambda ax: draw(ax, printed, computed), draw_exposure))


def rates(PDL1_drug, later_line, with_chemo, exposure):
    """The probability of an event, an element a cohort."""
    cohorts = pkpd.members(PDL1_drug=PDL1_drug, later_line=later_line, with_chemo=with_chemo, x=exposure)
    return pkpd.simulate(MODEL, times=[0], parameters=cohorts)["P_any"].to_numpy()[:, 0]


def draw(ax, printed, computed):
    rows = np.arange(len(computed))[::-1]
    ax.barh(rows, computed, color=OKABE_ITO[5], label="here")
    ax.plot(printed, rows, "o", color=BLACK, markersize=3, label="printed")
    ax.set_yticks(rows, list(SCENARIOS), fontsize=5)
    ax.set(xlabel="any-grade events (%)", ylabel="cohort", xlim=(0, 75))
    ax.legend(loc="upper right")


def draw_exposure(ax):
    exposure = np.linspace(0, 400, 41)
    for chemo, name, color in ((0, "without chemo", BLUE), (1, "with chemo", OKABE_ITO[1])):
        still = np.zeros_like(exposure)
        ax.plot(exposure, 100 * rates(still, still, still + chemo, exposure), color=color, label=name)
        marks = [(at, rate) for *_, with_chemo, at, rate in SCENARIOS.values() if at and with_chemo == chemo]
        ax.plot(*zip(*marks, strict=True), "o", color=BLACK, markersize=3)
    ax.set(xlabel="ipilimumab, Cav/IC50", ylabel="any-grade events, 1st line (%)", ylim=(0, 75))
    ax.legend(loc="upper left")
