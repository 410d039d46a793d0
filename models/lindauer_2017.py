"""Pembrolizumab in plasma and in a melanoma: PD-1 occupancy and tumor growth.

    dA1/dt  = -CL C1 - Vmax C1/(Km + C1) - Q C1 + Q A2/V2 - PLQ (C1 - Cvs) - V1 (kon C1 (PDb - Pb) - koff Pb)
    dA2/dt  =  Q C1 - Q A2/V2,    C1 = A1/V1
    dAeb/dt =  Ves (kon_F Ceu (FcRn - Ceb) - koff_F Ceb) - CLup Ceb,    Ceb = Aeb/Ves
    dAis/dt =  (1 - v_ref) L Cvs - (1 - v_ref_is) L Cis - CLup Cis + CLup (1 - FR) Ceb
               - (kon Cis (M - Pt) - koff Pt),    Cis = Ais/Vis
    dPb/dt  =  kon C1 (PDb - Pb) - koff Pb - kdeg Pb
    dPt/dt  =  kon Cis (M - Pt) - koff Pt - kdeg Pt
    dM/dt   =  kdeg M0 (1 + Emax Pt/(EC50 Vis + Pt)) - kdeg M,    M0 = T_multi PDb f_is W0
    dW/dt   =  L0 W - SLtg (100 RO)^gamma W,    RO = Pt/M

    Cvs = (PLQ C1 + CLup FR Ceb)/(PLQ - v_ref L + CLup)
    Ceu = (CLup (Cvs + Cis)/Ves + koff_F Ceb)/(kon_F (FcRn - Ceb) + kdeg_es)
    Ves = f_es W,  Vis = f_is W,  PLQ = plq W,  L = f_L PLQ,  CLup = clup Ves

A1 and A2 are antibody in the body; Aeb and Ais in the tumor, bound to FcRn in endosomes and free
in the interstitium; Pb and Pt complexes with PD-1 in blood (nM) and tumor (nmol); M is the whole
PD-1 of the tumor, whose production the complex stimulates; W is the volume of the tumor in L.
Doses are in nmol: 1 mg is 6.711 nmol (149 kDa), by which a dose in mg is converted.

Source: Lindauer A, Valiathan CR, Mehta K et al. Translational pharmacokinetic/pharmacodynamic
modeling of tumor growth inhibition supports dose-range selection of the anti-PD-1 antibody
pembrolizumab. CPT Pharmacometrics Syst Pharmacol 6:11-20 (2017), doi 10.1002/psp4.12130, Tables
1, S2 and S3, human melanoma of medium growth with allometric scaling of the kill; as in
nlmixr2lib's Lindauer_2017_pembrolizumab.  The tumor tissue is that of Shah DK, Betts AM. J
Pharmacokinet Pharmacodyn 39:67-86 (2012).

Changed: blood in the tumor (Cvs) and unbound antibody in endosomes (Ceu) are at steady state
here, since they exchange more than a thousand times a day; FcRn is conserved, as nlmixr2lib has
it; the supplement's binding in plasma lacks the factor C1, as nlmixr2lib notes.  Kept as
published: plasma regains PLQ Cvs, though a part L of it leaves the tumor's vessels for the
interstitium or is lost.  Another public copy (yuezheli/Lindauer2017) has Vmax 144 ug/day, 1000
T cells per uL, and PLQ per volume of vessels.

At therapeutic concentrations binding (kon C1) is stiff: use method="scipy".  Growth is
exponential, so valid for months; the kill is scaled from mice, without data from patients.
`iiv` follows from the CV of the mice (L0 59.4 %, W0 37.5 %).
"""

from math import log

from sympy import Piecewise

from pkpd import Model, dose, output, param, state

TABLE1 = "Lindauer 2017, Table 1, as in nlmixr2lib"
TABLE2 = "Lindauer 2017, Table S2, as in nlmixr2lib"
TABLE3 = "Lindauer 2017, Table S3, as in nlmixr2lib"
POSITIVE = (0, None)
FRACTION = (0, 1)

