"""A fit against its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.bands import band_name, checked_bands, scale_with_bands
from pkpd.figures.panels import panel_title, sheet
from pkpd.figures.style import BLACK, BLUE, GRAY, MARKERS, OKABE_ITO, note, paired_canvas
from pkpd.fitting.diagnostics import comparable_values, counts_events, observed_output
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.results import Fit

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = [
    "arm_title",
    "draw_limits",
    "draw_observed",
    "failed",
    "fine_times",
    "fit_overlay",
    "fitted_curves",
    "not_positive",
    "require_fit",
]

_POINTS = 401  # of a fitted curve
_MANY = 80  # observations of an arm from which marks are smaller
FEW = len(OKABE_ITO)  # arms that can be told apart in one panel


def fit_overlay(
    fit: Fit,
    output: str | None = None,
    *,
    log: bool = False,
    bands: xr.Dataset | None = None,
    ax: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, ...]:
    """Observations of every arm with the fitted curves, and the residuals below them.

    Up to 7 arms are drawn in one panel.  With more each has a panel of its own, with axes in
    common; `individual_fits` has them on pages.  Bars are the standard deviations of the data,
    where they were given.  Residuals are in standard deviations where these or error models were
    given, else in the output's unit.  What is only known to lie below or above a limit is a hollow triangle
    there, which points to where it lies.  Responders are drawn as shares, and times to an event as the
    cumulative hazard of the arm (Nelson-Aalen).

    Parameters
    ----------
    fit
        The result of `pkpd.fit`.
    output
        The observed output; may be left out where there is only one.
    log
        Whether the axis of the output is logarithmic; the figure counts values of 0 and less,
        which are then not shown.
    bands
        From `pkpd.bands`, to be drawn about the curves.
    ax
        Two axes to draw on, above and below; those of a new figure by default.

    Returns
    -------
    tuple of matplotlib.axes.Axes
        The axes of the observations and curves, and last the axes of the residuals.

    Raises
    ------
    UnknownNameError
        If no such output was observed.
    DataError
        If several outputs were observed and none is named, there are more than 7 arms and
        `ax` is given, or `bands` are of another fit.

    Examples
    --------
    >>> import pkpd
    >>> from pkpd.fits import mc38_radiation
    >>> result = mc38_radiation.run()
    >>> axes = fit_overlay(result)
    >>> [ax.get_ylabel().split()[0] for ax in axes]
    ['Total', 'Residual']
    """
    require_fit(fit, "fit_overlay")
    output = observed_output(fit, output)
    table = comparable_values(fit)
    rows = table[table["output"] == output]
    arms = [arm for arm in fit.data.arms if arm in set(rows["arm"])]
    about = checked_bands(fit, bands, output, "fit_overlay")
    if len(arms) > FEW and ax is not None:
        raise DataError(
            f"fit_overlay: {len(arms)} arms cannot be told apart on the two axes of ax; leave it out for a panel an "
            f"arm, or draw up to {FEW} of them."
        )
    curves = fitted_curves(fit, output, arms, rows)
    if len(arms) > FEW:
        return _by_panel(fit, curves, rows, log, about)
    with paired_canvas(ax) as (upper, lower):
        for i, arm in enumerate(arms):
            mine = rows[rows["arm"] == arm]
            small = len(mine) > _MANY
            look: dict[str, Any] = {"color": OKABE_ITO[i], "marker": MARKERS[i], "markersize": 2.2 if small else 3.5}
            _draw_arm(upper, curves.sel(arm=arm), mine, look, fit.data.sd_given)
            lower.plot(mine["time"], mine["residual"], linestyle="none", **{**look, "markersize": 2 if small else 3})
        scale_with_bands([upper], log, about, output, [(upper, arm, OKABE_ITO[i]) for i, arm in enumerate(arms)])
        upper.set_ylabel(labels.quantity(curves, 28))
        upper.tick_params(labelbottom=False)
        title = "Arm\n(bars: ± SD)" if fit.data.sd_given else "Arm"
        upper.legend(title=title, alignment="left", loc="upper left", bbox_to_anchor=(1.0, 1.03), borderaxespad=0.3)
        _finish_residuals(lower, curves, _residual(fit, output))
        note(upper, _lost(curves), not_positive(rows, log), _beyond(rows), "" if about is None else band_name(about))
    return upper, lower


def require_fit(fit: Any, who: str) -> Fit:
    """`fit` itself, if it is one; `who` asks for it.

    Raises
    ------
    DataError
        If it is not.
    """
    if not isinstance(fit, Fit):
        raise DataError(f"{who}() got {fit!r}; expected what fit() returns.")
    return fit


def arm_title(fit: Fit, arm: str) -> str:
    """What a panel calls an arm; of records, where it is a subject, its ID."""
    return f"ID {arm}" if isinstance(fit.predictor, RecordPredictor) else arm


def fitted_curves(fit: Fit, output: str, arms: Sequence[str], rows: pd.DataFrame) -> xr.DataArray:
    """The fitted `output` by ``arm`` and ``time``, fine enough to draw and at every time of `rows`."""
    return fit.predict(fine_times(fit, rows))[output].sel(arm=list(arms))


def fine_times(fit: Fit, rows: pd.DataFrame) -> Array:
    """Times for a curve: evenly spaced, with every time of `rows`."""
    fine = np.linspace(fit.data.start, float(rows["time"].max()), _POINTS)
    return np.union1d(fine, rows["time"].to_numpy())


def failed(curve: xr.DataArray) -> bool:
    """Whether an integration failed: what is missing before the first record of a subject did not."""
    return bool(curve.isel(time=-1).isnull())


def not_positive(rows: pd.DataFrame, log: bool) -> str:
    """The sentence that counts what a logarithmic axis cannot show; empty where it shows everything."""
    count = int((rows["observed"] <= 0).sum()) if log else 0
    return f"{count} of {len(rows)} observations are 0 or less, not shown" if count else ""


def draw_observed(ax: Axes, rows: pd.DataFrame, bars: bool, **look: Any) -> None:
    """Measured values as marks, with their standard deviations where `bars`."""
    rows = rows[rows["measured"]]
    ax.errorbar(
        rows["time"], rows["observed"], yerr=rows["sd"] if bars else None,
        **{"linestyle": "none", "markersize": 3.5, "elinewidth": 0.7, "capsize": 1.5, **look},
    )  # fmt: skip


def draw_limits(ax: Axes, rows: pd.DataFrame, color: str = GRAY, label: str | None = None) -> None:
    """Hollow triangles at the limits below or above which observations lie."""
    if "censored" not in rows:
        return
    for side, marker in ((1, "v"), (-1, "^")):
        own = rows[rows["censored"] == side]
        if len(own):
            ax.plot(
                own["time"], own["observed"], marker, markersize=3.2, color=color, markerfacecolor="none",
                markeredgewidth=0.7, label=label,
            )  # fmt: skip


def _beyond(rows: pd.DataFrame) -> str:
    count = int((~rows["measured"]).sum())
    return f"{count} of {len(rows)} observations are beyond a limit: hollow" if count else ""


def _draw_arm(ax: Axes, curve: xr.DataArray, rows: pd.DataFrame, look: dict[str, Any], bars: bool) -> None:
    if not failed(curve):
        ax.plot(curve["time"].to_numpy(), curve.to_numpy(), color=look["color"], linewidth=1.2)
    draw_observed(ax, rows, bars, label=labels.number(curve["arm"].item()), **look)
    draw_limits(ax, rows, look["color"])


def _by_panel(
    fit: Fit, curves: xr.DataArray, rows: pd.DataFrame, log: bool, bands: xr.Dataset | None
) -> tuple[Axes, ...]:
    """A panel for each arm, and the residuals of all of them below."""
    arms = [str(arm) for arm in curves["arm"].to_numpy()]
    with sheet(len(arms), below=True) as drawn:
        assert drawn.below is not None
        for ax, arm in zip(drawn.axes, arms, strict=True):
            mine = rows[rows["arm"] == arm]
            look = {"color": BLACK, "marker": "o", "markersize": 2.5, "elinewidth": 0.5, "capsize": 1.0}
            draw_observed(ax, mine, fit.data.sd_given, **look)
            draw_limits(ax, mine)
            ax.plot(curves["time"].to_numpy(), curves.sel(arm=arm).to_numpy(), color=BLUE, linewidth=1.1)
            panel_title(ax, arm_title(fit, arm))
        places = [(ax, arm, BLUE) for ax, arm in zip(drawn.axes, arms, strict=True)]
        scale_with_bands(drawn.axes, log, bands, str(curves.name), places)
        drawn.figure.supylabel(labels.quantity(curves), fontsize=8)
        drawn.below.plot(rows["time"], rows["residual"], "o", color=GRAY, markersize=2.2, alpha=0.7)
        _finish_residuals(drawn.below, curves, _residual(fit, str(curves.name)))
        bars = "bars: ± SD" if fit.data.sd_given else ""
        named = "" if bands is None else band_name(bands)
        note(drawn.below, _lost(curves), not_positive(rows, log), _beyond(rows), bars, named)
    return (*drawn.axes, drawn.below)


def _lost(curves: xr.DataArray) -> str:
    return labels.left_out(int(curves.isel(time=-1).isnull().sum()), curves.sizes["arm"], "arms")


def _residual(fit: Fit, output: str) -> str:
    """What a residual is, with its unit: a standard deviation where these or error models were given."""
    if counts_events(fit, output):
        return "Martingale\nresidual"
    known = fit.data.sd_given or fit.sd_is == "modeled"
    unit = "SD" if known else labels.plain_unit(fit.model.units[output])
    return f"Residual ({unit})" if unit else "Residual"


def _finish_residuals(ax: Axes, curves: xr.DataArray, label: str) -> None:
    ax.axhline(0, color=BLACK, linewidth=0.6)
    reach = 1.25 * float(np.nanmax(np.abs(ax.dataLim.intervaly), initial=0.0)) or 1.0
    ax.set_ylim(-reach, reach)
    ax.set_ylabel(label)
    ax.set_xlabel(labels.quantity(curves["time"]))
