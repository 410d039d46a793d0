"""Tumor size and survival in non-small-cell lung cancer, over twelve treatments.

    dgrow/dt   =  kgi grow,      grow(0) = TSb
    dshrink/dt = -ksi shrink,    shrink(0) = TSb
    TS = grow + shrink - TSb

    TSb = TS0 (1 + TS0_N (N - N_ref))
    kgi = kge (LDH/LDH_ref)^kge_LDH
    ksi = kse exp(kse_PDL1 PDL1 PD1)
    TTG = max(0, (ln ksi - ln kgi)/(kgi + ksi))

    S  = 1 - Phi((ln(t/one_day) - mu)/sigma)
    mu = mu0 - E_kg kgi/(kgi + kg50) + b_TS (TSb - 100 mm) + b_TTG (TTG - 39.9 week)
         + b_ALB (ALB - 39.4 g/L) + b_TPRO (TPRO - 71 g/L) + b_NLR (NLR - 4.1)

S is the probability of survival, log-normal, with Phi the normal distribution function; `os_times` is
the same of the metrics of another tumor model.  A
treatment is the alternative of its name for both kge and kse, with PD1 = 1 where an antibody
to PD-1 is part of it (all but chemotherapy, feladilimab, both of them, and io_combination).

Source: Struemper H, Rathi C, Muliaditan M et al. Development of a joint tumor size-overall
survival modeling and simulation framework supporting oncology development decision-making. CPT
Pharmacometrics Syst Pharmacol 14:1006-1017 (2025), doi 10.1002/psp4.70002, Tables 2 and 3; as in
nlmixr2lib's Struemper_2025_tumorsize_OS_nsclc (786 patients of seven trials).

PDL1 = 0 leaves the rates of Table 2 as they stand; its median was 15 %, and 70 % was put in for
all patients on pembrolizumab alone.  The median number of target lesions was 2.
`iiv` is the square root of the published variance.  The published covariances (that of kge and kse is
printed as that of kge with itself) are `variability`, for the trial of pembrolizumab alone; in all
others the eta of kge has the Box-Cox shape -0.3744, as in `variability_others`:
``population(model, n, seed, variability=variability)``.  The residual error of TS has the variances
6.324 mm^2 and 0.01276.

kse of feladilimab is not identified (95 % CI 2e-15 to 6e3).

Beside trials that it has not seen: survival of its population under docetaxel (2 target lesions) is within
4 points of the docetaxel arm of OAK from month 6 to 30 (reconstructed curve of Fehrenbacher 2018).  Under
pembrolizumab at PD-L1 of 70 % it is 4 points or less above KEYNOTE-042's patients of 50 % and more from month
24 on, but 13 points above them at month 6: early deaths are missed.
"""

from math import exp as number

import numpy as np
from sympy import Max, erfc, exp, log, sqrt

from pkpd import (
    Model,
    block,
    boxcox,
    clock,
    linear_effect,
    lognormal,
    lognormal_times,
    output,
    param,
    power_effect,
    state,
)

TABLE2 = "Struemper 2025, Table 2, as in nlmixr2lib"
TABLE3 = "Struemper 2025, Table 3, as in nlmixr2lib"
REFERENCE = "reference patient of Struemper 2025"
POSITIVE = (0, None)

RATES = {
    "pembrolizumab": (0.00651, 0.01700),
    "feladilimab": (0.01135, 3.396e-6),
    "chemotherapy": (0.01822, 0.03566),
    "feladilimab_chemotherapy": (0.01672, 0.02805),
    "io_combination": (0.01442, 0.007894),
    "dostarlimab": (0.008105, 0.01615),
    "dostarlimab_chemotherapy": (0.008845, 0.03504),
    "pembrolizumab_chemotherapy": (0.01153, 0.03499),
    "cobolimab_100mg_dostarlimab": (0.01372, 0.005006),
    "cobolimab_300mg_dostarlimab": (0.01257, 0.01125),
    "cobolimab_900mg_dostarlimab": (0.01603, 0.006273),
    "cobolimab_300mg_dostarlimab_D": (0.01267, 0.00448),
}  # (kge, kse) per week

TS0 = param(
    "TS0", 86.07, "mm", "tumor size at the start, for three lesions", source=TABLE2, bounds=POSITIVE, iiv=0.2645**0.5
)
kge = param(
    "kge", 0.00651, "1/week", "growth rate", source=f"{TABLE2} (pembrolizumab)", bounds=POSITIVE, iiv=0.8715**0.5,
    alternatives={name: (g, "1/week", TABLE2) for name, (g, _) in RATES.items()},
)  # fmt: skip
kse = param(
    "kse", 0.01700, "1/week", "rate of shrinkage", source=f"{TABLE2} (pembrolizumab)", bounds=POSITIVE, iiv=0.9174**0.5,
    alternatives={name: (s, "1/week", TABLE2) for name, (_, s) in RATES.items()},
)  # fmt: skip

N = param("N", 3, "1", "number of target lesions", source=REFERENCE, bounds=POSITIVE)
LDH = param("LDH", 225.5, "IU/L", "lactate dehydrogenase in serum", source=REFERENCE, bounds=POSITIVE)
PDL1 = param("PDL1", 0, "1", "PD-L1 expression of the tumor in percent", source="illustrative", bounds=(0, 100))
PD1 = param(
    "PD1", 1, "1", "1 where treatment has an antibody to PD-1", source=f"{TABLE2} (pembrolizumab)", bounds=(0, 1)
)
ALB = param("ALB", 39.4, "g/L", "serum albumin", source=REFERENCE, bounds=POSITIVE)
TPRO = param("TPRO", 71, "g/L", "total serum protein", source=REFERENCE, bounds=POSITIVE)
NLR = param("NLR", 4.1, "1", "ratio of neutrophils to lymphocytes", source=REFERENCE, bounds=POSITIVE)

