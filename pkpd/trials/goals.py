"""What a regimen is chosen for, and what it must keep to: objectives and constraints."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, ParameterError, unknown_name
from pkpd.measures.member_statistics import MemberStatistic, member_statistic

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Goal", "at_least", "at_most", "objective_of"]

ROUNDING = 1e-9  # of a limit: a dose computed to meet it exactly is not refused for its last digit

Measured = str | Callable[..., Any]


@dataclass(frozen=True)
class Goal:
    """A quantity, the statistic of it over members, and its direction; with a limit a constraint.

    Attributes
    ----------
    of
        The name of a number that was computed, or a function of the run.
    over
        The statistic over members.
    high_is_bad
        Whether it is minimized, or kept below its limit.
    limit
        In the unit of the quantity; NaN for an objective.
    name
        What reports and figures call the quantity.
    """

    of: Measured
    over: MemberStatistic
    high_is_bad: bool
    limit: float
    name: str

    def label(self, *, several: bool) -> str:
        """In words, such as ``mean of NTCP <= 0.2``."""
        quantity = f"{self.over} of {self.name}" if several else self.name
        return quantity if math.isnan(self.limit) else f"{quantity} {'<=' if self.high_is_bad else '>='} {self.limit:g}"

    def margin(self, values: Any) -> Any:
        """How far values keep from the limit; below 0 where they break it."""
        room = ROUNDING * abs(self.limit)
        return (self.limit + room - values) if self.high_is_bad else (values - self.limit + room)

    def measured(self, run: xr.Dataset) -> xr.DataArray:
        """The quantity of every regimen and member.

        Raises
        ------
        UnknownNameError
            If the run has no such number.
        DataError
            If a function does not return a labelled array over the run's dimensions.
        """
        import xarray as xr

        if isinstance(self.of, str):
            if self.of not in run.data_vars and self.of not in run.coords:
                raise unknown_name("the run", "number", self.of, [str(k) for k in (*run.data_vars, *run.coords)])
            values: Any = run[self.of]
        else:
            values = self.of(run)
        if not isinstance(values, xr.DataArray):
            raise DataError(
                f"the function for {self.name!r} returned a {type(values).__name__}; expected a DataArray, as run['V'] "
                "is (xarray.apply_ufunc applies a function of numpy arrays)."
            )
        spare = [str(d) for d in values.dims if d not in run.attrs["dims"]]
        if spare:
            raise DataError(
                f"{self.name!r} varies over {', '.join(spare)} too; expected one number for each regimen and member."
            )
        if values.dtype.kind not in "iufb":
            raise DataError(f"{self.name!r} is of type {values.dtype}; expected real numbers.")
        return values.astype(float)


def at_most(of: Measured, limit: float, *, over: Any = "mean", name: str | None = None) -> Goal:
    """A constraint of `optimize_regimen`: a quantity may not exceed a limit.

    Parameters
    ----------
    of
        The name of a number that ``reduce=`` computes, of a decision or of a parameter; or a function
        of the run, an ``xarray.Dataset`` of these over the decisions and members, that returns a DataArray.
    limit
        In the unit of the quantity.  A value that exceeds it by a billionth keeps to it.
    over
        What is taken over members: ``"mean"``, ``"median"``, ``"worst"`` (all members keep to the limit),
        ``("quantile", p)`` or ``("cvar", share)``, the mean of the worst share.
    name
        What reports and figures call the quantity; that of the number, or of the function, by default.

    Raises
    ------
    ParameterError
        If the limit is not a finite number, or `over` is no statistic.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.at_most("toxicity", 0.2, over=("quantile", 0.9)).label(several=True)
    '90 % quantile of toxicity <= 0.2'
    """
    return _goal("at_most", of, limit, over, name, high_is_bad=True)


def at_least(of: Measured, limit: float, *, over: Any = "mean", name: str | None = None) -> Goal:
    """A constraint of `optimize_regimen`: a quantity may not fall below a limit.

    The arguments and errors are those of `at_most`; the worst members are those with the least.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.at_least("trough", 10, over="worst").label(several=True)
    'worst of trough >= 10'
    """
    return _goal("at_least", of, limit, over, name, high_is_bad=False)


def objective_of(minimize: Any, maximize: Any, over: Any) -> Goal:
    """The objective that exactly one of `minimize` and `maximize` names."""
    if (minimize is None) == (maximize is None):
        raise ParameterError("optimize_regimen() takes minimize= or maximize=, one of the two.")
    of = maximize if minimize is None else minimize
    return Goal(_checked(of), member_statistic(over), maximize is None, math.nan, _name(of, None))


def _goal(verb: str, of: Any, limit: Any, over: Any, name: Any, *, high_is_bad: bool) -> Goal:
    if not isinstance(limit, Real) or isinstance(limit, bool) or not np.isfinite(float(limit)):
        raise ParameterError(f"{verb}(): the limit of {_name(of, name)!r} is {limit!r}; expected a finite number.")
    return Goal(_checked(of), member_statistic(over), high_is_bad, float(limit), _name(of, name))


def _checked(of: Any) -> Measured:
    if not isinstance(of, str) and not callable(of):
        raise ParameterError(f"a goal is of {of!r}; expected the name of a number, or a function of the run.")
    checked: Measured = of
    return checked


def _name(of: Any, name: str | None) -> str:
    if name or isinstance(of, str):
        return name or of
    own = str(getattr(of, "__name__", "<lambda>"))
    return "a function of the run" if own == "<lambda>" else own.replace("_", " ")
