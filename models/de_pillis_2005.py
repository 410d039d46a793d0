"""Tumor, natural killer and CD8+ T cells.

    dT/dt = a T (1 - b T) - c N T - D T
    dN/dt = sigma - f N + g N T^2/(h + T^2) - p N T
    dL/dt = -m L + j L (D T)^2/(k + (D T)^2) - q L T + r N T
    D     = d x^l/(s + x^l),    x = L/T
    til:  L -> L + dose

Source: de Pillis LG, Radunskaya AE, Wiseman CL. A validated mathematical model of
cell-mediated immune response to tumor growth. Cancer Res 65:7950-7958 (2005), doi
10.1158/0008-5472.CAN-05-0564. Values as in BioModels MODEL1907260001.

Killing by CD8+ T cells depends on their ratio to the tumor, and saturates at d.  Here it is
0 where one of the two is absent, where the ratio has no meaning.  The public SBML agrees
with the equations; a tumor surface that it computes too is used nowhere.

The values describe mice.  The route `til`, CD8+ T cells given at once, is not in the paper.
"""

from sympy import And, Piecewise

from pkpd import Model, dose, output, param, state

SBML = "de Pillis 2005, as in MODEL1907260001"
POSITIVE = (0, None)

a = param("a", 0.514, "1/day", "tumor growth rate", source=SBML, bounds=POSITIVE)
b = param("b", 1.02e-9, "1/cell", "inverse of the tumor's carrying capacity", source=SBML, bounds=POSITIVE)
c = param("c", 3.23e-7, "1/cell/day", "killing of tumor by natural killer cells", source=SBML, bounds=POSITIVE)
d = param("d", 1.43, "1/day", "largest killing of tumor by CD8+ T cells", source=SBML, bounds=POSITIVE)
l = param("l", 0.58, "1", "exponent of killing by CD8+ T cells", source=SBML, bounds=POSITIVE)
s = param("s", 2.73, "1", "(L/T)^l at half of the largest killing", source=SBML, bounds=POSITIVE)
sigma = param("sigma", 13000, "cell/day", "influx of natural killer cells", source=SBML, bounds=POSITIVE)
f = param("f", 0.0412, "1/day", "death of natural killer cells", source=SBML, bounds=POSITIVE)
g = param("g", 0.025, "1/day", "largest recruitment of natural killer cells", source=SBML, bounds=POSITIVE)
h = param("h", 2.02e7, "cell^2", "square of the tumor at half the maximal recruitment", source=SBML, bounds=POSITIVE)
p = param("p", 1e-7, "1/cell/day", "inactivation of natural killer cells by tumor", source=SBML, bounds=POSITIVE)
m = param("m", 0.02, "1/day", "death of CD8+ T cells", source=SBML, bounds=POSITIVE)
j = param("j", 0.0375, "1/day", "largest recruitment of CD8+ T cells", source=SBML, bounds=POSITIVE)
k = param(
    "k",
    2.02e7,
    "cell^2/day^2",
    "square of the killing rate at half the maximal recruitment",
    source=SBML,
    bounds=POSITIVE,
)
q = param("q", 3.42e-10, "1/cell/day", "inactivation of CD8+ T cells by tumor", source=SBML, bounds=POSITIVE)
r = param("r", 1.1e-7, "1/cell/day", "priming of CD8+ T cells by tumor killed", source=SBML, bounds=POSITIVE)

T0 = param("T0", 100, "cell", "tumor cells at the start", source=SBML, bounds=POSITIVE)
N0 = param("N0", 1000, "cell", "natural killer cells at the start", source=SBML, bounds=POSITIVE)

T = state("T", "cell", "tumor cells", start=T0)
N = state("N", "cell", "natural killer cells", start=N0)
L = state("L", "cell", "CD8+ T cells")

D = Piecewise((d / (1 + s * (T / L) ** l), And(L > 0, T > 0)), (0, True))
killed = D * T

model = Model(
    "de_pillis_2005",
    rates={
        T: a * T * (1 - b * T) - c * N * T - killed,
        N: sigma - f * N + g * N * T**2 / (h + T**2) - p * N * T,
        L: -m * L + j * L * killed**2 / (k + killed**2) - q * L * T + r * N * T,
    },
    outputs={"D": output(D, "killing of a tumor cell by CD8+ T cells", "1/day")},
    routes={"til": {L: L + dose("cell")}},
)
