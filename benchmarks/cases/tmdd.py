"""TMDD: an antibody binds its target, which drives the immune response; stiff.

    dL/dt  = -(CL/V1) L - (Q/V1)(L - Lp) - kon L R + koff P
    dLp/dt =  (Q/V2)(L - Lp)
    dR/dt  =  ksyn - kdeg R - kon L R + koff P
    dP/dt  =  kon L R - koff P - kint P
    RO     =  P/(R + P)

and the four states of `immune`.

Source: the binding after Mager DE, Jusko WJ. General pharmacokinetic model for drugs
exhibiting target-mediated drug disposition. J Pharmacokinet Pharmacodyn 28:507-532 (2001);
values illustrative, made for benchmarks.  10,000 nmol every 4 weeks for a year; after a
dose the fastest rate is near 3e4 /day, a million times the slowest.
"""

from benchmarks.cases.case import Case
from benchmarks.cases.immune import INVENTED, immune
from pkpd import Model, compose, dose, param, state

CL = param("CL", 0.25, "L/day", "linear clearance", source=INVENTED)
V1 = param("V1", 3.5, "L", "central volume", source=INVENTED)
Q = param("Q", 0.6, "L/day", "intercompartmental clearance", source=INVENTED)
V2 = param("V2", 2.8, "L", "peripheral volume", source=INVENTED)
kon = param("kon", 10, "1/nM/day", "binding", source=INVENTED)
koff = param("koff", 1, "1/day", "unbinding", source=INVENTED)
ksyn = param("ksyn", 5, "nM/day", "synthesis of the target", source=INVENTED)
kdeg = param("kdeg", 1, "1/day", "degradation of the free target", source=INVENTED)
kint = param("kint", 0.5, "1/day", "internalization of the complex", source=INVENTED)

L = state("L", "nM", "free antibody, central")
Lp = state("Lp", "nM", "free antibody, peripheral")
R = state("R", "nM", "free target", start=ksyn / kdeg)
P = state("P", "nM", "antibody-target complex")

binding, unbinding = kon * L * R, koff * P

antibody = Model(
    "antibody_with_target",
    rates={
        L: -CL / V1 * L - Q / V1 * (L - Lp) - binding + unbinding,
        Lp: Q / V2 * (L - Lp),
        R: ksyn - kdeg * R - binding + unbinding,
        P: binding - unbinding - kint * P,
    },
    outputs={"RO": P / (R + P)},
    routes={"iv": {L: L + dose("nmol") / V1}},
)

case = Case(
    name="tmdd",
    title="TMDD, 8 states, stiff",
    model=compose("tmdd", antibody, immune),
    route="iv",
    amount=10_000.0,
    interval=28.0,
    doses=13,
    stores=4,
    spread={
        "CL": 0.4, "V1": 0.3, "kon": 0.5, "koff": 0.5, "ksyn": 0.5, "kint": 0.4,
        "kg": 0.5, "kkill": 0.5, "kin": 0.5, "kpro": 0.3, "ksup": 0.6, "kout": 0.3,
    },
    seed=11,
    stiff=True,
)  # fmt: skip
