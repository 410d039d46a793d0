"""What a mixed-effects fit says of single subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Mask

if TYPE_CHECKING:
    import xarray as xr

    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["individuals", "scaled_etas", "shrinkage"]


def individuals(fit: MixedFit) -> xr.Dataset:
    """By subject parameters, etas and objective: see `MixedFit.individuals`."""
    import xarray as xr

    population = fit.subjects.population
    psi = population.psi(fit.subjects.phi(fit.u, fit.eta[None], fit.class_of))[0]
    variables: dict[str, Any] = {}
    for i, c in enumerate(population.components):
        if (c.parameter is not None or i in population.random) and not c.label.startswith("shape["):
            meaning = f"{c.label} of the subject, at the mode of its random effects"
            variables[c.label] = ("subject", psi[:, i], {"units": c.unit, "long_name": meaning})
    for name, column in _box_cox(fit, psi).items():
        _, _, about = variables[name]
        variables[name] = ("subject", column, about)
    for i, name in enumerate(fit.eta_names):
        about = {"units": "1", "long_name": f"random effect on {name}"}
        variables[f"eta[{name}]"] = ("subject", fit.eta[:, i], about)
        sd = np.sqrt(fit.eta_covariance[:, i, i])
        variables[f"eta_sd[{name}]"] = ("subject", sd, about | {"long_name": f"standard deviation of eta[{name}]"})
    variables["objective"] = ("subject", fit.each, {"units": "1", "long_name": "contribution to the objective"})
    variables |= _of_classes(fit)
    return xr.Dataset(variables, {"subject": ("subject", list(fit.subjects.names))})


def _of_classes(fit: MixedFit) -> dict[str, Any]:
    """Of a mixture the chance of each class, and the most probable one."""
    classes = fit.subjects.classes
    if classes is None or fit.shares is None:
        return {}
    meaning = "most probable subpopulation given the observations"
    names = np.array(classes.names)
    variables: dict[str, Any] = {"subpopulation": ("subject", names[fit.class_of], {"long_name": meaning})}
    for name, share in zip(classes.names, fit.shares, strict=True):
        about = {"units": "1", "long_name": f"probability of {name} given the observations"}
        variables[f"probability[{name}]"] = ("subject", share, about)
    return variables


def _box_cox(fit: MixedFit, psi: Array) -> dict[str, Array]:
    """The values of parameters that are drawn by `boxcox`, of psi (subjects, components)."""
    components = fit.subjects.population.components
    labels = [c.label for c in components]
    values = {}
    for i, c in enumerate(components):
        if c.random and f"shape[{c.random}]" in labels:
            shape = psi[:, labels.index(f"shape[{c.random}]")]
            values[c.random] = psi[:, labels.index(c.random)] * np.exp((psi[:, i] ** shape - 1) / shape)
    return values


def scaled_etas(fit: MixedFit) -> Array:
    """The etas over their standard deviations, those of the subject's class, (subjects, q)."""
    sd = np.sqrt(np.diagonal(fit.omegas, axis1=-2, axis2=-1))
    return np.asarray(fit.eta / sd[fit.class_of])


def shrinkage(fit: MixedFit) -> dict[str, float]:
    """Of etas and of epsilon: see `MixedFit.shrinkage`."""
    scaled, had = scaled_etas(fit), _informed(fit)
    found = {f"eta[{name}]": _shrunk(scaled[had[:, i], i]) for i, name in enumerate(fit.eta_names)}
    seen = fit.subjects.observations
    channels = fit.subjects.channels(fit.subjects.phi(fit.u, fit.eta[None], fit.class_of))
    flat = seen.standardized(channels).reshape(-1)
    return found | {f"epsilon[{e.output}]": _shrunk(flat[e.places][e.observed.censored == 0]) for e in seen.endpoints}


def _shrunk(scaled: Array) -> float:
    return float(1 - scaled.std(ddof=1)) if len(scaled) > 1 else np.nan


def _informed(fit: MixedFit) -> Mask:
    """(subjects, q): the occasions that a subject has; other etas are of everyone."""
    informed = np.ones(fit.eta.shape, dtype=bool)
    records = fit.subjects.trajectories.records
    for i, name in enumerate(fit.eta_names):
        _, found, kind = name.rpartition("_occasion_")
        column = f"occasion_{kind}"
        if found and column in records.covariates:
            informed[:, i] = np.maximum.reduceat(records[column], records.first_rows) > 0
    return informed
