"""Effectors that PD-L1 restrains and an antibody releases.

    u          = PDL1_immune + PDL1_tumor                        PD-L1 in the tumor
    restrained(RO) = u (1 - RO)/(PDL1_50 + u (1 - RO))           share of effectors that it restrains
    released   = restrained(0) - restrained(RO)
    dA/dt = kact (released lymphocytes W - A)                    effectors at work beyond those untreated
    dW/dt = -kloss released/restrained(0) W                      those that still recognize the tumor
    dR/dt = kact (1 - R)                                         those of the irradiated tumor, 1 before
    kill_gross  = e A R (n_gross/n_ref)^(-size/3)
    kill_occult = e A (n_occult/n_ref)^(-size/3)
    a fraction of d Gy to gross disease:  R -> R exp(-alpha_E d)

Growth without the antibody is the growth that is seen in patients, whose immunity is restrained: the
kill here is what the antibody adds, and without occupancy there is none.  A tumor with more PD-L1 has
more to release.  What is released acts after a delay of 1/kact, needs lymphocytes, and is lost at the
rate kloss while it acts, as tumors escape.  PDL1_tumor is the share of tumor cells with PD-L1 (TC, or
tumor proportion score), PDL1_immune what immune cells and low expression add to it.

Source: a share of effectors restrained by free PD-L1 is the brake of `effector_exhaustion` and of Kosinsky
Y et al., J Immunother Cancer 6:17 (2018), here saturable; an effect that fades over the months is
that of Claret L et al. (2009), see `claret_2009`.  Kill falls with size by the exponent by which the
rate of regression does under pembrolizumab in melanoma (Chatterjee 2017, as in nlmixr2lib: -0.186
of the diameter); with it response depends little on the size of a lesion, as among the patients of
study 4 of Ghaffari Laleh 2022.  e over patients, PDL1_immune, kact and kloss are calibrated by
`pkpd.fits.pacific` to patients with metastatic lung cancer under an antibody alone.
"""

from sympy import exp

from pkpd import Model, dose, given, output, param, state
from pkpd.models.chemoradiation_nsclc import CALIBRATED, POSITIVE

RO = given("RO", "1", "fraction of PD-L1 occupied", default=0)
lymphocytes = given("lymphocytes", "1", "circulating lymphocytes, relative to those untreated", default=1)
ln_gross = given("ln_gross", "1", "ln of the living cells of gross disease", default=23)
ln_occult = given("ln_occult", "1", "ln of the cells of the metastasis", default=15)

PDL1_tumor = param("PDL1_tumor", 0.1, "1", "share of tumor cells with PD-L1", bounds=(0, 1), source="a patient's own")
PDL1_immune = param("PDL1_immune", 0.2, "1", "PD-L1 beside it", bounds=POSITIVE, source=CALIBRATED)
PDL1_50 = param("PDL1_50", 1, "1", "PD-L1 that restrains half of the effectors", bounds=POSITIVE,
                source="illustrative: that of a tumor of which all cells have it")  # fmt: skip
e = param("e", 0.02, "1/day", "kill by all effectors, in a lesion of the reference size", bounds=POSITIVE,
          source=CALIBRATED)  # fmt: skip
kact = param("kact", 0.2, "1/day", "rise and fall of released effectors", bounds=POSITIVE,
             source="illustrative: five days; a free estimate from study 4 goes to values beyond")  # fmt: skip
kloss = param("kloss", 0.002, "1/day", "escape from released effectors", bounds=POSITIVE, source=CALIBRATED)
size = param("size", 0.186, "1", "exponent by which kill falls with the diameter", bounds=POSITIVE,
             source="Chatterjee 2017, as in nlmixr2lib: size on kd, melanoma under pembrolizumab")  # fmt: skip
ln_ref = param("ln_ref", 23.1, "1", "ln of the cells of the reference lesion", bounds=POSITIVE,
               source="computed: a lesion of 37 mm, the median of study 4 of Ghaffari Laleh 2022")  # fmt: skip
alpha_E = param("alpha_E", 0.1, "1/Gy", "radiosensitivity of effectors in the tumor", bounds=POSITIVE,
                source="illustrative, as in `radiation_lymphocytes`")  # fmt: skip

A = state("A", "1", "released effectors at work")
R = state("R", "1", "share of them that radiation leaves in the irradiated tumor", start=1)
W = state("W", "1", "share of them that still recognizes the tumor", start=1)


def restrained(occupied):  # type: ignore[no-untyped-def]
    """The share of effectors that free PD-L1 restrains."""
    free = (PDL1_immune + PDL1_tumor) * (1 - occupied)
    return free / (PDL1_50 + free)


released = restrained(0) - restrained(RO)
u = PDL1_immune + PDL1_tumor
share_released = 1 - (1 - RO) * (PDL1_50 + u) / (PDL1_50 + u * (1 - RO))  # released/restrained(0), also without PD-L1

model = Model(
    "released_effectors",
    rates={
        A: kact * (released * lymphocytes * W - A),
        W: -kloss * share_released * W,
        R: kact * (1 - R),
    },
    outputs={
        "kill_gross": output(e * A * R * exp(-size / 3 * (ln_gross - ln_ref)), "kill of gross disease"),
        "kill_occult": output(e * A * exp(-size / 3 * (ln_occult - ln_ref)), "kill of the metastasis"),
    },
    routes={"radiation": {R: R * exp(-alpha_E * dose("Gy"))}},
)
