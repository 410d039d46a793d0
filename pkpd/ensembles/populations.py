"""Virtual populations: members that differ as patients do, drawn by number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.mixtures import Subpopulation, centered, check_mixture
from pkpd.ensembles.points import PointKind, Points
from pkpd.ensembles.streams import check_counts
from pkpd.ensembles.variability import Variability, typical_values
from pkpd.errors import ParameterError
from pkpd.symbolic.model import Model, require_model

__all__ = ["population"]

_AT_ONCE = 2**20  # a larger population is a rule, drawn part by part
_CLASS = "<subpopulation>"


def population(
    model: Model,
    n: int,
    seed: int,
    *,
    variability: Any = None,
    covariates: Any = None,
    mixture: Mapping[str, Subpopulation] | None = None,
    points: PointKind = "random",
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
        does not vary, against its declared ``iiv``); a `block` of correlated parameters; a
        list of these; or a `Variability`.  What a distribution leaves out is taken from the
        model.
    covariates
        In the same forms, or `resampled` rows of a table.
    mixture
        Subpopulations by name; their probabilities sum to 1.  A subject's class is the
        label ``subpopulation``, which the result of `simulate` carries as a coordinate.
    points
        Random points of the unit cube, or scrambled Sobol points or a Latin hypercube, which
        cover it more evenly.  Sobol points depend on which parameters are drawn, a Latin
        hypercube on `n` too.
    first
        The number of the first subject: draws subjects `first` to ``first + n - 1``.

    Returns
    -------
    Ensemble
        Over ``member``, labelled with each subject's number.  More than a million subjects
        are drawn when asked for: part by part with ``.slice(start, stop)``.  A parameter that
        changes from occasion to occasion within a subject is several parameters: see
        `by_occasion`.

    Raises
    ------
    ParameterError
        If nothing varies, a parameter is drawn twice, a number is out of range, or a value
        drawn lies outside the bounds that the model declares.
    UnknownNameError
        If the model has no such parameter.

    Examples
    --------
    >>> import pkpd
    >>> population(pkpd.load("pk_1cmt"), 50, seed=1, variability={"CL": pkpd.lognormal(cv=0.3)})
    <Ensemble of 50 (member: 50) over CL>
    """
    check_counts("population", n, first)
    require_model(model, "population")
    classes = _classes(model, variability, covariates, mixture)
    names = tuple(sorted({name for c in classes for name in (*c.variability.names, *c.values)}))
    if not names:
        raise ParameterError(
            f"{model.name} declares no variability (iiv); say what varies, as {{'CL': lognormal(cv=0.3)}}."
        )
    streams = {name for c in classes for name in c.variability.streams} | ({_CLASS} if mixture is not None else set())
    drawing = Drawing(
        names,
        classes,
        Points(points, seed, tuple(sorted(streams)), n, first),
        _bounds(model, names),
        mixture is not None,
    )
    people = Ensemble({"member": n}, sources=(drawing,))
    return people.whole() if n <= _AT_ONCE else people


@dataclass(frozen=True)
class Stratum:
    """One class of a mixture, or all members: its chance, what varies, and what is set, with typical values."""

    name: str
    chance: float
    variability: Variability
    values: tuple[str, ...]
    typical: Mapping[str, float | None]

    def columns(self, names: tuple[str, ...], uniforms: Mapping[str, Array], n: int) -> dict[str, Array]:
        """A column for each name: drawn, or the typical value throughout."""
        drawn = self.variability.draw(uniforms)
        return {name: drawn[name] if name in drawn else np.full(n, self._typical(name)) for name in names}

    def _typical(self, name: str) -> float:
        value = self.typical[name]
        if value is None:
            raise ParameterError(
                f"population(): {name!r} varies in another subpopulation, and {self.name!r} has no value of it; "
                f"give subpopulation(..., values={{{name!r}: ...}})."
            )
        return value


@dataclass(frozen=True)
class Drawing:
    """The rule from a subject's position to the parameters: a source of an `Ensemble`."""

    names: tuple[str, ...]
    classes: tuple[Stratum, ...]
    points: Points
    bounds: Mapping[str, tuple[float, float]]
    labelled: bool  # whether a subject is labelled with its class

    @property
    def label_names(self) -> tuple[str, ...]:
        return ("subpopulation", "member") if self.labelled else ("member",)

    @property
    def size(self) -> int:
        return self.points.size

    def draw(self, positions: Index) -> tuple[dict[str, Array], dict[str, NDArray[Any]]]:
        """Columns and labels of the subjects at these positions, of which 0 is the first."""
        uniforms = self.points.at(positions)
        each = [c.columns(self.names, uniforms, len(positions)) for c in self.classes]
        labels: dict[str, NDArray[Any]] = {"member": positions + self.points.first}
        if not self.labelled:
            columns = each[0]
        else:
            chances = np.cumsum([c.chance for c in self.classes])[:-1]
            which = np.searchsorted(chances, uniforms[_CLASS], side="right")
            every = np.arange(len(positions))
            columns = {name: np.stack([own[name] for own in each])[which, every] for name in self.names}
            labels["subpopulation"] = np.array([c.name for c in self.classes])[which]
        self._check_bounds(columns, labels["member"])
        return columns, labels

    def _check_bounds(self, columns: Mapping[str, Array], subjects: Index) -> None:
        for name, values in columns.items():
            low, high = self.bounds[name]
            bad = np.flatnonzero(~((values >= low) & (values <= high)))
            if bad.size:
                raise ParameterError(
                    f"population(): {bad.size} of {values.size} values of {name!r} lie outside its bounds {low:g} to "
                    f"{high:g}; the first is {values[bad[0]]:g}, of subject {subjects[bad[0]]}. Use truncated(), or "
                    "another distribution."
                )


def _classes(model: Model, variability: Any, covariates: Any, mixture: Any) -> tuple[Stratum, ...]:
    if mixture is None:
        return (Stratum("", 1.0, Variability.of(model, variability, covariates), (), typical_values(model)),)
    check_mixture(mixture)
    classes = []
    for name, share in mixture.items():
        variant = model.using(**share.values)
        stated = variability if share.variability is None else share.variability
        typical = typical_values(variant)
        settled = centered(Variability.of(variant, stated, covariates), share, str(name), typical)
        classes.append(Stratum(str(name), share.probability, settled, tuple(share.values), typical))
    return tuple(classes)


def _bounds(model: Model, names: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    return {name: getattr(model[name].declaration, "bounds", (-math.inf, math.inf)) for name in names}
