"""Chemotherapy: kills tumor, whose antigen is released, and lymphocytes.

    dchemo/dt = -kchemo chemo
    dT/dt: - Kchemo chemo T,    dD/dt: + Kchemo chemo T           killed tumor becomes dead cells
    dL/dt: - KL chemo L                                            lymphocytes

`chemotherapy(tumors, circulating)` acts on states that other parts own; `model` joins it with a
tumor of `growth_exponential`, the dead cells of `tumor_volume`, and the lymphocytes of
`radiation_lymphocytes`.

Source: first-order kill in proportion to the drug (log-kill), Skipper HE, Schabel FM, Wilcox WS,
Cancer Chemother Rep 35:1-111 (1964), and a drug known by its dose alone; what it kills goes the
way of all dead cells.  The values are illustrative; the amount is in cycles of usual dose.
"""

from collections.abc import Iterable, Mapping

from pkpd import Model, compose, dose, param, state
from pkpd.models import growth_exponential, radiation_lymphocytes, tumor_volume
from pkpd.symbolic.symbols import State

INVENTED = "illustrative"
POSITIVE = (0, None)

kchemo = param("kchemo", 0.5, "1/day", "elimination of the chemotherapy", source=INVENTED, bounds=POSITIVE)
Kchemo = param("Kchemo", 0.12, "1/day", "tumor kill by one dose", source=INVENTED, bounds=POSITIVE, iiv=0.4)
KL = param("KL", 0.2, "1/day", "lymphocyte kill by one dose", source=INVENTED, bounds=POSITIVE)

chemo = state("chemo", "1", "chemotherapy, in doses")


def chemotherapy(tumors: Mapping[State, Iterable[State]], circulating: Iterable[State] = ()) -> Model:
    """The part that kills tumors and `circulating` cells, all of which other parts own.

    Parameters
    ----------
    tumors
        The living clones of each lesion by its dead cells: ``{D: [S, R]}``.
    circulating
        Lymphocytes.
    """
    lesions = {dead: tuple(clones) for dead, clones in tumors.items()}
    kill = Kchemo * chemo
    return Model(
        "chemotherapy",
        rates={chemo: -kchemo * chemo},
        terms={
            **{clone: -kill * clone for clones in lesions.values() for clone in clones},
            **{dead: kill * sum(clones) for dead, clones in lesions.items()},
            **{cells: -KL * chemo * cells for cells in circulating},
        },
        routes={"chemo": {chemo: chemo + dose("1")}},
    )


model = compose(
    "chemotherapy",
    growth_exponential.model,
    tumor_volume.model,
    radiation_lymphocytes.pool,
    chemotherapy({tumor_volume.D: [growth_exponential.T]}, [radiation_lymphocytes.L]),
)
