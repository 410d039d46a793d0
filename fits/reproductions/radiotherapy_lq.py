"""Linear-quadratic survival, and biologically effective doses of fractionated courses.

A: survival by fraction dose with the coefficients of two mouse tumors, whose alpha/beta is 10 Gy
(CT26, Kosinsky 2018: 0.1 alpha D^2 for an acute fraction) and 0.8 Gy (MC38, Rauf 2025); read off the
survival of two fractions, so that these two are ratios of inputs read back.  B: BED = n d (1 +
d/(alpha/beta)) for courses of lung cancer, by simulated log kill over alpha, against the closed
form.  C: 5 x 2 Gy of CT26, of which killed cells count in the volume until they are cleared.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, OKABE_ITO

MODEL = pkpd.load("radiotherapy_lq")
TUMORS = {"CT26": {}, "MC38": {"alpha": "Rauf_MC38", "beta": "Rauf_MC38"}}
COURSES = {"30 x 2 Gy": (30, 2), "4 x 12 Gy": (4, 12), "3 x 18 Gy": (3, 18)}
DOSES = np.linspace(0, 12, 25)
d = pkpd.param("d", 2, "Gy", "fraction dose")


def reproduction():
    """alpha/beta of either tumor from two fractions, and the BED of three courses."""
    ratios = [
        pkpd.Claim(f"alpha/beta of {tumor} (Gy)", published, ratio(tumor), where, within)
        for tumor, published, where, within in (
            ("CT26", 10, "input: 2/q of Kosinsky 2018", 1e-6),
            ("MC38", 5.15e-3 / 6.58e-3, "input: Rauf 2025, ICD_model.m", 1e-6),
        )
    ]
    courses = [
        pkpd.Claim(
            f"BED of {name} at 10 Gy (Gy)", n * dose * (1 + dose / 10), biological(n, dose), "n d (1 + d/10)", 1e-6
        )
        for name, (n, dose) in COURSES.items()
    ]
    panels = (draw_survival, draw_courses, draw_volume)
    return pkpd.Reproduction((*ratios, *courses), panels)


def log_kill(regimen, tumor="CT26", **axes):
    """-ln of the share of cells that survive, without growth."""
    still = pkpd.grid(kg=[0.0], **axes)
    T = pkpd.simulate(MODEL.using(**TUMORS[tumor]), regimen, times=[0, 100], parameters=still)["T"].to_numpy()
    return -np.log(T[..., -1] / T[..., 0]).ravel()


def ratio(tumor):
    """alpha/beta, from fractions of 1 and 2 Gy."""
    one, two = log_kill(pkpd.fractions(d, n=1), tumor, d=[1.0, 2.0])
    beta = (two - 2 * one) / 2
    return float((one - beta) / beta)


def biological(n, dose):
    """The BED (Gy): log kill over alpha."""
    return float(log_kill(pkpd.fractions(dose, n=n))[0] / MODEL.symbols["alpha"].value)


def draw_survival(ax):
    for tumor, color in zip(TUMORS, OKABE_ITO, strict=False):
        ax.semilogy(DOSES, np.exp(-log_kill(pkpd.fractions(d, n=1), tumor, d=DOSES)), color=color, label=tumor)
    ax.set(xlabel="fraction dose (Gy)", ylabel="survival")
    ax.legend(loc="lower left")


def draw_courses(ax):
    sizes = np.linspace(1, 20, 39)
    ax.plot(sizes, sizes * (1 + sizes / 10), color=GRAY, linestyle="--", linewidth=0.8, label="d (1 + d/10)")
    for (name, (n, dose)), color in zip(COURSES.items(), OKABE_ITO, strict=False):
        ax.plot(dose, biological(n, dose) / n, "o", color=color, label=f"{name}: {biological(n, dose):.4g} Gy")
    ax.set(xlabel="fraction dose (Gy)", ylabel="BED of a fraction (Gy)")
    ax.legend(loc="upper left")


def draw_volume(ax):
    days = np.linspace(0, 25, 501)
    run = pkpd.simulate(MODEL, pkpd.fractions(2.0, n=5, start=7), times=days)
    for name, label, color in (("V", "all", BLACK), ("T", "living", BLUE), ("D", "killed", OKABE_ITO[1])):
        ax.plot(days, run[name], color=color, label=label, linewidth=1)
    ax.set(xlabel="time (day)", ylabel="tumor (mm$^3$)")
    ax.legend(loc="upper left")
