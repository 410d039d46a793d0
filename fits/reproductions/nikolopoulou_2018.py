"""One tumor cured or not by where it starts; and the death of T cells at which no cure is stable.

Shi, Huang and Kuang (Discrete Contin Dyn Syst B, doi 10.3934/dcdsb.2020157), abstract: the
model has one state of rest without tumor and at most two with one; there may be bistability, with
tumors that die out from some starts and persist from others; and the death rate of T cells has a
critical value d_T0.

From the equations, the state without tumor is stable while eta T > lambda_C, and at T = lambda_C/eta
T cells rest where d_T0 = F (lambda_12 T_N/(2 T) + lambda_2/2), which is 0.576 a day.  A: courses and
the separatrix.  B: the growth of a small tumor beside T cells at rest, which crosses zero there.
"""

import numpy as np
from scipy.optimize import brentq

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO, RED

MODEL = pkpd.load("nikolopoulou_2018")
VALUE = {name: symbol.value for name, symbol in MODEL.symbols.items() if hasattr(symbol, "value")}
DAYS = np.linspace(0, 400, 801)
DEATH = np.linspace(0.5, 0.65, 7)  # of T cells, 1/day
SHI = "Shi, Huang and Kuang, abstract"


def reproduction():
    """The critical death rate from simulated growth, the states of rest, and the fates of tumors."""
    free, cured, persists = ends(C0=[0, 0.1, 0.1], T0=[0.006, 0.05, 0.006])
    critical = critical_death(**VALUE)
    rate = small_tumor_growth()
    claims = (
        pkpd.Claim("tumor from 0.05 g/cm^3 of T cells", "dies out", named(cured[0]), SHI),
        pkpd.Claim("tumor from 0.006 g/cm^3 of T cells", "persists", named(persists[0]), SHI),
        pkpd.Claim("T cells without tumor (g/cm^3)", t_cells_at_rest(**VALUE), free[1], "dT/dt = 0 at C = 0", 1e-4),
        pkpd.Claim(
            "critical death of T cells (1/day)", critical, float(np.interp(0, rate, DEATH)), "closed form", 0.002
        ),
    )
    return pkpd.Reproduction(claims, (draw_portrait, lambda ax: draw_critical(ax, rate, critical)))


def ends(**start):
    run = pkpd.simulate(MODEL, times=[0, 3000], parameters=start, rtol=1e-8)
    return np.stack([run["C"].to_numpy()[:, -1], run["T"].to_numpy()[:, -1]], axis=1)


def named(C):
    return "persists" if C > 0.01 else "dies out"


def balance(T, lambda_12, T_N, lambda_2, sigma, rho_P, rho_L, K_TQ, **_):
    """The death rate at which T cells rest at T without tumor; the interleukins are at half of their effect."""
    F = 1 / (1 + sigma * rho_P * rho_L * T**2 / K_TQ)
    return F * (lambda_12 * T_N / (2 * T) + lambda_2 / 2)


def critical_death(lambda_C, eta, **values):
    return balance(lambda_C / eta, **values)


def t_cells_at_rest(d_T, **values):
    return brentq(lambda T: balance(T, **values) - d_T, 1e-6, 10)


def small_tumor_growth():
    """Exponential growth (1/day) of a small tumor beside T cells at rest, under each rate of `DEATH`."""
    start = {"C0": 1e-9, "d_T": DEATH, "T0": 0.007}
    C = pkpd.simulate(MODEL, times=[0, 100, 130], parameters=start, rtol=1e-9, atol=1e-20)["C"].to_numpy()
    return np.log(C[:, 2] / C[:, 1]) / 30


def border(C):
    """The T cells, by bisection, from which a tumor of size C just dies out."""
    low, high = np.full_like(C, 1e-4), np.full_like(C, 0.1)
    for _ in range(14):
        T = np.sqrt(low * high)
        cured = ends(C0=C, T0=T)[:, 0] < 0.01
        low, high = np.where(cured, low, T), np.where(cured, T, high)
    return high


def draw_portrait(ax):
    C = np.geomspace(1e-3, 0.85, 25)
    ax.loglog(C, border(C), "--", color=GRAY, linewidth=0.8, label="separatrix")
    starts = {"C0": [1e-3, 0.1, 0.6, 0.6, 0.02, 0.1, 0.8], "T0": [2e-3, 8e-3, 0.012, 0.05, 5e-4, 6e-4, 7e-3]}
    run = pkpd.simulate(MODEL, times=DAYS, parameters=starts, rtol=1e-8)
    for x, y in zip(run["C"].to_numpy(), run["T"].to_numpy(), strict=True):
        ax.plot(x, y, color=OKABE_ITO[int(x[-1] > 0.01)], linewidth=0.9)
    (tumor,) = ends(C0=[0.6], T0=[0.002])
    ax.plot(*tumor, "o", color=BLACK, label="with tumor")
    ax.set(xlabel="tumor (g/cm$^3$)", ylabel="T cells (g/cm$^3$)", xlim=(1e-4, 1), ylim=(3e-4, 0.2))
    ax.legend(loc="lower left")


def draw_critical(ax, rate, critical):
    ax.plot(DEATH, rate, "o-", markersize=3)
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.axvline(critical, color=RED, linestyle="--", linewidth=0.8, label=f"closed form, {critical:.3f}")
    ax.set(xlabel="death of T cells (1/day)", ylabel="growth of a small tumor (1/day)")
    ax.legend(loc="upper left")
