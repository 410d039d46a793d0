"""TIPD: tumor and immune response under an antibody with saturable elimination; not stiff.

    dA1/dt = -(CL/V1) A1 - (Q/V1) A1 + (Q/V2) A2 - Vmax C/(Km + C)
    dA2/dt =  (Q/V1) A1 - (Q/V2) A2
    C = A1/V1,  RO = C/(KD + C)

and the four states of `immune`.

Source: illustrative, made for benchmarks.  1500 mg every 4 weeks for a year, weekly
outputs; the members range from complete response to progression.
"""

from benchmarks.cases.case import Case
from benchmarks.cases.immune import INVENTED, immune
from pkpd import Model, compose, dose, param, state

CL = param("CL", 0.25, "L/day", "linear clearance", source=INVENTED)
V1 = param("V1", 3.5, "L", "central volume", source=INVENTED)
Q = param("Q", 0.6, "L/day", "intercompartmental clearance", source=INVENTED)
V2 = param("V2", 2.8, "L", "peripheral volume", source=INVENTED)
Vmax = param("Vmax", 12, "mg/day", "largest rate of saturable elimination", source=INVENTED)
Km = param("Km", 2, "mg/L", "concentration at half the maximal rate", source=INVENTED)
KD = param("KD", 8, "mg/L", "concentration at half of the occupancy", source=INVENTED)

A1 = state("A1", "mg", "antibody, central")
A2 = state("A2", "mg", "antibody, peripheral")

C = A1 / V1

antibody = Model(
    "antibody",
    rates={
        A1: -CL / V1 * A1 - Q / V1 * A1 + Q / V2 * A2 - Vmax * C / (Km + C),
        A2: Q / V1 * A1 - Q / V2 * A2,
    },
    outputs={"RO": C / (KD + C)},
    routes={"iv": {A1: A1 + dose("mg")}},
)

case = Case(
    name="tipd",
    title="TIPD, 6 states, not stiff",
    model=compose("tipd", antibody, immune),
    route="iv",
    amount=1500.0,
    interval=28.0,
    doses=13,
    stores=4,
    spread={
        "CL": 0.4, "V1": 0.3, "Vmax": 0.5, "KD": 0.6, "kg": 0.5, "kkill": 0.5,
        "kin": 0.5, "kpro": 0.3, "ksup": 0.6, "kout": 0.3, "kS": 0.5, "kG": 0.6,
    },
    seed=7,
)  # fmt: skip
