"""Visual predictive checks: percentiles of simulated observations against time, and what was observed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.mixed_checks import mixed_vpc
from pkpd.figures.mixed_quality import observed_output
from pkpd.figures.selections import only, require, where
from pkpd.figures.style import canvas, note
from pkpd.figures.vpc_panels import CheckStyle, check_sheet, description, draw_check, output_label
from pkpd.fitting.mixed.results import MixedFit
from pkpd.measures.predictive_checks import Observed, Simulated, predictive_check

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["vpc"]


@overload
def vpc(
    simulated: xr.Dataset,
    observed: pd.DataFrame | None = None,
    *,
    percentiles: tuple[float, float, float] = (5, 50, 95),
    replicates: int | None = None,
    bins: int | Sequence[float] | Literal["none"] | None = None,
    corrected: bool = False,
    by: str | None = None,
    below: bool = False,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes | Figure: ...


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
    bins: int | Sequence[float] | Literal["none"] | None = None,
    corrected: bool = False,
    by: str | None = None,
    below: bool = False,
    seed: int = 0,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes | Figure:
    """Percentiles of simulated observations against time, with those of observed ones.

    Of a mixed-effects fit the trial is simulated anew, with the doses, times and covariates of
    every subject, of a mixture with classes by their probabilities; values below a limit of
    quantification rank lowest, and their share has a panel of its own.

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
        about as many observations, or their edges.  By default those of the sampling schedule: a bin
        for each time at which several observations were made, or about which they cluster.
        ``"none"``: no bins, but curves by quantile regression (Jamsen et al. 2018).
    output, seed
        Of a mixed-effects fit: the observed output, and the seed of the simulations.
    corrected
        Whether values are corrected for the prediction of their dose and covariates (Bergstrand et
        al. 2011).  `simulated` has then a variable ``pred`` over ``member`` and ``time``, the prediction with
        the typical parameters of the population, and `observed` a column ``pred``.
    by
        Makes a panel for each value: a dimension of `simulated` or a coordinate of its members, and a column
        of `observed`; of a mixed-effects fit a column of its data.
    below
        Whether a panel follows of the share below the limit of quantification.
    log
        Whether the axis of the output is logarithmic; observations of 0 and less are then triangles at its
        foot, which the figure counts.
    ax
        Axes to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes or matplotlib.figure.Figure
        The figure where `by` or `below` make several panels, or of a mixed-effects fit.

    Raises
    ------
    UnknownNameError
        If `simulated` lacks a dimension or was not made by `observe`, or `observed` lacks a
        column.
    DataError
        If `simulated` varies over a further dimension, the percentiles do not rise,
        `replicates` does not divide the members, an observation is not a number, or there is no limit of
        quantification to be below.
    SimulationError
        If no member is left to show.

    References
    ----------
    Bergstrand M, Hooker AC, Wallin JE, Karlsson MO. Prediction-corrected visual predictive
    checks for diagnosing nonlinear mixed-effects models. AAPS J 13:143-151 (2011).

    Jamsen KM, Patel K, Nieforth K, Kirkpatrick CMJ. A regression approach to visual predictive checks for
    population pharmacometric models. CPT Pharmacometrics Syst Pharmacol 7:678-686 (2018).

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("durvalumab_baverel_2018")
    >>> people = pkpd.sample(model, 20, seed=1)
    >>> run = pkpd.simulate(model, pkpd.bolus("1500 mg", "iv"), times=[1, 7, 28], parameters=people, outputs=["C"])
    >>> ax = vpc(pkpd.observe(run, "C", error=pkpd.proportional_error(0.2), seed=1))
    >>> ax.get_xlabel()
    'Time (day)'
    """
    ranks = _ranks(percentiles)
    if isinstance(simulated, MixedFit):
        if observed is not None or ax is not None:
            raise DataError(
                f"vpc() of {simulated!r} has observations and a figure of its own; leave observed= and ax= out."
            )
        if isinstance(bins, str):
            raise DataError(
                f"vpc() of {simulated!r} has bins, of which {bins!r} are not; expected their number or edges."
            )
        n = 500 if replicates is None else replicates
        if isinstance(n, bool) or not isinstance(n, int) or n < 2:
            raise DataError(f"vpc: replicates is {replicates!r}; expected a whole number of 2 or more.")
        return mixed_vpc(
            simulated, observed_output(simulated, output, "vpc"), n=n, seed=seed, percentiles=ranks,
            bins=bins, corrected=corrected, by=by, log=log,
        )  # fmt: skip
    if isinstance(bins, str) and bins != "none":
        raise DataError(f"bins is {bins!r}; expected a number of bins, their edges, or 'none'.")
    values = _values(simulated, by)
    floor = float(simulated["lloq"]) if "lloq" in simulated else -np.inf
    if below and not np.isfinite(floor):
        raise DataError(f"vpc(below=True): {where(simulated)} has no limit of quantification; give lloq= to observe().")
    if ax is not None and (below or by is not None):
        raise DataError(f"vpc() makes panels of its own for by={by!r} and below={below!r}; leave ax= out.")
    seen = None if observed is None else _observations(observed, corrected, by)
    style = CheckStyle(ranks, replicates or 1, floor, log, corrected)
    checks = {}
    for name, part, own in _strata(simulated, values, seen, by):
        checks[name] = predictive_check(_simulated(part, floor, corrected, replicates), own, ranks, style.studies, bins)
    if below or by is not None:
        return check_sheet(checks, values, style, below)
    with canvas(ax) as axes:
        check = checks[""]
        hidden = draw_check(axes, check, style)
        axes.set_xlabel(labels.quantity(values["time"]))
        axes.set_ylabel(output_label(values, corrected))
        room = legend_above(axes)
        note(axes, description(check, style), labels.left_out(check.lost, check.members), hidden, pad=room)
    return axes


# ---- what is shown


def _values(simulated: xr.Dataset, by: str | None) -> xr.DataArray:
    if not hasattr(simulated, "data_vars"):
        raise DataError(f"vpc() got {simulated!r}; expected simulated observations, as from observe().")
    if "value" not in simulated:
        raise unknown_name(where(simulated), "variable", "value", map(str, simulated.data_vars))
    values = simulated["value"]
    require(values, "member", "time")
    only(values, {"member", "time", by or "time"}, "" if by else "make panels with by=, or ")
    if by is not None and by not in values.coords:
        raise unknown_name(where(simulated), "dimension or coordinate", by, map(str, values.coords))
    return values


def _strata(
    simulated: xr.Dataset, values: xr.DataArray, seen: pd.DataFrame | None, by: str | None
) -> Iterator[tuple[str, xr.Dataset, Observed | None]]:
    """For each panel its name, and what was simulated and observed."""
    if by is None:
        yield "", simulated, None if seen is None else _observed(seen)
        return
    strata = values.coords[by]
    for value in dict.fromkeys(strata.to_numpy().tolist()):
        part = simulated.isel({strata.dims[0]: np.flatnonzero(strata.to_numpy() == value)})
        rows = None if seen is None else seen[seen[by] == value]
        if rows is not None and rows.empty:
            raise DataError(f"vpc(by={by!r}): nothing was observed of {by} = {value!r}, which was simulated.")
        yield (
            f"{by} = {labels.number(value)}",
            part.squeeze(by) if by in part.dims else part,
            (None if rows is None else _observed(rows)),
        )


def _observed(rows: pd.DataFrame) -> Observed:
    columns = [rows[name].to_numpy(dtype=float) for name in ("time", "value")]
    return Observed(columns[0], columns[1], rows["pred"].to_numpy(dtype=float) if "pred" in rows else None)


def _simulated(part: xr.Dataset, floor: float, corrected: bool, replicates: int | None) -> Simulated:
    rows = part["value"].transpose("member", "time").to_numpy()
    lost = np.isnan(rows).any(axis=1)
    if lost.all():
        raise SimulationError(f"{where(part)}: no member has a value at every time; all {len(rows)} failed.")
    studies = 1 if replicates is None else replicates
    if not isinstance(studies, int) or studies < 1 or len(rows) % studies:
        raise DataError(
            f"replicates is {replicates!r}, which does not divide the {len(rows)} members into studies of one size."
        )
    if corrected and "pred" not in part:
        raise unknown_name(where(part), "variable", "pred", map(str, part.data_vars))
    pred = part["pred"].transpose("member", "time").to_numpy() if corrected else None
    return Simulated(part["time"].to_numpy(), np.where(lost[:, None], np.nan, rows), pred, floor)


def _ranks(percentiles: Any) -> tuple[float, float, float]:
    try:
        ranks = tuple(float(p) for p in percentiles)
    except (TypeError, ValueError):
        ranks = ()
    if len(ranks) != 3 or not 0 < ranks[0] < ranks[1] < ranks[2] < 100:
        raise DataError(f"percentiles is {percentiles!r}; expected three that rise between 0 and 100, as (5, 50, 95).")
    return ranks[0], ranks[1], ranks[2]


def _observations(observed: pd.DataFrame, corrected: bool, by: str | None) -> pd.DataFrame:
    """The columns that are needed, checked."""
    if not hasattr(observed, "columns"):
        raise DataError(f"vpc() got {observed!r} as the observed table; expected a DataFrame with time and value.")
    numbers = ["time", "value", *(["pred"] if corrected else [])]
    for name in [*numbers, *([] if by is None else [by])]:
        if name not in observed.columns:
            raise unknown_name("the observed table", "column", name, map(str, observed.columns))
    for name in numbers:
        for row, cell in zip(observed.index, observed[name], strict=True):
            if not isinstance(cell, int | float | np.number) or not np.isfinite(cell):
                raise DataError(f"the observed table, row {row}: column {name!r} is {cell!r}; expected a number.")
    return observed[[*numbers, *([] if by is None or by in numbers else [by])]]
