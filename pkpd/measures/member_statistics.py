"""One number for all members: mean, quantile, the worst share, the worst member; with weights."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError

__all__ = ["MemberStatistic", "member_statistic"]

Kind = Literal["mean", "quantile", "cvar", "worst"]
ROUNDING = 1e-12  # of a cumulative weight, so that ten tenths are one


@dataclass(frozen=True)
class MemberStatistic:
    """What is taken over members; see `member_statistic`."""

    kind: Kind
    share: float = 0.5

    def of(self, values: Array, weights: Array, *, high_is_bad: bool) -> Array:
        """The statistic over the last axis, whose NaN are left out; NaN where nothing is left.

        Parameters
        ----------
        values
            (..., members).
        weights
            (members,): 0 or more.
        high_is_bad
            Which end is the worst.
        """
        known = ~np.isnan(values)
        heavy = np.where(known, weights, 0.0)
        total = heavy.sum(-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            number = getattr(self, f"_{self.kind}")(values, heavy, total, high_is_bad)
        return np.where(total > 0, number, np.nan)

    def _mean(self, values: Array, weights: Array, total: Array, high_is_bad: bool) -> Array:
        return np.asarray(np.where(weights > 0, values * weights, 0.0).sum(-1) / total)

    def _worst(self, values: Array, weights: Array, total: Array, high_is_bad: bool) -> Array:
        if high_is_bad:
            return np.asarray(np.where(weights > 0, values, -np.inf).max(-1))
        return np.asarray(np.where(weights > 0, values, np.inf).min(-1))

    def _quantile(self, values: Array, weights: Array, total: Array, high_is_bad: bool) -> Array:
        order = np.argsort(values, axis=-1)  # NaN come last, with a weight of 0
        ranked = np.take_along_axis(values, order, -1)
        reached = np.take_along_axis(weights, order, -1).cumsum(-1)
        first = (reached >= total[..., None] * self.share * (1 - ROUNDING)) & (reached > 0)
        return np.asarray(np.take_along_axis(ranked, first.argmax(-1)[..., None], -1)[..., 0])

    def _cvar(self, values: Array, weights: Array, total: Array, high_is_bad: bool) -> Array:
        order = np.argsort(-values if high_is_bad else values, axis=-1)
        ranked = np.take_along_axis(values, order, -1)
        heavy = np.take_along_axis(weights, order, -1)
        room = total[..., None] * self.share - (heavy.cumsum(-1) - heavy)
        taken = np.clip(room, 0.0, heavy)
        return np.asarray(np.where(taken > 0, ranked * taken, 0.0).sum(-1) / taken.sum(-1))

    def __str__(self) -> str:
        if self.kind == "quantile":
            return "median" if self.share == 0.5 else f"{100 * self.share:g} % quantile"
        return f"mean of the worst {100 * self.share:g} %" if self.kind == "cvar" else self.kind


def member_statistic(over: Any) -> MemberStatistic:
    """What to take over members, as a user says it.

    Parameters
    ----------
    over
        ``"mean"``; ``"median"``; ``"worst"``, the worst member; ``("quantile", p)``, the least value that
        a share `p` of the members does not exceed; or ``("cvar", share)``, the mean of the worst share
        (the conditional value at risk).

    Raises
    ------
    ParameterError
        If it is none of these, or a share is out of range.

    References
    ----------
    Rockafellar RT, Uryasev S. Conditional value-at-risk for general loss distributions. J Bank
    Finance 26:1443-1471 (2002).
    """
    if isinstance(over, MemberStatistic):
        return over
    if isinstance(over, str) and over in ("mean", "worst", "median"):
        return (
            MemberStatistic("quantile") if over == "median" else MemberStatistic("mean" if over == "mean" else "worst")
        )
    if isinstance(over, tuple) and len(over) == 2 and over[0] in ("quantile", "cvar"):
        share = float(over[1]) if isinstance(over[1], Real) and not isinstance(over[1], bool) else np.nan
        if not 0 <= share <= 1 or (over[0] == "cvar" and share == 0):
            least = "more than 0" if over[0] == "cvar" else "0"
            raise ParameterError(f"over is {over!r}; expected a share from {least} to 1.")
        return MemberStatistic(over[0], share)
    raise ParameterError(f"over is {over!r}; expected 'mean', 'median', 'worst', ('quantile', p) or ('cvar', share).")
