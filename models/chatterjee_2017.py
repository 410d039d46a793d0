"""Tumor size of melanoma under pembrolizumab: an accessible fraction shrinks.

    dgrow/dt   =  kgi grow,      grow(0) = (1 - fi) TS0
    dshrink/dt = -kdi shrink     from t = delay on,    shrink(0) = fi TS0
    TS = grow + shrink = TS0 ((1 - fi) exp(kgi t) + fi exp(-kdi max(0, t - delay)))

    kgi = kg (1 + kg_BRAF)^BRAF
    kdi = kd (1 + kd_PDL1neg)^PDL1neg (1 + kd_PDL1unk)^PDL1unk (TS0/TS0_ref)^kd_TS0 (AUC/AUC_ref)^h
    logit fi = logit f + f_TS0 (TS0 - TS0_ref) + f_ipi ipi
    h = h_naive (1 - ipi) + h_ipi ipi

Source: Chatterjee MS, Elassaiss-Schaap J, Lindauer A et al. Population
pharmacokinetic/pharmacodynamic modeling of tumor size dynamics in pembrolizumab-treated
advanced melanoma. CPT Pharmacometrics Syst Pharmacol 6:29-39 (2017), consolidated model,
supplementary Table 4C; as in nlmixr2lib's Chatterjee_2017_pembrolizumab_consolidated (1,366
patients).

The defaults are the reference patient: PD-L1 positive, BRAF wild type, without earlier
ipilimumab, 80.75 mm.  `iiv` is the square root of the published variance of ln kg and ln kd; f varies on the
logit scale.  With their covariances they are `variability`:
``population(model, n, seed, variability=variability)``.  The residual error is log-normal, variance
0.0389.

Neither exponent of exposure is significant (P = 0.20 and 0.25).  TS0 is the observed size.
"""

from sympy import Piecewise, exp, log

from pkpd import Model, block, category_effect, clock, logitnormal, lognormal, output, param, power_effect, state

TABLE = "Chatterjee 2017, Table S4C, as in nlmixr2lib"
REFERENCE = "reference patient of Chatterjee 2017"
POSITIVE = (0, None)
BINARY = (0, 1)

kg = param("kg", 5.12e-4, "1/day", "growth rate", source=TABLE, bounds=POSITIVE, iiv=1.64**0.5)
kd = param("kd", 6.09e-3, "1/day", "rate of shrinkage", source=TABLE, bounds=POSITIVE, iiv=1.39**0.5)
f = param("f", 0.696, "1", "fraction of the tumor that the drug reaches", source=TABLE, bounds=(0, 1))
delay = param("delay", 0, "day", "time from the baseline scan to the first dose", source=REFERENCE, bounds=POSITIVE)

TS0 = param("TS0", 80.75, "mm", "tumor size at the start", source=REFERENCE, bounds=POSITIVE)
AUC = param("AUC", 7079, "mg*day/L", "exposure to pembrolizumab over six weeks", source=REFERENCE, bounds=POSITIVE)
ipi = param("ipi", 0, "1", "1 after treatment with ipilimumab", source=REFERENCE, bounds=BINARY)
PDL1neg = param("PDL1neg", 0, "1", "1 for PD-L1 negative", source=REFERENCE, bounds=BINARY)
PDL1unk = param("PDL1unk", 0, "1", "1 for PD-L1 unknown", source=REFERENCE, bounds=BINARY)
BRAF = param("BRAF", 0, "1", "1 for mutated BRAF", source=REFERENCE, bounds=BINARY)

kg_BRAF = param("kg_BRAF", 0.702, "1", "change of kg with mutated BRAF", source=TABLE)
kd_PDL1neg = param("kd_PDL1neg", -0.614, "1", "change of kd without PD-L1", source=TABLE)
kd_PDL1unk = param("kd_PDL1unk", -0.21, "1", "change of kd with PD-L1 unknown", source=TABLE)
kd_TS0 = param("kd_TS0", -0.186, "1", "exponent of the tumor size on kd", source=TABLE)
h_naive = param("h_naive", 0.131, "1", "exponent of exposure on kd without ipilimumab before", source=TABLE)
h_ipi = param("h_ipi", 0.1, "1", "exponent of exposure on kd after ipilimumab", source=TABLE)
f_TS0 = param("f_TS0", -0.00541, "1/mm", "effect of the tumor size on logit f", source=TABLE)
f_ipi = param("f_ipi", -0.964, "1", "effect of earlier ipilimumab on logit f", source=TABLE)
TS0_ref = param("TS0_ref", 80.75, "mm", "tumor size of the reference patient", source=TABLE, bounds=POSITIVE)

kgi = kg * category_effect(BRAF, kg_BRAF)
kdi = (
    kd
    * category_effect(PDL1neg, kd_PDL1neg)
    * category_effect(PDL1unk, kd_PDL1unk)
    * power_effect(TS0, TS0_ref, kd_TS0)
    * power_effect(AUC, 7079, h_naive * (1 - ipi) + h_ipi * ipi, source=TABLE)
)
fi = 1 / (1 + exp(-log(f / (1 - f)) - f_TS0 * (TS0 - TS0_ref) - f_ipi * ipi))

grow = state("grow", "mm", "tumor that the drug does not reach", start=(1 - fi) * TS0)
shrink = state("shrink", "mm", "tumor that the drug reaches", start=fi * TS0)
t = clock("day")

model = Model(
    "chatterjee_2017",
    rates={grow: kgi * grow, shrink: Piecewise((-kdi * shrink, t >= delay), (0, True))},
    outputs={"TS": output(grow + shrink, "tumor size"), "fi": output(fi, "fraction that the drug reaches")},
)

# Of the etas of ln kg, ln kd and logit f; Table S4C prints these variances and covariances.
VARIANCES = {"kg": 1.64, "kd": 1.39, "f": 5.53}
COVARIANCES = {("kg", "kd"): -1.24, ("kg", "f"): -1.54, ("kd", "f"): 1.07}
variability = block(
    {"kg": lognormal(), "kd": lognormal(), "f": logitnormal(omega=VARIANCES["f"] ** 0.5)},
    correlations={(a, b): value / (VARIANCES[a] * VARIANCES[b]) ** 0.5 for (a, b), value in COVARIANCES.items()},
)
