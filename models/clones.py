"""Clones of a tumor, sensitive and resistant, with mutation under treatment.

    dS/dt =            kg S (1 - T/Tmax) - d0 S - mutation S -             kill S
    dR/dt = (1 - cost) kg R (1 - T/Tmax) - d0 R + mutation S - (1 - resist) kill R
    T = S + R
    mutation = mut0 + mut1 kill
    killed   = d0 T + kill S + (1 - resist) kill R
    when T < Tmin:  S -> 0,  R -> 0                                      extinction

`kill` is the rate at which another part kills sensitive cells; what dies is `killed`.  A
resistant cell escapes the share `resist` of the killing, and pays for it with the share `cost`
of its growth.

Source: a spontaneous rate of mutation, and one in proportion to the treatment, after Greene
JM et al., JCO Clin Cancer Inform 3 (2019), doi 10.1200/CCI.18.00087 (eps and alpha there);
the starting diameter and the net growth are those of QSPIO-TNBC's virtual trial of durvalumab
in lung cancer (parameters_NSCLC.m).  The other values are illustrative.

Without extinction every response would end in regrowth from a fraction of a cell.
"""

from sympy import pi

from pkpd import Event, Model, given, output, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)
QSPIO = "QSPIO-TNBC parameters_NSCLC.m"
NET = f"illustrative; kg - d0 is the 0.007/day of {QSPIO} (k_C_growth)"

kill = given("kill", "1/day", "rate at which sensitive cells are killed", default=0)

diameter0 = param(
    "diameter0", 37, "mm", "tumor diameter at the start", source=f"{QSPIO}: 37 mm; another value is illustrative",
    bounds=POSITIVE, iiv=0.3,
)  # fmt: skip
resistant0 = param(
    "resistant0", 1e-6, "1", "share of resistant cells at the start", source=INVENTED, bounds=(0, 1), iiv=2.5
)
kg = param("kg", 0.010, "1/day", "growth rate", source=NET, bounds=POSITIVE, iiv=0.3)
d0 = param("d0", 0.003, "1/day", "cell death without treatment", source=NET, bounds=POSITIVE)
Tmax = param("Tmax", 1e6, "mm^3", "tumor volume at which growth stops", source=INVENTED, bounds=POSITIVE)
Tmin = param("Tmin", 1, "mm^3", "living tumor below which it is extinct", source=INVENTED, bounds=POSITIVE)
cost = param("cost", 0.1, "1", "loss of growth by resistance", source=INVENTED, bounds=(0, 1))
resist = param("resist", 0.95, "1", "share of the killing that resistant cells escape", source=INVENTED, bounds=(0, 1))
mut0 = param("mut0", 1e-8, "1/day", "mutation without treatment", source=INVENTED, bounds=POSITIVE)
mut1 = param("mut1", 1e-6, "1", "mutation in proportion to the killing", source=INVENTED, bounds=POSITIVE)

start = pi / 6 * diameter0**3
S = state("S", "mm^3", "living sensitive tumor", start=(1 - resistant0) * start)
R = state("R", "mm^3", "living resistant tumor", start=resistant0 * start)
T = S + R

mutation = (mut0 + mut1 * kill) * S
lost = (1 - resist) * kill * R

model = Model(
    "clones",
    rates={
        S: kg * S * (1 - T / Tmax) - d0 * S - mutation - kill * S,
        R: (1 - cost) * kg * R * (1 - T / Tmax) - d0 * R + mutation - lost,
    },
    outputs={
        "T": output(T, "living tumor"),
        "killed": output(d0 * T + kill * S + lost, "death of tumor cells"),
    },
    events=[Event(when=T < Tmin, then={S: 0, R: 0})],
)
