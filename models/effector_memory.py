"""Effectors in the circulation, and their memory.

    dP/dt = priming + krec (DC + patrol) M - kmem P - ktr infiltration P - kP P
    dM/dt = kmem P - kM M
    leaving = ktr infiltration P

Primed effectors leave for the tumors (`leaving`; `infiltration` is a drug's factor on it), die,
or become memory cells, which answer antigen on mature dendritic cells with new effectors, and
patrol without it.

Source: a short-lived response and a memory that answers antigen again, as Serre R et al.,
Cancer Res 76:4931 (2016), describe in words for radiation with checkpoint inhibitors; the
equations and the values are illustrative, but kP, from QSPIO-TNBC's virtual trial of durvalumab
in lung cancer.  Memory T cells after smallpox vaccination have a half-life of 8 to 15 years
(Hammarlund E et al., Nat Med 9:1131, 2003); those to a tumor, whose antigen stays, are held to
be lost sooner.

Memory does not grow by itself while krec (1 + patrol) kmem/(kmem + ktr + kP) < kM.
"""

from pkpd import Model, given, output, param, state

POSITIVE = (0, None)

priming = given("priming", "cell/day", "newly primed effectors", default=1e7)
DC = given("DC", "1", "mature dendritic cells, as a share of the largest", default=0.2)
infiltration = given("infiltration", "1", "factor on the entry into tumors", default=1)

krec = param(
    "krec",
    0.01,
    "1/day",
    "largest recall of effectors by memory",
    bounds=POSITIVE,
    source="illustrative: so small that memory does not grow by itself",
)
patrol = param("patrol", 0.05, "1", "recall without antigen", source="illustrative: a little", bounds=(0, 1))
kmem = param(
    "kmem",
    0.02,
    "1/day",
    "formation of memory",
    source="illustrative: a fifth of the entry into tumors",
    bounds=POSITIVE,
)
ktr = param(
    "ktr", 0.1, "1/day", "entry of effectors into tumors", source="illustrative: within ten days", bounds=POSITIVE
)
kP = param(
    "kP",
    0.01,
    "1/day",
    "loss of circulating effectors",
    source="QSPIO-TNBC parameters_NSCLC.m (k_CD8_death)",
    bounds=POSITIVE,
)
kM = param(
    "kM", 0.002, "1/day", "loss of memory", bounds=POSITIVE, source="illustrative: half of it in a year",
    alternatives={"Hammarlund_2003": (1.65e-4, "1/day", "computed: half-life of 8 to 15 years, here 11.5; smallpox")},
)  # fmt: skip

P = state("P", "cell", "circulating effectors")
M = state("M", "cell", "memory cells")

leaving = ktr * infiltration * P

model = Model(
    "effector_memory",
    rates={P: priming + krec * (DC + patrol) * M - kmem * P - leaving - kP * P, M: kmem * P - kM * M},
    outputs={"leaving": output(leaving, "effectors that leave for the tumors")},
)
