"""A sixth of patients in a year, and hardly a dependence on the dose of an antibody to PD-L1.

The meta-analysis of Zhang 2022 (CPT Pharmacometrics Syst Pharmacol) has a logit of -1.2696 - 0.3484
for antibodies to PD-L1 in first line and, in its abstract, no dose dependence for antibodies to PD-1
and PD-L1.  The hazard takes the probability of that logit as that of a year at saturation, so that the
first claim reads an input back.  Below, no dependence is less than 10 % from half to twice the dose,
a threshold of our own, and depends on C50, which is illustrative.  A: probability over time under
durvalumab every 4 weeks.  B: probability after a year against the dose.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, RED, ordered_colors

PUBLISHED = 1 / (1 + np.exp(1.2696 + 0.3484))
DOSES = 1500 * np.array([0.02, 0.1, 0.5, 1.0, 2.0, 10.0])
DAYS = np.linspace(0, 365, 366)
amount = pkpd.param("amount", 1500, "mg", "dose", source="swept here")


def reproduction():
    """The probability of a year at saturation, and its dependence on the dose."""
    saturated = pkpd.simulate(pkpd.load("irae_hazard"), times=[0, 365], parameters={"C": 1e6})["P_irae"]
    risk = treated()
    change = risk[4, -1] / risk[2, -1] - 1
    claims = (
        pkpd.Claim(
            "events in a year at saturation", PUBLISHED, float(saturated[-1]), "input: logit of Zhang 2022", 0.005
        ),
        pkpd.Claim(
            "dose dependence, 750 to 3000 mg", "none", "none" if change < 0.1 else "some", "Zhang 2022, abstract"
        ),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_courses(ax, risk), lambda ax: draw_doses(ax, risk)))


def treated():
    """The probability of an event so far under each dose every 4 weeks; in rows."""
    model = pkpd.compose("risk", pkpd.load("durvalumab_baverel_2018"), pkpd.load("irae_hazard"))
    doses = pkpd.infusion(amount, "iv", duration=1 / 24, every=28, n=13)
    return pkpd.simulate(model, doses, times=DAYS, parameters={"amount": DOSES})["P_irae"].to_numpy()


def draw_courses(ax, risk):
    for dose, P, color in zip(DOSES, risk, ordered_colors(np.linspace(0, 1, len(DOSES))), strict=True):
        ax.plot(DAYS, P, color=color, label=f"{dose:g} mg")
    ax.plot(365, PUBLISHED, "o", color=RED, label="published", clip_on=False)
    ax.set(xlabel="time (day)", ylabel="probability of an event", xlim=(0, 365), ylim=(0, 0.18))
    ax.legend(loc="upper left")


def draw_doses(ax, risk):
    ax.semilogx(DOSES, risk[:, -1], "o-", color=BLUE, label="here")
    ax.axhline(PUBLISHED, color=RED, linestyle="--", linewidth=0.8, label="published, any dose")
    ax.set(xlabel="dose every 4 weeks (mg)", ylabel="probability after a year", ylim=(0, 0.2))
    ax.legend(loc="lower right")
