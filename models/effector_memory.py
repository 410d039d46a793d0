"""Effectors in the circulation, and their memory.

    dP/dt = priming - kmem P - ktr infiltration P - kP P
    dM/dt = kmem P - kM M
    leaving = infiltration (ktr P + krec A/(A_M + A) M)

Primed effectors leave for the tumors (`leaving`; `infiltration` is a drug's factor on it), die,
or become memory cells.  These answer antigen, far less of it than priming needs, with effectors that go
straight to the tumors and form no memory again.

Source: a short-lived response and a memory that answers antigen again, as Serre R et al.,
Cancer Res 76:4931 (2016), describe in words for radiation with checkpoint inhibitors; the
equations and the values are illustrative, but kP, from QSPIO-TNBC's virtual trial of durvalumab
in lung cancer.  Memory T cells after smallpox vaccination have a half-life of 8 to 15 years
(Hammarlund E et al., Nat Med 9:1131, 2003); those to a tumor, whose antigen stays, are held to
be lost sooner.
"""

from pkpd import Model, given, output, param, state

POSITIVE = (0, None)

priming = given("priming", "cell/day", "newly primed effectors", default=1e7)
A = given("A", "mm^3", "antigen, as the tumor it came from", default=400)
infiltration = given("infiltration", "1", "factor on the entry into tumors", default=1)

krec = param(
    "krec", 0.03, "1/day", "largest recall: effectors from a memory cell", bounds=POSITIVE,
    source="illustrative: one from each in a month",
)  # fmt: skip
A_M = param(
    "A_M", 2, "mm^3", "antigen at half of the recall", bounds=POSITIVE,
    source="illustrative: a thousandth of what priming needs, so that a lesion of a few millimeters is answered",
)  # fmt: skip
kmem = param(
    "kmem", 0.02, "1/day", "formation of memory", bounds=POSITIVE,
    source="illustrative: a fifth of the entry into tumors",
)  # fmt: skip
ktr = param(
    "ktr", 0.1, "1/day", "entry of effectors into tumors", source="illustrative: within ten days", bounds=POSITIVE
)
kP = param(
    "kP", 0.01, "1/day", "loss of circulating effectors", bounds=POSITIVE,
    source="QSPIO-TNBC parameters_NSCLC.m (k_CD8_death)",
)  # fmt: skip
kM = param(
    "kM", 0.002, "1/day", "loss of memory", bounds=POSITIVE, source="illustrative: half of it in a year",
    alternatives={"Hammarlund_2003": (1.65e-4, "1/day", "computed: half-life of 8 to 15 years, here 11.5; smallpox")},
)  # fmt: skip

P = state("P", "cell", "circulating effectors")
M = state("M", "cell", "memory cells")

recalled = krec * A / (A_M + A) * M
primed = ktr * P

model = Model(
    "effector_memory",
    rates={P: priming - kmem * P - primed * infiltration - kP * P, M: kmem * P - kM * M},
    outputs={"leaving": output(infiltration * (primed + recalled), "effectors that leave for the tumors")},
)
