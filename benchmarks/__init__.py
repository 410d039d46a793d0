"""What the integrators of this project and of others need for the same work at the same error: ``make bench``."""
