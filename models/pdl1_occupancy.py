"""Occupancy of PD-L1 by an antibody at equilibrium.

    RO = Cm/(KD + Cm),    Cm = C/MW

A part without states: it turns the concentration C (mg/L) of another part into the
fraction of PD-L1 that is occupied.

Source: the law of mass action for one site, antibody in excess over PD-L1; KD from
Wang H et al., QSPIO-TNBC, parameters_NSCLC.m (virtual trial of durvalumab).

Published affinities differ by more than a hundredfold, so KD has named alternatives:
some are for one binding site, some are effective values in a tumor.  The concentration is
that in plasma: penetration into the tumor, binding by both arms, and the turnover of
PD-L1 are left out.
"""

from pkpd import Model, given, output, param

C = given("C", "mg/L", "antibody in plasma")

KD = param(
    "KD", 0.4, "nM", "affinity of the antibody for PD-L1", bounds=(0, None),
    source="QSPIO-TNBC parameters_NSCLC.m, which cites PMID 24872026",
    alternatives={
        "QSPIO_NSCLC": (0.4, "nM", "QSPIO-TNBC parameters_NSCLC.m, which cites PMID 24872026"),
        "QSPIO": (66.5, "nM", "popellab/qspio example1_parameters.json; it cites a paper on PD-1"),
        "Kosinsky_2018": (30, "nM", "Kosinsky 2018, Table 1: effective in CT26 tumors of mice"),
        "Stewart_2015": (0.022, "nM", "attributed to Stewart 2015 (Cancer Immunol Res 3:1052); not verified"),
        "Baverel_2018_Km": (0.344 / 0.15, "nM", "computed: Km 0.344 mg/L of saturable elimination, at 150 kDa"),
    },
)  # fmt: skip
MW = param("MW", 0.15, "mg/nmol", "molar mass of the antibody", source="an IgG has about 150 kDa", bounds=(0, None))

Cm = C / MW

model = Model("pdl1_occupancy", rates={}, outputs={"RO": output(Cm / (KD + Cm), "fraction of PD-L1 occupied")})
