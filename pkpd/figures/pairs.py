"""Draws of parameters, two at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, unknown_name
from pkpd.figures.style import BLACK, BLUE, GRAY, RED, house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.fitting.bootstrap import Bootstrap
    from pkpd.fitting.posterior import Posterior

__all__ = ["parameter_pairs"]

MOST = 10  # parameters on a page
_INSIDE = (0.5, 0.95)  # shares of the draws that contours hold
_BINS = 24
_FEW = 1500  # draws from which their points are one picture in a vector file
_ENOUGH = 200  # draws for contours


def parameter_pairs(
    draws: pd.DataFrame | Posterior | Bootstrap,
    parameters: Iterable[str] | None = None,
    *,
    estimates: Mapping[str, float] | None = None,
) -> Figure:
    """Draws of a posterior or the replicates of a bootstrap: each parameter alone and each pair.

    On the diagonal are histograms with the median and the central 95 %; below it the draws of
    each pair, with contours that hold 50 and 95 % of them; above it rank correlations, larger
    where they are stronger.

    Parameters
    ----------
    draws
        From `pkpd.sample_posterior` or `pkpd.bootstrap`; or a table with a column for each parameter and
        a row for each draw.  Rows with a missing value are left out, and the figure counts the others.
    parameters
        Which of them; all by default, up to 10.
    estimates
        Values to mark in red, such as ``fit.estimates["estimate"]``.

    Raises
    ------
    DataError
        If there are fewer than two parameters or more than 10, or fewer than 20 complete draws.
    UnknownNameError
        If `draws` has no such column.
    """
    columns_of, labels = _columns(draws)
    names = _names(columns_of, labels if parameters is None else parameters)
    table = columns_of[names].dropna()
    table = table[np.isfinite(table.to_numpy(dtype=float)).all(axis=1)]
    if len(table) < 20:
        raise DataError(f"parameter_pairs: {len(table)} complete draws; pairs are drawn of 20 or more.")
    marks = {} if estimates is None else {str(k): float(v) for k, v in dict(estimates).items()}
    columns = {name: table[name].to_numpy(dtype=float) for name in names}
    side = float(np.clip(1.25 * len(names), 3.5, 8.0))
    with house_style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(len(names), len(names), figsize=(side, side), squeeze=False)
        try:
            figure.set_layout_engine("constrained", w_pad=0.015, h_pad=0.015, hspace=0.0, wspace=0.0)
            for i, y in enumerate(names):
                for j, x in enumerate(names):
                    _cell(axes[i, j], (x, y), columns, marks, place=(i, j), last=len(names) - 1)
            figure.align_labels()
            figure.suptitle(f"{len(table)} draws", x=0.99, ha="right", fontsize=7, color=GRAY)
        except BaseException:
            plt.close(figure)
            raise
    return figure


def _columns(draws: Any) -> tuple[pd.DataFrame, list[str]]:
    """The table of draws, and which of its columns are parameters."""
    import pandas as pd

    if hasattr(draws, "fit") and hasattr(draws, "table"):
        return draws.table, [c.label for c in draws.fit.coordinates]
    if isinstance(draws, pd.DataFrame):
        return draws, [str(c) for c in draws.columns if pd.api.types.is_float_dtype(draws[c])]
    raise DataError(
        f"parameter_pairs() got {draws!r}; expected what sample_posterior() or bootstrap() returns, or a DataFrame."
    )


def _names(draws: pd.DataFrame, parameters: Iterable[str]) -> list[str]:
    names = [parameters] if isinstance(parameters, str) else list(parameters)
    for name in names:
        if name not in draws.columns:
            raise unknown_name("draws", "parameter", str(name), map(str, draws.columns))
    if not 2 <= len(names) <= MOST:
        raise DataError(
            f"parameter_pairs: {len(names)} parameters ({', '.join(names[:12])}); expected 2 to {MOST}. "
            "Name them with parameters=[...]."
        )
    return names


def _cell(
    ax: Axes, pair: tuple[str, str], columns: Mapping[str, Array], marks: Mapping[str, float], *,
    place: tuple[int, int], last: int,
) -> None:  # fmt: skip
    i, j = place
    x, y = (columns[name] for name in pair)
    if i == j:
        _alone(ax, x, marks.get(pair[0]))
    elif i > j:
        _pair(ax, x, y, marks.get(pair[0]), marks.get(pair[1]))
    else:
        _rank_correlation(ax, x, y)
        return
    ax.set_xlim(_span(x))
    ax.xaxis.set_major_locator(_locator())
    if i != j:
        ax.yaxis.set_major_locator(_locator())
    ax.tick_params(labelbottom=i == last, labelleft=i > j == 0, labelsize=6)
    ax.tick_params(axis="x", labelrotation=45)
    if i == last:
        ax.set_xlabel(pair[0], fontsize=7)
    if j == 0 and i > 0:
        ax.set_ylabel(pair[1], fontsize=7)


def _locator() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3, prune="both")


def _span(values: Array) -> tuple[float, float]:
    """The limits of an axis: all but the outermost thousandth, so that one draw does not set it."""
    low, high = np.quantile(values, [0.001, 0.999])
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def _alone(ax: Axes, values: Array, mark: float | None) -> None:
    low, high = _span(values)
    ax.hist(values, bins=_BINS, range=(low, high), color=BLUE, alpha=0.35, histtype="stepfilled")
    for share, style in ((0.025, ":"), (0.5, "-"), (0.975, ":")):
        ax.axvline(float(np.quantile(values, share)), color=BLACK, linewidth=0.7, linestyle=style)
    if mark is not None:
        ax.axvline(mark, color=RED, linewidth=1.0)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _pair(ax: Axes, x: Array, y: Array, mark_x: float | None, mark_y: float | None) -> None:
    ax.set_ylim(_span(y))
    alpha = float(np.clip(300 / len(x), 0.06, 0.6))
    ax.plot(x, y, "o", color=BLUE, markersize=1.6, markeredgewidth=0, alpha=alpha, rasterized=len(x) > _FEW)
    _contours(ax, x, y)
    for value, line in ((mark_x, ax.axvline), (mark_y, ax.axhline)):
        if value is not None:
            line(value, color=RED, linewidth=0.7)


def _contours(ax: Axes, x: Array, y: Array) -> None:
    """Contours of a smoothed histogram that hold the shares of the draws."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    if len(x) < _ENOUGH:
        return
    bins = int(np.clip(1.6 * len(x) ** (1 / 3), 10, 30))
    density, at_x, at_y = np.histogram2d(x, y, bins=bins, range=[_span(x), _span(y)])
    smooth = gaussian_filter(density, bins / 18)
    edges = ((x, at_x), (y, at_y))
    cells = [(values - at[0]) / (at[1] - at[0]) - 0.5 for values, at in edges]  # 0 at the center of the first
    heights = np.unique(np.quantile(map_coordinates(smooth, cells, order=1, cval=0.0), [1 - s for s in _INSIDE]))
    if heights[0] <= 0:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a level that no cell passes has no line
        ax.contour(
            (at_x[:-1] + at_x[1:]) / 2, (at_y[:-1] + at_y[1:]) / 2, smooth.T, levels=heights.tolist(),
            colors=[BLACK], linewidths=[0.6, 0.9][: len(heights)],
        )  # fmt: skip


def _rank_correlation(ax: Axes, x: Array, y: Array) -> None:
    from scipy.stats import rankdata

    constant = np.ptp(x) == 0 or np.ptp(y) == 0
    value = np.nan if constant else round(float(np.corrcoef(rankdata(x), rankdata(y))[0, 1]), 2) + 0.0
    text = "\N{EN DASH}" if constant else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
    size = 6.0 if constant else 6.0 + 4.0 * abs(value)
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, fontsize=size)
    ax.set_axis_off()
