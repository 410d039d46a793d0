"""One compartment with first-order absorption and linear elimination.

    ddepot/dt   = -ka depot
    dcentral/dt =  ka depot - CL C,    C = central/V

F, tlag, R and D say how `depot` takes a dose: F of it arrives, tlag later; R is the rate of
a record with RATE -1, D the duration of one with RATE -2 (zero-order release into the
depot).  A dose on the route `iv` arrives whole and at once.

Source: Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker, New York (1982), chapter 1;
names of the parameters as in NONMEM's ADVAN2 TRANS2.  All values are illustrative.

Where ka < CL/V, absorption limits elimination (flip-flop): the same concentrations follow
from the two rate constants exchanged and another V, so that data after oral doses alone do
not tell them apart.
"""

from pkpd import Dosing, Model, dose, output, param, state
from pkpd.models.pk_1cmt import CL, INVENTED, POSITIVE, C, D, F, R, V, central, tlag  # noqa: F401

ka = param("ka", 0.3, "1/day", "absorption rate constant", source=INVENTED, bounds=POSITIVE)

depot = state("depot", "mg", "drug at the site of absorption")

model = Model(
    "pk_1cmt_oral",
    rates={depot: -ka * depot, central: ka * depot - CL * C},
    outputs={"C": output(C, "drug in plasma")},
    routes={"oral": {depot: depot + dose("mg")}, "iv": {central: central + dose("mg")}},
    dosing={depot: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
