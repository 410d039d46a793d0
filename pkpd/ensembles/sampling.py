"""Random and quasi-random ensembles from the variability that a model declares."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.streams import check_counts, check_seed, uniforms
from pkpd.errors import ParameterError, unknown_name
from pkpd.symbolic.model import Model, require_model
from pkpd.symbolic.symbols import Parameter

__all__ = ["sample"]


def sample(
    model: Model,
    n: int,
    seed: int,
    *,
    distributions: Mapping[str, Any] | None = None,
    points: Literal["random", "latin", "sobol"] = "random",
    first: int = 0,
) -> Ensemble:
    """Draw an ensemble of `n` members.

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
        Frozen ``scipy.stats`` distributions by parameter, in its unit, instead of or
        besides the declared ones.
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
        If nothing varies, or a number is out of range.
    UnknownNameError
        If the model has no such parameter.
    """
    check_counts("sample", n, first)
    check_seed(seed)
    require_model(model, "sample")
    chosen = _distributions(model, distributions or {})
    uniform = _unit_points(sorted(chosen), n, seed, points, first)
    columns = {name: (("member",), chosen[name].ppf(uniform[name])) for name in sorted(chosen)}
    return Ensemble({"member": n}, columns)


@dataclass(frozen=True)
class _LogNormal:
    """The typical value times exp(eta); unlike scipy's, also of a parameter that is 0 or negative."""

    typical: float
    omega: float

    def ppf(self, quantile: Array) -> Array:
        from scipy.special import ndtri

        return np.asarray(self.typical * np.exp(self.omega * ndtri(quantile)))


def _distributions(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ParameterError(f"distributions is {given!r}; expected {{parameter: a frozen scipy.stats distribution}}.")
    known = {s.name: s for s in model.settable}
    for name, distribution in given.items():
        if name not in known:
            raise unknown_name(model.name, "parameter", name, known)
        if not hasattr(distribution, "ppf"):
            raise ParameterError(
                f"the distribution of {name!r} is {distribution!r}; expected a frozen scipy.stats one."
            )
    declared = {
        s.name: _LogNormal(s.value, s.declaration.iiv)
        for s in model.settable
        if isinstance(s, Parameter) and s.declaration.iiv
    }
    chosen = {**declared, **given}
    if not chosen:
        raise ParameterError(
            f"{model.name} declares no variability (iiv); give distributions={{name: scipy.stats...}}."
        )
    return chosen


def _unit_points(names: list[str], n: int, seed: int, points: str, first: int) -> dict[str, Array]:
    from scipy.stats import qmc

    if points == "random":
        return {name: uniforms(seed, name, n, first) for name in names}
    if points == "sobol":
        engine = qmc.Sobol(len(names), rng=seed)
        if first:
            engine.fast_forward(first)
        with warnings.catch_warnings():  # any n is allowed, balanced (a power of two) or not
            warnings.filterwarnings("ignore", "The balance properties of Sobol", UserWarning)
            cube = engine.random(n)
    elif points == "latin":
        if first:
            raise ParameterError("a Latin hypercube is drawn whole; first= cannot be used with it.")
        cube = qmc.LatinHypercube(len(names), rng=seed).random(n)
    else:
        raise ParameterError(f"points is {points!r}; expected 'random', 'latin' or 'sobol'.")
    return dict(zip(names, np.clip(cube, 1e-12, 1 - 1e-12).T, strict=True))
