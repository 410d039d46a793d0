"""The integrator on a card, without one: its PTX and its host side run on this processor.

The driver's library is a fake whose kernels are the PTX in a simulator of warps
(tests/fake_cuda.py).  What is not covered is what only a card can show: its own compiler
and memory, true concurrency, and speed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_cuda import FakeCuda, fake_cuda, forget_cards
from helpers import tolerance_error
from ptx_simulator import needs_gcc

from benchmarks.cases import find
from pkpd.solvers.compiled.cuda import open_card
from pkpd.solvers.compiled.gpu import solve_on
from pkpd.solvers.problem import Problem, Solution
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.solve import solve

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> FakeCuda:
    needs_gcc()
    return fake_cuda(tmp_path_factory.mktemp("cuda"))


@pytest.fixture
def card(library: FakeCuda, monkeypatch: pytest.MonkeyPatch):
    """A card of two processors, each of which holds 64 threads."""
    library.set(memory=2**30, processors=2, major=9, minor=0, devices=1)
    forget_cards(monkeypatch, str(library.folder / "libcuda.so.1"))
    yield library
    assert library.rooms == 0, "memory of the card was not given back"
    open_card.cache_clear()


def assert_close(one: Solution, other: Solution, *, rtol: float = 1e-10) -> None:
    """Statuses, steps, events and what is NaN are equal, numbers within `rtol` of a state's size."""
    assert np.array_equal(one.status, other.status)
    assert np.array_equal(one.steps, other.steps)
    assert np.array_equal(one.event_counts, other.event_counts)
    assert np.array_equal(one.armed, other.armed)
    assert np.array_equal(np.isnan(one.states), np.isnan(other.states))
    size = np.nanmax(np.abs(other.states), axis=(0, 1), initial=0.0) + 1e-300
    there = ~np.isnan(other.states)
    error = np.abs(one.states - other.states) / (np.abs(other.states) + 1e-3 * size)
    assert error[there].max(initial=0.0) < rtol
    assert tolerance_error(one.ended, other.ended, rtol=rtol, atol=rtol) < 1


def assert_same(one: Solution, other: Solution) -> None:
    """Equal to the bit."""
    for name in ("states", "status", "ended", "steps", "final", "armed", "event_counts", "event_times"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name


CASES = [("tipd", "tsit5"), ("tipd", "dop853"), ("tmdd", "rodas5p"), ("hill", "dop853"), ("hill", "tsit5")]


@pytest.mark.parametrize(("name", "method"), CASES)
def test_the_card_agrees_with_the_processor(card: FakeCuda, name: str, method: str) -> None:
    case = find(name).problem(70, 1e-6)
    assert_close(solve(case, method, device="gpu"), solve(case, method))
