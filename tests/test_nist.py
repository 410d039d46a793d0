"""The nonlinear regression problems of NIST StRD, by `fit`, from both starts.

What is certified has 10 or 11 digits (of Lanczos1 the estimates; its residuals are the rounding of its data).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nist_models import MODELS
from nist_problems import FUNCTIONS, Problem, digits, problem

import pkpd

SLOW = ("MGH17", "Bennett5")  # a thousand steps from the first start
FAST_MODELS = ("Chwirut2", "ENSO", "Lanczos3", "Misra1a", "Nelson")  # each has code to be made
EVALUATIONS = 2000


def check(found: pkpd.Fit, certified: Problem) -> None:
    """At least 7 digits of the estimates, and 6 of their standard deviations where rounding leaves them."""
    assert found.success
    assert digits(found.estimates["estimate"], certified.certified) >= 7
    if certified.name != "Lanczos1":
        sd = np.array([values[3] for values in certified.parameters.values()])
        assert digits(found.estimates["se"], sd) >= 6
        assert digits(found.chi_square, certified.squares) >= 9


def problems(slow: Any) -> list[Any]:
    """Every problem from both starts; those for which `slow` holds are slow tests, which CI runs too."""
    return [
        pytest.param(name, start, marks=[pytest.mark.slow] if slow(name, start) else [])
        for name in FUNCTIONS
        for start in (1, 2)
    ]


def test_all_problems_are_there() -> None:
    levels = [problem(name).level for name in FUNCTIONS]
    assert {level: levels.count(level) for level in set(levels)} == {"lower": 8, "average": 11, "higher": 8}


@pytest.mark.parametrize(("name", "start"), problems(lambda name, start: name in SLOW and start == 1))
def test_a_plain_function_has_the_certified_values(name: str, start: int) -> None:
    certified = problem(name)
    free = certified.free(start)
    check(pkpd.fit(FUNCTIONS[name], certified.data, free, max_evaluations=EVALUATIONS), certified)


@pytest.mark.parametrize(
    ("name", "start"), [p for p in problems(lambda name, _: name not in FAST_MODELS) if p.values[0] in MODELS]
)
def test_a_trajectory_has_the_certified_values(name: str, start: int) -> None:
    certified = problem(name)
    found = pkpd.fit(MODELS[name](), certified.data, certified.free(start), rtol=1e-13, max_evaluations=EVALUATIONS)
    check(found, certified)
