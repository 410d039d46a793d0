"""A drug that opens tumors to effectors.

    dopener/dt = -kopen opener
    infiltration = 1 + Emax_inf opener/(1 + opener)

`infiltration` multiplies the entry of circulating effectors into tumors, as inhibitors of
angiogenesis or of TGF-beta do.

Source: illustrative, no drug in particular; an Emax model in the amount of drug, in usual doses.
"""

from pkpd import Model, dose, output, param, state

POSITIVE = (0, None)

kopen = param(
    "kopen",
    0.05,
    "1/day",
    "elimination of the infiltration drug",
    source="illustrative: half in two weeks",
    bounds=POSITIVE,
)
Emax_inf = param(
    "Emax_inf", 10, "1", "largest increase of infiltration", source="illustrative: tenfold", bounds=POSITIVE
)

opener = state("opener", "1", "infiltration-enhancing drug, in doses")

model = Model(
    "infiltration_drug",
    rates={opener: -kopen * opener},
    outputs={"infiltration": output(1 + Emax_inf * opener / (1 + opener), "factor on the entry into tumors")},
    routes={"infiltration_drug": {opener: opener + dose("1")}},
)
