"""Tumor size under treatment: a fraction regresses, the rest grows.

    dshrink/dt = -d shrink,    shrink(0) = phi TS0
    dgrow/dt   =  g grow,      grow(0) = (1 - phi) TS0
    TS = shrink + grow = TS0 (phi exp(-d t) + (1 - phi) exp(g t))

Source: Stein WD et al. Clin Cancer Res 17:907-917 (2011), in the form of the package tumgr
(wilkersj/tumgr, gdrate.Rd); values are medians of its sample data (phi: of 6 subjects).

Sensitive and resistant cells, without exchange between them.
"""

from pkpd import Model, output, param, state
from pkpd.models.stein_2011 import TS0, TUMGR, d, g

phi = param("phi", 0.987381, "1", "fraction of the tumor that regresses", source=TUMGR, bounds=(0, 1))

shrink = state("shrink", "mm", "part of the tumor size that regresses", start=phi * TS0)
grow = state("grow", "mm", "part of the tumor size that grows", start=(1 - phi) * TS0)

model = Model(
    "stein_2011_gdphi",
    rates={shrink: -d * shrink, grow: g * grow},
    outputs={"TS": output(shrink + grow, "tumor size")},
)
