"""Virtual populations: members that differ as patients do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array
from pkpd.ensembles.correlated import Block, Rows
from pkpd.ensembles.distributions import as_distribution, lognormal
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.streams import check_counts, uniforms
from pkpd.errors import ParameterError, unknown_name
from pkpd.symbolic.model import Model, require_model
from pkpd.symbolic.symbols import Given, Parameter

__all__ = ["Subpopulation", "population", "subpopulation"]

Joint = Block | Rows


@dataclass(frozen=True)
class Subpopulation:
    """A share of a population with typical values of its own; see `subpopulation`."""

    probability: float
    values: Mapping[str, Any] = field(default_factory=dict)
    variability: Any = None


def subpopulation(
    probability: float, *, values: Mapping[str, Any] | None = None, variability: Any = None
) -> Subpopulation:
    """One class of a mixture.

    Parameters
    ----------
    probability
        The chance of a member to belong to it.
    values
        Its typical values, where they differ from the model's: as in `simulate`.
    variability
        Its variability, where that differs: as in `population`, whose `variability` it
        replaces for this class.

    Raises
    ------
    ParameterError
        If the probability is not between 0 and 1.
    """
    if not isinstance(probability, int | float) or not 0 <= probability <= 1:
        raise ParameterError(f"the probability of a subpopulation is {probability!r}; expected 0 to 1.")
    if values is not None and not isinstance(values, Mapping):
        raise ParameterError(f"the values of a subpopulation are {values!r}; expected {{parameter: value}}.")
    return Subpopulation(float(probability), dict(values or {}), variability)


def population(
    model: Model,
    n: int,
    seed: int,
    *,
    variability: Any = None,
    covariates: Any = None,
    mixture: Mapping[str, Subpopulation] | None = None,
    first: int = 0,
) -> Ensemble:
    """Draw a virtual population of `n` subjects.

    Parameters
    ----------
    model
        Its parameters with a declared ``iiv`` are drawn log-normally about their values,
        independently of one another, unless `variability` says otherwise.  A library file
        whose paper publishes correlations holds them beside the model:
        ``from pkpd.models.durvalumab_baverel_2018 import model, variability``.
    n
        The number of subjects.
    seed
        Subject i is the same whatever `n`, `first`, and the other parameters drawn.
    variability
        Distributions by parameter, such as ``{"CL": lognormal(cv=0.3), "ka": None}`` (None
        does not vary, against its declared ``iiv``); a `block` of correlated parameters; or
        a list of these.  What a distribution leaves out is taken from the model.
    covariates
        In the same forms, or `resampled` rows of a table.
    mixture
        Subpopulations by name; their probabilities sum to 1.  A subject's class is the
        label ``subpopulation``, which the result of `simulate` carries as a coordinate.
    first
        The number of the first subject: draws subjects `first` to ``first + n - 1``.

    Returns
    -------
    Ensemble
        Over ``member``, labelled with each subject's number.  A parameter that changes from
        occasion to occasion within a subject is several parameters: see `by_occasion`.

    Raises
    ------
    ParameterError
        If nothing varies, a parameter is drawn twice, a number is out of range, or a value
        drawn lies outside the bounds that the model declares.
    UnknownNameError
        If the model has no such parameter.
    """
    check_counts("population", n, first)
    require_model(model, "population")
    if mixture is None:
        columns = _drawn(model, variability, covariates, n, seed, first)
        labels: dict[str, Any] = {}
    else:
        columns, names = _mixed(model, variability, covariates, mixture, n, seed, first)
        labels = {"subpopulation": (("member",), names)}
    if not columns:
        raise ParameterError(
            f"{model.name} declares no variability (iiv); give population() variability= or covariates=."
        )
    _check_bounds(model, columns, first)
    labels["member"] = (("member",), np.arange(first, first + n))
    return Ensemble({"member": n}, {k: (("member",), v) for k, v in sorted(columns.items())}, labels)


def _drawn(model: Model, variability: Any, covariates: Any, n: int, seed: int, first: int) -> dict[str, Array]:
    """The columns of a population without subpopulations, by name."""
    known = {s.name: s for s in model.settable}
    values = {k: _typical(s) for k, s in known.items()}
    omegas = {k: s.declaration.iiv for k, s in known.items() if isinstance(s, Parameter) and s.declaration.iiv}
    given, fixed = _joints(variability)
    others, also_fixed = _joints(covariates)
    joints = [*given, *others]
    named = _once(model, joints, fixed | also_fixed, known)
    joints += [_alone(name, lognormal()) for name in omegas if name not in named]
    columns: dict[str, Array] = {}
    for joint in joints:
        settled = joint.settled({k: v for k, v in values.items() if v is not None}, omegas)
        columns |= settled.draw(seed, n, first)
    return columns


def _typical(symbol: Parameter | Given) -> float | None:
    return symbol.value if isinstance(symbol, Parameter) else symbol.default


def _joints(given: Any) -> tuple[list[Joint], set[str]]:
    """What is drawn together, and the names that are said not to vary."""
    if given is None:
        return [], set()
    if isinstance(given, Block | Rows):
        return [given], set()
    if isinstance(given, Mapping):
        return [_alone(k, d) for k, d in given.items() if d is not None], {k for k, d in given.items() if d is None}
    if isinstance(given, Sequence) and not isinstance(given, str):
        parts = [_joints(part) for part in given]
        return [j for joints, _ in parts for j in joints], set().union(*(fixed for _, fixed in parts))
    raise ParameterError(
        f"population() got {given!r}; expected distributions by name, a block(), resampled() rows, or a list of these."
    )


def _alone(name: str, distribution: Any) -> Block:
    return Block({name: as_distribution(name, distribution)}, ((1.0,),))


def _once(model: Model, joints: Iterable[Joint], fixed: set[str], known: Mapping[str, Any]) -> set[str]:
    """The names given, after a refusal of those the model lacks and those drawn twice."""
    named = set(fixed)
    for name in [*fixed, *(name for joint in joints for name in joint.names)]:
        if name not in known:
            raise unknown_name(model.name, "parameter", str(name), known)
    for joint in joints:
        for name in joint.names:
            if name in named:
                raise ParameterError(f"population(): {name!r} is given twice; a parameter is drawn once.")
            named.add(name)
    return named


def _mixed(
    model: Model,
    variability: Any,
    covariates: Any,
    mixture: Mapping[str, Subpopulation],
    n: int,
    seed: int,
    first: int,
) -> tuple[dict[str, Array], NDArray[Any]]:
    """The columns, and the name of each subject's class."""
    classes = _classes(mixture)
    chances = np.cumsum([c.probability for c in mixture.values()])[:-1]
    which = np.searchsorted(chances, uniforms(seed, "<subpopulation>", n, first), side="right")
    variants = [model.using(**c.values) for c in mixture.values()]
    spreads = [variability if c.variability is None else c.variability for c in mixture.values()]
    drawn = [_drawn(m, spread, covariates, n, seed, first) for m, spread in zip(variants, spreads, strict=True)]
    columns = {}
    for name in {k for found in drawn for k in found} | {k for c in mixture.values() for k in c.values}:
        typical = [{s.name: _typical(s) for s in m.settable}[name] for m in variants]
        each = [found.get(name, np.full(n, value)) for found, value in zip(drawn, typical, strict=True)]
        columns[name] = np.stack(each)[which, np.arange(n)]
    return columns, classes[which]


