"""WHAT: symbols, models, composition and the library."""
