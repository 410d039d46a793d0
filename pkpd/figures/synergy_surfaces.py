"""The excess of a drug combination over what a reference model expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.errors import DataError, unknown_name
from pkpd.figures import labels
from pkpd.figures.style import BLACK, COLUMN, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["synergy_surface"]

_WIDEST = 12  # doses of a drug of which each cell still has its number
_SIZE = (COLUMN[0], 2.8)
_NAMES = {"bliss": "Bliss", "hsa": "highest single agent", "loewe": "Loewe"}


def synergy_surface(table: xr.Dataset, reference: str, *, ax: Axes | None = None) -> Axes:
    """The excess effect of every combination of two doses: red above a reference (synergy), blue below.

    Each cell has its number in percentage points.  Where the table has intervals, those that leave out 0 are
    bold.

    Parameters
    ----------
    table
        From `synergy`.
    reference
        One of the table's references.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `table` is not from `synergy`.
    UnknownNameError
        If it has no such reference.

    Examples
    --------
    >>> import xarray as xr, pkpd
    >>> effects = xr.DataArray([[0.0, 0.2], [0.3, 0.8]], {"A": [0, 1], "B": [0, 1]}, ("A", "B"))
    >>> table = pkpd.synergy(effects, "A", "B", references=["bliss"])
    >>> [text.get_text() for text in synergy_surface(table, "bliss").texts][-1]
    '36'
    """
    import xarray as xr

    if not isinstance(table, xr.Dataset) or not {"excess", "excess_low", "expected"} <= set(table.data_vars):
        raise DataError(f"synergy_surface() got a {type(table).__name__}; expected what synergy() returns.")
    has = [str(name) for name in table["reference"].to_numpy()]
    if reference not in has:
        raise unknown_name("the table", "reference", str(reference), has)
    chosen = table.sel(reference=reference)
    a, b = (str(d) for d in chosen["excess"].dims)
    with canvas(ax, _SIZE) as axes:
        _draw(axes, chosen, a, b)
        bar = axes.figure.colorbar(axes.collections[0], ax=axes, pad=0.02, aspect=25)
        bar.outline.set_visible(False)
        bar.set_label(f"Excess over {_NAMES.get(reference, reference)}\n(percentage points)")
        percent = 100 * float(table.attrs.get("confidence", 0.95))
        certain = f"bold: {percent:g} % interval without 0" if bool(chosen["excess_low"].notnull().any()) else ""
        lost, members = int(table.attrs.get("excluded", 0)), int(table.attrs.get("members", 0))
        note(axes, certain, labels.left_out(lost, lost + members))
    return axes


def _draw(ax: Axes, chosen: xr.Dataset, a: str, b: str) -> None:
    excess = 100 * chosen["excess"].transpose(b, a).to_numpy()
    low, high = (100 * chosen[name].transpose(b, a).to_numpy() for name in ("excess_low", "excess_high"))
    reach = float(np.nanmax(np.abs(excess))) or 1.0
    ax.pcolormesh(
        np.ma.masked_invalid(excess), cmap="RdBu_r", vmin=-reach, vmax=reach, edgecolors="white", linewidth=0.5
    )
    ax.set_facecolor("#d9d9d9")
    if max(excess.shape) <= _WIDEST:
        for (i, j), number in np.ndenumerate(excess):
            bold = low[i, j] > 0 or high[i, j] < 0
            color = "white" if abs(number) > 0.65 * reach else BLACK
            if np.isfinite(number):
                ax.text(
                    j + 0.5, i + 0.5, f"{number:.0f}".replace("-0", "0").replace("-", "\N{MINUS SIGN}"),
                    ha="center", va="center", fontsize=6, color=color, fontweight="bold" if bold else "normal",
                )  # fmt: skip
    for axis, name in (("x", a), ("y", b)):
        doses = chosen[name].to_numpy()
        every = range(0, len(doses), -(-len(doses) // _WIDEST))
        getattr(ax, f"set_{axis}ticks")([i + 0.5 for i in every], [f"{doses[i]:.3g}" for i in every])
        getattr(ax, f"set_{axis}label")(labels.quantity(chosen[name], 36))
    ax.tick_params(length=0)
