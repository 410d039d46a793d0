"""Random and quasi-random ensembles from the variability that a model declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.points import PointKind
from pkpd.ensembles.populations import population
from pkpd.ensembles.streams import check_counts, check_seed
from pkpd.errors import ParameterError
from pkpd.symbolic.model import Model, require_model

__all__ = ["sample"]


def sample(
    model: Model,
    n: int,
    seed: int,
    *,
    distributions: Mapping[str, Any] | None = None,
    points: PointKind = "random",
    first: int = 0,
) -> Ensemble:
    """Draw an ensemble of `n` members: a `population` without labels, correlations and classes.

    Parameters
    ----------
    model
        Its parameters with a declared ``iiv`` (omega) are drawn from the log-normal
        distribution with the declared value as median.
    n
        The number of members.
    seed
        Random points: member i is the same whatever `n`, the chunk it is drawn in, and the
        other parameters drawn.  Sobol points depend on which parameters are drawn, a Latin
        hypercube on `n` too.
    distributions
        Distributions by parameter, in its unit, instead of or besides the declared ones:
        frozen ones of ``scipy.stats``, `lognormal` and the others of this package; None does
        not vary.
    points
        Random, Latin hypercube, or scrambled Sobol points in the unit cube.
    first
        The number of the first member: draws members `first` to ``first + n - 1``.

    Returns
    -------
    Ensemble
        With the one dimension ``member``.

    Raises
    ------
    ParameterError
        If nothing varies, a number is out of range, or a value drawn lies outside the bounds
        that the model declares.
    UnknownNameError
        If the model has no such parameter.

    Examples
    --------
    >>> import pkpd
    >>> len(sample(pkpd.load("durvalumab_baverel_2018"), 100, seed=1))
    100
    """
    check_counts("sample", n, first)
    check_seed(seed)
    require_model(model, "sample")
    if not isinstance(distributions, Mapping | None):
        raise ParameterError(
            f"distributions is {distributions!r}; expected {{parameter: a frozen scipy.stats distribution}}."
        )
    return population(model, n, seed, variability=distributions, points=points, first=first).without_labels()
