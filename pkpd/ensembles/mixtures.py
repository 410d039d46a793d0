"""Subpopulations: classes of a mixture, each with typical values and variability of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.correlated import Block
from pkpd.ensembles.inputs import number
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.ensembles.variability import Variability
from pkpd.errors import ParameterError

__all__ = ["Subpopulation", "centered", "check_mixture", "subpopulation"]


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
        Its typical values, where they differ from the model's: as in `simulate`.  Of a parameter that
        varies it is the median, whatever the variability of all classes says.
    variability
        Its variability, where that differs: as in `population`, whose `variability` it
        replaces for this class.

    Raises
    ------
    ParameterError
        If the probability is not between 0 and 1.
    """
    chance = number(probability, "the probability of a subpopulation")
    if not 0 <= chance <= 1:
        raise ParameterError(f"the probability of a subpopulation is {probability!r}; expected 0 to 1.")
    if values is not None and not (isinstance(values, Mapping) and all(isinstance(name, str) for name in values)):
        raise ParameterError(f"the values of a subpopulation are {values!r}; expected {{parameter: value}}.")
    return Subpopulation(chance, dict(values or {}), variability)


def check_mixture(mixture: Any) -> None:
    """Refuse what is no mixture of subpopulations, or one whose probabilities do not sum to 1.

    Raises
    ------
    ParameterError
        With the name of the class, or the sum.
    """
    if not isinstance(mixture, Mapping):
        raise ParameterError(f"mixture is {mixture!r}; expected {{name: subpopulation(probability, ...)}}.")
    for name, share in mixture.items():
        if not isinstance(share, Subpopulation):
            raise ParameterError(f"the subpopulation {name!r} is {share!r}; expected subpopulation(probability, ...).")
    total = math.fsum(c.probability for c in mixture.values())
    if abs(total - 1) > 1e-9:
        raise ParameterError(
            f"the probabilities of the subpopulations {', '.join(map(str, mixture))} sum to {total:g}; expected 1."
        )


def centered(variability: Variability, share: Subpopulation, name: str, values: Mapping[str, Any]) -> Variability:
    """The variability of a class, with its typical values for medians.

    Parameters
    ----------
    values
        Numbers by name; those that the class states count.

    Raises
    ------
    ParameterError
        If the class has a variability of its own, which says another median.
    """
    joints: list[Any] = []
    for joint in variability.parameters:
        if not isinstance(joint, Block):
            joints.append(joint)
            continue
        marginals: dict[str, Any] = dict(joint.marginals)
        for parameter in set(joint.names) & set(share.values):
            marginal, value = marginals[parameter], values[parameter]
            if not isinstance(marginal, TransformedNormal | BoxCox) or marginal.center == value:
                continue
            if share.variability is not None:
                raise ParameterError(
                    f"the subpopulation {name!r} has {parameter!r} = {value:g} by values= and {marginal.center:g} by "
                    "variability=; give one of the two."
                )
            marginals[parameter] = replace(marginal, center=value)
        joints.append(replace(joint, marginals=marginals))
    return replace(variability, parameters=tuple(joints))
