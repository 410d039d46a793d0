"""Benefit and risk side by side: a dot for each arm with its interval."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, unknown_name
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.style import COLUMN, GRAY, MARKERS, OKABE_ITO, PALE, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["benefit_risk_chart"]


def benefit_risk_chart(table: xr.Dataset, *, colors: Mapping[Any, str] | None = None, ax: Axes | None = None) -> Axes:
    """The fraction of each arm with the benefit, and with each risk, with confidence intervals.

    Parameters
    ----------
    table
        From `benefit_and_risk`.
    colors
        By arm, instead of the house colors in their order.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `table` is not from `benefit_and_risk`.
    UnknownNameError
        If a color is for an arm that is not there.
    """
    import xarray as xr

    if not isinstance(table, xr.Dataset) or not {"rate", "difference"} <= set(table.data_vars):
        raise DataError(f"benefit_risk_chart() got a {type(table).__name__}; expected what benefit_and_risk() returns.")
    arms, outcomes = table["arm"].values.tolist(), table["outcome"].values.tolist()
    for arm in colors or {}:
        if arm not in arms:
            raise unknown_name("the table", "arm", str(arm), map(str, arms))
    house = dict(zip(arms, OKABE_ITO * len(arms), strict=False)) | dict(colors or {})
    step = 0.62 / max(len(arms), 2)
    with canvas(ax, (COLUMN[0], 0.9 + 0.16 * len(outcomes) * (len(arms) + 1))) as axes:
        for number, (arm, marker) in enumerate(zip(arms, MARKERS * len(arms), strict=False)):
            of = table.sel(arm=arm)
            rate = of["rate"].to_numpy()
            reach = np.abs(np.stack([rate - of["lower"], of["upper"] - rate]))
            y = np.arange(len(outcomes)) + step * (number - (len(arms) - 1) / 2)
            look: Any = {"color": house[arm], "markersize": 4, "linewidth": 1, "clip_on": False}
            axes.errorbar(rate, y, xerr=reach, fmt=marker, capsize=0, label=str(arm), **look)
        _finish(axes, table, outcomes)
        percent = 100 * float(table.attrs["confidence"])
        lost = int(table.attrs.get("excluded", 0))
        failed = labels.left_out(lost, lost + int(table["n"].isel(outcome=0).sum()))
        room = legend_above(axes)
        note(axes, f"bars: {percent:g} % interval, {_counts(table)}", failed, pad=room)
    return axes


def _counts(table: xr.Dataset) -> str:
    few, many = int(table["n"].min()), int(table["n"].max())
    return f"n = {few} each" if few == many else f"n = {few} to {many}"


def _finish(ax: Axes, table: xr.Dataset, outcomes: list[Any]) -> None:
    ax.set_yticks(range(len(outcomes)), [textwrap.fill(text, 30) for text in table["meaning"].values.tolist()])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(0, min(1.0, 1.1 * float(table["upper"].max()))), ylim=(len(outcomes) - 0.5, -0.5))
    for edge in np.arange(len(outcomes) - 1) + 0.5:
        ax.axhline(edge, color=PALE, linewidth=0.5)
    for y, kind in enumerate(table["kind"].values.tolist()):
        ax.annotate(
            kind, (1, y), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points", va="center",
            fontsize=6.5, color=GRAY, annotation_clip=False,
        )  # fmt: skip
    ax.set_xlabel(f"Fraction of patients by {table.attrs['units_of_at'] or 'time'} {table.attrs['at']:g}")
