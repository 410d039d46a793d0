"""A fit continued from where it ended."""

from __future__ import annotations

from pkpd.errors import FitError
from pkpd.fitting.optimum import fit_of
from pkpd.fitting.results import Fit
from pkpd.fitting.search import minimize
from pkpd.fitting.start_checks import check_start

__all__ = ["refit"]


def refit(fit: Fit, *, optimizer: str | None = None, max_evaluations: int = 1000) -> Fit:
    """Search on from the estimates of a fit: one that did not converge, was interrupted, or was read from a file.

    Parameters
    ----------
    fit
        From `pkpd.fit` or `pkpd.read_fit`.
    optimizer, max_evaluations
        As for `pkpd.fit`.

    Raises
    ------
    FitError
        If `fit` is no fit, or the model cannot be solved at its estimates.

    Examples
    --------
    ``pkpd.refit(pkpd.read_fit("fit.json"), max_evaluations=5000)``
    """
    if not isinstance(fit, Fit):
        raise FitError(f"refit() got {fit!r}; expected what fit() or read_fit() returns.")
    if not isinstance(max_evaluations, int) or max_evaluations < 1:
        raise FitError(f"refit: max_evaluations is {max_evaluations!r}; expected a whole number of 1 or more.")
    objective = fit.objective
    check_start(objective, fit.x)
    relative = fit.sd_is == "relative"
    optimum = minimize(objective, fit.x, optimizer=optimizer, limit=max_evaluations, scale_covariance=relative)
    return fit_of(objective, optimum, fit.sd_is)
