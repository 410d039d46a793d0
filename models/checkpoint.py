"""A checkpoint beside PD-1, and the antibody that blocks it.

    dcheckpoint_C/dt = -kmAb checkpoint_C
    checkpoint_RO = checkpoint_C/(KC + checkpoint_C)
    checkpoint_brake = ligand_max ligand (1 - checkpoint_RO)

`ligand` is the expression of the checkpoint's ligand.  For one checkpoint more, rename it:
``checkpoint.model.renamed("tigit_")``.  Independent checkpoints leave the product of what each
leaves: ``1 - (1 - brake) (1 - other)``.

Source: law of mass action for one site; the antibody's values are those of tremelimumab, to
CTLA-4, as in nlmixr2lib's models of Shulgin B et al. (2020).  The checkpoint is not expressed
(ligand_max = 0) unless a patient has it.
"""

from pkpd import Model, dose, given, output, param, state

TREME = "nlmixr2lib Shulgin_2020_ici_trae34_mbma: tremelimumab"
POSITIVE = (0, None)

ligand = given("ligand", "1", "expression of the checkpoint's ligand", default=1)

ligand_max = param(
    "ligand_max",
    0,
    "1",
    "restraint by the checkpoint alone",
    source="0 where the checkpoint is not expressed",
    bounds=(0, 1),
)
kmAb = param(
    "kmAb",
    0.0372,
    "1/day",
    "elimination of the antibody",
    bounds=POSITIVE,
    source=f"computed from {TREME}, CL/(Vc + Vp) with CL 0.0109 L/h",
)
KC = param(
    "KC",
    0.0975,
    "mg/L",
    "concentration at half of the occupancy",
    bounds=POSITIVE,
    source=f"computed from {TREME}, IC50 0.65 nM at 150 kDa",
)
V_mAb = param(
    "V_mAb",
    7.03,
    "L",
    "volume of distribution of the antibody",
    bounds=POSITIVE,
    source=f"computed from {TREME}, Vc 3.72 L + Vp 3.31 L",
)

checkpoint_C = state("checkpoint_C", "mg/L", "antibody to the checkpoint, in plasma")

RO = checkpoint_C / (KC + checkpoint_C)

model = Model(
    "checkpoint",
    rates={checkpoint_C: -kmAb * checkpoint_C},
    outputs={
        "checkpoint_RO": output(RO, "fraction of the checkpoint occupied"),
        "checkpoint_brake": output(ligand_max * ligand * (1 - RO), "restraint by the checkpoint"),
    },
    routes={"checkpoint_iv": {checkpoint_C: checkpoint_C + dose("mg") / V_mAb}},
)
