"""Durvalumab after chemoradiation of stage III lung cancer.

    durvalumab_baverel_2018, pdl1_occupancy     the antibody: C, RO
    chemoradiation_nsclc                        gross and occult disease under radiation and chemotherapy; death
    lymphocyte_pools                            what radiation leaves of lymphocytes
    released_effectors                          kill by effectors that the antibody releases

Source: that of each part.  Calibrated without the antibody to patients after chemoradiation, and the
antibody's effect to patients with metastatic disease who had an antibody alone: `pkpd.fits.pacific`
puts the two together and compares with the PACIFIC trials, to which nothing was fitted.

Left out: toxicity, later lines of therapy other than through the hazard of death of the control arm,
priming by radiation, PD-L1 that radiation or effectors induce.

Allowed: negative-state of ln_gross, which is a logarithm.

Allowed: negative-state of ln_occult, which is a logarithm.

Allowed: negative-state of radiation, which lowers one.
"""

from pkpd import compose
from pkpd.models import (
    chemoradiation_nsclc,
    durvalumab_baverel_2018,
    lymphocyte_pools,
    pdl1_occupancy,
    released_effectors,
)

model = compose(
    "durvalumab_chemoradiation_nsclc",
    durvalumab_baverel_2018.model,
    pdl1_occupancy.model,
    chemoradiation_nsclc.model,
    lymphocyte_pools.model,
    released_effectors.model,
)
