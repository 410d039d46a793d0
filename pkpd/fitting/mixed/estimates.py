"""The table of estimates of a mixed-effects fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array
from pkpd.fitting.mixed.classes import Classes, Numbers
from pkpd.fitting.mixed.covariance import CovarianceKind
from pkpd.fitting.mixed.natural import interval, natural

if TYPE_CHECKING:
    import pandas as pd

    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["estimates_table", "omega_errors"]

CONFIDENCE = 1.959963984540054


def estimates_table(fit: MixedFit) -> pd.DataFrame:
    """A row for each number: see `MixedFit.estimates`."""
    import pandas as pd

    numbers = fit.subjects.numbers
    value = natural(numbers, fit.u)
    se, se_u = _standard_errors(fit)
    bounds = interval(numbers, fit.u, value, se, se_u, CONFIDENCE)
    with np.errstate(all="ignore"):
        rse = 100 * se / np.abs(value)
    table = pd.DataFrame(
        {
            "estimate": value,
            "se": se,
            "rse_percent": rse,
            "ci_low": bounds[:, 0],
            "ci_high": bounds[:, 1],
            "unit": _units(numbers),
            "fixed": ~numbers.free,
            "at_floor": fit.floored,
        },
        index=pd.Index(numbers.labels, name="parameter"),
    )
    helpers = [c.label for c in fit.subjects.population.components if c.random]  # which only carry random effects
    return table.drop(index=helpers)


def _units(numbers: Numbers) -> list[str]:
    if isinstance(numbers, Classes):
        own = _units(numbers.population)
        return [own[i] for i in numbers.source] + ["1"] * (numbers.count - 1)
    return [c.unit for c in numbers.components] + ["1"] * (numbers.nu - len(numbers.components))


def _standard_errors(fit: MixedFit) -> tuple[Array, Array]:
    """Of the estimates as one reads them, and on the scale of the search."""
    kind = fit.options.covariance
    if fit.certainty is None or kind is None:
        nothing = np.full(len(fit.u), np.nan)
        return nothing, nothing
    return (
        np.sqrt(np.diag(fit.certainty.natural(kind))),
        np.sqrt(np.diag(fit.certainty.covariance(kind))),
    )


def omega_errors(fit: MixedFit, kind: CovarianceKind) -> pd.DataFrame:
    """Standard errors of variances and covariances of etas; of a mixture in its first class."""
    import pandas as pd

    population, classes, certainty = fit.subjects.population, fit.subjects.classes, fit.known_certainty()
    own = np.arange(population.nu) if classes is None else classes.select[0]
    slopes = population.omega_slopes(fit.class_vectors[0, population.nb :])
    places = own[population.nb :]
    covariance = certainty.covariance(kind)[np.ix_(places, places)]
    known = np.isfinite(np.diag(covariance))
    variance = np.einsum("oab,op,pab->ab", slopes[known], covariance[np.ix_(known, known)], slopes[known])
    se = np.where(variance > 0, np.sqrt(variance), np.nan)
    return pd.DataFrame(se, index=list(fit.eta_names), columns=list(fit.eta_names))
