"""Adverse events after radiation to the chest that would stop an antibody.

    dW/dt = -kW W
    dJ/dt = hW W (1 + r_ab RO)
    P_stop = 1 - exp(-J)
    a fraction of d Gy:  W -> W + d field/field_ref

W is what irradiated lung keeps of its dose, by the volume of the field; J is the cumulative hazard of the
first such event and P_stop the probability of one by then.  RO, the share of PD-L1 that is occupied,
raises the hazard: the reason to wait with radiation after an antibody, or with it after radiation.

Source: the ratio of hazards and their size are computed from PACIFIC (Antonia SJ et al., N Engl J Med
377:1919, 2017), where adverse events stopped treatment in 9.8 % of patients on placebo and in 15.4 %
on durvalumab, after 60 Gy and within a year.  That these events are those of irradiated lung, their
time and their dependence on dose and volume are illustrative; no model of pneumonitis under durvalumab
was found.
"""

from collections.abc import Iterable
from math import exp as number_exp
from math import log

from sympy import exp

from pkpd import Model, dose, given, output, param, state
from pkpd.models.radiation_lymphocytes import field

POSITIVE = (0, None)
PACIFIC = "computed from PACIFIC (Antonia 2017): stopped for adverse events"
HALF_LIFE, YEAR = 60, 365
KEPT = 60 * HALF_LIFE / log(2) * (1 - number_exp(-YEAR * log(2) / HALF_LIFE))  # Gy day of a year after 60 Gy

RO = given("RO", "1", "fraction of PD-L1 occupied", default=0)

kW = param(
    "kW", log(2) / HALF_LIFE, "1/day", "fading of what lung keeps of its dose", bounds=POSITIVE,
    source="illustrative: half in two months, as most pneumonitis comes within six",
)  # fmt: skip
hW = param(
    "hW", -log(1 - 0.098) / KEPT, "1/Gy/day", "hazard of an event that stops treatment", bounds=POSITIVE,
    source=f"{PACIFIC} in 9.8 % on placebo",
)  # fmt: skip
r_ab = param(
    "r_ab", log(1 - 0.154) / log(1 - 0.098) - 1, "1", "increase of the hazard by full occupancy", bounds=POSITIVE,
    source=f"{PACIFIC} in 15.4 % on durvalumab, 9.8 % on placebo",
)  # fmt: skip
field_ref = param(
    "field_ref", 300, "mL", "field for which the hazard holds", bounds=POSITIVE,
    source="illustrative: a lung tumor with margins",
)  # fmt: skip

W = state("W", "Gy", "dose that lung keeps, by volume")
J = state("J", "1", "cumulative hazard of an event that stops treatment")


def radiation_adverse_events(routes: Iterable[str] = ("radiation",)) -> Model:
    """The part that counts the fractions on `routes`."""
    return Model(
        "radiation_adverse_events",
        rates={W: -kW * W, J: hW * W * (1 + r_ab * RO)},
        outputs={"P_stop": output(1 - exp(-J), "probability of an event that stops treatment so far")},
        routes={route: {W: W + dose("Gy") * field / field_ref} for route in routes},
    )


model = radiation_adverse_events()
