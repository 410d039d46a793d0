"""How many of a population: a rate with its confidence interval."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from pkpd.errors import DataError, unknown_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["rate"]


def rate(flags: xr.DataArray, dim: str = "member", *, confidence: float = 0.95) -> xr.Dataset:
    """The share of true flags along `dim`, with Wilson's confidence interval.

    Parameters
    ----------
    flags
        True or False (1 or 0); NaN is a member excluded by a declared policy.
    dim
        The dimension to count over.
    confidence
        The interval's coverage, between 0 and 1.

    Returns
    -------
    xarray.Dataset
        ``rate``, ``lower`` and ``upper`` (between 0 and 1), ``positive``, ``n`` (the members
        counted) and ``excluded``, over the other dimensions.  Where nothing is left to
        count, the rate and its interval are NaN.

    Raises
    ------
    UnknownNameError
        If the flags have no such dimension.
    DataError
        If a flag is neither true, false nor NaN, or `confidence` is out of range.

    References
    ----------
    Wilson EB. Probable inference, the law of succession, and statistical inference.
    J Am Stat Assoc 22:209-212 (1927).

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("kosinsky_2018")
    >>> run = pkpd.simulate(model, times=range(31), parameters=pkpd.sample(model, 20, seed=1), outputs=["V"])
    >>> float(rate(pkpd.complete_response(run, "V", below="10 mm^3"))["rate"])
    0.0
    """
    import xarray as xr

    if not isinstance(flags, xr.DataArray):
        raise DataError(f"rate() got a {type(flags).__name__}; expected flags, such as complete_response() returns.")
    if not isinstance(dim, str) or dim not in flags.dims:
        raise unknown_name(f"{flags.name or 'the array of flags'}", "dimension", str(dim), map(str, flags.dims))
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise DataError(f"confidence is {confidence!r}; expected a number between 0 and 1, such as 0.95.")
    known = flags.notnull()
    if not bool(((flags == 0) | (flags == 1) | ~known).all()):
        raise DataError(f"rate() counts flags that are true or false; {flags.name or 'the array'} has other values.")
    positive, n = (flags == 1).sum(dim), known.sum(dim)
    share, lower, upper = xr.apply_ufunc(
        np.vectorize(_wilson, otypes=[float] * 3), positive, n, confidence, output_core_dims=[[], [], []]
    )
    what = flags.attrs.get("long_name", flags.name or "positive")
    about = {
        "rate": {"long_name": f"{what} rate", "units": "1", "ancillary_variables": "lower upper"},
        "lower": {"long_name": f"lower {100 * confidence:g} % confidence limit", "units": "1"},
        "upper": {"long_name": f"upper {100 * confidence:g} % confidence limit", "units": "1"},
        "positive": {"long_name": f"members with {what}", "units": "1"},
        "n": {"long_name": "members counted", "units": "1"},
        "excluded": {"long_name": "members excluded", "units": "1"},
    }
    columns = (share, lower, upper, positive, n, (~known).sum(dim))
    variables = {name: column.assign_attrs(about[name]) for name, column in zip(about, columns, strict=True)}
    counted = xr.Dataset(variables, attrs={"confidence": confidence, "interval": "Wilson"})
    # What was the same for everyone is in the run already, and would hide a rate among parameters.
    return counted.drop_vars([name for name, values in counted.coords.items() if not values.ndim])


def _wilson(positive: int, n: int, confidence: float) -> tuple[float, float, float]:
    from scipy.stats import binomtest

    if n == 0:
        return np.nan, np.nan, np.nan
    interval = binomtest(int(positive), int(n)).proportion_ci(confidence, method="wilson")
    return positive / n, float(interval.low), float(interval.high)
