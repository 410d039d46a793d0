"""Seven treatments of prostate cancer, with Treg, MDSC and checkpoint blockade.

    tumor (mouse prostate)
    dX1/dt  = r_p1 A X1 - (mu_1 + r_M) (1 - A) X1 - (kill_C + kill_N) X1
    dX2/dt  = r_p2 X2 + r_M (1 - A) X1 - mu_2 X2 - (kill_C + kill_N) X2
    dDm/dt  = a_VD V + a_XD (mu_1 (1 - A) X1 + mu_2 X2 + (kill_C + kill_N) (X1 + X2)) - m_D Dm
    dC2/dt  = a_DC Dm + a_IC C2 I2/(s_I + I2) + p_C m_C C1 - (k_RC R2 + k_MC M + mu_C) C2
    dN/dt   = rho_N + a_IN N I2/(s_N + I2) - mu_N N - k_XN N (X1 + X2)
    dR2/dt  = a_DR Dm + a_IR I2 + p_R m_R R1 + a_XR (X1 + X2) - (mu_R + k_antiRR AR) R2
    dM/dt   = rho_M + a_XM (X1 + X2)/(s_M + X1 + X2) - (mu_M + k_antiMM AM) M
    dI2/dt  = a_CI C2 - (mu_I + k_antiIl AI) I2
    kill_C  = k_CX (1 + delta_ICB ICB) C2
    kill_N  = k_NX (exp(-k_RN R2) + exp(-k_MN M)) N
    lymphoid tissue
    dDf/dt  = p_D m_D Dm - a_DfDr Df
    dDr/dt  = a_DfDr Df - mu_D Dr
    dC1/dt  = a_DC Df + a_IC C1 I1/(s_I + I1) - (m_C + k_RC R1 + mu_C) C1
    dR1/dt  = a_DrR Dr + a_IR I1 - (m_R + mu_R + k_antiRR AR) R1
    dI1/dt  = a_CI C1 - (mu_I + k_antiIl AI) I1
    treatments
    dA/dt   = lambda_A (1 - CX - A)
    dV/dt   = -lambda_V V,    dAI/dt = -lambda_AI AI,    dAR/dt = -lambda_AR AR
    dAM/dt  = -lambda_AM AM,  dICB/dt = -lambda_ICB ICB
    vaccine, anti_il2, anti_treg, anti_mdsc, icb: each adds its dose to V, AI, AR, AM, ICB

Source: Coletti R, Leonardelli L, Parolo S, Marchetti L. A QSP model of prostate cancer
immunotherapy to identify effective combination therapies. Sci Rep 10:9063 (2020), doi
10.1038/s41598-020-65590-0. Equations and values as in BioModels MODEL2109110002.

X1 depends on androgen, X2 does not; CX is 1 in castrated mice and 0 in others.  All is
dimensionless but time, and a dose is in the paper's units of drug.

The SBML is not curated: its curators state that it does not reproduce the paper's plots,
that they put R2 for a species R of equation 3 and a_DC for a parameter a_Df that no table
has.  Its starts of 1 for every cell and 0 for every treatment are illustrative.  Its
treatments are never given; here they are routes.
"""

from sympy import exp

from pkpd import Model, dose, output, param, state

SBML = "Coletti 2020, as in MODEL2109110002"
START = "illustrative: 1 in MODEL2109110002"
POSITIVE = (0, None)
EACH = {"source": SBML, "bounds": POSITIVE}

r_p1 = param("r_p1", 0.0363, "1/day", "growth of androgen-dependent cells", **EACH)
r_p2 = param("r_p2", 0.17, "1/day", "growth of androgen-independent cells", **EACH)
r_M = param("r_M", 0.811, "1/day", "mutation without androgen", **EACH)
mu_1 = param("mu_1", 0.0101, "1/day", "death of androgen-dependent cells without androgen", **EACH)
mu_2 = param("mu_2", 0.148, "1/day", "death of androgen-independent cells", **EACH)
k_CX = param("k_CX", 0.000655, "1/day", "killing by cytotoxic T cells", **EACH)
delta_ICB = param("delta_ICB", 10.9, "1", "increase of this killing by checkpoint blockade", **EACH)
k_NX = param("k_NX", 0.00722, "1/day", "killing by natural killer cells", **EACH)
k_RN = param("k_RN", 2.07, "1", "restraint of natural killer cells by Treg", **EACH)
k_MN = param("k_MN", 3.88, "1", "restraint of natural killer cells by MDSC", **EACH)

