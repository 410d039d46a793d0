"""Effect compartment: the concentration at the site of action lags behind.

    dCe/dt = ke0 (C - Ce)

A part: it takes C (mg/L) from a pharmacokinetic part.  Ce then takes the place of C in any
part that has a direct effect, by `part.renamed({"C": "Ce"})`.

Source: Sheiner LB, Stanski DR, Vozeh S, Miller RD, Ham J. Simultaneous modeling of
pharmacokinetics and pharmacodynamics: application to d-tubocurarine. Clin Pharmacol Ther
25:358-371 (1979).  The value of ke0 is illustrative.

The compartment takes a negligible amount of drug; at steady state Ce is C.
"""

from pkpd import Model, given, param, state

C = given("C", "mg/L", "drug in plasma")

ke0 = param("ke0", 0.5, "1/day", "equilibration with the site of action", source="illustrative", bounds=(0, None))

Ce = state("Ce", "mg/L", "drug at the site of action")

model = Model("effect_cmt", rates={Ce: ke0 * (C - Ce)})
