"""Predator and prey: T cells and tumor circle, and the tumor defends itself by immature myeloid cells.

The paper proposes a prey (the tumor) that blocks the maturation of myeloid cells, without which the
predator does not see it, and reduces the model to two dimensions.  There, with the mature fraction m
at rest, tumor and T cells circle around T = mu_L/(c m), L = (a - mu_T)/(e m) with the period
2 pi/sqrt(mu_L (a - mu_T)) for small circles, and their means over any circle are those (Volterra).

A: circles of three sizes.  B: the mean tumor against the strength g of the blockade; the line is
mu_L/(c m) with m = (theta - g)/(theta - g + mu2).
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

MODEL = pkpd.load("kareva_2010")
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
BLOCKADE = np.array([0.0, 0.0125, 0.05, 0.075, 0.1, 0.125, 0.15])
DAYS = np.arange(0, 1000, 0.05)
SETTLED = 500  # days until the myeloid cells rest


def reproduction():
    """Period and means of simulated circles beside those of the reduced model."""
    m, T, L = rest(**VALUE)
    period = 2 * np.pi / np.sqrt(VALUE["mu_L"] * (VALUE["a"] - VALUE["mu_T"]))
    turn = period_of(circle(1.02))
    large = circle(2.0)
    claims = (
        pkpd.Claim("mature fraction beside a tumor", m, float(large["m"][-1]), "closed form", 1e-4),
        pkpd.Claim("period of a small circle (day)", period, turn, "closed form", 0.002),
        pkpd.Claim("mean tumor (10^6 cells)", T / 1e6, mean_over_turn(large, "T") / 1e6, "closed form", 0.005),
        pkpd.Claim("mean T cells (10^6 cells)", L / 1e6, mean_over_turn(large, "L") / 1e6, "closed form", 0.005),
    )
    return pkpd.Reproduction(claims, (draw_circles, draw_blockade))


def rest(a, c, e, g, mu1, mu2, mu_L, mu_T, theta, **_):
    """The mature fraction, tumor and T cells at rest, where the tumor is large beside p."""
    m = (theta - g) / (theta - g + mu2)
    return m, mu_L / (c * m), (a - mu_T) / (e * m)


def circle(size, **values):
    """The course from `size` times the tumor at rest, beside the T cells there; from day 500 on."""
    _, T, L = rest(**(VALUE | values))
    start = {"T0": size * T, "L0": L, **values}
    run = pkpd.simulate(MODEL, times=DAYS, parameters=start, rtol=1e-9)
    return run.sel(time=slice(SETTLED, None))


def peaks(run):
    T = run["T"].to_numpy()
    return np.flatnonzero((T[1:-1] > T[:-2]) & (T[1:-1] >= T[2:])) + 1


def period_of(run):
    """The mean period, from peak to peak."""
    first, *_, last = peaks(run)
    days = run["time"].to_numpy()
    return (days[last] - days[first]) / (len(peaks(run)) - 1)


def mean_over_turn(run, name):
    first, *_, last = peaks(run)
    return float(run[name][first:last].mean())


def draw_circles(ax):
    for size, color in zip((1.5, 3, 10), OKABE_ITO, strict=False):
        run = circle(size)
        ax.plot(run["T"] / 1e6, run["L"] / 1e6, color=color, linewidth=0.9)
    _, T, L = rest(**VALUE)
    ax.plot(T / 1e6, L / 1e6, "o", color=BLACK)
    ax.set(xlabel="tumor (10$^6$ cells)", ylabel="T cells (10$^6$ cells)", xlim=(0, None), ylim=(0, None))


def draw_blockade(ax):
    means = [mean_over_turn(circle(1.5, g=g), "T") / 1e6 for g in BLOCKADE]
    fine = np.linspace(0, 0.17, 200)
    ax.plot(fine, [rest(**(VALUE | {"g": g}))[1] / 1e6 for g in fine], color=GRAY, label="closed form")
    ax.plot(BLOCKADE, means, "o", color=OKABE_ITO[0], label="simulated mean")
    ax.set(xlabel="blockade of maturation g (1/day)", ylabel="tumor (10$^6$ cells)", ylim=(0, None))
    ax.legend(loc="upper left")
