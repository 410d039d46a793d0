"""The same figure for each value of a dimension, in panels with axes in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.panels import each_page, panel_title, sheet
from pkpd.figures.selections import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.figures.panels import Sheet

__all__ = ["small_multiples"]


def small_multiples(
    run: xr.Dataset | xr.DataArray, over: str, draw: Callable[[Any, Axes], object], *, shared: bool = True
) -> list[Figure]:
    """Draw one figure for each value of a dimension, in panels of a page.

    Parameters
    ----------
    run
        The result of `simulate`, or a measure of it.
    over
        The dimension of which each value has its panel.
    draw
        Called with the part of `run` at one value, and the axes of its panel; any figure that takes ``ax=``.
    shared
        Whether panels have their axes in common.

    Returns
    -------
    list of matplotlib.figure.Figure
        Pages of up to 24 panels.  What is the same in all panels is said once: the names of the axes, and
        the legend.

    Raises
    ------
    UnknownNameError
        If the run has no such dimension.
    DataError
        If `draw` cannot be called.

    Examples
    --------
    >>> import pkpd
    >>> tumor = pkpd.load("growth_logistic")
    >>> run = pkpd.simulate(tumor, times=range(60), parameters=pkpd.grid(kg=[0.1, 0.2, 0.4]))
    >>> output = next(iter(run.data_vars))
    >>> (page,) = small_multiples(run, "kg", lambda part, ax: pkpd.time_course(part, output, ax=ax))
    >>> [ax.get_title(loc="left") for ax in page.axes]
    ['kg = 0.1/day', 'kg = 0.2/day', 'kg = 0.4/day']
    """
    require(_dimensions(run), over)
    if not callable(draw):
        raise DataError(f"small_multiples() got {draw!r} to draw; expected a function of a part of the run and axes.")
    return each_page(range(run.sizes[over]), lambda page: _page(run, over, draw, page, shared))


def _dimensions(run: Any) -> Any:
    """Something that has the dimensions of `run`, in which one can be looked for."""
    return run if not hasattr(run, "data_vars") else run.to_dataarray() if run.data_vars else run


def _page(run: Any, over: str, draw: Callable[[Any, Axes], object], page: Sequence[int], shared: bool) -> Figure:
    with sheet(len(page), shared=shared) as drawn:
        highest = []
        for ax, i in zip(drawn.axes, page, strict=True):
            part = run.isel({over: i})
            ax.autoscale(True, axis="y")  # a panel before may have set the limits that all share
            draw(part, ax)
            highest.append(ax.get_ylim())
            _head(ax, over, run[over][i])
        if shared:
            _share_limits(drawn, highest)
            _say_once(drawn)
    return drawn.figure


def _head(ax: Axes, over: str, value: xr.DataArray) -> None:
    """What the panel is of, in the place of a note, which goes below it."""
    note = ax.get_title(loc="left")
    named = labels.number(value.item())
    unit = labels.plain_unit(str(value.attrs.get("units", "1")))
    numbers = value.dtype.kind in "iuf"
    panel_title(ax, f"{over} = {labels.with_unit(named, unit)}" if numbers else named)
    if note:
        ax.annotate(
            note, (1, 1), xytext=(-1, -1), xycoords="axes fraction", textcoords="offset points", ha="right", va="top",
            fontsize=5, color="#6e6e6e", zorder=0,
        )  # fmt: skip


def _share_limits(drawn: Sheet, limits: list[tuple[float, float]]) -> None:
    """The limits that hold every panel."""
    drawn.axes[0].set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _say_once(drawn: Sheet) -> None:
    """The names of axes and the legend, where all panels have the same."""
    for which, place in (("x", drawn.figure.supxlabel), ("y", drawn.figure.supylabel)):
        names = {getattr(ax, f"get_{which}label")() for ax in drawn.axes}
        if len(names) == 1:
            place(names.pop(), fontsize=8)
            for ax in drawn.axes:
                getattr(ax, f"set_{which}label")("")
    legends = [legend for ax in drawn.axes if (legend := ax.get_legend()) is not None]
    entries: dict[str, Any] = {}
    for ax in drawn.axes:
        entries |= {name: mark for mark, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    if not legends or not entries:
        return
    title = legends[0].get_title().get_text()
    for legend in legends:
        legend.remove()
    drawn.figure.legend(
        list(entries.values()), list(entries), title=title or None, loc="outside right upper", alignment="left",
        borderpad=0,
    )  # fmt: skip
