"""The order of radiation and antibody decides how many mice reject their tumor.

Tumors of CT26 cells, 5 x 2 Gy on days 7 to 11, antibody three times a week for three weeks.  A: arms
for a typical mouse.  B: both treatments together in the mice of the 10th, 50th and 90th percentile
of S_L, whom Fig. 5 has reject the tumor or progress.  C: complete responses, at most 10 mm^3 fifty
days after the first treatment, by the first day of the antibody; Fig. 6 in words has at most 27 %
for either treatment alone, typically 40 to 70 % for both, most where the antibody comes before or
with radiation, and fewer the longer it waits.  D: without treatment immune
activation falls to the 5 % that the text to Fig. 3 has by day 20 (here 7 % then, and 5 % later).

The mice are the quantiles of the published distribution of S_L; tumors below 10 mm^3 are extinct here.
"""

import numpy as np
from scipy.special import ndtri

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO, RED

MODEL = pkpd.load("kosinsky_2018")
RADIATION = pkpd.fractions(2.0, n=5, route="radiation", start=7, duration=0.001)
ANTIBODY = pkpd.bolus(1.333, "ip", at=[0, 2, 4, 7, 9, 11, 14, 16, 18])  # from its first day on
STARTS = [3, 5, 7, 12, 19]
BOTH = {start: RADIATION + ANTIBODY.shift(start) for start in STARTS}
ALONE = {"antibody": ANTIBODY.shift(7), "radiation": RADIATION}
PERCENTILES = {"10th": 1.77, "50th": 6.95, "90th": 22.63}
FATES = {"10th": "rejects", "90th": "progresses"}
DAYS = np.linspace(0, 57, 229)


def reproduction():
    """Complete responses by arm, fates by percentile, and what is left of immune activation."""
    rates = {arm: responders(regimen) for arm, regimen in (BOTH | ALONE).items()}
    mice = simulated(BOTH[7], S_L=list(PERCENTILES.values()))
    untreated = simulated(None)
    claims = (*by_rate(rates), *by_order(rates), *by_mouse(mice), *without_treatment(untreated))
    panels = (
        draw_arms,
        lambda ax: draw_mice(ax, mice),
        lambda ax: draw_rates(ax, rates),
        lambda ax: draw_activation(ax, untreated),
    )
    return pkpd.Reproduction(claims, panels)


def by_rate(rates):
    """Whether the rates of complete response lie in the published ranges."""
    arms = [(f"{arm} alone", rates[arm], 0, 27) for arm in ALONE]
    arms += [(f"both, antibody from day {start}", rates[start], 40, 70) for start in STARTS[:-1]]
    return [
        pkpd.Claim(f"complete responses, {arm} (%)", f"{low} to {high}", inside(rate, low, high), "text to Fig. 6")
        for arm, rate, low, high in arms
    ]


def inside(rate, low, high):
    return f"{low} to {high}" if low <= rate <= high else f"{rate:g}"


def by_order(rates):
    """When the antibody does best, and what waiting costs."""
    early, late = [rates[s] for s in STARTS if s <= 7], [rates[s] for s in STARTS if s >= 7]
    best = "before or with radiation" if min(early) > max(late[1:]) else "after radiation"
    trend = "falls" if np.diff(late).max() < 0 else "does not fall"
    return [
        pkpd.Claim("most responses with the antibody", "before or with radiation", best, "text to Fig. 6"),
        pkpd.Claim("response rate as the antibody waits", "falls", trend, "text to Fig. 6"),
    ]


def by_mouse(mice):
    last = {name: float(mice["V"].sel(S_L=S_L).isel(time=-1)) for name, S_L in PERCENTILES.items()}
    fates = {name: "rejects" if V <= 10 else "progresses" for name, V in last.items()}
    return [
        pkpd.Claim(f"both together, {name} percentile of S_L", word, fates[name], "Fig. 5")
        for name, word in FATES.items()
    ]


def without_treatment(untreated):
    left, PDL1 = (100 * untreated[name].to_numpy() for name in ("IAR", "PDL1"))
    return [
        pkpd.Claim("level to which immune activation falls, untreated (%)", 5, left[-1], "text to Fig. 3B", 0.1),
        pkpd.Claim("largest suppression by PD-L1, untreated (%)", 25, PDL1.max(), "text to Fig. 3B", 0.1),
    ]


def simulated(regimen, **axes):
    return pkpd.simulate(MODEL, regimen, times=DAYS, parameters=pkpd.grid(**axes) if axes else None)


def responders(regimen, mice=60):
    """The percentage of mice without tumor on day 57."""
    typical, omega = MODEL.parameters.loc["S_L", ["value", "iiv"]].astype(float)
    S_L = typical * np.exp(omega * ndtri((np.arange(mice) + 0.5) / mice))
    run = pkpd.simulate(MODEL, regimen, times=[0, 57], parameters=pkpd.grid(S_L=S_L), outputs=["V"])
    return 100 * float((run["V"].isel(time=-1) <= 10).mean())


def draw_arms(ax):
    arms = {"untreated": None, **ALONE, "both, day 12": BOTH[12], "both, day 7": BOTH[7]}
    for (arm, regimen), color in zip(arms.items(), OKABE_ITO, strict=False):
        ax.plot(DAYS, simulated(regimen)["V"], color=color, label=arm, linewidth=1)
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)", xlim=(0, 57))
    ax.legend(loc="center right")


def draw_mice(ax, mice):
    for (name, S_L), color in zip(PERCENTILES.items(), (OKABE_ITO[2], GRAY, RED), strict=True):
        ax.plot(DAYS, mice["V"].sel(S_L=S_L), color=color, label=f"{name}, {S_L} uL", linewidth=1)
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)")
    ax.legend(title="percentile of S_L", loc="upper left")


def draw_rates(ax, rates):
    ax.axhspan(40, 70, color=OKABE_ITO[5], alpha=0.25, linewidth=0)
    ax.plot(STARTS, [rates[start] for start in STARTS], "o-", color=OKABE_ITO[0], label="both", markersize=3)
    for arm, color in zip(ALONE, OKABE_ITO[1:], strict=False):
        ax.axhline(rates[arm], color=color, linestyle="--", linewidth=0.8, label=f"{arm} alone")
    ax.axvspan(7, 11, color=GRAY, alpha=0.15, linewidth=0)
    ax.set(xlabel="first day of the antibody", ylabel="complete responses (%)", ylim=(0, 100))
    ax.legend(loc="upper right")


def draw_activation(ax, untreated):
    ax.plot(DAYS, 100 * untreated["IAR"], label="immune activation", color=BLACK)
    ax.plot(DAYS, 100 * untreated["PDL1"], label="PD-L1", color=OKABE_ITO[1])
    ax.plot(DAYS, 100 * untreated["ISC"], label="other suppression", color=OKABE_ITO[0])
    ax.plot(20, 5, "o", color=RED, label="published, 5 %")
    ax.set(xlabel="time (day)", ylabel="untreated (% of largest)", ylim=(0, 105))
    ax.legend(loc="center right")
