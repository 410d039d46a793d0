"""Regression alone: the size halves every ln 2/d, whatever it is.

Closed form at the median regression rate of tumgr's sample data (0.020427 per day: README of the
package).  The simulated course, and its halvings.
"""

import numpy as np

import pkpd
from pkpd.fits.reproductions.stein_2011_gx import DAYS, draw

HALVING = np.log(2) / 0.020427


def reproduction():
    """The first halving and the third."""
    TS = pkpd.simulate(pkpd.load("stein_2011_dx"), times=DAYS, rtol=1e-9, atol=1e-12)["TS"].to_numpy()
    half, quarter, eighth = np.interp(np.log([2, 4, 8]), np.log(TS[0] / TS[:200]), DAYS[:200])
    claims = (
        pkpd.Claim("first halving (day)", HALVING, half, "closed form: ln 2/d", 1e-4),
        pkpd.Claim("third halving (day)", HALVING, eighth - quarter, "closed form: ln 2/d", 1e-4),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw(ax, TS, HALVING, 0.5),))
