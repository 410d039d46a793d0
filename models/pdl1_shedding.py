"""Shedding of PD-L1 by tumors, in proportion to what they express.

    shed = 1 - s_shed + s_shed sum_i PDL1_i T_i/load0

`shed` is the production of soluble PD-L1 relative to that of a patient with the tumor load load0, of
which tumors make the share s_shed (see `pdl1_soluble`).  `pdl1_shedding(lesions)` is the part for
lesions under their own names.

Source: that soluble PD-L1 is shed by tumor and immune cells, and rises under nivolumab in patients
with renal cancer or melanoma who do not respond, by Mahoney KM et al., J Immunother Cancer 10:e003527
(2022); the form and the values are illustrative, s_shed so that patients who progress rise by an eighth
in a month (`pkpd.fits.spdl1_nivolumab`).
"""

from collections.abc import Iterable

from pkpd import Model, given, output, param

POSITIVE = (0, None)

s_shed = param(
    "s_shed", 0.15, "1", "share of soluble PD-L1 that tumors make", bounds=(0, 1),
    source="illustrative: so that it rises by an eighth in a month of progression",
)  # fmt: skip
load0 = param(
    "load0", 1.5e5, "mm^3", "tumor load, weighted by PD-L1, of the reference patient", bounds=POSITIVE,
    source="illustrative: lesions of 37 and 20 mm, grown for two months, with the PD-L1 that effectors have brought on",
)  # fmt: skip


def pdl1_shedding(lesions: Iterable[str]) -> Model:
    """The part by which lesions shed PD-L1."""
    load = sum(
        given(f"PDL1_{i}", "1", f"PD-L1 of the lesion {i}") * given(f"T_{i}", "mm^3", f"living tumor: {i}")
        for i in lesions
    )
    shed = 1 - s_shed + s_shed * load / load0
    return Model(
        "pdl1_shedding", rates={}, outputs={"shed": output(shed, "shedding of PD-L1, relative to a reference")}
    )


model = pdl1_shedding(["lesion"])
