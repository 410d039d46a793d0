"""Dormancy and escape: two tumors that last, and the watershed between them.

The paper scales its estimates for the BCL1 lymphoma by a million cells; public code of the model
(github.com/samubernard/popdyn) has them so.  Where the scaled rates vanish is a cubic in the tumor,
whose three roots are a dormant tumor, a saddle, and a tumor that has escaped.

The dormant and the escaped tumor are found here by running the model, the saddle by bisection:
on the line where the tumor neither grows nor shrinks, the two fates meet there.  A: courses from
many starts and the separatrix, drawn as the border of their fates.  B: the same tumor to begin with,
beside a little more or fewer effectors.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

MODEL = pkpd.load("kuznetsov_1994")
SCALED = {"s": 0.1181, "p": 1.131, "g": 20.19, "m": 0.00311, "d": 0.3743, "a": 1.636, "b": 0.002}
CODE = "roots of the paper's scaled cubic (popdyn)"
DAYS = np.linspace(0, 400, 801)


def reproduction():
    """The three states of rest, and what becomes of a tumor on either side of the saddle."""
    dormant, saddle, escaped = scaled_rest()
    (watershed,) = between_fates(at_rest, np.array([1e8]), np.array([4e8]))
    ends = final(E0=[3.2e5, 3.2e5], T0=[5e6, 4e8])
    fates = final(E0=at_rest(0.98 * watershed), T0=0.98 * watershed), final(E0=1e4, T0=1.02 * watershed)
    claims = (
        pkpd.Claim("dormant tumor (10^6 cells)", dormant, ends[0] / 1e6, CODE, 0.005),
        pkpd.Claim("saddle (10^6 cells)", saddle, watershed / 1e6, CODE, 0.005),
        pkpd.Claim("escaped tumor (10^6 cells)", escaped, ends[1] / 1e6, CODE, 0.005),
        pkpd.Claim("below the saddle", "dormant", named(fates[0][0]), "Kuznetsov 1994, summary in BIOMD0000000762"),
        pkpd.Claim(
            "above it, few effectors", "escaped", named(fates[1][0]), "Kuznetsov 1994, summary in BIOMD0000000762"
        ),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_portrait(ax, watershed), draw_fates))


def scaled_rest():
    """The tumors at which effectors a (1 - b y) rest too, in millions of cells."""
    y, k = np.polynomial.Polynomial([0, 1]), SCALED
    x = k["a"] * (1 - k["b"] * y)
    return np.sort(((k["s"] - k["m"] * x * y - k["d"] * x) * (k["g"] + y) + k["p"] * x * y).roots().real)[-3:]


def at_rest(T):
    """The effectors beside which a tumor of T cells neither grows nor shrinks."""
    a, b, n = (MODEL.symbols[k].value for k in "abn")
    return a * (1 - b * T) / n


def final(**start):
    start = {name: np.atleast_1d(value) for name, value in start.items()}
    return pkpd.simulate(MODEL, times=[0, 3000], parameters=start)["T"].to_numpy()[:, -1]


def named(T):
    return "dormant" if T < 1e8 else "escaped"


def between_fates(effectors, low, high):
    """The tumor between dormancy and escape, by bisection; `effectors` beside a tumor of T cells."""
    for _ in range(12):
        T = np.sqrt(low * high)
        escapes = final(E0=effectors(T), T0=T) > 1e8
        low, high = np.where(escapes, low, T), np.where(escapes, T, high)
    return np.sqrt(low * high)


def draw_portrait(ax, watershed):
    E = np.geomspace(2e4, 1.4e6, 25)
    border = between_fates(lambda T: E, np.full_like(E, 1e5), np.full_like(E, 2e9))
    ax.loglog(E, border, "--", color=GRAY, linewidth=0.8, label="separatrix")
    starts = {"E0": [5e4, 5e4, 5e4, 2.5e6, 8e5, 2.5e6, 3e5], "T0": [2e6, 2e7, 9e7, 3e7, 5.5e8, 3e8, 5.5e8]}
    run = pkpd.simulate(MODEL, times=DAYS, parameters=starts)
    for x, y in zip(run["E"].to_numpy(), run["T"].to_numpy(), strict=True):
        ax.loglog(x, y, color=OKABE_ITO[named(y[-1]) == "escaped"], linewidth=0.9)
    rest = final(E0=[3.2e5, 3.2e5], T0=[5e6, 4e8])
    ax.plot(at_rest(rest), rest, "o", color=BLACK, label="stable")
    ax.plot(at_rest(watershed), watershed, "o", color=BLACK, fillstyle="none", label="saddle")
    ax.set(xlabel="effector cells", ylabel="tumor cells", xlim=(2e4, 5e6), ylim=(1e5, 9e8))
    ax.legend(loc="lower left")


def draw_fates(ax):
    effectors = [5e4, 2e5, 5e5, 1e6, 1.5e6, 2e6]
    run = pkpd.simulate(MODEL, times=DAYS, parameters={"E0": effectors, "T0": [1e8] * len(effectors)})
    for T in run["T"].to_numpy():
        ax.semilogy(DAYS, T, color=OKABE_ITO[named(T[-1]) == "escaped"], linewidth=0.9)
    for color, fate in zip(OKABE_ITO, ("dormant", "escaped"), strict=False):
        ax.plot([], [], color=color, label=fate)
    ax.set(xlabel="time (day)", ylabel="tumor cells", ylim=(4e5, 2e9))
    ax.legend(loc="upper right", ncols=2)