TS0_N = param("TS0_N", 0.288, "1", "effect of a lesion more on the tumor size", source=TABLE3)
kge_LDH = param("kge_LDH", 0.474, "1", "exponent of LDH on kge", source=TABLE3)
kse_PDL1 = param("kse_PDL1", 0.00902, "1", "effect of a percent of PD-L1 on ln(kse)", source=TABLE3)

mu0 = param("mu0", 6.94, "1", "mean of ln(days of survival) of the reference patient", source=TABLE3)
sigma = param("sigma", number(-0.331), "1", "standard deviation of ln(survival)", source=TABLE3, bounds=POSITIVE)
E_kg = param("E_kg", 6.91, "1", "largest effect of growth on mu", source=f"{TABLE3} (fixed)", bounds=POSITIVE)
kg50 = param("kg50", 0.109, "1/week", "growth rate at half the maximal effect", source=TABLE3, bounds=POSITIVE)
b_TS = param("b_TS", -0.00366, "1/mm", "effect of the tumor size on mu", source=TABLE3)
TS_ref = param("TS_ref", 100, "mm", "tumor size without effect on mu", source=TABLE3, bounds=POSITIVE)
b_TTG = param("b_TTG", 0.0124, "1/week", "effect of the time to growth on mu", source=TABLE3)
TTG_ref = param("TTG_ref", 39.9, "week", "time to growth without effect on mu", source=TABLE3, bounds=POSITIVE)
b_ALB = param("b_ALB", 0.0452, "L/g", "effect of albumin on mu", source=TABLE3)
ALB_ref = param("ALB_ref", 39.4, "g/L", "albumin without effect on mu", source=TABLE3, bounds=POSITIVE)
b_TPRO = param("b_TPRO", 0.0194, "L/g", "effect of total protein on mu", source=TABLE3)
TPRO_ref = param("TPRO_ref", 71, "g/L", "total protein without effect on mu", source=TABLE3, bounds=POSITIVE)
b_NLR = param("b_NLR", -0.0141, "1", "effect of the ratio of neutrophils to lymphocytes on mu", source=TABLE3)
NLR_ref = param("NLR_ref", 4.1, "1", "ratio without effect on mu", source=TABLE3, bounds=POSITIVE)
one_day = param("one_day", 1 / 7, "week", "unit of time in mu", source="by definition of mu", bounds=POSITIVE)

TSb = TS0 * linear_effect(N, 3, TS0_N, source=TABLE3)
kgi = kge * power_effect(LDH, 225.5, kge_LDH, source=TABLE3)
ksi = kse * exp(kse_PDL1 * PDL1 * PD1)
TTG = Max(0, log(ksi / kgi) / (kgi + ksi))
mu = (
    mu0
    - E_kg * kgi / (kgi + kg50)
    + b_TS * (TSb - TS_ref)
    + b_TTG * (TTG - TTG_ref)
    + b_ALB * (ALB - ALB_ref)
    + b_TPRO * (TPRO - TPRO_ref)
    + b_NLR * (NLR - NLR_ref)
)
t = clock("week")

grow = state("grow", "mm", "part of the tumor size that grows", start=TSb)
shrink = state("shrink", "mm", "part of the tumor size that shrinks", start=TSb)

model = Model(
    "struemper_2025",
    rates={grow: kgi * grow, shrink: -ksi * shrink},
    outputs={
        "TS": output(grow + shrink - TSb, "tumor size"),
        "TTG": output(TTG, "time at which the tumor is smallest"),
        "mu": output(mu, "mean of ln(days of survival)"),
        "S": output(erfc((log(t / one_day) - mu) / (sqrt(2) * sigma)) / 2, "probability of survival"),
    },
    time="week",
)

# Of the etas of TSb, kge and kse, whose variances are their iiv; Table 2.
COVARIANCES = {("TS0", "kge"): 0.01911, ("TS0", "kse"): -0.06367, ("kge", "kse"): 0.1504}
correlations = {
    (a, b): value / (model[a].declaration.iiv * model[b].declaration.iiv) for (a, b), value in COVARIANCES.items()
}
variability = block(["TS0", "kge", "kse"], correlations=correlations)
variability_others = block(
    {"TS0": lognormal(), "kge": boxcox(shape=-0.3744), "kse": lognormal()}, correlations=correlations
)


def os_times(growth, TTG, size, *, ALB=ALB.value, TPRO=TPRO.value, NLR=NLR.value):
    """The distribution of survival (day) by growth rate (1/week), time to growth (week) and size (mm).

    Of any tumor model; numbers, or one for each patient.
    """
    growth, TTG, size = (np.asarray(values, dtype=float) for values in (growth, TTG, size))
    by_tumor = (
        -E_kg.value * growth / (growth + kg50.value)
        + b_TS.value * (size - TS_ref.value)
        + b_TTG.value * (np.maximum(TTG, 0) - TTG_ref.value)
    )
    by_blood = (
        b_ALB.value * (ALB - ALB_ref.value)
        + b_TPRO.value * (TPRO - TPRO_ref.value)
        + b_NLR.value * (NLR - NLR_ref.value)
    )
    return lognormal_times(mu0.value + by_tumor + by_blood, sigma.value)
