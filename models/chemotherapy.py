"""Chemotherapy: kills tumor, whose antigen is released, and lymphocytes.

    dchemo/dt = -kchemo chemo
    dT/dt: - Kchemo chemo T,    dD/dt: + Kchemo chemo T           killed tumor becomes dead cells
    dL/dt: - KL chemo L                                            lymphocytes

`chemotherapy(tumors, circulating)` acts on states that other parts own; `model` joins it with a
tumor of `growth_exponential`, the dead cells of `tumor_volume`, and the lymphocytes of
`radiation_lymphocytes`.

Source: first-order kill in proportion to the drug (log-kill), Skipper HE, Schabel FM, Wilcox WS,
Cancer Chemother Rep 35:1-111 (1964), and a drug known by its dose alone; what it kills goes the
way of all dead cells.  Its kill and elimination are those of Geng C, Paganetti H, Grassberger C,
Sci Rep 7:13542 (2017), fitted to survival in non-small cell lung cancer, for one dose of 5 mg/m^3,
as in public simulators of that model.  The kill of lymphocytes is illustrative.
"""

from collections.abc import Iterable, Mapping

from pkpd import Model, compose, dose, param, state
from pkpd.models import growth_exponential, radiation_lymphocytes, tumor_volume
from pkpd.symbolic.symbols import State

GENG = "Geng 2017, as in public simulators of it (cancer_simulation.py)"
POSITIVE = (0, None)

kchemo = param(
    "kchemo",
    0.693,
    "1/day",
    "elimination of the chemotherapy",
    source=f"computed from {GENG}: half-life 1 day",
    bounds=POSITIVE,
)
Kchemo = param(
    "Kchemo",
    0.14,
    "1/day",
    "tumor kill by one dose",
    bounds=POSITIVE,
    iiv=0.4,
    source=f"computed from {GENG}: 0.028 m^3/mg/day, 5 mg/m^3",
)
KL = param(
    "KL",
    0.2,
    "1/day",
    "lymphocyte kill by one dose",
    bounds=POSITIVE,
    source="illustrative: a quarter of them with each cycle",
)

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
