"""Antigen released by dying tumor matures dendritic cells, which prime effectors.

    dA/dt  = release - kA A
    dDC/dt = kDC (A/(A50 + A) - DC)
    priming = kpri DC L primable

`L` is the pool of lymphocytes to prime from (1 untreated), `primable` the share of priming
that suppressors and other checkpoints leave.

Source: maturation of dendritic cells by tumor cell death, and influx of T cells that saturates
with antigen, after Kosinsky Y et al., J Immunother Cancer 6:17 (2018), there without delay; kDC
is from Tsur N et al. (2019), see `tsur_2019`; the other values are illustrative.
"""

from pkpd import Model, given, output, param, state

POSITIVE = (0, None)

release = given("release", "mm^3/day", "dead tumor whose antigen is released", default=80)
L = given("L", "1", "lymphocytes, relative to those untreated", default=1)
primable = given("primable", "1", "share of priming that is not suppressed", default=1)

kA = param("kA", 0.2, "1/day", "loss of antigen", source="illustrative: in a week", bounds=POSITIVE)
kDC = param(
    "kDC",
    0.231,
    "1/day",
    "maturation and loss of dendritic cells",
    bounds=POSITIVE,
    source="Tsur 2019 (mu_A): death of antigen-presenting cells in melanoma",
)
A50 = param(
    "A50",
    2000,
    "mm^3",
    "antigen at half of the maturation",
    bounds=POSITIVE,
    source="illustrative: above that of an untreated tumor, below that of an irradiated one",
)
kpri = param(
    "kpri",
    1.5e8,
    "cell/day",
    "largest priming: how immunogenic the tumor is",
    bounds=POSITIVE,
    iiv=1.2,
    source="calibrated beside illustrative values to target lesions of lung cancer (pkpd.fits.phenomena.study_4)",
)

A = state("A", "mm^3", "antigen, as the tumor it came from")
DC = state("DC", "1", "mature dendritic cells, as a share of the largest")

model = Model(
    "antigen_priming",
    rates={A: release - kA * A, DC: kDC * (A / (A50 + A) - DC)},
    outputs={"priming": output(kpri * DC * L * primable, "newly primed effectors")},
)
