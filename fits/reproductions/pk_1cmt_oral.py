"""The time of the peak, ln(ka/k)/(ka - k), and which of the two constants the terminal slope shows.

Closed forms of first-order absorption into one compartment (Gibaldi and Perrier 1982, chapter 1;
Bateman's function).  A: courses by the absorption constant, with the peaks in closed form.
B: the terminal half-life is ln 2 over the smaller constant: below ka = k it is that of
absorption (flip-flop).
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, OKABE_ITO, RED
from pkpd.fits.reproductions.pk_1cmt import CL, V, concentration, dosed

DOSE, K = 300.0, CL / V
KA = np.array([0.02, 0.2, 1.0])
DAYS = np.linspace(0, 30, 6001)
ORAL = pkpd.bolus(DOSE, "oral")


def reproduction():
    """Peaks of three absorption constants, bioavailability, flip-flop."""
    C = concentration("pk_1cmt_oral", ORAL, DAYS, ka=KA)
    areas = [
        float(pkpd.exposure(dosed("pk_1cmt_oral", d, np.linspace(0, 300, 6001), F=0.6))["auc_inf"][0]) for d in ROUTES
    ]
    one, other = concentration("pk_1cmt_oral", ORAL, [10.0], ka=[0.2, K], CL=CL, V=[V, CL / 0.2])[:, 0]
    claims = (
        *(
            pkpd.Claim(f"time of the peak, ka = {ka:g} /day (day)", tmax(ka), DAYS[c.argmax()], "ln(ka/k)/(ka-k)", 1e-3)
            for ka, c in zip(KA, C, strict=True)
        ),
        pkpd.Claim(
            "peak, ka = 0.2 /day (mg/L)", DOSE / V * np.exp(-K * tmax(0.2)), C[1].max(), "dose/V exp(-k tmax)", 1e-4
        ),
        pkpd.Claim("oral area over that of a bolus, F = 0.6", 0.6, areas[0] / areas[1], "closed form: F", 1e-4),
        pkpd.Claim("C on day 10 over that with ka and k exchanged, V = CL/ka", 1, one / other, "flip-flop", 1e-6),
        pkpd.Claim("terminal half-life, ka = 0.02 /day (day)", np.log(2) / 0.02, terminal([0.02])[0], "ln 2/ka", 1e-3),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw_courses(ax, C), draw_terminal))


ROUTES = (ORAL, pkpd.bolus(DOSE, "iv"))


def tmax(ka):
    return np.log(ka / K) / (ka - K)


def terminal(ka):
    """Terminal half-lives, measured from the simulated courses."""
    t = np.linspace(0, 900, 1801)
    run = pkpd.simulate(
        pkpd.load("pk_1cmt_oral"), ORAL, times=t, parameters={"ka": np.asarray(ka)}, rtol=1e-10, atol=1e-30
    )
    C = run["C"].to_numpy()
    return np.log(2) * 200 / np.log(C[:, 1000] / C[:, 1400])


def draw_courses(ax, C):
    for ka, c, color in zip(KA, C, OKABE_ITO, strict=False):
        ax.plot(DAYS, c, color=color, label=f"$k_a$ = {ka:g} /day")
        ax.plot(tmax(ka), DOSE / V * np.exp(-K * tmax(ka)), "o", color=color, markerfacecolor="white")
    ax.plot([], [], "o", color=GRAY, markerfacecolor="white", label="peak, closed form")
    ax.set(xlabel="time (day)", ylabel="concentration (mg/L)", ylim=(0, 100))
    ax.legend(loc="upper right")


def draw_terminal(ax):
    ka = np.geomspace(0.01, 1, 13)
    ax.loglog(ka, terminal(ka), "o", color=BLUE, label="here")
    ax.loglog(ka, np.log(2) / np.minimum(ka, K), color=RED, linestyle="--", linewidth=0.8, label="ln 2/min($k_a$, $k$)")
    ax.axvline(K, color=GRAY, linestyle=":", linewidth=0.8)
    ax.text(K * 1.08, 60, "$k_a = k$", color=GRAY)
    ax.set(xlabel="absorption constant (1/day)", ylabel="terminal half-life (day)", ylim=(5, 150))
    ax.legend()
