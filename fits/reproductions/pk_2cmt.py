"""Two exponentials, told apart by stripping; the volume that holds the drug at steady state.

Closed forms of two compartments (Gibaldi and Perrier 1982, chapter 2).  A: one bolus; the terminal
line, and what the course has above it early on, whose slope is the fast constant.  B: an infusion
comes to rate/CL, and the body then holds (V1 + V2) times that concentration.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, RED
from pkpd.fits.reproductions.pk_1cmt import dosed

CL, V1, Q, V2 = 0.25, 3.5, 0.5, 3.0
DOSE, RATE = 300.0, 10.0
DAYS = np.linspace(0, 120, 4801)


def constants():
    """The slow and the fast rate constant: minus the roots of the characteristic polynomial."""
    return np.sort(-np.roots([1, CL / V1 + Q / V1 + Q / V2, CL / V1 * Q / V2]))


def reproduction():
    """Stripped rate constants, area, plateau, volume at steady state."""
    slow, fast = constants()
    C = dosed("pk_2cmt", pkpd.bolus(DOSE, "iv"), DAYS)["C"].to_numpy()
    stripped = strip(DAYS, C, [(80, 120), (0.5, 3)])
    run = dosed("pk_2cmt", pkpd.infusion(RATE * 600, "iv", duration=600), np.linspace(0, 590, 592))
    plateau = float(run["C"][-1])
    held = float(run["central"][-1] + run["peripheral"][-1])
    area = np.trapezoid(C, DAYS) + C[-1] / stripped[0][0]
    claims = (
        pkpd.Claim("terminal half-life (day)", np.log(2) / slow, np.log(2) / stripped[0][0], "closed form", 1e-4),
        pkpd.Claim(
            "half-life of distribution (day)", np.log(2) / fast, np.log(2) / stripped[1][0], "closed form", 1e-3
        ),
        pkpd.Claim("area after a bolus (mg day/L)", DOSE / CL, area, "closed form: dose/CL", 1e-4),
        pkpd.Claim("plateau of 10 mg/day (mg/L)", RATE / CL, plateau, "closed form: rate/CL", 1e-4),
        pkpd.Claim("volume at steady state (L)", V1 + V2, held / plateau, "closed form: V1 + V2", 1e-4),
    )
    return pkpd.Reproduction(
        claims, (lambda ax: draw_stripped(ax, DAYS, C, stripped), lambda ax: draw_infusion(ax, run))
    )


def strip(t, C, windows):
    """Slope and height of each exponential, slowest first: a line through ln C in its window, taken away."""
    exponentials, rest = [], C
    for low, high in windows:
        inside = (t >= low) & (t <= high)
        slope, height = np.polyfit(t[inside], np.log(rest[inside]), 1)
        exponentials.append((-slope, np.exp(height)))
        rest = rest - np.exp(height + slope * t)
    return exponentials


def draw_stripped(ax, t, C, stripped):
    ax.semilogy(t, C, color=BLUE, label="here")
    for (rate, height), style in zip(stripped, ("--", ":", "-."), strict=False):
        name = f"half-life {np.log(2) / rate:.3g} days"
        ax.semilogy(t, height * np.exp(-rate * t), color=RED, linestyle=style, linewidth=0.9, label=name)
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", xlim=(0, 40), ylim=(1, 200))
    ax.legend()


def draw_infusion(ax, run):
    ax.plot(run["time"], run["C"], color=BLUE, label="here")
    ax.axhline(RATE / CL, color=RED, linestyle="--", linewidth=0.8, label="closed form, rate/CL")
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", xlim=(0, 150))
    ax.legend(loc="lower right")
