"""Visual predictive checks of a mixed-effects fit, by stratum, with a panel of what lies below the limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.panels import PAGE_PANELS, panel_title, sheet
from pkpd.figures.scales import plain_log
from pkpd.figures.style import BLACK, BLUE, GRAY, RED
from pkpd.fitting.mixed.predictive_checks import Check, predictive_checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.arrays import Array
    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["draw_check", "mixed_vpc"]


def mixed_vpc(
    fit: MixedFit, output: str, *, n: int, seed: int, percentiles: tuple[float, float, float],
    bins: int | Sequence[float] | None, corrected: bool, by: str | None, log: bool,
) -> Figure:  # fmt: skip
    """What `pkpd.vpc` draws of a mixed-effects fit: a panel for each stratum, and one of what lies below a limit."""
    checks = predictive_checks(
        fit, output, n=n, seed=seed, percentiles=percentiles, bins=bins, corrected=corrected, by=by
    )
    unit, time = (labels.plain_unit(u) for u in (fit.statement.model.units[output], fit.statement.model.time))
    named = f"{output} ({unit})" if unit else output
    ylabel = f"Prediction-corrected {named}" if corrected else labels.sentence(named)
    described = f"{n} simulated trials, 95 % intervals of {', '.join(f'{p:g}' for p in percentiles)} %; black: observed"
    panels = [(c, part) for c in checks for part in ("value", "below") if part == "value" or c.below is not None]
    if len(panels) > PAGE_PANELS:
        raise DataError(f"vpc: by={by!r} makes {len(panels)} panels; expected {PAGE_PANELS} or fewer.")
    with sheet(len(panels), shared=False) as drawn:
        for axes, (check, part) in zip(drawn.axes, panels, strict=True):
            if part == "value":
                draw_check(axes, check, log=log)
            else:
                _draw_below(axes, check)
            axes.set(xlabel=f"Time ({time})", ylabel=ylabel if part == "value" else "Share below the limit")
            panel_title(axes, check.stratum)
        drawn.figure.suptitle(described, x=0.01, ha="left", fontsize=7, color=GRAY)
    return drawn.figure


def draw_check(ax: Axes, check: Check, *, log: bool) -> None:
    """The intervals of simulated percentiles, and the observed ones."""
    dense = len(check.time) > 300
    alpha = float(np.clip(300 / len(check.time), 0.1, 0.5)) if dense else 0.5
    ax.plot(
        check.time, check.value, "o", color=GRAY, markersize=1.6, alpha=alpha, markeredgewidth=0, zorder=1,
        rasterized=len(check.time) > 3000,
    )  # fmt: skip
    foot = _foot(check) if log else -np.inf
    for i, color in enumerate((BLUE, RED, BLUE)):
        low, middle, high = _interval(check.simulated[:, i])
        shown = np.isfinite(low) & (high > foot)
        single = {"marker": "_", "markersize": 6} if len(check.middle) == 1 else {}
        ax.fill_between(check.middle, np.fmax(low, foot), high, where=shown, color=color, alpha=0.25, linewidth=0)
        ax.plot(check.middle, middle, color=color, linewidth=1.0, **single)  # type: ignore[arg-type]
        style: Any = "-" if i == 1 else (0, (4, 2))
        ax.plot(check.middle, check.observed[i], color=BLACK, linewidth=0.9, linestyle=style, marker="s", markersize=2)
    if log:
        ax.set_yscale("log", nonpositive="mask")
        if np.isfinite(foot):
            ax.set_ylim(bottom=foot)
        plain_log(ax, "y")


def _foot(check: Check) -> float:
    """Where a logarithmic axis begins: simulated values may be 0 or less, and their bands end there."""
    shown = np.concatenate([check.value, check.observed.ravel()])
    return 0.5 * float(np.min(shown, where=shown > 0, initial=np.inf))


def _draw_below(ax: Axes, check: Check) -> None:
    assert check.below is not None
    assert check.simulated_below is not None
    low, middle, high = _interval(check.simulated_below)
    ax.fill_between(check.middle, low, high, color=BLUE, alpha=0.25, linewidth=0)
    ax.plot(check.middle, middle, color=BLUE, linewidth=1.0)
    ax.plot(check.middle, check.below, color=BLACK, linewidth=0.9, marker="s", markersize=2)
    ax.set_ylim(-0.02, 1.02)


def _interval(percentile: Array) -> Array:
    """The 2.5, 50 and 97.5 % quantiles over trials; NaN beyond a limit of quantification."""
    ranked = np.where(np.isnan(percentile), -np.inf, percentile)
    quantiles = np.quantile(ranked, [0.025, 0.5, 0.975], axis=0, method="nearest")
    return np.where(np.isfinite(quantiles), quantiles, np.nan)
