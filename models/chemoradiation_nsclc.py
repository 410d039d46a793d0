"""Chemoradiation of stage III lung cancer: gross and occult disease, and death.

    dln_gross/dt  = alive_gross (rho (ln_max - ln_gross) - kchemo chemo - kill_gross)
    dln_occult/dt = alive_occult (rho (ln_max - ln_occult) - kchemo chemo - kill_occult)
    dchemo/dt = -kel_chemo chemo
    dD/dt = kill_gross V_gross - kcl D,    dF/dt = 0                 killed tumor, and the scar
    dH/dt = h0 + h1 B/(B50 + B)                                      hazard of death
    V_i = alive_i v_cell exp(ln_i),    B = V_gross + V_occult        living tumor
    a fraction of d Gy to gross disease:    S = exp(-alpha d (1 + d/ab))
      ln_gross -> ln_gross + ln(S)
      D -> D + (1 - scar) (1 - S) V_gross,    F -> F + scar (1 - S) V_gross
    when ln_i < 0, less than one cell:  alive_i -> 0;    when H > H_death:  dead -> 1
    dalive_gross/dt = dalive_occult/dt = ddead/dt = 0 between events
    diameter of a volume:   (6/pi (V_gross + D + F))^(1/3)

ln_gross and ln_occult are the logarithms of the living cells of gross disease and of the largest occult
metastasis, on which Gompertz growth, dV/dt = rho V ln(Vmax/V), and kill are linear.

Patients relapse in the field, where radiosensitivity alpha is low, and outside of it, from occult
metastases, of which the largest is followed: under growth and kill that are the same for all it stays
the largest, so that it is the first that a scan shows.  Radiosensitivity goes along with growth over
patients (correlation 0.87), which is a statement about a population; see `pkpd.fits.pacific`, where
this model is calibrated and used.

Source: Geng C, Paganetti H, Grassberger C, Sci Rep 7:13542 (2017), as in public simulators of that
model (cancer_simulation.py): Gompertz growth toward a ball of 30 cm, linear-quadratic kill with
alpha/beta of 10 Gy, log-kill by chemotherapy of 5 mg/m^3 a dose with a half-life of a day.  Occult
metastases, the scar, and a hazard of death that saturates with the living burden are additions, where
Geng's patients die at a diameter of 13 cm; an illustrative choice.

Tumors grow from day 0 to the first fraction (`start`) as they would untreated; `diameter_gross` and
`diameter_occult` are those at the first fraction.  No reoxygenation, no accelerated repopulation, no
geographic miss; a metastasis beside the largest counts in no burden; dead metastases leave no scar.
`kill_gross` and `kill_occult` are those of a part to come, such as `released_effectors`; 0 without one.

Allowed: negative-state of ln_gross, which is a logarithm.

Allowed: negative-state of ln_occult, which is a logarithm.

Allowed: negative-state of radiation, which lowers one.
"""

from sympy import Piecewise, exp, log, pi

from pkpd import Event, Model, dose, given, output, param, state

GENG = "Geng 2017, as in public simulators of it (cancer_simulation.py)"
CALIBRATED = "calibrated by pkpd.fits.pacific, which has its distribution over patients; here a round number"
QSPIO = "QSPIO-TNBC parameters_NSCLC.m"
POSITIVE = (0, None)

kill_gross = given("kill_gross", "1/day", "further kill of gross disease", default=0)
kill_occult = given("kill_occult", "1/day", "further kill of occult disease", default=0)

rho = param("rho", 0.0015, "1/day", "rate at which growth slows", bounds=POSITIVE, source=CALIBRATED,
            alternatives={"Geng_2017": (7.0e-5, "1/day", f"{GENG}: mean before truncation, SD 0.00723")})  # fmt: skip
diameter_max = param("diameter_max", 300, "mm", "diameter at which growth stops", bounds=POSITIVE, source=GENG)
v_cell = param("v_cell", 2.527e-6, "mm^3", "volume of a cell", bounds=POSITIVE,
               source=f"computed from {QSPIO}: a ball of 16.9 um (D_cell)")  # fmt: skip
diameter_gross = param("diameter_gross", 40, "mm", "diameter of gross disease at the first fraction",
                       bounds=POSITIVE, source=CALIBRATED)  # fmt: skip
diameter_occult = param("diameter_occult", 2, "mm", "diameter of the largest occult metastasis then",
                        bounds=POSITIVE, source=CALIBRATED)  # fmt: skip
metastatic = param("metastatic", 1, "1", "1 with occult metastases, 0 without", bounds=(0, 1),
                   source="a patient's own: with them, unless said")  # fmt: skip
start = param("start", 0, "day", "day of the first fraction", bounds=POSITIVE, source="a choice of the regimen")

