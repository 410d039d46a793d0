"""The arrays that compiled code reads live as long as their addresses are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ivp_problems import problem, sized, system

from pkpd.solvers.compiled import methods
from pkpd.solvers.compiled.state import State


@sized(1)
def decay(t: Any, y: Any, p: Any, u: Any) -> Any:
    return [-y[0]]


def test_arrays_of_a_schedule_too_large_to_be_kept_live_with_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """They were freed before the call, which ended the program where another array took their place."""
    monkeypatch.setattr(methods, "MOST_KEPT", 0)
    made: list[Any] = []
    settle = methods._stops_and_times

    def recorded(schedule: Any, times: Any) -> Any:
        fixed, arrays = settle(schedule, times)
        made.extend(arrays)
        return fixed, arrays

    monkeypatch.setattr(methods, "_stops_and_times", recorded)
    one = problem(system(decay), [[1.0, 2.0]], [0.0, 1.0])
    _, alive = methods._arguments(one, State.of(one), "tsit5", np.arange(2), 1.0)
    assert made
    assert all(any(array is other for other in alive) for array in made)
