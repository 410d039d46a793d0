"""Hill: powers with real exponents, exponentials and logarithms in most rates; not stiff.

    dA1/dt = -(CL (T/T0)^theta/V1) A1 - (Q/V1) A1 + (Q/V2) A2
    dA2/dt =  (Q/V1) A1 - (Q/V2) A2
    dT/dt  =  kg T ln(Tmax/T) - kkill b E^n/(E50^n + E^n) T
    dE/dt  =  kin + kpro (1 - exp(-T/TE)) a E - ksup S E - kout E
    dS/dt  =  kS T^m/(TS^m + T^m) - dS S
    dB/dt  =  ktr B ((1 - slope ln(1 + C/C1)) (N0/N)^gamma - 1)
    dM/dt  =  ktr (B - M)
    dN/dt  =  ktr (M - N)
    C = A1/V1,  a = C^h/(EC50^h + C^h),  b = 1 - Imax (1 - a)

Source: growth after Gompertz (Laird AK, Br J Cancer 18:490-502, 1964); transit with
feedback after Friberg LE et al., J Clin Oncol 20:4713-4721 (2002); put together and given
illustrative values for benchmarks.  750 mg every 2 weeks for half a year, weekly outputs.
"""

from sympy import Expr, exp, log

from benchmarks.cases.case import Case
from pkpd import Model, dose, param, state

INVENTED = "illustrative"

CL = param("CL", 0.25, "L/day", "clearance at the first tumor volume", source=INVENTED)
V1 = param("V1", 3.5, "L", "central volume", source=INVENTED)
Q = param("Q", 0.6, "L/day", "intercompartmental clearance", source=INVENTED)
V2 = param("V2", 2.8, "L", "peripheral volume", source=INVENTED)
theta = param("theta", 0.12, "1", "exponent of tumor volume on clearance", source=INVENTED)
EC50 = param("EC50", 40, "mg/L", "concentration at half of the effect", source=INVENTED)
h = param("h", 1.7, "1", "Hill exponent of the effect", source=INVENTED)

T0 = param("T0", 8, "mm^3", "tumor volume at the start", source=INVENTED)
kg = param("kg", 0.012, "1/day", "tumor growth rate", source=INVENTED)
Tmax = param("Tmax", 300, "mm^3", "tumor volume at which growth stops", source=INVENTED)
kkill = param("kkill", 0.12, "1/day", "largest killing rate", source=INVENTED)
Imax = param("Imax", 0.8, "1", "largest restraint of killing", source=INVENTED)
E50 = param("E50", 1.2, "cell", "effectors at half of the killing", source=INVENTED)
n = param("n", 2.3, "1", "Hill exponent of killing", source=INVENTED)

kin = param("kin", 0.06, "cell/day", "influx of effectors", source=INVENTED)
kpro = param("kpro", 0.09, "1/day", "largest proliferation of effectors", source=INVENTED)
TE = param("TE", 12, "mm^3", "tumor volume that drives proliferation", source=INVENTED)
ksup = param("ksup", 0.02, "1/cell/day", "loss of effectors per suppressor", source=INVENTED)
kout = param("kout", 0.1, "1/day", "loss of effectors", source=INVENTED)
kS = param("kS", 0.25, "cell/day", "largest influx of suppressors", source=INVENTED)
TS = param("TS", 20, "mm^3", "tumor volume at half the maximal influx", source=INVENTED)
m = param("m", 1.4, "1", "Hill exponent of suppressors", source=INVENTED)
dS = param("dS", 0.12, "1/day", "loss of suppressors", source=INVENTED)

ktr = param("ktr", 0.75, "1/day", "transit rate of lymphocytes", source=INVENTED)
N0 = param("N0", 1.8, "cell", "lymphocytes at rest", source=INVENTED)
slope = param("slope", 0.08, "1", "slowing of their proliferation", source=INVENTED)
C1 = param("C1", 20, "mg/L", "concentration at which the slowing sets in", source=INVENTED)
gamma = param("gamma", 0.17, "1", "exponent of the feedback", source=INVENTED)

A1 = state("A1", "mg", "antibody, central")
A2 = state("A2", "mg", "antibody, peripheral")
T = state("T", "mm^3", "tumor", start=T0)
E = state("E", "cell", "effector T cells", start=kin / kout)
S = state("S", "cell", "suppressor cells", start=kS * (T0 / TS) ** m / (1 + (T0 / TS) ** m) / dS)
B = state("B", "cell", "proliferating lymphocytes", start=N0)
M = state("M", "cell", "maturing lymphocytes", start=N0)
N = state("N", "cell", "lymphocytes", start=N0)


def hill(x: Expr, half: Expr, exponent: Expr) -> Expr:
    """The Hill function of x/half, which is a pure number, as a power's base must be."""
    return (x / half) ** exponent / (1 + (x / half) ** exponent)


C = A1 / V1
effect = hill(C, EC50, h)
killing = kkill * (1 - Imax * (1 - effect)) * hill(E, E50, n)

case = Case(
    name="hill",
    title="Hill, 8 states, powers and exponentials, not stiff",
    model=Model(
        "hill",
        rates={
            A1: -CL * (T / T0) ** theta / V1 * A1 - Q / V1 * A1 + Q / V2 * A2,
            A2: Q / V1 * A1 - Q / V2 * A2,
            T: kg * T * log(Tmax / T) - killing * T,
            E: kin + kpro * (1 - exp(-T / TE)) * effect * E - ksup * S * E - kout * E,
            S: kS * hill(T, TS, m) - dS * S,
            B: ktr * B * ((1 - slope * log(1 + C / C1)) * (N0 / N) ** gamma - 1),
            M: ktr * (B - M),
            N: ktr * (M - N),
        },
        routes={"iv": {A1: A1 + dose("mg")}},
    ),
    route="iv",
    amount=750.0,
    interval=14.0,
    doses=13,
    stores=2,
    spread={
        "CL": 0.4, "V1": 0.3, "EC50": 0.6, "h": 0.2, "kg": 0.5, "kkill": 0.5,
        "E50": 0.4, "n": 0.2, "kin": 0.5, "kpro": 0.3, "m": 0.2, "ktr": 0.3,
    },
    seed=13,
)  # fmt: skip
