"""An oncolytic virus, then radiation.

    dx/dt = f x - x v - alpha1 u x
    dy/dt = x v - y - alpha2 u y
    dv/dt = y - m x v - h v
    dD/dt = (alpha1 x + alpha2 y) u - alpha3 D
    virus:  v -> v + dose;    u = dose/duration on the route `radiation`

Source: Al-Tuwairqi SM, Al-Johani NO, Simbawa EA. Modeling dynamics of cancer radiovirotherapy.
J Theor Biol 506:110405 (2020), doi 10.1016/j.jtbi.2020.110405, system 14; BioModels
BIOMD0000001032.

Dimensionless: time is in units of the life of an infected cell (100 h in the SBML).
Radiation is a level u, 1 in the paper from the start of phase II on; its kill is first
order, not linear-quadratic.

Two defects of the public SBML: the tumor's growth f is zero, so that its tumor cannot
grow; and radiation is frozen into an event at time 35.  f here is illustrative.

Virus and tumor balance at x = h/(1 - m), v = f, y = f x, an unstable focus: they swing about it,
ever wider, and the tumor persists.
"""

from pkpd import Model, dose, input_rate, output, param, state

SBML = "Al-Tuwairqi 2020, as in BIOMD0000001032"
POSITIVE = (0, None)

f = param(
    "f", 0.1, "1", "tumor growth rate", source="illustrative", bounds=POSITIVE,
    alternatives={"SBML": (0, "1", SBML)},
)  # fmt: skip
m = param("m", 0.02, "1", "virus lost by entering a cell", source=SBML, bounds=POSITIVE)
h = param("h", 0.15, "1", "clearance of free virus", source=SBML, bounds=POSITIVE)
alpha1 = param("alpha1", 0.5, "1", "radiation damage of uninfected cells", source=SBML, bounds=POSITIVE)
alpha2 = param("alpha2", 0.5, "1", "radiation damage of infected cells", source=SBML, bounds=POSITIVE)
alpha3 = param("alpha3", 0.9, "1", "removal of damaged cells", source=SBML, bounds=POSITIVE)
x0 = param("x0", 0.4, "1", "uninfected tumor cells at the start", source=SBML, bounds=POSITIVE)
v0 = param("v0", 0.1, "1", "free virus at the start", source=SBML, bounds=POSITIVE)

x = state("x", "1", "uninfected tumor cells", start=x0)
y = state("y", "1", "infected tumor cells")
v = state("v", "1", "free virus", start=v0)
D = state("D", "1", "tumor cells damaged by radiation")
u = input_rate("u", "1", "level of radiation")

model = Model(
    "al_tuwairqi_2020",
    rates={
        x: f * x - x * v - alpha1 * u * x,
        y: x * v - y - alpha2 * u * y,
        v: y - m * x * v - h * v,
        D: (alpha1 * x + alpha2 * y) * u - alpha3 * D,
    },
    outputs={"V": output(x + y + D, "all tumor cells")},
    routes={"virus": {v: v + dose("1")}, "radiation": u},
    time="1",
)
