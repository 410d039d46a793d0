"""Tumor size and circulating tumor DNA in lung cancer, in OAK.

    dgrow/dt    =  kg grow,                grow(0)   = TS0
    dshrink/dt  = -ks shrink,              shrink(0) = TS0
    drise/dt    =  kg_DNA rise,            rise(0)   = log10(DNA0/one_MMPM)
    dfall/dt    = -zeta ks fall,           fall(0)   = log10(DNA0/one_MMPM)
    TS    = grow + shrink - TS0 = TS0 (exp(-ks t) + exp(kg t) - 1)
    lgDNA = rise + fall - log10(DNA0/one_MMPM)

TS is the sum of diameters, lgDNA the decimal logarithm of circulating tumor DNA in mutant molecules
per mL of plasma: two times the model of `stein_2011`, tied by the one decay rate, of which DNA has
zeta times that of size.

Source: Ribba B, Roller A, Helms H-J, Stern M, Bleul C. Circulating tumor DNA: opportunities and
challenges for pharmacometric approaches. Front Pharmacol 13:1058220 (2022), doi
10.3389/fphar.2022.1058220, Supplementary Data, as in nlmixr2lib's Ribba_2022_sld, _ctdna and
_ctdna_sld_joint.  kg, ks: tumor sizes of both arms of OAK (atezolizumab, docetaxel), with an effect of
the arm that is not printed; kg_DNA: 46 patients on atezolizumab; zeta: both together, all else fixed.

`iiv` is the published standard deviation, and the etas are independent: `variability`.  The residual
error of TS is 0.65 mm and 8 %, of lgDNA 0.27, each fitted alone; 7.91 mm and 0.024 fitted together.  The
baselines were data: TS0 and DNA0 vary with no published spread.  The authors hold the joint estimates to
be too imprecise to predict with (zeta has a relative standard error of 37 %).

The typical tumor grows from the start (kg > ks).  The model knows target lesions alone: of a population
of it, 25 % shrink by 30 % at some scan before they progress, and 14 % have progressed at the first; in
OAK 14 % responded, and progression was the best response of 44 %, as new lesions and the others count
there.  Its page has it beside target lesions of patients.
"""

from sympy import log

from pkpd import Model, lognormal, output, param, state

SIZE = "Ribba 2022, Supplementary Data (tumor size), as in nlmixr2lib Ribba_2022_sld"
DNA = "Ribba 2022, Supplementary Data (ctDNA), as in nlmixr2lib Ribba_2022_ctdna"
JOINT = "Ribba 2022, Supplementary Data (joint model), as in nlmixr2lib Ribba_2022_ctdna_sld_joint"
POSITIVE = (0, None)

TS0 = param("TS0", 74, "mm", "tumor size at the start", source="illustrative: not in the paper", bounds=POSITIVE)
kg = param("kg", 0.0016, "1/day", "growth rate of tumor size", source=SIZE, bounds=POSITIVE, iiv=1.03)
ks = param("ks", 0.0014, "1/day", "rate of shrinkage of tumor size", source=SIZE, bounds=POSITIVE, iiv=1.64)
DNA0 = param(
    "DNA0", 10, "1/mL", "tumor DNA in plasma at the start", source="illustrative: lgDNA is then 1, as in Fig. 2F"
)
kg_DNA = param("kg_DNA", 0.0038, "1/day", "growth rate of lgDNA", source=DNA, bounds=POSITIVE, iiv=0.82)
zeta = param("zeta", 1.94, "1", "decay rate of lgDNA over that of tumor size", source=JOINT, bounds=POSITIVE, iiv=0.86)
one_MMPM = param("one_MMPM", 1, "1/mL", "unit of tumor DNA in its logarithm", source="by definition", bounds=POSITIVE)

lgDNA0 = log(DNA0 / one_MMPM) / log(10)

grow = state("grow", "mm", "part of the tumor size that grows", start=TS0)
shrink = state("shrink", "mm", "part of the tumor size that shrinks", start=TS0)
rise = state("rise", "1", "part of lgDNA that grows", start=lgDNA0)
fall = state("fall", "1", "part of lgDNA that decays", start=lgDNA0)

model = Model(
    "ribba_2022",
    rates={grow: kg * grow, shrink: -ks * shrink, rise: kg_DNA * rise, fall: -zeta * ks * fall},
    outputs={
        "TS": output(grow + shrink - TS0, "tumor size"),
        "lgDNA": output(rise + fall - lgDNA0, "decimal logarithm of tumor DNA"),
    },
)

# Of the four etas, independent.
variability = {name: lognormal() for name in ("kg", "ks", "kg_DNA", "zeta")}
