"""Signature of stimulated loss: a nadir bounded by R0/(1 + Smax), later with large doses.

As for `indirect_response_1`, whose sources say: the time of the nadir is nearly proportional to log
dose, and a dose and an SC50 multiplied by the same factor give the same response
(Sharma and Jusko 1996).  In closed form: the first slope, the bound, the time of the nadir for
small doses, and the rise of the area with ln dose for large ones, which is that plateau over k.
At middling doses the nadir comes earlier before it comes later, one of the courses that
Peletier, Gabrielsson and den Haag (J Pharmacokinet Pharmacodyn, abstract) name.  A: responses, and
their bound (dashed).  B: area and time of the nadir against the dose.
"""

from pkpd.fits.reproductions.indirect_response_1 import signature


def reproduction():
    """Claims and figure of model IV."""
    return signature(4)
