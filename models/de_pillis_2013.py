"""Regulatory T cells and sunitinib in renal cell carcinoma.

    dT/dt = a T (1 - b T) - c exp(-delta_T R) N T - D T
    dN/dt = f (ef C - N) - p N T + p_N N I/(g_N + I)
    dL/dt = -m L + j L T/(k + T) - q L T + (r1 N + r2 C) T - z L^2 R I/(kappa + I) + p_I L I/(g_I + I)
    dR/dt = u (w_u C - R) + p_R R I/(g_R + I) - H_R (1 - exp(-delta_R S)) R
    dC/dt = beta (C_rest - C)
    dI/dt = -mu_I I + phi C + w L I/(zeta + I)
    dS/dt = -n S
    D     = d x^l/(s + x^l),    x = L/T (1 L)
    sunitinib:  S -> S + dose

Source: de Pillis LG, Caldwell T, Sarapata E, Williams H. Mathematical modeling of regulatory
T cell effects on renal cell carcinoma treatment. Discrete Contin Dyn Syst B 18:915-943
(2013), doi 10.3934/dcdsb.2013.18.915. Values as in BioModels BIOMD0000000908.

Three defects of the public SBML are mended: the killing D is frozen at the L/T of the start;
sunitinib is lost at the rate -(-n S), so that it grows; its dose is a constant of zero.

T is a number of cells, N, L, R and C are cells a liter of blood, I is IU a liter.  The SBML
does not say the unit of sunitinib: mg a liter is illustrative, and delta_R goes with it.
"""

from sympy import And, Piecewise, exp

from pkpd import Model, dose, output, param, state

SBML = "de Pillis 2013, as in BIOMD0000000908"
POSITIVE = (0, None)

a = param("a", 0.2065, "1/day", "tumor growth rate", source=SBML, bounds=POSITIVE)
b = param("b", 2.145e-10, "1/cell", "inverse of the tumor's carrying capacity", source=SBML, bounds=POSITIVE)
c = param("c", 8.68e-10, "L/cell/day", "killing of tumor by natural killer cells", source=SBML, bounds=POSITIVE)
delta_T = param("delta_T", 1.59e-9, "L/cell", "restraint of that killing by Treg", source=SBML, bounds=POSITIVE)
d = param("d", 1.7, "1/day", "largest killing of tumor by CD8+ T cells", source=SBML, bounds=POSITIVE)
l = param("l", 1.7, "1", "exponent of killing by CD8+ T cells", source=SBML, bounds=POSITIVE)
s = param("s", 0.035, "1", "(L/T)^l at half of the largest killing", source=SBML, bounds=POSITIVE)
Vu = param("Vu", 1, "L", "volume that makes L/T a pure number", source="the unit of s in the paper", bounds=POSITIVE)

f = param("f", 0.0125, "1/day", "turnover of natural killer cells", source=SBML, bounds=POSITIVE)
ef = param("ef", 0.1168, "1", "natural killer cells for each lymphocyte at rest", source=SBML, bounds=POSITIVE)
p = param("p", 6.682e-14, "1/cell/day", "loss of natural killer cells to tumor", source=SBML, bounds=POSITIVE)
p_N = param("p_N", 0.0668, "1/day", "largest proliferation of natural killer cells", source=SBML, bounds=POSITIVE)
g_N = param("g_N", 250360, "IU/L", "interleukin-2 at half the maximal effect", source=SBML, bounds=POSITIVE)

m = param("m", 0.009, "1/day", "death of CD8+ T cells", source=SBML, bounds=POSITIVE)
q = param("q", 3.422e-10, "1/cell/day", "loss of CD8+ T cells to tumor", source=SBML, bounds=POSITIVE)
r1 = param("r1", 6.682e-12, "1/cell/day", "priming by tumor that natural killers lysed", source=SBML, bounds=POSITIVE)
r2 = param("r2", 1e-15, "1/cell/day", "activation of lymphocytes by tumor", source=SBML, bounds=POSITIVE)
j = param("j", 0.1245, "1/day", "largest stimulation by tumor debris", source=SBML, bounds=POSITIVE)
k = param("k", 2.019e7, "cell", "tumor at half the maximal stimulation", source=SBML, bounds=POSITIVE)
z = param("z", 2.3085e-13, "L^2/cell^2/day", "regulation of CD8+ T cells by Treg", source=SBML, bounds=POSITIVE)
kappa = param("kappa", 2503.6, "IU/L", "interleukin-2 at half the maximal regulation", source=SBML, bounds=POSITIVE)
p_I = param("p_I", 1.111, "1/day", "largest proliferation of CD8+ T cells", source=SBML, bounds=POSITIVE)
g_I = param("g_I", 2503.6, "IU/L", "interleukin-2 at half the maximal effect", source=SBML, bounds=POSITIVE)

