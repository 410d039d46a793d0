"""Quasi-steady state is quasi-equilibrium for slow internalization, and better than it for fast.

The abstract of Gibiansky L et al. (J Pharmacokinet Pharmacodyn 35:573-591, 2008): the
quasi-steady-state approximation degenerates into quasi-equilibrium where the complex is
internalized much more slowly than it dissociates, and may be preferable where it is internalized
much faster.  A: free drug by the full model and both approximations where kint is 10 koff.
B: the error of both against kint/koff.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, RED

KON, KOFF, DOSE = 200.0, 20.0, 30.0
RATIOS = 10.0 ** np.arange(-3, 1.01, 0.5)
DAYS = np.linspace(0.5, 20, 391)
NAMES = {"tmdd_full": BLACK, "tmdd_qss": BLUE, "tmdd_qe": RED}


def reproduction():
    """Errors of both approximations for slow and for fast internalization."""
    C = courses()
    errors = {name: np.abs(np.log(C[name] / C["tmdd_full"])).max(axis=1) for name in ("tmdd_qss", "tmdd_qe")}
    between = np.abs(C["tmdd_qss"] / C["tmdd_qe"] - 1).max(axis=1)
    slow = "the same" if between[0] < 0.01 else "differ"
    better = min(errors, key=lambda name: errors[name][-1])
    worst = np.exp(errors["tmdd_qss"][-1])
    claims = (
        pkpd.Claim("both, kint = koff/1000", "the same", slow, "abstract"),
        pkpd.Claim("better, kint = 10 koff", "tmdd_qss", better, "abstract"),
        pkpd.Claim("over the full model, kint = 10 koff, at worst", 1, worst, "limit of fast binding", 0.01),
        pkpd.Claim("KSS over KD, kint = 10 koff", 11, effective(C), "closed form: 1 + kint/koff", 0.05),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_courses(ax, C), lambda ax: draw_errors(ax, errors)))


def courses():
    """Free drug by each model for each ratio of internalization to dissociation."""
    kint = RATIOS * KOFF
    shared = {"kint": kint, "ksyn": 0.4, "kdeg": 0.2}
    own = {
        "tmdd_full": {"kon": KON, "koff": KOFF},
        "tmdd_qss": {"KSS": (KOFF + kint) / KON},
        "tmdd_qe": {"KD": KOFF / KON},
    }
    return {name: simulated(name, shared | own[name])["C"].to_numpy() for name in NAMES}


def simulated(name, values):
    return pkpd.simulate(pkpd.load(name), pkpd.bolus(DOSE, "iv"), times=DAYS, parameters=values, rtol=1e-9, atol=1e-12)


def effective(C):
    """The free drug at which half of the target is occupied in the full model, over KD."""
    RO = simulated("tmdd_full", {"kon": KON, "koff": KOFF, "kint": RATIOS[-1] * KOFF, "ksyn": 0.4})["RO"].to_numpy()
    return np.exp(np.interp(-0.5, -RO, np.log(C["tmdd_full"][-1]))) / (KOFF / KON)


def draw_courses(ax, C):
    for (name, color), style in zip(NAMES.items(), ("-", "--", ":"), strict=True):
        ax.semilogy(DAYS, C[name][-1], color=color, linestyle=style, label=name)
    ax.set(xlabel="time (day)", ylabel="free drug (nM)")
    ax.legend()


def draw_errors(ax, errors):
    for name, error in errors.items():
        ax.loglog(RATIOS, error, "o-", color=NAMES[name], markersize=3, label=name)
    ax.set(xlabel="$k_{int}/k_{off}$", ylabel="largest error of ln(free drug)")
    ax.legend()
