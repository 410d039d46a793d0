"""Radiation and an anti-PD-L1 antibody in CT26 tumors of mice.

    dTV/dt   = r TV (1 - TV/TVmax) - k_RT TV - (e dT + d0) TV      living tumor
    dTVd/dt  = k_RT TV - mu TVd                                    killed by radiation
    dU/dt    = delta R - U/tau                                     DNA double-strand breaks
    dnT/dt   = k_LN Ag/(Ag + S_L) + IAR nT (k_pro - k_dif) - k_el nT
    ddT/dt   = IAR k_dif nT - k_apo dT
    dPDL1/dt = k_pdl (dT/(K_pdl + dT) - PDL1)
    dAip/dt  = -k_a Aip
    dAc/dt   = k_a Aip - kel_mAb Ac

    k_RT = alpha R + q alpha/(tau delta^2) U^2                     R: dose rate
    TCD  = mu TVd/(TV + TVd) + e dT + d0                           rate of tumor cell death
    Ag   = (TV + TVd) TCD^2/(TCD^2 + K_tcd^2)                      systemic antigen
    ISC  = Ag/(Ag + S_R)                                           Treg and MDSC, lumped
    IAR  = (1 - PDL1/(1 + mAb/K_D)) (1 - ISC)                      immune activation
    mAb  = Ac/V_d,    V = TV + TVd

    when V < V_min:  TV -> 0                                       extinction

Source: Kosinsky Y, Dovedi SJ, Peskov K, Voronova V, Chu L, Tomkinson H, Al-Huniti N,
Stanski DR, Helmlinger G. Radiation and PD-(L)1 treatment combinations: immune response and
dose optimization via a predictive systems model. J Immunother Cancer 6:17 (2018), doi
10.1186/s40425-018-0327-9, Table 1; structure as in BioModels BIOMD0000000863.

The public SBML has two defects, corrected here.  (1) It repairs breaks at the rate tau U,
although tau = 0.02 day is a repair time: it must be U/tau.  A short fraction of D Gy then
leaves exp(-alpha D - (q/2) alpha D^2), that is alpha/beta = 2/q = 10 Gy.  (2) It codes the
control arm alone: the radiation dose, the antibody and its k_a are zero.  Here they are
the routes `radiation` (Gy, over a duration; 0.001 day is an acute fraction) and `ip`
(nmol; 0.2 mg is 1.333 nmol).

Extinction is not in the paper.  It reports complete responses, volumes at or below 10 mm^3,
which differential equations alone regrow from; V_min = 0 switches it off.

Valid for fractions up to 10 Gy.  Radiation kills no immune cells.  S_L varies between mice
(omega 0.696); the paper's residual error is 21.2 uL and 17.6 %.
"""

from sympy import Piecewise

from pkpd import Event, Model, dose, input_rate, output, param, state

TABLE = "Kosinsky 2018, Table 1"
SBML = "Kosinsky 2018, as in BIOMD0000000863"
POSITIVE = (0, None)

r = param("r", 0.4, "1/day", "tumor growth rate", source=TABLE, bounds=POSITIVE)
TVmax = param("TVmax", 2500, "uL", "tumor volume at which growth stops", source=TABLE, bounds=POSITIVE)
d0 = param("d0", 0.01, "1/day", "tumor cell death without treatment", source=TABLE, bounds=POSITIVE)
e = param("e", 0.001, "1/day/cell", "tumor kill by one differentiated T cell", source=TABLE, bounds=POSITIVE)

k_LN = param("k_LN", 279, "cell/day", "largest influx of T cells from lymph nodes", source=TABLE, bounds=POSITIVE)
S_L = param("S_L", 8.89, "uL", "antigen at half the maximal influx", source=TABLE, bounds=POSITIVE, iiv=0.696)
k_pro = param("k_pro", 3.0, "1/day", "proliferation of T cells", source=TABLE, bounds=POSITIVE)
k_dif = param("k_dif", 3.2, "1/day", "differentiation of T cells", source=TABLE, bounds=POSITIVE)
k_el = param("k_el", 0.2, "1/day", "loss of non-differentiated T cells", source=TABLE, bounds=POSITIVE)
k_apo = param("k_apo", 2.0, "1/day", "apoptosis of differentiated T cells", source=TABLE, bounds=POSITIVE)
K_tcd = param("K_tcd", 0.2, "1/day", "tumor cell death at half of dendritic maturation", source=TABLE, bounds=POSITIVE)
S_R = param("S_R", 30.5, "uL", "antigen at half of the immunosuppression", source=TABLE, bounds=POSITIVE)
K_pdl = param("K_pdl", 478, "cell", "differentiated T cells at half of PD-L1 expression", source=TABLE, bounds=POSITIVE)
k_pdl = param("k_pdl", 1.0, "1/day", "turnover of PD-L1", source=TABLE, bounds=POSITIVE)

