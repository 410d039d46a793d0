"""What varies between the members of a population, and how: one statement to simulate and to estimate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.correlated import Block
from pkpd.ensembles.distributions import as_distribution, lognormal
from pkpd.ensembles.marginals import Distribution
from pkpd.ensembles.resampling import Rows
from pkpd.errors import ParameterError, unknown_name
from pkpd.symbolic.model import Model, require_model
from pkpd.symbolic.symbols import Given, Parameter

__all__ = ["Joint", "Variability", "typical_values"]

Joint = Block | Rows


@dataclass(frozen=True)
class Variability:
    """What varies between members, with every median and spread filled in; frozen.

    Made by `Variability.of` a model; `population` draws from it.

    Attributes
    ----------
    parameters
        The correlated blocks of parameters; a parameter on its own is a block of one.
    covariates
        Blocks of covariates, and rows of a table.
    fixed
        The names that were said not to vary.
    """

    parameters: tuple[Joint, ...]
    covariates: tuple[Joint, ...] = ()
    fixed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, model: Model, variability: Any = None, covariates: Any = None) -> Variability:
        """What varies in a population of `model`; the arguments are those of `population`.

        Raises
        ------
        ParameterError
            If a parameter is drawn twice, a median or a spread is missing, or it is no statement
            of variability.
        UnknownNameError
            If the model has no such parameter.

        Examples
        --------
        >>> import pkpd
        >>> model = pkpd.load("durvalumab_baverel_2018")
        >>> pkpd.Variability.of(model, {"V2": None}).names
        ('CL', 'V1')
        """
        require_model(model, "Variability.of")
        if isinstance(variability, Variability):
            covariates = [*variability.covariates, *([] if covariates is None else [covariates])]
            variability = [*variability.parameters, dict.fromkeys(variability.fixed)]
        known = {s.name: s for s in model.settable}
        values = {name: value for name, value in typical_values(model).items() if value is not None}
        omegas = {k: s.declaration.iiv for k, s in known.items() if isinstance(s, Parameter) and s.declaration.iiv}
        drawn, fixed = _joints(variability)
        others, also_fixed = _joints(covariates)
        named = _once(model, [*drawn, *others], fixed | also_fixed, known)
        drawn += [_alone(name, lognormal()) for name in omegas if name not in named]
        return cls(
            tuple(joint.settled(values, omegas) for joint in drawn),
            tuple(joint.settled(values, omegas) for joint in others),
            frozenset(fixed | also_fixed),
        )

    @property
    def joints(self) -> tuple[Joint, ...]:
        """Parameters and covariates alike."""
        return self.parameters + self.covariates

    @property
    def names(self) -> tuple[str, ...]:
        """All that varies, in the order in which it was stated."""
        return tuple(name for joint in self.joints for name in joint.names)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the random numbers that it needs."""
        return tuple(name for joint in self.joints for name in joint.streams)

    @property
    def distributions(self) -> dict[str, Distribution]:
        """The distribution of each parameter and covariate that has one; rows of a table have none."""
        return {k: d for joint in self.joints if isinstance(joint, Block) for k, d in joint.marginals.items()}

    @property
    def covariance(self) -> Array:
        """The covariance of the parameters' etas, (etas, etas), in the order of `parameters`.

        Raises
        ------
        ParameterError
            If a parameter is normal on no scale, so that it has no eta.
        """
        sizes = [len(joint.names) for joint in self.parameters]
        whole = np.zeros((sum(sizes), sum(sizes)))
        for start, size, joint in zip(np.cumsum([0, *sizes]), sizes, self.parameters, strict=False):
            if not isinstance(joint, Block):
                raise ParameterError(f"{', '.join(joint.names)} have no etas: they are rows of a table.")
            whole[start : start + size, start : start + size] = joint.covariance
        return whole

    def draw(self, uniforms: Mapping[str, Array]) -> dict[str, Array]:
        """A column for each name, from a number between 0 and 1 for each member and stream."""
        return {name: column for joint in self.joints for name, column in joint.draw(uniforms).items()}


def typical_values(model: Model) -> dict[str, float | None]:
    """The model's value of everything that can be set; None where it has none."""
    return {s.name: _typical(s) for s in model.settable}


def _typical(symbol: Parameter | Given) -> float | None:
    return symbol.value if isinstance(symbol, Parameter) else symbol.default


def _joints(statement: Any) -> tuple[list[Joint], set[str]]:
    """What is drawn together, and the names that are said not to vary."""
    if statement is None:
        return [], set()
    if isinstance(statement, Block | Rows):
        return [statement], set()
    if isinstance(statement, Mapping):
        varying: list[Joint] = [
            _alone(name, distribution) for name, distribution in statement.items() if distribution is not None
        ]
        return varying, {name for name, distribution in statement.items() if distribution is None}
    if isinstance(statement, Sequence) and not isinstance(statement, str):
        parts = [_joints(part) for part in statement]
        return [j for joints, _ in parts for j in joints], set().union(*(fixed for _, fixed in parts))
    raise ParameterError(
        f"population() got {statement!r}; expected distributions by name, a block(), resampled() rows, or a list of "
        "these."
    )


def _alone(name: str, distribution: Any) -> Block:
    return Block({name: as_distribution(name, distribution)}, ((1.0,),))


def _once(model: Model, joints: Iterable[Joint], fixed: set[str], known: Mapping[str, Any]) -> set[str]:
    """The names stated, after a refusal of those the model lacks and those drawn twice."""
    joints, named = list(joints), set(fixed)
    for name in [*fixed, *(name for joint in joints for name in joint.names)]:
        if name not in known:
            raise unknown_name(model.name, "parameter", str(name), known)
    for joint in joints:
        for name in joint.names:
            if name in named:
                raise ParameterError(f"population(): {name!r} is given twice; a parameter is drawn once.")
            named.add(name)
    return named
