"""Ensembles: named parameter arrays, one value for each member."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array
from pkpd.errors import ParameterError, unknown_name

__all__ = ["Ensemble", "grid", "members"]


@dataclass(frozen=True, repr=False)
class Ensemble:
    """Named parameter arrays over one or more labelled dimensions; frozen.

    ``a * b`` is the Cartesian product: every member of `a` with every member of `b`.

    Parameters
    ----------
    sizes
        The length of each dimension, in order.
    columns
        For each parameter the dimensions it varies over and its values.
    labels
        What is known of the members besides, in the same form: a subject's number, its
        subpopulation, its weight.  A result carries labels as coordinates.

    Raises
    ------
    ParameterError
        If values do not have the shape of their dimensions.
    """

    sizes: Mapping[str, int]
    columns: Mapping[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)
    labels: Mapping[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {name: (dims, _frozen(values, float)) for name, (dims, values) in self.columns.items()}
        labels = {name: (dims, _frozen(values)) for name, (dims, values) in self.labels.items()}
        for name, (dims, values) in (*columns.items(), *labels.items()):
            expected = {d: self.sizes.get(d) for d in dims}
            if values.shape != tuple(expected.values()):
                raise ParameterError(f"{name!r} has the shape {values.shape} in an ensemble over {expected}.")
        object.__setattr__(self, "sizes", MappingProxyType(dict(self.sizes)))
        object.__setattr__(self, "columns", MappingProxyType(columns))
        object.__setattr__(self, "labels", MappingProxyType(labels))

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.sizes.values())

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, name: str) -> Array:
        """The values of one parameter, one for each member, in C order of the dimensions."""
        if name not in self.columns:
            raise unknown_name("the ensemble", "parameter", str(name), self.columns)
        dims, values = self.columns[name]
        index = tuple(slice(None) if d in dims else None for d in self.dims)
        return np.broadcast_to(values[index], self.shape).reshape(-1)

    def __mul__(self, other: Ensemble) -> Ensemble:
        if not isinstance(other, Ensemble):
            return NotImplemented
        for kind, both in (
            ("dimension", self.sizes.keys() & other.sizes.keys()),
            ("parameter", self.columns.keys() & other.columns.keys()),
            ("label", self.labels.keys() & other.labels.keys()),
        ):
            if both:
                raise ParameterError(f"the {kind} {sorted(both)[0]!r} is in both factors of a product of ensembles.")
        return Ensemble(
            {**self.sizes, **other.sizes}, {**self.columns, **other.columns}, {**self.labels, **other.labels}
        )

    def pick(self, chosen: Any) -> Ensemble:
        """The former name of `take`."""
        import warnings

        warnings.warn("Ensemble.pick is now Ensemble.take.", DeprecationWarning, stacklevel=2)
        return self.take(chosen)

    def take(self, chosen: Any) -> Ensemble:
        """Some of the members, with their labels: a truth value for each, or their positions.

        Raises
        ------
        ParameterError
            If the ensemble has another dimension than ``member``, or nobody is left.
        """
        if self.dims != ("member",):
            raise ParameterError(f"members are picked from an ensemble over 'member' alone; this is {self!r}.")
        rows = np.asarray(chosen)
        if rows.dtype == bool and rows.shape != self.shape:
            raise ParameterError(f"pick() takes {len(self)} truth values, one for each member; it got {rows.shape}.")
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        if not rows.size:
            raise ParameterError(f"pick() leaves nobody of {len(self)} members.")
        if rows.dtype.kind not in "iu" or rows.ndim != 1 or not (-len(self) <= rows.min() <= rows.max() < len(self)):
            raise ParameterError(
                f"pick() got {chosen!r}; expected positions among {len(self)} members, or truth values."
            )
        columns, labels = (
            {name: (dims, values[rows]) for name, (dims, values) in table.items()}
            for table in (self.columns, self.labels)
        )
        return Ensemble({"member": rows.size}, columns, labels)

    def labelled(self, **labels: Any) -> Ensemble:
        """The same members with further labels, one value for each member; replaces labels of the same name.

        Raises
        ------
        ParameterError
            If there are more or fewer values than members.
        """
        for name, values in labels.items():
            if np.size(values) != len(self):
                raise ParameterError(f"the label {name!r} has {np.size(values)} values for {len(self)} members.")
        added = {name: (self.dims, np.reshape(values, self.shape)) for name, values in labels.items()}
        return Ensemble(self.sizes, self.columns, {**self.labels, **added})

    def __reduce__(self) -> tuple[Any, ...]:
        return Ensemble, (dict(self.sizes), dict(self.columns), dict(self.labels))

    def __repr__(self) -> str:
        sizes = " x ".join(f"{d}: {n}" for d, n in self.sizes.items())
        return f"<Ensemble of {len(self)} ({sizes}) over {', '.join(self.columns)}>"


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
    """
    arrays = {name: _one_dimensional(name, values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ParameterError(f"the members' columns differ in length: {said}. For every combination use grid().")
    size = next(iter(lengths.values()), 0)
    return Ensemble({"member": size}, {k: (("member",), v) for k, v in arrays.items()})


def _frozen(values: Any, kind: type | None = None) -> NDArray[Any]:
    array = np.array(values, dtype=kind)
    array.flags.writeable = False
    return array


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
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ParameterError(f"the values of {name!r} are {values!r}; expected numbers.") from None
    if array.ndim != 1 or array.size == 0:
        raise ParameterError(
            f"the values of {name!r} have shape {array.shape}; expected a sequence of one or more numbers."
        )
    return array
