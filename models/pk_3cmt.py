"""Three compartments with linear elimination.

    dcentral/dt     = -CL C - Q2 C + Q2 peripheral1/V2 - Q3 C + Q3 peripheral2/V3
    dperipheral1/dt =  Q2 C - Q2 peripheral1/V2
    dperipheral2/dt =  Q3 C - Q3 peripheral2/V3
    C = central/V1

A dose on the route `iv` is a bolus, or an infusion where it has a duration.  F, tlag, R and
D say how `central` takes a dose: F of it arrives, tlag later; R is the rate of a record with
RATE -1, D the duration of one with RATE -2.

Source: Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker, New York (1982), chapter 2;
names of the parameters as in NONMEM's ADVAN11 TRANS4.  All values are illustrative.
"""

from pkpd import Dosing, Model, dose, output, param, state
from pkpd.models.pk_2cmt import CL, INVENTED, POSITIVE, V1, D, F, R, central, tlag

Q2 = param("Q2", 0.5, "L/day", "clearance to the first peripheral compartment", source=INVENTED, bounds=POSITIVE)
V2 = param("V2", 3, "L", "volume of the first peripheral compartment", source=INVENTED, bounds=POSITIVE)
Q3 = param("Q3", 0.1, "L/day", "clearance to the second peripheral compartment", source=INVENTED, bounds=POSITIVE)
V3 = param("V3", 4, "L", "volume of the second peripheral compartment", source=INVENTED, bounds=POSITIVE)

peripheral1 = state("peripheral1", "mg", "drug in the first peripheral compartment")
peripheral2 = state("peripheral2", "mg", "drug in the second peripheral compartment")
C = central / V1
exchange1 = Q2 * C - Q2 * peripheral1 / V2
exchange2 = Q3 * C - Q3 * peripheral2 / V3

model = Model(
    "pk_3cmt",
    rates={central: -CL * C - exchange1 - exchange2, peripheral1: exchange1, peripheral2: exchange2},
    outputs={"C": output(C, "drug in plasma")},
    routes={"iv": {central: central + dose("mg")}},
    dosing={central: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
