"""One compartment with linear and saturable elimination.

    dcentral/dt = -CL C - Vmax C/(Km + C),    C = central/V

CL = 0 leaves Michaelis-Menten elimination alone, Vmax = 0 the linear one.  F, tlag, R and D
say how `central` takes a dose, as in `pk_1cmt`.

Source: Wagner JG. Properties of the Michaelis-Menten equation and its integrated form which
are useful in pharmacokinetics. J Pharmacokinet Biopharm 1:103-121 (1973).  All values are
illustrative.
"""

from pkpd import Dosing, Model, dose, output, param
from pkpd.models.pk_1cmt import CL, INVENTED, POSITIVE, C, D, F, R, V, central, tlag  # noqa: F401

Vmax = param("Vmax", 20, "mg/day", "largest rate of saturable elimination", source=INVENTED, bounds=POSITIVE)
Km = param("Km", 2, "mg/L", "concentration at half the maximal rate", source=INVENTED, bounds=POSITIVE)

model = Model(
    "pk_1cmt_mm",
    rates={central: -CL * C - Vmax * C / (Km + C)},
    outputs={"C": output(C, "drug in plasma")},
    routes={"iv": {central: central + dose("mg")}},
    dosing={central: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
