"""HOW: sympy to code to arrays; knows no names of doses and no xarray."""
