"""The loop of effect against plasma collapses to one line against the effect compartment.

Sheiner LB et al. (Clin Pharmacol Ther 25:358-371, 1979) linked plasma to effect by a compartment
whose concentration lags behind.  A: the same effect against plasma, a counterclockwise loop,
and against the effect compartment.  B: the area of the loop for effect-site concentrations computed
with other ke0: it vanishes at the ke0 that made the effect, which is how that constant is found.  After a bolus, Ce
peaks after ln(ke0/k)/(ke0 - k), in closed form, when it meets C.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, RED

CL, V, KE0, EC50 = 10.0, 10.0, 0.5, 2.0
K = CL / V
DAYS = np.concatenate([np.linspace(0, 5, 2501)[:-1], np.linspace(5, 25, 1001)])
TRIED = np.linspace(0.2, 1.2, 51)


def reproduction():
    """The collapse, and the peak of the effect."""
    oral = pkpd.compose("linked", pkpd.load("pk_1cmt_oral"), pkpd.load("effect_cmt"))
    course = {"ka": 3.0, "CL": CL, "V": V}
    runs = simulated(oral, pkpd.bolus(100, "oral"), ke0=[KE0, *TRIED], **course)
    C, sites = runs["C"].to_numpy()[0], runs["Ce"].to_numpy()
    effect = sites[0] / (EC50 + sites[0])
    loops = np.array([loop(Ce, effect) for Ce in sites[1:]])
    bolus = simulated(
        pkpd.compose("linked", pkpd.load("pk_1cmt"), pkpd.load("effect_cmt")), pkpd.bolus(100, "iv"), CL=CL, V=V
    )
    peak, tmax = int(bolus["Ce"].to_numpy().argmax()), np.log(KE0 / K) / (KE0 - K)
    turning = "counterclockwise" if signed(C, effect) > 0 else "clockwise"
    claims = (
        pkpd.Claim("effect against plasma", "counterclockwise", turning, "a delayed effect (Sheiner 1979)"),
        pkpd.Claim(
            "ke0 at which the loop collapses (1/day)", KE0, TRIED[loops.argmin()], "the ke0 of the effect", 0.01
        ),
        pkpd.Claim("time of the peak of Ce after a bolus (day)", tmax, DAYS[peak], "ln(ke0/k)/(ke0-k)", 0.002),
        pkpd.Claim("Ce over C at that peak", 1, float(bolus["Ce"][peak] / bolus["C"][peak]), "closed form", 0.002),
    )
    return pkpd.Reproduction(
        claims, (lambda ax: draw_loop(ax, C, sites[0], effect), lambda ax: draw_collapse(ax, loops, loop(C, effect)))
    )


def simulated(model, doses, **values):
    return pkpd.simulate(model, doses, times=DAYS, parameters=values, rtol=1e-9, at_dose="after")


def signed(x, effect):
    """The area that effect against x encloses, positive if it turns counterclockwise."""
    return np.trapezoid((effect[1:] + effect[:-1]) / 2, (x[1:] + x[:-1]) / 2) * -1


def loop(x, effect):
    """The size of that loop, relative to the box around it."""
    return abs(signed(x, effect)) / np.ptp(x) / np.ptp(effect)


def draw_loop(ax, C, Ce, effect):
    ax.plot(C, effect, color=GRAY, label="against plasma")
    ax.plot(Ce, effect, color=BLUE, label="against effect compartment")
    for i in (150, 1800):
        ax.annotate("", (C[i + 40], effect[i + 40]), (C[i], effect[i]), arrowprops={"arrowstyle": "->", "color": GRAY})
    ax.set(xlabel="concentration (mg/L)", ylabel="effect (share of the largest)", ylim=(0, 0.85))
    ax.legend(loc="upper left")


def draw_collapse(ax, loops, plasma):
    ax.plot(TRIED, loops, color=BLUE)
    ax.axhline(plasma, color=GRAY, linestyle=":", linewidth=0.8)
    ax.text(1.2, plasma, "against plasma", color=GRAY, ha="right", va="bottom")
    ax.axvline(KE0, color=RED, linestyle="--", linewidth=0.8, label="$k_{e0}$ of the effect")
    ax.set(xlabel="$k_{e0}$ tried (1/day)", ylabel="area of the loop (share of its box)", ylim=(0, None))
    ax.legend(loc="center right")
