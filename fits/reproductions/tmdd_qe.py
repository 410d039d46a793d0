"""Binding at equilibrium splits a bolus at once, and holds while internalization is slow.

Mager DE and Krzyzanski W (Pharm Res 22:1589-1596, 2005) replace binding by its equilibrium, for
which free drug is the root of a quadratic.  Just after a bolus into the full model with fast
binding, free drug falls to that root, the target being at its baseline.  A: the first hours for three
speeds of binding, and the root.  B: free drug after four doses by both models, with fast binding.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, OKABE_ITO, RED
from pkpd.fits.reproductions.tmdd_full import CL, V1

KD, BASE, DOSE = 0.5, 2.0, 9.0
SPEEDS = np.array([10.0, 100.0, 10000.0])
HOURS = np.linspace(0, 12, 1201)
DAYS = np.linspace(0.1, 60, 600)
DOSES = np.array([10.0, 30.0, 100.0, 300.0])
amount = pkpd.param("amount", DOSE, "nmol", "dose", source="swept here")


def reproduction():
    """The split of a bolus, and the difference of the two models at other times."""
    first = simulated("tmdd_full", HOURS / 24, kon=SPEEDS, koff=KD * SPEEDS, amount=DOSE)["C"].to_numpy()
    split = simulated("tmdd_qe", [0.0], amount=DOSE)["C"].to_numpy()[0]
    full, fast = by_dose("tmdd_full", kon=1e5, koff=5e4), by_dose("tmdd_qe", KD=KD)
    worst = np.abs(full / fast - 1).max()
    claims = (
        pkpd.Claim("free drug at once after 9 nmol, this model (nM)", root(), split, "root of the quadratic", 1e-6),
        pkpd.Claim(
            "free drug after 6 minutes, full model, fast binding (nM)",
            root(),
            first[2][10],
            "root of the quadratic",
            0.01,
        ),
        pkpd.Claim(
            "fast binding: this model over the full one, at worst", 1, 1 + worst, "Mager 2005, the limit", 0.001
        ),
        pkpd.Claim("clearance seen by 1e6 nmol (L/day)", CL, cleared(), "closed form: CL", 0.01),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_first(ax, first), lambda ax: draw_doses(ax, full, fast)))


def simulated(name, times, **values):
    doses = pkpd.bolus(amount, "iv")
    return pkpd.simulate(pkpd.load(name), doses, times=times, parameters=values, rtol=1e-9, atol=1e-12, at_dose="after")


def by_dose(name, **values):
    return simulated(name, DAYS, amount=DOSES, **values)["C"].to_numpy()


def root():
    x = DOSE / V1 - BASE - KD
    return (x + np.sqrt(x**2 + 4 * KD * DOSE / V1)) / 2


def cleared():
    """Dose over area of free drug."""
    t = np.concatenate([np.linspace(0, 10, 1001)[:-1], np.linspace(10, 400, 3901)])
    return 1e6 / np.trapezoid(simulated("tmdd_qe", t, amount=1e6)["C"].to_numpy(), t)


def draw_first(ax, first):
    for speed, C, color in zip(SPEEDS, first, OKABE_ITO[::2], strict=False):
        ax.plot(HOURS, C, color=color, label=f"$k_{{on}}$ = {speed:g} /nM/day")
    ax.axhline(root(), color=RED, linestyle="--", linewidth=0.8, label="root of the quadratic")
    ax.set(xlabel="time after the dose (h)", ylabel="free drug (nM)", xlim=(-0.2, 6), ylim=(0, 3.2))
    ax.legend()


def draw_doses(ax, full, fast):
    for dose, C, E, color in zip(DOSES, full, fast, OKABE_ITO, strict=False):
        ax.semilogy(DAYS, C, color=color, linewidth=1, label=f"{dose:g} nmol")
        ax.semilogy(DAYS, E, color=BLACK, linestyle=":", linewidth=0.9)
    ax.plot([], [], color=BLACK, linestyle=":", linewidth=0.9, label="tmdd_qe")
    ax.set(xlabel="time (day)", ylabel="free drug (nM)", ylim=(1e-3, 5e3))
    ax.legend(ncols=2, loc="upper right")
