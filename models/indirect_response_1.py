"""Indirect response I: the drug inhibits the production of the response.

    dResp/dt = kin (1 - Imax C/(IC50 + C)) - kout Resp
    Resp(0) = kin/kout

A part: it takes C (mg/L) from a pharmacokinetic part, and runs at baseline without one.  At
the largest effect the response tends to kin (1 - Imax)/kout.  The response is in units of
its own; rescale kin for others.

Source: Dayneka NL, Garg V, Jusko WJ. Comparison of four basic models of indirect
pharmacodynamic responses. J Pharmacokinet Biopharm 21:457-478 (1993).  All values are
illustrative.
"""

from pkpd import Model, given, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)

C = given("C", "mg/L", "drug in plasma", default=0)

kin = param("kin", 10, "1/day", "production of the response", source=INVENTED, bounds=POSITIVE)
kout = param("kout", 0.5, "1/day", "loss of the response", source=INVENTED, bounds=POSITIVE)
Imax = param("Imax", 0.9, "1", "largest inhibition", source=INVENTED, bounds=(0, 1))
IC50 = param("IC50", 1, "mg/L", "concentration at half of the inhibition", source=INVENTED, bounds=POSITIVE)

Resp = state("Resp", "1", "measured response", start=kin / kout)
I = Imax * C / (IC50 + C)

model = Model("indirect_response_1", rates={Resp: kin * (1 - I) - kout * Resp})
