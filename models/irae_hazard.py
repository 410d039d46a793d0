"""Immune-related adverse events as a hazard that exposure drives, early most.

    dB/dt = x,    x = C/(C50 + C)
    dH/dt = h0 + hmax x exp(-B/tau)
    P_irae = 1 - exp(-H)

B is the exposure so far, in days at saturation, H the cumulative hazard of the first event, P_irae the
probability of one by then.

Source: an Emax hazard, as reviewed by Holford N, CPT Pharmacometrics Syst Pharmacol 2:e43
(2013).  hmax is computed from `zhang_2022`: a year at a saturating concentration has the
probability 0.165 of any-grade events of anti-PD-L1 in first line.  That analysis found no effect
of the exposure to antibodies against PD-1 and PD-L1, so C50 is far below therapeutic
concentrations; its value is illustrative.  Without a drug there are none (h0 = 0).

That the hazard falls with exposure says that those who are prone to an event have it early; its time
tau is illustrative, no source for the onset under durvalumab was read.  So is that the meta-analysis, of
cohorts over follow-ups that differ, has its events in a year of exposure.  With tau beyond 1e4 days the
hazard is constant and hmax 4.94e-4 a day.
"""

from math import exp as number_exp
from math import log

from sympy import exp

from pkpd import Model, given, output, param, state

POSITIVE = (0, None)

C = given("C", "mg/L", "antibody in plasma", default=100)

h0 = param("h0", 0, "1/day", "hazard without drug", source="immune-related events need the drug", bounds=POSITIVE)
ONSET = 100
hmax = param(
    "hmax", round(-log(1 - 0.165) / (ONSET * (1 - number_exp(-365 / ONSET))), 10), "1/day",
    "largest hazard by the drug",
    bounds=POSITIVE, iiv=0.5, source="computed from Zhang 2022 and tau: 0.165 in a year",
)  # fmt: skip
tau = param(
    "tau", ONSET, "day", "exposure in which the hazard falls to 1/e", bounds=POSITIVE,
    source="illustrative: most of the events of a year in its first five months",
)  # fmt: skip
C50 = param(
    "C50",
    10,
    "mg/L",
    "concentration at half the maximal hazard",
    bounds=POSITIVE,
    source="illustrative: a seventh of the trough of 1500 mg, so that dose does not matter",
)

B = state("B", "day", "exposure so far, in days at saturation")
H = state("H", "1", "cumulative hazard of an adverse event")

x = C / (C50 + C)

model = Model(
    "irae_hazard",
    rates={B: x, H: h0 + hmax * x * exp(-B / tau)},
    outputs={"P_irae": output(1 - exp(-H), "probability of an immune-related adverse event so far")},
)
