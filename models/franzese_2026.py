"""Response by PD-L1, and survival by response, in metastatic lung cancer.

    dH_OS/dt  = h_OS(t) exp(x_OS),              S_OS  = exp(-H_OS)
    dH_PFS/dt = h_PFS(t) exp(x_PFS),            S_PFS = exp(-H_PFS)

    logit ORR = a + b_line line2 + c1 PDL1 + c2 PDL1^2 + c_squamous squamous chemo + eta_ORR
    x_OS  = (b_OS + eta_b_OS) ORR + (b_asian + eta_b_OS) ORR asian + s_OS squamous chemo
            + e_OS ECOG0 (1 - chemo) + eta_OS
    x_PFS = m_PFS mono + (b_PFS + eta_b_PFS) ORR + s_PFS squamous chemo + e_PFS ECOG0
            + shift(t) chemo + eta_PFS

ORR is the rate of objective response of an arm, S_OS and S_PFS its survival and its survival without
progression.  h_OS and h_PFS are constant in each month: -ln(1 - P) of the published conditional
probability P of an event in that month, in an arm without responses; shift is published by month for
chemotherapy.  ``model.using(**treatment("atezolizumab"))`` is an arm of another of `TREATMENTS`, and
`response_rate` is its ORR as a function of numbers.

Source: Franzese RC, Qin L, Fu S, Rich B, Zografos E, Zierhut ML, Visser SAG. Model-based meta-analysis
of objective response rate and survival endpoints to compare PD-1 and PD-L1 treatment outcomes in
non-small cell lung cancer. CPT Pharmacometrics Syst Pharmacol (2026), doi 10.1002/psp4.70196, Tables
1, 2, S2 and S4, as in nlmixr2lib's Franzese_2026_pdl1_nsclc_mbma: 114 studies.

The effect of the line is -0.697 in second line or later, beside intercepts of first line.  nlmixr2lib
gives it as +0.697 in first line and leaves the intercepts as they are, which raises each response rate:
with it atezolizumab in second line has 25 %, in OAK it had 14 %; here 14 % (PD-L1 of 0.32, which the
paper puts in where an arm does not report it).  Odds and hazard ratios within a line are the same.

An arm is no patient: the etas are those of a stratum of a study, whose published spread is
`variability`; eta_OS and eta_b_OS are independent, eta_PFS and eta_b_PFS have the correlation -0.642.
Valid to month 75 for OS and 58 for PFS; after that the last hazard stays, as does the last shift after
month 56.  Standard errors of the estimates were not in the sources read.  Left out: treatments with
neither chemotherapy alone nor an antibody to PD-1 or PD-L1.  The trials of its page are likely to be among
the 114, so that they show how well it describes them and not that it predicts.
"""

from math import exp as number
from math import log as logarithm

import numpy as np
from sympy import Piecewise, exp

from pkpd import Model, block, clock, normal, output, param, state
from pkpd.errors import unknown_name

COPY = "as in nlmixr2lib Franzese_2026_pdl1_nsclc_mbma"
TABLE_1 = f"Franzese 2026, Table 1, {COPY}"
TABLE_S4 = f"Franzese 2026, Table S4, {COPY}"
OAK = "the arms of OAK: Rittmeyer 2017 (Lancet 389:255), Table 1"
BY_DEFINITION = "0 in the mean stratum"
WITH_CHEMO, WITH_OTHER = "with_chemotherapy", "with_other"
SHARE = (0, 1)

