"""`pkpd plot`: the kinds of figure by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkpd.errors import ParameterError, unknown_name
from pkpd.treatment.typed_times import in_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["KINDS", "draw"]

KINDS = ("heat", "response", "spaghetti", "time", "waterfall")


def draw(
    result: xr.Dataset, output: str, kind: str, *, x: str | None, y: str | None, at: str | None, out: str | Path
) -> Path:
    """Draw one figure of a result and write it.

    Raises
    ------
    UnknownNameError
        If there is no such kind, output or axis.
    ParameterError
        If the kind needs an axis that is missing.
    """
    import pkpd

    if kind not in KINDS:
        raise unknown_name("plot", "kind", kind, KINDS)
    instant = _instant(result, at)
    if kind == "time":
        axes: Any = pkpd.time_course(result, output)
    elif kind == "spaghetti":
        axes = pkpd.spaghetti(result, output)
    elif kind == "waterfall":
        axes = pkpd.waterfall(pkpd.best_change(result, output, failed="exclude"))
    elif kind == "response":
        axes = pkpd.response_curve(result, output, x=_axis(kind, "--x", x), at=instant)
    else:
        axes = pkpd.heat_map(result, _axis(kind, "--x", x), _axis(kind, "--y", y), output=output, at=instant)
    path: Path = pkpd.save(axes, out)
    return path


def _instant(result: xr.Dataset, at: str | None) -> float | None:
    """The time that ``--at`` names, in the unit of the result; the last one by default."""
    if at is None:
        return float(result["time"][-1]) if "time" in result else None
    unit = result["time"].attrs.get("units") if "time" in result else None
    return in_unit(at, unit, "--at")


def _axis(kind: str, option: str, name: str | None) -> str:
    if name is None:
        raise ParameterError(f"a {kind} figure needs {option} and the name of a swept parameter.")
    return name
