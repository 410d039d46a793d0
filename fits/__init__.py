"""Worked examples, from data to fit to figure; run one with ``python -m pkpd.fits.NAME``."""

if __name__ != "pkpd.fits":
    raise ImportError("import the fits as pkpd.fits")