# ln of the conditional probability of an event in each month; the shift under chemotherapy, from month 2 on. Table S2.
OS_LOG_P = (
    -2.743, -2.502, -2.511, -2.449, -2.379, -2.402, -2.388, -2.41, -2.307, -2.408, -2.411, -2.426, -2.4,
    -2.409, -2.421, -2.482, -2.447, -2.554, -2.49, -2.578, -2.671, -2.677, -2.761, -2.814, -2.642, -2.743,
    -2.79, -2.912, -2.886, -2.884, -2.883, -2.392, -3.156, -2.923, -3.061, -3.444, -3.239, -3.266, -3.235,
    -3.471, -3.471, -3.471, -2.982, -2.982, -2.982, -3.497, -3.497, -3.497, -3.383, -3.383, -3.383, -3.469,
    -3.469, -3.469, -3.879, -3.879, -3.879, -3.451, -3.451, -3.451, -2.957, -2.957, -2.957, -4.946, -4.946,
    -4.946, -2.827, -2.827, -2.827, -2.397, -2.397, -2.397, -2.252, -2.252, -2.252,
)  # fmt: skip
PFS_LOG_P = (
    -2.227, -1.076, -1.61, -1.97, -1.606, -1.754, -1.814, -2.2, -1.828, -2.145, -2.171, -2.29, -2.213, -2.248,
    -2.327, -2.476, -2.476, -2.591, -2.454, -2.548, -2.503, -2.745, -2.815, -2.998, -2.997, -3.276, -3.245,
    -2.803, -2.87, -3.088, -3.159, -3.213, -3.355, -3.354, -3.391, -3.402, -3.634, -3.642, -3.665, -3.314,
    -3.717, -3.717, -3.717, -3.245, -3.245, -3.245, -5.373, -5.373, -5.373, -2.75, -2.75, -2.75, -2.63, -2.63,
    -2.63, -3.057, -3.057, -3.057,
)  # fmt: skip
PFS_CHEMO = (
    -0.16, 0.279, 0.443, 0.774, 0.845, 0.923, 1.045, 0.929, 0.869, 0.82, 0.815, 0.732, 0.694, 0.763, 0.99,
    1.021, 1.206, 0.765, 0.803, 0.92, 0.839, 0.963, 1.002, 1.354, 1.515, 1.39, 0.661, 0.668, 0.805, 0.805,
    0.805, 0.805, 0.805, 0.805, 0.805, 0.805, 0.805, 0.805, 0.805, 1.234, 1.234, 1.234, 1.234, 1.234, 1.234,
    1.234, 1.234, 1.234, 1.234, 1.234, 1.234, 1.234, 1.234, 1.234, 1.234,
)  # fmt: skip

TREATMENTS = {  # intercept of logit ORR, and kind; Table S4
    "chemotherapy": (-1.068, "chemotherapy"),
    "camrelizumab": (-1.058, "PD1"), "cemiplimab": (-1.126, "PD1"), "nivolumab": (-1.283, "PD1"),
    "pembrolizumab": (-1.245, "PD1"), "toripalimab": (-2.326, "PD1"), "dostarlimab": (-0.863, "PD1"),
    "budigalimab": (-2.217, "PD1"), "retifanlimab": (-1.670, "PD1"),
    "avelumab": (-1.418, "PDL1"), "durvalumab": (-1.441, "PDL1"), "atezolizumab": (-1.624, "PDL1"),
    "camrelizumab_chemotherapy": (-0.343, WITH_CHEMO), "nivolumab_chemotherapy": (-0.530, WITH_CHEMO),
    "pembrolizumab_chemotherapy": (-0.386, WITH_CHEMO), "sintilimab_chemotherapy": (-0.479, WITH_CHEMO),
    "tislelizumab_chemotherapy": (-0.078, WITH_CHEMO), "dostarlimab_chemotherapy": (-0.262, WITH_CHEMO),
    "toripalimab_chemotherapy": (0.424, WITH_CHEMO), "atezolizumab_chemotherapy": (-0.464, WITH_CHEMO),
    "durvalumab_chemotherapy": (-0.637, WITH_CHEMO), "avelumab_chemotherapy": (-0.380, WITH_CHEMO),
    "durvalumab_tremelimumab_chemotherapy": (-0.729, WITH_CHEMO),
    "pembrolizumab_necitumumab": (-0.856, WITH_OTHER), "nivolumab_bevacizumab": (0.185, WITH_OTHER),
    "nivolumab_ipilimumab": (-1.015, WITH_OTHER), "pembrolizumab_CC486": (-1.237, WITH_OTHER),
    "pembrolizumab_ipilimumab": (-0.879, WITH_OTHER), "pembrolizumab_NK_cells": (-0.336, WITH_OTHER),
    "dostarlimab_niraparib": (-3.233, WITH_OTHER), "camrelizumab_anlotinib": (-2.332, WITH_OTHER),
    "nivolumab_erlotinib": (-1.834, WITH_OTHER), "nivolumab_pegilodecakin": (-1.648, WITH_OTHER),
    "pembrolizumab_epacadostat": (-1.314, WITH_OTHER), "pembrolizumab_entinostat": (-1.618, WITH_OTHER),
    "pembrolizumab_niraparib": (-1.057, WITH_OTHER), "pembrolizumab_pegilodecakin": (-0.659, WITH_OTHER),
    "pembrolizumab_ramucirumab": (-0.617, WITH_OTHER), "camrelizumab_apatinib": (-0.344, WITH_OTHER),
    "atezolizumab_tiragolumab": (-0.706, WITH_OTHER), "durvalumab_tremelimumab": (-1.219, WITH_OTHER),
    "atezolizumab_daratumumab": (-2.770, WITH_OTHER), "atezolizumab_ipilimumab": (-0.610, WITH_OTHER),
}  # fmt: skip
KINDS = {  # c1, c2, b_OS, b_PFS, mono, chemo; Tables 1 and 2
    "PDL1": (1.642, 0, -1.649, -2.234, 1, 0),
    "PD1": (0.274, 1.736, -1.649, -2.234, 1, 0),
    WITH_CHEMO: (1.074, 0, -1.353, -1.278, 0, 0),
    WITH_OTHER: (1.074, 0, -1.507, -1.192, 0, 0),
    "chemotherapy": (0, 0, -1.651, -2.217, 0, 1),
}
BY_KIND = ("c1", "c2", "b_OS", "b_PFS", "mono", "chemo")


