"""Parameters and covariates that are drawn together: correlated blocks, and rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.distributions import Distribution, as_distribution, lognormal
from pkpd.ensembles.streams import normals, uniforms
from pkpd.errors import DataError, ParameterError, unknown_name
from pkpd.symbolic.symbols import finite_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Block", "Rows", "block", "resampled"]


@dataclass(frozen=True)
class Block:
    """Distributions and the correlation of their normal scores; see `block`."""

    marginals: Mapping[str, Distribution]
    correlation: tuple[tuple[float, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.marginals)

    def settled(self, values: Mapping[str, float], omegas: Mapping[str, float]) -> Block:
        """The same block with what its distributions left out, from a model's values and omegas."""
        filled = {k: d.settled(k, values.get(k), omegas.get(k)) for k, d in self.marginals.items()}
        return Block(filled, self.correlation)

    def draw(self, seed: int, n: int, first: int) -> dict[str, Array]:
        """The values of the members `first` to ``first + n - 1`` by name."""
        scores = np.stack([normals(seed, name, n, first) for name in self.marginals])
        if len(scores) > 1:
            # Row by row, so that a number never depends on how many are drawn beside it (as in BLAS).
            lower = np.linalg.cholesky(np.array(self.correlation))
            scores = np.stack([sum(lower[i, j] * scores[j] for j in range(i + 1)) for i in range(len(scores))])
        return {name: d.at(z) for (name, d), z in zip(self.marginals.items(), scores, strict=True)}


def block(
    parameters: Mapping[str, Any] | Iterable[str],
    *,
    correlations: Mapping[tuple[str, str], float] | Any = None,
    covariance: Any = None,
) -> Block:
    """Parameters or covariates whose variability is correlated.

    Parameters
    ----------
    parameters
        Distributions by name; or names alone, for log-normal distributions about the
        model's values with its declared ``iiv`` (or the diagonal of `covariance`).
    correlations
        Of pairs, ``{("CL", "V1"): 0.28}``, where a pair left out is not correlated; or a
        matrix in the order of `parameters`.  They are correlations on the scale on which
        a distribution is normal (of the etas, for log-normal ones); distributions that are
        normal on no scale are joined by their normal scores, a Gaussian copula.
    covariance
        Instead, for names alone, the variance-covariance matrix of the etas: whole, or its
        lower triangle row by row as in NONMEM's ``$OMEGA BLOCK``.

    Raises
    ------
    ParameterError
        If a number is out of range, a matrix has another shape or is not symmetric, or no
        such distribution exists because the matrix is not positive definite.
    UnknownNameError
        If a pair names what is not in the block.
    """
    if isinstance(parameters, str) or not isinstance(parameters, Iterable):
        raise ParameterError(f"block() got {parameters!r}; expected several names, or distributions by name.")
    names = list(parameters)
    if not names or len(set(names)) < len(names):
        raise ParameterError(f"a block got the names {names!r}; expected one or more, each once.")
    where = f"the block {', '.join(names)}"
    given = dict(parameters) if isinstance(parameters, Mapping) else dict.fromkeys(names)
    if covariance is not None:
        if isinstance(parameters, Mapping) or correlations is not None:
            raise ParameterError(f"{where}: a covariance holds all spreads and correlations; give names beside it.")
        spread, matrix = _from_covariance(where, names, covariance)
        return Block({k: lognormal(omega=s) for k, s in zip(names, spread, strict=True)}, _definite(where, matrix))
    marginals = {k: lognormal() if v is None else as_distribution(k, v) for k, v in given.items()}
    return Block(marginals, _definite(where, _from_correlations(where, names, correlations)))


def _from_correlations(where: str, names: list[str], given: Any) -> Array:
    if given is None:
        return np.eye(len(names))
    if not isinstance(given, Mapping):
        matrix = _symmetric(f"{where}: the correlation matrix", given, len(names))
        if not np.allclose(np.diag(matrix), 1):
            raise ParameterError(f"{where}: the diagonal of the correlation matrix is {np.diag(matrix)}; expected 1.")
        return matrix
    matrix = np.eye(len(names))
    for pair, value in given.items():
        if len(pair) != 2 or pair[0] == pair[1]:
            raise ParameterError(f"{where}: the correlation of {pair!r} is given; expected two names.")
        for name in pair:
            if name not in names:
                raise unknown_name(where, "parameter", name, names)
        number = finite_number(value, f"{where}: the correlation {pair[0]}-{pair[1]}")
        i, j = names.index(pair[0]), names.index(pair[1])
        if matrix[i, j] not in (0.0, number):
            raise ParameterError(f"{where}: the correlation {pair[0]}-{pair[1]} is given twice.")
        matrix[i, j] = matrix[j, i] = number
    return matrix


