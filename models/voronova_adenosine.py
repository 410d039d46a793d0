"""Adenosine in the tumor, and its receptor's antagonist, in CT26, MC38 and MCA205.

    dTV/dt   = r TV (1 - TV/TVmax) - TKR TV
    dnT/dt   = k_LN Ag/(Ag + S_L) + IAR nT (k_pro - k_dif) - k_el nT
    ddT/dt   = IAR k_dif nT - k_apo dT
    dPDL1/dt = k_pdl (dT/(K_pdl + dT) - PDL1)
    dAdo/dt  = k_ado ((1 - CD73i) Vado TV/(TV + K_ado) - Ado)
    dAip/dt  = -k_a Aip,    dAc/dt = k_a Aip - kel_mAb Ac
    dOip/dt  = -k_a Oip,    dOc/dt = k_a Oip - kel_mAb Oc
    dZg/dt   = -V_abs Zg/(Zg + Z50)
    dZc/dt   = V_abs Zg/(Zg + Z50) - kel_Z Zc - Q (Zc/V_Z - Zp/V_Zp)
    dZp/dt   = Q (Zc/V_Z - Zp/V_Zp)

    TKR = e dT + d0                                                  rate of tumor cell death
    occ = (Ado/K_A)/(1 + Ado/K_A + Zc/(V_Z MW K_Z))                  A2A receptors held by adenosine
    sup = F_max occ/(occ + EC50)                                     suppression by adenosine
    CD73i = I_CD73 Oc/(Oc + V_d K_CD73)                              inhibition of CD73, which makes adenosine
    Ag  = TKR TV (1 - sup)                                           systemic antigen
    IAR = (1 - PDL1/(1 + Ac/(V_d K_D))) (1 - Ag/(Ag + S_R)) (1 - sup)

    when TV < V_min:  TV -> 0                                        extinction

Source: Voronova V, Peskov K, Kosinsky Y, Helmlinger G, Chu L, Borodovsky A, Woessner R,
Sachsenmeier K, Shao W, Kumar R, Pouliot G, Merchant M, Kimko H, Mugundu G. Evaluation of
combination strategies for the A2AR inhibitor AZD4635 across tumor microenvironment conditions
via a systems pharmacology model. Front Immunol 12:617316 (2021), doi
10.3389/fimmu.2021.617316. Equations, estimates and covariates as in the authors' code,
VeronikaVor2/IO-QSP-model-adenosine- (A2A_clean_tv_sim.txt, populationParameters.txt).

The default is CT26 (study CIV226).  ``TV0``, ``Vado``, ``S_L`` and ``S_R`` have the alternatives
``MC38`` (study CIV227), ``MCA205`` (CIV151) and ``MCA205_2`` (CIV258): set the four together.
It extends `kosinsky_2018`, without radiation, and with an antigen that is a rate of death.

Where the code and the paper's supplement, as its users read it, differ, the code stands:
elimination of the antibody 0.1 a day (supplement 0.15), K_pdl 1280 cells (478), F_max 0.7 (1),
K_Z 13.43 nM (0.013).  The code gives the antibody twice over: it converts mg to nmol in the dose
and again in absorption, and a second compartment adds as much; here a dose on `ip` is in nmol.

An antibody to CD73 (oleclumab; in mice it or a surrogate) is the code's `cd73`, a fraction by which it lowers
the production of adenosine from day 7 on, 1 in the paper's Fig. 4B.  Here it is given on the route `CD73`:
I_CD73 is that fraction under a high concentration; the affinity found no readable source and the
pharmacokinetics are those of the antibody to PD-L1: both illustrative.

The code halts growth while TV < 10 uL after day 7, while killing goes on; here a tumor that
falls below V_min = 10 uL is extinct.  The residual error is 27 %.
"""

from pkpd import Event, Model, dose, output, param, state

CODE = "Voronova 2021, populationParameters.txt"
FIXED = "Voronova 2021, A2A_clean_tv_sim.txt"
STRAIN = "Voronova 2021, populationParameters.txt, computed from the covariate"
POSITIVE = (0, None)

