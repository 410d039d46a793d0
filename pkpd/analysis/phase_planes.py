"""Two states of a model against each other: the field, and where it vanishes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.analysis.vector_fields import VectorField, vector_field
from pkpd.errors import DataError
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["phase_plane"]


def phase_plane(
    model: Model,
    ranges: Mapping[str, tuple[float, float]],
    *,
    parameters: Mapping[str, Any] | None = None,
    held: Mapping[str, float] | None = None,
    points: int = 60,
    starts: int = 8,
) -> xr.Dataset:
    """The rates of two states over a plane, and the equilibria in it with their stability.

    Parameters
    ----------
    model
        A closed model whose rates do not depend on time; no doses are given.
    ranges
        The two states and the range of each, ``{"T": (0, 5e8), "E": (0, 3e6)}``; the first is horizontal.
    parameters
        What differs from the model's defaults, one value each.
    held
        The values at which the other states stay; by default where they start.
    points
        Of the plane along each state.
    starts
        Values of each state from which equilibria are searched for, evenly spaced and, from 0 up, spaced by a
        factor too.

    Returns
    -------
    xarray.Dataset
        ``rate_X`` and ``rate_Y`` over the two states, whose zeros are the nullclines; over ``equilibrium`` the
        value of each state (``equilibrium_X``), ``kind`` in words, ``stable``, and the ``real`` and
        ``imaginary`` parts of the eigenvalues of the exact Jacobian of the two rates.

    Raises
    ------
    ModelError, ParameterError, UnknownNameError, DataError
        If the model depends on time or is not closed, or a name or range is not acceptable.

    Notes
    -----
    An equilibrium of the plane is one of the model only where the held states stand still too.  The search
    may miss one whose basin has no start; more `starts` help.

    Examples
    --------
    >>> import pkpd
    >>> plane = pkpd.phase_plane(pkpd.load("kuznetsov_1994"), {"T": (0, 6e8), "E": (0, 4e6)}, points=20)
    >>> plane["kind"].values.tolist()
    ['saddle', 'stable focus', 'saddle', 'stable node']
    """
    if not isinstance(ranges, Mapping) or len(ranges) != 2:
        raise DataError(f"phase_plane() got the ranges {ranges!r}; expected two states with a range each.")
    _check_counts(points, starts)
    field = vector_field("phase_plane", model, ranges, parameters, held)
    return _labelled(field, points, starts)


def _check_counts(points: Any, starts: Any) -> None:
    for what, count in (("points", points), ("starts", starts)):
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or not 2 <= count <= 10_000:
            raise DataError(f"phase_plane(): {what} is {count!r}; expected a whole number from 2 to 10,000.")


def _labelled(field: VectorField, points: int, starts: int) -> xr.Dataset:
    import xarray as xr

    model, (x, y) = field.model, field.names
    axes = [np.linspace(low, high, points) for low, high in zip(field.low, field.high, strict=True)]
    across = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")])
    rates = field.rates(across).reshape(2, points, points)
    equilibria = field.equilibria(starts)
    eigenvalues = np.array([e.eigenvalues for e in equilibria], dtype=complex).reshape(-1, 2)
    per_time = {name: f"{model.units[name]}/{model.time}" for name in (x, y)}
    variables: dict[str, Any] = {
        f"rate_{name}": ((x, y), rates[i], {"units": per_time[name], "long_name": f"rate of {model.meaning(name)}"})
        for i, name in enumerate((x, y))
    }
    for i, name in enumerate((x, y)):
        about = {"units": model.units[name], "long_name": model.meaning(name)}
        variables[f"equilibrium_{name}"] = ("equilibrium", np.array([e.at[i] for e in equilibria]), about)
    variables["kind"] = ("equilibrium", np.array([e.kind for e in equilibria], dtype=str))
    variables["stable"] = ("equilibrium", np.array([e.stable for e in equilibria], dtype=bool))
    for part, numbers in (("real", eigenvalues.real), ("imaginary", eigenvalues.imag)):
        about = {"units": f"1/{model.time}", "long_name": f"{part} part of the eigenvalues"}
        variables[part] = (("equilibrium", "eigenvalue"), numbers, about)
    coords: dict[str, Any] = {
        name: (name, axis, {"units": model.units[name], "long_name": model.meaning(name)})
        for name, axis in zip((x, y), axes, strict=True)
    }
    states = [s.name for s in model.states]
    others = {f"held_{s}": float(field.held[i, 0]) for i, s in enumerate(states) if s not in (x, y)}
    return xr.Dataset(variables, coords, {"model": model.name, "model_hash": model.hash, "x": x, "y": y, **others})
