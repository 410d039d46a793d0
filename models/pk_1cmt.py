"""One compartment with linear elimination.

    dcentral/dt = -CL C,    C = central/V

A dose on the route `iv` is a bolus, or an infusion where it has a duration.  F, tlag, R and
D say how `central` takes a dose: F of it arrives, tlag later; R is the rate of a record with
RATE -1, D the duration of one with RATE -2.  In a regimen, `infusion(100, "iv",
duration=model["D"])` is the same dose.

Source: Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker, New York (1982), chapter 1;
names of the parameters as in NONMEM's ADVAN1 TRANS2.  All values are illustrative,
of the size of an antibody's in humans.

A part of pharmacokinetics that is not named after a drug: give it the drug's parameters.
"""

from pkpd import Dosing, Model, dose, output, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)

CL = param("CL", 0.25, "L/day", "clearance", source=INVENTED, bounds=POSITIVE)
V = param("V", 3.5, "L", "volume of distribution", source=INVENTED, bounds=POSITIVE)

F = param("F", 1, "1", "bioavailability: the fraction of a dose that arrives", source=INVENTED, bounds=POSITIVE)
tlag = param("tlag", 0, "day", "time from a dose to its arrival", source=INVENTED, bounds=POSITIVE)
R = param("R", 1500, "mg/day", "rate of a dose with RATE -1", source=INVENTED, bounds=POSITIVE)
D = param("D", 1, "day", "duration of a dose with RATE -2", source=INVENTED, bounds=POSITIVE)

central = state("central", "mg", "drug in the central compartment")
C = central / V

model = Model(
    "pk_1cmt",
    rates={central: -CL * C},
    outputs={"C": output(C, "drug in plasma")},
    routes={"iv": {central: central + dose("mg")}},
    dosing={central: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
