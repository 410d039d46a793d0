"""Trials: visits, protocols at work, endpoints, virtual trials."""
