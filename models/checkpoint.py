"""A checkpoint beside PD-1, and the antibody that blocks it.

    dcheckpoint_C/dt = -kmAb checkpoint_C
    checkpoint_RO = checkpoint_C/(KC + checkpoint_C)
    checkpoint_brake = ligand_max ligand (1 - checkpoint_RO)

`ligand` is the expression of the checkpoint's ligand.  For one checkpoint more, rename it:
``checkpoint.model.renamed("tigit_")``.  Independent checkpoints leave the product of what each
leaves: ``1 - (1 - brake) (1 - other)``.

Source: law of mass action for one site; all values are illustrative, those of a checkpoint
that is not expressed (ligand_max = 0) unless a patient has it.
"""

from pkpd import Model, dose, given, output, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)

ligand = given("ligand", "1", "expression of the checkpoint's ligand", default=1)

ligand_max = param("ligand_max", 0, "1", "restraint by the checkpoint alone", source=INVENTED, bounds=(0, 1))
kmAb = param("kmAb", 0.04, "1/day", "elimination of the antibody", source=INVENTED, bounds=POSITIVE)
KC = param("KC", 1, "mg/L", "concentration at half of the occupancy", source=INVENTED, bounds=POSITIVE)
V_mAb = param("V_mAb", 5, "L", "volume of distribution of the antibody", source=INVENTED, bounds=POSITIVE)

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
