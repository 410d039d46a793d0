"""`pkpd plot`: the kinds of figure by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkpd.errors import ParameterError, unknown_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["KINDS", "draw"]

KINDS = ("heat", "response", "spaghetti", "time", "waterfall")


def draw(
    run: xr.Dataset, output: str, kind: str, *, x: str | None, y: str | None, at: float | None, out: str | Path
) -> Path:
    """Draw one figure of a result and write it.

    Raises
    ------
    UnknownNameError
        If there is no such kind, output or axis.
    ParameterError
        If the kind needs an axis that is not given.
    """
    import pkpd

    if kind not in KINDS:
        raise unknown_name("plot", "kind", kind, KINDS)
    instant = float(run["time"][-1]) if at is None and "time" in run else at
    if kind == "time":
        axes: Any = pkpd.time_course(run, output)
    elif kind == "spaghetti":
        axes = pkpd.spaghetti(run, output)
    elif kind == "waterfall":
        axes = pkpd.waterfall(pkpd.best_change(run, output, failed="exclude"))
    elif kind == "response":
        axes = pkpd.response_curve(run, output, x=_axis(kind, "--x", x), at=instant)
    else:
        axes = pkpd.heat_map(run, _axis(kind, "--x", x), _axis(kind, "--y", y), output=output, at=instant)
    path: Path = pkpd.save(axes, out)
    return path


def _axis(kind: str, option: str, name: str | None) -> str:
    if name is None:
        raise ParameterError(f"a {kind} figure needs {option} and the name of a swept parameter.")
    return name