CL = param("CL", 0.167, "L/day", "linear clearance", source=TABLE1, bounds=POSITIVE)
V1 = param("V1", 2.877, "L", "central volume", source=TABLE1, bounds=POSITIVE)
Q = param("Q", 0.384, "L/day", "intercompartmental clearance", source=TABLE1, bounds=POSITIVE)
V2 = param("V2", 2.854, "L", "peripheral volume", source=TABLE1, bounds=POSITIVE)
Vmax = param(
    "Vmax", 0.114 / 0.149, "nmol/day", "largest rate of saturable elimination", bounds=POSITIVE,
    source=f"{TABLE1}: computed from 114 ug/day",
    alternatives={"yuezheli": (0.144 / 0.149, "nmol/day", "yuezheli/Lindauer2017: computed from 144 ug/day")},
)  # fmt: skip
Km = param(
    "Km", 0.078 / 0.149, "nM", "concentration at half the maximal rate", bounds=POSITIVE,
    source=f"{TABLE1}: computed from 0.078 ug/mL",
)  # fmt: skip

f_es = param("f_es", 0.005, "1", "endosomes, as a fraction of the tumor", source=TABLE1, bounds=FRACTION)
f_is = param("f_is", 0.55, "1", "interstitium, as a fraction of the tumor", source=TABLE1, bounds=FRACTION)
plq = param("plq", 304.8, "1/day", "plasma flow per volume of tumor", source=TABLE1, bounds=POSITIVE)
f_L = param("f_L", 0.002, "1", "lymph flow, as a fraction of plasma flow", source=TABLE1, bounds=FRACTION)
clup = param("clup", 0.8784, "1/day", "pinocytosis per volume of endosomes", source=TABLE1, bounds=POSITIVE)
kdeg_es = param("kdeg_es", 1029.6, "1/day", "degradation in endosomes", source=TABLE1, bounds=POSITIVE)
v_ref = param("v_ref", 0.842, "1", "reflection by vessels", source=TABLE1, bounds=FRACTION)
v_ref_is = param("v_ref_is", 0.2, "1", "reflection by lymphatic vessels", source=TABLE1, bounds=FRACTION)
FcRn = param("FcRn", 49800, "nM", "FcRn in endosomes, free and bound", source=TABLE1, bounds=POSITIVE)
FR = param("FR", 0.715, "1", "fraction that FcRn returns to the blood", source=TABLE1, bounds=FRACTION)
kon_F = param("kon_F", 19.008, "1/nM/day", "association with FcRn", source=TABLE1, bounds=POSITIVE)
koff_F = param("koff_F", 573.6, "1/day", "dissociation from FcRn", source=TABLE1, bounds=POSITIVE)

kon = param("kon", 69.12, "1/nM/day", "association with PD-1", source=TABLE1, bounds=POSITIVE)
koff = param("koff", 3.456, "1/day", "dissociation from PD-1", source=TABLE1, bounds=POSITIVE)
kdeg = param("kdeg", 0.059, "1/day", "loss of PD-1 and its complex", source=TABLE1, bounds=POSITIVE)
PDb = param(
    "PDb", 792e6 * 1e4 / 6.02214e23 * 1e9, "nM", "PD-1 in blood", bounds=POSITIVE,
    source=f"{TABLE1}: computed from 792 T cells per uL and 10000 PD-1 per cell",
)  # fmt: skip
T_multi = param("T_multi", 4.32, "1", "PD-1 in tumor over that in blood, at first", source=TABLE2, bounds=POSITIVE)
Emax = param("Emax", 94.7, "1", "largest stimulation of PD-1 by its complex", source=TABLE2, bounds=POSITIVE)
EC50 = param("EC50", 1.46, "nM", "complex at half the maximal stimulation", source=TABLE2, bounds=POSITIVE)

