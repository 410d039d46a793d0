"""The longer radiation lasts, the less of its quadratic kill is left: the Lea-Catcheside factor.

A: G of one fraction by its duration, from simulated survival (points) and in closed form for a constant
dose rate, 2 (x - 1 + exp(-x))/x^2 with x = mu_rep times the duration.  B: survival at three durations.

The worked example of a public teaching page (rtnotes.wikidot.com, Radonc Biology): 40 Gy at 0.55 Gy/h with alpha/beta
10 Gy and repair at 0.46 per hour has a BED of 49.6 Gy; it leaves out what the ends of the course spare.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

MODEL = pkpd.load("radiotherapy_protracted")
ALPHA, BETA, REPAIR = (MODEL.symbols[name].value for name in ("alpha", "beta", "mu_rep"))
HOURS = np.geomspace(0.01, 100, 13)
d = pkpd.param("d", 8, "Gy", "fraction dose")
duration = pkpd.param("duration", 0.01, "day", "time that a fraction takes")
ONCE = pkpd.fractions(d, n=1, duration=duration)


def reproduction():
    """G of three durations, and the worked example."""
    durations = {0.25: "15 min", 1.0: "1 h", 24.0: "1 day"}
    factors = [
        pkpd.Claim(f"G of a fraction of {name}", closed(hours), float(factor([hours])[0]), "closed form", 1e-4)
        for hours, name in durations.items()
    ]
    example = kill(d=[40.0], duration=[40 / 0.55 / 24], mu_rep=[24 * 0.46], beta=[ALPHA / 10])[0] / ALPHA
    page = pkpd.Claim("BED of 40 Gy at 0.55 Gy/h (Gy)", 49.6, float(example), "rtnotes.wikidot.com", 0.01)
    return pkpd.Reproduction((*factors, page), (draw_factor, draw_survival))


def kill(**axes):
    """-ln of the share of cells that survive, without growth."""
    ensemble = pkpd.grid(kg=[0.0], T0=[1.0], **axes)
    run = pkpd.simulate(MODEL, ONCE, times=[0, 10], parameters=ensemble, rtol=1e-9, atol=1e-14)
    return -np.log(run["T"].isel(time=-1).to_numpy().ravel())


def factor(hours):
    """G of 8 Gy over `hours`, from the kill: alpha d + beta G d^2."""
    return (kill(d=[8.0], duration=np.asarray(hours) / 24) - ALPHA * 8) / (BETA * 64)


def closed(hours):
    return float(pkpd.protraction(hours / 24, REPAIR))


def draw_factor(ax):
    fine = np.geomspace(0.01, 100, 101)
    ax.semilogx(fine, [closed(hours) for hours in fine], color=GRAY, label="closed form")
    ax.plot(HOURS, factor(HOURS), "o", color=BLACK, markersize=3, label="simulated")
    ax.axvline(24 * np.log(2) / REPAIR, 0.35, 1, color=GRAY, linestyle="--", linewidth=0.8, label="half-time of repair")
    ax.set(xlabel="duration of a fraction (hour)", ylabel="Lea-Catcheside factor G", ylim=(0, 1.05))
    ax.legend(loc="lower left")


def draw_survival(ax):
    doses = np.linspace(0.1, 14, 29)
    for hours, name, color in (
        (0.01, "acute", OKABE_ITO[0]),
        (1, "1 hour", OKABE_ITO[1]),
        (48, "2 days", OKABE_ITO[2]),
    ):
        ax.semilogy(doses, np.exp(-kill(d=doses, duration=[hours / 24])), color=color, label=name)
    ax.set(xlabel="dose (Gy)", ylabel="survival")
    ax.legend(title="given over", loc="lower left")
