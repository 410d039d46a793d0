"""Six views of how well a fit describes its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.fits import require_fit
from pkpd.figures.mixed_quality import mixed_goodness_of_fit
from pkpd.figures.panels import WIDTH
from pkpd.figures.scales import plain_log
from pkpd.figures.style import BLACK, BLUE, GRAY, PALE, RED, house_style, note
from pkpd.fitting.diagnostics import (
    autocorrelation,
    counts_events,
    normal_scores,
    observed_output,
    standardized_residuals,
    trend,
)
from pkpd.fitting.mixed.results import MixedFit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.fitting.results import Fit

__all__ = ["goodness_of_fit"]

_DENSE = 300  # observations from which marks are fainter


def goodness_of_fit(fit: Fit | MixedFit, output: str | None = None, *, log: bool = False) -> Figure:
    """Observed against predicted values, and five views of the standardized residuals.

    The residuals are over the standard deviation of the errors (the estimated one where it was
    estimated), against time, against the prediction, against normal quantiles with their 95 %
    band, and against those that precede them in the same arm or subject; and their size against
    the prediction.  Red marks are means of about equally many residuals, with two standard errors.
    Values that are only known to lie beyond a limit are left out; the figure counts them.

    Of a mixed-effects fit nine views: observed against population and individual predictions,
    conditional weighted residuals (CWRES) against time and prediction, the size of individual
    ones, normalized prediction distribution errors (NPDE) against normal quantiles, random effects
    with their shrinkage, the random effect and the covariate that hang together most, and a
    prediction-corrected visual predictive check.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`.
    output
        The observed output; may be left out where there is only one.
    log
        Whether the axes of observed and predicted values are logarithmic.

    Raises
    ------
    UnknownNameError
        If no such output was observed.
    DataError
        If several outputs were observed and none is named, no value was measured, or times to an event
        were.

    Examples
    --------
    >>> import pkpd
    >>> from pkpd.fits import mc38_radiation
    >>> result = mc38_radiation.run()
    >>> len(goodness_of_fit(result).axes)
    6
    """
    if isinstance(fit, MixedFit):
        return mixed_goodness_of_fit(fit, output, log=log)
    require_fit(fit, "goodness_of_fit")
    output = observed_output(fit, output)
    if counts_events(fit, output):
        raise DataError(
            f"goodness_of_fit: {output!r} is observed by times to an event, whose residuals are not normal; "
            "fit_overlay shows the cumulative hazard of each arm."
        )
    table = standardized_residuals(fit)
    rows = table[(table["output"] == output)]
    usable = rows["measured"] & np.isfinite(rows["residual"])
    kept = rows[usable]
    if kept.empty:
        raise DataError(f"goodness_of_fit: none of the {len(rows)} values of {output!r} was measured.")
    unit = labels.plain_unit(fit.model.units[output])
    with house_style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(2, 3, figsize=(WIDTH, 4.6))
        try:
            _observed_and_predicted(axes[0, 0], kept, output, unit, log)
            _against(axes[0, 1], kept, "time", _time(fit.model.time), log=False)
            _against(axes[0, 2], kept, "predicted", _worded("Predicted", output, unit), log)
            _quantiles(axes[1, 0], kept)
            _correlations(axes[1, 1], kept)
            _sizes(axes[1, 2], kept, _worded("Predicted", output, unit), log)
            for letter, ax in zip("ABCDEF", axes.flat, strict=True):
                ax.annotate(
                    letter, (0, 1), xytext=(-26, 5), xycoords="axes fraction", textcoords="offset points",
                    fontweight="bold", fontsize=9,
                )  # fmt: skip
            note(axes[0, 0], f"n = {len(kept)}", _beyond(len(rows) - len(kept), len(rows)), _off(kept, log))
        except BaseException:
            plt.close(figure)
            raise
    return figure


def _beyond(count: int, total: int) -> str:
    return labels.left_out(count, total, "values").replace("failed", "are beyond a limit")


def _off(rows: pd.DataFrame, log: bool) -> str:
    count = int(((rows["observed"] <= 0) | (rows["predicted"] <= 0)).sum()) if log else 0
    return f"{count} with a value of 0 or less are not shown" if count else ""


def _time(unit: str) -> str:
    return "Time" if unit == "1" else f"Time ({labels.plain_unit(unit)})"


def _worded(word: str, output: str, unit: str) -> str:
    return f"{word} {output} ({unit})" if unit else f"{word} {output}"


def _look(rows: pd.DataFrame) -> dict[str, Any]:
    dense = len(rows) > _DENSE
    return {
        "marker": "o", "linestyle": "none", "color": BLUE, "markersize": 2.2 if dense else 3, "markeredgewidth": 0,
        "alpha": float(np.clip(_DENSE / len(rows), 0.12, 0.45)) if dense else 0.45, "rasterized": len(rows) > 3000,
    }  # fmt: skip


def _scaled(ax: Axes, which: str, log: bool) -> None:
    if log:
        getattr(ax, f"set_{which}scale")("log", nonpositive="mask")
        plain_log(ax, which)


def _observed_and_predicted(ax: Axes, rows: pd.DataFrame, output: str, unit: str, log: bool) -> None:
    both = rows[["observed", "predicted"]].to_numpy()
    shown = both[both > 0] if log else both
    if not shown.size:
        raise DataError(f"goodness_of_fit: no value of {output!r} is above 0, as a logarithmic axis needs.")
    low, high = float(shown.min()), float(shown.max())
    margin = (high / low) ** 0.05 if log else 0.05 * (high - low or 1.0)
    ends = (low / margin, high * margin) if log else (low - margin, high + margin)
    ax.plot(ends, ends, color=BLACK, linewidth=0.8, label="identity")
    ax.plot(rows["predicted"], rows["observed"], **_look(rows))
    _scaled(ax, "x", log)
    _scaled(ax, "y", log)
    ax.set(xlim=ends, ylim=ends)
    ax.set_xlabel(_worded("Predicted", output, unit))
    ax.set_ylabel(_worded("Observed", output, unit))


def _zero(ax: Axes, rows: pd.DataFrame) -> None:
    """The line at 0, and the range in which 95 % of standard normal residuals are."""
    ax.axhspan(-1.96, 1.96, color=PALE, alpha=0.3, linewidth=0)
    ax.axhline(0, color=BLACK, linewidth=0.6)
    reach = max(2.5, 1.12 * float(rows["residual"].abs().max()))
    ax.set_ylim(-reach, reach)
    ax.set_ylabel("Standardized residual")


def _against(ax: Axes, rows: pd.DataFrame, column: str, label: str, log: bool) -> None:
    _zero(ax, rows)
    ax.plot(rows[column], rows["residual"], **_look(rows))
    means = trend(rows[column].to_numpy(), rows["residual"].to_numpy())
    _draw_means(ax, means)
    _scaled(ax, "x", log)
    ax.set_xlabel(label)


def _draw_means(ax: Axes, means: pd.DataFrame) -> None:
    if len(means):
        ax.errorbar(
            means["x"], means["y"], yerr=2 * means["se"], color=RED, marker="s", markersize=3.6, linewidth=1.4,
            markeredgecolor=BLACK, markeredgewidth=0.6, elinewidth=1.0, ecolor=BLACK, capsize=0, label="mean",
        )  # fmt: skip


def _quantiles(ax: Axes, rows: pd.DataFrame) -> None:
    scores = normal_scores(rows["residual"].to_numpy())
    ax.fill_between(scores["expected"], scores["low"], scores["high"], color=PALE, alpha=0.4, linewidth=0)
    ends = [float(scores["expected"].min()), float(scores["expected"].max())]
    ax.plot(ends, ends, color=BLACK, linewidth=0.8)
    ax.plot(scores["expected"], scores["residual"], **_look(rows))
    ax.set_xlabel("Normal quantile")
    ax.set_ylabel("Standardized residual")


def _correlations(ax: Axes, rows: pd.DataFrame) -> None:
    table = autocorrelation(rows)
    ax.axhline(0, color=BLACK, linewidth=0.6)
    ax.set_ylim(-1, 1)
    ax.set_xlabel("Lag (observations)")
    ax.set_ylabel("Autocorrelation")
    if table.empty:
        ax.text(0.5, 0.75, "too few in each series", transform=ax.transAxes, ha="center", color=GRAY, fontsize=7)
        ax.set_xticks([])
        return
    lag = table.index.to_numpy()
    ax.bar(lag, 2 * table["limit"], width=1, bottom=-table["limit"], color=PALE, alpha=0.4)
    beyond = table["correlation"].abs() > table["limit"]
    ax.bar(lag, table["correlation"], width=0.5, color=np.where(beyond, RED, BLUE))
    ax.set_xlim(0.5, lag.max() + 0.5)
    ax.set_xticks(lag)


def _sizes(ax: Axes, rows: pd.DataFrame, label: str, log: bool) -> None:
    """The absolute residuals, whose mean is sqrt(2/pi) wherever the variance is right."""
    size = rows["residual"].abs()
    ax.plot(rows["predicted"], size, **_look(rows))
    ax.axhline(np.sqrt(2 / np.pi), color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    _draw_means(ax, trend(rows["predicted"].to_numpy(), size.to_numpy()))
    _scaled(ax, "x", log)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(label)
    ax.set_ylabel("|Standardized residual|")
