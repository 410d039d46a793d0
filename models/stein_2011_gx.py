"""Tumor size under treatment without regression.

    dTS/dt = g TS,    TS(t) = TS0 exp(g t)

Source: Stein WD et al. Clin Cancer Res 17:907-917 (2011), in the form of the package tumgr
(wilkersj/tumgr, gdrate.Rd), which takes it where a size grows from the start.
"""

from pkpd import Model, state
from pkpd.models.stein_2011 import TS0, g

TS = state("TS", "mm", "tumor size", start=TS0)

model = Model("stein_2011_gx", rates={TS: g * TS})
