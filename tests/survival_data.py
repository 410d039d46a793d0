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
