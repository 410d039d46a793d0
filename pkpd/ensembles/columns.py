"""The columns of an ensemble: stored, or made by a rule when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index
from pkpd.ensembles.inputs import shortened
from pkpd.errors import ParameterError
from pkpd.memory import in_bytes, physical_memory

__all__ = ["Column", "Source", "Table", "Unlabelled", "check_memory", "frozen"]

Column = tuple[tuple[str, ...], NDArray[Any]]  # the dimensions that values vary over, and the values


class Source(Protocol):
    """A rule that makes columns and labels over ``member``, for any members by position."""

    @property
    def names(self) -> Sequence[str]:
        """The parameters whose columns it makes."""

    @property
    def label_names(self) -> Sequence[str]:
        """The labels that it makes."""

    @property
    def size(self) -> int:
        """The number of members that it is a rule for."""

    def draw(self, positions: Index) -> tuple[dict[str, Array], dict[str, NDArray[Any]]]:
        """The columns and the labels of the members at these positions."""


@dataclass(frozen=True)
class Unlabelled:
    """A source whose labels are left out."""

    base: Source

    @property
    def names(self) -> Sequence[str]:
        return self.base.names

    @property
    def label_names(self) -> Sequence[str]:
        return ()

    @property
    def size(self) -> int:
        return self.base.size

    def draw(self, positions: Index) -> tuple[dict[str, Array], dict[str, NDArray[Any]]]:
        return self.base.draw(positions)[0], {}


@dataclass(frozen=True, repr=False)
class Table(Mapping[str, Column]):
    """Columns by name: those that are stored, and those that a source makes when first asked for."""

    stored: Mapping[str, Column]
    sources: tuple[Source, ...]
    labels: bool  # whether it holds the labels of its sources, or their parameters
    _made: dict[str, Column] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Column:
        if name in self.stored:
            return self.stored[name]
        for source in self.sources:
            if name in self._names(source) and name not in self._made:
                check_memory(source.size * (len(source.names) + len(source.label_names)), source.size)
                columns = source.draw(np.arange(source.size))[self.labels]
                self._made.update({key: (("member",), frozen(key, values)) for key, values in columns.items()})
        return self._made[name]

    def _names(self, source: Source) -> Sequence[str]:
        return source.label_names if self.labels else source.names

    def __iter__(self) -> Iterator[str]:
        yield from self.stored
        yield from (name for source in self.sources for name in self._names(source) if name not in self.stored)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Table of {', '.join(self)}>"


def frozen(name: str, values: Any) -> NDArray[Any]:
    """A copy that nobody writes to."""
    if np.ma.is_masked(values):
        raise ParameterError(f"the values of {name!r} are {shortened(values)}, with masked places; expected all.")
    try:
        array = np.array(values)
    except ValueError:
        raise ParameterError(f"the values of {name!r} are {shortened(values)}; expected rows of one length.") from None
    array.flags.writeable = False
    return array


def check_memory(count: int, members: int) -> None:
    """Refuse to make `count` numbers at once where the machine has less memory than they take.

    Raises
    ------
    ParameterError
        With the memory that they would take.
    """
    room = physical_memory()
    if room is not None and 8 * count > room:
        raise ParameterError(
            f"this ensemble has {members:.6g} members; its parameters would take {in_bytes(8 * count)} of memory, and "
            f"this machine has {in_bytes(room)}. Take a part of it with .slice(start, stop) or .take(positions)."
        )
