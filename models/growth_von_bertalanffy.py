"""von Bertalanffy growth: gain over the surface, loss over the volume.

    dT/dt = a T^(2/3) - b T
    T(t)^(1/3) = a/b + (T0^(1/3) - a/b) exp(-b t/3)

A part, as `growth_exponential`.  It stops at T = (a/b)^3.

Source: von Bertalanffy L. Quantitative laws in metabolism and growth. Q Rev Biol 32:217-231
(1957).  The values are illustrative.
"""

from sympy import Piecewise, Rational

from pkpd import Model, param
from pkpd.models.growth_exponential import INVENTED, POSITIVE, T

a = param("a", 2.7, "mm/day", "gain per surface", source=INVENTED, bounds=POSITIVE)
b = param("b", 0.2, "1/day", "loss per volume", source=INVENTED, bounds=POSITIVE)

model = Model("growth_von_bertalanffy", rates={T: Piecewise((a * T ** Rational(2, 3) - b * T, T > 0), (0, True))})
