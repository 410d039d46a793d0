"""How strong pembrolizumab must be: a melanoma is held below one size and escapes above another.

With T cells at rest with a tumor of M cells, growth gamma M and killing nu T M/(M + g) balance where
gamma (M + g)(M + b) = nu k M, and k = (alpha/mu_A) a_pem alpha_e/(b_pem mu_e).  The smaller root
is a tumor that stays, the larger one that above which it escapes; both exist where the drug's effect
a_pem makes nu k > gamma (sqrt(g) + sqrt(b))^2: 387 with the population's values.

A: the public SBML of the population, mended, by libroadrunner (points), and the same patient
untreated.  B: the two roots against the effect of the drug, and tumors that were simulated.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

NAMES = ("alpha", "b", "a_pem", "b_pem", "gamma", "g")
MODEL = pkpd.load("tsur_2019").using(**dict.fromkeys(NAMES, "population"))
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
SBML = pd.read_csv(Path(__file__).parents[1] / "data" / "tsur_2019_sbml.csv", comment="#")
PUBLIC = "BIOMD0000000838, mended, by libroadrunner"
GONE = 1e9  # cells; above the larger root under any effect shown


def reproduction():
    """The mended public course, both roots, and the least effect, from simulated tumors."""
    M = pkpd.simulate(MODEL, times=SBML["time"], rtol=1e-9)["M"].to_numpy()
    stays, escapes = roots(VALUE["a_pem"])
    at_fold = np.sqrt(VALUE["g"] * VALUE["b"])
    claims = (
        *(pkpd.Claim(f"melanoma at day {10 * i} (cell)", float(SBML["M"][i]), M[i], PUBLIC, 1e-3) for i in (2, 6, 12)),
        pkpd.Claim("melanoma that stays (cell)", stays, float(final(M0=VALUE["M0"])), "closed form", 1e-3),
        pkpd.Claim("melanoma that escapes (cell)", escapes, border("M0", 1e7, 5e8), "closed form", 1e-3),
        pkpd.Claim(
            "least effect of the drug", least_effect(), border("a_pem", 1000, 100, M0=at_fold), "closed form", 0.005
        ),
    )
    return pkpd.Reproduction(claims, (draw_course, draw_roots))


def balance(a_pem):
    v = VALUE
    return v["nu"] * v["alpha"] / v["mu_A"] * a_pem * v["alpha_e"] / (v["b_pem"] * v["mu_e"])


def roots(a_pem):
    v = VALUE
    roots = np.roots([v["gamma"], v["gamma"] * (v["g"] + v["b"]) - balance(a_pem), v["gamma"] * v["g"] * v["b"]])
    return np.sort(roots)


def least_effect():
    return VALUE["gamma"] * (np.sqrt(VALUE["g"]) + np.sqrt(VALUE["b"])) ** 2 / balance(1)


def final(**values):
    """The melanoma after many years, or after it has escaped."""
    return pkpd.simulate(MODEL, times=[0, 8000], parameters=values, rtol=1e-8)["M"].to_numpy()[..., -1]


def border(name, held, lost, **values):
    """Where, between a value of `name` that holds the tumor and one that loses it, its fate turns."""
    for _ in range(4):
        tried = np.geomspace(held, lost, 17)
        first = np.argmax(final(**{name: tried}, **values) > GONE)
        held, lost = tried[first - 1], tried[first]
    return float(np.sqrt(held * lost))


def draw_course(ax):
    days = np.linspace(0, 120, 241)
    M = pkpd.simulate(MODEL, times=days)["M"]
    none = pkpd.simulate(MODEL, times=days, parameters={"a_pem": "untreated", "b_pem": "untreated"})["M"]
    ax.semilogy(days, none, color=GRAY, label="untreated")
    ax.semilogy(days, M, color=OKABE_ITO[0], label="pembrolizumab")
    ax.plot(SBML["time"], SBML["M"], "o", color=OKABE_ITO[0], markersize=3, label="public SBML, mended")
    ax.set(xlabel="time (day)", ylabel="melanoma cells")
    ax.legend(loc="upper left")


def draw_roots(ax):
    effects = np.geomspace(least_effect() * 1.0001, 3000, 200)
    small, large = np.array([roots(x) for x in effects]).T
    ax.loglog(effects, small, color=BLACK, label="stays")
    ax.loglog(effects, large, "--", color=BLACK, label="escapes above")
    x, y = (v.ravel() for v in np.meshgrid([150, 250, 350, 450, 700, 1200, 2200], np.geomspace(3e4, 8e8, 9)))
    held = final(a_pem=x, M0=y) < GONE
    ax.plot(x[held], y[held], "o", color=OKABE_ITO[0], markersize=3, label="held")
    ax.plot(x[~held], y[~held], "x", color=OKABE_ITO[1], markersize=4, label="escapes")
    ax.set(xlabel="effect of the drug a_pem", ylabel="melanoma at the start (cell)", xlim=(100, 3000), ylim=(1e4, 1e11))
    ax.legend(loc="upper left", ncols=2)
