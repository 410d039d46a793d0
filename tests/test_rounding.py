"""Times that only rounding separates."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.solvers.rounding import snapped


def test_a_third_of_a_day_three_times_is_a_day() -> None:
    anchors = np.array([0.0, 1.0, 2.1])
    moved = snapped(np.array([8 / 24 + 8 / 24 + 8 / 24, 0.7 * 3, 0.1 + 0.2, 1 + 1e-6]), anchors)
    assert moved.tolist() == [1.0, 2.1, 0.1 + 0.2, 1 + 1e-6]
    assert snapped(np.array(0.7 * 3), anchors) == 2.1


def test_nothing_moves_where_there_is_nothing_to_move_onto() -> None:
    assert snapped(np.array([1.0, 2.0]), np.empty(0)).tolist() == [1.0, 2.0]
    assert snapped(np.empty(0), np.array([1.0])).size == 0
    assert snapped(np.array([np.inf, np.nan]), np.array([1.0, 2.0]))[0] == np.inf


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=30, unique=True), st.sampled_from([1e-3, 1 / 24, 0.1, 7.0])
)
def test_multiples_reached_by_adding_are_those_reached_by_multiplying(numbers: list[int], step: float) -> None:
    added = np.cumsum(np.full(10_001, step)) - step
    exact = step * np.arange(10_001)
    order = np.random.default_rng(len(numbers)).permutation(numbers)
    assert snapped(added[order], exact).tolist() == exact[order].tolist()
