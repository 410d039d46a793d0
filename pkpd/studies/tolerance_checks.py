"""How much a sweep's numbers would change at a hundredth of its tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import ParameterError
from pkpd.prepared.solver import Solver
from pkpd.solvers.problem import Status
from pkpd.studies.study import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ToleranceCheck", "check_tolerance"]

FLOOR = 1e-3  # of the largest value of a member: below it a change is not relative to the value itself


@dataclass(frozen=True)
class ToleranceCheck:
    """What a tighter tolerance changes.

    Attributes
    ----------
    table
        By output: the median and the worst relative change over members and times, and the member that has it.
    members
        Their numbers in the study.
    factor
        By how much the tolerances were divided.
    rtol
        That of the study.
    failing
        How many of them failed at either tolerance; they are left out.
    """

    table: pd.DataFrame
    members: Index
    factor: float
    rtol: float
    failing: int

    @property
    def worst(self) -> float:
        """The largest relative change of any output."""
        return float(self.table["worst"].max())

    def __str__(self) -> str:
        tight = f"rtol {self.rtol / self.factor:g} instead of {self.rtol:g}"
        lines = [
            f"relative change at {tight}, of {len(self.members)} members",
            self.table.to_string(float_format=lambda x: f"{x:.2g}"),
        ]
        return "\n".join([*lines, *([f"{self.failing} members failed and are left out"] if self.failing else [])])


def check_tolerance(study: Study, *, members: int = 200, factor: float = 100.0) -> ToleranceCheck:
    """Integrate some members, evenly over all, again at a tighter tolerance.

    Parameters
    ----------
    study
        The sweep.
    members
        How many to look at.
    factor
        By how much relative and absolute tolerances are divided.

    Returns
    -------
    ToleranceCheck
        A change is relative to the value, or to a thousandth of the member's largest value where it is smaller.

    Raises
    ------
    ParameterError
        If the factor is not above 1, or there are no members to look at.

    Examples
    --------
    >>> import pkpd
    >>> study = pkpd.Study(pkpd.load("pk_1cmt"), pkpd.bolus("100 mg", "iv"), times=[0, 7], axes={"CL": [0.1, 0.2]})
    >>> check_tolerance(study).worst < 1e-6
    True
    """
    import pandas as pd

    if not factor > 1 or members < 1:
        raise ParameterError(f"factor is {factor:g} and members {members}; expected more than 1, and 1 or more.")
    chosen = np.unique(np.linspace(0, study.members - 1, min(members, study.members)).astype(np.int64))
    some = study.ensemble.take(chosen)
    usual, status = study.solve(some)
    tight, tight_status = study.but(solver=_tighter(study.solver, factor)).solve(some)
    good = (status == Status.ok) & (tight_status == Status.ok)
    rows = {name: _row(_change(usual[name], tight[name], good.ndim), good, chosen) for name in usual}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["median", "worst", "member"]).rename_axis("output")
    return ToleranceCheck(table, chosen, factor, study.solver.rtol, int((~good).sum()))


def _tighter(solver: Solver, factor: float) -> Solver:
    # scipy's methods and double precision go no further than this.
    rtol = max(solver.rtol / factor, 3e-14)
    atol = solver.atol
    if isinstance(atol, float):
        return solver.but(rtol=rtol, atol=atol / factor)
    return solver.but(rtol=rtol, atol=None if atol is None else {k: v / factor for k, v in atol.items()})


def _change(a: Array, b: Array, without_times: int) -> Array:
    """Relative changes, the largest over times: (members,) or (arms, members)."""
    if a.ndim == without_times:
        return _relative(a, b, np.abs(b))
    return np.asarray(_relative(a, b, np.nanmax(np.abs(b), axis=-1, keepdims=True)).reshape(*a.shape[:-1], -1).max(-1))


def _relative(a: Array, b: Array, largest: Array) -> Array:
    with np.errstate(all="ignore"):
        change = np.abs(a - b) / np.maximum(np.abs(b), FLOOR * largest)
    return np.where(a == b, 0.0, change)


def _row(change: Array, good: Any, numbers: Index) -> list[float]:
    change = np.broadcast_to(change, good.shape)
    kept = np.where(good, change, -1.0)
    if not good.any():
        return [np.nan, np.nan, -1]
    at = int(np.argmax(kept.reshape(-1))) % good.shape[-1]
    return [float(np.median(change[good])), float(kept.max()), int(numbers[at])]
