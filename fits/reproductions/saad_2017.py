"""BCG that clears a bladder tumor, and what checkpoints do to the dose that it takes.

The paper derives the state without tumor under BCG, and the condition for it to be stable: more
BCG a day than b = B (mu2 + alpha3 r (P + k)/alpha1) at B = mu1 (P + k)/a2, which is 25 330 cells
a day here.  Without checkpoints P is 0 and half of that suffices.  Its figures show that BCG makes
effectors overcome the tumor without checkpoints (Figure 2) and fails to where they are (Figure 3).

A: both, at a dose between the two thresholds; with checkpoints the tumor rests at some hundred
cells.  With its Table 1 (650 000 cells a day) the equations clear the tumor in either case, unlike
Figure 3.  B: the growth of a small tumor under
BCG that has come to rest; where it crosses zero is the threshold.
"""

import numpy as np

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO

MODEL = pkpd.load("saad_2017")
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
YEARS = np.linspace(0, 10, 501)
PRINTED, BETWEEN = 650_000, 18_000  # BCG, cells a day
RATES = np.linspace(8000, 30000, 12)
CHECKPOINTS = {"checkpoints": VALUE["delta"], "no checkpoints": 0.0}


def reproduction():
    """The state without tumor under the paper's dose, and both thresholds from simulated growth."""
    B, E = tumor_free(b=PRINTED, **VALUE)
    run = instilled(PRINTED, days=np.array([0, 4000.0]))
    curves = {case: growth(delta) for case, delta in CHECKPOINTS.items()}
    courses = instilled(BETWEEN, 365 * YEARS, delta=list(CHECKPOINTS.values()))["C"].to_numpy()
    rest = [
        pkpd.Claim("BCG without tumor (cell)", B, float(run["B"][-1]), "U1 in section 3.6.2", 1e-4),
        pkpd.Claim("effectors without tumor (cell)", E, float(run["E"][-1]), "U1 in section 3.6.2", 1e-4),
    ]
    thresholds = [
        pkpd.Claim(
            f"BCG that clears, {case} (cell/day)", threshold(**(VALUE | {"delta": CHECKPOINTS[case]})),
            float(np.interp(0, -curve, RATES)), "inequality in section 3.6.2", 0.002,
        )
        for case, curve in curves.items()
    ]  # fmt: skip
    fates = [
        pkpd.Claim(f"tumor, {case}", fate, "cleared" if C[-1] < 1 else "not cleared", figure)
        for case, fate, C, figure in zip(
            curves,
            ("not cleared", "cleared"),
            courses,
            ("Fig. 3, at another dose", "Fig. 2, at another dose"),
            strict=True,
        )
    ]
    panels = lambda ax: draw_courses(ax, courses), lambda ax: draw_thresholds(ax, curves)
    return pkpd.Reproduction((*rest, *thresholds, *fates), panels)


def tumor_free(b, a2, alpha3, mu1, mu2, mu3, delta, k, **_):
    """BCG and effectors where there is no tumor, U1 of the paper."""
    B = mu1 * (delta / mu3 + k) / a2
    return B, (b - mu2 * B) / (alpha3 * B)


def threshold(a2, r, alpha1, alpha3, mu1, mu2, mu3, delta, k, **_):
    held = delta / mu3 + k
    return mu1 * held / a2 * (mu2 + alpha3 * r * held / alpha1)


def instilled(rate, days, **parameters):
    instillation = pkpd.infusion(rate * days[-1], "bcg", duration=days[-1])
    return pkpd.simulate(MODEL, instillation, times=days, parameters=parameters)


def growth(delta):
    """Exponential growth (1/year) of a millionth of a tumor cell under `RATES` of BCG, at rest."""
    days = np.array([0, 1000.0, 1100.0])
    total = pkpd.param("total", 1.0, "cell", "BCG in all", source="swept")
    effectors = tumor_free(b=RATES, **(VALUE | {"delta": delta}))[1]
    C = pkpd.simulate(
        MODEL, pkpd.infusion(total, "bcg", duration=days[-1]), times=days, rtol=1e-9,
        parameters={"total": RATES * days[-1], "E0": effectors, "C0": 1e-6, "delta": delta},
    )["C"].to_numpy()  # fmt: skip
    return np.log(C[:, 2] / C[:, 1]) * 365 / 100


def draw_courses(ax, courses):
    for case, C, color in zip(CHECKPOINTS, courses, OKABE_ITO[1::-1], strict=True):
        ax.semilogy(YEARS, C, color=color, label=case)
    ax.set(xlabel="time (year)", ylabel="tumor cells", ylim=(1e-2, 1e3))
    ax.legend(loc="lower left")


def draw_thresholds(ax, curves):
    for (case, curve), color in zip(curves.items(), OKABE_ITO[1::-1], strict=True):
        ax.plot(RATES, curve, color=color, label=case)
        ax.plot(threshold(**(VALUE | {"delta": CHECKPOINTS[case]})), 0, "o", color=color)
    ax.plot([], [], "o", color=GRAY, label="published")
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.set(xlabel="BCG (cell/day)", ylabel="growth of a small tumor (1/year)", ylim=(-2, 1.5))
    ax.legend(loc="lower left")
