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
    monkeypatch.setattr(methods, "_KEPT", {})
    one = problem(system(decay), [[1.0, 2.0]], [0.0, 1.0])
    bare, alive = methods._arguments(one, State.of(one), "tsit5", np.arange(2), 1.0)
    (fixed,) = (item for item in alive if isinstance(item, methods._Fixed))
    assert not methods._KEPT
    assert fixed.arrays
    assert {methods._address(array) for array in fixed.arrays if array.size} <= set(bare)
