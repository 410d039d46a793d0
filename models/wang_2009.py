"""Tumor size and survival in non-small-cell lung cancer.

    dshrink/dt = -SR shrink,    shrink(0) = TS0
    dgrow/dt   =  PR,           grow(0) = 0
    TS = shrink + grow = TS0 exp(-SR t) + PR t
    S  = 1 - Phi((ln(t/one_week) - mu)/sigma)
    mu = mu0 + b_ECOG ECOG + b_TS0 (TS0 - TS0_ref) + b_PTR PTR
    PTR = 1 - TS(t_PTR)/TS0

PTR is the fraction by which the tumor shrinks until t_PTR = 8 weeks; Phi is the normal
distribution function.

Source: Wang Y, Sung C, Dartois C et al. Elucidation of relationship between tumor size and
survival in non-small-cell lung cancer patients can aid early decision making in clinical drug
development. Clin Pharmacol Ther 86:167-174 (2009): the structure.  Its values found no
readable source; all numbers here are illustrative.

The growth is linear and independent of treatment; survival sees the tumor through its
baseline and week 8 alone.
"""

from sympy import erfc, exp, log, sqrt

from pkpd import Model, clock, output, param, state

INVENTED = "illustrative: the paper's value found no readable source"
POSITIVE = (0, None)

TS0 = param("TS0", 85, "mm", "tumor size at the start of treatment", source=INVENTED, bounds=POSITIVE)
SR = param("SR", 0.05, "1/week", "rate of shrinkage", source=INVENTED, bounds=POSITIVE, iiv=0.7)
PR = param("PR", 1, "mm/week", "linear growth", source=INVENTED, bounds=POSITIVE, iiv=0.7)
ECOG = param("ECOG", 0, "1", "ECOG performance status: 0, or 1 for 1 and above", source=INVENTED, bounds=(0, 1))
mu0 = param("mu0", 3.7, "1", "mean of ln(weeks of survival) of the reference patient", source=INVENTED)
sigma = param("sigma", 0.8, "1", "standard deviation of ln(survival)", source=INVENTED, bounds=POSITIVE)
b_ECOG = param("b_ECOG", -0.3, "1", "effect of ECOG 1 and above on mu", source=INVENTED)
b_TS0 = param("b_TS0", -0.003, "1/mm", "effect of the tumor size on mu", source=INVENTED)
TS0_ref = param("TS0_ref", 85, "mm", "tumor size of the reference patient", source=INVENTED, bounds=POSITIVE)
b_PTR = param("b_PTR", 0.8, "1", "effect of early shrinkage on mu", source=INVENTED)
t_PTR = param("t_PTR", 8, "week", "time of the early shrinkage", source="Wang 2009: week 8", bounds=POSITIVE)
one_week = param("one_week", 1, "week", "unit of time in mu", source="by definition of mu", bounds=POSITIVE)

shrink = state("shrink", "mm", "part of the tumor size that shrinks", start=TS0)
grow = state("grow", "mm", "part of the tumor size that has grown")

t = clock("week")
PTR = 1 - exp(-SR * t_PTR) - PR * t_PTR / TS0
mu = mu0 + b_ECOG * ECOG + b_TS0 * (TS0 - TS0_ref) + b_PTR * PTR
S = erfc((log(t / one_week) - mu) / (sqrt(2) * sigma)) / 2

model = Model(
    "wang_2009",
    rates={shrink: -SR * shrink, grow: PR},
    outputs={
        "TS": output(shrink + grow, "tumor size"),
        "PTR": output(PTR, "fraction by which the tumor shrinks early"),
        "S": output(S, "probability of survival"),
    },
    time="week",
)
