"""Tumor size under treatment without growth.

    dTS/dt = -d TS,    TS(t) = TS0 exp(-d t)

Source: Stein WD et al. Clin Cancer Res 17:907-917 (2011), in the form of the package tumgr
(wilkersj/tumgr, gdrate.Rd), which takes it where a size falls throughout.
"""

from pkpd import Model
from pkpd.models.stein_2011 import d
from pkpd.models.stein_2011_gx import TS

model = Model("stein_2011_dx", rates={TS: -d * TS})
