"""Exponential growth.

    dT/dt = kg T,    T(t) = T0 exp(kg t)

A part: the tumor T and its start T0 are those of the other growth laws, so that one takes
the place of another; treatment acts on T by the terms and routes of other parts.

Source: as reviewed by Benzekry S et al. Classical mathematical models for description and
prediction of experimental tumor growth. PLoS Comput Biol 10:e1003800 (2014).  The values are
illustrative, those of a tumor in a mouse.
"""

from pkpd import Model, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)

T0 = param("T0", 50, "mm^3", "tumor volume at the start", source=INVENTED, bounds=POSITIVE)
kg = param("kg", 0.2, "1/day", "growth rate", source=INVENTED, bounds=POSITIVE)

T = state("T", "mm^3", "living tumor", start=T0)

model = Model("growth_exponential", rates={T: kg * T})
