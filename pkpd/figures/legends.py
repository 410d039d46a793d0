"""What the colors of lines mean: a legend for a few values, a color bar for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.figures import labels
from pkpd.figures.selections import is_geometric
from pkpd.figures.style import OKABE_ITO, ordered_colors, ordered_map

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["has_color_bar", "key", "legend_above", "legend_columns", "line_colors"]

_FEW = 7
_LETTERS = 50  # that fit in a row above a column's axes


def line_colors(coordinate: xr.DataArray) -> list[Any]:
    """A color for each value: ordered for numbers, distinct for names."""
    values = coordinate.to_numpy()
    if values.dtype.kind not in "iuf":
        return [OKABE_ITO[i % len(OKABE_ITO)] for i in range(len(values))]
    if not has_color_bar(coordinate):
        rank = np.argsort(np.argsort(values))
        return ordered_colors(rank / max(len(values) - 1, 1))
    return ordered_colors(_norm(coordinate)(values))


def has_color_bar(coordinate: xr.DataArray) -> bool:
    """Whether the values are numbers, and too many for a legend."""
    return coordinate.dtype.kind in "iuf" and coordinate.size > _FEW


def key(ax: Axes, coordinate: xr.DataArray | None) -> float:
    """Say what the colors and marks mean: beside the axes where lines differ by `coordinate`, else above.

    Returns
    -------
    float
        How much room a note above the axes must leave, in points.
    """
    if coordinate is not None and has_color_bar(coordinate):
        _color_bar(ax, coordinate)
    elif coordinate is not None:  # beside the axes, because curves seldom leave room inside
        handles = ax.get_legend_handles_labels()[0]
        doses = [handle for handle in handles if str(handle.get_gid()).startswith("doses:")]
        lines = [handle for handle in handles if handle not in doses]
        room = legend_above(ax, doses)  # whose words are long
        above = ax.get_legend()
        ax.legend(
            handles=lines, title=labels.quantity(coordinate, 15), alignment="left", loc="upper left",
            bbox_to_anchor=(1.0, 1.03), borderaxespad=0.3,
        )  # fmt: skip
        if above is not None and doses:
            ax.add_artist(above).set_clip_on(False)  # else the layout leaves it no room
        return room
    return legend_above(ax)


def legend_above(ax: Axes, handles: Sequence[Any] | None = None, *, lift: float = 0.0, **look: Any) -> float:
    """A legend in the margin above the axes, where it hides nothing; the room it takes, in points.

    It stands higher by `lift`, in heights of the axes.
    """
    drawn = ax.get_legend_handles_labels()[0] if handles is None else list(handles)
    names = [str(handle.get_label()) for handle in drawn]
    if not names:
        return 4
    columns = legend_columns(names)
    rows = -(-len(names) // columns)
    ax.legend(
        handles=drawn, loc="lower left", bbox_to_anchor=(0, 1 + lift), ncols=columns, borderpad=0, labelspacing=0.2,
        handletextpad=0.5, columnspacing=1.2, **look,
    )  # fmt: skip
    return 4 + 9.5 * rows


def legend_columns(names: Sequence[str], letters: int = _LETTERS) -> int:
    """As many columns as fit in `letters`, filled one after the other as matplotlib does."""
    for columns in range(len(names), 1, -1):
        widths = [max(len(n) + 6 for n in group) for group in np.array_split(np.array(names, dtype=object), columns)]
        if sum(widths) <= letters:
            return columns
    return 1


def _norm(coordinate: xr.DataArray) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    values = coordinate.to_numpy()
    return (LogNorm if is_geometric(values) else Normalize)(values.min(), values.max())


def _color_bar(ax: Axes, coordinate: xr.DataArray) -> None:
    from matplotlib.cm import ScalarMappable

    mappable = ScalarMappable(_norm(coordinate), ordered_map())
    bar = ax.figure.colorbar(mappable, ax=ax, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.set_label(labels.quantity(coordinate, 34))
