"""A fit against its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, unknown_name
from pkpd.figures import labels
from pkpd.figures.scales import scale_output
from pkpd.figures.style import BLACK, MARKERS, OKABE_ITO, note, paired_canvas

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

    from pkpd.fitting.results import Fit

__all__ = ["fit_overlay"]

_POINTS = 401  # of a fitted curve


def fit_overlay(
    fit: Fit,
    output: str | None = None,
    *,
    log: bool = False,
    ax: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Observations of every arm with the fitted curves, and the residuals below them.

    Bars are the standard deviations of the data, where they were given; residuals are then in
    standard deviations, else in the output's unit.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`.
    output
        The observed output; may be left out where there is only one.
    log
        Whether the axis of the output is logarithmic; values of 0 and less are not shown then.
    ax
        Two axes to draw on, above and below; those of a new figure by default.

    Returns
    -------
    tuple of matplotlib.axes.Axes
        The axes of the observations and curves, and the axes of the residuals.

    Raises
    ------
    UnknownNameError
        If no such output was observed.
    DataError
        If several outputs were observed and none is named.
    """
    from pkpd.fitting.results import Fit

    if not isinstance(fit, Fit):
        raise DataError(f"fit_overlay() got {fit!r}; expected what fit() returns.")
    table = fit.residuals
    output = _observed(fit, table, output)
    rows = table[table["output"] == output]
    arms = [arm for arm in fit.data.arms if arm in set(rows["arm"])]
    times = np.linspace(fit.data.start, float(rows["time"].max()), _POINTS)
    curves = fit.predict(times)[output].sel(arm=arms)
    with paired_canvas(ax) as (upper, lower):
        for i, arm in enumerate(arms):
            look: dict[str, Any] = {"color": OKABE_ITO[i % len(OKABE_ITO)], "marker": MARKERS[i % len(MARKERS)]}
            mine = rows[rows["arm"] == arm]
            _draw_arm(upper, curves.sel(arm=arm), mine, look, fit.data.sd_given)
            lower.plot(mine["time"], mine["residual"], linestyle="none", markersize=3, **look)
        _finish(upper, lower, curves, fit.data.sd_given, log)
        lost = int(curves.isnull().any("time").sum())
        note(upper, labels.left_out(lost, len(arms), "arms"))
    return upper, lower


def _observed(fit: Fit, table: pd.DataFrame, output: str | None) -> str:
    known = list(dict.fromkeys(table["output"]))
    if output is None:
        if len(known) > 1:
            raise DataError(f"{fit.data.name} observes {', '.join(known)}; name one of them as output=.")
        return str(known[0])
    if output not in known:
        raise unknown_name(fit.data.name, "observed output", output, known)
    return output


def _draw_arm(ax: Axes, curve: xr.DataArray, rows: pd.DataFrame, look: dict[str, Any], bars: bool) -> None:
    if bool(curve.notnull().all()):
        ax.plot(curve["time"].to_numpy(), curve.to_numpy(), color=look["color"], linewidth=1.2)
    ax.errorbar(
        rows["time"],
        rows["observed"],
        yerr=rows["sd"] if bars else None,
        linestyle="none",
        markersize=3.5,
        elinewidth=0.7,
        capsize=1.5,
        label=labels.number(curve["arm"].item()),
        **look,
    )


def _finish(upper: Axes, lower: Axes, curves: xr.DataArray, bars: bool, log: bool) -> None:
    scale_output(upper, log)
    upper.set_ylabel(labels.quantity(curves, 28))
    upper.tick_params(labelbottom=False)
    title = "Arm\n(mean ± SD)" if bars else "Arm"
    upper.legend(title=title, alignment="left", loc="upper left", bbox_to_anchor=(1.0, 1.03), borderaxespad=0.3)
    lower.axhline(0, color=BLACK, linewidth=0.6)
    reach = 1.25 * float(np.abs(lower.dataLim.intervaly).max()) or 1.0
    lower.set_ylim(-reach, reach)
    unit = "SD" if bars else labels.plain_unit(str(curves.attrs.get("units", "1")))
    lower.set_ylabel(f"Residual ({unit})" if unit else "Residual")
    lower.set_xlabel(labels.quantity(curves["time"]))