a_VD = param("a_VD", 0.808, "1/day", "maturation of dendritic cells by the vaccine", **EACH)
a_XD = param("a_XD", 0.273, "1", "dendritic cells matured by a killed tumor cell", **EACH)
m_D = param("m_D", 0.936, "1/day", "migration of dendritic cells", **EACH)
p_D = param("p_D", 0.5, "1", "fraction of dendritic cells that arrive", source=SBML, bounds=(0, 1))
a_DfDr = param("a_DfDr", 0.0143, "1/day", "dendritic cells turning regulatory", **EACH)
mu_D = param("mu_D", 0.0929, "1/day", "death of regulatory dendritic cells", **EACH)

a_DC = param("a_DC", 0.424, "1/day", "activation of cytotoxic T cells", **EACH)
a_IC = param("a_IC", 770, "1/day", "largest proliferation by interleukin-2", **EACH)
s_I = param("s_I", 77200, "1", "interleukin-2 at half the maximal effect", **EACH)
m_C = param("m_C", 0.429, "1/day", "migration of cytotoxic T cells", **EACH)
p_C = param("p_C", 0.5, "1", "fraction of cytotoxic T cells that arrive", source=SBML, bounds=(0, 1))
k_RC = param("k_RC", 0.1, "1/day", "inhibition of cytotoxic T cells by Treg", **EACH)
k_MC = param("k_MC", 0.0962, "1/day", "inhibition of cytotoxic T cells by MDSC", **EACH)
mu_C = param("mu_C", 0.146, "1/day", "death of cytotoxic T cells", **EACH)

rho_N = param("rho_N", 0.09, "1/day", "source of natural killer cells", **EACH)
a_IN = param("a_IN", 0.0743, "1/day", "largest proliferation of natural killer cells", **EACH)
s_N = param("s_N", 149, "1", "interleukin-2 at half the maximal effect", **EACH)
k_XN = param("k_XN", 0.0016, "1/day", "inhibition of natural killer cells by tumor", **EACH)
mu_N = param("mu_N", 0.09, "1/day", "death of natural killer cells", **EACH)

a_DR = param("a_DR", 0.106, "1/day", "activation of Treg by dendritic cells in the tumor", **EACH)
a_DrR = param("a_DrR", 0.0675, "1/day", "activation of Treg by regulatory dendritic cells", **EACH)
a_IR = param("a_IR", 0.0506, "1/day", "activation of Treg by interleukin-2", **EACH)
a_XR = param("a_XR", 0.0206, "1/day", "recruitment of Treg by tumor", **EACH)
m_R = param("m_R", 0.0143, "1/day", "migration of Treg", **EACH)
p_R = param("p_R", 0.5, "1", "fraction of Treg that arrive", source=SBML, bounds=(0, 1))
mu_R = param("mu_R", 0.0807, "1/day", "death of Treg", **EACH)

rho_M = param("rho_M", 0.324, "1/day", "source of MDSC", **EACH)
a_XM = param("a_XM", 670, "1/day", "largest recruitment of MDSC by tumor", **EACH)
s_M = param("s_M", 18200, "1", "tumor at half the maximal effect", **EACH)
mu_M = param("mu_M", 0.294, "1/day", "death of MDSC", **EACH)
a_CI = param("a_CI", 0.0584, "1/day", "release of interleukin-2 by cytotoxic T cells", **EACH)
mu_I = param("mu_I", 0.0305, "1/day", "loss of interleukin-2", **EACH)

CX = param("CX", 1, "1", "castration: 1 done, 0 not", source=SBML, bounds=(0, 1))
lambda_A = param("lambda_A", 0.099, "1/day", "turnover of androgen", **EACH)
lambda_V = param("lambda_V", 0.099, "1/day", "decay of the vaccine", **EACH)
lambda_AI = param("lambda_AI", 0.099, "1/day", "decay of anti-interleukin-2", **EACH)
lambda_AR = param("lambda_AR", 0.099, "1/day", "decay of anti-Treg", **EACH)
lambda_AM = param("lambda_AM", 4.75, "1/day", "decay of anti-MDSC", **EACH)
lambda_ICB = param("lambda_ICB", 0.139, "1/day", "decay of checkpoint blockade", **EACH)
k_antiIl = param("k_antiIl", 0.714, "1/day", "removal of interleukin-2 by its antibody", **EACH)
k_antiRR = param("k_antiRR", 1.43, "1/day", "removal of Treg by anti-Treg", **EACH)
k_antiMM = param("k_antiMM", 75.7, "1/day", "removal of MDSC by anti-MDSC", **EACH)

