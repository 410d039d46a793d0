"""The hazard ratio of two arms in subgroups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Mask
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed
from pkpd.measures.hazard_ratios import MEANINGS, Ties, TwoArms, checked_arms, checked_ties, ratio_of
from pkpd.measures.survival_times import checked_confidence, rows_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["subgroup_hazard_ratios"]


def subgroup_hazard_ratios(
    time: Any,
    event: Any,
    treated: Any,
    subgroups: Mapping[str, Any],
    *,
    ties: Ties = "efron",
    confidence: float = 0.95,
    failed: Failed = "raise",
) -> xr.Dataset:
    """The hazard ratio of two arms overall and in each subgroup: what a forest plot shows.

    Parameters
    ----------
    time, event, treated, ties, confidence, failed
        As for `hazard_ratio`.
    subgroups
        For each factor, such as ``"PD-L1"``, the label of each patient.  A label that is None or
        NaN is in no subgroup of that factor.

    Returns
    -------
    xarray.Dataset
        What `hazard_ratio` returns over ``subgroup``, the first of which is everyone, with the
        coordinates ``factor`` and ``label``; over ``factors`` ``p_heterogeneity``, of the
        chi-squared test that the log hazard ratios of its subgroups are equal.  A subgroup
        with only one arm has NaN.

    Raises
    ------
    DataError
        If arguments do not fit one another.

    References
    ----------
    Cochran WG. Biometrics 10:101-129 (1954): the test of heterogeneity.

    Examples
    --------
    >>> import pkpd
    >>> time, event = [5, 8, 12, 3, 4, 9, 7, 2], [1, 1, 0, 1, 1, 1, 1, 1]
    >>> table = pkpd.subgroup_hazard_ratios(time, event, [1, 1, 1, 0, 0, 0, 1, 0], {"sex": list("fmfmfmmf")})
    >>> table["label"].values.tolist()
    ['all', 'f', 'm']
    """
    import xarray as xr

    if not isinstance(subgroups, Mapping):
        raise DataError(
            f"subgroup_hazard_ratios: subgroups is {subgroups!r}; expected {{factor: label of each patient}}."
        )
    _, *labels = rows_of("subgroup_hazard_ratios", time, *subgroups.values())
    arms = checked_arms("subgroup_hazard_ratios", time, event, treated, None, failed)
    ties = checked_ties("subgroup_hazard_ratios", ties)
    confidence = checked_confidence("subgroup_hazard_ratios", confidence)
    members = [("", "all", np.ones(len(arms.time), dtype=bool))]
    for name, values in zip(subgroups, labels, strict=True):
        members += [(name, label, mine) for label, mine in _by_label(name, values, arms)]
    table = [ratio_of(arms.where(mine), ties, confidence) for _, _, mine in members]
    variables: dict[str, Any] = {
        name: ("subgroup", [row[name] for row in table], {"long_name": meaning, "units": "1"})
        for name, meaning in MEANINGS.items()
    }
    factors = [factor for factor, _, _ in members]
    p = [_heterogeneity([row for row, of in zip(table, factors, strict=True) if of == name]) for name in subgroups]
    variables["p_heterogeneity"] = ("factors", p, {"long_name": "p of heterogeneity (Cochran)", "units": "1"})
    coords = {
        "subgroup": [f"{factor} {label}".strip() for factor, label, _ in members],
        "factor": ("subgroup", factors),
        "label": ("subgroup", [label for _, label, _ in members]),
        "factors": list(subgroups),
    }
    about = {"confidence": confidence, "ties": ties, "excluded": int((~arms.rows).sum())}
    return xr.Dataset(variables, coords, about)


def _by_label(factor: str, values: Any, arms: TwoArms) -> list[tuple[str, Mask]]:
    """The labels of a factor, sorted, and who has each; a pandas category keeps its own order."""
    import pandas as pd

    if np.shape(values) != arms.rows.shape:
        raise DataError(
            f"subgroup_hazard_ratios: {factor!r} has the shape {np.shape(values)}; expected a label for each of the "
            f"{len(arms.rows)} patients."
        )
    labels = pd.Categorical(values)
    codes = labels.codes[arms.rows]
    return [(str(label), codes == code) for code, label in enumerate(labels.categories) if (codes == code).any()]


def _heterogeneity(rows: list[dict[str, float]]) -> float:
    """The p-value of Cochran's Q over the subgroups whose ratio is known; NaN for fewer than two."""
    from scipy.stats import chi2

    known = [(row["log_hazard_ratio"], row["std_error"]) for row in rows if np.isfinite(row["std_error"])]
    if len(known) < 2:
        return float("nan")
    beta, error = np.array(known).T
    mean = np.average(beta, weights=error**-2)
    return float(chi2.sf((((beta - mean) / error) ** 2).sum(), len(known) - 1))
