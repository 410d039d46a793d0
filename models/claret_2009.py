"""Tumor size in colorectal cancer: growth, drug effect, and resistance to it.

    dTS/dt = K_L TS - K_D exp(-lambda_ t) exposure TS
    TS(t) = TS0 exp(K_L t - K_D exposure (1 - exp(-lambda_ t))/lambda_)   at a constant exposure

A part: another may give the exposure; alone it is constant.

Source: Claret L, Girard P, Hoff PM et al. Model-based prediction of phase III overall survival
in colorectal cancer on the basis of phase II tumor dynamics. J Clin Oncol 27:4103-4108 (2009);
values as in BioModels MODEL1708310001, which are not verified in the paper.

The public SBML (not curated) counts time in days, and exposure in pulses of 12 over 1.5 h twice
a day: 1.5 on average on the 14 of 21 days that are treated.  Per day, K_L = 0.021 would double
an untreated tumor every 33 days, and take 200 mm to 400 m within a year; the rates are taken per
week here, which is illustrative: no source of the paper's own table was readable.  Another review of
published models (verification dossier of the dataset onkos) takes the file's three rates for
placeholders.  Use the structure; fit the rates.
The paper's survival model (log-normal, from the size at baseline and its change by week 7) has
no readable source, and is left out.
"""

from sympy import exp

from pkpd import Model, clock, given, param, state

SBML = "MODEL1708310001, not verified in Claret 2009; per week is illustrative"
POSITIVE = (0, None)

exposure = given("exposure", "1", "exposure to the drug, in the paper's unit", default=1.5)

TS0 = param(
    "TS0", 200, "mm", "tumor size at the start", source="MODEL1708310001, not verified in Claret 2009", bounds=POSITIVE
)
K_L = param("K_L", 0.021, "1/week", "growth rate", source=SBML, bounds=POSITIVE)
K_D = param("K_D", 0.025, "1/week", "kill rate per exposure, before resistance", source=SBML, bounds=POSITIVE)
lambda_ = param("lambda_", 0.053, "1/week", "rate at which resistance appears", source=SBML, bounds=POSITIVE)

TS = state("TS", "mm", "tumor size", start=TS0)
t = clock("week")

model = Model("claret_2009", rates={TS: K_L * TS - K_D * exp(-lambda_ * t) * exposure * TS}, time="week")
