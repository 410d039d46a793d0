"""An antibody to PD-1 steepens the dose dependence of severe adverse events of one to CTLA-4.

Fig. 2A of the paper, grade 3 and 4 treatment-related events: about 19 % at any dose of an antibody to
PD-1 alone, 51 % at an exposure Cav/IC50 of 950 to one to CTLA-4 alone, and 57 % at 140 with both, as
nlmixr2lib's vignette Shulgin_2020_ici_adverse_events_mbma reads that figure; and the text's slope of
the logit with both, which is the sum of two inputs.  The axis is marked with three regimens of
ipilimumab where the figure has them.
"""

import numpy as np
from scipy.special import logit

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

PART = pkpd.load("shulgin_2020")
x = pkpd.param("x", 0, "1", "exposure, Cav/IC50", bounds=(0, None))
level = pkpd.state("level", "nM", "antibody to CTLA-4, held", start=x * PART.symbols["IC50"])
MODEL = pkpd.compose("cohort", PART, pkpd.Model("antibody", rates={level: 0}, outputs={"Cav": level}))
FIGURE = {"anti-PD-1 alone": (0.0, 1, 19), "anti-CTLA-4 alone": (950.0, 0, 51), "both": (140.0, 1, 57)}
REGIMENS = {"1": 45, "3": 140, "10": 430}  # mg/kg of ipilimumab every 3 weeks: Cav/IC50


def reproduction():
    """The rates that are read from the figure, and the slope of the logit that the text gives."""
    read = [
        pkpd.Claim(
            f"{name}, at Cav/IC50 of {exposure:g} (%)",
            rate,
            100 * float(rates([exposure], both)[0]),
            "Fig. 2A, read",
            0.06,
        )
        for name, (exposure, both, rate) in FIGURE.items()
    ]
    slope = np.diff(logit(rates([0, 100], 1)))[0] / 100
    text = pkpd.Claim("slope of the logit, both", 0.0124, float(slope), "Results", 0.02)
    return pkpd.Reproduction((*read, text), (draw,))


def rates(exposure, PD1_drug):
    """The probability of a severe event by Cav/IC50."""
    run = pkpd.simulate(MODEL, times=[0], parameters=pkpd.grid(x=np.asarray(exposure), PD1_drug=[PD1_drug]))
    return run["P_severe"].to_numpy().ravel()


def draw(ax):
    for name, both, span, color in (
        ("anti-CTLA-4 alone", 0, 1000, OKABE_ITO[0]),
        ("with anti-PD-1", 1, 300, OKABE_ITO[1]),
    ):
        exposure = np.geomspace(10, span, 60)
        ax.semilogx(exposure, 100 * rates(exposure, both), color=color, label=name)
    ax.axhline(100 * rates([0], 1)[0], color=GRAY, linestyle="--", linewidth=0.8, label="anti-PD-1 alone")
    ax.plot([950, 140], [51, 57], "o", color=BLACK, markersize=4, label="read from the figure")
    for dose, exposure in REGIMENS.items():
        ax.annotate(f"{dose} mg/kg", (exposure, 1), fontsize=6, ha="center", color=GRAY)
    ax.set(xlabel="exposure to anti-CTLA-4, Cav/IC50", ylabel="grade 3 and 4 events (%)", ylim=(0, 115))
    ax.legend(loc="upper left")
