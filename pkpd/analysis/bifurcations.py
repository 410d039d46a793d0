"""Equilibria of a model over one parameter: bifurcations and hysteresis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.analysis.branches import Branch, follow_all, stable_course
from pkpd.analysis.vector_fields import VectorField, vector_field
from pkpd.arrays import Array
from pkpd.ensembles.inputs import number
from pkpd.errors import DataError, unknown_name
from pkpd.prepared.parameters import known_parameters
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["bifurcation"]

End = Literal["lowest", "highest"]


def bifurcation(
    model: Model,
    parameter: str,
    between: tuple[float, float],
    ranges: Mapping[str, tuple[float, float]],
    *,
    points: int = 101,
    log: bool = False,
    parameters: Mapping[str, Any] | None = None,
    held: Mapping[str, float] | None = None,
    starts: int = 5,
    seeds: int = 7,
    up_from: End = "lowest",
    down_from: End = "lowest",
) -> xr.Dataset:
    """The equilibria of a model over a parameter, their stability, folds, and hysteresis.

    Equilibria are searched for at the ends and at some values between, and followed from each in small
    steps of the parameter (natural continuation), with the exact Jacobian.

    Parameters
    ----------
    model
        A closed model whose rates do not depend on time; no doses are given.
    parameter, between
        What is changed, from which value to which.
    ranges
        The states that move, each with the range in which equilibria are of interest.
    points
        Values of the parameter.
    log
        Whether these are spaced by a factor.
    parameters, held
        As for `phase_plane`.
    starts
        Values of each state from which equilibria are searched for.
    seeds
        Values of the parameter at which they are.
    up_from, down_from
        Where an end of the parameter has several stable equilibria, whether the way up (or down)
        begins at the one with the ``"lowest"`` or the ``"highest"`` value of the first state.

    Returns
    -------
    xarray.Dataset
        Over ``branch`` and the parameter: each state, NaN where a branch has ended; ``stable``, and
        ``leading``, the largest real part of the eigenvalues.  Over the parameter ``up_X`` and ``down_X`` of
        each state X: where the model stands while the parameter rises or falls slowly; ``hysteresis``
        where these differ; and ``stable_equilibria``, their number.  Over ``fold``: ``fold_value`` and
        ``fold_X``, solved for.

    Raises
    ------
    ModelError, ParameterError, UnknownNameError, DataError
        If the model depends on time or is not closed, or a name, range or value is not acceptable.

    Notes
    -----
    Kuznetsov YA, Elements of Applied Bifurcation Theory, Springer (2004), ch. 10.  Periodic orbits are not
    followed: where every equilibrium is unstable, ``up`` and ``down`` are NaN.

    Examples
    --------
    >>> import pkpd
    >>> growth = pkpd.load("kuznetsov_1994")
    >>> table = pkpd.bifurcation(growth, "s", (1000, 30000), {"T": (0, 6e8), "E": (0, 4e6)}, points=15, seeds=3)
    >>> "hysteresis" in table
    True
    """
    field = vector_field("bifurcation", model, ranges, parameters, held)
    values = _values(model, parameter, between, points, log)
    for what, count in (("starts", starts), ("seeds", seeds)):
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or not 2 <= count <= 1000:
            raise DataError(f"bifurcation(): {what} is {count!r}; expected a whole number from 2 to 1000.")
    branches = follow_all(field, parameter, values, starts, seeds)
    for what, end in (("up_from", up_from), ("down_from", down_from)):
        if end not in ("lowest", "highest"):
            raise DataError(f"bifurcation(): {what} is {end!r}; expected 'lowest' or 'highest'.")
    courses = {
        "up": stable_course(field, parameter, values, branches, up=True, highest=up_from == "highest"),
        "down": stable_course(field, parameter, values, branches, up=False, highest=down_from == "highest"),
    }
    return _labelled(field, parameter, values, branches, courses)


def _values(model: Model, parameter: str, between: Any, points: Any, log: bool) -> Array:
    known = [s.name for s in model.settable]
    if parameter not in known:
        raise unknown_name(model.name, "parameter", str(parameter), known)
    if not isinstance(between, tuple | list) or len(between) != 2:
        raise DataError(f"bifurcation(): between is {between!r}; expected the two ends of {parameter!r}.")
    low, high = (number(end, f"an end of {parameter!r}") for end in between)
    if not low < high or (log and low <= 0):
        raise DataError(f"bifurcation(): {parameter!r} goes from {low:g} to {high:g}; expected rising values.")
    if not isinstance(points, int | np.integer) or not 3 <= points <= 100_000:
        raise DataError(f"bifurcation(): points is {points!r}; expected a whole number from 3 to 100,000.")
    for end in (low, high):
        known_parameters(model, ()).values({parameter: end})  # refuses what lies outside declared bounds
    return np.geomspace(low, high, points) if log else np.linspace(low, high, points)


def _labelled(
    field: VectorField, parameter: str, values: Array, branches: list[Branch], courses: dict[str, Array]
) -> xr.Dataset:
    import xarray as xr

    model = field.model
    table = np.full((len(branches), len(values), len(field.names)), np.nan)
    leading = np.full(table.shape[:2], np.nan)
    stable = np.zeros(table.shape[:2], dtype=bool)
    for i, branch in enumerate(branches):
        for k, point in branch.points.items():
            table[i, k], leading[i, k], stable[i, k] = point.at, point.leading, point.stable
    folds = _folds(field, branches)
    apart = np.abs((courses["up"] - courses["down"]) / field.span).max(axis=1) > 1e-6
    variables: dict[str, Any] = {
        "stable": (("branch", parameter), stable, {"long_name": "whether all eigenvalues have negative real parts"}),
        "leading": (
            ("branch", parameter), leading,
            {"units": f"1/{model.time}", "long_name": "largest real part of the eigenvalues"},
        ),
        "stable_equilibria": (parameter, stable.sum(axis=0), {"long_name": "number of stable equilibria"}),
        "hysteresis": (parameter, apart, {"long_name": "whether the state depends on the way"}),
        "fold_value": ("fold", folds[:, 0], {"units": model.units[parameter], "long_name": model.meaning(parameter)}),
    }  # fmt: skip
    for i, name in enumerate(field.names):
        about = {"units": model.units[name], "long_name": model.meaning(name)}
        variables[name] = (("branch", parameter), table[..., i], about)
        variables[f"fold_{name}"] = ("fold", folds[:, 1 + i], about)
        for way, course in courses.items():
            variables[f"{way}_{name}"] = (parameter, course[:, i], about)
    about = {"units": model.units[parameter], "long_name": model.meaning(parameter)}
    attrs = {"model": model.name, "model_hash": model.hash, "parameter": parameter, "states": list(field.names)}
    return xr.Dataset(variables, {parameter: (parameter, values, about)}, attrs)


def _folds(field: VectorField, branches: list[Branch]) -> Array:
    """(folds, 1 + states): each once, though two branches end at it, in order of the parameter."""
    unique: list[tuple[float, Array]] = []
    for fold in (fold for branch in branches for fold in branch.folds):
        if not any(
            np.isclose(fold.value, v, rtol=1e-6, atol=0) and field.distance(fold.at, a) < 1e-3 for v, a in unique
        ):
            unique.append((fold.value, fold.at))
    rows = sorted((value, *at) for value, at in unique)
    return np.array(rows).reshape(-1, 1 + len(field.names))
