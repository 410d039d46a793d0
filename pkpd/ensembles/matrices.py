"""Covariance and correlation matrices as papers print them, and what to multiply scores by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.inputs import number, numbers, shortened
from pkpd.errors import ParameterError, unknown_name

__all__ = ["check_semidefinite", "correlations_of_pairs", "factor", "split_covariance", "symmetric"]

# An eigenvalue of a correlation matrix this close to 0 is 0: its entries are rounded.
_ZERO = 1e-10


def symmetric(what: str, names: Sequence[str], matrix: Any) -> Array:
    """A symmetric matrix from a whole one, or from its lower triangle: row by row, or all in one row.

    Raises
    ------
    ParameterError
        If it has another length, is not symmetric, or holds what is no finite number.
    """
    size = len(names)
    rows = _rows(what, size, matrix)
    lengths = [row.shape for row in rows]
    if set(lengths) <= {()}:
        whole = _from_triangle(_folded(what, size, [float(row) for row in rows]))
    elif lengths == [(i + 1,) for i in range(size)]:
        whole = _from_triangle(rows)
    elif lengths == [(size,)] * size:
        whole = np.stack(rows)
    else:
        raise ParameterError(
            f"{what} has rows of {[row.size for row in rows]} numbers; expected {size} by {size}, or a lower triangle "
            f"with rows of {list(range(1, size + 1))}."
        )
    _check_symmetry(what, names, whole)
    return whole


def _rows(what: str, size: int, matrix: Any) -> list[Array]:
    values = matrix.to_numpy() if hasattr(matrix, "to_numpy") else matrix  # a DataFrame iterates over its columns
    many = isinstance(values, Sequence) or (isinstance(values, np.ndarray) and values.ndim > 0)
    try:
        return [numbers(f"{what} holds", row) for row in (values if many else [values])]
    except ParameterError:
        raise ParameterError(
            f"{what} is {shortened(matrix)}; expected {size} by {size} numbers, or a lower triangle."
        ) from None


def _folded(what: str, size: int, entries: list[float]) -> list[Array]:
    """The rows of a lower triangle that was written in one, as NONMEM prints an OMEGA BLOCK."""
    expected = size * (size + 1) // 2
    if len(entries) != expected:
        raise ParameterError(
            f"{what} has {len(entries)} numbers in one row; the lower triangle of {size} by {size} has {expected} "
            "(1, 3, 6, 10, 15, ... for 1, 2, 3, 4, 5, ... names). A whole matrix has a row for each name."
        )
    edges = [i * (i + 1) // 2 for i in range(size + 1)]
    return [np.array(entries[start:stop]) for start, stop in pairwise(edges)]


def _from_triangle(rows: list[Array]) -> Array:
    whole = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        whole[i, : i + 1] = whole[: i + 1, i] = row
    return whole


def _check_symmetry(what: str, names: Sequence[str], matrix: Array) -> None:
    if not np.isfinite(matrix).all():
        raise ParameterError(f"{what} is not a symmetric matrix of finite numbers: {matrix.tolist()}.")
    gaps = np.abs(matrix - matrix.T)
    i, j = divmod(int(gaps.argmax()), len(names))
    if gaps[i, j] > 1e-12 + 1e-8 * abs(matrix[j, i]):
        raise ParameterError(
            f"{what} is not a symmetric matrix: {names[i]}-{names[j]} is {matrix[i, j]:g}, "
            f"{names[j]}-{names[i]} is {matrix[j, i]:g}."
        )


def correlations_of_pairs(where: str, names: Sequence[str], pairs: Mapping[Any, Any]) -> Array:
    """A correlation matrix in which a pair left out is 0.

    Raises
    ------
    ParameterError
        If a pair is not two names, or has two correlations.
    UnknownNameError
        If a name is not among `names`.
    """
    matrix = np.eye(len(names))
    for pair, value in pairs.items():
        if not isinstance(pair, tuple) or len(pair) != 2 or pair[0] == pair[1]:
            raise ParameterError(f"{where}: the correlation of {pair!r} is given; expected two names.")
        for name in pair:
            if name not in names:
                raise unknown_name(where, "parameter", name, names)
        correlation = number(value, f"{where}: the correlation {pair[0]}-{pair[1]}")
        i, j = names.index(pair[0]), names.index(pair[1])
        if matrix[i, j] not in (0.0, correlation):
            raise ParameterError(f"{where}: the correlation {pair[0]}-{pair[1]} is given twice.")
        matrix[i, j] = matrix[j, i] = correlation
    return matrix


def split_covariance(where: str, names: Sequence[str], covariance: Array) -> tuple[list[float | None], Array]:
    """The standard deviations, and the correlations; what has the variance 0 is not correlated.

    Raises
    ------
    ParameterError
        If a variance is negative, or 0 beside a covariance that is not.
    """
    variances = np.diag(covariance)
    for i, name in enumerate(names):
        if variances[i] < 0:
            raise ParameterError(f"{where}: the variance of {name!r} is {variances[i]:g}; expected 0 or more.")
        if variances[i] == 0 and covariance[i].any():
            j = int(np.abs(covariance[i]).argmax())
            raise ParameterError(
                f"{where}: the variance of {name!r} is 0, but its covariance with {names[j]!r} is "
                f"{covariance[i, j]:g}; what does not vary is not correlated. (The smallest eigenvalue of the "
                f"covariance is {np.linalg.eigvalsh(covariance)[0]:.2g}.)"
            )
    spread = np.sqrt(variances)
    divisor = np.where(spread > 0, spread, 1.0)
    correlation = covariance / np.outer(divisor, divisor)
    np.fill_diagonal(correlation, 1.0)
    return [float(size) for size in spread], correlation


def check_semidefinite(where: str, names: Sequence[str], correlation: Array) -> Array:
    """The correlation matrix, after a refusal of one that no numbers have.

    Raises
    ------
    ParameterError
        If a correlation is not from -1 to 1, or an eigenvalue is negative.
    """
    beyond = np.argwhere(np.abs(correlation) > 1 + _ZERO)
    if beyond.size:
        i, j = sorted(beyond[0])
        raise ParameterError(
            f"{where} has the correlation {correlation[i, j]:g} of {names[i]!r} and {names[j]!r}; expected -1 to 1."
        )
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    if smallest < -_ZERO:
        raise ParameterError(
            f"{where}: the correlation matrix is not positive semidefinite (its smallest eigenvalue is "
            f"{smallest:.2g}), so no parameters vary like this. A correlation is wrong, or a pair was left out."
        )
    return np.clip(correlation, -1, 1)


def factor(correlation: Array) -> Array:
    """A lower triangular L with ``L @ L.T == correlation``, which may be singular."""
    if np.linalg.eigvalsh(correlation)[0] > _ZERO:
        return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    # Cholesky's method divides by a pivot of 0; the triangle of a square root's QR does not.
    values, vectors = np.linalg.eigh(correlation)
    lower = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0))).T)[1].T
    return np.asarray(lower * np.where(np.diag(lower) < 0, -1.0, 1.0))