def _classes(mixture: Mapping[str, Subpopulation]) -> NDArray[Any]:
    if not isinstance(mixture, Mapping):
        raise ParameterError(f"mixture is {mixture!r}; expected {{name: subpopulation(probability, ...)}}.")
    for name, found in mixture.items():
        if not isinstance(found, Subpopulation):
            raise ParameterError(f"the subpopulation {name!r} is {found!r}; expected subpopulation(probability, ...).")
    total = math.fsum(c.probability for c in mixture.values())
    if abs(total - 1) > 1e-9:
        raise ParameterError(
            f"the probabilities of the subpopulations {', '.join(mixture)} sum to {total:g}; expected 1."
        )
    return np.array(list(mixture))


def _check_bounds(model: Model, columns: Mapping[str, Array], first: int) -> None:
    for name, values in columns.items():
        low, high = getattr(model[name].declaration, "bounds", (-math.inf, math.inf))
        bad = np.flatnonzero(~((values >= low) & (values <= high)))
        if bad.size:
            raise ParameterError(
                f"population(): {bad.size} of {values.size} values of {name!r} lie outside its bounds {low:g} to "
                f"{high:g}; the first is {values[bad[0]]:g}, of subject {first + bad[0]}. Use truncated(), or another "
                "distribution."
            )
