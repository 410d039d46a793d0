"""Rates of response and disease control, with exact intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Mask
from pkpd.errors import DataError, unknown_name
from pkpd.measures.response_codes import CR, ICPD, NON, PD, PR, SD

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["response_rates"]


def response_rates(assessment: xr.Dataset, *, by: ArrayLike | None = None, level: float = 0.95) -> pd.DataFrame:
    """Rates of response with exact (Clopper-Pearson) intervals.

    Parameters
    ----------
    assessment
        As from `recist` or `irecist`.
    by
        (patients,): a group of each patient, such as a stratum of PD-L1; all together by default.
    level
        The coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a rate, or a group and a rate: ``patients`` and ``events`` (counts), ``rate``, and
        the limits ``low`` and ``high``.  The rates are ``CR``; ``ORR``, CR or PR as the best
        response; ``DCR``, SD or non-CR/non-PD too; by iRECIST also ``pseudoprogression``, and
        ``pseudoprogression of iUPD``, among patients with an iUPD.  Patients that were not
        evaluable count among the patients.

    Raises
    ------
    DataError
        If `by` has not one group for each patient, or `level` is not between 0 and 1.
    UnknownNameError
        If there is no ``best_response``.

    References
    ----------
    Clopper, Pearson, Biometrika 26:404-413 (1934).

    Examples
    --------
    >>> import numpy as np, pkpd
    >>> sizes = np.array([[50, 30, 28], [50, 48, 49], [50, 65, 70]], dtype=float)
    >>> rates = pkpd.response_rates(pkpd.recist(pkpd.collect_scans([0, 42, 84], sizes[:, :, None], [1])))
    >>> rates.loc["ORR", ["events", "rate", "low", "high"]].round(3).tolist()
    [1.0, 0.333, 0.008, 0.906]
    """
    import pandas as pd

    if "best_response" not in getattr(assessment, "data_vars", {}):
        raise unknown_name(
            "the assessment", "variable", "best_response", map(str, getattr(assessment, "data_vars", ()))
        )
    if not 0 < level < 1:
        raise DataError(f"response_rates(): level is {level!r}; expected a probability between 0 and 1.")
    best = assessment["best_response"].to_numpy()
    if by is None:
        return pd.DataFrame(_rates(assessment, np.ones(best.shape, dtype=bool), level)).set_index("measure")
    groups = np.asarray(by)
    if groups.shape != best.shape:
        raise DataError(
            f"response_rates(): by has the shape {groups.shape}; expected a group for {best.size} patients."
        )
    names = list(dict.fromkeys(groups.tolist()))
    nameless = [at for at, name in enumerate(groups.tolist()) if name is None or name != name]
    if nameless:
        raise DataError(
            f"response_rates(): by is {groups[nameless[0]]!r} for patient {nameless[0]} (so for {len(nameless)} of "
            f"{best.size}); expected a group for each, such as 'unknown'."
        )
    rows = [{"group": name, **row} for name in names for row in _rates(assessment, groups == name, level)]
    return pd.DataFrame(rows).set_index(["group", "measure"])


def _rates(assessment: xr.Dataset, who: Mask, level: float) -> list[dict[str, Any]]:
    best = assessment["best_response"].to_numpy()
    measures = {"CR": [CR], "ORR": [CR, PR], "DCR": [CR, PR, SD, NON]}
    rows = [_row(name, np.isin(best, codes)[who], level) for name, codes in measures.items()]
    if "pseudoprogression" in assessment:
        pseudo = assessment["pseudoprogression"].to_numpy()
        progressed = np.isin(assessment["response"].to_numpy(), [PD, ICPD]).any(axis=1)
        rows.append(_row("pseudoprogression", pseudo[who], level))
        rows.append(_row("pseudoprogression of iUPD", pseudo[who & progressed], level))
    return rows


def _row(name: str, events: Mask, level: float) -> dict[str, Any]:
    """The count, the rate and its interval; NaN where there is nobody."""
    from scipy.stats import binomtest

    count, patients = int(events.sum()), len(events)
    low = high = rate = float("nan")
    if patients:
        rate, interval = count / patients, binomtest(count, patients).proportion_ci(level, method="exact")
        low, high = float(interval.low), float(interval.high)
    return {"measure": name, "patients": patients, "events": count, "rate": rate, "low": low, "high": high}
