"""The colors of responses, the same in every figure, and the legend that counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pkpd.errors import DataError
from pkpd.figures.legends import legend_above
from pkpd.figures.selections import where
from pkpd.figures.style import GRAY, OKABE_ITO, PALE
from pkpd.measures.response_codes import code_names

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["ORDER", "RESPONSE_COLORS", "legend_of_responses", "response_classes"]

_BLUE, _RED, _GREEN, _PURPLE, _AMBER, _SKY = OKABE_ITO[:6]

# From the best to the worst; iUPD in amber, as it may turn either way.
RESPONSE_COLORS: Mapping[str, str] = {
    "CR": _BLUE, "iCR": _BLUE, "PR": _SKY, "iPR": _SKY, "NED": _GREEN, "SD": PALE, "iSD": PALE,
    "non-CR/non-PD": _PURPLE, "non-iCR/non-iUPD": _PURPLE, "iUPD": _AMBER, "PD": _RED, "iCPD": _RED, "NE": GRAY,
    "not_assessed": GRAY,
}  # fmt: skip
ORDER = tuple(RESPONSE_COLORS)


def response_classes(codes: xr.DataArray) -> list[str]:
    """The name of each response of a variable of codes, of one dimension.

    Raises
    ------
    DataError
        If it has another number of dimensions, or does not say what its codes mean.
    """
    if codes.ndim != 1:
        raise DataError(f"{where(codes)} has the dimensions {codes.dims}; expected one response for each patient.")
    names = code_names(codes)
    return [names[int(code)] for code in codes.to_numpy()]


def legend_of_responses(ax: Axes, names: Sequence[str], *more: Any) -> float:
    """A legend above the axes of the responses that occur, with how often, and of what else is drawn.

    Returns
    -------
    float
        How much room a note above the axes must leave, in points.
    """
    from matplotlib.patches import Patch

    number = {name: list(names).count(name) for name in ORDER if name in set(names)}
    patches = [Patch(facecolor=RESPONSE_COLORS[name], label=f"{name} ({count})") for name, count in number.items()]
    return legend_above(ax, [*patches, *more], handlelength=1.0, handleheight=0.9)
