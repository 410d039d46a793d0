"""Observations, residuals, estimates and reports."""
