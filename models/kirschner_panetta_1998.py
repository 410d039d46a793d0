"""Tumor, effector cells and interleukin-2, with adoptive cell transfer.

    dE/dt  = c T - mu2 E + p1 E IL/(g1 + IL)
    dT/dt  = r2 T (1 - b T) - a E T/(g2 + T)
    dIL/dt = p2 E T/(g3 + T) - mu3 IL
    cells:  E -> E + dose,    il2:  IL -> IL + dose

Source: Kirschner D, Panetta JC. Modeling immunotherapy of the tumor-immune interaction. J
Math Biol 37:235-252 (1998), doi 10.1007/s002850050127. Values as in BioModels
BIOMD0000000732.

The constant treatments s1 (effectors) and s2 (interleukin-2) of the paper are infusions on
the routes `cells` and `il2`.  The paper gives every state in the same arbitrary "volume";
here effectors and tumor are counted in cells, and interleukin-2 stays a pure number.  The
antigenicity c, between 0 and 0.05 per day, is what distinguishes tumors.

The public SBML has lost a saturation, mended here: it codes p1 E IL/g1 for
p1 E IL/(g1 + IL).  Its treatments are zero, so that it holds the untreated case alone, and
its time unit in the parameters is a tenth of the day of its clock.

Without treatment the tumor is never eradicated: it grows for small c, oscillates, and for
large c rests at a small size.  Effectors given at more than r2 g2 mu2/a a day, 540 here,
make the state without tumor stable.
"""

from pkpd import Model, dose, param, state

SBML = "Kirschner and Panetta 1998, as in BIOMD0000000732"
POSITIVE = (0, None)

c = param("c", 0.035, "1/day", "antigenicity: effectors recruited by a tumor cell", source=SBML, bounds=POSITIVE)
mu2 = param("mu2", 0.03, "1/day", "death of effectors", source=SBML, bounds=POSITIVE)
p1 = param("p1", 0.1245, "1/day", "largest proliferation of effectors by interleukin-2", source=SBML, bounds=POSITIVE)
g1 = param("g1", 2e7, "1", "interleukin-2 at half the maximal proliferation", source=SBML, bounds=POSITIVE)
r2 = param("r2", 0.18, "1/day", "tumor growth rate", source=SBML, bounds=POSITIVE)
b = param("b", 1e-9, "1/cell", "inverse of the tumor's carrying capacity", source=SBML, bounds=POSITIVE)
a = param("a", 1, "1/day", "largest killing of tumor cells by one effector", source=SBML, bounds=POSITIVE)
g2 = param("g2", 1e5, "cell", "tumor at half the maximal killing", source=SBML, bounds=POSITIVE)
p2 = param("p2", 5, "1/cell/day", "largest release of interleukin-2 by one effector", source=SBML, bounds=POSITIVE)
g3 = param("g3", 1e3, "cell", "tumor at half the maximal release", source=SBML, bounds=POSITIVE)
mu3 = param("mu3", 10, "1/day", "loss of interleukin-2", source=SBML, bounds=POSITIVE)

E0 = param("E0", 1, "cell", "effector cells at the start", source="illustrative", bounds=POSITIVE)
T0 = param("T0", 1, "cell", "tumor cells at the start", source=SBML, bounds=POSITIVE)

E = state("E", "cell", "effector cells", start=E0)
T = state("T", "cell", "tumor cells", start=T0)
IL = state("IL", "1", "interleukin-2 at the tumor")

model = Model(
    "kirschner_panetta_1998",
    rates={
        E: c * T - mu2 * E + p1 * E * IL / (g1 + IL),
        T: r2 * T * (1 - b * T) - a * E * T / (g2 + T),
        IL: p2 * E * T / (g3 + T) - mu3 * IL,
    },
    routes={
        "cells": {E: E + dose("cell")},
        "il2": {IL: IL + dose("1")},
    },
)
