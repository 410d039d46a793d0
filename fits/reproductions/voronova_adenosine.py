"""Three tumors of mice: adenosine antagonist and antibody do best together in each.

A: untreated growth by strain, with the authors' own equations and estimates (A2A_clean_tv_sim.txt and
populationParameters.txt of their repository), transcribed and integrated by scipy (points).

B: tumors on day 30 under the protocol of the authors' script for Fig. 2: 0.125 mg of anti-PD-L1
every 3.5 days from day 7 to 21, 1.25 mg of AZD4635 twice a day from day 7 to 22.  The abstract has the
antagonist enhance checkpoint inhibitors across syngeneic models.  An antibody to CD73, with the days of
that to PD-L1, enhances it too; in mice that is known of CT26 (MEDI9447 with an antibody to PD-1) and of MC38
(Wang R et al., Oncotarget 8:57327, 2017, Table 2).  The authors' simulation of it (Fig. 4B) was not readable as
numbers; the tests have their code.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import BLACK, OKABE_ITO

MODEL = pkpd.load("voronova_adenosine")
DATA = Path(__file__).parents[1] / "data" / "voronova_adenosine_code.csv"
STRAINS = ["CT26", "MC38", "MCA205", "MCA205_2"]
ANTIBODY = pkpd.bolus(0.8325, "ip", at=7, every=3.5, n=5)
ANTAGONIST = pkpd.bolus(1.25, "oral", at=7, every=0.5, n=31)
CD73 = pkpd.bolus(1.333, "CD73", at=7, every=3.5, n=5)
ARMS = {
    "untreated": None, "AZD4635": ANTAGONIST, "anti-PD-L1": ANTIBODY, "PD-L1, AZD4635": ANTIBODY + ANTAGONIST,
    "PD-L1, CD73": ANTIBODY + CD73,
}  # fmt: skip
DAYS = np.linspace(0, 30, 61)
WANG = "Wang 2017, Table 2"


def reproduction():
    """Untreated tumors beside the authors' code, and the arms on day 30."""
    table = pd.read_csv(DATA, comment="#").set_index(["strain", "time"])
    courses = {strain: simulated(None, strain) for strain in STRAINS}
    code = [
        pkpd.Claim(
            f"{strain}, untreated: {what} on day 21",
            float(table.loc[(strain, 21), name]),
            float(courses[strain][name].sel(time=21)),
            "authors' code",
            1e-4,
        )
        for strain in STRAINS
        for name, what in (("TV", "tumor (uL)"), ("dT", "T cells"))
    ]
    left = {arm: [float(simulated(regimen, s)["TV"][-1]) for s in STRAINS] for arm, regimen in ARMS.items()}
    better = sum(both < alone for both, alone in zip(left["PD-L1, AZD4635"], left["anti-PD-L1"], strict=True))
    word = pkpd.Claim("strains in which AZD4635 enhances anti-PD-L1", len(STRAINS), better, "abstract: across models")
    enhanced = [
        pkpd.Claim(
            f"anti-CD73 with anti-PD-L1, {s}", "enhances", "enhances" if both < 0.9 * alone else "does not", WANG
        )
        for s, both, alone in zip(STRAINS[:2], left["PD-L1, CD73"], left["anti-PD-L1"], strict=False)
    ]
    panels = (lambda ax: draw_growth(ax, courses, table), lambda ax: draw_arms(ax, left))
    return pkpd.Reproduction((word, *enhanced, *code), panels)


def simulated(regimen, strain):
    alternative = {} if strain == "CT26" else dict.fromkeys(("TV0", "Vado", "S_L", "S_R"), strain)
    return pkpd.simulate(MODEL.using(**alternative), regimen, times=DAYS, rtol=1e-8)


def draw_growth(ax, courses, table):
    for (strain, run), color in zip(courses.items(), OKABE_ITO, strict=False):
        ax.plot(DAYS, run["TV"], color=color, label=strain.replace("_", ", study "), linewidth=1)
        ax.plot(table.loc[strain].index, table.loc[strain, "TV"], "o", color=color, markersize=2.5)
    ax.set(xlabel="time (day)", ylabel="untreated tumor (uL)", ylim=(0, None))
    ax.legend(loc="upper left")


def draw_arms(ax, left):
    places = np.arange(len(STRAINS))
    colors = (BLACK, *OKABE_ITO)
    for i, (arm, tumors) in enumerate(left.items()):
        ax.bar(places + 0.16 * (i - 2), tumors, width=0.16, color=colors[i], label=arm)
    ax.set_xticks(places, [strain.replace("_", "\nstudy ") for strain in STRAINS])
    ax.set(xlabel="strain", ylabel="tumor on day 30 (uL)", ylim=(0, 1.45 * max(left["untreated"])))
    ax.legend(loc="upper left", ncols=3, columnspacing=0.8, handlelength=1)
