"""Percentiles along time without bins: splines by quantile regression.

References
----------
Koenker R, Bassett G. Regression quantiles. Econometrica 46:33-50 (1978).

Jamsen KM, Patel K, Nieforth K, Kirkpatrick CMJ. A regression approach to visual predictive checks for population
pharmacometric models. CPT Pharmacometrics Syst Pharmacol 7:678-686 (2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError

__all__ = ["quantile_curves"]

_DEGREE = 3
_MOST = 6  # pieces of a spline


def quantile_curves(x: Array, y: Array, ranks: Sequence[float], at: Array) -> Array:
    """Quantiles of `y` along `x`, as cubic splines that minimize the check loss.

    How many pieces the splines have is chosen by Schwarz's criterion at the median, among 1 to 6.  Values of
    minus infinity, below a limit of quantification, rank lowest.

    Parameters
    ----------
    x, y
        (observations,).
    ranks
        Of the quantiles, between 0 and 1.
    at
        (points,): where the curves are wanted, within the range of `x`.

    Returns
    -------
    numpy.ndarray
        (ranks, points).

    Raises
    ------
    DataError
        If there are fewer than 8 observations, or they are all at one place.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.repeat(np.linspace(0, 1, 21), 5)
    >>> y = 2 * x + np.tile([-2.0, -1, 0, 1, 2], 21)
    >>> np.round(quantile_curves(x, y, [0.5], np.array([0.5])), 6)
    array([[1.]])
    """
    places = np.unique(x)
    if len(x) < 2 * (_DEGREE + 1) or len(places) < 2:
        raise DataError(
            f"{len(x)} observations at {len(places)} times are too few for curves without bins; expected 8 or more "
            "at two or more times."
        )
    lowest = float(y[np.isfinite(y)].min()) if np.isfinite(y).any() else 0.0
    spread = float(np.ptp(y[np.isfinite(y)])) or 1.0
    known = np.where(np.isneginf(y), lowest - spread, y)  # of a censored value the rank matters alone
    degree = min(_DEGREE, len(places) - 1)
    most = min(_MOST, max(len(places) - degree, 1))
    pieces = min(range(1, most + 1), key=lambda n: _schwarz(x, known, _knots(x, n, degree), degree))
    knots = _knots(x, pieces, degree)
    basis, wanted = _basis(x, knots, degree), _basis(at, knots, degree)
    return np.stack([wanted @ _regressed(basis, known, rank) for rank in ranks])


def _knots(x: Array, pieces: int, degree: int) -> Array:
    inner = np.unique(np.quantile(np.unique(x), np.linspace(0, 1, pieces + 1)[1:-1]))
    return np.concatenate([[x.min()] * (degree + 1), inner, [x.max()] * (degree + 1)])


def _basis(x: Array, knots: Array, degree: int) -> Array:
    from scipy.interpolate import BSpline

    return np.asarray(BSpline.design_matrix(np.clip(x, knots[0], knots[-1]), knots, degree).toarray())


def _schwarz(x: Array, y: Array, knots: Array, degree: int) -> float:
    """Koenker, Ng and Portnoy, Biometrika 81:673-680 (1994)."""
    basis = _basis(x, knots, degree)
    residual = y - basis @ _regressed(basis, y, 0.5)
    loss = float(np.abs(residual).mean()) / 2
    return float(np.log(max(loss, 1e-300)) + basis.shape[1] * np.log(len(x)) / (2 * len(x)))


def _regressed(basis: Array, y: Array, rank: float) -> Array:
    """The coefficients, as the multipliers of the dual linear program, which has as few rows as there are of them."""
    from scipy.optimize import linprog

    scale = float(np.abs(y).max()) or 1.0
    solved = linprog(-y / scale, A_eq=basis.T, b_eq=(1 - rank) * basis.sum(axis=0), bounds=(0, 1), method="highs")
    if not solved.success:
        raise DataError(f"the quantile {rank:g} of {len(y)} observations has no regression: {solved.message}")
    return np.asarray(-solved.eqlin.marginals) * scale
