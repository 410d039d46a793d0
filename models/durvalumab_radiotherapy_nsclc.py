"""Durvalumab, radiation and chemotherapy in lung cancer with a metastasis.

    durvalumab_baverel_2018, pdl1_occupancy, pdl1_soluble     the antibody in humans
    for the primary and the metastasis, each under its own names (`lesions.placed`):
      clones (inherited)          S, R: living tumor that effectors reach, and that they do not; T, killed
      pdl1_turnover               PDL1, induced by effectors; free by durvalumab
      effector_exhaustion (contact)   E, X: effectors, exhausted effectors; kill
      tumor_volume                D: dead cells; V, diameter with infiltrate
      radiotherapy_lql            routes radiation_primary, radiation_metastasis
      chemotherapy                route chemo
    lesions                       trafficking of effectors, sums: burden, SLD; route seeding_metastasis
    antigen_priming               A, DC: antigen, dendritic cells; priming
    effector_memory               P, M: circulating effectors, memory; recall
    suppressors                   Treg, MDSC; suppressor_depletion on the route depletion
    radiation_lymphocytes         L: lymphocytes; what is in the field dies, P too
    radiation_suppressors (MDSC)  MDSC after radiation
    pdl1_shedding                 soluble PD-L1 from the tumors
    checkpoint                    a second checkpoint, with its antibody
    infiltration_drug             route infiltration_drug
    irae_hazard                   P_irae
    radiation_adverse_events      P_stop: what stops treatment after radiation, more with the antibody

    brake = 1 - (1 - pd1_brake) (1 - checkpoint_brake)

Source: the pharmacokinetics are those of Baverel PG et al. (2018); growth, killing and exhaustion
per cell, clearance of dead and exhausted cells, fold induction and turnover of PD-L1, turnover of
MDSC, and the diameter of the primary those of QSPIO-TNBC's virtual trial of durvalumab in lung
cancer; the share that effectors do not reach, with its spread, that of Chatterjee MS et al. (2017) in
melanoma; the spread of growth and of size that of Struemper H et al. (2025) in lung cancer; kill by
radiation and chemotherapy those of Geng C et al. (2017) in lung cancer; the antibody to the other
checkpoint tremelimumab; adverse events those of `zhang_2022` and of PACIFIC; turnovers of immune cells
from other models of the library; each part says which.  All else, 42 of 107 values, and the model as a
whole, is illustrative.  One of them, the typical priming kpri, was calibrated with its spread: to best
change and time to response of target lesions of lung cancer under an antibody to PD-L1
(`pkpd.fits.phenomena.study_4`).

Patients of a population are those whose tumor grows untreated (`pkpd.fits.phenomena.arms`).  That
choice makes response rise with PD-L1: a tumor that grows against effectors without PD-L1 has few of
them or is out of their reach, one with much PD-L1 may be full of effectors that PD-L1 holds.

Read from it which phenomena these mechanisms can make, and on what they depend; not a response
rate, a dose, a day or the size of an effect for a patient, and not that a patient's phenomenon has
this mechanism: others may make the same.  `pkpd.fits.phenomena` shows 23, each by regimen and patients
alone, and each fails when any mechanism that it names is taken out alone (its matrix); every mechanism
here is named by one.  With all illustrative values, the four that QSPIO-TNBC's own file marks as
estimated (kcl, kexh, kX, Tmax) and kg drawn anew by log-normal factors of 10 %, each shows in 44 of
50 draws or more, with 20 % in 29 or more.

Beside trials it was not tuned to (`pkpd.fits.phenomena.against_data`): out-of-field response has the
order of PEMBRO-RT and MDACC but for 15 fractions, which do better than they should (0.33 against 0.18);
response by PD-L1 has the slope of Study 1108, ATLANTIC and INSPIRE, and twice the level of the first two.

A value from public code or print is not always one that was measured for it.  KD, on which a washout
depends, is from a code that cites another antibody: all phenomena show at 0.022 nM too, all but the early
response at 30 and 66.5 nM.

Left out: clearance of durvalumab that falls with time (see `durvalumab_zhao_2026`), its penetration
into tumors, reoxygenation and accelerated repopulation, radiation's own induction of PD-L1, its kill of
effectors that reside in the tumor and of Treg (no claim needed them), expansion of effectors within
tumors, mutation under treatment, loss of MDSC under radiation with the antibody, dose to normal tissue but
for the volume of the field.
"""

from pkpd import Model, compose, given, output
from pkpd.models import (
    antigen_priming,
    checkpoint,
    clones,
    durvalumab_baverel_2018,
    effector_exhaustion,
    effector_memory,
    infiltration_drug,
    irae_hazard,
    pdl1_occupancy,
    pdl1_soluble,
    pdl1_turnover,
    suppressors,
    tumor_volume,
)
from pkpd.models import (
    radiation_lymphocytes as lymphocytes,
)
from pkpd.models.chemotherapy import chemotherapy
from pkpd.models.lesions import LESIONS, irradiated, placed, seeded, totals, trafficking
from pkpd.models.pdl1_shedding import pdl1_shedding
from pkpd.models.radiation_adverse_events import radiation_adverse_events
from pkpd.models.radiation_lymphocytes import radiation_lymphocytes
from pkpd.models.radiation_suppressors import radiation_mdsc
from pkpd.models.suppressor_depletion import suppressor_depletion
from pkpd.symbolic.symbols import State

ROUTES = [f"radiation_{lesion}" for lesion in LESIONS]

brake = Model(
    "brake",
    rates={},
    outputs={
        "brake": output(
            1
            - (1 - given("pd1_brake", "1", "restraint by PD-1"))
            * (1 - given("checkpoint_brake", "1", "restraint by the checkpoint")),
            "restraint by all checkpoints",
        )
    },
)
primable = Model(
    "primable",
    rates={},
    outputs={
        "primable": output(
            given("permitted", "1", "share of activity that suppressors leave"),
            "share of priming that is not suppressed",
        )
    },
)


def lesion(name: str) -> list[Model]:
    """The parts of one lesion, under its names."""
    local = (clones.inherited, pdl1_turnover.model, brake, effector_exhaustion.contact, tumor_volume.model)
    parts = [placed(part, name) for part in local]
    return [*parts, irradiated(name)]


def tumors() -> dict[State, tuple[State, ...]]:
    """The living clones of each lesion, by its dead cells."""
    return {placed(tumor_volume.model, name).states[0]: placed(clones.inherited, name).states for name in LESIONS}


model = compose(
    "durvalumab_radiotherapy_nsclc",
    durvalumab_baverel_2018.model,
    pdl1_occupancy.model,
    pdl1_soluble.model,
    *(part for name in LESIONS for part in lesion(name)),
    trafficking(LESIONS),
    totals(LESIONS),
    seeded("metastasis"),
    pdl1_shedding(LESIONS),
    antigen_priming.model,
    effector_memory.model,
    primable,
    suppressors.model,
    suppressor_depletion(suppressors.Treg, suppressors.MDSC),
    checkpoint.model,
    infiltration_drug.model,
    lymphocytes.pool,
    radiation_lymphocytes([lymphocytes.L, effector_memory.P], ROUTES),
    radiation_mdsc(suppressors.MDSC, ROUTES),
    chemotherapy(tumors(), [lymphocytes.L, effector_memory.P]),
    irae_hazard.model,
    radiation_adverse_events(ROUTES),
).using(diameter0_metastasis="small")
