"""Every public function has an example in its docstring, and every example does what it says."""

from __future__ import annotations

import doctest
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import pkpd

# Those that lack one: it only gets shorter.
LACKING = {
    "benefit_risk_chart", "binomial_error", "by_occasion", "compare", "decision_curve",
    "forest", "lesion_diameters", "likelihood_ratio", "open_sweep", "parameter_pairs", "poisson_error",
    "posterior_traces", "predict", "read_fit", "read_study",
    "recommendation_gains", "recommended_regimens", "refit", "resampled", "response_surface",
    "search_covariates", "select_plausible", "sir", "start_waterfall", "subpopulation", "target",
    "treatment_timeline", "weigh", "write_nonmem", "write_study",
}  # fmt: skip
FUNCTIONS = sorted(name for name in pkpd.__all__ if inspect.isfunction(getattr(pkpd, name)))


@pytest.fixture(autouse=True)
def _no_figure_stays_open() -> Iterator[None]:
    yield
    plt.close("all")


def example(function: Callable[..., Any]) -> doctest.DocTest:
    """The examples of a docstring, run among the names of its own module."""
    module = sys.modules[inspect.unwrap(function).__module__]
    return doctest.DocTestParser().get_doctest(
        inspect.getdoc(function) or "", dict(vars(module)), function.__name__, module.__file__, 0
    )


def test_no_section_of_a_docstring_stands_twice() -> None:
    """The site's builder refuses such a page."""
    twice = {
        name: heads
        for name in FUNCTIONS
        if len(heads := re.findall(r"^(\w+)\n-{3,}$", inspect.getdoc(getattr(pkpd, name)) or "", re.M)) != len({*heads})
    }
    assert not twice


def test_every_public_function_has_an_example() -> None:
    without = {name for name in FUNCTIONS if not example(getattr(pkpd, name)).examples}
    assert without == LACKING


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of arviz, when it is imported
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in LACKING])
def test_the_example_does_what_it_says(name: str) -> None:
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    runner.run(example(getattr(pkpd, name)), out=said.append)
    assert not runner.failures, "".join(said)
