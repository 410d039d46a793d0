"""WHO: grids and samples of parameters."""
