"""Ensembles: named parameter arrays, one value for each member."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.columns import Column, Source, Table, Unlabelled, check_memory, frozen
from pkpd.ensembles.inputs import numbers, shortened
from pkpd.errors import ParameterError, unknown_name
from pkpd.notebook import shown

__all__ = ["Ensemble", "grid", "members"]

_MOST = 2**53  # members beyond cannot all be numbered by a float


@dataclass(frozen=True, repr=False)
class Ensemble:
    """Named parameter arrays over one or more labelled dimensions; frozen.

    ``a * b`` is the Cartesian product: every member of `a` with every member of `b`.  A
    product holds its factors and not their combinations, so that one of 1e10 members costs
    nothing until its members are asked for; `slice` and `take` make only those members.

    Parameters
    ----------
    sizes
        The length of each dimension, in order.
    columns
        For each parameter the dimensions it varies over and its values.
    labels
        What is known of the members besides, in the same form: a subject's number, its
        subpopulation, its weight.  A result carries labels as coordinates.
    sources
        Rules that make further columns and labels over ``member`` when they are asked for,
        such as a virtual population drawn by number.

    Raises
    ------
    ParameterError
        If values do not have the shape of their dimensions.

    Examples
    --------
    >>> import pkpd
    >>> everyone = pkpd.grid(CL=[0.1, 0.2], V=[1, 2, 3])
    >>> everyone.slice(2, 5)["CL"].tolist()
    [0.1, 0.2, 0.2]
    """

    sizes: Mapping[str, int]
    columns: Mapping[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)
    labels: Mapping[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        sizes = _checked_sizes(self.sizes)
        columns = {k: (dims, frozen(k, _numbers(k, values))) for k, (dims, values) in _pairs(self.columns)}
        labels = {k: (dims, frozen(k, values)) for k, (dims, values) in _pairs(self.labels)}
        for name, (dims, values) in (*columns.items(), *labels.items()):
            expected = {d: sizes.get(d) for d in dims}
            if values.shape != tuple(expected.values()):
                raise ParameterError(f"{name!r} has the shape {values.shape} in an ensemble over {expected}.")
        object.__setattr__(self, "sizes", MappingProxyType(sizes))
        object.__setattr__(self, "columns", Table(MappingProxyType(columns), self.sources, labels=False))
        object.__setattr__(self, "labels", Table(MappingProxyType(labels), self.sources, labels=True))

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.sizes.values())

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, name: str) -> Array:
        """The values of one parameter, one for each member, in C order of the dimensions.

        Raises
        ------
        UnknownNameError
            If it has no such parameter.
        ParameterError
            If they would take more memory than the machine has.
        """
        if name not in list(self.columns):
            raise unknown_name("the ensemble", "parameter", str(name), self.columns)
        dims, values = self.columns[name]
        if dims != self.dims:
            check_memory(len(self), len(self))
        index = tuple(slice(None) if d in dims else None for d in self.dims)
        return np.broadcast_to(values[index], self.shape).reshape(-1)

    def __mul__(self, other: Ensemble) -> Ensemble:
        if not isinstance(other, Ensemble):
            return NotImplemented
        for kind, mine, others in (
            ("dimension", self.sizes, other.sizes),
            ("parameter", self.columns, other.columns),
            ("label", self.labels, other.labels),
        ):
            if both := set(mine) & set(others):
                raise ParameterError(f"the {kind} {min(both)!r} is in both factors of a product of ensembles.")
        return Ensemble(
            {**self.sizes, **other.sizes},
            {**_stored(self.columns), **_stored(other.columns)},
            {**_stored(self.labels), **_stored(other.labels)},
            self.sources + other.sources,
        )

    def pick(self, chosen: Any) -> Ensemble:
        """The former name of `take`."""
        import warnings

        warnings.warn("Ensemble.pick is now Ensemble.take.", DeprecationWarning, stacklevel=2)
        return self.take(chosen)

    def take(self, chosen: Any) -> Ensemble:
        """Some of the members, with their labels.

        Parameters
        ----------
        chosen
            A truth value for each member, or positions in C order of the dimensions, in any
            order and as often as wanted; negative ones count from the end.

        Returns
        -------
        Ensemble
            Over ``member`` alone.  Out of several dimensions members are labelled with their
            position, unless they have a number already.

        Raises
        ------
        ParameterError
            If there is no such member, or nobody is left.
        """
        rows = frozen("chosen", chosen)
        if rows.dtype == bool and rows.shape != (len(self),):
            raise ParameterError(f"take() needs {len(self)} truth values, one for each member; it got {rows.shape}.")
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        if not rows.size:
            raise ParameterError(f"take() leaves nobody of {len(self)} members.")
        if rows.dtype.kind not in "iu" or rows.ndim != 1 or not (-len(self) <= rows.min() <= rows.max() < len(self)):
            raise ParameterError(
                f"take() got {shortened(chosen)}; expected positions among {len(self)} members, or truth values."
            )
        return self._at(np.where(rows < 0, rows + len(self), rows).astype(np.int64))

    def slice(self, start: int, stop: int) -> Ensemble:
        """The members `start` to ``stop - 1``, as `take` returns them; only theirs are made.

        Raises
        ------
        ParameterError
            If these are not positions in rising order among the members.
        """
        whole = all(isinstance(edge, int | np.integer) and not isinstance(edge, bool) for edge in (start, stop))
        if not whole or not 0 <= start < stop <= len(self):
            raise ParameterError(
                f"slice() got {shortened(start)} to {shortened(stop)}; expected 0 <= start < stop <= {len(self)}."
            )
        check_memory((stop - start) * (len(self.columns) + len(self.labels) + 1), stop - start)
        return self._at(np.arange(start, stop, dtype=np.int64))

    def _at(self, rows: Index) -> Ensemble:
        places = np.unravel_index(rows, self.shape) if self.dims else ()
        place = dict(zip(self.dims, places, strict=True))
        columns, labels = (
            {name: _gathered(column, place) for name, column in _stored(table).items()}
            for table in (self.columns, self.labels)
        )
        for source in self.sources:
            drawn, described = source.draw(place["member"])
            columns |= {name: (("member",), values) for name, values in drawn.items()}
            labels |= {name: (("member",), values) for name, values in described.items() if name not in labels}
        if self.dims != ("member",):
            labels.setdefault("member", (("member",), rows))
        return Ensemble({"member": rows.size}, columns, labels)

    def labelled(self, **labels: Any) -> Ensemble:
        """The same members with further labels, one value for each member; replaces labels of the same name.

        Raises
        ------
        ParameterError
            If there are more or fewer values than members.
        """
        columns = {name: frozen(name, values) for name, values in labels.items()}
        for name, values in columns.items():
            if values.size != len(self):
                raise ParameterError(f"the label {name!r} has {values.size} values for {len(self)} members.")
        added = {name: (self.dims, values.reshape(self.shape)) for name, values in columns.items()}
        return Ensemble(self.sizes, _stored(self.columns), {**_stored(self.labels), **added}, self.sources)

    def without_labels(self) -> Ensemble:
        """The same parameters of members that nothing else is known of."""
        return Ensemble(self.sizes, _stored(self.columns), {}, tuple(map(Unlabelled, self.sources)))

    def whole(self) -> Ensemble:
        """The same members with every column stored, and no rules left."""
        return Ensemble(self.sizes, dict(self.columns), dict(self.labels)) if self.sources else self

    def __reduce__(self) -> tuple[Any, ...]:
        return Ensemble, (dict(self.sizes), _stored(self.columns), _stored(self.labels), self.sources)

    def _repr_html_(self) -> str:
        """Of each column the dimensions it varies over, and the range of its values."""
        import pandas as pd

        rows = {name: [", ".join(dims), *_range(values)] for name, (dims, values) in self.whole().columns.items()}
        columns = ["varies over", "values", "lowest", "median", "highest"]
        return shown(repr(self)[1:-1], pd.DataFrame.from_dict(rows, orient="index", columns=columns))

    def __repr__(self) -> str:
        sizes = " x ".join(f"{d}: {n}" for d, n in self.sizes.items())
        return f"<Ensemble of {len(self)} ({sizes}) over {', '.join(self.columns)}>"


def _range(values: Any) -> list[float]:
    array = np.asarray(values, dtype=float)
    return [array.size, *(float(f(array)) if array.size else float("nan") for f in (np.min, np.median, np.max))]


def grid(**axes: Any) -> Ensemble:
    """Every combination of the given values; each axis becomes a labelled dimension.

    Parameters
    ----------
    **axes
        For each parameter a sequence of values, in its unit.

    Raises
    ------
    ParameterError
        If an axis is empty, not one-dimensional, not finite, or holds the same value twice.

    Examples
    --------
    >>> grid(kg=[0.1, 0.2], T0=[50, 100, 200])
    <Ensemble of 6 (kg: 2 x T0: 3) over kg, T0>
    """
    arrays = {name: _axis(name, values) for name, values in axes.items()}
    return Ensemble({k: len(v) for k, v in arrays.items()}, {k: ((k,), v) for k, v in arrays.items()})


def members(**columns: Any) -> Ensemble:
    """Members side by side: the i-th member takes the i-th value of every column.

    Parameters
    ----------
    **columns
        Arrays of one common length, in each parameter's unit.

    Raises
    ------
    ParameterError
        If the lengths differ, or a column is not one-dimensional.

    Examples
    --------
    >>> members(CL=[0.2, 0.3], V=[3.0, 3.5])
    <Ensemble of 2 (member: 2) over CL, V>
    """
    arrays = {name: _one_dimensional(name, values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        each = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ParameterError(f"the members' columns differ in length: {each}. For every combination use grid().")
    size = next(iter(lengths.values()), 0)
    return Ensemble({"member": size}, {k: (("member",), v) for k, v in arrays.items()})


def _stored(table: Mapping[str, Any]) -> dict[str, Column]:
    """The columns of an ensemble that no source makes."""
    return dict(table.stored) if isinstance(table, Table) else dict(table)


def _gathered(column: Column, place: Mapping[str, Index]) -> Column:
    """The values at these places of each dimension; a value that all share stays one."""
    dims, values = column
    return (("member",), values[tuple(place[d] for d in dims)]) if dims else column


def _checked_sizes(sizes: Any) -> dict[str, int]:
    if not isinstance(sizes, Mapping):
        raise ParameterError(f"the sizes of an ensemble are {sizes!r}; expected {{dimension: length}}.")
    for dim, size in sizes.items():
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 0:
            raise ParameterError(f"the dimension {dim!r} has the length {size!r}; expected a whole number.")
    if math.prod(int(size) for size in sizes.values()) > _MOST:
        raise ParameterError(f"an ensemble over {dict(sizes)} has more than 2**53 members; they cannot be numbered.")
    return {str(dim): int(size) for dim, size in sizes.items()}


def _pairs(table: Any) -> Iterator[tuple[str, tuple[tuple[str, ...], Any]]]:
    """The columns of a table by name, each as its dimensions and its values."""
    if not isinstance(table, Mapping):
        raise ParameterError(f"an ensemble got {shortened(table)}; expected {{name: (dimensions, values)}}.")
    for name, column in table.items():
        if not isinstance(column, tuple | list) or len(column) != 2 or isinstance(column[0], str):
            raise ParameterError(
                f"the column {name!r} of an ensemble is {shortened(column)}; expected (dimensions, values), as "
                "(('member',), [1, 2])."
            )
        yield name, (tuple(column[0]), column[1])


def _numbers(name: str, values: Any) -> Array:
    return numbers(f"the values of {name!r} are", values)


def _axis(name: str, values: Any) -> Array:
    array = _one_dimensional(name, values)
    if not np.isfinite(array).all():
        raise ParameterError(
            f"the axis {name!r} of a grid holds {array[~np.isfinite(array)][0]}; expected finite numbers."
        )
    if len(np.unique(array)) < len(array):
        raise ParameterError(f"the axis {name!r} of a grid holds a value twice; its values label the result.")
    return array


def _one_dimensional(name: str, values: Any) -> Array:
    array = _numbers(name, values)
    if array.ndim != 1 or array.size == 0:
        raise ParameterError(
            f"the values of {name!r} have shape {array.shape}; expected a sequence of one or more numbers."
        )
    return array
