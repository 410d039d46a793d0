"""A response surface in words: its optimum, how flat it is, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from pkpd.trials.response_surfaces import ResponseSurface

__all__ = ["nothing_feasible", "surface_report"]


def surface_report(surface: ResponseSurface) -> str:
    """What `ResponseSurface.report` returns."""
    table, best = surface.dataset, surface.optimum
    verb = "minimized" if surface.objective.high_is_bad else "maximized"
    count, feasible = table["feasible"].size, int(table["feasible"].sum())
    lines = [f"{surface.problem.model.name}: {surface.objective.label(several=surface.several)} {verb}"]
    lines += [f"  subject to {label}" for label in surface.labels]
    lines.append(f"  {feasible} of {count} feasible; {int(table['failed'].sum())} simulations failed")
    if surface.each:
        return "\n".join([*lines, f"  one optimum for each {', '.join(surface.each)}"])
    lines.append(f"  best: {_in_words(surface, best)}, objective {float(best['objective']):.4g}")
    limited = best["constraint_value"].to_numpy() if surface.labels else np.empty(0)
    lines += [f"    {label}: {float(v):.4g}" for label, v in zip(surface.labels, limited, strict=True)]
    lines += [f"  within {100 * w:g} % of it: {int(surface.near(w).sum())}" for w in (0.01, 0.05, 0.1)]
    ends = [name for name in surface.decisions if _at_end(surface.problem.decisions[name], best[name].item())]
    lines += [f"  {' and '.join(ends)} at the end of the axis: look further"] if ends else []
    return "\n".join(lines)


def nothing_feasible(surface: ResponseSurface) -> str:
    """Why there is no optimum, and which regimen comes nearest to the limits."""
    table, model = surface.dataset, surface.problem.model.name
    count, dims = table["objective"].size, table["objective"].dims
    if not bool(table["objective"].notnull().any()):
        return f"{model}: every member failed under all {count} regimens; none can be compared."
    size = np.maximum(np.abs([goal.limit for goal in surface.constraints]), 1e-12)
    room = table["margin"].transpose("constraint", *dims).to_numpy().reshape(len(size), -1) / size[:, None]
    worst = np.where(np.isnan(room), -np.inf, room).min(0)
    nearest = int(worst.argmax())
    tightest = int(np.nanargmin(room[:, nearest]))
    places = np.unravel_index(nearest, table["objective"].shape)
    where = ", ".join(f"{d}={table[d].to_numpy()[p]}" for d, p in zip(dims, places, strict=True))
    values = table["constraint_value"].transpose("constraint", *dims).to_numpy().reshape(len(size), -1)
    return (
        f"{model}: none of {count} regimens is feasible; {where} comes nearest, and breaks "
        f"{surface.labels[tightest]!r} with {values[tightest, nearest]:g}."
    )


def _at_end(axis: Any, value: Any) -> bool:
    return len(axis) > 1 and axis.dtype.kind in "iuf" and value in (axis.min(), axis.max())


def _in_words(surface: ResponseSurface, best: xr.Dataset) -> str:
    return ", ".join(
        f"{name} {best[name].item()} {best[name].attrs.get('units', '')}".rstrip() for name in surface.decisions
    )
