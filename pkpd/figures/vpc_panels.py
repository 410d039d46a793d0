"""The panels of visual predictive checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.filled_bands import FilledBand, draw_bands, mark_not_positive, scale_with
from pkpd.figures.legends import legend_columns
from pkpd.figures.panels import PAGE_PANELS, Sheet, panel_title, sheet
from pkpd.figures.style import BLACK, BLUE, GRAY, RED
from pkpd.measures.predictive_checks import PredictiveCheck

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CheckStyle", "check_sheet", "description", "draw_check", "output_label"]

_MARKED = 30  # observed percentiles that each have a mark


@dataclass(frozen=True)
class CheckStyle:
    """How the panels are drawn."""

    ranks: tuple[float, float, float]
    studies: int
    floor: float
    log: bool
    corrected: bool


def check_sheet(checks: Mapping[str, PredictiveCheck], values: xr.DataArray, style: CheckStyle, below: bool) -> Figure:
    """A panel for each stratum; where asked for, followed by one of what lies below the limit."""
    parts = ("value", "below") if below else ("value",)
    panels = [(name, check, part) for name, check in checks.items() for part in parts]
    if len(panels) > PAGE_PANELS:
        raise DataError(f"vpc() would have {len(panels)} panels; expected {PAGE_PANELS} or fewer.")
    with sheet(len(panels), shared=False) as drawn:
        for axes, (name, check, part) in zip(drawn.axes, panels, strict=True):
            hidden = draw_check(axes, check, style) if part == "value" else _draw_below(axes, check)
            axes.set_xlabel(labels.quantity(values["time"]))
            axes.set_ylabel(output_label(values, style.corrected, 22) if part == "value" else "Share below the limit")
            counted = f"n = {check.members - check.lost}"
            panel_title(axes, ", ".join(filter(None, (name, counted if part == "value" else "", hidden))), letters=44)
        _lay_legend(drawn)
        lost = sum(c.lost for c in checks.values())
        sentences = (description(None, style), labels.left_out(lost, sum(c.members for c in checks.values())))
        drawn.figure.suptitle("; ".join(filter(None, sentences)), x=0.01, ha="left", fontsize=7, color=GRAY)
    return drawn.figure


def _lay_legend(drawn: Sheet) -> None:
    entries: dict[str, Any] = {}
    for ax in drawn.axes:
        entries |= {name: mark for mark, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    columns = legend_columns(list(entries), int(14.5 * drawn.figure.get_figwidth()))
    drawn.figure.legend(
        list(entries.values()), list(entries), loc="outside lower center", ncols=columns, borderpad=0.2,
        columnspacing=1.2,
    )  # fmt: skip


def output_label(values: xr.DataArray, corrected: bool, width: int = 34) -> str:
    text = labels.output(values, width)
    return f"Prediction-corrected\n{text[0].lower()}{text[1:]}" if corrected else text


def draw_check(ax: Axes, check: PredictiveCheck, style: CheckStyle) -> str:
    """One panel; the sentence on what a logarithmic axis does not show."""
    if check.points is not None:
        ax.plot(*check.points, "o", color=GRAY, markersize=2, alpha=0.5, markeredgewidth=0, zorder=1, label="observed")
    bands = _simulated_lines(ax, check, style.ranks)
    if check.places is not None and check.observed is not None:
        _observed_lines(ax, check.places, check.observed, style.ranks)
    if np.isfinite(style.floor):
        ax.axhline(style.floor, color=BLACK, linewidth=0.6, linestyle=(0, (1, 2)), label="LLOQ")
    scale_with(ax, bands, style.log, what="the output")
    first, last = float(check.time.min()), float(check.time.max())
    margin = 0.02 * (last - first)
    ax.set_xlim(min(ax.get_xlim()[0], first - margin), max(ax.get_xlim()[1], last + margin))
    if not style.log or check.points is None:
        return ""
    count = mark_not_positive(ax, check.points[0], check.points[1], GRAY)
    return f"triangles: {count} of {len(check.points[1])} observations are 0 or less" if count else ""


def _simulated_lines(ax: Axes, check: PredictiveCheck, ranks: Sequence[float]) -> list[FilledBand]:
    studies, time = check.studies, check.time
    floor = float(np.min(studies, where=np.isfinite(studies), initial=np.inf))

    def band(low: Array, high: Array, color: str, alpha: float) -> FilledBand:
        """A band that reaches below the limit of quantification ends at the lowest percentile shown."""
        return FilledBand(time, np.where(np.isfinite(high), np.fmax(low, floor), np.nan), high, color, alpha)

    if len(studies) == 1:
        low, middle, high = studies[0]
        ax.plot(time, middle, color=BLUE, label="simulated")
        for edge in (low, high):
            ax.plot(time, edge, color=BLUE, linewidth=0.7, linestyle=(0, (4, 2)))
        return [band(low, high, BLUE, 0.18)]
    names = (f"simulated {ranks[0]:g}, {ranks[2]:g} %", f"simulated {ranks[1]:g} %", "_")
    bands = []
    for i, (name, color) in enumerate(zip(names, (BLUE, RED, BLUE), strict=True)):
        low, middle, high = _interval(studies[:, i])
        bands.append(band(low, high, color, 0.25))
        ax.plot(time, middle, color=color, label=name)
    return bands


def _interval(percentile: Array) -> Array:
    """The 2.5, 50 and 97.5 % quantiles over studies, (3, times); NaN below the limit of quantification."""
    ranked = np.where(np.isnan(percentile), -np.inf, percentile)
    quantiles = np.quantile(ranked, [0.025, 0.5, 0.975], axis=0, method="nearest")
    return np.where(np.isfinite(quantiles), quantiles, np.nan)


def _observed_lines(ax: Axes, places: Array, percentiles: Array, ranks: Sequence[float]) -> None:
    marker = "s" if len(places) <= _MARKED else None
    for i, row in enumerate(percentiles):
        name, style = (f"observed {ranks[0]:g}\N{EN DASH}{ranks[2]:g} %", "-") if i == 1 else ("_", (0, (4, 2)))
        ax.plot(places, row, color=BLACK, linewidth=0.9, linestyle=style, marker=marker, markersize=2.5, label=name)


def _draw_below(ax: Axes, check: PredictiveCheck) -> str:
    """The share below the limit: simulated with its 95 % interval over studies, and observed."""
    low, middle, high = np.quantile(check.simulated_below, [0.025, 0.5, 0.975], axis=0)
    if len(check.simulated_below) > 1:
        draw_bands(ax, [FilledBand(check.time, low, high, BLUE, 0.25)])
    ax.plot(check.time, middle, color=BLUE)
    if check.places is not None and check.observed_below is not None:
        marker = "s" if len(check.places) <= _MARKED else None
        ax.plot(check.places, check.observed_below, color=BLACK, linewidth=0.9, marker=marker, markersize=2.5)
    ax.set_ylim(-0.02, 1.02)
    return ""


def description(check: PredictiveCheck | None, style: CheckStyle) -> str:
    ranks = style.ranks
    if style.studies == 1:
        band = f"{ranks[0]:g}\N{EN DASH}{ranks[2]:g} % band"
        middle = "median" if ranks[1] == 50 else f"{ranks[1]:g} %"
        return f"{middle} and {band}" + ("" if check is None else f", n = {check.members - check.lost} simulated")
    each = "" if check is None else f" of {check.members // style.studies}"
    return f"{style.studies} simulated studies{each}, 95 % intervals"
