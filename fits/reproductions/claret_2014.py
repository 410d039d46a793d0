"""The time to growth in MONET1, and what it says of survival.

The tumor size has no arm, so that its typical time to growth and size at week 8 lie between the published
medians of the two arms; those of a population are beside the medians of both arms together (weighted
by their 481 and 453 patients).  With the estimates of KDE and lambda as they are printed, neither would.

The paper's trials in Asian patients (Table 5) have median survivals of 450 days with chemotherapy and
594 with motesanib; here a typical one, with the median time to growth of the arm, has 445 and 517.  The
second is 13 % short: the paper simulates patients, whose longest times to growth weigh most.

A: tumor sizes, the typical one and percentiles of a population.  B: survival in the two arms, with the
published medians.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, OKABE_ITO, PALE
from pkpd.models.claret_2014 import variability

MODEL = pkpd.load("claret_2014")
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
ARMS = {  # patients; median TTG (day), size at week 8 over the start, median survival of Asian patients (day)
    "chemotherapy": (481, 93, 0.77, 450),
    "with motesanib": (453, 125, 0.69, 594),
}
DAYS = np.linspace(0, 730, 147)
WEEK_8 = 56
RESULTS, TABLE_5 = "Results: medians of the arms", "Table 5"


def reproduction():
    """Times to growth, sizes at week 8, and median survivals."""
    typical, people = sizes(None), sizes(pkpd.population(MODEL, 4000, 2014, variability=variability))
    patients, TTG, ratio, days = (np.array(column) for column in zip(*ARMS.values(), strict=True))
    drawn_TTG, drawn_ratio = people["TTG"][:, 0].to_numpy(), ratio_of(people)
    medians = {arm: median_survival(TTG) for arm, (_, TTG, _, _) in ARMS.items()}
    claims = (
        between("typical time to growth", float(typical["TTG"][0]), TTG),
        between("typical size at week 8", float(ratio_of(typical)), ratio),
        pkpd.Claim(
            "median time to growth (day)", np.average(TTG, weights=patients), np.median(drawn_TTG), RESULTS, 0.1
        ),
        pkpd.Claim(
            "size at week 8 over the start", np.average(ratio, weights=patients), np.median(drawn_ratio), RESULTS, 0.1
        ),
        pkpd.Claim("its 2.5th percentile", 0.255, np.quantile(drawn_ratio, 0.025), "Results: 0.24 and 0.27", 0.1),
        pkpd.Claim("median survival, chemotherapy (day)", days[0], medians["chemotherapy"], TABLE_5, 0.02),
        pkpd.Claim(
            "survival with motesanib", "longer",
            "longer" if medians["with motesanib"] > 1.1 * medians["chemotherapy"] else "not longer", TABLE_5,
        ),
    )  # fmt: skip
    return pkpd.Reproduction(claims, (lambda ax: draw_sizes(ax, typical, people), draw_survival))


def sizes(parameters):
    return pkpd.simulate(MODEL, times=np.union1d(DAYS, [WEEK_8]), parameters=parameters, outputs=["TS", "TTG"])


def ratio_of(run):
    return (run["TS"].sel(time=WEEK_8) / run["TS"].sel(time=0)).to_numpy()


def between(what, value, medians):
    inside = min(medians) < value < max(medians)
    return pkpd.Claim(what, "between the arms", "between the arms" if inside else f"{value:.3g}", RESULTS)


def asian_arm(TTG):
    """A typical Asian patient with this time to growth, by the rate at which the kill is lost."""
    return {"lambda_": np.log(VALUE["KDE"] / VALUE["KL"]) / TTG, "asian": 1}


def median_survival(TTG):
    return np.exp(float(pkpd.simulate(MODEL, times=[0], parameters=asian_arm(TTG))["mu"][0]))


def draw_sizes(ax, typical, people):
    t = people["time"]
    for low, high, color in ((0.05, 0.95, PALE), (0.25, 0.75, BLUE)):
        band = people["TS"].quantile([low, high], dim="member")
        ax.fill_between(
            t, *band, color=color, alpha=0.4, linewidth=0, label=f"{low:.0%} to {high:.0%}".replace("%", " %")
        )
    ax.plot(t, typical["TS"], color=BLACK, label="typical")
    ax.axvline(float(typical["TTG"][0]), color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="time (day)", ylabel="tumor size (mm)", xlim=(0, 730), ylim=(0, 450))
    ax.legend(loc="upper left")


def draw_survival(ax):
    days = np.linspace(1, 1100, 400)
    for (arm, (_, TTG, _, median)), color in zip(ARMS.items(), OKABE_ITO, strict=False):
        run = pkpd.simulate(MODEL, times=days, parameters=asian_arm(TTG), outputs=["S"])
        ax.plot(days, run["S"], color=color, label=f"{arm}, TTG {TTG} days")
        ax.plot(median, 0.5, "o", color=color, markeredgecolor=BLACK, zorder=3)
    ax.plot([], [], "o", color=GRAY, markeredgecolor=BLACK, label="published median")
    ax.axhline(0.5, color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="time (day)", ylabel="probability of survival", xlim=(0, 1100), ylim=(0, 1.02))
    ax.legend(loc="upper right")
