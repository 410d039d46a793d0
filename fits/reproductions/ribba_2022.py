"""Best changes of target lesions, beside patients under atezolizumab or docetaxel; and what OAK counts.

The estimates come from OAK, which had scans every 6 weeks.  A: the best change of a population of the
model until its tumors progress or a year has passed, with the published error of measurement, beside
the deciles of the 701 patients of study 4 of Ghaffari Laleh et al. (PLoS Comput Biol 18:e1009822, 2022,
supplement S6, CC BY 4.0; one target lesion each, computed by us), who had atezolizumab or docetaxel in
trials that the authors do not name one by one, so that OAK may be it.  Nothing was fitted to them.  All but the lowest
decile agree within a tenth of the size; there the model shrinks 8 points further.

B: best response.  Target lesions alone, which is all that the model knows, respond as those patients' do,
and twice as often as OAK's patients by all criteria (Rittmeyer et al., Lancet 389:255, 2017, Table 2:
atezolizumab); and 44 % of those progressed at once, mostly by what the model does not have: new lesions, others
that are not measured, and death.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, PALE, RED
from pkpd.models.ribba_2022 import variability

MODEL = pkpd.load("ribba_2022")
SCANS = np.arange(0, 379, 42)  # days
DECILES = np.linspace(0.1, 0.9, 9)
STUDY_4 = np.array([-0.568, -0.359, -0.225, -0.143, -0.072, -0.006, 0.000, 0.062, 0.167])
STUDY_4_RESPONSES = 0.245
OAK = {"response": 0.14, "stable": 0.35, "progression": 0.44}
START = 74.0


def reproduction():
    """Deciles of best change, and shares of best response."""
    measured, size = scanned(6000, 2022)
    change, response = best(measured)
    here = np.quantile(change, DECILES)
    study = "study 4 of Ghaffari Laleh 2022"
    typical = "grows" if size.sel(time=42) > START else "does not grow"
    claims = (
        *(
            pkpd.Claim(f"{100 * q:.0f}th percentile of best size over the start", 1 + theirs, 1 + ours, study, 0.1)
            for q, theirs, ours in zip(DECILES[1:], STUDY_4[1:], here[1:], strict=True)
        ),
        pkpd.Claim(
            "lesions that shrink by 30 %", STUDY_4_RESPONSES, np.mean(response == "response"), study, 0.1
        ),
        pkpd.Claim("typical tumor", "grows", typical, "Supplementary Data: kg above ks"),
    )  # fmt: skip
    return pkpd.Reproduction(
        claims, (lambda ax: draw_deciles(ax, change, here), lambda ax: draw_responses(ax, response))
    )


def scanned(n, seed):
    """Measured sizes over the start of `n` patients, (n, scans), and the size of a typical one."""
    patients = pkpd.population(MODEL, n, seed, variability=variability)
    run = pkpd.simulate(MODEL, times=SCANS, parameters=patients, outputs=["TS"])
    error = pkpd.combined_error(0.65, 0.08, adds="sd")
    measured = pkpd.observe(run, "TS", error=error, seed=seed, times=SCANS[1:])["value"].to_numpy()
    whole = np.concatenate([np.full((n, 1), START), np.maximum(measured, 0)], axis=1)
    return whole / START, pkpd.simulate(MODEL, times=SCANS, outputs=["TS"])["TS"]


def best(size):
    """The smallest size until progression, as a change; and the best response by target lesions alone."""
    nadir = np.minimum.accumulate(size, axis=1)[:, :-1]
    grown = (size[:, 1:] >= 1.2 * nadir) & (START * (size[:, 1:] - nadir) >= 5)
    first = np.where(grown.any(axis=1), grown.argmax(axis=1) + 1, size.shape[1])
    scan = np.arange(size.shape[1])
    until = np.where((scan > 0) & (scan <= first[:, None]), size, np.inf).min(axis=1)
    before = np.where((scan > 0) & (scan < first[:, None]), size, np.inf).min(axis=1)
    return until - 1, np.where(before <= 0.7, "response", np.where(first == 1, "progression", "stable"))


def draw_deciles(ax, change, here):
    share = (np.arange(len(change)) + 0.5) / len(change)
    ax.plot(100 * share, 100 * np.sort(change), color=PALE, linewidth=3, label="population of the model")
    ax.plot(100 * DECILES, 100 * here, "o", color=BLUE, markersize=4, label="its deciles")
    ax.plot(100 * DECILES, 100 * STUDY_4, "s", color=RED, markersize=4, label="deciles of 701 patients")
    for level in (-30, 20):
        ax.axhline(level, color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="patients (%)", ylabel="best change (%)", xlim=(0, 100), ylim=(-100, 100))
    ax.legend(loc="upper left")


def draw_responses(ax, response):
    places = np.arange(len(OAK))
    ax.bar(
        places - 0.2,
        [100 * np.mean(response == name) for name in OAK],
        width=0.4,
        color=BLUE,
        label="target lesions, here",
    )
    ax.bar(places + 0.2, [100 * share for share in OAK.values()], width=0.4, color=BLACK, label="all criteria, OAK")
    ax.plot(-0.2, 100 * STUDY_4_RESPONSES, "s", color=RED, markersize=4, label="one target lesion, study 4")
    ax.set_xticks(places, list(OAK))
    ax.set(xlabel="best response", ylabel="patients (%)", ylim=(0, 105))
    ax.legend(loc="upper left")
