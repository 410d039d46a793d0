"""Each arm or subject of a fit in a panel of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.bands import band_name, checked_bands, scale_with_bands
from pkpd.figures.fits import arm_title, draw_limits, draw_observed, failed, fine_times, require_fit
from pkpd.figures.mixed_individuals import mixed_individual_fits
from pkpd.figures.panels import Sheet, each_page, panel_title, sheet
from pkpd.figures.style import BLACK, BLUE, GRAY
from pkpd.fitting.diagnostics import comparable_values, counts_events, observed_output, series
from pkpd.fitting.individuals import individual_curves
from pkpd.fitting.mixed.results import MixedFit

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.fitting.results import Fit

__all__ = ["individual_fits"]


def individual_fits(
    fit: Fit | MixedFit,
    output: str | None = None,
    *,
    log: bool = False,
    shared: bool = True,
    bands: xr.Dataset | None = None,
) -> list[Figure]:
    """Observations and fitted curve of each subject, or of each arm where the data have no subjects.

    Of a mixed-effects fit the course of the typical subject stands beside that of the subject.

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
    bands
        From `pkpd.bands`, to be drawn about the curves; those of an arm, for all of its subjects.

    Returns
    -------
    list of matplotlib.figure.Figure
        The pages.

    Raises
    ------
    UnknownNameError
        If no such output was observed.
    DataError
        If several outputs were observed and none is named, it is observed by times to an event, or
        `bands` are of another fit, or of arms whose subjects have curves of their own.

    Examples
    --------
    ``pkpd.save(pkpd.individual_fits(fit), "individuals.pdf")`` writes all pages.

    >>> import pkpd
    >>> from pkpd.fits import mc38_radiation
    >>> result = mc38_radiation.run()
    >>> (page,) = individual_fits(result)
    >>> len(page.axes)
    4
    """
    for name, value in (("log", log), ("shared", shared)):
        if not isinstance(value, bool):
            raise DataError(f"individual_fits: {name} is {value!r}; expected True or False.")
    if isinstance(fit, MixedFit):
        return mixed_individual_fits(fit, output, log=log, shared=shared)
    require_fit(fit, "individual_fits")
    output = observed_output(fit, output)
    if counts_events(fit, output):
        raise DataError(
            f"individual_fits: {output!r} is observed by times to an event, of which a subject has one and no course; "
            "fit_overlay shows the cumulative hazard of each arm."
        )
    table = comparable_values(fit)
    rows = table[table["output"] == output]
    curves = individual_curves(fit, output, fine_times(fit, rows))
    about = checked_bands(fit, bands, output, "individual_fits")
    if about is not None and len({id(curve) for curve in curves.values()}) > len(fit.data.arms):
        raise DataError(
            f"individual_fits: subjects of {fit.data.name} have covariates and curves of their own, and bands are "
            "those of arms; leave bands out."
        )
    arms = set(rows["arm"])
    people = [_Person(_title(fit, key, len(arms)), key[0], curves[key], own) for key, own in series(rows)]
    options = _Options(output, fit.data.sd_given, log, shared, about)
    return each_page(people, lambda page: _page(page, options))


@dataclass(frozen=True, eq=False)
class _Person:
    """What a panel shows."""

    title: str
    arm: str
    curve: xr.DataArray
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Options:
    """How panels are drawn."""

    output: str
    bars: bool
    log: bool
    shared: bool
    bands: xr.Dataset | None


def _title(fit: Fit, key: tuple[str, str], arms: int) -> str:
    arm, subject = key
    if not subject:
        return arm_title(fit, arm)
    return subject if arms == 1 else f"{arm}, {subject}"


def _page(people: Sequence[_Person], options: _Options) -> Figure:
    with sheet(len(people), shared=options.shared) as drawn:
        for ax, person in zip(drawn.axes, people, strict=True):
            _draw(ax, person.curve, person.rows, options.bars)
            panel_title(ax, person.title)
            missing = "curve failed" if failed(person.curve) else ""
            _remark(ax, missing, _at_zero(person.rows, options.log))
        places = [(ax, person.arm, BLUE) for ax, person in zip(drawn.axes, people, strict=True)]
        for group in [places] if options.shared else [[place] for place in places]:
            scale_with_bands([place[0] for place in group], options.log, options.bands, options.output, group)
        _describe(drawn, people[0].curve)
        if options.bands is not None:
            drawn.figure.suptitle(band_name(options.bands), x=0.01, ha="left", fontsize=7, color=GRAY)
    return drawn.figure


def _draw(ax: Axes, curve: xr.DataArray, rows: pd.DataFrame, bars: bool) -> None:
    look = {"color": BLACK, "markersize": 2.8, "elinewidth": 0.5, "capsize": 1.0}
    ax.plot(curve["time"].to_numpy(), curve.to_numpy(), color=BLUE, linewidth=1.2, label="fitted")
    draw_observed(ax, rows, bars, marker="o", label="observed" + (" ± SD" if bars else ""), **look)
    draw_limits(ax, rows, label="beyond a limit")


def _at_zero(rows: pd.DataFrame, log: bool) -> str:
    count = int((rows["observed"] <= 0).sum()) if log else 0
    return f"{count} of {len(rows)} \N{LESS-THAN OR EQUAL TO} 0" if count else ""


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
