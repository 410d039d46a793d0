"""What a request names, checked: variables, stored times, regimens by arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import SimulationError, unknown_name
from pkpd.symbolic.model import Model
from pkpd.treatment.regimens import Regimen
from pkpd.units import time_in

__all__ = ["Treatment", "observables", "regimens_by_arm", "stored_times"]

Treatment = Regimen | Mapping[str, Regimen | None] | None


def observables(model: Model, outputs: Iterable[str] | None) -> list[str]:
    """The states and outputs asked for; all where none are named.

    Raises
    ------
    UnknownNameError
        If the model has no such state or output.
    SimulationError
        If `outputs` is neither names nor None.
    """
    known = [*(s.name for s in model.states), *model.outputs]
    if outputs is None:
        return known
    if not isinstance(outputs, Iterable):
        raise SimulationError(f"outputs is {outputs!r}; expected names of states or outputs.")
    wanted = [outputs] if isinstance(outputs, str) else list(outputs)
    for name in wanted:
        if name not in known:
            raise unknown_name(model.name, "state or output", str(name), known)
    return wanted


def stored_times(times: Any, unit: str) -> Array:
    """`times` as an array in `unit`; text such as ``"8 h"`` is converted.

    Raises
    ------
    SimulationError
        If they are not finite, increasing numbers of 0 or more.
    """
    if not isinstance(times, str) and any(isinstance(time, str) for time in np.ravel(np.asarray(times, object))):
        times = [time_in(time, unit, "a stored time") for time in times]
    try:
        if np.asarray(times).dtype.kind in "mMc" or np.ma.is_masked(times):
            raise TypeError("dates, complex numbers and masks have no place among times")
        moments = np.array(times, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise SimulationError(f"times is {_short(times)}; expected numbers.") from None
    if moments.ndim != 1 or not moments.size:
        what = repr(times) if moments.ndim == 0 else f"of shape {moments.shape}"
        raise SimulationError(f"times is {what}; expected a sequence of one or more times.")
    wrong = ~np.isfinite(moments) | (moments < 0) | (np.diff(moments, prepend=-1.0) <= 0)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise SimulationError(
            f"times[{i}] is {moments[i]:g}{f', after {moments[i - 1]:g}' if i else ''}; "
            "times must be finite, 0 or more (a model starts at time 0), and increasing."
        )
    return moments


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def regimens_by_arm(treatment: Any) -> tuple[tuple[str, ...], tuple[Regimen, ...]]:
    """The names of the arms, none where there is one regimen, and the regimens."""
    if treatment is None or isinstance(treatment, Regimen):
        return (), (Regimen() if treatment is None else treatment,)
    if isinstance(treatment, Mapping) and treatment and len({str(arm) for arm in treatment}) == len(treatment):
        regimens = tuple(Regimen() if regimen is None else regimen for regimen in treatment.values())
        if all(isinstance(regimen, Regimen) for regimen in regimens):
            return tuple(str(arm) for arm in treatment), regimens
    what = f"a {type(treatment).__name__}" if np.ndim(treatment) else repr(treatment)
    table = " A table is read with pkpd.read_nonmem()." if hasattr(treatment, "columns") else ""
    raise SimulationError(
        f"got {what} as the regimen; make one with bolus, infusion or fractions, and join them with +, "
        f"or give a mapping of arms, each by its name, to regimens.{table}"
    )
