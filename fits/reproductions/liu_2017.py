"""Clearance falls where tumors shrink, so that exposure at steady state overstates the drug's effect.

The abstract of Liu 2017: clearance decreases when disease status improves; that makes the relation of
response to exposure at steady state too steep, and metrics of the first dose are more consistent with
the true relation between dose and response.  Here 2,000 virtual patients receive 240 mg every 2 weeks
for half a year; the true slope is that of their mean response over 80 to 720 mg.  Falling is called
here a median below 0.95, too steep a slope of more than twice the true one.  That is the paper's
simulation, in which clearance follows the tumor alone.  A: clearance of 60 of them.  B: response against
average concentration in the last interval, and three slopes.

C: the paper's estimates, where clearance falls by itself in the third month and follows the tumor little: the
typical course, with a tumor of 60 mm that stays, beside the clearance at steady state in the label of
nivolumab in Switzerland (fachinfo 65660, metastatic tumors: 7.91 mL/h, 26 % less than at first; 6.6 L; half-life
25 days), which another analysis gave.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, PALE, RED
from pkpd.models.liu_2017 import SIMULATION, variability_of_simulation

ESTIMATES = pkpd.load("liu_2017")
MODEL = ESTIMATES.using(**SIMULATION)
STILL = {"TS0": 60, "kg": 0, "Emax": 0}  # a tumor that stays
LABEL = "label of nivolumab, Switzerland"
FIRST, LAST = (0, 14), (154, 168)
DAYS = np.unique(np.concatenate([np.linspace(*FIRST, 57), np.linspace(14, 154, 11), np.linspace(*LAST, 57)]))
amount = pkpd.param("amount", 240, "mg", "dose", source="swept here")


def reproduction():
    """Clearance by response, and response against exposure in three ways."""
    run = treated(240, DAYS)
    response = np.log(run["TS"][:, -1] / run["TS"][:, 0]).to_numpy()
    slopes = {
        "last interval": slope(average(run, LAST), response),
        "first interval": slope(average(run, FIRST), response),
        "dose": dose_slope(),
    }
    change = (run["CLt"][:, -1] / run["CLt"][:, 0]).to_numpy()
    shrunk, grown = np.median(change[response < np.log(0.7)]), np.median(change[response > np.log(1.2)])
    closest = min(("last interval", "first interval"), key=lambda name: abs(slopes[name] - slopes["dose"]))
    claims = (
        pkpd.Claim(
            "clearance where tumors shrink by 30 %", "falls", "falls" if shrunk < 0.95 else "does not", "abstract"
        ),
        pkpd.Claim(
            "clearance where they grow by 20 %", "does not", "falls" if grown < 0.95 else "does not", "abstract"
        ),
        pkpd.Claim("slope at steady state", "too steep", steepness(slopes), "abstract"),
        pkpd.Claim("exposure closest to the true slope", "first interval", closest, "abstract"),
        *estimated(),
    )
    return pkpd.Reproduction(
        claims,
        (
            lambda ax: draw_clearance(ax, run, response),
            lambda ax: draw_slopes(ax, run, response, slopes),
            draw_estimates,
        ),
    )


def estimated():
    """Clearance, volume and half-life of the paper's estimates beside a label."""
    V = sum(ESTIMATES[name].value for name in ("V1", "V2"))
    late = pkpd.simulate(
        ESTIMATES, pkpd.bolus(240, "iv", at=400), times=[400, 550, 600], parameters=STILL, rtol=1e-9
    )  # fmt: skip
    half_life = 50 * np.log(2) / float(np.log(late["C"][1] / late["C"][2]))
    return (
        pkpd.Claim("clearance at steady state (mL/h)", 7.91, float(late["CLt"][0]) * 1000 / 24, LABEL, 0.05),
        pkpd.Claim("volume at steady state (L)", 6.6, V, LABEL, 0.05),
        pkpd.Claim("half-life (day)", 25, half_life, LABEL, 0.1),
    )


def treated(dose, times):
    """Half a year of one dose for the same patients."""
    doses = pkpd.infusion(amount, "iv", duration=0.5 / 24, every=14, n=13)
    patients = pkpd.population(MODEL, 2000, 2017, variability=variability_of_simulation)
    run = pkpd.simulate(MODEL, doses, times=times, parameters=patients * pkpd.grid(amount=[dose]))
    return run.isel(amount=0).transpose("member", "time")


def average(run, interval):
    """The average concentration of each patient between two stored times."""
    C = run["C"].sel(time=slice(*interval))
    return np.trapezoid(C.to_numpy(), C["time"].to_numpy(), axis=1) / (interval[1] - interval[0])


def slope(concentration, response):
    return np.polyfit(np.log(concentration), response, 1)[0]


def dose_slope():
    """By how much the mean response changes with ln dose."""
    low, high = (treated(dose, [0, 168])["TS"].to_numpy() for dose in (80, 720))
    return np.mean(np.log(high[:, 1] / low[:, 1])) / np.log(720 / 80)


def steepness(slopes):
    return "too steep" if slopes["last interval"] < 2 * slopes["dose"] else "not too steep"


def draw_clearance(ax, run, response):
    for i in range(60):
        color = BLUE if response[i] < np.log(0.7) else RED if response[i] > np.log(1.2) else PALE
        ax.plot(DAYS, run["CLt"][i] / run["CLt"][i, 0], color=color, linewidth=0.5)
    for color, name in ((BLUE, "tumor shrinks"), (PALE, "stays"), (RED, "grows")):
        ax.plot([], [], color=color, label=name)
    ax.set(xlabel="time (day)", ylabel="clearance over that at the start", ylim=(0, 2.6))
    ax.legend(loc="upper left", ncols=3)


def draw_slopes(ax, run, response, slopes):
    C = average(run, LAST)
    ax.plot(C[:600], response[:600], ".", color=PALE, markersize=2)
    x = np.geomspace(*np.quantile(C, [0.02, 0.98]), 50)
    styles = {"last interval": (RED, "-"), "first interval": (BLUE, "-"), "dose": (BLACK, "--")}
    for name, (color, style) in styles.items():
        line = response.mean() + slopes[name] * (np.log(x) - np.log(C).mean())
        ax.plot(x, line, color=color, linestyle=style, label="true, by dose" if name == "dose" else f"by {name}")
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.set(xlabel="average concentration, last interval (mg/L)", ylabel="ln(size over start)", ylim=(-9, 5))
    ax.set_xscale("log")
    ax.set_xticks([20, 50, 100, 200], ["20", "50", "100", "200"])
    ax.minorticks_off()
    ax.legend(loc="lower left")


def draw_estimates(ax):
    days = np.linspace(0, 365, 366)
    every = pkpd.infusion(240, "iv", duration=0.5 / 24, every=14, n=27)
    courses = {"60 mm that stay": (STILL, BLACK), "shrinks": ({"Emax": 0.1}, BLUE), "grows": ({"Emax": 0}, RED)}
    for label, (values, color) in courses.items():
        run = pkpd.simulate(ESTIMATES, every, times=days, parameters={"TS0": 60, **values})
        ax.plot(days, run["CLt"] * 1000 / 24, color=color, label=label)
    ax.axhline(7.91, color=GRAY, linestyle="--", linewidth=0.8, label="label, steady state")
    ax.set(xlabel="time (day)", ylabel="clearance, estimates (mL/h)", xlim=(0, 365), ylim=(0, 16))
    ax.legend(loc="upper right", ncols=2)
