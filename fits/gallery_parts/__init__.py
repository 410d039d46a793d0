"""The figures of `pkpd.fits.figure_gallery`, by what they show."""
