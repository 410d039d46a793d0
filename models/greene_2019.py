"""Resistance that a drug itself induces.

    dS/dt = (1 - S - R) S - (eps + alpha u) S - d u S
    dR/dt = p_r (1 - S - R) R + (eps + alpha u) S
    u = dose/duration on the route `drug`

Source: Greene JM, Gevertz JL, Sontag ED. Mathematical approach to differentiate spontaneous
and induced evolution to drug resistance during cancer treatment. JCO Clin Cancer Inform 3
(2019), doi 10.1200/CCI.18.00087, equations 4 and 5; BioModels BIOMD0000000825.

Dimensionless: S and R in units of the carrying capacity, time in units of the growth of
sensitive cells.  The level u of the drug times how long it is held is a dose.  A tumor is
detected at S + R = 0.1, and has failed treatment at 0.9.  ``alpha=0`` is a drug that induces
no resistance.

With u = 1.5 from detection on, a drug that induces none fails after about 90.  Pulsed (1 on,
3 off) the paper says about 14, where the third peak reaches 0.898; the fourth passes 0.9.  A
drug that induces resistance lasts longer pulsed.  The SBML's event turns the drug on at
detection and never off, which is the first of these protocols.
"""

from pkpd import Model, input_rate, output, param, state

SBML = "Greene 2019, as in BIOMD0000000825"
POSITIVE = (0, None)

eps = param("eps", 1e-6, "1", "spontaneous resistance", source=SBML, bounds=POSITIVE)
alpha = param(
    "alpha", 0.01, "1", "resistance induced by the drug", source=SBML, bounds=POSITIVE,
    alternatives={"preserving": (0, "1", "Greene 2019, section Constant versus pulsed therapy")},
)  # fmt: skip
d = param("d", 1, "1", "killing of sensitive cells by the drug", source=SBML, bounds=POSITIVE)
p_r = param("p_r", 0.2, "1", "growth of resistant cells beside sensitive ones", source=SBML, bounds=(0, 1))
S0 = param("S0", 0.01, "1", "sensitive cells at the start", source=SBML, bounds=(0, 1))

S = state("S", "1", "sensitive tumor cells", start=S0)
R = state("R", "1", "resistant tumor cells")
u = input_rate("u", "1", "level of the drug")

room = 1 - S - R
turning = (eps + alpha * u) * S

model = Model(
    "greene_2019",
    rates={S: room * S - turning - d * u * S, R: p_r * room * R + turning},
    outputs={"V": output(S + R, "all tumor cells")},
    routes={"drug": u},
    time="1",
)
