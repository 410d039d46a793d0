"""Occupancy of PD-L1 by an antibody at equilibrium.

    RO = Cm/(KD + Cm),    Cm = C/MW

A part without states: it turns the concentration C (mg/L) of another part into the
fraction of PD-L1 that is occupied.

Source: the law of mass action for one site, antibody in excess over PD-L1; KD from
Wang H et al., QSPIO-TNBC, parameters_NSCLC.m (virtual trial of durvalumab).  The paper that this
file cites for it, PMID 24872026, is on nivolumab and PD-1 (Wang C et al., Cancer Immunol Res
2:846-856, 2014), so that the number is that of a public code and not of a measurement.

Affinities in public codes and papers differ 3000-fold, so KD has named alternatives:
some are for one binding site, some are effective values in a tumor.  On 1500 mg of durvalumab
every 4 weeks all of them occupy more than 92 % at the trough at steady state.  After eight doses
occupancy falls to half in 105 days (66.5 nM) to 191 days (0.022 nM), 166 at 0.4 nM: what happens in a
washout depends on KD.  The concentration is that in plasma: penetration into the tumor, binding by both
arms, and the turnover of PD-L1 are left out.
"""

from pkpd import Model, given, output, param

QSPIO = "QSPIO-TNBC parameters_NSCLC.m, which cites a paper on nivolumab for it (PMID 24872026)"

C = given("C", "mg/L", "antibody in plasma")

KD = param(
    "KD", 0.4, "nM", "affinity of the antibody for PD-L1", bounds=(0, None),
    source=QSPIO,
    alternatives={
        "QSPIO_NSCLC": (0.4, "nM", QSPIO),
        "QSPIO": (66.5, "nM", "popellab/qspio example1_parameters.json; it cites a paper on PD-1"),
        "Kosinsky_2018": (30, "nM", "Kosinsky 2018, Table 1: effective in CT26 tumors of mice"),
        "Stewart_2015": (0.022, "nM", "attributed to Stewart 2015 (Cancer Immunol Res 3:1052); not verified"),
        "Baverel_2018_Km": (0.344 / 0.15, "nM", "computed: Km 0.344 mg/L of saturable elimination, at 150 kDa"),
    },
)  # fmt: skip
MW = param("MW", 0.15, "mg/nmol", "molar mass of the antibody", source="an IgG has about 150 kDa", bounds=(0, None))

Cm = C / MW

model = Model("pdl1_occupancy", rates={}, outputs={"RO": output(Cm / (KD + Cm), "fraction of PD-L1 occupied")})
