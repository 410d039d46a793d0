"""Three compartments with first-order absorption and linear elimination.

    ddepot/dt       = -ka depot
    dcentral/dt     =  ka depot - CL C - Q2 C + Q2 peripheral1/V2 - Q3 C + Q3 peripheral2/V3
    dperipheral1/dt =  Q2 C - Q2 peripheral1/V2
    dperipheral2/dt =  Q3 C - Q3 peripheral2/V3
    C = central/V1

F, tlag, R and D say how `depot` takes a dose: F of it arrives, tlag later; R is the rate of
a record with RATE -1, D the duration of one with RATE -2.  A dose on the route `iv` arrives
whole and at once.

Source: Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker, New York (1982), chapter 2;
names of the parameters as in NONMEM's ADVAN12 TRANS4.  All values are illustrative.
"""

from pkpd import Dosing, Model, dose, output
from pkpd.models.pk_1cmt_oral import CL, D, F, R, central, depot, ka, tlag
from pkpd.models.pk_3cmt import C, exchange1, exchange2, peripheral1, peripheral2

model = Model(
    "pk_3cmt_oral",
    rates={
        depot: -ka * depot,
        central: ka * depot - CL * C - exchange1 - exchange2,
        peripheral1: exchange1,
        peripheral2: exchange2,
    },
    outputs={"C": output(C, "drug in plasma")},
    routes={"oral": {depot: depot + dose("mg")}, "iv": {central: central + dose("mg")}},
    dosing={depot: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
