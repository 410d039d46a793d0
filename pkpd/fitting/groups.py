"""The parts of an objective: observations with one likelihood, and what is known of the sum at points."""

from __future__ import annotations

from dataclasses import dataclass

from pkpd.arrays import Array, Index
from pkpd.fitting.likelihoods import Likelihood

__all__ = ["Expansion", "Group"]


@dataclass(frozen=True, eq=False)
class Group:
    """The observations of one output and their likelihood.

    Attributes
    ----------
    rows
        (observations,): where they stand in the data.
    sources
        (observations, c): the rows of the predictor whose predictions each depends on.
    numbers
        The coordinates that are the numbers of the error model.
    """

    output: str
    likelihood: Likelihood
    rows: Index
    sources: Index
    numbers: Index


@dataclass(frozen=True, eq=False)
class Expansion:
    """The log-posterior at points with its slopes and information.

    Attributes
    ----------
    value
        (points,): -inf where a trajectory fails.
    gradient
        (points, coordinates).
    information
        (points, coordinates, coordinates): what stands for minus the second derivatives.
    """

    value: Array
    gradient: Array
    information: Array
