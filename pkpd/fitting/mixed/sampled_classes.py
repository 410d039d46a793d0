"""Importance sampling of a mixture: every class has samples of its own.

The likelihood of a subject is sum_k p_k L_k, each L_k by the points of that class; scores and Louis'
information are those of the classes weighed by the chance that the subject belongs to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.fitting.mixed.classes import Classes, posterior_shares
from pkpd.fitting.mixed.importance import Estimated, Importance, Sample
from pkpd.fitting.mixed.mixing import mixed_gradients
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["AnyImportance", "ClassImportance", "ClassSamples", "importance_of"]


@dataclass(frozen=True, eq=False)
class ClassSamples:
    """A sample for each class."""

    parts: tuple[Sample, ...]


@dataclass(frozen=True, eq=False)
class ClassImportance:
    """Importance sampling of the subjects of a mixture; as `Importance` is without one."""

    subjects: Subjects
    classes: Classes
    wanted: int
    seed: int

    @cached_property
    def alone(self) -> Importance:
        """That of one class; all classes have the same points of the unit cube."""
        return Importance(self.subjects, self.wanted, self.seed)

    @property
    def points(self) -> int:
        return self.alone.points

    @property
    def own(self) -> Index:
        return self.alone.own

    def draw(self, u: Array, mean: Array, covariance: Array) -> ClassSamples:
        """A sample of each class about mean (classes x subjects, q) with covariance (classes x subjects, q, q)."""
        parts = (np.split(a, self.classes.count) for a in (mean, covariance))
        each = zip(self.classes.of(u), *parts, strict=True)
        return ClassSamples(tuple(self.alone.draw(v, own, spread) for v, own, spread in each))

    def evaluate(self, u: Array, sample: ClassSamples) -> Estimated:
        """At u (nu,), by frozen samples."""
        classes, vectors = self.classes, self.classes.of(u)
        weighed = [self.alone.weighed(v, part) for v, part in zip(vectors, sample.parts, strict=True)]
        each, shares = posterior_shares(np.stack([w.each for w in weighed]), classes.log_probabilities(u))
        parts = [
            self.alone.estimated(v, part, w, share)
            for v, part, w, share in zip(vectors, sample.parts, weighed, shares, strict=True)
        ]
        by_class = np.stack([part.score for part in parts])
        score, missing = mixed_gradients(classes, u[None], by_class[None], shares[None])
        information = classes.spread_information(np.stack([part.information for part in parts])) - missing[0]
        first = classes.first_probability
        information[first:, first:] += classes.information(u, self.subjects.count)
        noise = classes.spread_information(np.stack([part.noise for part in parts]))
        variance = (shares**2 * np.stack([w.variance for w in weighed])).sum()
        return Estimated(
            float(each.sum()), each, float(np.sqrt(variance)), np.concatenate([w.size for w in weighed]), score[0],
            information, noise, np.concatenate([part.mean for part in parts]),
            np.concatenate([part.covariance for part in parts]), shares,
        )  # fmt: skip


class AnyImportance(Protocol):
    """Importance sampling with or without a mixture: what it draws is what it evaluates."""

    @property
    def subjects(self) -> Subjects: ...

    @property
    def points(self) -> int: ...

    @property
    def own(self) -> Index: ...

    def draw(self, u: Array, mean: Array, covariance: Array) -> Any: ...

    def evaluate(self, u: Array, sample: Any) -> Estimated: ...


def importance_of(subjects: Subjects, wanted: int, seed: int) -> AnyImportance:
    """Importance sampling of the subjects of a fit, with or without a mixture."""
    if subjects.classes is None:
        return Importance(subjects, wanted, seed)
    return ClassImportance(subjects, subjects.classes, wanted, seed)
