"""Tumor killed by effector T cells that free PD-L1 restrains.

    dT/dt = kg T (1 - T/Tmax) - kkill (1 - Imax (1 - RO)) E T
    dE/dt = kin + kpri D/(D50 + D) + kexp RO E - kout E

RO, the fraction of PD-L1 occupied by an antibody, frees the killing and lets effectors
expand; D, killed tumor whose antigen is presented, primes new ones.  Both are 0 unless
another part gives them, so that the part also runs alone, untreated.

Source: illustrative, not published as a whole.  Effector and tumor terms after Kuznetsov
VA et al., Bull Math Biol 56:295-321 (1994), restraint by free PD-L1 and saturable priming
by antigen after Kosinsky Y et al., J Immunother Cancer 6:17 (2018).  The starting volume is
that of QSPIO-TNBC's virtual trial of durvalumab in lung cancer; the other values are invented,
such that an untreated tumor progresses within months and full occupancy slows it.

Effectors stay bounded while kexp RO < kout.
"""

from sympy import pi

from pkpd import Model, given, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)

RO = given("RO", "1", "fraction of PD-L1 occupied", default=0)
D = given("D", "mm^3", "killed tumor, not yet cleared", default=0)

diameter0 = param(
    "diameter0", 37, "mm", "tumor diameter at the start", source="QSPIO-TNBC parameters_NSCLC.m", bounds=POSITIVE
)
kg = param("kg", 0.02, "1/day", "tumor growth rate", source=INVENTED, bounds=POSITIVE, iiv=0.3)
Tmax = param("Tmax", 5e5, "mm^3", "tumor volume at which growth stops", source=INVENTED, bounds=POSITIVE)
kkill = param("kkill", 1.3e-8, "1/cell/day", "killing per effector", source=INVENTED, bounds=POSITIVE, iiv=0.5)
Imax = param("Imax", 0.8, "1", "largest restraint of killing by free PD-L1", source=INVENTED, bounds=(0, 1))
kin = param("kin", 5e4, "cell/day", "influx of effectors", source=INVENTED, bounds=POSITIVE)
kpri = param("kpri", 5e4, "cell/day", "largest influx of primed effectors", source=INVENTED, bounds=POSITIVE)
D50 = param("D50", 1000, "mm^3", "killed tumor at half of the priming", source=INVENTED, bounds=POSITIVE)
kexp = param("kexp", 0.01, "1/day", "expansion of effectors at full occupancy", source=INVENTED, bounds=POSITIVE)
kout = param("kout", 0.05, "1/day", "loss of effectors", source=INVENTED, bounds=POSITIVE)

T = state("T", "mm^3", "living tumor", start=pi / 6 * diameter0**3)
E = state("E", "cell", "effector T cells in the tumor", start=kin / kout)

model = Model(
    "tumor_immune",
    rates={
        T: kg * T * (1 - T / Tmax) - kkill * (1 - Imax * (1 - RO)) * E * T,
        E: kin + kpri * D / (D50 + D) + kexp * RO * E - kout * E,
    },
)
