"""Treatment-related adverse events of grade 3 and 4, by meta-analysis.

    logit P_severe = c0 + c_CTLA4 x + c_both x PD1_drug,    x = Cav/IC50

Cav is the average concentration of an antibody to CTLA-4 (0 for none), IC50 its inhibition of
CTLA-4, PD1_drug whether an antibody to PD-1 is given with it.  A part without states.

Source: Shulgin B, Kosinsky Y, Omelchenko A et al. Dose dependence of treatment-related adverse events
for immune checkpoint inhibitor therapies: a model-based meta-analysis. Oncoimmunology 9:1748982
(2020), doi 10.1080/2162402X.2020.1748982; values, from 147 cohorts with 21,305 patients, as in
nlmixr2lib's Shulgin_2020_ici_trae34_mbma.  IC50 of ipilimumab is the value that matches the axis of the
paper's figure.
"""

from sympy import exp

from pkpd import Model, given, output, param

SHULGIN = "Shulgin 2020, as in nlmixr2lib Shulgin_2020_ici_trae34_mbma"
FLAG = "a property of the cohort: 0 or 1"

Cav = given("Cav", "nM", "average concentration of the CTLA-4 antibody")

c0 = param("c0", -1.44, "1", "logit without CTLA-4 antibody", source=SHULGIN)
c_CTLA4 = param("c_CTLA4", 0.0015, "1", "effect of exposure to CTLA-4 antibody", source=SHULGIN)
c_both = param("c_both", 0.011, "1", "effect of that exposure with an antibody to PD-1", source=SHULGIN)
IC50 = param(
    "IC50", 1.33, "nM", "inhibition of CTLA-4 by its antibody", bounds=(0, None), source=f"{SHULGIN}: ipilimumab",
    alternatives={
        "ipilimumab": (1.33, "nM", SHULGIN),
        "tremelimumab": (0.65, "nM", SHULGIN),
    },
)  # fmt: skip
PD1_drug = param("PD1_drug", 0, "1", "whether with an antibody to PD-1", source=FLAG, bounds=(0, 1))

x = Cav / IC50
logit = c0 + c_CTLA4 * x + c_both * x * PD1_drug

model = Model(
    "shulgin_2020", rates={}, outputs={"P_severe": output(1 / (1 + exp(-logit)), "probability of a grade 3 or 4 event")}
)
