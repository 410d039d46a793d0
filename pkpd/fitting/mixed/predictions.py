"""The ensemble call of a mixed-effects model: parameters of all subjects and copies in, predictions and slopes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.solver import Solver
from pkpd.records.records import Records
from pkpd.symbolic.model import Model

__all__ = ["Trajectories"]

MOST_TABLES = 6
"""How many numbers of copies keep their tables."""

LARGEST = 1e200  # a step too far of a search is a failed trajectory, not a refusal


@dataclass(frozen=True, eq=False)
class Trajectories:
    """A model under the records of all subjects, as a function of the parameters that subjects have.

    Attributes
    ----------
    names
        The parameters that are given, in their order.
    held
        What other parameters are held at.
    outputs
        What is predicted.
    """

    model: Model
    records: Records
    names: tuple[str, ...]
    held: Mapping[str, Any]
    outputs: tuple[str, ...]
    solver: Solver

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def values(self, psi: Array) -> dict[str, Array]:
        """By output (copies, records), for parameters (copies, subjects, names)."""
        return dict(self._call(psi, ()).columns)

    def slopes(self, psi: Array, by: Sequence[int]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The same, and its derivatives by the names in `by`, (copies, records, len(by))."""
        values = self._call(psi, tuple(self.names[i] for i in by))
        return dict(values.columns), dict(values.sensitivities)

    def _call(self, psi: Array, wrt: tuple[str, ...]) -> Any:
        copies, subjects, _ = psi.shape
        rows = np.empty((len(self.names) + len(self.held), copies, subjects))
        rows[: len(self.names)] = np.clip(np.nan_to_num(np.moveaxis(psi, -1, 0), nan=LARGEST), -LARGEST, LARGEST)
        rows[len(self.names) :] = self._constants[:, None, None]
        return self._prepared(copies, wrt)(rows)

    @cached_property
    def _constants(self) -> Array:
        return np.array(list(self.held.values()), dtype=float)

    def _prepared(self, copies: int, wrt: tuple[str, ...]) -> Prepared:
        """A table of so many copies keeps its stops for the next call."""
        key = (copies, wrt)
        if key not in self._by_copies:
            if len(self._by_copies) >= MOST_TABLES:
                self._by_copies.pop(next(iter(self._by_copies)))
            base = self._base(wrt)
            self._by_copies[key] = replace(base, problems=replace(base.problems))
        prepared = self._by_copies.pop(key)
        self._by_copies[key] = prepared  # the latest stands last
        return prepared

    def _base(self, wrt: tuple[str, ...]) -> Prepared:
        if wrt not in self._settled:
            self._settled[wrt] = prepare(
                self.model, self.records, outputs=self.outputs, parameters=[*self.names, *self.held],
                sensitivities=wrt, solver=self.solver, bounds="ignore",
            )  # fmt: skip
        return self._settled[wrt]

    @cached_property
    def _settled(self) -> dict[tuple[str, ...], Prepared]:
        return {}

    @cached_property
    def _by_copies(self) -> dict[tuple[int, tuple[str, ...]], Prepared]:
        return {}

    @cached_property
    def subjects(self) -> int:
        return len(self.records.first_rows)

    @cached_property
    def subject_of(self) -> Index:
        """(records,): the number of the subject of each."""
        here: Index = np.cumsum(np.isin(np.arange(len(self.records)), self.records.first_rows)) - 1
        return here
