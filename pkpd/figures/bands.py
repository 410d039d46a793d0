"""Bands about fitted curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.figures.filled_bands import FilledBand, draw_bands
from pkpd.figures.scales import scale_outputs

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from pkpd.fitting.results import Fit

__all__ = ["band_name", "checked_bands", "scale_with_bands"]


def checked_bands(fit: Fit, bands: Any, output: str, who: str) -> xr.Dataset | None:
    """`bands` if they are those of the arms of `fit`; None where there are none.

    Raises
    ------
    DataError
        If it is no result of `pkpd.bands`, or lacks the output or an arm.
    """
    if bands is None:
        return None
    if not hasattr(bands, "sizes") or not {"limit", "arm", "time"} <= set(bands.sizes) or "kind" not in bands.attrs:
        raise DataError(f"{who}() got {bands!r} as bands; expected what pkpd.bands() returns.")
    if output not in bands.data_vars:
        raise DataError(f"{who}: the bands have no {output!r}; give outputs={output!r} to pkpd.bands().")
    known = set(bands["arm"].to_numpy().tolist())
    missing = next((arm for arm in fit.data.arms if arm not in known), None)
    if missing is not None:
        raise DataError(f"{who}: the bands have no arm {missing!r}; they are of another fit.")
    checked: xr.Dataset = bands
    return checked


def band_name(bands: xr.Dataset) -> str:
    """What a band is, such as ``95 % prediction band``."""
    return f"{100 * float(bands.attrs['confidence']):g} % {bands.attrs['kind']} band"


def scale_with_bands(
    axes: Sequence[Axes], log: bool, bands: xr.Dataset | None, output: str, places: Iterable[tuple[Axes, str, Any]]
) -> None:
    """Scale the axes of an output, which are common to all, with bands in them.

    A linear axis reaches as far as the bands.  A logarithmic one is that of observations and curves,
    and cuts them.

    Parameters
    ----------
    places
        The axes, arm and color of each band.
    """
    if log:
        scale_outputs(axes, log)
    if bands is not None:
        for ax, arm, color in places:
            _draw_band(ax, bands, output, arm, color)
    if not log:
        scale_outputs(axes, log)


def _draw_band(ax: Axes, bands: xr.Dataset, output: str, arm: str, color: Any) -> None:
    """The band of one arm; on a logarithmic axis it is cut at the axis, for it may reach 0 and below."""
    limits = bands[output].sel(arm=arm)
    time, low, high = (v.to_numpy() for v in (bands["time"], limits.sel(limit="low"), limits.sel(limit="high")))
    limits_drawn = ax.get_ylim()
    if ax.get_yscale() == "log":
        ax.set_ylim(limits_drawn[0], max(limits_drawn[1], float(np.nanmax(high, initial=limits_drawn[1]))))
    draw_bands(ax, [FilledBand(time, low, high, color, label=f"_{band_name(bands)}", zorder=0.5)])
