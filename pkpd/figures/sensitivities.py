"""Which parameters an output depends on: tornado plots and bars of sensitivity indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.scales import write_powers
from pkpd.figures.style import BLACK, BLUE, COLUMN, OKABE_ITO, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["sensitivity_bars", "tornado"]

_ROW = 0.24  # inches
_LEGEND = 0.25
_MARGINS = 0.9
_AMBER = OKABE_ITO[4]
_INDICES = {"first_order": "first order", "total_order": "total", "mu_star": "\N{GREEK SMALL LETTER MU}*"}


def tornado(table: xr.Dataset, *, most: int = 15, ax: Axes | None = None) -> Axes:
    """The output at both ends of each parameter's range, the widest swing above.

    Parameters
    ----------
    table
        From `one_at_a_time`.
    most
        Parameters to show.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `table` is not from `one_at_a_time`, or `most` is no number of 1 or more.

    Examples
    --------
    >>> import pkpd
    >>> table = pkpd.one_at_a_time(lambda a, b: a + 3 * b, {"a": (0, 1), "b": (0, 1)})
    >>> [label.get_text()[0] for label in tornado(table).get_yticklabels()]
    ['b', 'a']
    """
    from matplotlib.ticker import MaxNLocator

    needed = {"low", "high", "output_low", "output_high", "output_base"}
    rows = _rows(table, needed, "one_at_a_time", most)
    middle = float(table["output_base"])
    reach = max(float(abs(rows[f"output_{side}"] - middle).max()) for side in ("low", "high")) or 1.0
    with canvas(ax, _size(rows.sizes["parameter"])) as axes:
        for side, color, name in (("low", BLUE, "low end"), ("high", _AMBER, "high end")):
            ends = rows[f"output_{side}"].to_numpy()
            bars = axes.barh(
                np.arange(len(ends)), ends - middle, left=middle, height=0.62, color=color,
                label=f"parameter at its {name}",
            )  # fmt: skip
            for bar in bars:  # of two on one side the shorter lies above
                bar.set_zorder(2 - 0.5 * min(abs(bar.get_width()) / reach, 1.0) if np.isfinite(bar.get_width()) else 1)
        axes.axvline(middle, color=BLACK, linewidth=0.6)
        _name_rows(axes, [_range_label(rows.isel(parameter=i)) for i in range(rows.sizes["parameter"])])
        axes.set_xlabel(labels.quantity(rows["output_low"], 40))
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.tick_params(axis="x", labelsize=6)  # names of parameters leave little room
        write_powers(axes, "x", float(max(abs(rows["output_low"]).max(), abs(rows["output_high"]).max())))
        _spread(axes, rows, middle)
        room = legend_above(axes)
        lost = int(table.attrs.get("members_failed", 0)) + int(table.attrs.get("members_not_finite", 0))
        count, everyone = rows.sizes["parameter"], table.sizes["parameter"]
        few = f"{count} of {everyone} parameters" if count < everyone else ""
        note(axes, labels.left_out(lost, int(table.attrs.get("members", 0)), "ends"), few, pad=room)
    return axes


def sensitivity_bars(table: xr.Dataset, *, most: int = 15, ax: Axes | None = None) -> Axes:
    """Sensitivity indices of each parameter with their confidence intervals, the largest above.

    Parameters
    ----------
    table
        From `sobol_indices`, `morris` or `prcc`, with one time and one arm chosen (``table.sel(time=28)``).
    most
        Parameters to show.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `table` is of none of these, or has more dimensions than ``parameter``.

    Examples
    --------
    >>> import pkpd
    >>> table = pkpd.sobol_indices(lambda a, b: a + 3 * b, {"a": (0, 1), "b": (0, 1)}, n=16, seed=1)
    >>> [label.get_text() for label in sensitivity_bars(table).get_yticklabels()]
    ['b', 'a']
    """
    import xarray as xr

    kinds = [k for k in (*_INDICES, "prcc") if isinstance(table, xr.Dataset) and f"{k}_low" in table]
    if not kinds:
        raise DataError(
            f"sensitivity_bars() got a {type(table).__name__}; expected a table of sobol_indices(), morris() or prcc()."
        )
    table = table.squeeze([d for d, size in table.sizes.items() if d != "parameter" and size == 1])
    by = table[kinds[-1]]
    rows = _rows(table.isel(parameter=_largest(by)), set(kinds), "sobol_indices", most)
    with canvas(ax, _size(rows.sizes["parameter"])) as axes:
        _draw_bars(axes, rows, kinds)
        _name_rows(axes, [str(name) for name in rows["parameter"].to_numpy()])
        _label_indices(axes, rows, kinds)
        room = legend_above(axes) if len(kinds) > 1 else 4
        percent = table.attrs.get("confidence")
        intervals = f"{100 * percent:g} % intervals" if percent else ""
        note(axes, intervals, _excluded(table), pad=room)
    return axes


def _draw_bars(ax: Axes, rows: xr.Dataset, kinds: list[str]) -> None:
    height = 0.7 / len(kinds)
    for i, (kind, color) in enumerate(zip(kinds, (BLUE, _AMBER), strict=False)):
        values, low, high = (rows[kind + end].to_numpy() for end in ("", "_low", "_high"))
        places = np.arange(len(values)) + (i - (len(kinds) - 1) / 2) * height
        reach = np.maximum([values - low, high - values], 0)
        ax.barh(places, values, height=0.92 * height, color=color, label=_INDICES.get(kind, kind))
        ax.errorbar(values, places, xerr=reach, fmt="none", ecolor=BLACK, elinewidth=0.7, capsize=1.5, capthick=0.7)


def _label_indices(ax: Axes, rows: xr.Dataset, kinds: list[str]) -> None:
    output = str(rows.attrs.get("output_meaning") or rows.attrs.get("output", "the output"))
    if "time" in rows.coords:
        output += f" at {rows['time'].attrs.get('units', 'time')} {float(rows['time']):g}"
    if kinds[0] == "first_order":
        ax.set_xlabel(f"Share of the variance of\n{output}")
        ax.set_xlim(min(0.0, float(rows["first_order_low"].min())), max(1.0, float(rows["total_order_high"].max())))
    elif kinds[0] == "mu_star":
        unit = labels.plain_unit(str(rows["mu_star"].attrs.get("units", "1")))
        ax.set_xlabel(f"Mean absolute effect on\n{output}{f' ({unit})' if unit else ''}")
    else:
        ax.set_xlabel(f"Partial rank correlation with\n{output}")
        ax.set_xlim(-1, 1)
    ax.axvline(0, color=BLACK, linewidth=0.6)


def _excluded(table: xr.Dataset) -> str:
    """The sentence on what an analysis left out."""
    for group, words in (("base_rows", "base rows"), ("trajectories", "trajectories")):
        lost = int(table.attrs.get(f"{group}_excluded", 0))
        if lost:
            return f"{lost} of {table.attrs[group]} {words} left out: a member failed"
    return ""


def _rows(table: Any, needed: set[str], source: str, most: Any) -> xr.Dataset:
    import xarray as xr

    if not isinstance(table, xr.Dataset) or not needed <= set(table.data_vars):
        raise DataError(f"the figure got a {type(table).__name__}; expected what {source}() returns.")
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise DataError(f"most is {most!r}; expected a number of parameters, 1 or more.")
    further = [str(d) for name in needed for d in table[name].dims if d != "parameter"]
    if further:
        raise DataError(f"the table varies over {further[0]!r} too; choose one value with .sel({further[0]}=...).")
    return table.isel(parameter=slice(0, most))


def _largest(values: xr.DataArray) -> Any:
    if values.dims != ("parameter",):
        further = next(str(d) for d in values.dims if d != "parameter")
        raise DataError(f"the table varies over {further!r} too; choose one value with .sel({further}=...).")
    return np.argsort(-np.nan_to_num(np.abs(values.to_numpy()), nan=-1.0), kind="stable")


def _size(rows: int) -> tuple[float, float]:
    return COLUMN[0], _MARGINS + _LEGEND + _ROW * max(rows, 3)


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.spines["left"].set_visible(False)


def _range_label(row: xr.Dataset) -> str:
    unit = labels.plain_unit(str(row["unit"].item()))
    ends = "\N{EN DASH}".join(labels.short_number(float(row[end])) for end in ("low", "high"))
    return f"{row['parameter'].item()}  {ends}{f' {unit}' if unit else ''}"


def _spread(ax: Axes, rows: xr.Dataset, middle: float) -> None:
    """Room at both ends of the longest bars."""
    ends = np.concatenate([rows["output_low"].to_numpy(), rows["output_high"].to_numpy(), [middle]])
    low, high = cast("float", np.nanmin(ends)), cast("float", np.nanmax(ends))
    margin = 0.05 * (high - low) or 1.0
    ax.set_xlim(low - margin, high + margin)
