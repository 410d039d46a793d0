"""Responses by PD-L1, and survival from them: the paper's comparisons, OAK and KEYNOTE-024.

The paper compares pembrolizumab and atezolizumab in first line (Fig. 2, read in nlmixr2lib's article on
the model): alone at high PD-L1, here 75 %, the middle of 50 % and more; with chemotherapy at low, 15 %.  Its
patients' other characteristics are not known; here as in OAK, and the ratios hang little on them.

OAK (second line; Rittmeyer et al., Lancet 389:255, 2017, Tables 1 and 2) and KEYNOTE-024 (first line, PD-L1
of 50 % and more, here 75 %; Reck et al., N Engl J Med 375:1823, 2016, abstract) are likely among the trials
behind the model.  Described to a tenth: response in both arms of KEYNOTE-024, survival without progression
in both of OAK, survival under docetaxel.  Missed: survival under atezolizumab (11.4 months, OAK 13.8),
survival without progression in KEYNOTE-024 (7 months, 10.3; chemotherapy 4.7, 6.0).

A: response rate by PD-L1; durvalumab in later line beside Study 1108 (Antonia 2019, 21.8 % at 25 % of cells and more,
6.4 % below) and ATLANTIC (30.9 % at 90 %, 16.4 % and 7.5 % at 25 % and below; PD-L1 at the middle of each
class).  B: survival in OAK, with the medians of the trial.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, OKABE_ITO, RED
from pkpd.models.franzese_2026 import treatment

MODEL = pkpd.load("franzese_2026")
MONTHS = np.arange(0, 60.5, 0.25)
COMPARED = {  # odds ratio of response, hazard ratios of OS and PFS: Fig. 2
    ("pembrolizumab", "atezolizumab", 0.75): (1.39, 0.87, 0.83),
    ("pembrolizumab_chemotherapy", "atezolizumab_chemotherapy", 0.15): (1.08, 0.97, 0.98),
}
IN_OAK = {"line2": 1}
IN_KEYNOTE_024 = {"PDL1": 0.75}
DURVALUMAB = {  # PD-L1 at the middle of a class, response rate: Study 1108 and ATLANTIC
    "Study 1108": [(0.125, 0.064), (0.625, 0.218)],
    "ATLANTIC": [(0.125, 0.075), (0.575, 0.164), (0.95, 0.309)],
}


def reproduction():
    """Ratios of the paper's comparisons, and arms of two trials."""
    oak = {name: arm(name, **IN_OAK) for name in ("atezolizumab", "chemotherapy")}
    keynote = {name: arm(name, **IN_KEYNOTE_024) for name in ("pembrolizumab", "chemotherapy")}
    OAK, KEYNOTE = "Rittmeyer 2017, Table 2", "Reck 2016, abstract"
    published = [
        ("response in OAK, atezolizumab (%)", 14, percent(oak["atezolizumab"]), OAK, 0.1),
        ("median PFS in OAK, atezolizumab (month)", 2.8, median(oak["atezolizumab"]["S_PFS"]), OAK, 0.05),
        ("median PFS in OAK, docetaxel (month)", 4.0, median(oak["chemotherapy"]["S_PFS"]), OAK, 0.05),
        ("median OS in OAK, docetaxel (month)", 9.6, median(oak["chemotherapy"]["S_OS"]), OAK, 0.05),
        ("response in KEYNOTE-024, pembrolizumab (%)", 44.8, percent(keynote["pembrolizumab"]), KEYNOTE, 0.1),
        ("response in KEYNOTE-024, chemotherapy (%)", 27.8, percent(keynote["chemotherapy"]), KEYNOTE, 0.1),
    ]
    claims = (
        *(claim for pair, theirs in COMPARED.items() for claim in compared(*pair, theirs)),
        *(pkpd.Claim(*each) for each in published),
    )
    return pkpd.Reproduction(claims, (draw_responses, lambda ax: draw_survival(ax, oak)))


def arm(name, **values):
    return pkpd.simulate(MODEL.using(**treatment(name)), times=MONTHS, parameters=values)


def compared(one, other, PDL1, published):
    """The paper's three ratios of two treatments in first line."""
    runs = [arm(name, PDL1=PDL1) for name in (one, other)]
    names = (f"odds ratio of response, {one}", f"hazard ratio of OS, {one}", f"hazard ratio of PFS, {one}")
    return [
        pkpd.Claim(name.replace("_", " with "), theirs, ours, "Fig. 2 (nlmixr2lib)", 0.05)
        for name, theirs, ours in zip(names, published, ratios(*runs), strict=True)
    ]


def ratios(one, other):
    odds = [float(run["ORR"][0] / (1 - run["ORR"][0])) for run in (one, other)]
    hazards = [float(np.log(one[S][96]) / np.log(other[S][96])) for S in ("S_OS", "S_PFS")]
    return odds[0] / odds[1], *hazards


def percent(run):
    return 100 * float(run["ORR"][0])


def median(S):
    return float(np.interp(-0.5, -S.to_numpy(), MONTHS))


def draw_responses(ax):
    PDL1 = np.linspace(0, 1, 41)
    lines = {
        "pembrolizumab, first line": ("pembrolizumab", 0), "durvalumab, first line": ("durvalumab", 0),
        "durvalumab, later": ("durvalumab", 1),
    }  # fmt: skip
    for (label, (name, line2)), color in zip(lines.items(), (OKABE_ITO[1], BLUE, BLACK), strict=True):
        run = pkpd.simulate(MODEL.using(**treatment(name)), times=[0], parameters={"PDL1": PDL1, "line2": line2})
        ax.plot(100 * PDL1, 100 * run["ORR"][:, 0], color=color, label=label)
    for (trial, points), marker in zip(DURVALUMAB.items(), "os", strict=True):
        x, y = np.array(points).T
        ax.plot(100 * x, 100 * y, marker, color=BLACK, markerfacecolor="white", label=f"durvalumab, {trial}")
    ax.set(xlabel="mean PD-L1 expression (%)", ylabel="response rate (%)", xlim=(0, 100), ylim=(0, 90))
    ax.legend(loc="upper left")


def draw_survival(ax, oak):
    styles = {"atezolizumab": (BLUE, 13.8, 2.8), "chemotherapy": (RED, 9.6, 4.0)}
    for name, (color, OS, PFS) in styles.items():
        for S, style, published in (("S_OS", "-", OS), ("S_PFS", "--", PFS)):
            ax.plot(MONTHS, oak[name][S], style, color=color, label=f"{name}, {S[2:]}")
            ax.plot(published, 0.5, "o", color=color, markeredgecolor=BLACK, zorder=3, markersize=4)
    ax.plot([], [], "o", color=GRAY, markeredgecolor=BLACK, label="median in OAK", markersize=4)
    ax.axhline(0.5, color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="time (month)", ylabel="share of the arm", xlim=(0, 30), ylim=(0, 1.02))
    ax.legend(loc="upper right")
