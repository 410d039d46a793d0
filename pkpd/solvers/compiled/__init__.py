"""The ensemble integrator in machine code made for a model."""