def _from_covariance(where: str, names: list[str], given: Any) -> tuple[list[float], Array]:
    matrix = _symmetric(f"{where}: the covariance", given, len(names))
    variances = np.diag(matrix)
    for name, variance in zip(names, variances, strict=True):
        if not variance > 0:
            raise ParameterError(f"{where}: the variance of {name!r} is {variance:g}; expected more than 0.")
    spread = np.sqrt(variances)
    correlation = matrix / np.outer(spread, spread)
    np.fill_diagonal(correlation, 1.0)
    return spread.tolist(), correlation


def _symmetric(what: str, given: Any, size: int) -> Array:
    try:
        # A DataFrame iterates over its columns' names.
        rows = [np.atleast_1d(np.asarray(row, dtype=float)) for row in getattr(given, "to_numpy", lambda: given)()]
    except (TypeError, ValueError):
        raise ParameterError(f"{what} is {given!r}; expected {size} by {size} numbers, or a lower triangle.") from None
    if [len(row) for row in rows] == list(range(1, size + 1)):  # a lower triangle
        matrix = np.zeros((size, size))
        for i, row in enumerate(rows):
            matrix[i, : i + 1] = matrix[: i + 1, i] = row
    elif len(rows) == size and all(len(row) == size for row in rows):
        matrix = np.stack(rows)
    else:
        raise ParameterError(f"{what} has rows of {[len(r) for r in rows]} numbers; expected {size} by {size}.")
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-12):
        raise ParameterError(f"{what} is not a symmetric matrix of finite numbers: {matrix.tolist()}.")
    return matrix


def _definite(where: str, correlation: Array) -> tuple[tuple[float, ...], ...]:
    off = correlation[~np.eye(len(correlation), dtype=bool)]
    if off.size and not (np.abs(off) < 1).all():
        raise ParameterError(
            f"{where} has the correlation {off[np.abs(off).argmax()]:g}; expected more than -1 and less than 1."
        )
    smallest = float(np.linalg.eigvalsh(correlation).min())
    if smallest < 1e-10:
        raise ParameterError(
            f"{where}: the correlation matrix is not positive definite (its smallest eigenvalue is {smallest:.2g}), "
            "so no parameters vary like this. A correlation is wrong, or a pair was left out."
        )
    return tuple(tuple(row) for row in correlation.tolist())


# ---- rows of a table


@dataclass(frozen=True)
class Rows:
    """Rows of a table, kept together; see `resampled`."""

    columns: Mapping[str, tuple[float, ...]]
    cumulative: tuple[float, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def settled(self, values: Mapping[str, float], omegas: Mapping[str, float]) -> Rows:
        return self

    def draw(self, seed: int, n: int, first: int) -> dict[str, Array]:
        drawn = uniforms(seed, f"<row of {' '.join(sorted(self.columns))}>", n, first)
        rows = np.searchsorted(np.array(self.cumulative[:-1]), drawn, side="right")
        return {name: np.array(values)[rows] for name, values in self.columns.items()}


def resampled(table: pd.DataFrame, *, columns: Sequence[str] | None = None, weights: str | None = None) -> Rows:
    """Covariates of real patients: each member takes one row of `table`, drawn with replacement.

    Parameters
    ----------
    table
        A patient a row, a covariate a column, in the model's units.
    columns
        The columns to take; all but `weights` by default.
    weights
        The column that says how likely a row is to be drawn; all alike by default.

    Raises
    ------
    DataError
        If a cell is empty or not a finite number, a weight is negative, a column appears
        twice, or there is no row.  The message names the row and the column.
    UnknownNameError
        If the table has no such column.
    """
    if not hasattr(table, "columns"):
        raise DataError(f"resampled() got {table!r}; expected a DataFrame with a patient a row.")
    header = [str(c) for c in table.columns]
    wanted = [c for c in header if c != weights] if columns is None else list(columns)
    for name in [*wanted, *([weights] if weights else [])]:
        if name not in header:
            raise unknown_name("the table of covariates", "column", name, header)
        if header.count(name) > 1:
            raise DataError(f"the table of covariates has the column {name!r} {header.count(name)} times.")
    if not len(table) or not wanted:
        raise DataError("the table of covariates has no rows, or no columns to draw.")
    numbers = {name: _numbers(name, table, header) for name in wanted}
    chances = _numbers(weights, table, header) if weights else [1.0] * len(table)
    if min(chances) < 0 or not math.fsum(chances) > 0:
        raise DataError(f"the weights in column {weights!r} must be 0 or more and not all 0; one is {min(chances):g}.")
    cumulative = np.cumsum(chances) / math.fsum(chances)
    return Rows({k: tuple(v) for k, v in numbers.items()}, tuple(cumulative.tolist()))


def _numbers(name: str, table: pd.DataFrame, header: list[str]) -> list[float]:
    found = []
    for row, cell in zip(table.index, table.iloc[:, header.index(name)], strict=True):
        try:
            number = float(cell)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise DataError(
                f"the table of covariates, row {row}: column {name!r} is {cell!r}; expected a finite number. "
                "Leave the row out, or fill the cell."
            )
        found.append(number)
    return found
