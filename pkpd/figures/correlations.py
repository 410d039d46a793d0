"""How the estimates of a fit depend on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.fits import require_fit
from pkpd.figures.style import BLACK, canvas, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pkpd.fitting.results import Fit

__all__ = ["estimate_correlations"]

_WRITTEN = 20  # parameters up to which the numbers stand in the cells
_FEW = 12  # from which on letters are smaller
STRONG = 0.95


def estimate_correlations(fit: Fit, *, ax: Axes | None = None) -> Axes:
    """The correlations of the estimates on the scale of the search, as a triangle of colored cells.

    Orange is positive, blue is negative, white none; up to 20 parameters have the number in the
    cell, and a frame marks correlations of 0.95 and more, which the data hardly tell apart.
    Parameters without a standard error are left out; the figure counts them.

    Raises
    ------
    DataError
        If fewer than two estimates have a standard error.

    Examples
    --------
    >>> import pkpd
    >>> from pkpd.fits import mc38_radiation
    >>> result = mc38_radiation.run()
    >>> ax = estimate_correlations(result)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['kg', 'Tmax', 'kcl', 'alpha']
    """
    require_fit(fit, "estimate_correlations")
    table = fit.correlation
    known = np.isfinite(np.diag(table.to_numpy()))
    names = [str(name) for name, ok in zip(table.index, known, strict=True) if ok]
    if len(names) < 2:
        raise DataError(
            f"estimate_correlations: {len(names)} of the {len(known)} estimates of {fit.model.name} have a standard "
            f"error; a correlation needs two. {fit.covariance_missing}".strip()
        )
    values = table.loc[names, names].to_numpy(dtype=float)
    side = float(np.clip(0.9 + 0.36 * len(names), 2.6, 7.0))
    with canvas(ax, (side + 0.7, side)) as axes:
        _cells(axes, values)
        _name(axes, names)
        note(axes, labels.left_out(int((~known).sum()), len(known), "estimates").replace("failed", "have no SE"))
    return axes


def _cells(ax: Axes, values: Array) -> None:
    lower = np.where(np.tri(len(values), k=-1, dtype=bool), values, np.nan)[1:, :-1]
    image = ax.pcolormesh(lower, cmap=_diverging(), vmin=-1, vmax=1, edgecolors="white", linewidth=0.8)
    ax.set_aspect("equal")
    ax.invert_yaxis()
    size = 6 if len(values) <= _FEW else 4.5
    for row, column in zip(*np.nonzero(np.isfinite(lower)), strict=True):
        value = lower[row, column]
        if len(values) <= _WRITTEN:
            text = f"{round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
            color = "white" if abs(value) > 0.8 else BLACK
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, color=color)
        if abs(value) >= STRONG:
            ax.plot(
                column + np.array([0.04, 0.96, 0.96, 0.04, 0.04]), row + np.array([0.04, 0.04, 0.96, 0.96, 0.04]),
                color=BLACK, linewidth=1.2,
            )  # fmt: skip
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02, aspect=22, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.set_label("Correlation")


def _diverging() -> Any:
    """Blue over white to orange: told apart by the color-blind."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pkpd_diverging", ["#0072B2", "#ffffff", "#D55E00"])


def _name(ax: Axes, names: list[str]) -> None:
    size = 7 if len(names) <= _FEW else 5.5
    places = np.arange(len(names) - 1) + 0.5
    ax.set_xticks(places, names[:-1], rotation=90, fontsize=size)
    ax.set_yticks(places, names[1:], fontsize=size)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_facecolor("white")
