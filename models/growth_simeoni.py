"""Exponential growth that turns linear.

    dT/dt = kg T/(1 + (kg T/kl)^psi)^(1/psi)

A part, as `growth_exponential`.  Growth is exponential below T = kl/kg and linear above; psi
says how sharply it turns.

Source: Simeoni M et al. Predictive pharmacokinetic-pharmacodynamic modeling of tumor growth
kinetics in xenograft models after administration of anticancer agents. Cancer Res
64:1094-1101 (2004), with psi = 20.  The other values are illustrative.

`simeoni_2004` is the whole model, with its drug effect.
"""

from pkpd import Model, param
from pkpd.models.growth_exponential import INVENTED, POSITIVE, T, kg

kl = param("kl", 400, "mm^3/day", "growth per time above the turn", source=INVENTED, bounds=POSITIVE)
psi = param("psi", 20, "1", "sharpness of the turn", source="Simeoni 2004 (fixed)", bounds=POSITIVE)

model = Model("growth_simeoni", rates={T: kg * T / (1 + (kg * T / kl) ** psi) ** (1 / psi)})
