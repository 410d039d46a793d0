"""Tumor size under treatment: regression and growth at once.

    dshrink/dt = -d shrink,    shrink(0) = TS0
    dgrow/dt   =  g grow,      grow(0) = TS0
    TS = shrink + grow - TS0 = TS0 (exp(-d t) + exp(g t) - 1)

TS is a sum of diameters, or a marker such as PSA.  Siblings: `stein_2011_gdphi`, where only
the fraction phi regresses, and `stein_2011_gx` and `stein_2011_dx`, growth or regression alone.
TTG, the time at which the tumor is smallest, is (ln d - ln g)/(g + d), where it is positive.

Source: Stein WD et al. Tumor regression and growth rates determined in five intramural NCI
prostate cancer trials: the growth rate constant as an indicator of therapeutic efficacy. Clin
Cancer Res 17:907-917 (2011).  The rates are medians over subjects of the sample data of the package tumgr
(wilkersj/tumgr at commit 9012b783, README): g of the 35 of 68 in whom it is known, d of 53.

Valid during treatment, counted from its start.  The two terms act on the whole tumor, so
that neither is a population of cells.
"""

from sympy import Max, log

from pkpd import Model, output, param, state

TUMGR = "median of tumgr's sample data (README at 9012b783)"
POSITIVE = (0, None)

TS0 = param("TS0", 80, "mm", "tumor size at the start of treatment", source="illustrative", bounds=POSITIVE)
g = param("g", 0.001414, "1/day", "growth rate", source=TUMGR, bounds=POSITIVE)
d = param("d", 0.020427, "1/day", "regression rate", source=TUMGR, bounds=POSITIVE)

shrink = state("shrink", "mm", "part of the tumor size that regresses", start=TS0)
grow = state("grow", "mm", "part of the tumor size that grows", start=TS0)

model = Model(
    "stein_2011",
    rates={shrink: -d * shrink, grow: g * grow},
    outputs={
        "TS": output(shrink + grow - TS0, "tumor size"),
        "TTG": output(Max(0, log(d / g) / (g + d)), "time at which the tumor is smallest"),
    },
)
