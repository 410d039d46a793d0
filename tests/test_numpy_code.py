"""numpy functions of expressions that sympy's own printer refuses or gets wrong."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import pkpd
from pkpd.solvers.equations.numpy_code import vectorized

y = sympy.Symbol("y_0", real=True)
Y = np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]])
GATED = sympy.Piecewise((y, y > 0))  # without a value elsewhere


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (sympy.Heaviside(sympy.Abs(GATED) - 1), [np.nan, np.nan, np.nan, 0, 1]),
        (sympy.Heaviside(sympy.Abs(sympy.Piecewise((y - 1, y > 0), (y, True)))), [1, 1, 0.5, 1, 1]),
        (sympy.Heaviside(y), [0, 0, 0.5, 1, 1]),
        (sympy.Heaviside(y, 0), [0, 0, 0, 1, 1]),
        (sympy.Heaviside(y, 1), [0, 0, 1, 1, 1]),
        (sympy.Heaviside(sympy.Heaviside(y) - sympy.Rational(3, 4)), [0, 0, 0, 1, 1]),
        (sympy.Piecewise((1, sympy.Heaviside(y) > sympy.Abs(y)), (0, True)), [0, 0, 1, 1, 0]),
    ],
)
def test_steps_of_choices(expression, expected):
    np.testing.assert_array_equal(vectorized([(y,)], [expression])(Y)[0], expected)


@pytest.mark.parametrize("method", ["auto", "rodas5p", "numpy", "scipy"])
def test_a_step_of_a_choice_in_a_rate(method):
    A = pkpd.state("A", "1", "amount", start=1)
    k, c = pkpd.param("k", 1.0, "1/day", "decay"), pkpd.param("c", 0.2, "1", "limit")
    model = pkpd.Model("stepped", rates={A: -k * A * sympy.Heaviside(sympy.Abs(sympy.Piecewise((A, c < A))))})
    run = pkpd.simulate(model, times=[0, 0.5, 1.5], method=method)
    np.testing.assert_allclose(run["A"], np.exp([0, -0.5, -1.5]), rtol=1e-5)
