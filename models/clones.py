"""Clones of a tumor, sensitive and resistant, with mutation under treatment.

    dS/dt =            kg S (1 - T/Tmax) - mutation S -             kill S
    dR/dt = (1 - cost) kg R (1 - T/Tmax) + mutation S - (1 - resist) kill R
    T = S + R,    R(0)/S(0) = resistant0
    mutation = mut0 + mut1 kill
    killed   = d0 T + kill S + (1 - resist) kill R
    when T < Tmin:  S -> 0,  R -> 0                                      extinction

`inherited` has the clones without mutation and cost, so that what is resistant was so at the start.

`kill` is the rate at which another part kills sensitive cells; what dies is `killed`.  A
resistant cell escapes the share `resist` of the killing, and pays for it with the share `cost`
of its growth.  kg is the net growth, beside which cells die and are replaced at the rate d0.
What escapes need not be a mutant: it is the part of a tumor that effectors do not reach or do not
recognize.  That part at the start, and its wide spread between patients, is what Chatterjee MS et al.
(2017, `chatterjee_2017`) estimated in melanoma under pembrolizumab: a share f = 0.696 is reached,
with a variance of 5.53 of its logit, so that resistant0 is (1 - f)/f.

Source: a spontaneous rate of mutation, and one in proportion to the treatment, after Greene
JM et al., JCO Clin Cancer Inform 3 (2019), doi 10.1200/CCI.18.00087 (eps and alpha there);
the starting diameter, the net growth and the largest volume are those of QSPIO-TNBC's virtual
trial of durvalumab in lung cancer (parameters_NSCLC.m), whose file cites Usuda 1994 (PMID
7922975) for the growth and marks the largest volume as estimated.  The variability of growth and size is
that of 786 patients with lung cancer (Struemper 2025, as in `struemper_2025`: log variances 0.8715 and
0.2645, of rates and sums of diameters).  The other values are illustrative.

Without extinction every response would end in regrowth from a fraction of a cell.
"""

from sympy import pi

from pkpd import Event, Model, compose, given, output, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)
QSPIO = "QSPIO-TNBC parameters_NSCLC.m"

kill = given("kill", "1/day", "rate at which sensitive cells are killed", default=0)

diameter0 = param(
    "diameter0", 37, "mm", "tumor diameter at the start", source=f"{QSPIO} (initial_tumour_diameter)",
    bounds=POSITIVE, iiv=0.5,
    alternatives={"small": (20, "mm", "illustrative: a lesion that a scan measures well, a sixth of 37 mm by volume")},
)  # fmt: skip
resistant0 = param(
    "resistant0", 0.437, "1", "resistant cells for each sensitive one at the start", bounds=POSITIVE, iiv=2.35,
    source="computed from Chatterjee 2017: (1 - f)/f, f 0.696 with a variance of 5.53 of its logit; in melanoma",
    alternatives={"rare": (1e-6, "1", "illustrative: thousands of cells in a tumor of 37 mm")},
)  # fmt: skip
kg = param(
    "kg", 0.007, "1/day", "net growth rate", source=f"{QSPIO} (k_C_growth), which cites Usuda 1994",
    bounds=POSITIVE, iiv=0.93,
)  # fmt: skip
d0 = param(
    "d0",
    0.003,
    "1/day",
    "death of cells that are replaced",
    bounds=POSITIVE,
    source="illustrative: 0.3 of all births, so that tumors prime without treatment too",
)
Tmax = param(
    "Tmax",
    3.79e5,
    "mm^3",
    "tumor volume at which growth stops",
    bounds=POSITIVE,
    source=f"computed from {QSPIO}: 1.5e11 cells (C_max, marked (estimated) there) of 16.9 um diameter",
)
Tmin = param(
    "Tmin",
    1,
    "mm^3",
    "living tumor below which it is extinct",
    bounds=POSITIVE,
    source="illustrative: too small for any scan, and three years from 20 mm",
)
cost = param("cost", 0.1, "1", "loss of growth by resistance", source="illustrative: small", bounds=(0, 1))
resist = param(
    "resist", 0.99, "1", "share of the killing that resistant cells escape", bounds=(0, 1),
    source="illustrative: a hundredfold lower sensitivity, which QSPIO-TNBC has for a cytotoxic drug (r_resist)",
)  # fmt: skip
mut0 = param(
    "mut0",
    7e-9,
    "1/day",
    "mutation without treatment",
    bounds=POSITIVE,
    source="computed from Greene 2019: 1e-6 (eps) for each unit of time, here 1/kg",
)
mut1 = param(
    "mut1",
    1e-6,
    "1",
    "mutation in proportion to the killing",
    bounds=POSITIVE,
    source="illustrative: as rare as the resistant at the start",
)

start = pi / 6 * diameter0**3
S = state("S", "mm^3", "living sensitive tumor", start=start / (1 + resistant0))
R = state("R", "mm^3", "living resistant tumor", start=resistant0 * start / (1 + resistant0))
T = S + R

growth = kg * (1 - T / Tmax)
lost = (1 - resist) * kill * R

inherited = Model(
    "clones_inherited",
    rates={S: growth * S - kill * S, R: growth * R - lost},
    outputs={
        "T": output(T, "living tumor"),
        "killed": output(d0 * T + kill * S + lost, "death of tumor cells"),
    },
    events=[Event(when=T < Tmin, then={S: 0, R: 0})],
)

mutation = (mut0 + mut1 * kill) * S
evolution = Model("clone_evolution", rates={}, terms={S: -mutation, R: mutation - cost * growth * R})

model = compose("clones", inherited, evolution)
