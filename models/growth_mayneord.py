"""Mayneord's growth: the radius of a ball grows at a constant speed.

    dT/dt = kr (36 pi)^(1/3) T^(2/3),    T(t) = (4 pi/3) (r0 + kr t)^3,    T0 = (4 pi/3) r0^3

A part, as `growth_exponential`.  (36 pi)^(1/3) T^(2/3) is the surface of the ball: only cells
in an outer shell divide.

Source: Mayneord WV. On a law of growth of Jensen's rat sarcoma. Am J Cancer 16:841-846
(1932).  The values are illustrative.
"""

from sympy import Piecewise, Rational, pi

from pkpd import Model, param
from pkpd.models.growth_exponential import INVENTED, POSITIVE, T

kr = param("kr", 0.2, "mm/day", "speed at which the radius grows", source=INVENTED, bounds=POSITIVE)

surface = (36 * pi) ** Rational(1, 3) * T ** Rational(2, 3)

model = Model("growth_mayneord", rates={T: Piecewise((kr * surface, T > 0), (0, True))})
