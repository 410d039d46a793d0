"""Equations over numbered symbols, and what is derived from them."""
