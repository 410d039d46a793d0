"""Tumor escape by keeping myeloid cells immature.

    dL/dt  = c L T m - mu_L L
    dT/dt  = a T - mu_T T - e L T m
    dM1/dt = omega - mu1 M1 - (theta - g T/(p + T)) M1
    dM2/dt = (theta - g T/(p + T)) M1 - mu2 M2
    m      = M2/(M1 + M2)                            fraction of myeloid cells that are mature
    t_cells:  L -> L + dose

Source: Kareva I, Berezovskaya F, Castillo-Chavez C. Myeloid cells in tumour-immune
interactions. J Biol Dyn 4:315-327 (2010). Values as in
BioModels MODEL2001310001, which is not curated.

The public SBML activates T cells at the rate c L^2 T m.  Beside e L T m with an e of the
same size and unit this does not balance, and its solution overflows when the T cells meet
the tumor (ln L grows by c/e times the tumor cells killed).  Here the power is one, as in
any predator and prey.  The SBML's starts of 1 for every state are illustrative; here myeloid
cells start where they rest without tumor.

T cells that are given (`t_cells`) are not in the paper.

Finding: it runs, but does not show its paper's claim, escape by myeloid cells that are kept immature,
at these values: g takes at most 6 % of theta, so that 90.4 % of the myeloid cells mature beside a
tumor and 90.9 % without, and the mean tumor rises by 0.6 % (its page has larger g).
"""

from pkpd import Model, dose, output, param, state

SBML = "Kareva 2010, as in MODEL2001310001"
START = "illustrative: 1 in MODEL2001310001"
POSITIVE = (0, None)

a = param("a", 0.432, "1/day", "tumor growth rate", source=SBML, bounds=POSITIVE)
mu_T = param("mu_T", 0.02, "1/day", "natural death of tumor cells", source=SBML, bounds=POSITIVE)
e = param("e", 2.02e-8, "1/cell/day", "killing of tumor cells by T cells", source=SBML, bounds=POSITIVE)
c = param("c", 1.8e-8, "1/cell/day", "activation of T cells by tumor", source=SBML, bounds=POSITIVE)
mu_L = param("mu_L", 0.02, "1/day", "loss of T cells", source=SBML, bounds=POSITIVE)
omega = param("omega", 1e7, "cell/day", "influx of immature myeloid cells", source=SBML, bounds=POSITIVE)
mu1 = param("mu1", 0.02, "1/day", "death of immature myeloid cells", source=SBML, bounds=POSITIVE)
mu2 = param("mu2", 0.02, "1/day", "death of mature myeloid cells", source=SBML, bounds=POSITIVE)
theta = param("theta", 0.2, "1/day", "maturation of myeloid cells without tumor", source=SBML, bounds=POSITIVE)
g = param("g", 0.0125, "1/day", "largest inhibition of maturation by tumor", source=SBML, bounds=POSITIVE)
p = param("p", 10, "cell", "tumor at half the maximal inhibition", source=SBML, bounds=POSITIVE)

L0 = param("L0", 1, "cell", "T cells at the start", source=START, bounds=POSITIVE)
T0 = param("T0", 1, "cell", "tumor cells at the start", source=START, bounds=POSITIVE)

L = state("L", "cell", "CD8+ T cells", start=L0)
T = state("T", "cell", "tumor cells", start=T0)
M1 = state("M1", "cell", "immature myeloid cells", start=omega / (mu1 + theta))
M2 = state("M2", "cell", "mature myeloid cells", start=theta * omega / (mu1 + theta) / mu2)

maturation = theta - g * T / (p + T)
mature = M2 / (M1 + M2)

model = Model(
    "kareva_2010",
    rates={
        L: c * L * T * mature - mu_L * L,
        T: a * T - mu_T * T - e * L * T * mature,
        M1: omega - mu1 * M1 - maturation * M1,
        M2: maturation * M1 - mu2 * M2,
    },
    outputs={"m": output(mature, "fraction of myeloid cells that are mature")},
    routes={"t_cells": {L: L + dose("cell")}},
)
