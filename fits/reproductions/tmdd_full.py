"""Fast binding brings the full model to its approximations; steady states in closed form.

Gibiansky L et al. (J Pharmacokinet Pharmacodyn 35:573-591, 2008) derive the quasi-steady-state
approximation from the full model for fast binding.  A: free drug after four doses, full and
approximated.  B: the largest difference between the two against kon at the same KSS: it falls with
1/kon.  Under a constant infusion the full model rests, in closed form, where
rate = CL C + kint V1 P with P = Rtot C/(KSS + C) and Rtot = ksyn/(kdeg + (kint - kdeg) RO); where drug
saturates it, the target has ksyn/kint in all, and the drug the terminal half-life of two compartments.
"""

import numpy as np
from scipy.optimize import brentq

import pkpd
from pkpd.figures.style import BLUE, OKABE_ITO, RED

CL, V1, Q, V2, KINT, KSYN, KDEG = 0.25, 3.0, 0.4, 2.5, 0.5, 0.4, 0.2
KSS = 0.55
DOSES = (10.0, 30.0, 100.0, 300.0)
DAYS = np.linspace(0, 60, 1201)
SPEEDS = 10.0 ** np.arange(1, 5)
amount = pkpd.param("amount", 100, "nmol", "dose", source="swept here")


def reproduction():
    """Differences between full model and approximation, and steady states."""
    errors = differences(SPEEDS)
    plateau = run("tmdd_full", pkpd.infusion(1000, "iv", duration=1000), [999.0])
    C = brentq(lambda c: CL * c + KINT * V1 * complexed(c) - 1, 0, 10)
    high = run("tmdd_full", pkpd.bolus(1e6, "iv"), [20.0, 60.0])
    total = high["Rec"] + high["P"]
    C20, C60 = high["C"].to_numpy()
    claims = (
        pkpd.Claim("difference, kon 1000 over kon 10000", 10, errors[2] / errors[3], "first order in 1/kon", 0.05),
        pkpd.Claim("free drug at rest under 1 nmol/day (nM)", C, float(plateau["C"][0]), "root of the balance", 1e-4),
        pkpd.Claim("occupancy there", C / (KSS + C), float(plateau["RO"][0]), "closed form: C/(KSS + C)", 1e-4),
        pkpd.Claim("saturated target on day 60 (nM)", KSYN / KINT, float(total[1]), "closed form: ksyn/kint", 1e-3),
        pkpd.Claim(
            "terminal half-life, 1e6 nmol (day)",
            half_life(),
            np.log(2) * 40 / np.log(C20 / C60),
            "two compartments",
            0.01,
        ),
    )
    return pkpd.Reproduction(claims, (draw_courses, lambda ax: draw_differences(ax, errors)))


def run(name, doses, times, **values):
    return pkpd.simulate(pkpd.load(name), doses, times=times, parameters=values, rtol=1e-9)


def complexed(C):
    """The complex at rest beside free drug."""
    occupied = C / (KSS + C)
    return occupied * KSYN / (KDEG + (KINT - KDEG) * occupied)


def half_life():
    """Of the slow phase of the linear model."""
    return np.log(2) / np.min(-np.roots([1, CL / V1 + Q / V1 + Q / V2, CL / V1 * Q / V2]))


def differences(kon):
    """The largest relative difference of free drug from day 1 on, after 100 nmol, for each kon at one KSS."""
    approximated = run("tmdd_qss", pkpd.bolus(100, "iv"), DAYS, KSS=KSS)["C"].to_numpy()[20:]
    full = run("tmdd_full", pkpd.bolus(100, "iv"), DAYS, kon=kon, koff=KSS * kon - KINT)["C"].to_numpy()[:, 20:]
    return np.abs(full / approximated - 1).max(axis=1)


def draw_courses(ax):
    full, approximated = (
        run(n, pkpd.bolus(amount, "iv"), DAYS[1:], amount=DOSES)["C"] for n in ("tmdd_full", "tmdd_qss")
    )
    for i, color in enumerate(OKABE_ITO[: len(DOSES)]):
        ax.semilogy(DAYS[1:], full[i], color=color, label=f"{DOSES[i]:g} nmol", linewidth=1)
        ax.semilogy(DAYS[1:], approximated[i], color="black", linestyle=":", linewidth=0.9)
    ax.plot([], [], color="black", linestyle=":", linewidth=0.9, label="tmdd_qss")
    ax.set(xlabel="time (day)", ylabel="free drug (nM)", ylim=(1e-3, 5e3))
    ax.legend(ncols=2, loc="upper right")


def draw_differences(ax, errors):
    ax.loglog(SPEEDS, errors, "o", color=BLUE, label="here")
    ax.loglog(SPEEDS, errors[-1] * SPEEDS[-1] / SPEEDS, color=RED, linestyle="--", linewidth=0.8, label="slope $-1$")
    ax.set(xlabel="$k_{on}$ (1/nM/day)", ylabel="difference from tmdd_qss")
    ax.legend()