u = param("u", 0.03851, "1/day", "turnover of Treg", source=SBML, bounds=POSITIVE)
w_u = param("w_u", 0.0122, "1", "Treg for each lymphocyte at rest", source=SBML, bounds=POSITIVE)
p_R = param("p_R", 0.03598, "1/day", "largest proliferation of Treg", source=SBML, bounds=POSITIVE)
g_R = param("g_R", 11.027, "IU/L", "interleukin-2 at half the maximal effect", source=SBML, bounds=POSITIVE)
H_R = param("H_R", 0.227, "1/day", "largest kill of Treg by sunitinib", source=SBML, bounds=POSITIVE)
delta_R = param("delta_R", 50.02, "L/mg", "sensitivity of Treg to sunitinib", source=SBML, bounds=POSITIVE)
n = param("n", 0.277, "1/day", "elimination of sunitinib", source=SBML, bounds=POSITIVE)

beta = param("beta", 0.0063, "1/day", "turnover of lymphocytes", source=SBML, bounds=POSITIVE)
C_rest = param("C_rest", 2.14e9, "cell/L", "lymphocytes at rest, alpha/beta", source=SBML, bounds=POSITIVE)
mu_I = param("mu_I", 11.7427, "1/day", "loss of interleukin-2", source=SBML, bounds=POSITIVE)
phi = param("phi", 3.594e-7, "IU/cell/day", "release of interleukin-2 by lymphocytes", source=SBML, bounds=POSITIVE)
w = param("w", 0.05314, "IU/cell/day", "largest release by CD8+ T cells", source=SBML, bounds=POSITIVE)
zeta = param("zeta", 2503.6, "IU/L", "interleukin-2 at half the maximal effect", source=SBML, bounds=POSITIVE)

T0 = param("T0", 4.662e9, "cell", "tumor cells at the start", source=SBML, bounds=POSITIVE)
N0 = param("N0", 2.5e8, "cell/L", "natural killer cells at the start", source=SBML, bounds=POSITIVE)
L0 = param("L0", 526800, "cell/L", "CD8+ T cells at the start", source=SBML, bounds=POSITIVE)
R0 = param("R0", 3.52e8, "cell/L", "Treg at the start", source=SBML, bounds=POSITIVE)
I0 = param("I0", 1173, "IU/L", "interleukin-2 at the start", source=SBML, bounds=POSITIVE)

T = state("T", "cell", "tumor cells", start=T0)
N = state("N", "cell/L", "natural killer cells", start=N0)
L = state("L", "cell/L", "CD8+ T cells", start=L0)
R = state("R", "cell/L", "regulatory T cells", start=R0)
C = state("C", "cell/L", "other lymphocytes", start=C_rest)
I = state("I", "IU/L", "interleukin-2 in blood", start=I0)
S = state("S", "mg/L", "sunitinib in blood")

D = Piecewise((d / (1 + s * (T / (Vu * L)) ** l), And(L > 0, T > 0)), (0, True))

model = Model(
    "de_pillis_2013",
    rates={
        T: a * T * (1 - b * T) - c * exp(-delta_T * R) * N * T - D * T,
        N: f * (ef * C - N) - p * N * T + p_N * N * I / (g_N + I),
        L: (
            -m * L + j * L * T / (k + T) - q * L * T + (r1 * N + r2 * C) * T
            - z * L**2 * R * I / (kappa + I) + p_I * L * I / (g_I + I)
        ),
        R: u * (w_u * C - R) + p_R * R * I / (g_R + I) - H_R * (1 - exp(-delta_R * S)) * R,
        C: beta * (C_rest - C),
        I: -mu_I * I + phi * C + w * L * I / (zeta + I),
        S: -n * S,
    },
    outputs={"D": output(D, "killing of a tumor cell by CD8+ T cells", "1/day")},
    routes={"sunitinib": {S: S + dose("mg/L")}},
)  # fmt: skip