def treatment(name: str) -> dict[str, str]:
    """The alternatives that make an arm of this treatment, for ``model.using(**treatment(name))``."""
    if name not in TREATMENTS:
        raise unknown_name("franzese_2026", "treatment", name, TREATMENTS)
    return {"a": name, **dict.fromkeys(BY_KIND, TREATMENTS[name][1])}


def response_rate(name: str, PDL1, *, line2=0, squamous=0):
    """The rate of objective response under this treatment by mean PD-L1 (0 to 1): numbers, or one for each arm."""
    kind = dict(zip(BY_KIND, KINDS[treatment(name)["c1"]], strict=True))
    level = np.asarray(PDL1, dtype=float)
    logit = TREATMENTS[name][0] + b_line.value * line2 + kind["c1"] * level + kind["c2"] * level**2
    return 1 / (1 + np.exp(-(logit + c_squamous.value * squamous * kind["chemo"])))


def by_kind(name, meaning, **bounds):
    """A parameter whose value hangs on the kind of treatment; that of durvalumab is the default."""
    values = {kind: each[BY_KIND.index(name)] for kind, each in KINDS.items()}
    others = {kind: (value, "1", TABLE_1) for kind, value in values.items()}
    return param(name, values["PDL1"], "1", meaning, source=f"{TABLE_1} (PDL1)", alternatives=others, **bounds)


a = param(
    "a", TREATMENTS["durvalumab"][0], "1", "logit of ORR in first line without PD-L1",
    source=f"{TABLE_S4} (durvalumab)",
    alternatives={name: (value, "1", TABLE_S4) for name, (value, _) in TREATMENTS.items()},
)  # fmt: skip
b_line = param("b_line", -0.697, "1", "effect of second or later line on logit ORR", source=TABLE_1)
c1 = by_kind("c1", "effect of PD-L1 on logit ORR")
c2 = by_kind("c2", "effect of the square of PD-L1 on logit ORR")
c_squamous = param("c_squamous", 0.282, "1", "effect of squamous histology on logit ORR", source=TABLE_1)
b_OS = by_kind("b_OS", "effect of ORR on ln(hazard of death)")
b_asian = param("b_asian", -0.595, "1", "change of b_OS in Asian patients", source=TABLE_1)
s_OS = param("s_OS", 0.213, "1", "effect of squamous histology on ln(hazard of death)", source=TABLE_1)
e_OS = param("e_OS", -0.400, "1", "effect of ECOG 0 on ln(hazard of death)", source=TABLE_1)
b_PFS = by_kind("b_PFS", "effect of ORR on ln(hazard of progression)")
m_PFS = param("m_PFS", 0.410, "1", "effect of an antibody alone on ln(hazard of progression)", source=TABLE_1)
s_PFS = param("s_PFS", 0.186, "1", "effect of squamous histology on ln(hazard of progression)", source=TABLE_1)
e_PFS = param("e_PFS", -0.293, "1", "effect of ECOG 0 on ln(hazard of progression)", source=TABLE_1)
mono = by_kind("mono", "1 for an antibody to PD-1 or PD-L1 alone", bounds=SHARE)
chemo = by_kind("chemo", "1 for chemotherapy alone", bounds=SHARE)

