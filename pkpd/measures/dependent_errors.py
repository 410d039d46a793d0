"""Residual errors that are not independent: of two outputs at one time, or of one output in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError, UnitError
from pkpd.units import time_in

__all__ = ["AutocorrelatedErrors", "CorrelatedErrors", "DependentErrors", "autocorrelated", "correlated"]


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


@dataclass(frozen=True)
class AutocorrelatedErrors:
    """The errors of one output are a continuous-time AR(1) process; see `autocorrelated`."""

    output: str
    time: float | str
    held: bool = False

    def in_unit(self, unit: str) -> AutocorrelatedErrors:
        """The same with the time constant as a number in `unit`.

        Raises
        ------
        ParameterError
            If it is no time above 0.
        """
        what = f"the time constant of the errors of {self.output!r}"
        try:
            time = time_in(self.time, unit, what)
        except UnitError as error:
            raise ParameterError(str(error)) from error
        require_positive(time, what)
        return replace(self, time=time)

    def followed(self, scores: Array, times: Array, axis: int) -> Array:
        """Independent standard normal scores made a process along the axis of `times`, which increase."""
        gaps = np.diff(times) / float(self.time)
        process = np.moveaxis(scores.copy(), axis, 0)
        for i, gap in enumerate(gaps, start=1):
            process[i] = np.exp(-gap) * process[i - 1] + np.sqrt(-np.expm1(-2 * gap)) * process[i]
        return np.moveaxis(process, 0, axis)

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
        For ``residuals=`` of `mixed_effects` and of `observe`; its estimate is ``residual_correlation[first,second]``.

    Raises
    ------
    ParameterError
        If the correlation is no number between -1 and 1, or the outputs are one.

    Examples
    --------
    >>> correlated("C", "E", 0.3)
    CorrelatedErrors(first='C', second='E', correlation=0.3, held=False)
    """
    if first == second:
        raise ParameterError(
            f"correlated: both outputs are {first!r}; name two, or use autocorrelated({first!r}, time) for errors that "
            "are correlated in time."
        )
    if isinstance(correlation, bool) or not isinstance(correlation, Real) or not -1 < correlation < 1:
        raise ParameterError(f"correlated: the correlation is {correlation!r}; expected a number between -1 and 1.")
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
        For ``residuals=`` of `mixed_effects` and of `observe`; its estimate is ``autocorrelation_time[output]``.

    Raises
    ------
    ParameterError
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
        require_positive(time, "autocorrelated: the time constant")
    return AutocorrelatedErrors(output, time)


def require_positive(time: Any, what: str) -> None:
    """Refuse what is no finite number above 0.

    Raises
    ------
    ParameterError
    """
    if isinstance(time, bool) or not isinstance(time, Real) or not 0 < float(time) < math.inf:
        raise ParameterError(f"{what} is {time!r}; expected a number above 0, or text such as '8 h'.")
