"""Two compartments with linear and saturable elimination.

    dcentral/dt    = -CL C - Vmax C/(Km + C) - Q C + Q peripheral/V2,    C = central/V1
    dperipheral/dt =                           Q C - Q peripheral/V2

CL = 0 leaves Michaelis-Menten elimination alone, Vmax = 0 the linear one.  F, tlag, R and D
say how `central` takes a dose, as in `pk_2cmt`.

Source: Wagner JG. Properties of the Michaelis-Menten equation and its integrated form which
are useful in pharmacokinetics. J Pharmacokinet Biopharm 1:103-121 (1973); the usual form for
antibodies with a target (`durvalumab_baverel_2018`).  All values are illustrative.
"""

from pkpd import Dosing, Model, dose, output
from pkpd.models.pk_1cmt_mm import Km, Vmax
from pkpd.models.pk_2cmt import CL, C, D, F, R, central, exchange, peripheral, tlag

model = Model(
    "pk_2cmt_mm",
    rates={central: -CL * C - Vmax * C / (Km + C) - exchange, peripheral: exchange},
    outputs={"C": output(C, "drug in plasma")},
    routes={"iv": {central: central + dose("mg")}},
    dosing={central: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
