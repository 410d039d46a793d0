"""Response rates after 24 weeks: better without earlier ipilimumab, flat from 2 to 10 mg/kg.

The paper's simulated response rates (Figure 3b and c: tumors at least 30 % smaller after 24 weeks)
and its conclusion that exposure in this range hardly matters.  The rates, and the distributions of
covariates that a cohort needs (Table S5), are read in nlmixr2lib's article on the model.  Exposure is
that of log-normal weight and clearance (variances 0.0988 and 0.134), with a median of 7079 mg day/L
at 10 mg/kg; shrinkage begins at once.  Sizes in week 24 are measured, with the published residual
error; whether the paper's are is not known, and without it rates are 2 to 3 points lower.  Flat is
called here what gains less than 5 points.  A: typical patients.  B: response rates of 2,000 virtual
patients an arm, beside the published ones with their 90 % intervals.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, OKABE_ITO
from pkpd.models.chatterjee_2017 import variability

MODEL = pkpd.load("chatterjee_2017")
WEEKS = np.linspace(0, 72, 73)
RATES = {  # (ipilimumab before, mg/kg): percent, and its interval
    (0, 2): (44.7, 38.8, 49.8),
    (0, 10): (47.4, 43.7, 51.3),
    (1, 2): (36.9, 32.8, 41.3),
    (1, 10): (38.8, 35.2, 42.7),
}
PATIENTS = {"typical": {}, "PD-L1 negative": {"PDL1neg": 1}, "after ipilimumab": {"ipi": 1}, "161.5 mm": {"TS0": 161.5}}


def reproduction():
    """Response rates of a virtual population, and the fraction that the drug reaches."""
    rates = {arm: response_rate(*arm) for arm in RATES}
    typical = {name: pkpd.simulate(MODEL, times=WEEKS * 7, parameters=values) for name, values in PATIENTS.items()}
    gains = [rates[ipi, 10] - rates[ipi, 2] for ipi in (0, 1)]
    flat = "flat" if 0 <= min(gains) and max(gains) < 5 else "not flat"
    reached = float(typical["after ipilimumab"]["fi"][0])
    claims = (
        *(
            pkpd.Claim(
                f"responses, {dose} mg/kg, {named(ipi)} (%)", rate, rates[ipi, dose], "Fig. 3b, c (nlmixr2lib)", 0.1
            )
            for (ipi, dose), (rate, _, _) in RATES.items()
        ),
        pkpd.Claim("responses from 2 to 10 mg/kg", "flat", flat, "abstract"),
        pkpd.Claim("fraction reached after ipilimumab", 0.466, reached, "closed form: logit f + f_ipi", 0.002),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_courses(ax, typical), lambda ax: draw_rates(ax, rates)))


def named(ipi):
    return "after ipilimumab" if ipi else "ipilimumab-naive"


def response_rate(ipi, dose):
    """The percentage of virtual patients whose tumor is at least 30 % smaller after 24 weeks."""
    run = pkpd.simulate(MODEL, times=[0, 168], parameters=cohort(ipi, dose), outputs=["TS"])
    measured = pkpd.observe(run, "TS", error=pkpd.lognormal_error(0.0389**0.5), seed=24, times=[168])["value"]
    change = measured[..., 0] / run["TS"][..., 0] - 1
    return 100 * float(pkpd.rate(change <= -0.3)["rate"])


def cohort(ipi, dose):
    """Patients of one arm: growth, shrinkage and fraction correlated; PD-L1 status as a mixture."""
    covariates = {
        "TS0": pkpd.lognormal(80.60, omega=0.78),
        "AUC": pkpd.lognormal(7079 * dose / 10, omega=(0.0988 + 0.134) ** 0.5),
        "BRAF": pkpd.categorical({0: 0.7291, 1: 0.2709}),
        "ipi": pkpd.categorical({ipi: 1.0}),
    }
    PDL1 = {
        "positive": pkpd.subpopulation(0.5410),
        "negative": pkpd.subpopulation(0.1647, values={"PDL1neg": 1}),
        "unknown": pkpd.subpopulation(0.2943, values={"PDL1unk": 1}),
    }
    return pkpd.population(MODEL, 2000, 2017, variability=variability, covariates=covariates, mixture=PDL1)


def draw_courses(ax, typical):
    for (name, run), color in zip(typical.items(), OKABE_ITO, strict=False):
        ax.plot(WEEKS, 100 * (run["TS"] / run["TS"][0] - 1), color=color, label=name)
    ax.axhline(-30, color=GRAY, linestyle=":", linewidth=0.8)
    ax.plot([24, 24], [-75, 0], color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="time (week)", ylabel="change of tumor size (%)", ylim=(-75, 30))
    ax.legend(loc="upper right", ncols=2)


def draw_rates(ax, rates):
    x = np.arange(4)
    published, low, high = (np.array(column) for column in zip(*RATES.values(), strict=True))
    bars = {"yerr": [published - low, high - published], "capsize": 2, "linewidth": 0.8}
    ax.errorbar(x - 0.12, published, fmt="o", color=BLACK, markerfacecolor="white", label="published", **bars)
    ax.plot(x + 0.12, list(rates.values()), "s", color=BLUE, label="here")
    ax.set_xticks(x, [f"{dose} mg/kg\n{'after ipi' if ipi else 'naive'}" for ipi, dose in RATES])
    ax.set(xlabel="arm", ylabel="responses at week 24 (%)", xlim=(-0.5, 3.5), ylim=(20, 60))
    ax.legend(loc="upper right")
