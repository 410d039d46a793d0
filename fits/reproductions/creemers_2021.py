"""A tipping point: three courses, and how strong an inhibitor must be.

A: the paper's Figure 1B to D, with the values of the authors' code: T cells eradicate the tumor
before it shows, hold it at some thousand cells, or are outgrown.  The dashed lines are the tumor at
diagnosis and a lethal one.

B: the paper's Figure 3B.  From a day after diagnosis on, a checkpoint inhibitor multiplies the
killing by T cells, for good.  The paper says that below a factor of 12.6 the benefit is only
temporary.  Its values are in a supplement that was not read; with the growth that is the default
of the authors' code (rho = 2) and the killing rate of its Table 1 the same factor comes out.
"""

import numpy as np

import pkpd
from pkpd.figures.style import GRAY, OKABE_ITO

MODEL = pkpd.load("creemers_2021")
FIGURE_1 = {"Fig_1B": "eradicated", "Fig_1C": "controlled", "Fig_1D": "outgrown"}
DAYS = np.arange(0, 1826.0)  # the five years that the authors simulate
DIAGNOSED, LETHAL = 65e8, 1e12
PATIENT = {"rho": 2.0, "k_ici": 0.0}


def reproduction():
    """The fates of Figure 1, and the factor of Figure 3B by bisection on the five-year course."""
    courses = [tumor(xi=xi) for xi in FIGURE_1]
    needed = factor_needed()
    claims = (
        *(
            pkpd.Claim(
                f"tumor at xi = {MODEL.using(xi=xi).symbols['xi'].value:g} /day", fate, named(T), xi.replace("_", ". ")
            )
            for (xi, fate), T in zip(FIGURE_1.items(), courses, strict=True)
        ),
        pkpd.Claim("smallest factor of lasting benefit", 12.6, needed, "Results, Fig. 3B", 0.004),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_courses(ax, courses), lambda ax: draw_treated(ax, needed)))


def tumor(regimen=None, **parameters):
    return pkpd.simulate(MODEL, regimen, times=DAYS, parameters=parameters)["T"].to_numpy()


def named(T):
    if T.max() > DIAGNOSED:
        return "outgrown"
    return "eradicated" if T[-1] == 0 else "controlled"


def treated(factors):
    """Tumors under inhibitors that multiply the killing by `factors`."""
    start = DAYS[np.argmax(tumor(**PATIENT) > DIAGNOSED)] + 1
    effect = pkpd.param("effect", 1.0, "1", "fold increase of the killing", source="swept")
    return tumor(pkpd.bolus(effect, "ici", at=start), effect=np.asarray(factors) - 1, **PATIENT)


def factor_needed(low=1.0, high=101.0):
    """The smallest factor with which the patient lives and has no tumor that shows after five years."""
    for _ in range(4):
        factors = np.linspace(low, high, 21)
        T = treated(factors)
        first = np.argmax((T.max(axis=1) < LETHAL) & (T[:, -1] < DIAGNOSED))
        low, high = factors[first - 1], factors[first]
    return high


def draw_courses(ax, courses):
    for xi, T, color in zip(FIGURE_1.values(), courses, OKABE_ITO, strict=False):
        ax.semilogy(DAYS / 30.4, np.fmax(T, 0.1), color=color, label=xi)
    finish(ax)
    ax.legend(loc="center right")


def draw_treated(ax, needed):
    factors = [1, 6, 10, 12, 13, 16, 25]
    for factor, T in zip(factors, treated(factors), strict=True):
        ax.semilogy(DAYS / 30.4, np.fmax(T, 0.1), color=OKABE_ITO[int(factor < needed)], linewidth=1)
    for lasting, color in zip(("lasting benefit", "outgrown"), OKABE_ITO, strict=False):
        ax.plot([], [], color=color, label=lasting)
    finish(ax)
    ax.legend(loc="lower right")


def finish(ax):
    for size in (DIAGNOSED, LETHAL):
        ax.axhline(size, color=GRAY, linestyle="--", linewidth=0.6)
    ax.set(xlabel="time (month)", ylabel="tumor cells", xlim=(0, 60), ylim=(1, 1e13))
