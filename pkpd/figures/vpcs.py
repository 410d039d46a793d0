"""Visual predictive checks: percentiles of simulated observations against time, and what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.mixed_checks import mixed_vpc
from pkpd.figures.mixed_quality import observed_output
from pkpd.figures.scales import scale_output
from pkpd.figures.selections import only, require, where
from pkpd.figures.style import BLACK, BLUE, GRAY, RED, canvas, note
from pkpd.fitting.mixed.results import MixedFit

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["vpc"]


_BINS = 8


@overload
def vpc(
    simulated: xr.Dataset,
    observed: pd.DataFrame | None = None,
    *,
    percentiles: tuple[float, float, float] = (5, 50, 95),
    replicates: int | None = None,
    bins: int | Sequence[float] | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes: ...


@overload
def vpc(
    simulated: MixedFit,
    *,
    output: str | None = None,
    percentiles: tuple[float, float, float] = (5, 50, 95),
    replicates: int | None = None,
    bins: int | Sequence[float] | None = None,
    corrected: bool = False,
    by: str | None = None,
    seed: int = 0,
    log: bool = False,
) -> Figure: ...


def vpc(
    simulated: Any,
    observed: pd.DataFrame | None = None,
    *,
    output: str | None = None,
    percentiles: tuple[float, float, float] = (5, 50, 95),
    replicates: int | None = None,
    bins: int | Sequence[float] | None = None,
    corrected: bool = False,
    by: str | None = None,
    seed: int = 0,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes | Figure:
    """Percentiles of simulated observations against time, with those of observed ones.

    Of a mixed-effects fit the trial is simulated anew, with the doses, times and covariates of
    every subject; values below a limit of quantification rank lowest, and their share has a
    panel of its own.

    Members without a value (failed, and excluded by a declared policy) are left out, and the
    figure says how many.  Percentiles below the limit of quantification are not drawn.

    Parameters
    ----------
    simulated
        From `observe`, over ``member`` and ``time``; or a `MixedFit`.
    observed
        Columns ``time`` and ``value`` in the same units, an observation a row; those below
        the limit of quantification at the limit, as `observe` reports them.
    percentiles
        A low one, a middle one and a high one.
    replicates
        Take the members as this many studies of the same size, one after the other, and show
        for each percentile the interval that holds it in 95 % of the studies.  Of a mixed-effects
        fit how often the trial is simulated, 500 times by default.
    bins
        The bins of time in which observed percentiles are taken: their number, each holding
        about as many observations, or their edges.  By default one for each observed time, or
        8 where there are more times than that.
    output, corrected, by, seed
        Of a mixed-effects fit: the observed output; whether values are corrected for the
        prediction of their dose and covariates (Bergstrand et al. 2011); a column whose values
        make panels; and the seed of the simulations.
    log
        Whether the axis of the output is logarithmic; values of 0 and less are not shown then.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If `simulated` lacks a dimension or was not made by `observe`, or `observed` lacks a
        column.
    DataError
        If `simulated` varies over a further dimension, the percentiles do not rise,
        `replicates` does not divide the members, or an observation is not a number.
    SimulationError
        If no member is left to show.

    References
    ----------
    Bergstrand M, Hooker AC, Wallin JE, Karlsson MO. Prediction-corrected visual predictive
    checks for diagnosing nonlinear mixed-effects models. AAPS J 13:143-151 (2011).
    """
    ranks = _ranks(percentiles)
    if isinstance(simulated, MixedFit):
        if observed is not None or ax is not None:
            raise DataError(
                f"vpc() of {simulated!r} has observations and a figure of its own; leave observed= and ax= out."
            )
        return mixed_vpc(
            simulated, observed_output(simulated, output, "vpc"), n=replicates or 500, seed=seed, percentiles=ranks,
            bins=bins, corrected=corrected, by=by, log=log,
        )  # fmt: skip
    values = _values(simulated)
    rows = values.transpose("member", "time").to_numpy()
    lost = np.isnan(rows).any(axis=1)
    if lost.all():
        raise SimulationError(f"{where(simulated)}: no member has a value at every time; all {len(rows)} failed.")
    studies = _studies(np.where(lost[:, None], np.nan, rows), ranks, replicates)
    floor = float(simulated["lloq"]) if "lloq" in simulated else -np.inf
    seen = None if observed is None else _observations(observed)
    with canvas(ax) as axes:
        if seen is not None:
            axes.plot(*seen, "o", color=GRAY, markersize=2, alpha=0.5, markeredgewidth=0, zorder=1, label="observed")
        _draw(axes, values["time"].to_numpy(), _visible(studies, floor), ranks)
        if seen is not None:
            _draw_observed(axes, *_binned(*seen, ranks, bins), floor)
        if np.isfinite(floor):
            axes.axhline(floor, color=BLACK, linewidth=0.6, linestyle=(0, (1, 2)), label="limit of quantification")
        scale_output(axes, log)
        axes.set_xlabel(labels.quantity(values["time"]))
        axes.set_ylabel(labels.quantity(values, 34))
        room = legend_above(axes)
        described = _description(len(rows), int(lost.sum()), ranks, replicates)
        note(axes, described, labels.left_out(int(lost.sum()), len(rows)), pad=room)
    return axes


# ---- what is shown


def _values(simulated: xr.Dataset) -> xr.DataArray:
    if not hasattr(simulated, "data_vars"):
        raise DataError(f"vpc() got {simulated!r}; expected simulated observations, as from observe().")
    if "value" not in simulated:
        raise unknown_name(where(simulated), "variable", "value", map(str, simulated.data_vars))
    values = simulated["value"]
    require(values, "member", "time")
    only(values, {"member", "time"}, "")
    return values


def _ranks(percentiles: Any) -> tuple[float, float, float]:
    try:
        ranks = tuple(float(p) for p in percentiles)
    except (TypeError, ValueError):
        ranks = ()
    if len(ranks) != 3 or not 0 < ranks[0] < ranks[1] < ranks[2] < 100:
        raise DataError(f"percentiles is {percentiles!r}; expected three that rise between 0 and 100, as (5, 50, 95).")
    return ranks[0], ranks[1], ranks[2]


def _studies(rows: Array, ranks: Sequence[float], replicates: int | None) -> Array:
    """The percentiles of each study, (studies, percentiles, times); a lost member, all NaN, leaves its own smaller."""
    number = 1 if replicates is None else replicates
    if not isinstance(number, int) or number < 1 or len(rows) % number:
        raise DataError(
            f"replicates is {replicates!r}, which does not divide the {len(rows)} members into studies of one size."
        )
    studies = rows.reshape(number, -1, rows.shape[1])
    some_left = ~np.isnan(studies).all(axis=(1, 2))
    return np.nanpercentile(studies[some_left], ranks, axis=1).transpose(1, 0, 2)


def _visible(studies: Array, floor: float) -> Array:
    return np.where(studies > floor, studies, np.nan)


def _observations(observed: pd.DataFrame) -> tuple[Array, Array]:
    if not hasattr(observed, "columns"):
        raise DataError(f"vpc() got {observed!r} as the observed table; expected a DataFrame with time and value.")
    columns = []
    for name in ("time", "value"):
        if name not in observed.columns:
            raise unknown_name("the observed table", "column", name, map(str, observed.columns))
        for row, cell in zip(observed.index, observed[name], strict=True):
            if not isinstance(cell, int | float | np.number) or not np.isfinite(cell):
                raise DataError(f"the observed table, row {row}: column {name!r} is {cell!r}; expected a number.")
        columns.append(observed[name].to_numpy(dtype=float))
    return columns[0], columns[1]


def _binned(
    time: Array, value: Array, ranks: Sequence[float], bins: int | Sequence[float] | None
) -> tuple[Array, Array]:
    """The median time of each bin that is not empty, and its percentiles, (percentiles, bins)."""
    group = np.searchsorted(_edges(time, bins), time, side="right")
    places = [np.flatnonzero(group == g) for g in np.unique(group)]
    middle = np.array([np.median(time[p]) for p in places])
    return middle, np.stack([np.percentile(value[p], ranks) for p in places], axis=1)


def _edges(time: Array, bins: int | Sequence[float] | None) -> Array:
    """The inner edges of the bins."""
    distinct = np.unique(time)
    if bins is None and len(distinct) <= _BINS:
        return (distinct[1:] + distinct[:-1]) / 2
    if bins is None or (isinstance(bins, int) and bins > 0):
        shares = np.linspace(0, 1, (bins or _BINS) + 1)[1:-1]
        return np.unique(np.quantile(time, shares))
    edges = np.asarray(bins, dtype=float) if np.ndim(bins) and np.asarray(bins).dtype.kind in "iuf" else np.empty(0)
    if edges.ndim != 1 or len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise DataError(f"bins is {bins!r}; expected a number of bins, or their edges in increasing order.")
    if time.min() < edges[0] or time.max() > edges[-1]:
        raise DataError(
            f"the bins reach from {edges[0]:g} to {edges[-1]:g}, "
            f"the observations from {time.min():g} to {time.max():g}."
        )
    return edges[1:-1]


# ---- drawing


def _draw(ax: Axes, time: Array, studies: Array, ranks: Sequence[float]) -> None:
    floor = float(np.min(studies, where=np.isfinite(studies), initial=np.inf))

    def fill(low: Array, high: Array, color: str, alpha: float) -> None:
        """A band that reaches below the limit of quantification ends at the lowest percentile shown."""
        ax.fill_between(time, np.fmax(low, floor), high, where=np.isfinite(high), color=color, alpha=alpha, linewidth=0)

    if len(studies) == 1:
        low, middle, high = studies[0]
        fill(low, high, BLUE, 0.18)
        ax.plot(time, middle, color=BLUE, label="simulated")
        for edge in (low, high):
            ax.plot(time, edge, color=BLUE, linewidth=0.7, linestyle=(0, (4, 2)))
        return
    names = (f"simulated {ranks[0]:g} and {ranks[2]:g} %", f"simulated {ranks[1]:g} %", "_")
    for i, (name, color) in enumerate(zip(names, (BLUE, RED, BLUE), strict=True)):
        low, middle, high = _interval(studies[:, i])
        fill(low, high, color, 0.25)
        ax.plot(time, middle, color=color, label=name)


def _interval(percentile: Array) -> Array:
    """The 2.5, 50 and 97.5 % quantiles over studies, (3, times); NaN below the limit of quantification."""
    ranked = np.where(np.isnan(percentile), -np.inf, percentile)
    quantiles = np.quantile(ranked, [0.025, 0.5, 0.975], axis=0, method="nearest")
    return np.where(np.isfinite(quantiles), quantiles, np.nan)


def _draw_observed(ax: Axes, time: Array, percentiles: Array, floor: float) -> None:
    for i, row in enumerate(_visible(percentiles, floor)):
        name, style = ("observed percentiles", "-") if i == 1 else ("_", (0, (4, 2)))
        ax.plot(time, row, color=BLACK, linewidth=0.9, linestyle=style, marker="s", markersize=2.5, label=name)


def _description(members: int, lost: int, ranks: Sequence[float], replicates: int | None) -> str:
    if replicates is None or replicates == 1:
        band = f"{ranks[0]:g}\N{EN DASH}{ranks[2]:g} % band"
        middle = "median" if ranks[1] == 50 else f"{ranks[1]:g} %"
        return f"{middle} and {band}, n = {members - lost} simulated"
    return f"{replicates} simulated studies of {members // replicates}, 95 % intervals"
