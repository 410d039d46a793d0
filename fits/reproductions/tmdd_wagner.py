"""A constant target is exact where complex and target leave alike; a scarce one is Michaelis-Menten.

Closed relations between the approximations that Gibiansky L et al. (J Pharmacokinet Pharmacodyn
35:573-591, 2008) derive.  With kint = kdeg the whole target stays at ksyn/kdeg, and this model is
`tmdd_qss`.  With R0 far below KSS it is `pk_2cmt_mm` with Vmax = kint R0 V1 and Km = KSS.  A: the
difference from `tmdd_qss` against kint/kdeg.  B: free drug by R0 at the same Vmax, and
Michaelis-Menten.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, ordered_colors

KDEG, KSS, V1, VMAX = 0.2, 0.55, 3.0, 3.0
RATIOS = np.array([0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0])
TARGETS = np.array([10.0, 1.0, 0.1, 0.001])
DAYS = np.linspace(1, 30, 291)
DOSE = 60.0


def reproduction():
    """Differences from both limits."""
    ratios = by_internalization()
    scarce, limit = by_target()
    differences = np.abs(scarce / limit - 1).max(axis=1)
    claims = (
        pkpd.Claim("over tmdd_qss with kint = kdeg, at worst", 1, 1 + ratios[3], "closed form: the same", 1e-6),
        pkpd.Claim(
            "over Michaelis-Menten with R0 = 0.001 nM, at worst", 1, 1 + differences[-1], "closed form: limit", 0.005
        ),
        pkpd.Claim(
            "difference from it, R0 0.1 over 0.001 nM",
            100,
            differences[2] / differences[3],
            "first order in R0/KSS",
            0.1,
        ),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_ratios(ax, ratios), lambda ax: draw_targets(ax, scarce, limit)))


def concentrations(name, **values):
    run = pkpd.simulate(pkpd.load(name), pkpd.bolus(DOSE, "iv"), times=DAYS, parameters=values, rtol=1e-10, atol=1e-12)
    return run["C"].to_numpy()


def by_internalization():
    """The largest difference from `tmdd_qss` for each kint/kdeg."""
    constant, turning = (concentrations(name, kint=RATIOS * KDEG) for name in ("tmdd_wagner", "tmdd_qss"))
    return np.abs(constant / turning - 1).max(axis=1)


def by_target():
    """Free drug for each R0 at the same Vmax, and by Michaelis-Menten elimination (the same numbers, in mg)."""
    same = {"CL": 0.25, "V1": V1, "Q": 0.4, "V2": 2.5}
    scarce = concentrations("tmdd_wagner", R0=TARGETS, kint=VMAX / V1 / TARGETS, KSS=KSS, **same)
    return scarce, concentrations("pk_2cmt_mm", Vmax=VMAX, Km=KSS, **same)


def draw_ratios(ax, ratios):
    ax.semilogx(RATIOS, 100 * ratios, "o-", color=BLUE, markersize=3)
    ax.axvline(1, color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="$k_{int}/k_{deg}$", ylabel="difference from tmdd_qss (%)", ylim=(-2, None))
    ax.set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"], minor=False)
    ax.minorticks_off()


def draw_targets(ax, scarce, limit):
    for R0, C, color in zip(TARGETS, scarce, ordered_colors(np.linspace(0, 1, len(TARGETS))), strict=True):
        ax.semilogy(DAYS, C, color=color, label=f"$R_0$ = {R0:g} nM")
    ax.semilogy(DAYS, limit, color=BLACK, linestyle=":", linewidth=1, label="Michaelis-Menten")
    ax.set(xlabel="time (day)", ylabel="free drug (nM)", ylim=(1e-3, 1e2))
    ax.legend(loc="lower left")
