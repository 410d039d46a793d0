"""Absorption delays the drug by 1/ka on average and leaves the terminal slope alone.

Moments of three compartments with first-order absorption (Gibaldi and Perrier 1982): the mean
residence time after a bolus is (V1 + V2 + V3)/CL, after an oral dose longer by the mean absorption
time 1/ka, and the areas have the ratio F.  A: a bolus and two oral doses.  B: mean residence times
against 1/ka.
"""

import pkpd
from pkpd.fits.reproductions.pk_2cmt_oral import both_routes, claims_of, draw_courses, draw_residence
from pkpd.fits.reproductions.pk_3cmt import CL, V1, V2, V3


def reproduction():
    """Mean residence and absorption times, bioavailability, terminal half-lives."""
    runs, held = both_routes("pk_3cmt_oral"), (V1 + V2 + V3) / CL
    return pkpd.Reproduction(
        claims_of(runs, held, "(V1 + V2 + V3)/CL"),
        (lambda ax: draw_courses(ax, *runs), lambda ax: draw_residence(ax, *runs, held)),
    )
