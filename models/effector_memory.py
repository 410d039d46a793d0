"""Effectors in the circulation, and their memory.

    dP/dt = priming + krec (DC + patrol) M - kmem P - ktr infiltration P - kP P
    dM/dt = kmem P - kM M
    leaving = ktr infiltration P

Primed effectors leave for the tumors (`leaving`; `infiltration` is a drug's factor on it), die,
or become memory cells, which answer antigen on mature dendritic cells with new effectors, and
patrol without it.

Source: a short-lived response and a memory that answers antigen again, as Serre R et al.,
Cancer Res 76:4931 (2016), describe in words for radiation with checkpoint inhibitors; the
equations and the values are illustrative.
"""

from pkpd import Model, given, output, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)

priming = given("priming", "cell/day", "newly primed effectors", default=1e7)
DC = given("DC", "1", "mature dendritic cells, as a share of the largest", default=0.2)
infiltration = given("infiltration", "1", "factor on the entry into tumors", default=1)

krec = param("krec", 0.05, "1/day", "largest recall of effectors by memory", source=INVENTED, bounds=POSITIVE)
patrol = param("patrol", 0.05, "1", "recall without antigen", source=INVENTED, bounds=(0, 1))
kmem = param("kmem", 0.02, "1/day", "formation of memory", source=INVENTED, bounds=POSITIVE)
ktr = param("ktr", 0.1, "1/day", "entry of effectors into tumors", source=INVENTED, bounds=POSITIVE)
kP = param("kP", 0.1, "1/day", "loss of circulating effectors", source=INVENTED, bounds=POSITIVE)
kM = param("kM", 0.002, "1/day", "loss of memory", source=INVENTED, bounds=POSITIVE)

P = state("P", "cell", "circulating effectors")
M = state("M", "cell", "memory cells")

leaving = ktr * infiltration * P

model = Model(
    "effector_memory",
    rates={P: priming + krec * (DC + patrol) * M - kmem * P - leaving - kP * P, M: kmem * P - kM * M},
    outputs={"leaving": output(leaving, "effectors that leave for the tumors")},
)
