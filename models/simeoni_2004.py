"""Xenografts under chemotherapy: cells that the drug hits die late.

    dx1/dt = lambda0 x1/(1 + (lambda0 w/lambda1)^psi)^(1/psi) - k2 C x1,    x1(0) = w0
    dx2/dt = k2 C x1 - k1 x2
    dx3/dt = k1 (x2 - x3)
    dx4/dt = k1 (x3 - x4)
    w = x1 + x2 + x3 + x4

A part: it takes C (mg/L) from a pharmacokinetic part, and runs untreated without one.  x1 are
cycling cells, the others cells on the way to death, which takes 3/k1 on average.  A constant
concentration above lambda0/k2 eradicates the tumor in the end.

Source: Simeoni M, Magni P, Cammia C et al. Predictive pharmacokinetic-pharmacodynamic modeling
of tumor growth kinetics in xenograft models after administration of anticancer agents. Cancer
Res 64:1094-1101 (2004): paclitaxel against A2780.  The paper's Table 2 was read in copies of it.
nlmixr2lib's oncology_xenograft_simeoni_2004 has these rates and calls them experiment 1.  Lestini G,
Mentre F, Magni P (AAPS J 18:1233-1243, 2016, PMC5660732, Table I, as the verification dossier of the
dataset onkos quotes it) has the same ones as experiment 4, with the start w0 = 0.055 g, and beside them
an experiment 3, here the alternative `experiment_3` of lambda0, lambda1 and w0: set the three together.

k2 is printed as 6.29e-4 per ng/mL and day; 1000 ng/mL are 1 mg/L.
"""

from pkpd import Model, given, output, param, state

TABLE = "Simeoni 2004, Table 2, paclitaxel, as in nlmixr2lib; Lestini 2016, Table I"
LESTINI = "Lestini 2016, Table I, as quoted by onkos: paclitaxel, experiment"
POSITIVE = (0, None)

C = given("C", "mg/L", "drug in plasma", default=0)

w0 = param(
    "w0", 0.055, "g", "tumor mass at the start", source=f"{LESTINI} 4", bounds=POSITIVE,
    alternatives={"experiment_3": (0.033, "g", f"{LESTINI} 3")},
)  # fmt: skip
lambda0 = param(
    "lambda0", 0.273, "1/day", "rate of exponential growth", source=TABLE, bounds=POSITIVE,
    alternatives={"experiment_3": (0.311, "1/day", f"{LESTINI} 3")},
)  # fmt: skip
lambda1 = param(
    "lambda1", 0.814, "g/day", "rate of linear growth", source=TABLE, bounds=POSITIVE,
    alternatives={"experiment_3": (0.656, "g/day", f"{LESTINI} 3")},
)  # fmt: skip
psi = param("psi", 20, "1", "sharpness of the turn", source="Simeoni 2004 (fixed)", bounds=POSITIVE)
k1 = param("k1", 0.968, "1/day", "rate of the steps to death", source=TABLE, bounds=POSITIVE)
k2 = param("k2", 0.629, "L/mg/day", "potency of the drug", source=TABLE, bounds=POSITIVE)

x1 = state("x1", "g", "cycling cells", start=w0)
x2 = state("x2", "g", "damaged cells, first stage")
x3 = state("x3", "g", "damaged cells, second stage")
x4 = state("x4", "g", "damaged cells, third stage")
w = x1 + x2 + x3 + x4

model = Model(
    "simeoni_2004",
    rates={
        x1: lambda0 * x1 / (1 + (lambda0 * w / lambda1) ** psi) ** (1 / psi) - k2 * C * x1,
        x2: k2 * C * x1 - k1 * x2,
        x3: k1 * (x2 - x3),
        x4: k1 * (x3 - x4),
    },
    outputs={"w": output(w, "tumor mass, cycling and damaged cells")},
)
