"""Growth alone: the size doubles every ln 2/g, whatever it is.

Closed form at the median growth rate of tumgr's sample data (0.001414 per day: README of the
package).  The simulated course, and its doublings.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, RED

DAYS = np.linspace(0, 1600, 1601)
DOUBLING = np.log(2) / 0.001414


def reproduction():
    """The first doubling and the second."""
    TS = pkpd.simulate(pkpd.load("stein_2011_gx"), times=DAYS, rtol=1e-9)["TS"].to_numpy()
    first, second = np.interp(np.log([2, 4]), np.log(TS / TS[0]), DAYS)
    claims = (
        pkpd.Claim("first doubling (day)", DOUBLING, first, "closed form: ln 2/g", 1e-4),
        pkpd.Claim("second doubling (day)", DOUBLING, second - first, "closed form: ln 2/g", 1e-4),
    )
    return pkpd.Reproduction(claims, (lambda ax: draw(ax, TS, DOUBLING, 2.0),))


def draw(ax, TS, step, ratio):
    """A course on a logarithmic axis, and the sizes that follow one another by `ratio`."""
    ax.semilogy(DAYS, TS, color=BLUE, label="here")
    n = np.arange(1 + int(DAYS[-1] / step))
    n = n[TS[0] * ratio**n > 1]
    ax.plot(n * step, TS[0] * ratio**n, "o", color=RED, markerfacecolor="none", label="closed form")
    ax.set(
        xlabel="time (day)", ylabel="tumor size (mm)", xlim=(-0.04 * n[-1] * step, 1.1 * n[-1] * step), ylim=(1, 1000)
    )
    ax.legend()
