"""What a mixed-effects fit found, in the words that simulate a population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.correlated import block
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.ensembles.mixtures import Subpopulation, subpopulation
from pkpd.ensembles.variability import Variability
from pkpd.fitting.mixed.natural import natural

if TYPE_CHECKING:
    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["mixture_of", "model_of", "variability_of"]


def _values(fit: MixedFit, of: int) -> dict[str, float]:
    """The numbers of one class by the labels of the population model."""
    population = fit.subjects.population
    return dict(zip(population.labels, natural(population, fit.class_vectors[of]).tolist(), strict=True))


def variability_of(fit: MixedFit, of: int = 0) -> Variability:
    """What varies in a class, with the estimated medians and spreads."""
    values = _values(fit, of)
    joints: list[Any] = []
    for joint in fit.statement.variability.parameters:
        names = [n for n in joint.names if f"omega[{n}]" in values]
        marginals: dict[str, Any] = {}
        for name in names:
            old = fit.statement.variability.distributions[name]
            assert isinstance(old, TransformedNormal | BoxCox)
            center, sd = values[name], values[f"omega[{name}]"]
            if isinstance(old, BoxCox):
                marginals[name] = replace(old, center=center, sd=sd, shape=values[f"shape[{name}]"])
            else:
                marginals[name] = replace(old, center=center, sd=sd)
        pairs = {
            (a, b): values[f"correlation[{a},{b}]"]
            for i, b in enumerate(names)
            for a in names[:i]
            if f"correlation[{a},{b}]" in values
        }
        joints.append(block(marginals, correlations=pairs) if len(names) > 1 else marginals)
    return Variability.of(fit.model, joints)


def mixture_of(fit: MixedFit) -> Mapping[str, Subpopulation] | None:
    """The classes with their estimated probabilities, typical values and variability; None without a mixture."""
    classes = fit.subjects.classes
    if classes is None:
        return None
    probability = np.exp(classes.log_probabilities(fit.u))
    probability = probability / probability.sum()
    first, found = _values(fit, 0), {}
    varying = set(fit.statement.variability.names)
    for k, name in enumerate(classes.names):
        own = _values(fit, k)
        alone = {
            label: own[label] for label in fit.statement.free if label not in varying and own[label] != first[label]
        }
        changed = any(own[label] != first[label] for label in own if label not in alone)
        variability = variability_of(fit, k) if changed else None
        found[name] = subpopulation(float(probability[k]), values=alone, variability=variability)
    return found


def model_of(fit: MixedFit) -> Any:
    """The structural model with the typical values of the first class for defaults."""
    values = _values(fit, 0)
    held = fit.subjects.trajectories.held
    names = {s.name for s in fit.statement.model.settable}
    return fit.statement.model.using(**held, **{k: v for k, v in values.items() if k in names})
