"""Soluble PD-L1 in plasma: shed, cleared, and kept by the antibody that binds it.

    dsL/dt = kshed shed - (kfree (1 - bound) + kbound bound) sL,    sL(0) = sL0,    kshed = kfree sL0
    bound = onL RO

sL is the total, free and bound; free is sL (1 - bound).  Bound PD-L1 is cleared with the antibody,
more slowly, so the total rises under treatment while the free part falls.  `shed` is the rate
of shedding relative to that at the start.  An antibody to PD-1 (onL = 0) leaves soluble PD-L1 its
clearance, so that what is seen is its production.

Source: turnover of a soluble target with a complex that is cleared more slowly, as reviewed by
Gibiansky L, Gibiansky E, Expert Opin Drug Metab Toxicol 5:803 (2009); the baseline is the
reference value of Baverel PG et al. (2018), as in nlmixr2lib.  The rates are illustrative: no
published ones were found for durvalumab.
"""

from pkpd import Model, given, output, param, state

POSITIVE = (0, None)

RO = given("RO", "1", "fraction of PD-L1 occupied", default=0.5)
shed = given("shed", "1", "shedding of PD-L1, relative to the start", default=1)

sL0 = param(
    "sL0", 124.8, "pg/mL", "soluble PD-L1 at the start", bounds=POSITIVE,
    source="Baverel 2018, as in nlmixr2lib deVries_2025_durvalumab",
)  # fmt: skip
kfree = param(
    "kfree",
    1,
    "1/day",
    "clearance of free soluble PD-L1",
    bounds=POSITIVE,
    source="illustrative: of a small protein, in a day",
)
kbound = param(
    "kbound",
    0.1,
    "1/day",
    "clearance of bound soluble PD-L1",
    bounds=POSITIVE,
    source="illustrative: with the antibody, a tenth of that of the free",
)

onL = param(
    "onL", 1, "1", "1 where the antibody binds PD-L1, 0 where it binds PD-1", bounds=(0, 1),
    source="1 by definition: RO is the share of PD-L1 that durvalumab occupies",
)  # fmt: skip

sL = state("sL", "pg/mL", "soluble PD-L1, free and bound", start=sL0)

bound = onL * RO

model = Model(
    "pdl1_soluble",
    rates={sL: kfree * sL0 * shed - (kfree * (1 - bound) + kbound * bound) * sL},
    outputs={"sL_free": output(sL * (1 - bound), "free soluble PD-L1")},
)
