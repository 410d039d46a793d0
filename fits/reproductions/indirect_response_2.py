"""Signature of inhibited loss: a peak that comes later with the dose, and grows less and less.

As for `indirect_response_1`, whose sources say: the time of the peak is nearly proportional to log
dose, and a dose and an IC50 multiplied by the same factor give the same response
(Sharma and Jusko 1996).  In closed form: the first slope, the bound R0/(1 - Imax), the time of the
peak for small doses, and the rise of the area with ln dose for large ones, which is that plateau
over k.  A: responses, and their bound (dashed).  B: area and time of the peak against the dose.
"""

from pkpd.fits.reproductions.indirect_response_1 import signature


def reproduction():
    """Claims and figure of model II."""
    return signature(2)
