"""The standard panel of a mixed-effects fit: nine views on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.mixed_checks import draw_check
from pkpd.figures.panels import WIDTH
from pkpd.figures.scales import plain_log
from pkpd.figures.style import BLACK, BLUE, GRAY, PALE, RED, house_style
from pkpd.fitting.diagnostics import normal_scores, trend
from pkpd.fitting.mixed.individuals import scaled_etas
from pkpd.fitting.mixed.predictive_checks import predictive_checks

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.arrays import Array
    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["mixed_goodness_of_fit", "observed_output"]

_DENSE = 300  # observations from which marks are fainter
_TRIALS = 300


def mixed_goodness_of_fit(fit: MixedFit, output: str | None, *, log: bool) -> Figure:
    """What `pkpd.goodness_of_fit` draws of a mixed-effects fit."""
    output = observed_output(fit, output, "goodness_of_fit")
    table = fit.npde(n=_TRIALS)
    rows = table[(table["output"] == output) & table["measured"]].reset_index(drop=True)
    unit = labels.plain_unit(fit.statement.model.units[output])
    named = f"{output} ({unit})" if unit else output
    hours = labels.plain_unit(fit.statement.model.time)
    checks = predictive_checks(
        fit, output, n=_TRIALS, seed=0, percentiles=(5, 50, 95), bins=None, corrected=True, by=None
    )
    with house_style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(3, 3, figsize=(WIDTH, 6.9))
        try:
            _identity(axes[0, 0], rows, "pred", f"Population prediction of {named}", f"Observed {named}", log)
            _identity(axes[0, 1], rows, "ipred", f"Individual prediction of {named}", f"Observed {named}", log)
            _against(axes[0, 2], rows["time"].to_numpy(), rows["cwres"].to_numpy(), f"Time ({hours})", "CWRES", False)
            _against(
                axes[1, 0],
                rows["pred"].to_numpy(),
                rows["cwres"].to_numpy(),
                f"Population prediction of {named}",
                "CWRES",
                log,
            )
            _sizes(axes[1, 1], rows, f"Individual prediction of {named}", log)
            _quantiles(axes[1, 2], rows["npde"].to_numpy(), "NPDE")
            _etas(axes[2, 0], fit)
            _covariates(axes[2, 1], fit)
            draw_check(axes[2, 2], checks[0], log=log)
            axes[2, 2].set(xlabel=f"Time ({hours})", ylabel=f"Prediction-corrected {named}")
            for letter, ax in zip("ABCDEFGHI", axes.flat, strict=True):
                ax.annotate(
                    letter, (0, 1), xytext=(-26, 5), xycoords="axes fraction", textcoords="offset points",
                    fontweight="bold", fontsize=9,
                )  # fmt: skip
                ax.xaxis.label.set_fontsize(7)
                ax.yaxis.label.set_fontsize(7)
            subjects = len(fit.eta)
            figure.suptitle(f"n = {len(rows)} in {subjects} subjects", x=0.99, ha="right", fontsize=7, color=GRAY)
        except BaseException:
            plt.close(figure)
            raise
    return figure


def observed_output(fit: MixedFit, output: str | None, who: str) -> str:
    """The output named, or the only one that is observed.

    Raises
    ------
    DataError
        If there are several and none is named, or it is not among them.
    """
    known = [e.output for e in fit.subjects.observations.endpoints]
    if output is None and len(known) == 1:
        return known[0]
    if output not in known:
        raise DataError(f"{who}: output is {output!r}; expected one of those observed: {', '.join(known)}.")
    return output


def _look(count: int) -> dict[str, Any]:
    dense = count > _DENSE
    return {
        "marker": "o", "linestyle": "none", "color": BLUE, "markersize": 2.0 if dense else 2.8, "markeredgewidth": 0,
        "alpha": float(np.clip(_DENSE / count, 0.12, 0.45)) if dense else 0.45, "rasterized": count > 3000,
    }  # fmt: skip


def _scaled(ax: Axes, which: str, log: bool) -> None:
    if log:
        getattr(ax, f"set_{which}scale")("log", nonpositive="mask")
        plain_log(ax, which)


def _identity(ax: Axes, rows: pd.DataFrame, column: str, x: str, y: str, log: bool) -> None:
    both = rows[["observed", column]].to_numpy()
    shown = both[both > 0] if log else both[np.isfinite(both)]
    if not shown.size:
        raise DataError(f"goodness_of_fit: {y.lower()} has no value above 0, as a logarithmic axis needs.")
    low, high = float(shown.min()), float(shown.max())
    margin = (high / low) ** 0.05 if log else 0.05 * (high - low or 1.0)
    ends = (low / margin, high * margin) if log else (low - margin, high + margin)
    ax.plot(ends, ends, color=BLACK, linewidth=0.8)
    ax.plot(rows[column], rows["observed"], **_look(len(rows)))
    _scaled(ax, "x", log)
    _scaled(ax, "y", log)
    ax.set(xlim=ends, ylim=ends, xlabel=x, ylabel=y)


def _against(ax: Axes, x: Array, y: Array, xlabel: str, ylabel: str, log: bool) -> None:
    known = np.isfinite(x) & np.isfinite(y)
    ax.axhspan(-1.96, 1.96, color=PALE, alpha=0.3, linewidth=0)
    ax.axhline(0, color=BLACK, linewidth=0.6)
    ax.plot(x[known], y[known], **_look(len(x)))
    _means(ax, x[known], y[known])
    _scaled(ax, "x", log)
    reach = max(2.5, 1.12 * float(np.abs(y[known]).max(initial=0.0)))
    ax.set(ylim=(-reach, reach), xlabel=xlabel, ylabel=ylabel)


def _means(ax: Axes, x: Array, y: Array) -> None:
    means = trend(x, y)
    if len(means):
        ax.errorbar(
            means["x"], means["y"], yerr=2 * means["se"], color=RED, marker="s", markersize=3.2, linewidth=1.2,
            markeredgecolor=BLACK, markeredgewidth=0.6, elinewidth=1.0, ecolor=BLACK, capsize=0,
        )  # fmt: skip


def _sizes(ax: Axes, rows: pd.DataFrame, xlabel: str, log: bool) -> None:
    """The absolute individual residuals, whose mean is sqrt(2/pi) wherever the variance is right."""
    known = rows["iwres"].notna()
    x, y = rows["ipred"][known].to_numpy(), rows["iwres"][known].abs().to_numpy()
    ax.plot(x, y, **_look(len(x)))
    ax.axhline(np.sqrt(2 / np.pi), color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    _means(ax, x, y)
    _scaled(ax, "x", log)
    ax.set_ylim(bottom=0)
    ax.set(xlabel=xlabel, ylabel="|IWRES|")


def _quantiles(ax: Axes, values: Array, name: str) -> None:
    known = values[np.isfinite(values)]
    ax.set(xlabel="Normal quantile", ylabel=name)
    if len(known) < 2:
        ax.text(0.5, 0.5, "none of these errors is normal", transform=ax.transAxes, ha="center", color=GRAY, fontsize=7)
        return
    scores = normal_scores(known)
    ax.fill_between(scores["expected"], scores["low"], scores["high"], color=PALE, alpha=0.4, linewidth=0)
    ends = [float(scores["expected"].min()), float(scores["expected"].max())]
    ax.plot(ends, ends, color=BLACK, linewidth=0.8)
    ax.plot(scores["expected"], scores["residual"], **_look(len(known)))


def _etas(ax: Axes, fit: MixedFit) -> None:
    """The etas over their standard deviations, with what the population has for 95 % of subjects; and the shrinkage."""
    names = list(fit.eta_names)
    ax.axhspan(-1.96, 1.96, color=PALE, alpha=0.3, linewidth=0)
    ax.axhline(0, color=BLACK, linewidth=0.6)
    rng = np.random.default_rng(0)
    etas = scaled_etas(fit)
    for i, scaled in enumerate(etas.T):
        ax.plot(i + rng.uniform(-0.18, 0.18, len(scaled)), scaled, **_look(len(scaled)))
        ax.plot([i - 0.25, i + 0.25], [np.median(scaled)] * 2, color=RED, linewidth=1.4)
    shrunk = [f"{n}\n{labels.rounded(100 * fit.shrinkage[f'eta[{n}]'], 0)} %" for n in names]
    letters = len(names) * max(map(len, names))  # as wide as the panel at 26
    many = len(names) > 5 or letters > 34
    ax.set_xticks(range(len(names)), shrunk, fontsize=5.5 if many or letters > 26 else 7, rotation=90 if many else 0)
    reach = max(2.5, 1.1 * float(np.abs(etas).max()))
    ax.set(
        xlabel="Random effect and its shrinkage", ylabel="η / ω", ylim=(-reach, reach), xlim=(-0.6, len(names) - 0.4)
    )


def _covariates(ax: Axes, fit: MixedFit) -> None:
    """The eta and the covariate that hang together most; where the table has none, two etas."""
    table = fit.eta_covariates()
    if len(table):
        row = table.iloc[0]
        x, y = fit.covariate(str(row["covariate"])), fit.eta[:, fit.eta_names.index(str(row["eta"]))]
        xlabel, ylabel = str(row["covariate"]), f"η of {row['eta']}"
    elif len(fit.eta_names) > 1:
        x, y = fit.eta[:, 0], fit.eta[:, 1]
        xlabel, ylabel = (f"η of {name}" for name in fit.eta_names[:2])
    else:
        ax.text(0.5, 0.5, "no covariates", transform=ax.transAxes, ha="center", color=GRAY, fontsize=7)
        return
    ax.axhline(0, color=BLACK, linewidth=0.6)
    ax.plot(x, y, **_look(len(x)))
    _means(ax, x, y)
    if len(table) and (categories := fit.categories(str(row["covariate"]))):
        ax.set_xticks(range(len(categories)), categories, fontsize=7 if len("".join(categories)) < 26 else 5.5)
        ax.set_xlim(-0.5, len(categories) - 0.5)
    strength = row["correlation"] if len(table) else np.corrcoef(x, y)[0, 1]
    ax.set(xlabel=f"{xlabel} (r = {labels.rounded(strength, 2)})", ylabel=ylabel)
