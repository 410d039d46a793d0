"""A drug that depletes regulatory T cells and myeloid-derived suppressor cells.

    ddepleter/dt = -kdepl depleter
    dTreg/dt, dMDSC/dt:  - kdep depleter Treg,  - kdep depleter MDSC

`suppressor_depletion(Treg, MDSC)` is the part that acts on suppressors another part owns;
`model` joins it with `suppressors`.

Source: illustrative, no drug in particular (an antibody to CCR4 or CD25, or low-dose
cyclophosphamide, acts on Treg): first-order depletion in proportion to a drug that is itself
lost at first order.  The amount is in usual doses.
"""

from pkpd import Model, compose, dose, param, state
from pkpd.models import suppressors
from pkpd.symbolic.symbols import State

POSITIVE = (0, None)

kdepl = param(
    "kdepl", 0.1, "1/day", "elimination of the depleting drug", source="illustrative: half in a week", bounds=POSITIVE
)
kdep = param(
    "kdep", 0.3, "1/day", "depletion of suppressors by one dose", bounds=POSITIVE,
    source="illustrative: to a twentieth, but for renewal",
)  # fmt: skip

depleter = state("depleter", "1", "suppressor-depleting drug, in doses")


def suppressor_depletion(*cells: State) -> Model:
    """The part that depletes `cells`, suppressors that another part owns."""
    return Model(
        "suppressor_depletion",
        rates={depleter: -kdepl * depleter},
        terms={cell: -kdep * depleter * cell for cell in cells},
        routes={"depletion": {depleter: depleter + dose("1")}},
    )


model = compose("suppressor_depletion", suppressors.model, suppressor_depletion(suppressors.Treg, suppressors.MDSC))
