"""Durvalumab and radiation against a human lung tumor, joined from parts.

    durvalumab_baverel_2018   C, from the route `iv` (mg)
    pdl1_occupancy            RO, from C
    tumor_immune              T and E, from RO and D
    radiotherapy_lq           D and V, from the route `radiation` (Gy); acts on T
    diameter = (6 V/pi)^(1/3), that of a ball of the same volume

Source: the pharmacokinetics are published (Baverel 2018), the clearance of killed cells and
the starting diameter those of QSPIO-TNBC's virtual trial of durvalumab in lung cancer; the
tumor, its effectors and its radiosensitivity are illustrative.

The illustrative values show the order of the arms and nothing more: over a year an
untreated tumor progresses, durvalumab alone (1500 mg every 4 weeks) slows it, 60 Gy in 30
fractions shrink it until it grows again, and durvalumab after radiation keeps it small.
They were fitted to no patient; do not read a response rate from them.
"""

from sympy import cbrt, pi

from pkpd import Model, compose, given, output, param
from pkpd.models import durvalumab_baverel_2018, pdl1_occupancy, tumor_immune
from pkpd.models.radiotherapy_lq import radiotherapy_lq

INVENTED = "illustrative; alpha/beta is 10 Gy, as usual for tumors"

alpha = param("alpha", 0.06, "1/Gy", "linear coefficient of radiation kill", source=INVENTED, bounds=(0, None), iiv=0.3)
beta = param("beta", 0.006, "1/Gy^2", "quadratic coefficient of radiation kill", source=INVENTED, bounds=(0, None))
kcl = param(
    "kcl", 0.1, "1/day", "clearance of killed cells", bounds=(0, None),
    source="QSPIO-TNBC (k_cell_clear), where it is marked (estimated)",
)  # fmt: skip

V = given("V", "mm^3", "total tumor, living and killed")

size = Model("tumor_size", rates={}, outputs={"diameter": output(cbrt(6 * V / pi), "tumor diameter", "mm")})

model = compose(
    "durvalumab_tumor_immune_rt",
    durvalumab_baverel_2018.model,
    pdl1_occupancy.model,
    tumor_immune.model,
    radiotherapy_lq(tumor_immune.T, alpha=alpha, beta=beta, kcl=kcl),
    size,
)
