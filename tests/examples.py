"""Small models that the tests build on."""

from __future__ import annotations

import sympy

import pkpd

kg = pkpd.param("kg", 0.12, "1/day", "tumor growth rate", source="illustrative")
T = pkpd.state("T", "mm^3", "tumor volume", start=60)
growth = pkpd.Model("exponential_growth", rates={T: kg * T}, outputs={"V": T})

CL = pkpd.param("CL", 0.3, "L/day", "clearance", source="illustrative", bounds=(0, None), iiv=0.3)
V1 = pkpd.param("V1", 3.0, "L", "central volume", source="illustrative", bounds=(0, None), iiv=0.2)
A1 = pkpd.state("A1", "mg", "amount in the central compartment")
one_compartment = pkpd.Model(
    "one_compartment",
    rates={A1: -CL * A1 / V1},
    outputs={"C": pkpd.output(A1 / V1, "concentration", "mg/L")},
    routes={"iv": {A1: A1 + pkpd.dose("mg")}},
)

R = pkpd.input_rate("R", "Gy/day", "dose rate")
alpha = pkpd.param("alpha", 0.2, "1/Gy", "radiosensitivity", source="illustrative")
T_min = pkpd.param("T_min", 20.0, "mm^3", "volume below which the tumor is extinct", source="illustrative")
irradiated = pkpd.Model(
    "irradiated",
    rates={T: kg * T - alpha * R * T},
    routes={"radiation": R, "flash": {T: T * sympy.exp(-alpha * pkpd.dose("Gy"))}},
    events=[pkpd.Event(when=T < T_min, then={T: 0})],
)