r = param("r", 0.521743, "1/day", "tumor growth rate", source=CODE, bounds=POSITIVE)
TVmax = param("TVmax", 3500, "uL", "tumor volume at which growth stops", source=CODE, bounds=POSITIVE)
d0 = param("d0", 0.01, "1/day", "tumor cell death without treatment", source=FIXED, bounds=POSITIVE)
e = param("e", 0.001, "1/day/cell", "tumor kill by one differentiated T cell", source=CODE, bounds=POSITIVE)
TV0 = param(
    "TV0", 2.054524, "uL", "tumor volume at the start", source=CODE, bounds=POSITIVE,
    alternatives={
        "MC38": (2.054524, "uL", STRAIN), "MCA205": (4.096055, "uL", STRAIN), "MCA205_2": (4.096055, "uL", STRAIN),
    },
)  # fmt: skip

k_LN = param("k_LN", 209.674, "cell/day", "largest influx of T cells from lymph nodes", source=CODE, bounds=POSITIVE)
S_L = param(
    "S_L", 2.179132, "uL/day", "antigen at half the maximal influx", source=STRAIN, bounds=POSITIVE, iiv=0.322226,
    alternatives={
        "MC38": (2.158424, "uL/day", STRAIN), "MCA205": (4.555754, "uL/day", STRAIN),
        "MCA205_2": (5.915978, "uL/day", STRAIN),
    },
)  # fmt: skip
S_R = param(
    "S_R", 57.05197, "uL/day", "antigen at half of the immunosuppression", source=CODE, bounds=POSITIVE, iiv=0.136836,
    alternatives={
        "MC38": (48.83408, "uL/day", STRAIN), "MCA205": (97.00388, "uL/day", STRAIN),
        "MCA205_2": (97.00388, "uL/day", STRAIN),
    },
)  # fmt: skip
k_pro = param("k_pro", 3.0, "1/day", "proliferation of T cells", source=FIXED, bounds=POSITIVE)
k_dif = param("k_dif", 3.2, "1/day", "differentiation of T cells", source=FIXED, bounds=POSITIVE)
k_el = param("k_el", 0.2, "1/day", "loss of non-differentiated T cells", source=FIXED, bounds=POSITIVE)
k_apo = param("k_apo", 2.0, "1/day", "apoptosis of differentiated T cells", source=FIXED, bounds=POSITIVE)
K_pdl = param("K_pdl", 1279.917, "cell", "T cells at half of PD-L1 expression", source=CODE, bounds=POSITIVE)
k_pdl = param("k_pdl", 1.0, "1/day", "turnover of PD-L1", source=FIXED, bounds=POSITIVE)

Vado = param(
    "Vado", 1e5, "nM", "largest concentration of adenosine", source=CODE, bounds=POSITIVE,
    alternatives={
        "MC38": (60653.07, "nM", STRAIN), "MCA205": (4978.707, "nM", STRAIN), "MCA205_2": (4978.707, "nM", STRAIN),
    },
)  # fmt: skip
K_ado = param("K_ado", 80, "uL", "tumor at half the maximal concentration", source=CODE, bounds=POSITIVE)
k_ado = param("k_ado", 1.0, "1/day", "turnover of adenosine", source=FIXED, bounds=POSITIVE)
K_A = param("K_A", 1182, "nM", "affinity of adenosine for its receptor", source=FIXED, bounds=POSITIVE)
EC50 = param("EC50", 1.823153, "1", "occupancy at half of the suppression", source=CODE, bounds=POSITIVE)
F_max = param("F_max", 0.7, "1", "largest suppression", source=FIXED, bounds=(0, 1))

k_a = param("k_a", 8.0, "1/day", "absorption of the antibody", source=FIXED, bounds=POSITIVE)
kel_mAb = param("kel_mAb", 0.1, "1/day", "elimination of the antibody", source=FIXED, bounds=POSITIVE)
V_d = param("V_d", 0.003, "L", "volume of distribution of the antibody", source=FIXED, bounds=POSITIVE)
K_D = param("K_D", 30, "nM", "effective affinity of the antibody for PD-L1", source=FIXED, bounds=POSITIVE)
V_abs = param("V_abs", 12.6, "mg/day", "largest absorption of AZD4635", source=FIXED, bounds=POSITIVE)
Z50 = param("Z50", 0.178, "mg", "AZD4635 in the gut at half the maximal effect", source=FIXED, bounds=POSITIVE)
kel_Z = param("kel_Z", 320, "1/day", "elimination of AZD4635", source=FIXED, bounds=POSITIVE)
Q = param("Q", 9.58, "L/day", "distribution of AZD4635", source=FIXED, bounds=POSITIVE)
V_Z = param("V_Z", 0.0476, "L", "central volume of AZD4635", source=FIXED, bounds=POSITIVE)
V_Zp = param("V_Zp", 1.43, "L", "peripheral volume of AZD4635", source=FIXED, bounds=POSITIVE)
K_Z = param("K_Z", 13.43, "nM", "affinity of AZD4635 for the receptor", source=FIXED, bounds=POSITIVE)
MW = param("MW", 3.1573e-4, "mg/nmol", "molar mass of AZD4635", source=FIXED, bounds=POSITIVE)

