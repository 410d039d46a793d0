"""Published times to an event, typed from the books that print them, for tests alone."""

from __future__ import annotations

import numpy as np

# Freireich EJ et al. Blood 21:699-716 (1963): weeks in remission of acute leukemia, 6-mercaptopurine
# against placebo, in 21 pairs.  As printed by Gehan EA, Biometrika 52:203-223 (1965), table 1, by Cox DR,
# J R Stat Soc B 34:187-220 (1972), table 1, and by Klein and Moeschberger, section 1.2.
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
SIX_MP_EVENT = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

LEUKEMIA = np.array(SIX_MP + PLACEBO, dtype=float)
LEUKEMIA_EVENT = np.array(SIX_MP_EVENT + [1] * 21, dtype=bool)
LEUKEMIA_ARM = np.array(["6-MP"] * 21 + ["placebo"] * 21)

# WHO trial of an intrauterine device: weeks to discontinuation because of bleeding, 18 women.  As printed by
# Collett D, Modelling Survival Data in Medical Research, 2nd ed. (2003), table 1.1.
IUD = [10, 13, 18, 19, 23, 30, 36, 38, 54, 56, 59, 75, 93, 97, 104, 107, 107, 107]
IUD_EVENT = [1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0]

# Leathem and Brooks: months to death of breast cancer by staining with Helix pomatia agglutinin, 45 women.  As
# printed by Collett, table 1.2.
HPA_NEGATIVE = [23, 47, 69, 70, 71, 100, 101, 148, 181, 198, 208, 212, 224]
HPA_NEGATIVE_EVENT = [1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
HPA_POSITIVE = [
    5, 8, 10, 13, 18, 24, 26, 26, 31, 35, 40, 41, 48, 50, 59, 61, 68, 71, 76, 105, 107, 109, 113, 116, 118, 143, 154,
    162, 188, 212, 217, 225,
]  # fmt: skip
HPA_POSITIVE_EVENT = [1] * 18 + [0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0]

HPA = np.array(HPA_NEGATIVE + HPA_POSITIVE, dtype=float)
HPA_EVENT = np.array(HPA_NEGATIVE_EVENT + HPA_POSITIVE_EVENT, dtype=bool)
HPA_STAIN = np.array(["negative"] * 13 + ["positive"] * 32)
