"""Tumor size and survival in lung cancer, linked by the time to growth.

    dTS/dt = KL TS - KDE exp(-lambda_ t) TS,    TS(0) = TS0
    TS(t)  = TS0 exp(KL t - KDE (1 - exp(-lambda_ t))/lambda_)
    TTG    = (ln KDE - ln KL)/lambda_                       time at which the tumor is smallest

    S  = 1 - Phi((ln(t/one_day) - mu)/sigma)
    mu = mu0 + b_TS TS0 + b_TTG ln((TTG + TTG_shift)/one_day) + b_asian asian + b_smoker smoker

    Sn  = 1 - Phi((ln(t/one_day) - mun)/sigman),    mun = mun0 + bn_ALB ALB

S is the probability of survival of a patient whose tumor can be measured, Sn of one whose tumor
cannot: both log-normal, with Phi the normal distribution function.  14 % of patients were of the
second kind, and the paper's trials mix the two.  `os_times` is the link alone, of the metrics of any
tumor model.

Source: Claret L, Bruno R, Lu J-F, Sun Y-N, Hsu C-P. Exploratory modeling and simulation to support
development of motesanib in Asian patients with non-small cell lung cancer based on MONET1 study
results. Clin Pharmacol Ther 95:446-451 (2014), doi 10.1038/clpt.2014.11, Tables 3, S1 and S2, as in
nlmixr2lib's Claret_2014_motesanib_tumorsize_OS and _OS_nonevaluable: 934 patients with first-line
carboplatin and paclitaxel, with or without motesanib.

Table S1 prints the estimates of KDE and lambda transposed.  As printed, the typical TTG is 281 days
and the typical size at week 8 is 0.47 of that at the start; exchanged, as here and in nlmixr2lib, 117
days and 0.75, between the published medians of the two arms (93 and 125 days, 0.77 and 0.69).

The size has no arm: whom a population draws belongs to neither.  `variability` is the published one,
whose etas are independent; the residual error is 7.849 mm.  TTG is negative where a tumor never
shrinks.  At TTG below -100 days the published mu does not exist: mu and S are NaN there, in 0.5 % of
draws from `variability`.  Standard errors of mu0, b_TS, b_TTG, b_asian, b_smoker and ln sigma are
0.436, 0.00035, 0.0794, 0.069, 0.063 and 0.0282; their covariance (Table S3) found no readable source, and
mu0 and b_TTG cannot be independent, so that no uncertainty of the estimates is exported.

Beside a trial that it has not seen, the chemotherapy arm of KEYNOTE-042 (first line, reconstructed curve of
Mok 2019, Fig. 2c): survival of its population (21 % Asian, 80 % smokers, which is illustrative) is within 2 points
from month 6 to 30 where all are evaluable, and up to 5 points too low where 14 % are not.
"""

from math import exp as number

import numpy as np
from sympy import erfc, exp, log, sqrt

from pkpd import Model, ParameterError, clock, lognormal, lognormal_times, output, param, state

COPY = "as in nlmixr2lib Claret_2014_motesanib_tumorsize_OS"
TABLE_S1 = f"Claret 2014, Table S1, {COPY}"
TRANSPOSED = f"{TABLE_S1}, exchanged: see the text"
TABLE_3 = f"Claret 2014, Table 3, {COPY}"
TABLE_S2 = "Claret 2014, Table S2, as in nlmixr2lib Claret_2014_motesanib_OS_nonevaluable"
REFERENCE = "reference patient of Claret 2014"
POSITIVE = (0, None)
BINARY = (0, 1)

TS0 = param("TS0", 90, "mm", "tumor size at the start", source=TABLE_S1, bounds=POSITIVE, iiv=0.683)
KL = param("KL", 0.00107, "1/day", "growth rate", source=TABLE_S1, bounds=POSITIVE, iiv=1.18)
KDE = param("KDE", 0.0103, "1/day", "kill rate at the start", source=TRANSPOSED, bounds=POSITIVE, iiv=0.679)
lambda_ = param(
    "lambda_", 0.0193, "1/day", "rate at which the kill is lost", source=TRANSPOSED, bounds=POSITIVE, iiv=0.797
)

