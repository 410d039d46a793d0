"""Early shrinkage does not make up for fast growth: the three profiles of Figure 4.

The paper shows a tumor that stays, one that shrinks and grows back fast, and one that shrinks and
grows back slowly, with the median survival that the model predicts for each.  The numbers of the
caption are read in nlmixr2lib's article on the model, which does not have the size at the start:
with 100 mm, from which the model counts sizes, all three come out.  A: tumor size.  B: survival, and the
published medians.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

MONTH = 30.44 / 7  # weeks
PROFILES = {  # kge and kse (1/week), median survival (month)
    "stays": (0.01, 0.01, 11.6),
    "shrinks, grows fast": (0.02, 0.10, 8.4),
    "shrinks, grows slowly": (0.01, 0.10, 15.0),
}
WEEKS = np.linspace(0, 130, 1301)


def reproduction():
    """The medians of the survival curves, and the time of the nadir."""
    kge, kse, medians = (np.array(column) for column in zip(*PROFILES.values(), strict=True))
    values = {"kge": kge, "kse": kse, "TS0": 100}
    run = pkpd.simulate(pkpd.load("struemper_2025"), times=WEEKS, parameters=values, rtol=1e-9)
    size, survival = run["TS"].to_numpy(), run["S"].to_numpy()
    computed = [np.interp(-0.5, -S, WEEKS) / MONTH for S in survival]
    turn = np.log(0.10 / 0.01) / (0.10 + 0.01)
    claims = (
        *(
            pkpd.Claim(f"median survival, {name} (month)", published, here, "Fig. 4, caption", 0.01)
            for name, published, here in zip(PROFILES, medians, computed, strict=True)
        ),
        pkpd.Claim("time of the nadir, grows slowly (week)", turn, WEEKS[size[2].argmin()], "Table S2: formula", 0.01),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_sizes(ax, size), lambda ax: draw_survival(ax, survival, medians)))


def draw_sizes(ax, size):
    for name, TS, color in zip(PROFILES, size, OKABE_ITO, strict=False):
        ax.plot(WEEKS, TS - 100, color=color, label=name)
    for level in (-30, 20):
        ax.axhline(level, color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="time (week)", ylabel="change of tumor size (%)", xlim=(0, 78), ylim=(-80, 200))
    ax.legend()


def draw_survival(ax, survival, medians):
    for S, median, color in zip(survival, medians, OKABE_ITO, strict=False):
        ax.plot(WEEKS / MONTH, S, color=color)
        ax.plot(median, 0.5, "o", color=color, markeredgecolor=BLACK, zorder=3)
    ax.plot([], [], "o", color=GRAY, markeredgecolor=BLACK, label="published median")
    ax.set(xlabel="time (month)", ylabel="probability of survival", ylim=(0, 1.02), xlim=(0, 30))
    ax.legend()
