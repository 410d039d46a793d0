"""Clearance falls where tumors shrink, so that exposure at steady state overstates the drug's effect.

The abstract of Liu 2017: clearance decreases when disease status improves; that makes the relation of
response to exposure at steady state too steep, and metrics of the first dose are more consistent with
the true relation between dose and response.  Here 2,000 virtual patients receive 240 mg every 2 weeks
for half a year; the true slope is that of their mean response over 80 to 720 mg.  Falling is called
here a median below 0.95, too steep a slope of more than twice the true one.  A: clearance of 60 of
them.  B: response against average concentration in the last interval, and three slopes.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, PALE, RED

MODEL = pkpd.load("liu_2017")
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
    )
    return pkpd.Reproduction(
        claims, (lambda ax: draw_clearance(ax, run, response), lambda ax: draw_slopes(ax, run, response, slopes))
    )


def treated(dose, times):
    """Half a year of one dose for the same patients."""
    doses = pkpd.infusion(amount, "iv", duration=0.5 / 24, every=14, n=13)
    patients = pkpd.population(MODEL, 2000, 2017)
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
