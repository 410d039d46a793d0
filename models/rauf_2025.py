"""Immunogenic cell death at an irradiated tumor and at an abscopal one.

    dc1/dt = (surv - A (1 - surv)) net(c1, E1, M1)            irradiated tumor
    dc2/dt = (1 - A (1 - surv)) net(c2, E2, M2)               abscopal tumor
    dE1/dt = s_E - d_E E1 - i_E c1 E1,    dM1/dt = s_M - d_M M1 - i_M c1 M1
    dE2/dt = s_E - d_E E2 - i_E c2 E2,    dM2/dt = s_M - d_M M2 - i_M c2 M2
    dsurv/dt = 0
    net(c, E, M) = a c (1 - c/K) - k_E c E - k_M c M
    a fraction of d Gy:  surv -> surv exp(-alpha d - G beta d^2)
    G = 2 (x + exp(-x) - 1)/x^2,    x = mu d/rate

Source: Rauf S, Smirnova A, Chang A, Liu Y, Jiang Y. Immunogenic cell death unlocks the
potential for combined radiation and immunotherapy. PNAS (2025); code and values
yijianglanl/SIRPa-Paper-Code (ICD_model.m, abscopal100.m), Zenodo 10.5281/zenodo.17559821.

MC38 in mice without SIRPa; E are T cells, M macrophages activated for want of SIRPa.  A wild-type
mouse has none: ``M0=0``.  1e6 cells are 1 mm^3.

As published, radiation kills no cell at once: from the fraction on it multiplies the net rate,
and turns growth into regression where A (1 - surv) exceeds surv.  A net rate that is already
negative then turns into growth, which is a limit of validity.  A was fitted for each dose,
and 6.12 is printed for 8 Gy alone; the fits for 4 and 15 Gy are not in the repository's text.

mu = 2.56 with a dose rate of 1.2 Gy/min reads as 1/min in the code, a half-time of repair of
16 s; an hour is likely meant (alternative `per_hour`).  Repeated fractions multiply surv,
which the paper, with one fraction, does not say.
"""

from sympy import exp

from pkpd import Model, dose, output, param, state

CODE = "Rauf 2025, ICD_model.m"
POSITIVE = (0, None)

a = param("a", 0.453, "1/day", "tumor growth rate", source=CODE, bounds=POSITIVE)
K = param("K", 1.77e9, "cell", "carrying capacity of a tumor", source=CODE, bounds=POSITIVE)
k_E = param("k_E", 4.5e-8, "1/cell/day", "killing by T cells", source=CODE, bounds=POSITIVE)
k_M = param(
    "k_M", 9.07e-7, "1/cell/day", "killing by macrophages", source=CODE, bounds=POSITIVE,
    alternatives={"fig4a": (4.43e-8, "1/cell/day", "Rauf 2025, fig4a.m")},
)  # fmt: skip
s_E = param("s_E", 1.65e4, "cell/day", "source of T cells", source=CODE, bounds=POSITIVE)
d_E = param("d_E", 7.41e-2, "1/day", "death of T cells", source=CODE, bounds=POSITIVE)
i_E = param("i_E", 1.98e-9, "1/cell/day", "inactivation of T cells by tumor", source=CODE, bounds=POSITIVE)
s_M = param("s_M", 4.39e-7, "cell/day", "source of macrophages", source=CODE, bounds=POSITIVE)
d_M = param("d_M", 0.3949, "1/day", "death of macrophages", source=CODE, bounds=POSITIVE)
i_M = param("i_M", 8.15338e-7, "1/cell/day", "inactivation of macrophages by tumor", source=CODE, bounds=POSITIVE)

alpha = param("alpha", 5.15e-3, "1/Gy", "linear coefficient of radiation kill", source=CODE, bounds=POSITIVE)
beta = param("beta", 6.58e-3, "1/Gy^2", "quadratic coefficient of radiation kill", source=CODE, bounds=POSITIVE)
mu = param(
    "mu", 2.56, "1/min", "repair of radiation damage", source=CODE, bounds=POSITIVE,
    alternatives={"per_hour": (2.56, "1/hour", "illustrative: the code's number, of a usual size for repair")},
)  # fmt: skip
rate = param(
    "rate", 1.2, "Gy/min", "dose rate", source=CODE, bounds=POSITIVE,
    alternatives={"abscopal": (6, "Gy/min", "Rauf 2025, abscopal100.m")},
)  # fmt: skip
A = param(
    "A", 6.12, "1", "immunogenic cell death for a cell killed", source="Rauf 2025, abscopal100.m", bounds=POSITIVE,
    alternatives={"fig4a": (15.3, "1", "Rauf 2025, fig4a.m")},
)  # fmt: skip

density = param("density", 1e6, "cell/mm^3", "cells of a volume", source=CODE, bounds=POSITIVE)

START = "Rauf 2025, treatment_efficacy.m"
c10 = param("c10", 1e6, "cell", "cells of the irradiated tumor at the start", source=START, bounds=POSITIVE)
c20 = param("c20", 1e6, "cell", "cells of the abscopal tumor at the start", source=START, bounds=POSITIVE)
E0 = param("E0", 1e6, "cell", "T cells at each tumor at the start", source=START, bounds=POSITIVE)
M0 = param("M0", 1e6, "cell", "macrophages at each tumor at the start", source=START, bounds=POSITIVE)

c1 = state("c1", "cell", "irradiated tumor", start=c10)
E1 = state("E1", "cell", "T cells at the irradiated tumor", start=E0)
M1 = state("M1", "cell", "macrophages at the irradiated tumor", start=M0)
c2 = state("c2", "cell", "abscopal tumor", start=c20)
E2 = state("E2", "cell", "T cells at the abscopal tumor", start=E0)
M2 = state("M2", "cell", "macrophages at the abscopal tumor", start=M0)
surv = state("surv", "1", "survival of radiation", start=1)

d = dose("Gy")
x = mu * d / rate
G = 2 * (x + exp(-x) - 1) / x**2
death = A * (1 - surv)

sites = {
    tumor: factor * (a * tumor * (1 - tumor / K) - k_E * tumor * T - k_M * tumor * M)
    for tumor, T, M, factor in ((c1, E1, M1, surv - death), (c2, E2, M2, 1 - death))
}
t_cells = {T: s_E - d_E * T - i_E * tumor * T for T, tumor in ((E1, c1), (E2, c2))}
macrophages = {M: s_M - d_M * M - i_M * tumor * M for M, tumor in ((M1, c1), (M2, c2))}

model = Model(
    "rauf_2025",
    rates={**sites, **t_cells, **macrophages, surv: 0},
    outputs={
        "V1": output((c1 + E1 + M1) / density, "irradiated tumor with its immune cells"),
        "V2": output((c2 + E2 + M2) / density, "abscopal tumor with its immune cells"),
    },
    routes={"radiation": {surv: surv * exp(-alpha * d - G * beta * d**2)}},
)
