"""Signature of stimulated production: a peak that comes later with the dose, and its area.

As for `indirect_response_1`, whose sources say: the time of the peak is nearly proportional to log
dose, and a dose and an SC50 multiplied by the same factor give the same response
(Sharma and Jusko 1996); the area is explicit, R0 Smax/k ln(1 + C0/SC50)
(Krzyzanski and Jusko 1998).  In closed form: the first slope, the bound R0 (1 + Smax), the time of
the peak for small doses.  A: responses, and their bound (dashed).  B: area and time of the
peak against the dose.
"""

from pkpd.fits.reproductions.indirect_response_1 import signature


def reproduction():
    """Claims and figure of model III."""
    return signature(3)
