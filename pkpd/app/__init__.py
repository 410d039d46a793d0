"""The explorer in the browser: models, regimens and parameters at hand, on this machine alone."""