W0 = param("W0", 0.0415, "L", "tumor volume at the start", source=TABLE3, bounds=POSITIVE, iiv=log(1 + 0.375**2) ** 0.5)
L0 = param(
    "L0", 0.0036, "1/day", "growth rate of the tumor", source=TABLE3, bounds=POSITIVE, iiv=log(1 + 0.594**2) ** 0.5,
    alternatives={name: (value, "1/day", TABLE3) for name, value in (("slow", 0.0017), ("fast", 0.0088))},
)  # fmt: skip
SLtg = param(
    "SLtg", 2.575e-6, "1/day", "kill rate at 1 % occupancy", source=f"{TABLE3}: allometric", bounds=POSITIVE,
    alternatives={
        "slow_proportional": (2.886e-7, "1/day", TABLE3),
        "medium_proportional": (6.247e-7, "1/day", TABLE3),
        "fast_proportional": (1.542e-6, "1/day", TABLE3),
    },
)  # fmt: skip
gamma = param("gamma", 2.28, "1", "exponent of occupancy on the kill rate", source=TABLE2, bounds=POSITIVE)

A1 = state("A1", "nmol", "pembrolizumab in the central compartment")
A2 = state("A2", "nmol", "pembrolizumab in the peripheral compartment")
Aeb = state("Aeb", "nmol", "pembrolizumab bound to FcRn in the tumor's endosomes")
Ais = state("Ais", "nmol", "free pembrolizumab in the tumor's interstitium")
Pb = state("Pb", "nM", "complex with PD-1 in blood")
Pt = state("Pt", "nmol", "complex with PD-1 in the tumor")
M = state("M", "nmol", "PD-1 in the tumor, free and bound", start=T_multi * PDb * f_is * W0)
W = state("W", "L", "tumor volume", start=W0)

Ves, Vis, PLQ = f_es * W, f_is * W, plq * W
L, CLup = f_L * PLQ, clup * Ves
C1, Ceb, Cis = A1 / V1, Aeb / Ves, Ais / Vis
Cvs = (PLQ * C1 + CLup * FR * Ceb) / (PLQ - v_ref * L + CLup)
Ceu = (CLup * (Cvs + Cis) / Ves + koff_F * Ceb) / (kon_F * (FcRn - Ceb) + kdeg_es)
binding_b = kon * C1 * (PDb - Pb) - koff * Pb
binding_t = kon * Cis * (M - Pt) - koff * Pt
RO = Pt / M
kill = Piecewise((SLtg * (100 * RO) ** gamma, Pt > 0), (0, True))

model = Model(
    "lindauer_2017",
    rates={
        A1: -CL * C1 - Vmax * C1 / (Km + C1) - Q * C1 + Q * A2 / V2 - PLQ * (C1 - Cvs) - V1 * binding_b,
        A2: Q * C1 - Q * A2 / V2,
        Aeb: Ves * (kon_F * Ceu * (FcRn - Ceb) - koff_F * Ceb) - CLup * Ceb,
        Ais: (1 - v_ref) * L * Cvs - (1 - v_ref_is) * L * Cis - CLup * Cis + CLup * (1 - FR) * Ceb - binding_t,
        Pb: binding_b - kdeg * Pb,
        Pt: binding_t - kdeg * Pt,
        M: kdeg * T_multi * PDb * f_is * W0 * (1 + Emax * Pt / (EC50 * Vis + Pt)) - kdeg * M,
        W: L0 * W - kill * W,
    },
    outputs={
        "C": output(C1, "pembrolizumab in plasma", "nM"),
        "RO": output(RO, "fraction of the tumor's PD-1 occupied"),
        "RO_blood": output(Pb / PDb, "fraction of the blood's PD-1 occupied"),
    },
    routes={"iv": {A1: A1 + dose("nmol", molar_mass="149 kDa")}},
)
