"""Brachytherapy with a permanent implant: a dose rate that decays.

    dB/dt = -lam B,    Rd = lam B
    dU/dt = Rd - mu_rep U
    dT/dt: - (alpha Rd + 2 beta Rd U) T,    dD/dt: + (alpha Rd + 2 beta Rd U) T

B is the dose still to be given, so a dose on the route `implant` is the whole dose, to complete
decay; its rate begins at lam times it.  U is the dose whose damage is not yet repaired, as in
`radiotherapy_protracted`.  Without growth, exp(-alpha BED) of the cells survive, with

    BED = D (1 + D lam/((mu_rep + lam) alpha/beta))

`brachytherapy(T, D)` acts on a tumor and dead cells that other parts own; `model` joins it with
`growth_logistic` and `tumor_volume`.

Source: Dale RG. The application of the linear-quadratic dose-effect equation to fractionated
and protracted radiotherapy. Br J Radiol 58:515-528 (1985).  The half-life is that of iodine-125,
59.4 days, with palladium-103, 17.0 days, as an alternative; the other values are illustrative.
"""

from math import log

from pkpd import Model, compose, dose, output, param, state
from pkpd.models import growth_logistic, tumor_volume
from pkpd.models.radiotherapy_lql import alpha, beta
from pkpd.models.radiotherapy_protracted import mu_rep
from pkpd.symbolic.symbols import State

IODINE = "physical half-life of iodine-125, 59.4 days"
PALLADIUM = "physical half-life of palladium-103, 17.0 days"

lam = param(
    "lam", log(2) / 59.4, "1/day", "decay of the source", source=IODINE, bounds=(0, None),
    alternatives={"I125": (log(2) / 59.4, "1/day", IODINE), "Pd103": (log(2) / 17.0, "1/day", PALLADIUM)},
)  # fmt: skip

B = state("B", "Gy", "dose still to be given by the implant")
U = state("U", "Gy", "dose whose damage is not yet repaired")

Rd = lam * B


def brachytherapy(T: State, D: State) -> Model:
    """The part that irradiates the tumor `T`, which becomes dead cells `D`, by an implant."""
    kill = (alpha + 2 * beta * U) * Rd * T
    return Model(
        "brachytherapy",
        rates={B: -lam * B, U: Rd - mu_rep * U},
        terms={T: -kill, D: kill},
        outputs={"dose_rate": output(Rd, "dose rate of the implant", "Gy/day")},
        routes={"implant": {B: B + dose("Gy")}},
    )


model = compose(
    "brachytherapy", growth_logistic.model, tumor_volume.model, brachytherapy(growth_logistic.T, tumor_volume.D)
)
