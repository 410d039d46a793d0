"""Two compartments with linear elimination.

    dcentral/dt    = -CL C - Q C + Q peripheral/V2,    C = central/V1
    dperipheral/dt =         Q C - Q peripheral/V2

A dose on the route `iv` is a bolus, or an infusion where it has a duration.  F, tlag, R and
D say how `central` takes a dose: F of it arrives, tlag later; R is the rate of a record with
RATE -1, D the duration of one with RATE -2.

Source: Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker, New York (1982), chapter 2;
names of the parameters as in NONMEM's ADVAN3 TRANS4.  All values are illustrative.
"""

from pkpd import Dosing, Model, dose, output, param, state
from pkpd.models.pk_1cmt import CL, INVENTED, POSITIVE, D, F, R, central, tlag

V1 = param("V1", 3.5, "L", "volume of the central compartment", source=INVENTED, bounds=POSITIVE)
Q = param("Q", 0.5, "L/day", "intercompartmental clearance", source=INVENTED, bounds=POSITIVE)
V2 = param("V2", 3, "L", "volume of the peripheral compartment", source=INVENTED, bounds=POSITIVE)

peripheral = state("peripheral", "mg", "drug in the peripheral compartment")
C = central / V1
exchange = Q * C - Q * peripheral / V2

model = Model(
    "pk_2cmt",
    rates={central: -CL * C - exchange, peripheral: exchange},
    outputs={"C": output(C, "drug in plasma")},
    routes={"iv": {central: central + dose("mg")}},
    dosing={central: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
