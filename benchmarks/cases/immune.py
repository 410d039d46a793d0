"""A tumor and its immune response, which two cases share.

    dT/dt = kg T (1 - T/Tmax) - kkill E T/(TK + T)
    dE/dt = kin + kpro E T/(TE + T) a - ksup S E - kout E + kant G a
    dS/dt = kS T/(TS + T) - dS S
    dG/dt = kG T - dG G
    a     = 1 - Imax (1 - RO)

Source: illustrative, made for benchmarks.
"""

from pkpd import Model, given, param, state

INVENTED = "illustrative"


RO = given("RO", "1", "fraction of the target occupied")

kg = param("kg", 0.035, "1/day", "tumor growth rate", source=INVENTED)
Tmax = param("Tmax", 300, "mm^3", "tumor volume at which growth stops", source=INVENTED)
kkill = param("kkill", 0.25, "mm^3/cell/day", "largest killing per effector", source=INVENTED)
TK = param("TK", 4, "mm^3", "tumor volume at half of the killing", source=INVENTED)
kin = param("kin", 0.06, "cell/day", "influx of effectors", source=INVENTED)
kpro = param("kpro", 0.14, "1/day", "largest proliferation of effectors", source=INVENTED)
TE = param("TE", 12, "mm^3", "tumor volume at half of the proliferation", source=INVENTED)
Imax = param("Imax", 0.9, "1", "largest restraint by the free target", source=INVENTED)
ksup = param("ksup", 0.02, "1/cell/day", "loss of effectors per suppressor", source=INVENTED)
kout = param("kout", 0.1, "1/day", "loss of effectors", source=INVENTED)
kS = param("kS", 0.25, "cell/day", "largest influx of suppressors", source=INVENTED)
TS = param("TS", 20, "mm^3", "tumor volume at half the maximal influx", source=INVENTED)
dS = param("dS", 0.12, "1/day", "loss of suppressors", source=INVENTED)
kG = param("kG", 0.02, "ng/mm^3/day", "release of antigen", source=INVENTED)
dG = param("dG", 0.1, "1/day", "loss of antigen", source=INVENTED)
kant = param("kant", 0.05, "cell/ng/day", "priming of effectors by antigen", source=INVENTED)
T0 = param("T0", 8, "mm^3", "tumor volume at the start", source=INVENTED)

T = state("T", "mm^3", "tumor", start=T0)
E = state("E", "cell", "effector T cells", start=kin / kout)
S = state("S", "cell", "suppressor cells", start=kS * T0 / (TS + T0) / dS)
G = state("G", "ng", "antigen", start=kG * T0 / dG)

active = 1 - (1 - RO) * Imax

immune = Model(
    "immune",
    rates={
        T: kg * T * (1 - T / Tmax) - kkill * E * T / (TK + T),
        E: kin + kpro * E * T / (TE + T) * active - ksup * S * E - kout * E + kant * G * active,
        S: kS * T / (TS + T) - dS * S,
        G: kG * T - dG * G,
    },
)
