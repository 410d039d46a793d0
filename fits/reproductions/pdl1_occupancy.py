"""Half at KD, nine tenths at nine KD: one site, and what affinities in print make of it.

Closed forms of one binding site: a concentration of KD occupies half, n KD occupies n/(n + 1), and
from a tenth to nine tenths takes 81 times the concentration.  A: occupancy against the concentration for
affinities in print, which differ 3000-fold.  B: occupancy during and after durvalumab
(1500 mg every 4 weeks, three times) for the same ones.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, GRAY, OKABE_ITO

PART = pkpd.load("pdl1_occupancy")
AFFINITIES = {"Stewart_2015": 0.022, "QSPIO_NSCLC": 0.4, "Kosinsky_2018": 30, "QSPIO": 66.5}  # nM
MW = 0.15
C = np.geomspace(1e-6, 1e3, 9001)
DAYS = np.linspace(0, 250, 2501)


def reproduction():
    """Concentrations at three levels of occupancy."""
    RO = {name: occupied(name) for name in AFFINITIES}
    level = {share: np.exp(np.interp(share, RO["QSPIO_NSCLC"], np.log(C))) for share in (0.1, 0.5, 0.9, 0.95)}
    KD = AFFINITIES["QSPIO_NSCLC"] * MW
    claims = (
        pkpd.Claim("half occupied, KD 0.4 nM (mg/L)", KD, level[0.5], "closed form: KD", 1e-4),
        pkpd.Claim("90 % occupied (mg/L)", 9 * KD, level[0.9], "closed form: 9 KD", 1e-4),
        pkpd.Claim("95 % occupied (mg/L)", 19 * KD, level[0.95], "closed form: 19 KD", 1e-4),
        pkpd.Claim("90 % over 10 %", 81, level[0.9] / level[0.1], "closed form", 1e-4),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_levels(ax, RO), draw_courses))


def occupied(name):
    """Occupancy at each concentration with a named affinity."""
    level = pkpd.param("level", 1, "mg/L", "antibody in plasma", source="swept here")
    held = pkpd.Model("held", rates={pkpd.state("C", "mg/L", "antibody in plasma", start=level): 0})
    model = pkpd.compose("occupied", PART.using(KD=name), held)
    return pkpd.simulate(model, times=[0], parameters={"level": C})["RO"].to_numpy()[:, 0]


def draw_levels(ax, RO):
    for (name, KD), color in zip(AFFINITIES.items(), OKABE_ITO, strict=False):
        ax.semilogx(C, RO[name], color=color, label=f"KD {KD:g} nM")
        ax.plot(KD * MW, 0.5, "o", color=color, markeredgecolor=BLACK)
    ax.set(xlabel="antibody in plasma (mg/L)", ylabel="fraction of PD-L1 occupied", ylim=(0, 1.02))
    ax.legend(loc="upper left")


def draw_courses(ax):
    doses = pkpd.infusion(1500, "iv", duration=1 / 24, every=28, n=3)
    for name, color in zip(AFFINITIES, OKABE_ITO, strict=False):
        model = pkpd.compose("occupied", PART.using(KD=name), pkpd.load("durvalumab_baverel_2018"))
        ax.plot(DAYS, pkpd.simulate(model, doses, times=DAYS, rtol=1e-8, atol=1e-12)["RO"], color=color)
    ax.axhline(0.5, color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="time (day)", ylabel="fraction of PD-L1 occupied", ylim=(0, 1.02))