I_CD73 = param(
    "I_CD73", 1.0, "1", "largest inhibition of CD73 by its antibody", bounds=(0, 1),
    source="Voronova 2021, AZD4635_github.R: cd73 = 1, for Fig. 4B",
)  # fmt: skip
K_CD73 = param(
    "K_CD73", 1.0, "nM", "affinity of that antibody for CD73", bounds=POSITIVE,
    source="illustrative: far below the concentrations of a dose that acts",
)  # fmt: skip

V_min = param(
    "V_min", 10, "uL", "volume below which a tumor is extinct; 0 for no extinction", bounds=POSITIVE,
    source="Voronova 2021, where growth halts; extinction there is illustrative",
)  # fmt: skip

TV = state("TV", "uL", "tumor volume", start=TV0)
nT = state("nT", "cell", "non-differentiated T cells in the tumor")
dT = state("dT", "cell", "differentiated T cells in the tumor")
PDL1 = state("PDL1", "1", "PD-L1 expression, as a fraction of its largest")
Ado = state("Ado", "nM", "adenosine in the tumor")
Aip = state("Aip", "nmol", "antibody in the peritoneum")
Ac = state("Ac", "nmol", "antibody in the body")
Oip = state("Oip", "nmol", "antibody to CD73 in the peritoneum")
Oc = state("Oc", "nmol", "antibody to CD73 in the body")
Zg = state("Zg", "mg", "AZD4635 in the gut")
Zc = state("Zc", "mg", "AZD4635 in the central compartment")
Zp = state("Zp", "mg", "AZD4635 in the peripheral compartment")

mAb, Z = Ac / V_d, Zc / V_Z
occ = (Ado / K_A) / (1 + Ado / K_A + Z / (MW * K_Z))
CD73i = I_CD73 * Oc / (Oc + V_d * K_CD73)
sup = F_max * occ / (occ + EC50)
TKR = e * dT + d0
Ag = TKR * TV * (1 - sup)
IAR = (1 - PDL1 / (1 + mAb / K_D)) * (1 - Ag / (Ag + S_R)) * (1 - sup)
absorbed = V_abs * Zg / (Zg + Z50)
distributed = Q * (Z - Zp / V_Zp)

model = Model(
    "voronova_adenosine",
    rates={
        TV: r * TV * (1 - TV / TVmax) - TKR * TV,
        nT: k_LN * Ag / (Ag + S_L) + IAR * nT * (k_pro - k_dif) - k_el * nT,
        dT: IAR * k_dif * nT - k_apo * dT,
        PDL1: k_pdl * (dT / (K_pdl + dT) - PDL1),
        Ado: k_ado * ((1 - CD73i) * Vado * TV / (TV + K_ado) - Ado),
        Aip: -k_a * Aip,
        Ac: k_a * Aip - kel_mAb * Ac,
        Oip: -k_a * Oip,
        Oc: k_a * Oip - kel_mAb * Oc,
        Zg: -absorbed,
        Zc: absorbed - kel_Z * Zc - distributed,
        Zp: distributed,
    },
    outputs={
        "mAb": output(mAb, "antibody in the body", "nM"),
        "occ": output(occ, "fraction of A2A receptors held by adenosine"),
        "CD73i": output(CD73i, "fraction of CD73 that is inhibited"),
        "sup": output(sup, "fraction of immune activation suppressed by adenosine"),
        "IAR": output(IAR, "immune activation rate, as a fraction of its largest"),
    },
    routes={
        "ip": {Aip: Aip + dose("nmol")},
        "CD73": {Oip: Oip + dose("nmol")},
        "oral": {Zg: Zg + dose("mg")},
    },
    events=[Event(when=TV < V_min, then={TV: 0})],
)
