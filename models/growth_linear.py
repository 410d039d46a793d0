"""Linear growth.

    dT/dt = kl,    T(t) = T0 + kl t

A part, as `growth_exponential`.

Source: as reviewed by Benzekry S et al. PLoS Comput Biol 10:e1003800 (2014).  The values are
illustrative.

The rate does not vanish with the tumor: one that is extinct grows again.
"""

from pkpd import Model, param
from pkpd.models.growth_exponential import INVENTED, POSITIVE, T

kl = param("kl", 50, "mm^3/day", "growth per time", source=INVENTED, bounds=POSITIVE)

model = Model("growth_linear", rates={T: kl})
