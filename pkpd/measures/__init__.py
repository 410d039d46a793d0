"""Summaries of simulated responses."""
