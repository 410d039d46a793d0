"""Nonlinear mixed-effects models: all subjects, proposals of random effects and directions as one ensemble."""
