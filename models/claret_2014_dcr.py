"""Survival in lung cancer from disease control at week 8.

    dH_OS/dt  = h(t; mu_OS, sigma_OS),      S_OS  = exp(-H_OS)
    dH_PFS/dt = h(t; mu_PFS, sigma_PFS),    S_PFS = exp(-H_PFS)

    h(t; mu, sigma) = phi(z)/((t + eps) sigma (1 - Phi(z))),    z = (ln((t + eps)/one_month) - mu)/sigma
    mu_OS  = mu_OS0  + b_OS_DCR DCR  + b_OS_ALB low_ALB
    mu_PFS = mu_PFS0 + b_PFS_DCR DCR + b_PFS_BEV BEV

S_OS and S_PFS are the probabilities of survival and of survival without progression: log-normal, with
phi and Phi the normal density and distribution function.  DCR is 1 for a patient with a complete or
partial response or stable disease at the scan nearest to week 8 (weeks 3 to 14), 0 for progression.  `os_times` and
`pfs_times` are the links as distributions, of what a trial shows.

Source: Claret L, Gupta M, Han K, Joshi A, Sarapa N, He J, Powell B, Bruno R. Prediction of overall
survival or progression free survival by disease control rate at week 8 is independent of ethnicity:
Western versus Chinese patients with first-line non-small cell lung cancer treated with chemotherapy
with or without bevacizumab. J Clin Pharmacol 54:253-257 (2014), doi 10.1002/jcph.191, Tables 2 and 3,
as in nlmixr2lib's Claret_2014_DCR_OS_nsclc and _PFS_nsclc: 774 patients of E4599 and SAiL with a scan
in weeks 3 to 14, who have lived until it.

Survival of the evaluable is longer than that of all: the model's medians of the arms of E4599 are 11.6
and 13.5 months, the trial's 10.3 and 12.3.  For OS disease control tells all about bevacizumab; for PFS
it does not, so that the authors do not hold the link to PFS for one of any drug.

`uncertainty` has the estimates with their standard errors, drawn independently as the authors do: once
for a trial, not for a patient, ``population(model, n, seed, variability=uncertainty)``.
"""

from math import exp as number

import numpy as np
from sympy import erfc, exp, log, pi, sqrt

from pkpd import Model, clock, lognormal, lognormal_times, normal, output, param, state

TABLE_2 = "Claret 2014, Table 2, as in nlmixr2lib Claret_2014_DCR_OS_nsclc"
TABLE_3 = "Claret 2014, Table 3, as in nlmixr2lib Claret_2014_DCR_PFS_nsclc"
REFERENCE = "reference patient of Claret 2014"
POSITIVE = (0, None)
BINARY = (0, 1)

DCR = param("DCR", 1, "1", "1 for disease control at week 8", source="most patients of Claret 2014", bounds=BINARY)
low_ALB = param("low_ALB", 0, "1", "1 for albumin below 35 g/L", source=REFERENCE, bounds=BINARY)
BEV = param("BEV", 0, "1", "1 with bevacizumab", source=REFERENCE, bounds=BINARY)

mu_OS0 = param("mu_OS0", 1.855, "1", "mean of ln(months of survival) after progression", source=TABLE_2)
b_OS_DCR = param("b_OS_DCR", 0.939, "1", "effect of disease control on mu_OS", source=TABLE_2)
b_OS_ALB = param("b_OS_ALB", -0.270, "1", "effect of low albumin on mu_OS", source=TABLE_2)
sigma_OS = param("sigma_OS", number(-0.370), "1", "standard deviation of ln(survival)", source=TABLE_2, bounds=POSITIVE)
mu_PFS0 = param("mu_PFS0", 0.466, "1", "mean of ln(months without progression) after one", source=TABLE_3)
b_PFS_DCR = param("b_PFS_DCR", 1.378, "1", "effect of disease control on mu_PFS", source=TABLE_3)
b_PFS_BEV = param("b_PFS_BEV", 0.232, "1", "effect of bevacizumab on mu_PFS", source=TABLE_3)
sigma_PFS = param(
    "sigma_PFS", number(-0.641), "1", "standard deviation of ln(time without progression)", source=TABLE_3,
    bounds=POSITIVE,
)  # fmt: skip
one_month = param("one_month", 1, "month", "unit of time in mu", source="by definition of mu", bounds=POSITIVE)
eps = param(
    "eps", 1e-6, "month", "shift of time that keeps a hazard finite", source="illustrative: no time", bounds=POSITIVE
)

H_OS = state("H_OS", "1", "cumulative hazard of death")
H_PFS = state("H_PFS", "1", "cumulative hazard of progression or death")

t = clock("month")
mu_OS = mu_OS0 + b_OS_DCR * DCR + b_OS_ALB * low_ALB
mu_PFS = mu_PFS0 + b_PFS_DCR * DCR + b_PFS_BEV * BEV


def hazard(mu, sigma):
    """Of a log-normal time, by its density and survival."""
    z = (log((t + eps) / one_month) - mu) / sigma
    return sqrt(2 / pi) * exp(-(z**2) / 2) / ((t + eps) * sigma * erfc(z / sqrt(2)))


model = Model(
    "claret_2014_dcr",
    rates={H_OS: hazard(mu_OS, sigma_OS), H_PFS: hazard(mu_PFS, sigma_PFS)},
    outputs={
        "mu_OS": output(mu_OS, "mean of ln(months of survival)"),
        "mu_PFS": output(mu_PFS, "mean of ln(months without progression)"),
        "S_OS": output(exp(-H_OS), "probability of survival"),
        "S_PFS": output(exp(-H_PFS), "probability of survival without progression"),
    },
    time="month",
)

# Standard errors of the estimates, those of sigma on ln(sigma); Tables 2 and 3.
uncertainty = {
    "mu_OS0": normal(sd=0.0613), "b_OS_DCR": normal(sd=0.0646), "b_OS_ALB": normal(sd=0.0601),
    "sigma_OS": lognormal(omega=0.0308),
    "mu_PFS0": normal(sd=0.0477), "b_PFS_DCR": normal(sd=0.0525), "b_PFS_BEV": normal(sd=0.0429),
    "sigma_PFS": lognormal(omega=0.0282),
}  # fmt: skip


def os_times(DCR, *, low_ALB=0):
    """The distribution of survival (month) by disease control at week 8: numbers, or one for each patient."""
    return lognormal_times(mu_OS0.value + b_OS_DCR.value * np.asarray(DCR) + b_OS_ALB.value * low_ALB, sigma_OS.value)


def pfs_times(DCR, *, BEV=0):
    """The distribution of the time without progression (month) by disease control: numbers, or one for each patient."""
    mu = mu_PFS0.value + b_PFS_DCR.value * np.asarray(DCR) + b_PFS_BEV.value * BEV
    return lognormal_times(mu, sigma_PFS.value)
