"""Two compartments with first-order absorption and linear elimination.

    ddepot/dt      = -ka depot
    dcentral/dt    =  ka depot - CL C - Q C + Q peripheral/V2,    C = central/V1
    dperipheral/dt =                    Q C - Q peripheral/V2

F, tlag, R and D say how `depot` takes a dose: F of it arrives, tlag later; R is the rate of
a record with RATE -1, D the duration of one with RATE -2.  A dose on the route `iv` arrives
whole and at once.

Source: Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker, New York (1982), chapter 2;
names of the parameters as in NONMEM's ADVAN4 TRANS4.  All values are illustrative.
"""

from pkpd import Dosing, Model, dose, output
from pkpd.models.pk_1cmt_oral import CL, D, F, R, central, depot, ka, tlag
from pkpd.models.pk_2cmt import C, exchange, peripheral

model = Model(
    "pk_2cmt_oral",
    rates={depot: -ka * depot, central: ka * depot - CL * C - exchange, peripheral: exchange},
    outputs={"C": output(C, "drug in plasma")},
    routes={"oral": {depot: depot + dose("mg")}, "iv": {central: central + dose("mg")}},
    dosing={depot: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
