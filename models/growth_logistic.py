"""Logistic growth.

    dT/dt = kg T (1 - T/Tmax),    T(t) = Tmax/(1 + (Tmax/T0 - 1) exp(-kg t))

A part, as `growth_exponential`.

Source: Verhulst PF. Notice sur la loi que la population suit dans son accroissement.
Correspondance mathematique et physique 10:113-121 (1838); for tumors Benzekry S et al. PLoS
Comput Biol 10:e1003800 (2014).  The values are illustrative.
"""

from pkpd import Model, param
from pkpd.models.growth_exponential import INVENTED, POSITIVE, T, kg

Tmax = param("Tmax", 2500, "mm^3", "tumor volume at which growth stops", source=INVENTED, bounds=POSITIVE)

model = Model("growth_logistic", rates={T: kg * T * (1 - T / Tmax)})
