"""A drug that induces resistance lasts longer in pulses, one that does not lasts longer held.

Two drugs that kill alike, from the detection of a tumor on, held or in pulses (1 on, 3 off), until
the tumor is nine tenths of what it can be; times and total doses as the text to Fig. 2 has them.
Of the first drug in pulses the text has a failure at about 14: there, at its third peak, the
tumor is 0.898, and the level 0.9 is passed with the fourth.

C and D are the text's experiment to tell the two apart: over all doses the longest response
does not depend on how well a drug kills, unless the drug induces resistance (Fig. 3 and 4).
"""

import numpy as np

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO, ordered_colors

MODEL = pkpd.load("greene_2019")
DRUGS = {"preserving": 0.0, "inducing": 0.01}
LEVEL, DETECTED, FAILED, END = 1.5, 0.1, 0.9, 180.0
TIMES, COARSE = np.linspace(0, END, 1801), np.linspace(0, END, 361)
LEVELS = 0.05 * 2 ** (np.arange(46) / 6)  # the same products with each d
KILLING = [0.25, 0.5, 1.0, 2.0]
level = pkpd.param("level", LEVEL, "1", "level of the drug")


def reproduction():
    """Failures of the four courses, their doses, and the longest responses by dose."""
    start = detection()
    held = pkpd.infusion(level * END, "drug", duration=END, at=start)
    pulsed = pkpd.infusion(LEVEL, "drug", duration=1, at=start, every=4, n=int(END / 4))
    courses = {name: volumes(regimen) for name, regimen in {"held": held, "pulsed": pulsed}.items()}
    by_dose = failures(volumes(held, COARSE, level=LEVELS, d=KILLING), COARSE)
    claims = (*timed(courses, start), *longest(by_dose))
    panels = (
        *(lambda ax, drug=drug: draw_courses(ax, courses, drug) for drug in range(2)),
        lambda ax: draw_doses(ax, by_dose),
        lambda ax: draw_longest(ax, by_dose),
    )
    return pkpd.Reproduction(claims, panels)


def volumes(regimen=None, times=TIMES, **axes):
    """The tumor, by drug, by `axes`, and by time."""
    drugs = pkpd.grid(alpha=list(DRUGS.values()), **axes)
    return pkpd.simulate(MODEL, regimen, times=times, parameters=drugs)["V"].to_numpy()


def detection():
    untreated = volumes()[0]
    return float(np.interp(DETECTED, untreated[:200], TIMES[:200]))


def failures(V, times=TIMES):
    """When the tumor first exceeds what counts as failure."""
    return times[np.argmax(V > FAILED, axis=-1)]


def timed(courses, start):
    """The text's times of failure, and the doses given until then."""
    (preserved, induced), (_, pulses) = failures(courses["held"]), failures(courses["pulsed"])
    peak = courses["pulsed"][0][TIMES < 15].max()
    dose = LEVEL * np.ceil((pulses - start) / 4)
    return (
        pkpd.Claim("preserving drug, held: time of failure", 90, preserved, "text to Fig. 2B", 0.02),
        pkpd.Claim(
            "preserving drug, pulsed: largest tumor until 15", FAILED, peak, "text to Fig. 2B: fails at 14", 0.01
        ),
        pkpd.Claim("inducing drug, held: time of failure", 45, induced, "text to Fig. 2D", 0.02),
        pkpd.Claim("inducing drug, pulsed: time of failure", 61, pulses, "text to Fig. 2D", 0.02),
        pkpd.Claim("inducing drug, held: dose until failure", 64, LEVEL * (induced - start), "text to Fig. 2", 0.02),
        pkpd.Claim("inducing drug, pulsed: dose until failure", 22.5, dose, "text to Fig. 2", 1e-6),
    )


def longest(by_dose):
    """How the longest response over all doses depends on the killing by the drug."""
    expected = zip(DRUGS, ("flat", "rises"), ("Fig. 4B", "Fig. 3B"), peaks(by_dose), strict=True)
    return [
        pkpd.Claim(f"{drug} drug: longest response against its killing d", word, trend(T), where)
        for drug, word, where, T in expected
    ]


def peaks(by_dose):
    return by_dose.max(axis=1)


def trend(values):
    if np.ptp(values) < 0.05 * values.max():
        return "flat"
    return "rises" if np.diff(values).min() > 0 else "neither"


def draw_courses(ax, courses, drug):
    for (name, V), color in zip(courses.items(), OKABE_ITO, strict=False):
        ax.plot(TIMES, V[drug], color=color, label=name, linewidth=1)
    ax.axhline(FAILED, color=GRAY, linestyle="--", linewidth=0.8)
    ax.set(xlabel="time (1/growth rate)", ylabel="tumor (fraction of capacity)", xlim=(0, 100), ylim=(0, 1.35))
    ax.legend(loc="upper right", ncols=2, title=f"{list(DRUGS)[drug]} drug")


def draw_doses(ax, by_dose):
    for d, T, color in zip(KILLING, by_dose[1].T, ordered_colors(np.linspace(0, 1, len(KILLING))), strict=True):
        ax.semilogx(LEVELS, T, color=color, label=f"{d:g}", linewidth=1)
    ax.set(
        xlabel="level of the inducing drug u, held (scaled)", ylabel="time of failure (1/growth rate)", ylim=(0, None)
    )
    ax.legend(loc="upper right", title="killing d")


def draw_longest(ax, by_dose):
    for (name, T), color in zip(zip(DRUGS, peaks(by_dose), strict=True), OKABE_ITO, strict=False):
        ax.plot(KILLING, T, "o-", color=color, label=name, markersize=3)
    ax.set(xlabel="killing d (1/growth rate)", ylabel="longest response (1/growth rate)", ylim=(0, None))
    ax.legend(loc="lower right")
