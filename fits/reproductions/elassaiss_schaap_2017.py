"""From which dose pembrolizumab engages its target, and where its clearance is linear.

The abstract: kinetics nonlinear below 0.3 mg/kg every 3 weeks and linear in the clinical range;
target engagement ex vivo begins to saturate at 1 mg/kg, and 2 mg/kg at steady state are needed to
reach 95 %.  Linear is called here what is within 10 % of the clearance at 10 mg/kg, and engagement
saturates where it gains less than half as much from 1 to 2 mg/kg as from 0.3 to 1.  A: ratio of
interleukin 2 by concentration.  B: engagement, the share of the rise above 1 that is gone, at the
trough of the 9th dose of a patient of 70 kg.  C: dose over the area of the 9th interval, by dose.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED

MODEL = pkpd.load("elassaiss_schaap_2017")
per_kg = pkpd.param("per_kg", 2, "mg/kg", "dose by weight")
weight = pkpd.param("weight", 70, "kg", "body weight")
Q3W = pkpd.infusion(per_kg * weight, "iv", duration=0.5 / 24, every=21, n=9)
DOSES = np.geomspace(0.005, 10, 34)
INTERVAL = np.union1d(np.linspace(168, 189, 253), 168 + 0.5 / 24)


def reproduction():
    """Engagement and clearance by dose, at the doses that the abstract names."""
    run = steady(np.union1d(DOSES, [0.1, 0.3, 1, 2, 10]))
    clearance, engagement = cleared(run), engaged(run)
    share = {dose: float(clearance.sel(per_kg=dose) / clearance.sel(per_kg=10)) for dose in (0.1, 0.3, 2)}
    reached = [float(engagement.sel(per_kg=dose)) for dose in (0.3, 1, 2)]
    saturates = "saturates" if reached[1] - reached[0] > 2 * (reached[2] - reached[1]) else "rises"
    claims = (
        pkpd.Claim("target engagement, trough of 2 mg/kg (%)", 95, reached[2], "abstract", 0.02),
        pkpd.Claim("target engagement from 1 mg/kg on", "saturates", saturates, "abstract"),
        pkpd.Claim("kinetics at 0.1 mg/kg", "nonlinear", linearity(share[0.1]), "abstract"),
        pkpd.Claim("kinetics from 2 to 10 mg/kg", "linear", linearity(share[2]), "abstract"),
    )
    panels = (
        draw_ratio,
        lambda ax: draw_engagement(ax, engagement),
        lambda ax: draw_clearance(ax, clearance),
    )
    return pkpd.Reproduction(claims, panels)


def steady(doses):
    return pkpd.simulate(MODEL, Q3W, times=INTERVAL, parameters=pkpd.grid(per_kg=doses), atol=1e-12)


def engaged(run):
    """Target engagement (%) at the trough: none with the ratio at Base, all with the ratio at 1."""
    base = MODEL.symbols["Base"].value
    return 100 * (base - run["IL2"].isel(time=-1)) / (base - 1)


def cleared(run):
    """Dose over area (L/day)."""
    return run["per_kg"] * weight.value / pkpd.exposure(run, intervals=[168, 189])["auc"].isel(interval=0)


def linearity(share):
    return "linear" if abs(share - 1) < 0.1 else "nonlinear"


def draw_ratio(ax):
    run = pkpd.simulate(
        MODEL, pkpd.bolus(per_kg * weight, "iv"), times=[0], at_dose="after", parameters=pkpd.grid(per_kg=DOSES / 20)
    )
    ax.semilogx(run["C"].squeeze(), run["IL2"].squeeze(), color=BLUE)
    ax.axvline(0.535, 0.2, 1, color=GRAY, linestyle="--", linewidth=0.8, label="IC50, 0.54 mg/L")
    ax.set(xlabel="pembrolizumab (mg/L)", ylabel="ratio of interleukin 2", ylim=(0.9, 2.2))
    ax.legend(loc="lower left")


def draw_engagement(ax, engagement):
    ax.semilogx(engagement["per_kg"], engagement, color=BLUE)
    ax.axhline(95, color=GRAY, linestyle="--", linewidth=0.8)
    ax.plot(2, 95, "o", color=RED, label="published, 95 % at 2 mg/kg")
    ax.set(xlabel="dose every 3 weeks (mg/kg)", ylabel="engagement at trough (%)", ylim=(0, 105))
    ax.legend(loc="lower right")


def draw_clearance(ax, clearance):
    ax.semilogx(clearance["per_kg"], clearance, color=BLUE)
    ax.axvspan(
        clearance["per_kg"].min(), 0.3, color=OKABE_ITO[5], alpha=0.25, linewidth=0, label="nonlinear, published"
    )
    ax.axhline(MODEL.symbols["CL"].value, color=GRAY, linestyle="--", linewidth=0.8, label="CL")
    ax.set(xlabel="dose every 3 weeks (mg/kg)", ylabel="dose/area (L/day)", ylim=(0, 1.4))
    ax.legend(loc="upper right")
