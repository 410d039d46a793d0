"""Lymphocytes in two pools, circulation and organs, which radiation empties.

    dL/dt  = kexchange (Lo - L)                            L: circulating, 1 untreated
    dLo/dt = krenew (1 - Lo) - share kexchange (Lo - L)    Lo: lymphoid organs, 1 untreated
    a fraction of d Gy:  L  -> L  (1 - f_L  + f_L  exp(-ln(2) d/D50_L))
                         Lo -> Lo (1 - f_Lo + f_Lo exp(-ln(2) d/D50_L))

The circulating pool is filled by the organs within weeks, and the organs, which the field holds a part
of (nodes of the mediastinum), are renewed over months: after chemoradiation a lymphopenia that has a
fast and a slow recovery.

Source: the depth of the nadir, 29 % of the count before, is that of chemoradiation of the thorax
(Yu 2022, 503 patients with small-cell cancer: 0.48 of 1.65 x 10^9/L); f_L and f_Lo reach it together
after 30 fractions of 2 Gy.  Half of lymphocytes are killed by 1.5 Gy as in `radiation_lymphocytes`,
and the renewal is that of `de_pillis_2009`.  The form, the exchange and how f_L and f_Lo share the
nadir are illustrative.
"""

from sympy import exp, log

from pkpd import Model, dose, output, param, state
from pkpd.models.radiation_lymphocytes import D50_L

POSITIVE = (0, None)

kexchange = param("kexchange", 0.05, "1/day", "filling of the circulation by the organs", bounds=POSITIVE,
                  source="illustrative: half of what is missing within two weeks")  # fmt: skip
krenew = param("krenew", 0.0063, "1/day", "renewal of the organs", bounds=POSITIVE,
               source="de Pillis 2009 (beta), as in BIOMD0000000779")  # fmt: skip
share = param("share", 0.2, "1", "circulating pool, as a share of the organs", bounds=POSITIVE,
              source="illustrative: the pool that exchanges is larger than what blood holds, 2 %")  # fmt: skip
f_L = param("f_L", 0.0718, "1", "share of the circulating pool that a fraction hits", bounds=(0, 1),
            source="computed with f_Lo: a nadir of 0.29 after 30 fractions of 2 Gy (Yu 2022)")  # fmt: skip
f_Lo = param("f_Lo", 0.0718, "1", "share of the organs that a fraction hits", bounds=(0, 1),
             source="illustrative: as much as of the circulating pool")  # fmt: skip

L = state("L", "1", "circulating lymphocytes, relative to those untreated", start=1)
Lo = state("Lo", "1", "lymphocytes of the organs, relative to those untreated", start=1)

survivors = exp(-log(2) * dose("Gy") / D50_L)

model = Model(
    "lymphocyte_pools",
    rates={L: kexchange * (Lo - L), Lo: krenew * (1 - Lo) - share * kexchange * (Lo - L)},
    outputs={"lymphocytes": output(L, "circulating lymphocytes, relative to those untreated")},
    routes={"radiation": {L: L * (1 - f_L + f_L * survivors), Lo: Lo * (1 - f_Lo + f_Lo * survivors)}},
)