mu0 = param("mu0", 1.079, "1", "intercept of mu", source=TABLE_3)
b_TS = param("b_TS", -0.00197, "1/mm", "effect of the tumor size at the start on mu", source=TABLE_3)
b_TTG = param("b_TTG", 0.97695, "1", "effect of ln(TTG + TTG_shift) on mu", source=TABLE_3)
b_asian = param("b_asian", 0.319, "1", "effect of Asian ethnicity on mu", source=TABLE_3)
b_smoker = param("b_smoker", -0.264, "1", "effect of smoking, now or before, on mu", source=TABLE_3)
sigma = param("sigma", number(-0.24), "1", "standard deviation of ln(survival)", source=TABLE_3, bounds=POSITIVE)
TTG_shift = param("TTG_shift", 100, "day", "what is added to TTG", source=f"Claret 2014, Methods, {COPY}")
asian = param("asian", 0, "1", "1 for Asian patients", source=REFERENCE, bounds=BINARY)
smoker = param("smoker", 1, "1", "1 for patients who smoke or have smoked", source=REFERENCE, bounds=BINARY)

mun0 = param("mun0", 0.681, "1", "intercept of mu of those not evaluable", source=TABLE_S2)
bn_ALB = param("bn_ALB", 0.108, "L/g", "effect of albumin on that mu", source=TABLE_S2)
sigman = param(
    "sigman", number(0.502), "1", "standard deviation of their ln(survival)", source=TABLE_S2, bounds=POSITIVE
)
ALB = param("ALB", 38, "g/L", "serum albumin", source="illustrative: an ordinary value", bounds=POSITIVE)
one_day = param("one_day", 1, "day", "unit of time in mu", source="by definition of mu", bounds=POSITIVE)

TS = state("TS", "mm", "tumor size", start=TS0)

t = clock("day")
TTG = log(KDE / KL) / lambda_
mu = mu0 + b_TS * TS0 + b_TTG * log((TTG + TTG_shift) / one_day) + b_asian * asian + b_smoker * smoker
mun = mun0 + bn_ALB * ALB


def survival(center, spread):
    """The probability of a log-normal survival beyond t."""
    return erfc((log(t / one_day) - center) / (sqrt(2) * spread)) / 2


model = Model(
    "claret_2014",
    rates={TS: KL * TS - KDE * exp(-lambda_ * t) * TS},
    outputs={
        "TTG": output(TTG, "time at which the tumor is smallest"),
        "mu": output(mu, "mean of ln(days of survival)"),
        "S": output(survival(mu, sigma), "probability of survival"),
        "Sn": output(survival(mun, sigman), "probability of survival of those not evaluable"),
    },
)

# Of the four etas, independent; Table S1.
variability = {name: lognormal() for name in ("TS0", "KL", "KDE", "lambda_")}


def os_times(TTG, TS0, *, asian=0, smoker=1):
    """The distribution of survival (day) by time to growth (day) and size at the start (mm) of any tumor model.

    Numbers, or one for each patient.  A tumor that has not turned has no TTG: the paper's is that of its model.
    """
    shifted = np.asarray(TTG, dtype=float) + TTG_shift.value
    if not (shifted > 0).all():
        raise ParameterError(
            f"claret_2014: a time to growth is {np.min(TTG):g} day; the published link needs more than "
            f"-{TTG_shift.value:g} day."
        )
    by_tumor = b_TS.value * np.asarray(TS0, dtype=float) + b_TTG.value * np.log(shifted)
    return lognormal_times(mu0.value + by_tumor + b_asian.value * asian + b_smoker.value * smoker, sigma.value)
