"""What a sweep is for: sensitivity, dose-response, synergy, equilibria; tables out."""
