"""Regulatory T cells and myeloid-derived suppressor cells.

    dTreg/dt = kTreg (1 + rTreg effectors/(E50_Treg + effectors)) - kTreg Treg
    dMDSC/dt = kMDSC (1 + rMDSC burden/(B50 + burden)) - kMDSC MDSC
    permitted = 1/(1 + sTreg Treg + sMDSC MDSC)

Both are relative to a host without tumor.  Effectors draw Treg (interleukin 2), tumors draw
MDSC; `permitted` is the share of effector activity and priming that they leave.  `treg` and
`mdsc` are parts of their own.

Source: suppression by Treg and MDSC that grows with the response and with the burden, as
Kosinsky Y et al., J Immunother Cancer 6:17 (2018), lump it; turnover of MDSC from QSPIO-TNBC
(k_MDSC_death), of Treg from de Pillis L et al. (2013), see `de_pillis_2013`.  The forms and the
other values are illustrative.
"""

from pkpd import Model, compose, given, output, param, state

INVENTED = "illustrative: so that Treg and MDSC together leave two thirds of activity"
POSITIVE = (0, None)

effectors = given("effectors", "cell", "effectors in all tumors", default=0)
burden = given("burden", "mm^3", "living tumor, all lesions", default=1e4)

kTreg = param(
    "kTreg", 0.0385, "1/day", "turnover of Treg", source="de Pillis 2013 (u), as in BIOMD0000000908", bounds=POSITIVE
)
rTreg = param(
    "rTreg", 2, "1", "largest increase of Treg by effectors", source="illustrative: threefold at most", bounds=POSITIVE
)
E50_Treg = param(
    "E50_Treg", 5e8, "cell", "effectors at half the maximal increase", bounds=POSITIVE,
    source="illustrative: as many as a response to durvalumab has",
)  # fmt: skip
kMDSC = param(
    "kMDSC", 0.015, "1/day", "turnover of MDSC", source="QSPIO-TNBC parameters_NSCLC.m (k_MDSC_death)", bounds=POSITIVE
)
rMDSC = param(
    "rMDSC", 4, "1", "largest increase of MDSC by the tumor", source="illustrative: fivefold at most", bounds=POSITIVE
)
B50 = param(
    "B50", 1e5, "mm^3", "tumor at half the maximal increase", source="illustrative: a lesion of 58 mm", bounds=POSITIVE
)
sTreg = param("sTreg", 0.2, "1", "suppression by Treg", source=INVENTED, bounds=POSITIVE, iiv=0.5)
sMDSC = param("sMDSC", 0.2, "1", "suppression by MDSC", source=INVENTED, bounds=POSITIVE, iiv=0.5)

Treg = state("Treg", "1", "Treg relative to a host without tumor", start=1)
MDSC = state("MDSC", "1", "MDSC relative to a host without tumor", start=1)

treg = Model("treg", rates={Treg: kTreg * (1 + rTreg * effectors / (E50_Treg + effectors)) - kTreg * Treg})
mdsc = Model("mdsc", rates={MDSC: kMDSC * (1 + rMDSC * burden / (B50 + burden)) - kMDSC * MDSC})
suppression = Model(
    "suppression",
    rates={},
    outputs={"permitted": output(1 / (1 + sTreg * Treg + sMDSC * MDSC), "share of activity that suppressors leave")},
)

model = compose("suppressors", treg, mdsc, suppression)
