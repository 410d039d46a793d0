"""Three cycles of capecitabine as the public model has them, and when resistance wins.

Neither is a result of the paper, of which no number was readable.  A: MODEL1708310001, whose rates may
be placeholders, integrated by libroadrunner (points): pulses of exposure twice a day, on 14 of
21, three times; its clock is read as weeks here, for which the model's docstring gives the reason,
so that the numbers agree and not the unit.  B: a constant exposure; the tumor is smallest after
ln(K_D exposure/K_L)/lambda, in closed form, and never shrinks below an exposure of K_L/K_D.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import brentq

import pkpd
from pkpd.figures.style import BLACK, BLUE, OKABE_ITO

PUBLIC = Path(__file__).parents[1] / "data" / "claret_2009_sbml.csv"
EXPOSURES = np.array([0.5, 1.5, 4.0])
K_L, K_D, LAMBDA = 0.021, 0.025, 0.053
WEEKS = np.linspace(0, 60, 6001)


def reproduction():
    """Sizes of the public model, nadirs, and the exposure at which none is left."""
    public, fine = public_sizes(), np.linspace(0, 105, 1051)
    pulsed = in_pulses(fine)
    sizes = constant(EXPOSURES, WEEKS)
    least = brentq(lambda exposure: constant(np.array([exposure]), [0, 1e-3])[0, 1] - 200, 0.1, 4)
    where = "MODEL1708310001 by libroadrunner"
    claims = (
        *(
            pkpd.Claim(f"size at time {t:g} (mm)", public[t], np.interp(t, fine, pulsed), where, 1e-4)
            for t in (14, 21, 63, 105)
        ),
        *(
            pkpd.Claim(f"time of the nadir, exposure {e:g} (week)", nadir(e), WEEKS[TS.argmin()], "closed form", 0.005)
            for e, TS in zip(EXPOSURES[1:], sizes[1:], strict=True)
        ),
        pkpd.Claim("exposure below which the tumor never shrinks", K_L / K_D, least, "closed form: K_L/K_D", 0.001),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_pulses(ax, fine, pulsed), lambda ax: draw_sizes(ax, sizes)))


def public_sizes():
    import pandas as pd

    return pd.read_csv(PUBLIC, comment="#", index_col="time")["TS"]


def in_pulses(times):
    """The size under exposure of 12 for 0.0625, twice in each unit of time, 14 of 21, three times."""
    A = pkpd.input_rate("A", "1", "exposure to capecitabine")
    drug = pkpd.Model("pulses", rates={}, outputs={"exposure": A}, routes={"oral": A}, time="week")
    doses = pkpd.infusion(12 * 0.0625, "oral", duration=0.0625, every=0.5, n=28).every(21, 3)
    model = pkpd.compose("capecitabine", pkpd.load("claret_2009"), drug)
    return pkpd.simulate(model, doses, times=times, rtol=1e-9)["TS"].to_numpy()


def constant(exposures, times):
    """Sizes under constant exposures, in rows."""
    return pkpd.simulate(pkpd.load("claret_2009"), times=times, parameters={"exposure": exposures}, rtol=1e-10)[
        "TS"
    ].to_numpy()


def nadir(exposure):
    return np.log(K_D * exposure / K_L) / LAMBDA


def draw_pulses(ax, times, pulsed):
    public = public_sizes()
    ax.semilogy(times, pulsed, color=BLUE, label="here", linewidth=1)
    ax.semilogy(public.index, public, "o", color=BLACK, markerfacecolor="none", label="MODEL1708310001")
    ax.set(xlabel="time (week)", ylabel="tumor size (mm)", ylim=(100, 1500))
    ax.set_yticks([100, 200, 500, 1000], ["100", "200", "500", "1000"])
    ax.minorticks_off()
    ax.legend(loc="upper left")


def draw_sizes(ax, sizes):
    for exposure, TS, color in zip(EXPOSURES, sizes, OKABE_ITO, strict=False):
        ax.plot(WEEKS, TS, color=color, label=f"exposure {exposure:g}")
        if exposure > K_L / K_D:
            ax.plot(nadir(exposure), np.interp(nadir(exposure), WEEKS, TS), "x", color=BLACK, markersize=5, zorder=3)
    ax.plot([], [], "x", color=BLACK, label="nadir, closed form")
    ax.set(xlabel="time (week)", ylabel="tumor size (mm)", ylim=(0, 500))
    ax.legend(loc="upper left")
