"""Trials: visits, lesions and their scans, protocols at work, endpoints, virtual trials."""
