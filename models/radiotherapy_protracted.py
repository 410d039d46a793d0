"""Radiation at any dose rate: linear-quadratic kill with repair while it lasts.

    dU/dt = Rd - mu_rep U
    dT/dt: - (alpha Rd + 2 beta Rd U) T,    dD/dt: + (alpha Rd + 2 beta Rd U) T

Rd is the dose rate, on the route `radiation` (Gy over a duration), U the dose whose damage is
not yet repaired.  Over all time this leaves exp(-alpha D - beta G D^2) of the cells, with the
generalized Lea-Catcheside factor

    G = 2/D^2  int Rd(t) int_-inf^t Rd(s) exp(-mu_rep (t - s)) ds dt

for any schedule, so incomplete repair between fractions is in it.  `radiotherapy_protracted(T,
D)` acts on a tumor and dead cells that other parts own; `model` joins it with
`growth_logistic` and `tumor_volume`.

Source: Lea DE, Catcheside DG. J Genet 44:216-245 (1942); as a state equation in Sachs
RK, Hahnfeldt P, Brenner DJ. The link between low-LET dose-response relations and the underlying
kinetics of damage production/repair/misrepair. Int J Radiat Biol 72:351-374 (1997).  The values
are illustrative: alpha/beta is 10 Gy, the half-time of repair 30 minutes.
"""

from math import log

from pkpd import Model, compose, input_rate, param, state
from pkpd.models import growth_logistic, tumor_volume
from pkpd.models.radiotherapy_lql import alpha, beta
from pkpd.symbolic.symbols import State

POSITIVE = (0, None)

mu_rep = param(
    "mu_rep", 48 * log(2), "1/day", "repair of sublethal damage", source="illustrative: a half-time of 30 minutes",
    bounds=POSITIVE,
)  # fmt: skip

Rd = input_rate("Rd", "Gy/day", "radiation dose rate")
U = state("U", "Gy", "dose whose damage is not yet repaired")


def radiotherapy_protracted(T: State, D: State) -> Model:
    """The part that irradiates the tumor `T`, which becomes dead cells `D`, at the dose rate of the input."""
    kill = (alpha + 2 * beta * U) * Rd * T
    return Model(
        "radiotherapy_protracted", rates={U: Rd - mu_rep * U}, terms={T: -kill, D: kill}, routes={"radiation": Rd}
    )


model = compose(
    "radiotherapy_protracted",
    growth_logistic.model,
    tumor_volume.model,
    radiotherapy_protracted(growth_logistic.T, tumor_volume.D),
)
