"""Immune-related adverse events as a hazard that exposure drives.

    dH/dt = h0 + hmax C/(C50 + C)
    P_irae = 1 - exp(-H)

H is the cumulative hazard of the first event, P_irae the probability of one by then.

Source: an Emax hazard, as reviewed by Holford N, CPT Pharmacometrics Syst Pharmacol 2:e43
(2013).  hmax is computed from `zhang_2022`: a year at a saturating concentration has the
probability 0.165 of any-grade events of anti-PD-L1 in first line.  That analysis found no effect
of the exposure to antibodies against PD-1 and PD-L1, so C50 is far below therapeutic
concentrations; its value is illustrative.  Without a drug there are none (h0 = 0).

Two assumptions are illustrative besides: that the meta-analysis, of cohorts over follow-ups that
differ, has its events in a year of exposure, and that the hazard is constant while exposure lasts.
So the risk of a second year here is that of the first, which nobody measured.
"""

from math import log

from sympy import exp

from pkpd import Model, given, output, param, state

POSITIVE = (0, None)

C = given("C", "mg/L", "antibody in plasma", default=100)

h0 = param("h0", 0, "1/day", "hazard without drug", source="immune-related events need the drug", bounds=POSITIVE)
hmax = param(
    "hmax", -log(1 - 0.165) / 365, "1/day", "largest hazard by the drug", bounds=POSITIVE, iiv=0.5,
    source="computed from Zhang 2022: 0.165 in a year",
)  # fmt: skip
C50 = param(
    "C50",
    10,
    "mg/L",
    "concentration at half of that hazard",
    bounds=POSITIVE,
    source="illustrative: a seventh of the trough of 1500 mg, so that dose does not matter",
)

H = state("H", "1", "cumulative hazard of an adverse event")

model = Model(
    "irae_hazard",
    rates={H: h0 + hmax * C / (C50 + C)},
    outputs={"P_irae": output(1 - exp(-H), "probability of an immune-related adverse event so far")},
)
