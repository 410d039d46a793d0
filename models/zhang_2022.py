"""Any-grade immune-related adverse events in lung cancer, by meta-analysis.

    logit P_any = b0 + b_PDL1 PDL1_drug + b_CTLA4 x + b_line later_line + b_chemo with_chemo
    x = Cav/IC50

Cav is the average concentration of an antibody to CTLA-4 (0 for none), IC50 its inhibition of
CTLA-4.  Exposure to antibodies against PD-1 and PD-L1 has no effect.  A part without states.

Source: Zhang R, Kong D, Chen R et al. A model-based meta-analysis of immune-related adverse events
during immune checkpoint inhibitors treatment for NSCLC. CPT Pharmacometrics Syst Pharmacol
11:1135-1146 (2022), doi 10.1002/psp4.12834, equation 4 and Table 3, as in nlmixr2lib's
Zhang_2022_ici_irae_mbma: 126 of 129 cohorts, with 19,322 patients in 81 studies.  IC50 are those of
`shulgin_2020`; the paper's own are 200 and 95.15 ng/mL.

It is a model of cohorts: the share of patients with an event, over follow-ups that differ, and not a
patient's risk by a time.  An antibody to PD-L1 alone in first line has P_any = 0.165.
"""

from sympy import exp

from pkpd import Model, given, output, param
from pkpd.models.shulgin_2020 import IC50

ZHANG = "Zhang 2022, as in nlmixr2lib Zhang_2022_ici_irae_mbma"
FLAG = "a property of the cohort: 0 or 1"

Cav = given("Cav", "nM", "average concentration of the CTLA-4 antibody")

b0 = param("b0", -1.2696, "1", "logit for an antibody to PD-1 in first line", source=ZHANG)
b_PDL1 = param("b_PDL1", -0.3484, "1", "effect of an antibody to PD-L1", source=ZHANG)
b_CTLA4 = param("b_CTLA4", 0.0013, "1", "effect of exposure to CTLA-4 antibody", source=ZHANG)
b_line = param("b_line", -0.4757, "1", "effect of second or later line", source=ZHANG)
b_chemo = param("b_chemo", 0.9093, "1", "effect of chemotherapy or targeted drugs", source=ZHANG)
PDL1_drug = param("PDL1_drug", 1, "1", "whether the antibody is to PD-L1", source=FLAG, bounds=(0, 1))
later_line = param("later_line", 0, "1", "whether second or later line", source=FLAG, bounds=(0, 1))
with_chemo = param("with_chemo", 0, "1", "whether with chemotherapy or targeted drugs", source=FLAG, bounds=(0, 1))

logit = b0 + b_PDL1 * PDL1_drug + b_CTLA4 * Cav / IC50 + b_line * later_line + b_chemo * with_chemo

model = Model(
    "zhang_2022", rates={}, outputs={"P_any": output(1 / (1 + exp(-logit)), "probability of an any-grade event")}
)
