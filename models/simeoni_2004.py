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
Res 64:1094-1101 (2004), Table 2, paclitaxel in experiment 1; as in nlmixr2lib's
oncology_xenograft_simeoni_2004.  The start is illustrative.

k2 is printed as 6.29e-4 per ng/mL
and day; 1000 ng/mL are 1 mg/L.
"""

from pkpd import Model, given, output, param, state

TABLE = "Simeoni 2004, Table 2, paclitaxel in experiment 1, as in nlmixr2lib"
POSITIVE = (0, None)

C = given("C", "mg/L", "drug in plasma", default=0)

w0 = param("w0", 0.1, "g", "tumor mass at the start", source="illustrative", bounds=POSITIVE)
lambda0 = param("lambda0", 0.273, "1/day", "rate of exponential growth", source=TABLE, bounds=POSITIVE)
lambda1 = param("lambda1", 0.814, "g/day", "rate of linear growth", source=TABLE, bounds=POSITIVE)
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
