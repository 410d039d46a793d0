"""Three exponentials, told apart by stripping, and the mean time that the drug stays.

Closed forms of three compartments (Gibaldi and Perrier 1982, chapter 2): the rate constants are the
roots of a cubic, the area is dose/CL, the mean residence time (V1 + V2 + V3)/CL.  A: one bolus and
its three lines.  B: an infusion fills the compartments in turn, and each comes to rate/CL.
"""

import numpy as np

import pkpd
from pkpd.figures.style import OKABE_ITO, RED
from pkpd.fits.reproductions.pk_1cmt import dosed
from pkpd.fits.reproductions.pk_2cmt import draw_stripped, strip

CL, V1, Q2, V2, Q3, V3 = 0.25, 3.5, 0.5, 3.0, 0.1, 4.0
DOSE, RATE = 300.0, 10.0
DAYS = np.concatenate([np.linspace(0, 30, 3001)[:-1], np.linspace(30, 1000, 4851)])
WINDOWS = [(500, 800), (30, 60), (0.5, 2)]


def reproduction():
    """Stripped rate constants, mean residence time, plateau."""
    C = dosed("pk_3cmt", pkpd.bolus(DOSE, "iv"), DAYS)["C"].to_numpy()
    stripped = strip(DAYS, C, WINDOWS)
    residence = np.trapezoid(DAYS * C, DAYS) / np.trapezoid(C, DAYS)
    run = dosed("pk_3cmt", pkpd.infusion(RATE * 900, "iv", duration=900), np.linspace(0, 890, 891))
    lives = zip(("terminal", "middle", "first"), np.sort(constants()), stripped, strict=True)
    claims = (
        *(
            pkpd.Claim(f"{name} half-life (day)", np.log(2) / k, np.log(2) / here, "root of the cubic", 0.01)
            for name, k, (here, _) in lives
        ),
        pkpd.Claim("area after a bolus (mg day/L)", DOSE / CL, np.trapezoid(C, DAYS), "closed form: dose/CL", 1e-3),
        pkpd.Claim("mean residence time (day)", (V1 + V2 + V3) / CL, residence, "(V1 + V2 + V3)/CL", 1e-3),
        pkpd.Claim("plateau of 10 mg/day (mg/L)", RATE / CL, float(run["C"][-1]), "closed form: rate/CL", 1e-3),
    )
    return pkpd.Reproduction(
        claims, (lambda ax: draw_stripped(ax, DAYS, C, stripped), lambda ax: draw_infusion(ax, run))
    )


def constants():
    """The rate constants: minus the eigenvalues of the exchange between the compartments."""
    return -np.linalg.eigvals(
        [[-(CL + Q2 + Q3) / V1, Q2 / V2, Q3 / V3], [Q2 / V1, -Q2 / V2, 0], [Q3 / V1, 0, -Q3 / V3]]
    ).real


def draw_infusion(ax, run):
    amounts = {"central": V1, "peripheral1": V2, "peripheral2": V3}
    for (name, volume), color in zip(amounts.items(), OKABE_ITO, strict=False):
        ax.plot(run["time"], run[name] / volume, color=color, label=name)
    ax.axhline(RATE / CL, color=RED, linestyle="--", linewidth=0.8, label="closed form, rate/CL")
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", xlim=(0, 300))
    ax.legend(loc="lower right")
