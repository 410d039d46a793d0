"""Sweeps that are written down, run in chunks and resumed."""
