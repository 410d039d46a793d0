"""Durvalumab by body weight every 2 weeks and as one dose every 4 weeks expose patients alike.

De Vries et al. (Clin Pharmacokinet 2025, doi 10.1007/s40262-025-01555-8) simulated a year of
durvalumab in 1000 Dutch lung cancer patients with this model; their Table 2 gives the trough at
steady state and the share of patients above 53.3 mg/L (dashed), both as in nlmixr2lib's vignette
deVries_2025_durvalumab.  The population here has their distributions of covariates, save that
creatinine clearance is drawn without its dependence on weight.  A: medians and quartiles over the
year (their Fig. 1A); B: troughs (their Fig. 1B).

The abstract of Baverel 2018 has similar exposure by both regimens, flat and by weight; similar is called
here what differs by less than a fifth.
"""

import numpy as np

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO
from pkpd.models.durvalumab_baverel_2018 import model, variability

PATIENTS, SEED, TARGET = 1000, 2025, 53.3
COVARIATES = {
    "WT": pkpd.truncated(pkpd.normal(63.75, sd=8), 40.6, 89.4),
    "ALB": pkpd.lognormal(39.5, omega=0.0113**0.5),
    "CRCL": pkpd.lognormal(85.9, omega=0.0314**0.5),
    "TUMSZ": pkpd.lognormal(50.8, omega=0.281**0.5),
    "sPDL1": pkpd.lognormal(139, omega=0.692**0.5),
    "female": pkpd.categorical({0: 0.495, 1: 0.505}),
    "ECOG": pkpd.categorical({0: 0.75, 1: 0.25}),
}
mg_per_kg = pkpd.param("mg_per_kg", 10, "mg/kg", "dose by weight")
REGIMENS = {
    "10 mg/kg every 2 weeks": pkpd.infusion(mg_per_kg * model.symbols["WT"], "iv", duration="1 h", every=14, n=26),
    "1500 mg every 4 weeks": pkpd.infusion(1500, "iv", duration="1 h", every=28, n=13),
}
TABLE = {"10 mg/kg every 2 weeks": (170, 99.2), "1500 mg every 4 weeks": (161, 97.8)}
DAYS = np.arange(0, 365.0, 2)


def reproduction():
    """Geometric mean of the troughs and share above the target, by regimen."""
    people = pkpd.population(model, PATIENTS, SEED, variability=variability, covariates=COVARIATES)
    runs = {
        name: pkpd.simulate(model, regimen, times=DAYS, parameters=people, outputs=["C"])["C"]
        for name, regimen in REGIMENS.items()
    }
    troughs = {name: C.sel(time=364).to_numpy() for name, C in runs.items()}
    claims = [claim for name in REGIMENS for claim in attained(name, troughs[name])]
    means = [mean(trough) for trough in troughs.values()]
    similar = "similar" if max(means) < 1.2 * min(means) else "different"
    claims.append(pkpd.Claim("exposure by weight and flat", "similar", similar, "Baverel 2018, abstract"))
    return pkpd.Reproduction(tuple(claims), (lambda ax: draw_year(ax, runs), lambda ax: draw_troughs(ax, troughs)))


def attained(name, trough):
    published, above = TABLE[name]
    return (
        pkpd.Claim(f"trough at steady state, {name} (mg/L)", published, mean(trough), "de Vries 2025, Table 2", 0.07),
        pkpd.Claim(
            f"patients above 53.3 mg/L, {name} (%)", above, 100 * float((trough > TARGET).mean()),
            "de Vries 2025, section 3.1", 0.02,
        ),
    )  # fmt: skip


def mean(values):
    """The geometric mean."""
    return float(np.exp(np.log(values).mean()))


def draw_year(ax, runs):
    for (name, C), color in zip(runs.items(), OKABE_ITO, strict=False):
        low, middle, high = C.quantile([0.25, 0.5, 0.75], "member").to_numpy()
        ax.fill_between(DAYS, low, high, color=color, alpha=0.2, linewidth=0)
        ax.plot(DAYS, middle, color=color, label=name, linewidth=1)
    ax.axhline(TARGET, color=GRAY, linestyle="--", linewidth=0.8)
    ax.set(xlabel="time (day)", ylabel="durvalumab (mg/L)", ylim=(0, 760))
    ax.legend(loc="upper left")


def draw_troughs(ax, troughs):
    edges = np.geomspace(20, 1000, 40)
    for (name, trough), color in zip(troughs.items(), OKABE_ITO, strict=False):
        ax.hist(trough, edges, color=color, label=name, histtype="step", linewidth=1)
    for (published, _), color in zip(TABLE.values(), OKABE_ITO, strict=False):
        ax.plot(published, 0, "^", color=color, clip_on=False, markersize=6)
    ax.plot([], [], "^", color=GRAY, label="published mean")
    ax.axvline(TARGET, 0, 0.68, color=GRAY, linestyle="--", linewidth=0.8)
    ax.set(xscale="log", xlabel="trough after a year (mg/L)", ylabel="patients", ylim=(0, 170))
    ax.legend(loc="upper left")
