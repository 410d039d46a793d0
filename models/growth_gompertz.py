"""Gompertz growth.

    dT/dt = a T ln(Tmax/T),    T(t) = Tmax (T0/Tmax)^exp(-a t)

A part, as `growth_exponential`.  The specific growth rate falls exponentially, at the rate a,
from a ln(Tmax/T0).

Source: Laird AK. Dynamics of tumor growth. Br J Cancer 18:490-502 (1964).  The values are
illustrative.

The specific growth rate has no bound as T falls: a tumor of few cells grows too fast.  An
extinct tumor stays extinct.
"""

from sympy import Piecewise, log

from pkpd import Model, param
from pkpd.models.growth_exponential import INVENTED, POSITIVE, T
from pkpd.models.growth_logistic import Tmax

a = param("a", 0.08, "1/day", "rate at which growth slows", source=INVENTED, bounds=POSITIVE)

model = Model("growth_gompertz", rates={T: Piecewise((a * T * log(Tmax / T), T > 0), (0, True))})
