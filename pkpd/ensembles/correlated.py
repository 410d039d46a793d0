"""Parameters and covariates that are drawn together: correlated blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.distributions import Distribution, as_distribution, lognormal
from pkpd.ensembles.inputs import numbers
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.ensembles.matrices import check_semidefinite, correlations_of_pairs, factor, split_covariance, symmetric
from pkpd.errors import ParameterError, unknown_name

__all__ = ["Block", "block"]


@dataclass(frozen=True)
class Block:
    """Distributions and the correlation of their normal scores; see `block`."""

    marginals: Mapping[str, Distribution]
    correlation: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "marginals", MappingProxyType(dict(self.marginals)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.marginals)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the random numbers it needs."""
        return self.names

    @property
    def covariance(self) -> Array:
        """The covariance of the etas, (names, names), with what a model declares filled in.

        Raises
        ------
        ParameterError
            If a spread is still to be taken from the model, or a distribution is normal on no scale.
        """
        for name, marginal in self.marginals.items():
            if not isinstance(marginal, TransformedNormal | BoxCox) or marginal.sd is None:
                raise ParameterError(f"{name!r} has no variance of an eta: it is drawn from {marginal!r}.")
        spread = np.array([getattr(marginal, "sd", 0.0) for marginal in self.marginals.values()])
        return np.array(self.correlation) * np.outer(spread, spread)

    def settled(self, values: Mapping[str, float], omegas: Mapping[str, float]) -> Block:
        """The same block with what its distributions left out, from a model's values and omegas."""
        filled = {k: d.settled(k, values.get(k), omegas.get(k)) for k, d in self.marginals.items()}
        return Block(filled, self.correlation)

    def draw(self, uniforms: Mapping[str, Array]) -> dict[str, Array]:
        """Values by name, from numbers between 0 and 1 by name."""
        from scipy.special import ndtri

        scores = np.stack([ndtri(uniforms[name]) for name in self.names])
        if len(scores) > 1:
            # Row by row, so that a number never depends on how many are drawn beside it (as in BLAS).
            lower = factor(np.array(self.correlation))
            scores = np.stack([sum(lower[i, j] * scores[j] for j in range(i + 1)) for i in range(len(scores))])
        return {name: d.at(z) for (name, d), z in zip(self.marginals.items(), scores, strict=True)}

    def __reduce__(self) -> tuple[Any, ...]:
        return Block, (dict(self.marginals), self.correlation)


def block(
    parameters: Mapping[str, Any] | Iterable[str],
    *,
    correlations: Mapping[tuple[str, str], float] | Any = None,
    covariance: Any = None,
    sd: Mapping[str, float] | Sequence[float] | None = None,
) -> Block:
    """Parameters or covariates whose variability is correlated.

    Parameters
    ----------
    parameters
        Distributions by name; or names alone, for log-normal distributions about the
        model's values with its declared ``iiv`` (or with `sd`, or the diagonal of `covariance`).
    correlations
        Of pairs, ``{("CL", "V1"): 0.28}``, where a pair left out is not correlated; or a
        matrix in the order of `parameters`, whole or its lower triangle with the diagonal.
        They are correlations on the scale on which a distribution is normal (of the etas,
        for log-normal ones); distributions that are normal on no scale are joined by their
        normal scores, a Gaussian copula.  1 and -1 are allowed: two etas that are one.
    covariance
        Instead, for names alone, the variance-covariance matrix of the etas: whole, or its
        lower triangle, row by row or all in one row as NONMEM prints ``$OMEGA BLOCK``:
        ``[0.09, 0.03, 0.04]``.  What has the variance 0 does not vary.
    sd
        Beside `correlations`, for names alone, the standard deviations of the etas: by name,
        or in the order of `parameters`.

    Raises
    ------
    ParameterError
        If a number is out of range, a matrix has another shape or is not symmetric, or no
        such distribution exists because the matrix is not positive semidefinite.
    UnknownNameError
        If a pair or a standard deviation names what is not in the block.

    Examples
    --------
    >>> import pkpd
    >>> omega = pkpd.block(["CL", "V"], covariance=[0.09, 0.03, 0.04])
    >>> round(omega.correlation[0][1], 12)
    0.5
    """
    if isinstance(parameters, str) or not isinstance(parameters, Iterable):
        raise ParameterError(f"block() got {parameters!r}; expected several names, or distributions by name.")
    names = list(parameters)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ParameterError(f"a block got the names {names!r}; expected one or more, each once.")
    where = f"the block {', '.join(names)}"
    if isinstance(parameters, Mapping) and not (covariance is None and sd is None):
        raise ParameterError(f"{where}: a covariance or sd holds all spreads; give names beside it.")
    if covariance is not None and not (correlations is None and sd is None):
        raise ParameterError(f"{where}: a covariance holds all spreads and correlations; give names beside it.")
    if covariance is not None:
        spread, matrix = split_covariance(where, names, symmetric(f"{where}: the covariance", names, covariance))
    else:
        matrix, spread = _correlation(where, names, correlations), _spreads(where, names, sd)
    correlation = check_semidefinite(where, names, matrix)
    return Block(_marginals(parameters, names, spread), tuple(tuple(row) for row in correlation.tolist()))


def _marginals(parameters: Any, names: list[str], spread: Sequence[float | None]) -> dict[str, Distribution]:
    if isinstance(parameters, Mapping):
        return {k: lognormal() if v is None else as_distribution(k, v) for k, v in parameters.items()}
    return {name: lognormal(omega=omega) for name, omega in zip(names, spread, strict=True)}


def _spreads(where: str, names: list[str], sd: Any) -> list[float | None]:
    """The standard deviations in the order of the names; None is the model's."""
    if sd is None:
        return [None] * len(names)
    if isinstance(sd, Mapping):
        for name in sd:
            if name not in names:
                raise unknown_name(where, "parameter", str(name), names)
        for name in names:
            if name not in sd:
                raise ParameterError(f"{where}: sd has no standard deviation of {name!r}; give one for each name.")
        sd = [sd[name] for name in names]
    spread = numbers(f"{where}: sd is", sd)
    if spread.shape != (len(names),):
        raise ParameterError(f"{where}: sd has the shape {spread.shape}; expected {len(names)} standard deviations.")
    return [float(size) for size in spread]


def _correlation(where: str, names: list[str], correlations: Any) -> Array:
    if correlations is None:
        return np.eye(len(names))
    if isinstance(correlations, Mapping):
        return correlations_of_pairs(where, names, correlations)
    matrix = symmetric(f"{where}: the correlation matrix", names, correlations)
    if not np.allclose(np.diag(matrix), 1):
        raise ParameterError(f"{where}: the diagonal of the correlation matrix is {np.diag(matrix)}; expected 1.")
    return matrix
