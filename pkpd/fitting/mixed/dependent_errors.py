"""The statement that residual errors are not independent: of two outputs at one time, or of one output in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from pkpd.errors import FitError, UnitError, unknown_name
from pkpd.fitting.mixed.scales import Scale
from pkpd.measures.residual_error import ResidualError
from pkpd.symbolic.model import Model
from pkpd.units import time_in

__all__ = ["AutocorrelatedErrors", "CorrelatedErrors", "DependentErrors", "autocorrelated", "correlated", "dependent"]


@dataclass(frozen=True)
class CorrelatedErrors:
    """The errors of two outputs at one time are correlated; see `correlated`."""

    first: str
    second: str
    correlation: float
    held: bool = False

    def fixed(self) -> CorrelatedErrors:
        """The same with the correlation held by a fit."""
        return replace(self, held=True)

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.first, self.second

    @property
    def label(self) -> str:
        """Its label in the table of estimates."""
        return f"residual_correlation[{self.first},{self.second}]"

    @property
    def start(self) -> float:
        return self.correlation

    @property
    def scale(self) -> Scale:
        """Twice Fisher's: phi = 2 atanh(correlation)."""
        return Scale("logit", -1.0, 1.0)


@dataclass(frozen=True)
class AutocorrelatedErrors:
    """The errors of one output are a continuous-time AR(1) process; see `autocorrelated`."""

    output: str
    time: float | str
    held: bool = False

    def fixed(self) -> AutocorrelatedErrors:
        """The same with the time constant held by a fit."""
        return replace(self, held=True)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.output,)

    @property
    def label(self) -> str:
        """Its label in the table of estimates."""
        return f"autocorrelation_time[{self.output}]"

    @property
    def start(self) -> float:
        return float(self.time)

    @property
    def scale(self) -> Scale:
        return Scale()


DependentErrors = CorrelatedErrors | AutocorrelatedErrors


def correlated(first: str, second: str, correlation: float) -> CorrelatedErrors:
    """Residual errors of two outputs that are correlated where both are observed at one time of a subject.

    As NONMEM's L2 with a block of SIGMA.  An observation without a partner at its time is
    independent; repeated ones are partners in the order of the records.

    Parameters
    ----------
    first, second
        The outputs.
    correlation
        Between the errors, each over its standard deviation (of log-normal errors: of the
        logarithms); where its estimate starts.  ``.fixed()`` holds it.

    Returns
    -------
    CorrelatedErrors
        For ``residuals=`` of `mixed_effects`; its estimate is ``residual_correlation[first,second]``.

    Raises
    ------
    FitError
        If the correlation is no number between -1 and 1, or the outputs are one.

    Examples
    --------
    >>> correlated("C", "E", 0.3)
    CorrelatedErrors(first='C', second='E', correlation=0.3, held=False)
    """
    if first == second:
        raise FitError(
            f"correlated: both outputs are {first!r}; name two, or use autocorrelated({first!r}, time) for errors that "
            "are correlated in time."
        )
    if isinstance(correlation, bool) or not isinstance(correlation, Real) or not -1 < correlation < 1:
        raise FitError(f"correlated: the correlation is {correlation!r}; expected a number between -1 and 1.")
    return CorrelatedErrors(first, second, float(correlation))


def autocorrelated(output: str, time: float | str) -> AutocorrelatedErrors:
    """Residual errors of one output that are correlated in time within a subject: continuous-time AR(1).

    The correlation of two errors, each over its standard deviation (of log-normal errors: of the
    logarithms), is ``exp(-gap/time)`` with the time `gap` between them.  Per unit of time it is
    ``rho = exp(-1/time)``, nlme's corCAR1 and Monolix's r; it has halved after ``0.69 * time``.  A
    subject whose time goes back begins anew there.

    Parameters
    ----------
    output
        The output.
    time
        The time constant: a number in the model's unit of time, or text such as ``"8 h"``; where
        its estimate starts.  ``.fixed()`` holds it.

    Returns
    -------
    AutocorrelatedErrors
        For ``residuals=`` of `mixed_effects`; its estimate is ``autocorrelation_time[output]``.

    Raises
    ------
    FitError
        If the time is no number above 0.

    References
    ----------
    Karlsson MO, Beal SL, Sheiner LB. Three new residual error models for population PK/PD analyses.
    J Pharmacokinet Biopharm 23:651-672 (1995).

    Examples
    --------
    >>> autocorrelated("C", "8 h")
    AutocorrelatedErrors(output='C', time='8 h', held=False)
    """
    if not isinstance(time, str):
        _require_positive(time, "autocorrelated")
    return AutocorrelatedErrors(output, time)


def _require_positive(time: Any, what: str) -> None:
    if isinstance(time, bool) or not isinstance(time, Real) or not 0 < float(time) < math.inf:
        raise FitError(f"{what}: the time constant is {time!r}; expected a number above 0, or text such as '8 h'.")


def dependent(model: Model, errors: Mapping[str, Any], residuals: Any) -> tuple[DependentErrors, ...]:
    """The ``residuals=`` of `mixed_effects`, checked, with times in the model's unit.

    Raises
    ------
    FitError
        If one is no such statement, an output is named twice, or has no residual error.
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
        settled.append(_in_unit_of(model, one))
    return tuple(settled)


def _in_unit_of(model: Model, one: DependentErrors) -> DependentErrors:
    if isinstance(one, CorrelatedErrors):
        return one
    what = f"mixed_effects: the time constant of {one.label!r}"
    try:
        time = time_in(one.time, model.time, what)
    except UnitError as error:
        raise FitError(str(error)) from error
    _require_positive(time, "mixed_effects")
    return replace(one, time=time)