X0 = param("X0", 1, "1", "tumor cells at the start", source=START, bounds=POSITIVE)

X1 = state("X1", "1", "androgen-dependent tumor cells", start=X0)
X2 = state("X2", "1", "androgen-independent tumor cells")
Dm = state("Dm", "1", "mature dendritic cells", start=1)
C2 = state("C2", "1", "cytotoxic T cells in the tumor", start=1)
N = state("N", "1", "natural killer cells in the tumor", start=1)
R2 = state("R2", "1", "Treg in the tumor", start=1)
M = state("M", "1", "MDSC in the tumor", start=1)
I2 = state("I2", "1", "interleukin-2 in the tumor", start=1)
Df = state("Df", "1", "functional dendritic cells in lymphoid tissue", start=1)
Dr = state("Dr", "1", "regulatory dendritic cells in lymphoid tissue", start=1)
C1 = state("C1", "1", "cytotoxic T cells in lymphoid tissue", start=1)
R1 = state("R1", "1", "Treg in lymphoid tissue", start=1)
I1 = state("I1", "1", "interleukin-2 in lymphoid tissue", start=1)
A = state("A", "1", "androgen, as a fraction of normal", start=1)
V = state("V", "1", "dendritic cell vaccine")
AI = state("AI", "1", "antibody against interleukin-2")
AR = state("AR", "1", "drug against Treg")
AM = state("AM", "1", "drug against MDSC")
ICB = state("ICB", "1", "checkpoint inhibitor present")

tumor = X1 + X2
kill = k_CX * (1 + delta_ICB * ICB) * C2 + k_NX * (exp(-k_RN * R2) + exp(-k_MN * M)) * N
dying = mu_1 * (1 - A) * X1 + mu_2 * X2 + kill * tumor
mutating = r_M * (1 - A) * X1
anti_treg, anti_il2 = k_antiRR * AR, k_antiIl * AI

model = Model(
    "coletti_2020",
    rates={
        X1: r_p1 * A * X1 - mu_1 * (1 - A) * X1 - mutating - kill * X1,
        X2: r_p2 * X2 + mutating - mu_2 * X2 - kill * X2,
        Dm: a_VD * V + a_XD * dying - m_D * Dm,
        C2: a_DC * Dm + a_IC * C2 * I2 / (s_I + I2) + p_C * m_C * C1 - (k_RC * R2 + k_MC * M + mu_C) * C2,
        N: rho_N + a_IN * N * I2 / (s_N + I2) - mu_N * N - k_XN * N * tumor,
        R2: a_DR * Dm + a_IR * I2 + p_R * m_R * R1 + a_XR * tumor - (mu_R + anti_treg) * R2,
        M: rho_M + a_XM * tumor / (s_M + tumor) - (mu_M + k_antiMM * AM) * M,
        I2: a_CI * C2 - (mu_I + anti_il2) * I2,
        Df: p_D * m_D * Dm - a_DfDr * Df,
        Dr: a_DfDr * Df - mu_D * Dr,
        C1: a_DC * Df + a_IC * C1 * I1 / (s_I + I1) - (m_C + k_RC * R1 + mu_C) * C1,
        R1: a_DrR * Dr + a_IR * I1 - (m_R + mu_R + anti_treg) * R1,
        I1: a_CI * C1 - (mu_I + anti_il2) * I1,
        A: lambda_A * (1 - CX - A),
        V: -lambda_V * V,
        AI: -lambda_AI * AI,
        AR: -lambda_AR * AR,
        AM: -lambda_AM * AM,
        ICB: -lambda_ICB * ICB,
    },
    outputs={"X": output(tumor, "all tumor cells")},
    routes={
        "vaccine": {V: V + dose("1")},
        "anti_il2": {AI: AI + dose("1")},
        "anti_treg": {AR: AR + dose("1")},
        "anti_mdsc": {AM: AM + dose("1")},
        "icb": {ICB: ICB + dose("1")},
    },
)
