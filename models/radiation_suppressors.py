"""Radiation on suppressors: it kills some regulatory T cells, and draws MDSC.

    dG/dt = -kG G
    dMDSC/dt: + rG G
    a fraction of d Gy:  G -> G + d,    Treg -> Treg (1 - local + local exp(-alpha_Treg d))

`radiation_suppressors(Treg, MDSC, routes)` acts on suppressors that another part owns, and is made of
`radiation_treg` and `radiation_mdsc`; `model` joins it with `suppressors`.

Source: that radiation draws MDSC is reported by Liang H et al. (Host STING-dependent MDSC
mobilization drives extrinsic radiation resistance, Nat Commun 2017), that Treg are more
radioresistant than naive T cells by the papers that Arina A et al., Nat Commun 10:3959 (2019),
review.  Byun JH et al., Pharmaceutics 12:830 (2020), model MDSC after radiation; their parameters
could not be read.  The equations and the values are illustrative.

Left out: with an antibody to PD-L1 radiation leaves fewer MDSC in the tumor, killed by TNF of T cells
(Deng L et al., J Clin Invest 124:687-695, 2014), the reverse of what is here.
"""

from collections.abc import Iterable

from sympy import exp

from pkpd import Model, compose, dose, param, state
from pkpd.models import suppressors
from pkpd.symbolic.symbols import State

POSITIVE = (0, None)

kG = param(
    "kG", 0.1, "1/day", "loss of the signal of irradiated tissue", source="illustrative: in two weeks", bounds=POSITIVE
)
rG = param(
    "rG",
    0.005,
    "1/Gy/day",
    "MDSC drawn by that signal",
    bounds=POSITIVE,
    source="illustrative: half as many again after ten gray",
)
alpha_Treg = param(
    "alpha_Treg",
    0.15,
    "1/Gy",
    "radiosensitivity of Treg",
    bounds=POSITIVE,
    source="illustrative: a third of that of other lymphocytes",
)
local = param(
    "local", 0.1, "1", "share of Treg within the field", source="illustrative: those of the tumor", bounds=(0, 1)
)

G = state("G", "Gy", "signal of irradiated tissue")


def radiation_treg(Treg: State, routes: Iterable[str] = ("radiation",)) -> Model:
    """The part by which fractions on `routes` kill `Treg`, which another part owns."""
    left = Treg * (1 - local + local * exp(-alpha_Treg * dose("Gy")))
    return Model("radiation_treg", rates={}, routes={route: {Treg: left} for route in routes})


def radiation_mdsc(MDSC: State, routes: Iterable[str] = ("radiation",)) -> Model:
    """The part by which fractions on `routes` draw `MDSC`, which another part owns."""
    signal = {route: {G: G + dose("Gy")} for route in routes}
    return Model("radiation_mdsc", rates={G: -kG * G}, terms={MDSC: rG * G}, routes=signal)


def radiation_suppressors(Treg: State, MDSC: State, routes: Iterable[str] = ("radiation",)) -> Model:
    """The part by which fractions on `routes` kill `Treg` and draw `MDSC`, which another part owns."""
    every = tuple(routes)
    return compose("radiation_suppressors", radiation_treg(Treg, every), radiation_mdsc(MDSC, every))


model = compose("radiation_suppressors", suppressors.model, radiation_suppressors(suppressors.Treg, suppressors.MDSC))
