"""Published results of the library's models, computed again: one file per model, with the model's name."""

if __name__ != "pkpd.fits.reproductions":
    raise ImportError("import these as pkpd.fits.reproductions, or by name with pkpd.reproduce(name)")
