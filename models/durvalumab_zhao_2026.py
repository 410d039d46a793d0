"""Durvalumab in plasma: two compartments, clearance that falls with time.

    dcentral/dt    = -CLt C - Q C + Q peripheral/V2,    C = central/V1
    dperipheral/dt =          Q C - Q peripheral/V2
    CLt = CL exp(Tmax t^g/(TC50^g + t^g))

t is the time since the start of the simulation, which is to be that of the first dose.

Source: Zhao X, Ding J, Zhao J et al. Population pharmacokinetics and exposure-response
analysis of durvalumab in patients with resectable stage II to IIIB (N2) NSCLC in the phase
III AEGEAN study. Br J Clin Pharmacol 92:980-996 (2026), doi 10.1002/bcp.70287, Table 3;
values and covariate effects as in nlmixr2lib's Zhao_2026_durvalumab (3,205 patients of six
studies).

The defaults are the reference patient: a man of 69.4 kg with 39 g/L albumin, a creatinine
clearance of 85.66 mL/min and ECOG 0 on durvalumab alone.  `iiv` is the square root of the
published variance.  The published covariance of CL and V1, and the variance of Tmax, are
`variability`: ``population(model, n, seed, variability=variability)``.  That the eta of Tmax adds to
it, as in the authors' other models, the paper does not say.  The residual error is 25.3 % and 5.38
mg/L.

Valid for 3 mg/kg and more: lower doses, which a target clears, were left out.  CL falls by
at most 1 - exp(Tmax) = 34 %.  Chemotherapy counts as constant, where in AEGEAN it ended with
surgery.
"""

from sympy import exp

from pkpd import Model, block, category_effect, clock, dose, normal, output, param, power_effect, state

ZHAO = "Zhao 2026, Table 3, as in nlmixr2lib Zhao_2026_durvalumab"
REFERENCE = "reference patient of Zhao 2026"
POSITIVE = (0, None)
BINARY = (0, 1)

CL = param("CL", 0.285, "L/day", "clearance at the first dose", source=ZHAO, bounds=POSITIVE, iiv=0.0845**0.5)
V1 = param("V1", 3.42, "L", "central volume", source=ZHAO, bounds=POSITIVE, iiv=0.0563**0.5)
Q = param("Q", 0.381, "L/day", "intercompartmental clearance", source=ZHAO, bounds=POSITIVE)
V2 = param("V2", 2.30, "L", "peripheral volume", source=ZHAO, bounds=POSITIVE)
Tmax = param("Tmax", -0.412, "1", "change of ln(CL) in the long run", source=ZHAO)
TC50 = param("TC50", 48.0, "day", "time at half the maximal change", source=ZHAO, bounds=POSITIVE)
g = param("g", 1, "1", "steepness of the change in time", source=f"{ZHAO} (fixed)", bounds=POSITIVE)

WT = param("WT", 69.4, "kg", "body weight", source=REFERENCE, bounds=POSITIVE)
ALB = param("ALB", 39, "g/L", "serum albumin", source=REFERENCE, bounds=POSITIVE)
CRCL = param("CRCL", 85.66, "mL/min", "creatinine clearance", source=REFERENCE, bounds=POSITIVE)
female = param("female", 0, "1", "sex: 0 for men, 1 for women", source=REFERENCE, bounds=BINARY)
ECOG = param("ECOG", 0, "1", "ECOG performance status: 0, or 1 for 1 and above", source=REFERENCE, bounds=BINARY)
chemo = param("chemo", 0, "1", "1 with chemotherapy and no tremelimumab", source=REFERENCE, bounds=BINARY)
treme = param("treme", 0, "1", "1 with chemotherapy and tremelimumab", source=REFERENCE, bounds=BINARY)

CL_ALB = param("CL_ALB", -0.526, "1", "exponent of albumin on CL", source=ZHAO)
CL_CRCL = param("CL_CRCL", 0.112, "1", "exponent of creatinine clearance on CL", source=ZHAO)
CL_WT = param("CL_WT", 0.378, "1", "exponent of weight on CL", source=ZHAO)
CL_female = param("CL_female", -0.166, "1", "change of CL for women", source=ZHAO)
CL_ECOG = param("CL_ECOG", -0.0604, "1", "change of CL for ECOG 1 and above", source=ZHAO)
CL_chemo = param("CL_chemo", -0.0701, "1", "change of CL with chemotherapy", source=ZHAO)
CL_treme = param("CL_treme", -0.0578, "1", "change of CL with chemotherapy and tremelimumab", source=ZHAO)
V1_WT = param("V1_WT", 0.503, "1", "exponent of weight on V1", source=ZHAO)
V1_female = param("V1_female", -0.144, "1", "change of V1 for women", source=ZHAO)

# The values of one patient (i): the typical value times the effects of the covariates.
CLi = (
    CL
    * power_effect(ALB, 39, CL_ALB, source=ZHAO)
    * power_effect(CRCL, 85.66, CL_CRCL, source=ZHAO)
    * power_effect(WT, 69.4, CL_WT, source=ZHAO)
    * category_effect(female, CL_female)
    * category_effect(ECOG, CL_ECOG)
    * category_effect(chemo, CL_chemo)
    * category_effect(treme, CL_treme)
)
V1i = V1 * power_effect(WT, 69.4, V1_WT, source=ZHAO) * category_effect(female, V1_female)

t = clock("day")
since = (t / TC50) ** g
CLt = CLi * exp(Tmax * since / (1 + since))

central = state("central", "mg", "durvalumab in the central compartment")
peripheral = state("peripheral", "mg", "durvalumab in the peripheral compartment")
C = central / V1i

model = Model(
    "durvalumab_zhao_2026",
    rates={central: -CLt * C - Q * C + Q * peripheral / V2, peripheral: Q * C - Q * peripheral / V2},
    outputs={"C": output(C, "durvalumab in plasma"), "CLt": output(CLt, "clearance at this time", "L/day")},
    routes={"iv": {central: central + dose("mg")}},
)

# Of the etas of CL and V1, and of Tmax; Zhao 2026, Table 3.
variability = [block(["CL", "V1"], covariance=[0.0845, 0.0408, 0.0563]), {"Tmax": normal(sd=0.0534**0.5)}]
