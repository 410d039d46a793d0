"""How the likelihood falls on either side of an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.panels import each_page, panel_title, sheet
from pkpd.figures.scales import plain_log
from pkpd.figures.style import BLACK, BLUE, GRAY, PALE, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.arrays import Array
    from pkpd.fitting.profiles import Profile, Profiles

__all__ = ["likelihood_profiles"]


def likelihood_profiles(profiles: Profiles) -> list[Figure]:
    """Twice the fall of the log-likelihood along each parameter, the others at their best.

    A dashed line is the threshold, a gray band the interval that it cuts out, a vertical line the
    estimate.  A panel says where the data do not bound a side.

    Parameters
    ----------
    profiles
        From `pkpd.profile`.

    Returns
    -------
    list of matplotlib.figure.Figure
        Pages of up to 24 panels.

    Raises
    ------
    DataError
        If it is no result of `profile`.

    Examples
    --------
    >>> import pkpd
    >>> from pkpd.fits import mc38_radiation
    >>> result = mc38_radiation.run()
    >>> (page,) = likelihood_profiles(pkpd.profile(result, "alpha"))
    >>> len(page.axes)
    1
    """
    if not all(hasattr(profiles, name) for name in ("curves", "threshold", "confidence")):
        raise DataError(f"likelihood_profiles() got {profiles!r}; expected what profile() returns.")
    return each_page(list(profiles.curves), lambda page: _page(page, profiles))


def _page(curves: Sequence[Profile], profiles: Profiles) -> Figure:
    with sheet(len(curves), shared=False) as drawn:
        for ax, curve in zip(drawn.axes, curves, strict=True):
            _draw(ax, curve, profiles)
        drawn.figure.supylabel("2 × fall of the log-likelihood", fontsize=8)
    return drawn.figure


def _draw(ax: Axes, curve: Profile, profiles: Profiles) -> None:
    c, fall = curve.coordinate, float(profiles.threshold.fall)
    deviance = 2 * (profiles.log_posterior - curve.log_posterior)
    kept = np.isfinite(deviance)
    values, deviance = np.asarray(curve.values)[kept], deviance[kept]
    ax.plot(values, deviance, color=BLUE, marker="o", markersize=2.2, linewidth=1.2)
    if c.log:
        ax.set_xscale("log")
    _within(ax, values, deviance, fall)
    low, high = (float(c.natural(end)) for end in (curve.interval.low, curve.interval.high))
    left, right = ax.get_xlim()
    if not (np.isnan(low) or np.isnan(high)):  # an interrupted search
        ax.axvspan(max(low, left), min(high, right), color=PALE, alpha=0.3, linewidth=0)
    ax.axhline(fall, color=BLACK, linewidth=0.7, linestyle=(0, (4, 3)))
    ax.axvline(float(c.natural(curve.interval.estimate)), color=GRAY, linewidth=0.7)
    ax.set_xlim(left, right)
    unit = labels.plain_unit(c.unit)
    ax.set_xlabel(f"{c.label} ({unit})" if unit else c.label, fontsize=7)
    if c.log:
        plain_log(ax, "x")
    if curve.interval.shape != "bounded":
        panel_title(ax, str(curve.interval.shape), color=RED)
    else:
        panel_title(ax, f"{100 * profiles.confidence:g} %: {low:.3g} to {high:.3g}")


def _within(ax: Axes, values: Array, deviance: Array, fall: float) -> None:
    """Axes about the part of a profile that matters: up to twice and a half the threshold."""
    ax.set_ylim(min(0.0, float(deviance.min())) - 0.05 * fall, 2.5 * fall)
    shown = values[deviance <= 2.5 * fall]
    ax.set_xlim(*_margins(ax, float(shown.min()), float(shown.max())))


def _margins(ax: Axes, low: float, high: float) -> tuple[float, float]:
    if ax.get_xscale() == "log":
        factor = (high / low) ** 0.05 if high > low else 1.1
        return low / factor, high * factor
    margin = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin
