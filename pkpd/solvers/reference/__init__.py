"""Integrators that share no code with the compiled one: numpy lockstep and the scipy oracle."""
