"""One compartment with zero-order absorption and linear elimination.

    dcentral/dt = A - CL C,    C = central/V

A, the rate at which a dose is released, is the dose over its duration: a dose on the route
`oral` takes a duration, for which the model has the parameter D, as in
`infusion(100, "oral", duration=model["D"])`.  Overlapping doses add.  F of a dose arrives,
tlag after its time; in a table of records, a dose into `central` with RATE -2 lasts D, and
one with RATE -1 enters at the rate R.

Source: Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker, New York (1982), chapter 1.
All values are illustrative.

Release into a depot from which absorption is first-order is `pk_1cmt_oral` with a duration.
"""

from pkpd import Dosing, Model, input_rate, output
from pkpd.models.pk_1cmt import CL, C, D, F, R, V, central, tlag  # noqa: F401

A = input_rate("A", "mg/day", "release of a dose")

model = Model(
    "pk_1cmt_zero_order",
    rates={central: A - CL * C},
    outputs={"C": output(C, "drug in plasma")},
    routes={"oral": A},
    dosing={central: Dosing(F=F, lag=tlag, rate=R, duration=D)},
)