line2 = param("line2", 0, "1", "1 in second or later line", source="reference of Franzese 2026", bounds=SHARE)
PDL1 = param(
    "PDL1",
    0.32,
    "1",
    "mean PD-L1 expression of the arm",
    source="put in by Franzese 2026 where not reported",
    bounds=SHARE,
)
squamous = param("squamous", 0.26, "1", "share of squamous histology", source=OAK, bounds=SHARE)
ECOG0 = param("ECOG0", 0.37, "1", "share of ECOG 0", source=OAK, bounds=SHARE)
asian = param("asian", 0.21, "1", "share of Asian patients", source=OAK, bounds=SHARE)
eta_ORR = param("eta_ORR", 0, "1", "what a stratum adds to logit ORR", source=BY_DEFINITION)
eta_OS = param("eta_OS", 0, "1", "what a stratum adds to ln(hazard of death)", source=BY_DEFINITION)
eta_b_OS = param("eta_b_OS", 0, "1", "what a stratum adds to b_OS", source=BY_DEFINITION)
eta_PFS = param("eta_PFS", 0, "1", "what a stratum adds to ln(hazard of progression)", source=BY_DEFINITION)
eta_b_PFS = param("eta_b_PFS", 0, "1", "what a stratum adds to b_PFS", source=BY_DEFINITION)
one_month = param(
    "one_month", 1, "month", "time over which a hazard is constant", source="by definition", bounds=(0, None)
)

H_OS = state("H_OS", "1", "cumulative hazard of death")
H_PFS = state("H_PFS", "1", "cumulative hazard of progression or death")

t = clock("month")


def by_month(values):
    """The value of the month that t is in; the last one stays.  Months of one value are one piece."""
    following = [*values[1:], None]
    ends = [(value, month) for month, value in enumerate(values, start=1) if value != following[month - 1]]
    *first, (last, _) = ends
    return Piecewise(*((value, t / one_month < month) for value, month in first), (last, True))


def hazards(log_probabilities):
    """Of each month, from the logarithm of the conditional probability of an event in it."""
    return [-logarithm(1 - number(value)) for value in log_probabilities]


logit = a + b_line * line2 + c1 * PDL1 + c2 * PDL1**2 + c_squamous * squamous * chemo + eta_ORR
ORR = 1 / (1 + exp(-logit))
x_OS = (
    (b_OS + eta_b_OS) * ORR
    + (b_asian + eta_b_OS) * ORR * asian
    + s_OS * squamous * chemo
    + e_OS * ECOG0 * (1 - chemo)
    + eta_OS
)
x_PFS = m_PFS * mono + (b_PFS + eta_b_PFS) * ORR + s_PFS * squamous * chemo + e_PFS * ECOG0 + eta_PFS

model = Model(
    "franzese_2026",
    rates={
        H_OS: by_month(hazards(OS_LOG_P)) * exp(x_OS) / one_month,
        H_PFS: by_month(hazards(PFS_LOG_P)) * exp(x_PFS + by_month((0, *PFS_CHEMO)) * chemo) / one_month,
    },
    outputs={
        "ORR": output(ORR, "rate of objective response"),
        "x_OS": output(x_OS, "ln of the hazard ratio of death to an arm without response"),
        "S_OS": output(exp(-H_OS), "probability of survival"),
        "S_PFS": output(exp(-H_PFS), "probability of survival without progression"),
    },
    time="month",
)

# Of the etas of a stratum of a study; Table 1.
variability = [
    {"eta_ORR": normal(sd=0.346), "eta_OS": normal(sd=0.011), "eta_b_OS": normal(sd=0.673)},
    block(
        {"eta_PFS": normal(sd=0.199), "eta_b_PFS": normal(sd=0.251)}, correlations={("eta_PFS", "eta_b_PFS"): -0.642}
    ),
]
