"""Immune-mediated events come early, and durvalumab's stops on top of placebo's.

PACIFIC: of patients with up to a year of durvalumab 10.7 % had an immune-mediated event other than
pneumonitis, 56.3 % of them within 3 months, and 9.4 % immune-mediated pneumonitis, 78.4 % of them within
3 months (Naidoo 2022, Lung Cancer 166:84, abstract); 15.4 % stopped durvalumab and 9.8 % placebo for adverse
events (Antonia 2017, NEJM 377:1919).  The hazards were computed from these numbers, so that the claims
about a year read an input back; what they add is that the events drawn inside the integrator have
them.  A: events of 4000 virtual patients beside the probability that the hazard has.  B: the same for
stops in two arms.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, RED

YEAR, QUARTER = 365.25, 365.25 / 4
DAYS = np.linspace(0, YEAR, 366)
NAIDOO, ANTONIA = "input: Naidoo 2022, abstract", "input: Antonia 2017"
EXPOSED = {"durvalumab": 1e9, "placebo": 0.0}


def reproduction():
    """The fractions with each event by a year and by 3 months."""
    runs = {arm: chances(C=C) for arm, C in EXPOSED.items()}
    other = chances(C=1e9, Aimae="pneumonitis", ksus="pneumonitis")["imae"]
    imae = runs["durvalumab"]["imae"]
    claims = (
        pkpd.Claim("immune-mediated events in a year", 0.107, float(imae[-1]), NAIDOO, 0.005),
        pkpd.Claim("of them within 3 months", 0.563, float(np.interp(QUARTER, DAYS, imae) / imae[-1]), NAIDOO, 0.005),
        pkpd.Claim("immune-mediated pneumonitis in a year", 0.094, float(other[-1]), NAIDOO, 0.005),
        pkpd.Claim("of it within 3 months", 0.784, float(np.interp(QUARTER, DAYS, other) / other[-1]), NAIDOO, 0.005),
        pkpd.Claim("stopped durvalumab in a year", 0.154, float(runs["durvalumab"]["stop"][-1]), ANTONIA, 0.005),
        pkpd.Claim("stopped placebo in a year", 0.098, float(runs["placebo"]["stop"][-1]), ANTONIA, 0.005),
    )
    drawn = {arm: virtual(C) for arm, C in EXPOSED.items()}
    return pkpd.Reproduction(
        claims, (lambda ax: draw(ax, runs, drawn, "imae"), lambda ax: draw(ax, runs, drawn, "stop"))
    )


def chances(**parameters):
    """The chance of each event by each day."""
    run = pkpd.simulate(pkpd.load("adverse_events"), times=DAYS, parameters=parameters)
    return {event: 1 - run[f"S_{event}"].to_numpy() for event in ("imae", "stop")}


def virtual(C):
    """The events of 4000 patients who differ by chance alone."""
    model = pkpd.load("adverse_events").using(C=C)
    people = pkpd.population(model, 4000, seed=1, variability={"Aimae": None}, covariates=pkpd.event_chances(model))
    run = pkpd.simulate(model, times=[0, YEAR], parameters=people)
    return {event: pkpd.first_event(run, event) for event in ("imae", "stop")}


def draw(ax, runs, drawn, event):
    for (arm, chance), color in zip(runs.items(), (RED, BLUE), strict=True):
        first = drawn[arm][event]
        curve = pkpd.kaplan_meier(first["time"], first["event"])
        ax.plot(DAYS, chance[event], color=color, linestyle="--", linewidth=0.9)
        ax.step(curve["time"], 1 - curve["survival"], where="post", color=color, linewidth=1.1, label=arm)
    ax.plot([], [], color="0.3", linestyle="--", linewidth=0.9, label="hazard")
    what = {"imae": "fraction with an event", "stop": "fraction stopped"}[event]
    ax.set(xlabel="time (day)", ylabel=what, xlim=(0, YEAR), ylim=(0, 0.18))
    ax.legend(loc="upper left")
