"""The ``residuals=`` of a mixed-effects model: which errors depend on one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pkpd.errors import FitError, unknown_name
from pkpd.measures.dependent_errors import AutocorrelatedErrors, DependentErrors
from pkpd.measures.residual_error import ResidualError
from pkpd.symbolic.model import Model

__all__ = ["dependent"]


def dependent(model: Model, errors: Mapping[str, Any], residuals: Any) -> tuple[DependentErrors, ...]:
    """The ``residuals=`` of `mixed_effects`, checked, with times in the model's unit.

    Raises
    ------
    FitError
        If one is no such statement, an output is named twice, or has no residual error.
    ParameterError
        If a time constant is no time above 0.
    UnknownNameError
        If an output has no error model.
    """
    several = tuple(residuals) if isinstance(residuals, list | tuple) else (residuals,)
    seen: dict[str, str] = {}
    settled: list[DependentErrors] = []
    for one in several:
        if not isinstance(one, DependentErrors):
            raise FitError(
                f"mixed_effects: residuals has {one!r}; expected correlated('C', 'E', 0.3), autocorrelated('C', 2.0), "
                "or a list of them."
            )
        for name in one.outputs:
            if name not in errors:
                raise unknown_name("error= of the mixed-effects model", "output", str(name), errors)
            if not isinstance(errors[name], ResidualError):
                raise FitError(
                    f"mixed_effects: {one.label!r} needs normal or log-normal errors, and error[{name!r}] is "
                    f"{errors[name]!r}."
                )
            if name in seen:
                raise FitError(
                    f"mixed_effects: residuals names {name!r} in both {seen[name]!r} and {one.label!r}; the errors of "
                    "an output are correlated in one way."
                )
            seen[name] = one.label
        settled.append(one.in_unit(model.time) if isinstance(one, AutocorrelatedErrors) else one)
    return tuple(settled)
