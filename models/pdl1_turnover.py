"""PD-L1 in a tumor: turnover, induction by effectors, and restraint.

    dPDL1/dt = kPDL1 (PDL1_0 (1 + (fold - 1) E/(E50 + E)) - PDL1)
    freePDL1 = PDL1 (1 - RO)
    pd1_brake = freePDL1^2/(F50^2 + freePDL1^2)

PDL1 is relative to a tumor without effectors; PDL1_0 = 0 is one that has lost it.  Interferon
gamma of the effectors induces it: adaptive resistance.  RO is the share an antibody occupies.

Source: turnover 1 per day, sixfold induction by interferon gamma, and a Hill function with
exponent 2, from QSPIO-TNBC (virtual trial of durvalumab in lung cancer), whose file marks the
exponent as estimated; induction by differentiated T cells after Kosinsky Y et al., J Immunother
Cancer 6:17 (2018).  E50 and F50 are illustrative.
"""

from pkpd import Model, given, output, param, state

POSITIVE = (0, None)
QSPIO = "QSPIO-TNBC parameters_NSCLC.m"

E = given("E", "cell", "effectors in the tumor", default=0)
RO = given("RO", "1", "fraction of PD-L1 occupied", default=0)

kPDL1 = param("kPDL1", 1, "1/day", "turnover of PD-L1", source=f"{QSPIO}; Kosinsky 2018, Table 1", bounds=POSITIVE)
PDL1_0 = param(
    "PDL1_0",
    1,
    "1",
    "PD-L1 without effectors; 0 where it is lost",
    source="1 by the definition of PDL1; its spread is assumed: thirteenfold from the 10th to the 90th percentile",
    bounds=POSITIVE,
    iiv=1.0,
)
fold = param("fold", 6, "1", "fold induction of PD-L1 by effectors", source=QSPIO, bounds=(1, None))
E50 = param(
    "E50",
    3e8,
    "cell",
    "effectors at half of the induction",
    bounds=POSITIVE,
    source="illustrative: as many as the tumors that respond hold, so that response rates differ by PD-L1",
)
F50 = param(
    "F50",
    1.5,
    "1",
    "free PD-L1 at half of the restraint",
    bounds=POSITIVE,
    source="illustrative: above the 1 of a cold tumor, far below the 6 of an inflamed one",
)

PDL1 = state("PDL1", "1", "PD-L1 relative to a tumor without effectors", start=PDL1_0)

freePDL1 = PDL1 * (1 - RO)

model = Model(
    "pdl1_turnover",
    rates={PDL1: kPDL1 * (PDL1_0 * (1 + (fold - 1) * E / (E50 + E)) - PDL1)},
    outputs={
        "freePDL1": output(freePDL1, "free PD-L1"),
        "pd1_brake": output(freePDL1**2 / (F50**2 + freePDL1**2), "restraint by PD-1"),
    },
)
