"""BCG in superficial bladder cancer, held down by checkpoints.

    dC/dt = r C - alpha1 E C/(P + k)
    dE/dt = (a1 C + a2 B) E/(P + k) - alpha2 E C - mu1 E
    dB/dt = -alpha3 E B - mu2 B
    dP/dt = delta - mu3 P
    bcg:  B -> B + dose

Source: Saad FT, Hincal E, Kaymakamzade B. Dynamics of immune checkpoints, immune system, and
BCG in the treatment of superficial bladder cancer. Comput Math Methods Med 2017:3573082
(2017), doi 10.1155/2017/3573082, equations 1 to 5. Values as in BioModels BIOMD0000000746.

The paper's constant instillation b = 650000 a day is an infusion on the route `bcg`.

Two defects of the public SBML: it starts without effectors, and every gain of effectors is
in proportion to those there are, so that its immune system never acts; and the unit of its
rates is a tenth of the day of its clock.  With the SBML's 1e5 tumor cells any effectors at
all multiply by 8.6 a day and clear the tumor untreated, the reverse of the paper's Fig 1.
C0 and E0 here are illustrative.

Checkpoints are a pure number, as is k.  The state without tumor is stable under BCG, with
E = (b - mu2 B)/(alpha3 B) at B = mu1 (P + k)/a2, while r < alpha1 E/(P + k).
"""

from pkpd import Model, dose, output, param, state

SBML = "Saad 2017, as in BIOMD0000000746"
POSITIVE = (0, None)

r = param("r", 0.0033, "1/day", "tumor growth rate", source=SBML, bounds=POSITIVE)
alpha1 = param("alpha1", 1.1e-7, "1/cell/day", "killing of tumor by effectors, times k", source=SBML, bounds=POSITIVE)
a1 = param("a1", 0.25, "1/cell/day", "activation of effectors by tumor, times k", source=SBML, bounds=POSITIVE)
a2 = param("a2", 0.052, "1/cell/day", "activation of effectors by BCG, times k", source=SBML, bounds=POSITIVE)
alpha2 = param("alpha2", 3.45e-10, "1/cell/day", "inactivation of effectors by tumor", source=SBML, bounds=POSITIVE)
alpha3 = param("alpha3", 1.25e-7, "1/cell/day", "elimination of BCG by effectors", source=SBML, bounds=POSITIVE)
mu1 = param("mu1", 0.041, "1/day", "death of effectors", source=SBML, bounds=POSITIVE)
mu2 = param("mu2", 0.1, "1/day", "death of BCG", source=SBML, bounds=POSITIVE)
mu3 = param("mu3", 166.32, "1/day", "loss of checkpoints", source=SBML, bounds=POSITIVE)
delta = param("delta", 151932, "1/day", "source of checkpoints", source=SBML, bounds=POSITIVE)
k = param("k", 2000, "1", "checkpoints that halve the effectors' action", source=SBML, bounds=POSITIVE)

C0 = param(
    "C0", 100, "cell", "tumor cells at the start", source="illustrative: what surgery left", bounds=POSITIVE,
    alternatives={"SBML": (1e5, "cell", SBML)},
)  # fmt: skip
E0 = param("E0", 1000, "cell", "effectors at the start", source="illustrative: 0 in the SBML", bounds=POSITIVE)

C = state("C", "cell", "tumor cells", start=C0)
E = state("E", "cell", "effector cells", start=E0)
B = state("B", "cell", "BCG in the bladder")
P = state("P", "1", "immune checkpoints, all lumped")

model = Model(
    "saad_2017",
    rates={
        C: r * C - alpha1 * E * C / (P + k),
        E: (a1 * C + a2 * B) * E / (P + k) - alpha2 * E * C - mu1 * E,
        B: -alpha3 * E * B - mu2 * B,
        P: delta - mu3 * P,
    },
    outputs={"suppression": output(P / (P + k), "fraction of the effectors' action that checkpoints take")},
    routes={"bcg": {B: B + dose("cell")}},
)