alpha = param("alpha", 0.146, "1/Gy", "radiation kill in proportion to dose", source=TABLE, bounds=POSITIVE)
q = param("q", 0.2, "1/Gy", "radiation kill by unrepaired breaks, twice beta/alpha", source=SBML, bounds=POSITIVE)
delta = param("delta", 19, "DSB/Gy", "double-strand breaks made by radiation", source=TABLE, bounds=POSITIVE)
tau = param("tau", 0.02, "day", "time of break repair", source=TABLE, bounds=POSITIVE)
mu = param("mu", 0.1725, "1/day", "clearance of tumor killed by radiation", source=TABLE, bounds=POSITIVE)

k_a = param("k_a", 8.0, "1/day", "absorption of the antibody", source=TABLE, bounds=POSITIVE)
kel_mAb = param("kel_mAb", 0.15, "1/day", "elimination of the antibody", source=TABLE, bounds=POSITIVE)
V_d = param("V_d", 0.003, "L", "volume of distribution of the antibody", source=TABLE, bounds=POSITIVE)
K_D = param("K_D", 30, "nM", "effective affinity of the antibody for PD-L1", source=TABLE, bounds=POSITIVE)

TV0 = param("TV0", 15, "uL", "tumor volume at the start", source=SBML, bounds=POSITIVE)
V_min = param(
    "V_min", 10, "mm^3", "volume below which a tumor is extinct; 0 for no extinction", bounds=POSITIVE,
    source="the detection limit of the paper's complete responses; extinction there is illustrative",
)  # fmt: skip

TV = state("TV", "uL", "living tumor", start=TV0)
TVd = state("TVd", "uL", "tumor killed by radiation, not yet cleared")
U = state("U", "DSB", "DNA double-strand breaks")
nT = state("nT", "cell", "non-differentiated T cells in the tumor")
dT = state("dT", "cell", "differentiated T cells in the tumor")
PDL1 = state("PDL1", "1", "PD-L1 expression, as a fraction of its largest")
Aip = state("Aip", "nmol", "antibody in the peritoneum")
Ac = state("Ac", "nmol", "antibody in the body")

R = input_rate("R", "Gy/day", "radiation dose rate")

V = TV + TVd
mAb = Ac / V_d
k_RT = alpha * R + q * alpha / (tau * delta**2) * U**2
dead = Piecewise((TVd / V, V > 0), (0, True))
TCD = mu * dead + e * dT + d0
Ag = V * TCD**2 / (TCD**2 + K_tcd**2)
ISC = Ag / (Ag + S_R)
IAR = (1 - PDL1 / (1 + mAb / K_D)) * (1 - ISC)

model = Model(
    "kosinsky_2018",
    rates={
        TV: r * TV * (1 - TV / TVmax) - k_RT * TV - (e * dT + d0) * TV,
        TVd: k_RT * TV - mu * TVd,
        U: delta * R - U / tau,
        nT: k_LN * Ag / (Ag + S_L) + IAR * nT * (k_pro - k_dif) - k_el * nT,
        dT: IAR * k_dif * nT - k_apo * dT,
        PDL1: k_pdl * (dT / (K_pdl + dT) - PDL1),
        Aip: -k_a * Aip,
        Ac: k_a * Aip - kel_mAb * Ac,
    },
    outputs={
        "V": output(V, "total tumor volume", "mm^3"),
        "mAb": output(mAb, "antibody in the body", "nM"),
        "Ag": output(Ag, "systemic antigen"),
        "ISC": output(ISC, "fraction of immune activation suppressed by Treg and MDSC"),
        "IAR": output(IAR, "immune activation rate, as a fraction of its largest"),
    },
    routes={
        "radiation": R,
        "ip": {Aip: Aip + dose("nmol")},
    },
    events=[Event(when=V < V_min, then={TV: 0})],
)
