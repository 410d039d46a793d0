"""A parameter that changes in time, as a body weight or a renal function does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError

__all__ = ["OverTime", "over_time"]


@dataclass(frozen=True, eq=False)
class OverTime:
    """The values of a parameter at some times; see `over_time`.

    Attributes
    ----------
    times
        (times,), increasing, the first 0.
    values
        (times,), or (members, times).
    carry
        ``"forward"`` or ``"linear"``.
    """

    times: Array
    values: Array
    carry: str

    @property
    def slopes(self) -> Array:
        """In the shape of `values`: the slope from each time on, 0 after the last."""
        if self.carry == "forward":
            return np.zeros_like(self.values)
        rises = np.diff(self.values, axis=-1) / np.diff(self.times)
        return np.concatenate([rises, np.zeros_like(self.values[..., :1])], axis=-1)


def over_time(times: Any, values: Any, carry: Literal["forward", "linear"] = "forward") -> OverTime:
    """A parameter that changes in time, for ``covariates=`` of `simulate` and `prepare`.

    Parameters
    ----------
    times
        When a value begins to hold, in the model's unit of time: increasing, the first 0.
    values
        The value from each time on, in the parameter's unit; (members, times) for values of
        each member's own.
    carry
        ``"forward"``: a value holds until the next time; ``"linear"``: it moves in a line to
        the next, and stays after the last.

    Raises
    ------
    ParameterError
        If the times do not increase from 0, the shapes differ, or a number is not finite.

    Examples
    --------
    >>> import pkpd
    >>> clearance = pkpd.over_time([0, 28, 56], [0.23, 0.20, 0.18])
    >>> run = pkpd.simulate(
    ...     pkpd.load("pk_1cmt"), pkpd.bolus(100, "iv"), times=[0, 84], covariates={"CL": clearance}
    ... )
    """
    try:
        moments, table = np.array(times, dtype=float), np.array(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"over_time() got times {times!r} and values {values!r}; expected numbers.") from None
    if moments.ndim != 1 or not moments.size or moments[0] != 0 or (np.diff(moments) <= 0).any():
        raise ParameterError(f"over_time() got the times {times!r}; expected increasing times, the first 0.")
    if table.ndim not in (1, 2) or table.shape[-1] != len(moments):
        raise ParameterError(
            f"over_time() got values of shape {table.shape} for {len(moments)} times; expected ({len(moments)},) or "
            f"(members, {len(moments)})."
        )
    if not np.isfinite(moments).all() or not np.isfinite(table).all():
        raise ParameterError("over_time() got a time or value that is not a finite number.")
    if carry not in ("forward", "linear"):
        raise ParameterError(f"carry is {carry!r}; expected 'forward' or 'linear'.")
    return OverTime(moments, table, carry)
