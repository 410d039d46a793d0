"""A tipping point between immune control and escape.

    dT/dt = rho (T/Tu)^(4/5) - xi (1 + A) I T/(1 + I/h + T/h)
    dI/dt = m_s S - delta I
    dS/dt = alpha T/(T50 + T) N + (p_s - m_s) S
    dN/dt = -alpha T/(T50 + T) N
    dA/dt = -k_ici A
    ici:  A -> A + dose,    t_cells:  I -> I + dose
    when T < T_min:  T -> 0                                extinction

Source: Creemers JHA, Lesterhuis WJ, Mehra N, Gerritsen WR, Figdor CG, de Vries IJM, Textor
J. A tipping point in cancer-immune dynamics leads to divergent immunotherapy responses and
hampers biomarker discovery. J Immunother Cancer 9:e002032 (2021), doi
10.1136/jitc-2020-002032, Table 1; BioModels BIOMD0000001022.

A tumor is diagnosed at 65e8 cells and lethal at 1e12.  The paper's table prints the unit of
every rate as cells a day; here killing, death and priming are per cell.  The SBML agrees
with the equations.  Its values (rho = 6, xi = 0.035) give a cure as in the paper's Fig 1B;
its values of xi for Fig 1C and 1D give what these show only with the table's rho = 1.  That
is the rho of all three in the authors' code, with the xi named here "Fig_1B", "Fig_1C", "Fig_1D"
(github.com/jeroencreemers/tipping-point-cancer-immune-dynamics, figure_1_data.R).

A checkpoint inhibitor multiplies the killing, in the paper by a constant for as long as it is
given; here a dose raises A, the fold increase, which then decays at k_ici (illustrative; 0 is the
paper's constant).
T_min is illustrative too: 4/5 is a power from which a fraction of one cell grows back.
"""

from sympy import Piecewise, Rational

from pkpd import Event, Model, dose, output, param, state

TABLE = "Creemers 2021, Table 1"
SBML = "Creemers 2021, as in BIOMD0000001022"
CODE = "Creemers 2021, the authors' figure_1_data.R"
POSITIVE = (0, None)

rho = param(
    "rho", 1, "cell/day", "tumor growth rate", source=TABLE, bounds=POSITIVE,
    alternatives={"SBML": (6, "cell/day", SBML)},
)  # fmt: skip
Tu = param("Tu", 1, "cell", "unit of the power law", source=TABLE, bounds=POSITIVE)
xi = param(
    "xi", 0.001, "1/cell/day", "killing rate of T cells", source=TABLE, bounds=POSITIVE,
    alternatives={
        "Fig_1B": (0.005, "1/cell/day", CODE),
        "Fig_1C": (5e-4, "1/cell/day", CODE),
        "Fig_1D": (2.5e-4, "1/cell/day", CODE),
        "SBML": (0.035, "1/cell/day", SBML),
    },
)  # fmt: skip
h = param("h", 571, "cell", "T or tumor cells at which killing saturates", source=TABLE, bounds=POSITIVE)
delta = param("delta", 0.019, "1/day", "death of T cells in the tumor", source=TABLE, bounds=POSITIVE)
alpha = param("alpha", 0.0025, "1/day", "largest priming of naive T cells", source=TABLE, bounds=POSITIVE)
T50 = param(
    "T50", 1e7, "cell", "tumor at half the maximal priming", source="Creemers 2021, equation 3", bounds=POSITIVE
)
p_s = param("p_s", 1, "1/day", "proliferation of specific T cells in lymph nodes", source=TABLE, bounds=POSITIVE)
m_s = param("m_s", 1, "1/day", "migration of specific T cells to the tumor", source=TABLE, bounds=POSITIVE)
k_ici = param("k_ici", 0.028, "1/day", "decay of the checkpoint inhibitor", source="illustrative", bounds=POSITIVE)
T_min = param("T_min", 1, "cell", "tumor below which it is extinct", source="illustrative: one cell", bounds=POSITIVE)

T0 = param("T0", 1, "cell", "tumor cells at the start", source=TABLE, bounds=POSITIVE)
N0 = param("N0", 1e6, "cell", "naive tumor-specific T cells at the start", source=TABLE, bounds=POSITIVE)

T = state("T", "cell", "tumor cells", start=T0)
I = state("I", "cell", "T cells in the tumor")
S = state("S", "cell", "specific T cells in lymph nodes")
N = state("N", "cell", "naive T cells in lymph nodes", start=N0)
A = state("A", "1", "fold increase of killing by a checkpoint inhibitor")

growth = rho * Piecewise(((T / Tu) ** Rational(4, 5), T > 0), (0, True))
killing = xi * (1 + A) * I * T / (1 + I / h + T / h)
priming = alpha * T / (T50 + T) * N

model = Model(
    "creemers_2021",
    rates={
        T: growth - killing,
        I: m_s * S - delta * I,
        S: priming + (p_s - m_s) * S,
        N: -priming,
        A: -k_ici * A,
    },
    outputs={"killing": output(killing, "tumor cells killed by T cells", "cell/day")},
    routes={"ici": {A: A + dose("1")}, "t_cells": {I: I + dose("cell")}},
    events=[Event(when=T < T_min, then={T: 0})],
)
