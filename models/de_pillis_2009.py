"""Chemotherapy, interleukin-2 and T cell transfer in a patient.

    dT/dt = a T (1 - b T) - c N T - D T - K_T (1 - exp(-delta_T M)) T
    dN/dt = f (ef C - N) - p N T + p_N N I/(g_N + I) - K_N (1 - exp(-delta_N M)) N
    dL/dt = -theta m L/(theta + I) + j L T/(k + T) - q L T + (r1 N + r2 C) T
            - u L^2 C I/(kappa + I) + p_I L I/(g_I + I) - K_L (1 - exp(-delta_L M)) L
    dC/dt = beta (C_rest - C) - K_C (1 - exp(-delta_C M)) C
    dM/dt = -gamma M
    dI/dt = -mu_I I + phi C + omega L I/(zeta + I)
    D     = d x^l/(s + x^l),    x = L/T (1 L)
    chemo:  M -> M + dose,    il2:  I -> I + dose,    til:  L -> L + dose

Source: de Pillis L, Fister KR, Gu W, Collins C, Daub M, Gross D, Moore J, Preskill B.
Mathematical model creation for cancer chemo-immunotherapy. Comput Math Methods Med
10:165-184 (2009), doi 10.1080/17486700802216301. Values as in BioModels BIOMD0000000779.

The paper fits d, l and s to each patient; the SBML leaves all three at 0, so that its CD8+
T cells kill nothing.  The values here are those of the same term in the same group's model
of 2013, and illustrative: fit or sweep them.

A second defect of the SBML is mended: the turnover of CD8+ T cells, theta m L/(theta + I),
uses phi, the release of interleukin-2, in the place of theta.

T is a number of cells, N, L and C are cells a liter of blood, I is IU a liter, M (doxorubicin)
mg a liter.  Doses are changes of these concentrations, as in the paper; they may be infused.
"""

from sympy import And, Piecewise, exp

from pkpd import Model, dose, output, param, state

SBML = "de Pillis 2009, as in BIOMD0000000779"
OTHER = "illustrative: de Pillis 2013 (BIOMD0000000908); fitted to each patient in 2009, 0 in BIOMD0000000779"
POSITIVE = (0, None)

a = param("a", 0.431, "1/day", "tumor growth rate", source=SBML, bounds=POSITIVE)
b = param("b", 1.02e-9, "1/cell", "inverse of the tumor's carrying capacity", source=SBML, bounds=POSITIVE)
c = param("c", 2.9077e-13, "L/cell/day", "killing of tumor by natural killer cells", source=SBML, bounds=POSITIVE)
d = param("d", 1.7, "1/day", "largest killing of tumor by CD8+ T cells", source=OTHER, bounds=POSITIVE)
l = param("l", 1.7, "1", "exponent of killing by CD8+ T cells", source=OTHER, bounds=POSITIVE)
s = param("s", 0.035, "1", "(L/T)^l at half of the largest killing", source=OTHER, bounds=POSITIVE)
Vu = param("Vu", 1, "L", "volume that makes L/T a pure number", source="the unit of s in the paper", bounds=POSITIVE)

f = param("f", 0.0125, "1/day", "turnover of natural killer cells", source=SBML, bounds=POSITIVE)
ef = param("ef", 0.111, "1", "natural killer cells for each lymphocyte at rest", source=SBML, bounds=POSITIVE)
p = param("p", 2.794e-13, "1/cell/day", "loss of natural killer cells to tumor", source=SBML, bounds=POSITIVE)
p_N = param("p_N", 0.068, "1/day", "largest proliferation of natural killer cells", source=SBML, bounds=POSITIVE)
g_N = param("g_N", 250360, "IU/L", "interleukin-2 at half the maximal effect", source=SBML, bounds=POSITIVE)

m = param("m", 0.009, "1/day", "death of CD8+ T cells without interleukin-2", source=SBML, bounds=POSITIVE)
theta = param("theta", 2.5036e-3, "IU/L", "interleukin-2 that halves this death", source=SBML, bounds=POSITIVE)
q = param("q", 3.422e-10, "1/cell/day", "loss of CD8+ T cells to tumor", source=SBML, bounds=POSITIVE)
r1 = param("r1", 2.9077e-11, "1/cell/day", "priming by tumor that natural killers lysed", source=SBML, bounds=POSITIVE)
r2 = param("r2", 5.8467e-13, "1/cell/day", "activation of lymphocytes by tumor", source=SBML, bounds=POSITIVE)
j = param("j", 0.01245, "1/day", "largest stimulation by tumor debris", source=SBML, bounds=POSITIVE)
k = param("k", 2.019e7, "cell", "tumor at half the maximal stimulation", source=SBML, bounds=POSITIVE)
u = param("u", 4.417e-14, "L^2/cell^2/day", "regulation of CD8+ T cells by lymphocytes", source=SBML, bounds=POSITIVE)
kappa = param("kappa", 2503.6, "IU/L", "interleukin-2 at half the maximal regulation", source=SBML, bounds=POSITIVE)
p_I = param("p_I", 2.971, "1/day", "largest proliferation of CD8+ T cells", source=SBML, bounds=POSITIVE)
g_I = param("g_I", 2503.6, "IU/L", "interleukin-2 at half the maximal effect", source=SBML, bounds=POSITIVE)

