"""Subgroups and strata by a biomarker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Index
from pkpd.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Split", "split_at"]


@dataclass(frozen=True)
class Split:
    """A biomarker cut into classes; see `split_at`."""

    of: str
    cuts: tuple[float, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, from low to high."""
        inner = [f"{low:g} to {high:g}" for low, high in zip(self.cuts, self.cuts[1:], strict=False)]
        return (f"< {self.cuts[0]:g}", *inner, f">= {self.cuts[-1]:g}")

    def codes(self, values: Any) -> Index:
        """The number of the class of each value; -1 where there is none."""
        numbers = np.asarray(values, dtype=float)
        return np.where(np.isnan(numbers), -1, np.searchsorted(self.cuts, numbers, side="right"))

    def classes(self, values: Any) -> pd.Categorical:
        """The class of each value."""
        import pandas as pd

        names = np.array([*self.labels, None], dtype=object)  # the number -1 is the last
        return pd.Categorical(names[self.codes(values)], categories=list(self.labels), ordered=True)


def split_at(of: str, *cuts: float) -> Split:
    """Classes of patients by a biomarker; a value at a cut is in the upper class.

    Parameters
    ----------
    of
        A parameter of the model, or a variable of the patients of a trial such as ``"baseline_sum"``.
    *cuts
        Rising, in its unit.

    Raises
    ------
    SimulationError
        If there is no cut, or they do not rise.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.split_at("PDL1", 0.01, 0.25).labels
    ('< 0.01', '0.01 to 0.25', '>= 0.25')
    """
    numbers = np.asarray(cuts, dtype=float)
    if not numbers.size or not np.isfinite(numbers).all() or (np.diff(numbers) <= 0).any():
        raise SimulationError(f"split_at({of!r}) got the cuts {cuts!r}; expected one or more rising numbers.")
    return Split(str(of), tuple(numbers.tolist()))
