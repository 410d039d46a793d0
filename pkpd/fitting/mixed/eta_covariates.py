"""How the random effects of a fit hang together with the columns of its records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["categories", "covariate", "eta_covariates"]


def covariate(fit: MixedFit, name: str) -> Array:
    """See `MixedFit.covariate`."""
    records = fit.subjects.trajectories.records
    if name not in records.covariates:
        raise unknown_name(records.name, "covariate", name, records.covariates)
    column = records.covariates[name][records.first_rows]
    if column.dtype == object:
        return np.unique(column.astype(str), return_inverse=True)[1].astype(float)
    return np.asarray(column, dtype=float)


def categories(fit: MixedFit, name: str) -> list[str]:
    """See `MixedFit.categories`."""
    records = fit.subjects.trajectories.records
    column = records.covariates[name][records.first_rows]
    return np.unique(column.astype(str)).tolist() if column.dtype == object else []


def eta_covariates(fit: MixedFit) -> pd.DataFrame:
    """See `MixedFit.eta_covariates`."""
    import pandas as pd
    from scipy.stats import pearsonr

    rows = []
    for name in fit.subjects.trajectories.records.covariates:
        values = covariate(fit, name)
        if not np.isfinite(values).all() or len(np.unique(values)) < 2:
            continue
        for i, eta in enumerate(fit.eta_names):
            several = len(categories(fit, name)) > 2
            correlation, p = (_ratio if several else pearsonr)(values, fit.eta[:, i])
            rows.append((eta, name, float(correlation), float(p)))
    table = pd.DataFrame(rows, columns=["eta", "covariate", "correlation", "p"])
    return table.sort_values("p", kind="stable", ignore_index=True)


def _ratio(codes: Array, values: Array) -> tuple[float, float]:
    """The correlation ratio of values in groups, and p of their analysis of variance."""
    from scipy.stats import f_oneway

    groups = [values[codes == code] for code in np.unique(codes)]
    between = sum(len(group) * (group.mean() - values.mean()) ** 2 for group in groups)
    ratio = float(np.sqrt(between / ((values - values.mean()) ** 2).sum()))
    if len(groups) == len(values):
        return ratio, np.nan
    return ratio, float(f_oneway(*groups).pvalue)
