"""The population model as numbers: components, coefficients of covariates, and the Cholesky factor of Omega."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.ensembles.correlated import Block
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.free_parameters import Free
from pkpd.fitting.mixed.components import Coefficient, Component, Population
from pkpd.fitting.mixed.expansion import Expanded, coefficient_label
from pkpd.fitting.mixed.statements import MixedEffects

__all__ = ["coefficient_start", "population_of", "require_estimated", "require_labels"]

LEAST_SPREAD = 0.01
"""The floor of a standard deviation of an eta, in the size of its component: 1 % of a log-normal parameter."""


def population_of(
    statement: MixedEffects,
    larger: Expanded,
    components: Sequence[Component],
    subjects: int,
    held: Collection[str] | None = None,
) -> Population:
    """Components, coefficients of covariates and Omega as the numbers of a search.

    `held` are the standard deviations that come first in their block, by default what the statement fixes.
    """
    position = {c.label: i for i, c in enumerate(components)}
    covariates: dict[str, Array] = {}
    coefficients = []
    for parameter, effects in larger.constant.items():
        for effect, column in effects:
            label = coefficient_label(parameter, effect)
            covariates[label] = column
            free, start = coefficient_start(effect.coefficient)
            coefficients.append(
                Coefficient(
                    position[parameter],
                    effect.kind,
                    label,
                    effect.reference or 0.0,
                    start,
                    free and label not in statement.fixed,
                    label,
                )
            )
    random, rows, cols, which, start, labels = _spreads(
        statement, larger, position, statement.fixed if held is None else held
    )
    floor = np.full(len(start), -np.inf)
    for place, r, c in zip(which, rows, cols, strict=True):
        if r == c:
            floor[place] = math.log(LEAST_SPREAD * components[random[r]].size)
    require_labels(statement, [*position, *(c.label for c in coefficients), *labels])
    free_l = np.array([label not in statement.fixed for label in labels], dtype=bool)
    population = Population(
        subjects, tuple(components), tuple(coefficients), covariates, np.array(random, dtype=np.int64),
        np.array(rows, dtype=np.int64), np.array(cols, dtype=np.int64), np.array(which, dtype=np.int64),
        np.array(start), free_l, tuple(labels), floor,
    )  # fmt: skip
    if not population.q:
        raise FitError("fit: nothing varies between subjects; say what does in iiv=, as {'CL': lognormal(cv=0.3)}.")
    require_estimated(population.labels, population.free)
    return population


def require_labels(statement: MixedEffects, known: Sequence[str]) -> None:
    """Refuse what is fixed or has a prior and is no label.

    Raises
    ------
    UnknownNameError
    """
    for what, names in (("fixed", statement.fixed), ("priors", statement.priors)):
        for name in names:
            if name not in known:
                raise unknown_name(f"{what}= of the mixed-effects model", "label", name, known)


def require_estimated(labels: Sequence[str], free: Mask) -> None:
    """Refuse a fit of nothing.

    Raises
    ------
    FitError
    """
    if not free.any():
        raise FitError(f"fit: all of {', '.join(labels)} are fixed; nothing is left to estimate.")


def _spreads(statement: MixedEffects, larger: Expanded, position: Mapping[str, int], held: Collection[str]) -> Any:
    """The etas and the places, starts and labels of the numbers of their Cholesky factor."""
    random: list[int] = []
    rows: list[int] = []
    cols: list[int] = []
    which: list[int] = []
    start: list[float] = []
    labels: list[str] = []

    def add(row: int, col: int, value: float, label: str) -> None:
        rows.append(row)
        cols.append(col)
        which.append(len(start))
        start.append(value)
        labels.append(label)

    for joint in statement.variability.joints:
        assert isinstance(joint, Block)
        varying = [
            i for i, m in enumerate(joint.marginals.values()) if not getattr(m, "constant", getattr(m, "sd", 1) == 0)
        ]
        # Standard deviations that are held come first, where they are a number of the Cholesky factor alone.
        varying.sort(key=lambda i: f"omega[{joint.names[i]}]" not in held)
        names = [joint.names[i] for i in varying]
        factor = _factor(names, joint.covariance[np.ix_(varying, varying)])
        first = len(random)
        random += [position[larger.box_cox[name][0] if name in larger.box_cox else name] for name in names]
        for i, name in enumerate(names):
            for j in range(i):
                a, b = sorted((names[j], name), key=joint.names.index)
                add(first + i, first + j, float(factor[i, j]), f"correlation[{a},{b}]")
            add(first + i, first + i, math.log(factor[i, i]), f"omega[{name}]")
    for label, spread in statement.error_spread.items():
        random.append(position[label])
        add(len(random) - 1, len(random) - 1, math.log(spread), f"omega[{label}]")
    for parameter, factors in larger.occasions.items():
        number = len(start)
        start.append(math.log(statement.occasions[parameter].sd))
        labels.append(f"omega_occasion[{parameter}]")
        for name in factors:
            random.append(position[name])
            rows.append(len(random) - 1)
            cols.append(len(random) - 1)
            which.append(number)
    return random, rows, cols, which, start, labels


def _factor(names: Sequence[str], covariance: Array) -> Array:
    factor: Array
    try:
        factor = np.asarray(np.linalg.cholesky(covariance), dtype=float)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(covariance)
    if not (np.diag(factor) ** 2 > 1e-10 * np.diag(covariance)).all():
        least = float(np.linalg.eigvalsh(covariance)[0])
        raise FitError(
            f"fit: the covariance of the etas of {', '.join(names)} is not positive definite where it starts (its "
            f"least eigenvalue is {least:.3g}); start from correlations below 1."
        )
    return factor


def coefficient_start(coefficient: Any) -> tuple[bool, float]:
    """Whether a coefficient is estimated, and its start."""
    if coefficient is None:
        return True, 0.0
    if isinstance(coefficient, Free):
        return True, float(coefficient.start or 0.0)
    if isinstance(coefficient, bool) or not isinstance(coefficient, int | float):
        raise FitError(
            f"fit: the coefficient of a covariate is {coefficient!r}; expected a number, which is held, or free(start)."
        )
    return False, float(coefficient)
