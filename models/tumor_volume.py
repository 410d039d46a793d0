"""What a scan shows: living tumor, dead cells, and immune infiltrate.

    dD/dt = killed - kcl D
    V = T + D + vI (E + X),    diameter = (6 V/pi)^(1/3)
    release = kcl D

An immune response fills a lesion before it empties it: pseudoprogression is V rising while the
living tumor T falls.  `release` is the tumor whose antigen is set free by clearance.

Source: volume of cells, dead cells and T cells, and first-order clearance, after Jafarnejad M
et al., AAPS J 21:79 (2019) and Sove RJ et al., CPT Pharmacometrics Syst Pharmacol 9:484
(2020), QSP-IO, as in popellab/qspio model/simbio_init.m; kcl from QSPIO-TNBC's lung cancer,
whose file marks it as estimated.
The infiltrate per effector is illustrative: a T cell alone is 1.76e-7 mm^3, but brings other
leukocytes and edema with it.

A lesion is a ball for its diameter.
"""

from sympy import cbrt, pi

from pkpd import Model, given, output, param, state

INVENTED = "illustrative: six times the 1.76e-7 mm^3 of a T cell alone (QSP-IO)"
POSITIVE = (0, None)

T = given("T", "mm^3", "living tumor", default=1000)
killed = given("killed", "mm^3/day", "death of tumor cells", default=3)
E = given("E", "cell", "effectors in the tumor", default=0)
X = given("X", "cell", "exhausted effectors in the tumor", default=0)

kcl = param(
    "kcl", 0.1, "1/day", "clearance of dead cells", bounds=POSITIVE,
    source="QSPIO-TNBC parameters_NSCLC.m (k_cell_clear), where it is marked (estimated)",
    alternatives={
        "Kosinsky_2018": (0.1725, "1/day", "Kosinsky 2018, Table 1 (mu): CT26 tumors of mice"),
        "qspio": (0.03, "1/day", "popellab/qspio, example 1"),
        "qspio_slow": (0.001, "1/day", "popellab/qspio, figure_pseudoprog.m"),
    },
)  # fmt: skip
vI = param("vI", 1e-6, "mm^3/cell", "infiltrate volume per effector", source=INVENTED, bounds=POSITIVE)

D = state("D", "mm^3", "dead tumor, not yet cleared")

V = T + D + vI * (E + X)

model = Model(
    "tumor_volume",
    rates={D: killed - kcl * D},
    outputs={
        "V": output(V, "lesion, living, dead and infiltrate"),
        "diameter": output(cbrt(6 * V / pi), "lesion diameter", "mm"),
        "release": output(kcl * D, "dead tumor whose antigen is released"),
    },
)
