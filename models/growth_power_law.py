"""Power-law growth.

    dT/dt = kl (T/T1)^p,    (T/T1)^(1-p) = (T0/T1)^(1-p) + (1 - p) kl t/T1

A part, as `growth_exponential`.  kl is the growth of a tumor of the volume T1; p = 1 is
exponential growth at kl/T1, p = 2/3 growth of the diameter at a constant speed, p = 0 linear.

Source: Mendelsohn ML. Cell proliferation and tumor growth. In: Cell Proliferation, Blackwell
(1963), 190-210; as reviewed by Benzekry S et al. PLoS Comput Biol 10:e1003800 (2014).  The
values are illustrative.
"""

from sympy import Piecewise

from pkpd import Model, param
from pkpd.models.growth_exponential import INVENTED, POSITIVE, T
from pkpd.models.growth_linear import kl

T1 = param("T1", 200, "mm^3", "volume at which the tumor grows by kl", source=INVENTED, bounds=POSITIVE)
p = param("p", 0.75, "1", "exponent of the volume", source=INVENTED, bounds=POSITIVE)

model = Model("growth_power_law", rates={T: Piecewise((kl * (T / T1) ** p, T > 0), (0, True))})
