"""Lymphocytes killed by radiation, by fraction dose and volume of the field.

    dL/dt = kL (1 - L)
    a fraction of d Gy:  L -> L (1 - f + f exp(-alpha_L d)),    f = 1 - exp(-field/field_e)

Of the pool L (1 untreated) the share f is in the field at some time during a fraction.
`radiation_lymphocytes(cells, routes)` does the same to any circulating cells, and
`radiation_resident(cells, route)` leaves exp(-alpha_E d) of those that reside in the tumor.

Source: half of lymphocytes killed by 1.5 Gy, the early estimate for those of lymph nodes that Arina A
et al., Nat Commun 10:3959 (2019), quote in their introduction; they report that residents of a tumor
are the more resistant.  In colony assays T cells are more sensitive: a tenth survives 3.14 Gy
(Nakamura N, Kusunoki Y, Akiyama M, Radiat Res 123:224-227, 1990, abstract), which on an exponential
is half at 0.95 Gy, the alternative.  A share that is hit and a rest that is not is the simplest form
of a blood-dose model such as that of Yovino S et al., Cancer Invest 31:140-144 (2013), abstract.  The
recovery is the turnover of lymphocytes of de Pillis L et al. (2009), see `de_pillis_2009`.  The
exponential, the dependence on the field and the radiosensitivity of residents are illustrative.

With the defaults a fraction of 2 Gy takes 8 % of the pool, which receives 0.28 Gy on average, and 30
of them in six weeks leave a seventh of it.

Fractions should be far enough apart for blood to mix (minutes).
"""

from collections.abc import Iterable

from sympy import exp, log

from pkpd import Model, compose, dose, param, state
from pkpd.symbolic.symbols import State

POSITIVE = (0, None)

kL = param(
    "kL",
    0.0063,
    "1/day",
    "renewal of lymphocytes",
    source="de Pillis 2009 (beta), as in BIOMD0000000779",
    bounds=POSITIVE,
)
D50_L = param(
    "D50_L", 1.5, "Gy", "dose that kills half of lymphocytes", bounds=POSITIVE,
    source="Arina 2019, introduction: lymphocytes of lymph nodes",
    alternatives={"Nakamura_1990": (0.945, "Gy", "computed from Nakamura 1990: D10 of 3.14 Gy, exponential")},
)  # fmt: skip
field = param(
    "field",
    300,
    "mL",
    "volume of the irradiated field",
    source="illustrative: a lung tumor with margins",
    bounds=POSITIVE,
)
field_e = param(
    "field_e",
    2000,
    "mL",
    "field that spares 1/e of lymphocytes",
    bounds=POSITIVE,
    source="illustrative: so that the usual field hits one in seven with each fraction",
)
alpha_E = param(
    "alpha_E",
    0.1,
    "1/Gy",
    "radiosensitivity of resident effectors",
    bounds=POSITIVE,
    source="illustrative: a fifth of that of lymphocytes",
)

L = state("L", "1", "lymphocytes, relative to those untreated", start=1)

d = dose("Gy")
f = 1 - exp(-field / field_e)
spared = 1 - f + f * exp(-log(2) * d / D50_L)

pool = Model("lymphocyte_pool", rates={L: kL * (1 - L)})


def radiation_lymphocytes(cells: Iterable[State], routes: Iterable[str] = ("radiation",)) -> Model:
    """The part by which fractions on `routes` kill circulating `cells` that another part owns."""
    killed = {cell: spared * cell for cell in cells}
    return Model("radiation_lymphocytes", rates={}, routes=dict.fromkeys(routes, killed))


def radiation_resident(cells: Iterable[State], route: str = "radiation") -> Model:
    """The part by which fractions on `route` kill `cells` that reside in the irradiated tumor."""
    return Model("radiation_resident", rates={}, routes={route: {cell: exp(-alpha_E * d) * cell for cell in cells}})


model = compose("radiation_lymphocytes", pool, radiation_lymphocytes([L]))
