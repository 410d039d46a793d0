"""Codes of responses and what they mean, after the CF conventions for flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CR", "ICPD", "NE", "NED", "NON", "NOT_ASSESSED", "PD", "PR", "SD", "code_names", "flag_attrs", "immune_attrs",
    "response_attrs", "response_names",
]  # fmt: skip

NOT_ASSESSED, NE, CR, PR, SD, PD, NON, NED, ICPD = -1, 0, 1, 2, 3, 4, 5, 6, 7
# NON is non-CR/non-PD of patients without a target lesion, NED no evidence of disease at baseline
# or later.  iUPD has the code of PD, so that one table serves both criteria.
RECIST = ("not_assessed", "NE", "CR", "PR", "SD", "PD", "non-CR/non-PD", "NED")
IRECIST = ("not_assessed", "NE", "iCR", "iPR", "iSD", "iUPD", "non-iCR/non-iUPD", "NED", "iCPD")


def response_attrs(long_name: str) -> dict[str, Any]:
    """Attributes of a variable of RECIST responses."""
    return flag_attrs(long_name, RECIST, -1)


def immune_attrs(long_name: str) -> dict[str, Any]:
    """Attributes of a variable of iRECIST responses."""
    return flag_attrs(long_name, IRECIST, -1)


def flag_attrs(long_name: str, meanings: tuple[str, ...], first: int = 0) -> dict[str, Any]:
    """Attributes of a variable of codes that count up from `first`."""
    values = np.arange(first, first + len(meanings), dtype=np.int8)
    return {"long_name": long_name, "units": "1", "flag_values": values, "flag_meanings": " ".join(meanings)}


def code_names(codes: xr.DataArray) -> dict[int, str]:
    """The name of each code that a variable may have.

    Raises
    ------
    DataError
        If the variable does not say what its codes mean.
    """
    if not {"flag_values", "flag_meanings"} <= set(getattr(codes, "attrs", {})):
        raise DataError(
            f"{getattr(codes, 'name', codes)!r} has no codes of responses; expected a variable of recist()."
        )
    values = np.atleast_1d(codes.attrs["flag_values"]).tolist()
    return dict(zip(values, str(codes.attrs["flag_meanings"]).split(), strict=True))


def response_names(codes: xr.DataArray) -> xr.DataArray:
    """The names of responses in place of their codes: ``CR``, ``PR``, ``SD``, ``PD``, ``NE``, ...

    Parameters
    ----------
    codes
        A variable of an assessment by `recist` or `irecist`, such as ``response``.

    Raises
    ------
    DataError
        If the variable does not say what its codes mean.

    Examples
    --------
    >>> import pkpd
    >>> scans = pkpd.collect_scans([0, 42], [[[40], [20]]], [[1]])
    >>> pkpd.response_names(pkpd.recist(scans).response).to_numpy().tolist()
    [['not_assessed', 'PR']]
    """
    names = code_names(codes)
    table = np.array([names.get(code, "") for code in range(min(names), max(names) + 1)])
    return codes.copy(data=table[codes.to_numpy().astype(np.int64) - min(names)]).assign_attrs(
        long_name=codes.attrs.get("long_name", "response")
    )
