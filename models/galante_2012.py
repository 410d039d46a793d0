"""Lysis of tumor cells by cytotoxic T cells in vitro, under B7-H1.

    dC/dt = k C - k5 C^2 - k1 C E + k2 X - k4 P C
    dX/dt = k1 C E - k2 X - k3 X
    dP/dt = kp E/((km1 + E) km2 C) - k4 P C
    dG/dt = k G - k5 G^2
    E     = E0 - X
    lysis = 100 (G - C - X)/G

Source: Galante A, Tamada K, Levy D. B7-H1 and a mathematical model for cytotoxic T cell and
tumor cell interaction. Bull Math Biol 74:91-102 (2012), doi 10.1007/s11538-011-9665-1.
Equations and values as in BioModels BIOMD0000000812.

Time is in hours, and cells are multiples of the tumor cells at the start, as in a chromium
release assay.  B7-H1 is PD-L1.  Tumor cells hold down the release of perforin: its rate is
1/C, as curated, and diverges where no tumor is left; valid while C stays well above zero.

G is the same tumor without T cells, against which lysis is counted.  The SBML's k6 = 0.63 and
k_m = 1 are used nowhere, and are left out.  An assay has no treatments, so there is no route.
"""

from pkpd import Model, output, param, state

SBML = "Galante 2012, as in BIOMD0000000812"
POSITIVE = (0, None)

k = param("k", 0.035, "1/hour", "tumor growth rate", source=SBML, bounds=POSITIVE)
k1 = param("k1", 1e-4, "1/hour", "binding of T cells to tumor cells", source=SBML, bounds=POSITIVE)
k2 = param("k2", 1e-4, "1/hour", "dissociation of the two", source=SBML, bounds=POSITIVE)
k3 = param("k3", 1e-4, "1/hour", "death of bound tumor cells", source=SBML, bounds=POSITIVE)
k4 = param("k4", 3, "1/hour", "killing by perforin", source=SBML, bounds=POSITIVE)
k5 = param("k5", 0.003, "1/hour", "competition between tumor cells", source=SBML, bounds=POSITIVE)
kp = param("kp", 0.097, "1/hour", "release of perforin", source=SBML, bounds=POSITIVE)
km1 = param("km1", 2.2, "1", "T cells at half the maximal release", source=SBML, bounds=POSITIVE)
km2 = param("km2", 80, "1", "restraint of that release by tumor cells", source=SBML, bounds=POSITIVE)
E0 = param("E0", 1, "1", "T cells for each tumor cell at the start", source=SBML, bounds=POSITIVE)
P0 = param("P0", 0.315, "1", "perforin at the start", source=SBML, bounds=POSITIVE)

C = state("C", "1", "free tumor cells", start=1)
X = state("X", "1", "tumor cells bound to T cells")
P = state("P", "1", "perforin in action", start=P0)
G = state("G", "1", "tumor cells in a control without T cells", start=1)

E = E0 - X
binding = k1 * C * E - k2 * X

model = Model(
    "galante_2012",
    rates={
        C: k * C - k5 * C**2 - binding - k4 * P * C,
        X: binding - k3 * X,
        P: kp * E / ((km1 + E) * km2 * C) - k4 * P * C,
        G: k * G - k5 * G**2,
    },
    outputs={"lysis": output(100 * (G - C - X) / G, "percent of tumor cells lysed")},
    time="hour",
)
