"""Each arm or subject of a fit in a panel of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.fits import draw_observed, failed, fine_times, not_positive, require_fit
from pkpd.figures.panels import Sheet, each_page, panel_title, sheet
from pkpd.figures.scales import scale_output, scale_outputs
from pkpd.figures.style import BLACK, BLUE, GRAY
from pkpd.fitting.diagnostics import observed_output, series, standardized_residuals
from pkpd.fitting.individuals import individual_curves
from pkpd.fitting.record_predictor import RecordPredictor

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.fitting.results import Fit

__all__ = ["individual_fits"]


def individual_fits(fit: Fit, output: str | None = None, *, log: bool = False, shared: bool = True) -> list[Figure]:
    """Observations and fitted curve of each subject, or of each arm where the data have no subjects.

    Up to 24 panels stand on a page, four in a row; `save` writes all pages to one PDF.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`.
    output
        The observed output; may be left out where there is only one.
    log
        Whether the axis of the output is logarithmic; a panel counts values of 0 and less,
        which are then not shown.
    shared
        Whether all panels of a page have their axes in common.

    Returns
    -------
    list of matplotlib.figure.Figure
        The pages.

    Raises
    ------
    UnknownNameError
        If no such output was observed.
    DataError
        If several outputs were observed and none is named.

    Examples
    --------
    ``pkpd.save(pkpd.individual_fits(fit), "individuals.pdf")`` writes all pages.
    """
    require_fit(fit, "individual_fits")
    for name, value in (("log", log), ("shared", shared)):
        if not isinstance(value, bool):
            raise DataError(f"individual_fits: {name} is {value!r}; expected True or False.")
    output = observed_output(fit, output)
    table = standardized_residuals(fit).assign(sd=fit.data.sd)
    rows = table[table["output"] == output]
    curves = individual_curves(fit, output, fine_times(fit, rows))
    arms = set(rows["arm"])
    from_records = isinstance(fit.predictor, RecordPredictor)
    people = [
        (f"ID {key[0]}" if from_records else _title(key, len(arms)), curves[key], own) for key, own in series(rows)
    ]
    return each_page(people, lambda page: _page(page, fit.data.sd_given, log, shared))


Person = tuple[str, "xr.DataArray", "pd.DataFrame"]  # title, curve, observations


def _title(key: tuple[str, str], arms: int) -> str:
    arm, subject = key
    if not subject:
        return arm
    return subject if arms == 1 else f"{arm}, {subject}"


def _page(people: Sequence[Person], bars: bool, log: bool, shared: bool) -> Figure:
    with sheet(len(people), shared=shared) as drawn:
        for ax, (title, curve, rows) in zip(drawn.axes, people, strict=True):
            _draw(ax, curve, rows, bars)
            panel_title(ax, title)
            missing = "curve failed" if failed(curve) else ""
            _remark(ax, missing, not_positive(rows, log).replace("observations", "values"))
        if shared:
            scale_outputs(drawn.axes, log)
        else:
            for ax in drawn.axes:
                scale_output(ax, log)
        _describe(drawn, people[0][1])
    return drawn.figure


def _draw(ax: Axes, curve: xr.DataArray, rows: pd.DataFrame, bars: bool) -> None:
    look = {"color": BLACK, "markersize": 2.8, "elinewidth": 0.5, "capsize": 1.0}
    measured, limits = rows[rows["measured"]], rows[~rows["measured"]]
    ax.plot(curve["time"].to_numpy(), curve.to_numpy(), color=BLUE, linewidth=1.2, label="fitted")
    draw_observed(ax, measured, bars, marker="o", label="observed" + (" ± SD" if bars else ""), **look)
    if len(limits):
        ax.plot(limits["time"], limits["observed"], "v", markerfacecolor="none", **_hollow(), label="beyond a limit")


def _hollow() -> dict[str, Any]:
    return {"markersize": 3.2, "color": GRAY, "markeredgewidth": 0.7}


def _remark(ax: Axes, *remarks: str) -> None:
    text = "\n".join(r for r in remarks if r)
    if text:
        ax.text(0.97, 0.97, text, transform=ax.transAxes, ha="right", va="top", fontsize=5.5, color=GRAY)


def _describe(drawn: Sheet, curve: xr.DataArray) -> None:
    """The axes and the marks, said once for the page."""
    drawn.figure.supylabel(labels.quantity(curve), fontsize=8)
    drawn.figure.supxlabel(labels.quantity(curve["time"]), fontsize=8)
    entries: dict[str, Any] = {}
    for ax in drawn.axes:
        entries |= {name: mark for mark, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    drawn.figure.legend(
        list(entries.values()), list(entries), loc="outside upper right", ncols=len(entries), borderpad=0,
        handletextpad=0.5, columnspacing=1.2,
    )  # fmt: skip
