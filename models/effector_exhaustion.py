"""Effectors within one tumor: killing, expansion, exhaustion and return.

    dE/dt = influx + kexp activity stim E - kexh brake stim E + krei (1 - brake) X - kE E
    dX/dt = kexh brake stim E - krei (1 - brake) X - kX X
    stim = T/(KT + T),    activity = (1 - brake) permitted
    kill = kkill activity E/(KT + T)

A checkpoint gives `brake` (0 to 1): it restrains killing and expansion, and turns effectors
into exhausted ones (X), which return as it is released.  `permitted` is the share of activity
that suppressors leave.  Killing saturates with the tumor: E cells kill at most kkill E per day,
so that a large burden escapes the same effectors that clear a small one.

Source: killing and exhaustion by contact, in proportion to tumor over tumor and a constant,
restrained by PD-1, after QSP-IO (Jafarnejad M et al., AAPS J 21:79, 2019; popellab/qspio);
kkill, kexh and kX from QSPIO-TNBC's virtual trial of durvalumab in lung cancer, whose file marks
kexh and kX as estimated; kE from Creemers JHA et al., J Immunother Cancer 9:e002032 (2021).
Reinvigoration and expansion, and the other values, are illustrative.

Effectors stay bounded while kexp < kE.  `contact` is the part without expansion (kexp), for tumors whose
effectors come from outside.
"""

from pkpd import Model, compose, given, output, param, state

POSITIVE = (0, None)
QSPIO = "QSPIO-TNBC parameters_NSCLC.m"
ESTIMATED = "where it is marked (estimated)"

T = given("T", "mm^3", "living tumor", default=1000)
influx = given("influx", "cell/day", "effectors that enter the tumor", default=1e6)
brake = given("brake", "1", "restraint by checkpoints", default=0.5)
permitted = given("permitted", "1", "share of activity that suppressors leave", default=1)

kkill = param(
    "kkill", 2.27e-6, "mm^3/cell/day", "largest killing per effector", bounds=POSITIVE,
    source=f"computed from {QSPIO}: 0.9 cells a day (k_C_Tcell) of 16.9 um diameter",
)  # fmt: skip
KT = param(
    "KT",
    200,
    "mm^3",
    "tumor at half of the stimulation",
    bounds=POSITIVE,
    source="illustrative: a nodule of 7 mm, far below what is treated",
)
kexp = param(
    "kexp",
    0.012,
    "1/day",
    "largest expansion of effectors",
    bounds=POSITIVE,
    source="illustrative: below kE, so that effectors stay bounded",
)
kexh = param(
    "kexh", 0.1, "1/day", "largest exhaustion of effectors", source=f"{QSPIO} (k_Tcell), {ESTIMATED}", bounds=POSITIVE
)
krei = param(
    "krei", 0.1, "1/day", "largest reinvigoration", source="illustrative: as fast as exhaustion", bounds=POSITIVE
)
kE = param(
    "kE", 0.019, "1/day", "loss of effectors", source="Creemers 2021, Table 1 (delta): in melanoma", bounds=POSITIVE
)
kX = param(
    "kX", 0.1, "1/day", "loss of exhausted effectors", source=f"{QSPIO} (k_cell_clear), {ESTIMATED}", bounds=POSITIVE
)

E = state("E", "cell", "effectors in the tumor")
X = state("X", "cell", "exhausted effectors in the tumor")

stim = T / (KT + T)
activity = (1 - brake) * permitted
exhausted = kexh * brake * stim * E
restored = krei * (1 - brake) * X

contact = Model(
    "effector_contact",
    rates={E: influx - exhausted + restored - kE * E, X: exhausted - restored - kX * X},
    outputs={
        "kill": output(kkill * activity * E / (KT + T), "rate at which effectors kill sensitive cells"),
        "activity": output(activity, "activity of effectors, as a share of the largest"),
    },
)

model = compose(
    "effector_exhaustion", contact, Model("effector_expansion", rates={}, terms={E: kexp * activity * stim * E})
)