beta = param("beta", 0.0063, "1/day", "turnover of lymphocytes", source=SBML, bounds=POSITIVE)
C_rest = param("C_rest", 2.25e9, "cell/L", "lymphocytes at rest, alpha/beta", source=SBML, bounds=POSITIVE)
mu_I = param("mu_I", 11.7427, "1/day", "loss of interleukin-2", source=SBML, bounds=POSITIVE)
phi = param("phi", 2.38405e-7, "IU/cell/day", "release of interleukin-2 by lymphocytes", source=SBML, bounds=POSITIVE)
omega = param("omega", 0.07874, "IU/cell/day", "largest release by CD8+ T cells", source=SBML, bounds=POSITIVE)
zeta = param("zeta", 2503.6, "IU/L", "interleukin-2 at half the maximal effect", source=SBML, bounds=POSITIVE)

gamma = param("gamma", 0.5199, "1/day", "elimination of the drug", source=SBML, bounds=POSITIVE)
K_T = param("K_T", 0.9, "1/day", "largest kill of tumor by the drug", source=SBML, bounds=POSITIVE)
K_N = param("K_N", 0.0675, "1/day", "largest kill of natural killer cells by the drug", source=SBML, bounds=POSITIVE)
K_L = param("K_L", 0.0486, "1/day", "largest kill of CD8+ T cells by the drug", source=SBML, bounds=POSITIVE)
K_C = param("K_C", 0.034, "1/day", "largest kill of lymphocytes by the drug", source=SBML, bounds=POSITIVE)
delta_T = param("delta_T", 1.8328, "L/mg", "sensitivity of tumor to the drug", source=SBML, bounds=POSITIVE)
delta_N = param("delta_N", 1.8328, "L/mg", "sensitivity of natural killer cells", source=SBML, bounds=POSITIVE)
delta_L = param("delta_L", 1.8328, "L/mg", "sensitivity of CD8+ T cells", source=SBML, bounds=POSITIVE)
delta_C = param("delta_C", 1.8328, "L/mg", "sensitivity of lymphocytes", source=SBML, bounds=POSITIVE)

T0 = param("T0", 1e7, "cell", "tumor cells at the start", source=SBML, bounds=POSITIVE)
N0 = param("N0", 2.5e8, "cell/L", "natural killer cells at the start", source=SBML, bounds=POSITIVE)
L0 = param("L0", 526800, "cell/L", "CD8+ T cells at the start", source=SBML, bounds=POSITIVE)
I0 = param("I0", 1073, "IU/L", "interleukin-2 at the start", source=SBML, bounds=POSITIVE)

T = state("T", "cell", "tumor cells", start=T0)
N = state("N", "cell/L", "natural killer cells", start=N0)
L = state("L", "cell/L", "CD8+ T cells", start=L0)
C = state("C", "cell/L", "other lymphocytes", start=C_rest)
M = state("M", "mg/L", "chemotherapeutic drug in blood")
I = state("I", "IU/L", "interleukin-2 in blood", start=I0)

D = Piecewise((d / (1 + s * (T / (Vu * L)) ** l), And(L > 0, T > 0)), (0, True))

model = Model(
    "de_pillis_2009",
    rates={
        T: a * T * (1 - b * T) - c * N * T - D * T - K_T * (1 - exp(-delta_T * M)) * T,
        N: f * (ef * C - N) - p * N * T + p_N * N * I / (g_N + I) - K_N * (1 - exp(-delta_N * M)) * N,
        L: (
            -theta * m * L / (theta + I) + j * L * T / (k + T) - q * L * T + (r1 * N + r2 * C) * T
            - u * L**2 * C * I / (kappa + I) + p_I * L * I / (g_I + I) - K_L * (1 - exp(-delta_L * M)) * L
        ),
        C: beta * (C_rest - C) - K_C * (1 - exp(-delta_C * M)) * C,
        M: -gamma * M,
        I: -mu_I * I + phi * C + omega * L * I / (zeta + I),
    },
    outputs={"D": output(D, "killing of a tumor cell by CD8+ T cells", "1/day")},
    routes={
        "chemo": {M: M + dose("mg/L")},
        "il2": {I: I + dose("IU/L")},
        "til": {L: L + dose("cell/L")},
    },
)  # fmt: skip