alpha = param("alpha", 0.3, "1/Gy", "linear coefficient of radiation kill", bounds=POSITIVE, source=CALIBRATED,
              alternatives={"Geng_2017": (0.0398, "1/Gy", f"{GENG}: mean before truncation, SD 0.168")})  # fmt: skip
ab = param("ab", 10, "Gy", "alpha/beta", bounds=POSITIVE, source=GENG)
kchemo = param("kchemo", 0.14, "1/day", "kill by one dose of chemotherapy", bounds=POSITIVE,
               source=f"computed from {GENG}: 0.028 m^3/mg/day, 5 mg/m^3")  # fmt: skip
kel_chemo = param("kel_chemo", 0.693, "1/day", "elimination of chemotherapy", bounds=POSITIVE,
                  source=f"computed from {GENG}: half-life 1 day")  # fmt: skip
kcl = param(
    "kcl", 0.1, "1/day", "clearance of killed tumor", bounds=POSITIVE, source=f"{QSPIO} (k_cell_clear), estimated there"
)
scar = param("scar", 0.3, "1", "share of irradiated tumor that is replaced by a scar", bounds=(0, 1),
             source="illustrative: a remnant of two thirds of the diameter")  # fmt: skip

h0 = param("h0", 5e-5, "1/day", "hazard of death without tumor", bounds=POSITIVE,
           source="illustrative: 2 % a year")  # fmt: skip
h1 = param("h1", 1.2e-3, "1/day", "largest hazard of death by tumor", bounds=POSITIVE, source=CALIBRATED)
B50 = param("B50", 11, "mm^3", "living tumor at half of it", bounds=POSITIVE, source=CALIBRATED)
H_death = param("H_death", 1e9, "1", "cumulative hazard at which the patient dies", bounds=POSITIVE,
                source="a patient's own draw, exponential with mean 1; here none dies")  # fmt: skip

ln_max = log(pi / 6 * diameter_max**3 / v_cell)


def _start(diameter):  # type: ignore[no-untyped-def]
    """ln(n) at time 0 of a tumor that has this diameter at the first fraction."""
    return ln_max + (log(pi / 6 * diameter**3 / v_cell) - ln_max) * exp(rho * start)


ln_gross = state("ln_gross", "1", "ln of the living cells of gross disease", start=_start(diameter_gross))
ln_occult = state("ln_occult", "1", "ln of the cells of the largest metastasis", start=_start(diameter_occult))
alive_gross = state("alive_gross", "1", "1 until gross disease is extinct, then 0", start=1)
alive_occult = state("alive_occult", "1", "1 until the metastasis is extinct, then 0", start=metastatic)
chemo = state("chemo", "1", "chemotherapy, in doses")
D = state("D", "mm^3", "killed gross disease, not yet cleared")
F = state("F", "mm^3", "scar of gross disease")
H = state("H", "1", "cumulative hazard of death")
dead = state("dead", "1", "0, or 1 from the day of death on")

V_gross = alive_gross * v_cell * exp(ln_gross)
V_occult = alive_occult * v_cell * exp(ln_occult)
B = V_gross + V_occult

d = dose("Gy")
S = exp(-alpha * d * (1 + d / ab))


def diameter(volume):  # type: ignore[no-untyped-def]
    """The diameter of a ball; 0 of none."""
    return Piecewise(((6 * volume / pi) ** (1 / 3), volume > 0), (0, True))


model = Model(
    "chemoradiation_nsclc",
    rates={
        ln_gross: alive_gross * (rho * (ln_max - ln_gross) - kchemo * chemo - kill_gross),
        ln_occult: alive_occult * (rho * (ln_max - ln_occult) - kchemo * chemo - kill_occult),
        alive_gross: 0,
        alive_occult: 0,
        chemo: -kel_chemo * chemo,
        D: kill_gross * V_gross - kcl * D,
        F: 0,
        H: h0 + h1 * B / (B50 + B),
        dead: 0,
    },
    outputs={
        "V_gross": output(V_gross, "living gross disease"),
        "V_occult": output(V_occult, "largest metastasis"),
        "diameter": output(diameter(V_gross + D + F), "diameter of gross disease, living, dead and scar"),
        "diameter_living": output(diameter(V_gross), "diameter of what lives of it"),
        "diameter_metastasis": output(diameter(V_occult), "diameter of the largest metastasis"),
        "survival": output(exp(-H), "probability of survival"),
    },
    routes={
        "radiation": {
            ln_gross: ln_gross - alpha * d * (1 + d / ab),
            D: D + (1 - scar) * (1 - S) * V_gross,
            F: F + scar * (1 - S) * V_gross,
        },
        "chemo": {chemo: chemo + dose("1")},
    },
    events=[
        Event(when=ln_gross < 0, then={alive_gross: 0}),
        Event(when=ln_occult < 0, then={alive_occult: 0}),
        Event(when=H > H_death, then={dead: 1}),
    ],
)
