"""Pneumonitis by mean lung dose, and PACIFIC's two arms.

QUANTEC's table (Marks 2010, IJROBP 76:S10, Table 1) has symptomatic pneumonitis in 5, 10, 20, 30 and 40 % at
mean lung doses of 7, 13, 20, 24 and 27 Gy.  Lyman's model was fitted to much the same series, so that
agreement is no prediction.  In PACIFIC 14.1 % of placebo and 19.8 % of durvalumab had pneumonitis of
grade 2 or more after 60 Gy (Vansteenkiste 2024, JTO Clin Res Rep 5:100638, abstract): the ratio of the two
hazards is an input; the rate of placebo is not, but the mean lung dose (16 Gy) is illustrative, so it is
shown and not claimed.  A: chance against mean lung dose.  B: over time after 60 Gy in 30 fractions.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, RED

DOSES, QUANTEC = np.array([7, 13, 20, 24, 27]), np.array([0.05, 0.10, 0.20, 0.30, 0.40])
DAYS = np.linspace(0, 365, 366)
CRT = pkpd.fractions(2, 30, "radiation", every="1 day")


def reproduction():
    """The chance by mean lung dose, and the hazard that durvalumab adds."""
    model = pkpd.load("pneumonitis")
    alone, exposed = (chance(model, C) for C in (0.0, 1e9))
    ratio = float(np.log1p(-exposed[-1]) / np.log1p(-alone[-1]))
    here = by_dose(model, DOSES)
    worst = float(np.abs(here - QUANTEC).max())
    claims = (
        pkpd.Claim("hazard with over without durvalumab", 1.4506, ratio, "input: Vansteenkiste 2024", 0.002),
        pkpd.Claim(
            "chance at 7 to 27 Gy", "within 4 points", f"within {'4' if worst < 0.04 else 'more than 4'} points",
            "Marks 2010, Table 1",
        ),
    )  # fmt: skip
    return pkpd.Reproduction(claims, (lambda ax: draw_doses(ax, model), lambda ax: draw_times(ax, alone, exposed)))


def chance(model, C):
    """The chance by each day of pneumonitis of grade 2 or more."""
    run = pkpd.simulate(model, CRT, times=DAYS, parameters={"C": C})
    return 1 - run["S_pneumonitis_g2"].to_numpy()


def by_dose(model, doses):
    """The chance by radiation alone at each mean lung dose, of 60 Gy to the tumor."""
    run = pkpd.simulate(model, CRT, times=[0, 31], parameters={"lung": np.asarray(doses) / 60})
    return run["P_pneumonitis"].to_numpy()[:, -1]


def draw_doses(ax, model):
    doses = np.linspace(0, 32, 33)
    ax.plot(doses, by_dose(model, doses), color=BLUE, label="here")
    ax.plot(DOSES, QUANTEC, "o", color=RED, label="QUANTEC")
    ax.set(xlabel="mean lung dose (Gy)", ylabel="chance of pneumonitis", xlim=(0, 32), ylim=(0, 0.6))
    ax.legend(loc="upper left")


def draw_times(ax, alone, exposed):
    for name, P, end, color in (("durvalumab", exposed, 94 / 475, RED), ("placebo", alone, 33 / 234, BLUE)):
        ax.plot(DAYS, P, color=color, label=name)
        ax.plot(365, end, "o", color=color, clip_on=False)
    ax.plot([], [], "o", color="0.3", label="PACIFIC")
    ax.set(xlabel="time from the first fraction (day)", ylabel="chance so far", xlim=(0, 365), ylim=(0, 0.25))
    ax.legend(loc="lower right")
