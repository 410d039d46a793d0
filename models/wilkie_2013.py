"""Immune-induced dormancy, and escape by resistance or by failing predation.

    dC/dt = a C (1 - (C + R)/K) - k C I
    dR/dt = b R (1 - (C + R)/K) - f k R I
    dI/dt = y I (1 - I/(Ie + u (C + w R) I))
    k     = a0 exp(-k_decay t)

Source: Wilkie KP, Hahnfeldt P. Mathematical models of immune-induced cancer dormancy and the
emergence of immune evasion. Interface Focus 3:20130010 (2013), doi 10.1098/rsfs.2013.0010.
Values as in BioModels BIOMD0000000751 (decaying predation) and BIOMD0000000752 (resistance).

One model holds both ways of escape.  By default resistant cells escape and predation
decays; ``k_decay=0`` leaves resistance alone (BIOMD0000000752), ``R0=0`` decay alone
(BIOMD0000000751, with C0 = 1 and a0 = 1.05e-4).

BIOMD0000000752 sets f = 1, where a "resistant" cell is killed like any other, and notes 0.9
and 0.5 as the paper's other values; the f = 0.1 here is illustrative.  The clock of both SBML
is in seconds; the data are of mice, and the time meant is days.  The immune cells' carrying
capacity is written in the immune cells themselves, as published: it grows without bound while
u (C + w R) > 1.
"""

from sympy import exp

from pkpd import Model, clock, output, param, state

BASIC = "Wilkie and Hahnfeldt 2013, as in BIOMD0000000751"
RESISTANT = "Wilkie and Hahnfeldt 2013, as in BIOMD0000000752"
POSITIVE = (0, None)

a = param("a", 0.2, "1/day", "growth of sensitive cells", source=RESISTANT, bounds=POSITIVE)
b = param("b", 0.2, "1/day", "growth of resistant cells", source=RESISTANT, bounds=POSITIVE)
K = param("K", 1e10, "cell", "carrying capacity of the tumor", source=RESISTANT, bounds=POSITIVE)
a0 = param(
    "a0", 1e-4, "1/cell/day", "killing by immune cells at the start", source=RESISTANT, bounds=POSITIVE,
    alternatives={"basic": (1.05e-4, "1/cell/day", BASIC)},
)  # fmt: skip
k_decay = param("k_decay", 1 / 168.1, "1/day", "decay of killing", source=BASIC, bounds=POSITIVE)
f = param(
    "f", 0.1, "1", "killing of a resistant cell beside a sensitive one", source="illustrative", bounds=(0, 1),
    alternatives={"SBML": (1, "1", RESISTANT)},
)  # fmt: skip
y = param("y", 0.2, "1/day", "growth of immune cells", source=RESISTANT, bounds=POSITIVE)
Ie = param("Ie", 100, "cell", "immune cells without tumor", source=RESISTANT, bounds=POSITIVE)
u = param("u", 1e-3, "1/cell", "recruitment of immune cells by sensitive cells", source=RESISTANT, bounds=POSITIVE)
w = param("w", 1e-3, "1", "recruitment by a resistant cell beside a sensitive one", source=RESISTANT, bounds=(0, 1))

C0 = param("C0", 9000, "cell", "sensitive cells at the start", source=RESISTANT, bounds=POSITIVE)
R0 = param("R0", 1000, "cell", "resistant cells at the start", source=RESISTANT, bounds=POSITIVE)

C = state("C", "cell", "tumor cells sensitive to killing", start=C0)
R = state("R", "cell", "tumor cells resistant to killing", start=R0)
I = state("I", "cell", "immune cells at the tumor", start=Ie)

k = a0 * exp(-k_decay * clock("day"))
room = 1 - (C + R) / K

model = Model(
    "wilkie_2013",
    rates={
        C: a * C * room - k * C * I,
        R: b * R * room - f * k * R * I,
        I: y * I * (1 - I / (Ie + u * (C + w * R) * I)),
    },
    outputs={"T": output(C + R, "all tumor cells")},
)
