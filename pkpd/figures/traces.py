"""Draws of a posterior in the order in which they were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.panels import each_page, panel_title, sheet
from pkpd.figures.style import BLACK, BLUE, RED

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pkpd.fitting.posterior import Posterior

__all__ = ["posterior_traces"]

_POINTS = 500  # of a line; longer chains are thinned for the picture
UNSETTLED = 1.05  # R-hat above which a title is red


def posterior_traces(posterior: Posterior) -> list[Figure]:
    """Each chain of each parameter against the number of the draw, with the median of all of them as it goes.

    Chains that have settled are one even band.  A title has R-hat and the effective number of draws in the
    bulk; it is red where R-hat is above 1.05.

    Parameters
    ----------
    posterior
        From `pkpd.sample_posterior`.

    Returns
    -------
    list of matplotlib.figure.Figure
        Pages of up to 24 panels.

    Raises
    ------
    DataError
        If it is no posterior.
    MissingExtraError
        If arviz, which computes R-hat, is not installed.
    """
    if not hasattr(posterior, "dataset") or not hasattr(posterior, "summary"):
        raise DataError(f"posterior_traces() got {posterior!r}; expected what sample_posterior() returns.")
    draws, summary = posterior.dataset, posterior.summary()
    quality = {str(name): (float(r), float(n)) for name, r, n in summary[["r_hat", "ess_bulk"]].itertuples()}
    return each_page([str(name) for name in draws.data_vars], lambda names: _page(names, draws, quality))


def _page(names: Sequence[str], draws: xr.Dataset, quality: Mapping[str, tuple[float, float]]) -> Figure:
    with sheet(len(names), shared=False) as drawn:
        for ax, name in zip(drawn.axes, names, strict=True):
            _draw(ax, draws[name], *quality[name])
        drawn.figure.supxlabel("Draw", fontsize=8)
    return drawn.figure


def _draw(ax: Axes, draws: xr.DataArray, r_hat: float, effective: float) -> None:
    from matplotlib.collections import LineCollection

    chains = draws.transpose("chain", "draw").to_numpy()
    step = max(1, chains.shape[1] // _POINTS)
    at = np.arange(0, chains.shape[1], step)
    alpha = float(np.clip(6 / len(chains), 0.06, 0.6))
    lines = [np.column_stack([at, chain[at]]) for chain in chains]
    ax.add_collection(LineCollection(lines, colors=[BLUE], linewidths=0.5, alpha=alpha, rasterized=True))
    ax.plot(at, np.median(chains[:, at], axis=0), color=BLACK, linewidth=0.8)
    ax.autoscale_view()
    ax.set_xlim(0, chains.shape[1] - 1)
    unit = labels.plain_unit(str(draws.attrs.get("units", "1")))
    ax.set_ylabel(f"{draws.name} ({unit})" if unit else str(draws.name), fontsize=7)
    text = f"R-hat {r_hat:.3g}, {effective:.0f} effective"
    panel_title(ax, text, color=RED if r_hat > UNSETTLED else BLACK)
