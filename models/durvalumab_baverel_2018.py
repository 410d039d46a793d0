"""Durvalumab in plasma: two compartments, linear and saturable elimination.

    dA1/dt = -(CL/V1) A1 - (Q/V1) A1 + (Q/V2) A2 - Vmax C/(Km + C)
    dA2/dt =  (Q/V1) A1 - (Q/V2) A2
    C = A1/V1

Source: Baverel PG et al. Population pharmacokinetics of durvalumab in cancer patients and
association with longitudinal biomarkers of disease status. Clin Pharmacol Ther 103:631-642
(2018), doi 10.1002/cpt.982 (1,409 patients). Values and covariate effects as in nlmixr2lib's
deVries_2025_durvalumab (from the paper's NONMEM control stream); the structural values also in
PMC6584248, Table 2.

The defaults are the reference patient: a man of 69.8 kg with 38 g/L albumin, a creatinine
clearance of 85.65 mL/min, ECOG 0, 74.8 mm of target lesions and 124.8 pg/mL of soluble
PD-L1.  Infusions last 1 h.  `iiv` is the square root of the published variance.  The
published correlations belong to the population and are `variability` here:
``population(model, n, seed, variability=variability)``.

Valid for the doses in use, 10 mg/kg every 2 weeks to 1500 mg every 4; a later analysis
(Zhao 2026) left out doses below 3 mg/kg, and has clearance fall by up to a third over
months, where it is constant here.  PMC6584248 lists
the same model with other covariate codings (antidrug antibodies 0.234; LDH 0.0915 as a
power of LDH/240 IU/L; soluble PD-L1 0.0844 as a power of sPDL1/124 pg/mL; sex -0.143;
ECOG -0.0630): the form of a covariate is a choice, not a constant.  The linear forms turn
negative far outside the range of the data.
"""

from pkpd import Model, block, dose, output, param, state

BAVEREL = "Baverel 2018, as in nlmixr2lib deVries_2025_durvalumab"
REFERENCE = f"reference patient of {BAVEREL}"
POSITIVE = (0, None)

CL = param("CL", 0.232, "L/day", "linear clearance", source=f"{BAVEREL}; PMC6584248", bounds=POSITIVE, iiv=0.0729**0.5)
V1 = param("V1", 3.51, "L", "central volume", source=f"{BAVEREL}; PMC6584248", bounds=POSITIVE, iiv=0.0437**0.5)
V2 = param("V2", 3.45, "L", "peripheral volume", source=f"{BAVEREL}; PMC6584248", bounds=POSITIVE, iiv=0.113**0.5)
Q = param("Q", 0.476, "L/day", "intercompartmental clearance", source=f"{BAVEREL}; PMC6584248", bounds=POSITIVE)
Vmax = param(
    "Vmax", 0.824, "mg/day", "largest rate of saturable elimination", source=f"{BAVEREL}; PMC6584248", bounds=POSITIVE
)
Km = param(
    "Km", 0.344, "mg/L", "concentration at half the maximal rate", source=f"{BAVEREL}; PMC6584248", bounds=POSITIVE
)

WT = param("WT", 69.8, "kg", "body weight", source=REFERENCE, bounds=POSITIVE)
ALB = param("ALB", 38, "g/L", "serum albumin", source=REFERENCE, bounds=POSITIVE)
CRCL = param("CRCL", 85.65, "mL/min", "creatinine clearance", source=REFERENCE, bounds=POSITIVE)
ECOG = param("ECOG", 0, "1", "ECOG performance status: 0, or 1 for 1 and above", source=REFERENCE, bounds=(0, 1))
female = param("female", 0, "1", "sex: 0 for men, 1 for women", source=REFERENCE, bounds=(0, 1))
TUMSZ = param("TUMSZ", 74.8, "mm", "sum of target lesion diameters at baseline", source=REFERENCE, bounds=POSITIVE)
sPDL1 = param("sPDL1", 124.8, "pg/mL", "soluble PD-L1 at baseline", source=REFERENCE, bounds=POSITIVE)

WT_ref = param("WT_ref", 69.8, "kg", "reference body weight", source=BAVEREL, bounds=POSITIVE)
ALB_ref = param("ALB_ref", 38, "g/L", "reference albumin", source=BAVEREL, bounds=POSITIVE)
CRCL_ref = param("CRCL_ref", 85.65, "mL/min", "reference creatinine clearance", source=BAVEREL, bounds=POSITIVE)
TUMSZ_ref = param("TUMSZ_ref", 74.8, "mm", "reference tumor size", source=BAVEREL, bounds=POSITIVE)
sPDL1_ref = param("sPDL1_ref", 124.8, "pg/mL", "reference soluble PD-L1", source=BAVEREL, bounds=POSITIVE)

CL_WT = param("CL_WT", 0.389, "1", "exponent of weight on CL", source=BAVEREL)
CL_ALB = param("CL_ALB", -0.035, "L/g", "effect of albumin on CL", source=BAVEREL)
CL_CRCL = param("CL_CRCL", 0.00149, "min/mL", "effect of creatinine clearance on CL", source=BAVEREL)
CL_ECOG = param("CL_ECOG", 0.937, "1", "factor on CL for ECOG 1 and above", source=BAVEREL, bounds=POSITIVE)
CL_female = param("CL_female", 0.857, "1", "factor on CL for women", source=BAVEREL, bounds=POSITIVE)
CL_TUMSZ = param("CL_TUMSZ", 0.00178, "1/mm", "effect of tumor size on CL", source=BAVEREL)
V1_WT = param("V1_WT", 0.406, "1", "exponent of weight on V1", source=BAVEREL)
V1_female = param("V1_female", 0.835, "1", "factor on V1 for women", source=BAVEREL, bounds=POSITIVE)
V2_female = param("V2_female", 0.795, "1", "factor on V2 for women", source=BAVEREL, bounds=POSITIVE)
Vmax_sPDL1 = param("Vmax_sPDL1", 0.00336, "mL/pg", "effect of soluble PD-L1 on Vmax", source=BAVEREL)

# The values of one patient (i): the typical value times the effects of the covariates.
CLi = (
    CL
    * (1 + CL_ALB * (ALB - ALB_ref))
    * (1 + CL_CRCL * (CRCL - CRCL_ref))
    * (1 + CL_TUMSZ * (TUMSZ - TUMSZ_ref))
    * CL_ECOG**ECOG
    * CL_female**female
    * (WT / WT_ref) ** CL_WT
)
V1i = V1 * V1_female**female * (WT / WT_ref) ** V1_WT
V2i = V2 * V2_female**female
Vmaxi = Vmax * (1 + Vmax_sPDL1 * (sPDL1 - sPDL1_ref))

A1 = state("A1", "mg", "durvalumab in the central compartment")
A2 = state("A2", "mg", "durvalumab in the peripheral compartment")
C = A1 / V1i

model = Model(
    "durvalumab_baverel_2018",
    rates={
        A1: -CLi * C - Q * C + Q * A2 / V2i - Vmaxi * C / (Km + C),
        A2: Q * C - Q * A2 / V2i,
    },
    outputs={"C": output(C, "durvalumab in plasma")},
    routes={"iv": {A1: A1 + dose("mg")}},
)

# Of the etas of CL, V1 and V2, whose variances are their iiv; same source.
variability = block(["CL", "V1", "V2"], correlations={("CL", "V1"): 0.279, ("V1", "V2"): 0.560, ("CL", "V2"): 0.0})
