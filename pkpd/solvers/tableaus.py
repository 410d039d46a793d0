"""The coefficients of the methods.

Sources: Tsitouras C, Comput Math Appl 2011;62:770 (Tsit5); Hairer E, Norsett SP,
Wanner G, Solving Ordinary Differential Equations I, Springer 1993, II.10 (DOP853, as
tabulated in scipy); Steinebach G, BIT Numer Math 2023;63:27 (Rodas5P).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pkpd.arrays import Array

__all__ = ["GROW", "SAFETY", "SHRINK", "Explicit", "Rosenbrock", "dop853", "dop853_interpolant", "rodas5p", "tsit5"]

SAFETY, SHRINK, GROW = 0.9, 0.2, 8.0
"""The part of the step size that the error allows, and how much the size may change at once."""


@dataclass(frozen=True, eq=False)
class Explicit:
    """An explicit Runge-Kutta method whose last slope is taken at the new state.

    Attributes
    ----------
    stages
        The number of slopes of a step; the last is taken at the new state.
    a, c
        (all, all) and (all,): the slopes of a step, then those only the interpolant needs.
    errors
        (1 or 2, stages): the weights of the error; with two, they are combined as in DOP853.
    dense
        (all, degree): each slope's weight within a step as a polynomial of the part of the
        step, without a constant term.
    stability
        Where the method becomes unstable on the negative real axis.
    error_order
        The power of the step size in the local error.
    """

    name: str
    stages: int
    a: Array
    c: Array
    errors: Array
    dense: Array
    stability: float
    error_order: int

    @property
    def all_stages(self) -> int:
        return len(self.c)


@dataclass(frozen=True, eq=False)
class Rosenbrock:
    """A stiffly accurate Rosenbrock method, in the form that needs no product with the Jacobian.

    Stage i solves ``(1/(h gamma) - J) k_i = f(t + alpha_i h, y + sum a_ij k_j) +
    sum c_ij k_j / h + h d_i df/dt``; the new state is ``y + sum a_sj k_j + k_s`` and its
    error the last of the k.
    """

    name: str
    gamma: float
    a: Array
    c: Array
    error_order: int

    @property
    def stages(self) -> int:
        return len(self.a)

    @property
    def _gammas(self) -> Array:
        return np.asarray(np.linalg.inv(np.eye(self.stages) / self.gamma - self.c), dtype=np.float64)

    @property
    def alpha(self) -> Array:
        """The time of each stage within the step."""
        return np.asarray((self.a @ self._gammas).sum(axis=1))

    @property
    def d(self) -> Array:
        """The weight of df/dt in each stage."""
        return np.asarray(self._gammas.sum(axis=1))


def _lower(rows: list[list[float]]) -> Array:
    square = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        square[i, : len(row)] = row
    return square


@lru_cache(maxsize=1)
def tsit5() -> Explicit:
    """Tsitouras' method of order 5(4) with its interpolant of order 4."""
    a = _lower([
        [],
        [0.161],
        [-0.008480655492356989, 0.335480655492357],
        [2.8971530571054935, -6.359448489975075, 4.3622954328695815],
        [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
        [5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383],
        [0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774],
    ])  # fmt: skip
    error = [
        -0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
        0.5823571654525552, -0.45808210592918697, 0.015151515151515152,
    ]  # fmt: skip
    dense = [
        [1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216],
        [0.0, 0.13169999999999998, -0.2234, 0.1017],
        [0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253],
        [0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902],
        [0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928],
        [0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661],
        [0.0, 1.5, -4.0, 2.5],
    ]
    c = np.array([0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0])
    return Explicit("tsit5", 7, a, c, np.array([error]), np.array(dense), stability=3.3, error_order=5)


@lru_cache(maxsize=1)
def dop853() -> Explicit:
    """Dormand and Prince's method of order 8(5,3) with its interpolant of order 7."""
    from scipy.integrate import DOP853

    a = np.zeros((16, 16))
    a[:12, :12], a[12, :12], a[13:] = DOP853.A[:12, :12], DOP853.B, DOP853.A_EXTRA
    c = np.concatenate([DOP853.C[:12], [1.0], DOP853.C_EXTRA])
    errors = np.array([DOP853.E5, DOP853.E3])
    return Explicit("dop853", 13, a, c, errors, _dop853_dense(DOP853), stability=6.1, error_order=8)


def dop853_interpolant() -> Array:
    """The rows of slopes with which DOP853's nested interpolant goes on after its first three."""
    from scipy.integrate import DOP853

    return np.asarray(DOP853.D, dtype=np.float64)


def _dop853_dense(method: Any) -> Array:
    """The interpolant of order 7 as a polynomial for each slope.

    In the book it is nested, ``x (r0 + (1 - x) (r1 + x (r2 + (1 - x) (r3 + ...))))``,
    with each r a sum of slopes.
    """
    b, first, last = np.zeros(16), np.eye(16)[0], np.eye(16)[12]
    b[:12] = method.B
    rows = [b, first - b, 2 * b - (first + last), *method.D]
    x, one_less = np.polynomial.Polynomial([0, 1]), np.polynomial.Polynomial([1, -1])
    factor, dense = np.polynomial.Polynomial([1]), np.zeros((16, 7))
    for i, row in enumerate(rows):
        factor = factor * (x if i % 2 == 0 else one_less)
        dense[:, : factor.degree()] += np.outer(row, factor.coef[1:])
    return dense


@lru_cache(maxsize=1)
def rodas5p() -> Rosenbrock:
    """Steinebach's stiffly accurate method of order 5(4)."""
    last = [-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946]
    a = _lower([
        [],
        [3.0],
        [2.849394379747939, 0.45842242204463923],
        [-6.954028509809101, 2.489845061869568, -10.358996098473584],
        [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
        last,
        [*last, 1.0],
        [*last, 1.0, 1.0],
    ])  # fmt: skip
    c = _lower([
        [],
        [-14.155112264123755],
        [-17.97296035885952, -2.859693295451294],
        [147.12150275711716, -1.41221402718213, 71.68940251302358],
        [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
        [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
        [30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623,
         -28.087943162872662],
        [37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002,
         -54.66780262877968, -9.48861652309627],
    ])  # fmt: skip
    return Rosenbrock("rodas5p", 0.21193756319429014, a, c, error_order=5)
