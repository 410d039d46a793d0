"""Tumor and effector cells, with dormancy and escape.

    dE/dt = s + p E T/(g + T) - m E T - d E
    dT/dt = a T (1 - b T) - n E T

Source: Kuznetsov VA, Makalkin IA, Taylor MA, Perelson AS. Nonlinear dynamics of
immunogenic tumors: parameter estimation and global bifurcation analysis. Bull Math Biol
56:295-321 (1994). Values as in BioModels BIOMD0000000762.

The values describe the BCL1 lymphoma in the spleen of chimeric mice, without treatment.
There are two stable states: a small dormant tumor held by effectors, and a large one near
1/b that has escaped.  The tumor-free state is unstable, so the tumor is never eradicated.
"""

from pkpd import Model, param, state

SBML = "Kuznetsov 1994, as in BIOMD0000000762"

s = param("s", 13000, "cell/day", "influx of effector cells", source=SBML, bounds=(0, None))
p = param("p", 0.1245, "1/day", "largest rate of effector recruitment by the tumor", source=SBML, bounds=(0, None))
g = param("g", 2.019e7, "cell", "tumor size at half the maximal rate", source=SBML, bounds=(0, None))
m = param("m", 3.422e-10, "1/cell/day", "inactivation of effectors by tumor cells", source=SBML, bounds=(0, None))
d = param("d", 0.0412, "1/day", "death of effector cells", source=SBML, bounds=(0, None))
a = param("a", 0.18, "1/day", "tumor growth rate", source=SBML, bounds=(0, None))
b = param("b", 2.0e-9, "1/cell", "inverse of the tumor's carrying capacity", source=SBML, bounds=(0, None))
n = param("n", 1.101e-7, "1/cell/day", "killing of tumor cells by effectors", source=SBML, bounds=(0, None))

E0 = param("E0", 3.2e5, "cell", "effector cells at the start", source=SBML, bounds=(0, None))
T0 = param("T0", 5e6, "cell", "tumor cells at the start", source=SBML, bounds=(0, None))

E = state("E", "cell", "effector cells", start=E0)
T = state("T", "cell", "tumor cells", start=T0)

model = Model(
    "kuznetsov_1994",
    rates={
        E: s + p * E * T / (g + T) - m * E * T - d * E,
        T: a * T * (1 - b * T) - n * E * T,
    },
)
