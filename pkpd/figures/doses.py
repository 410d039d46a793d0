"""Marks of doses and fractions along a time axis."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.errors import DataError
from pkpd.figures.style import GRAY
from pkpd.treatment.regimens import Regimen

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from pkpd.treatment.regimens import Administration

__all__ = ["described_doses", "dose_times", "mark_doses"]

_MARKERS = ("v", "d", "1", "*")
_STEP = 0.045  # of the axes' height, between two rows of marks


def dose_times(regimen: Regimen, values: xr.DataArray) -> dict[str, list[float]]:
    """The times at which each route is dosed, within the times of `values`.

    Parameters of the regimen take their values from the scalar coordinates of `values`, or
    else their defaults.

    Raises
    ------
    DataError
        If a time depends on a parameter that varies over `values`, or that has no value.
    """
    if not isinstance(regimen, Regimen):
        raise DataError(f"regimen is {regimen!r}; expected a Regimen, as from bolus(), infusion() or fractions().")
    last = float(values["time"].max())
    times: dict[str, list[float]] = {}
    for dose in regimen.doses:
        time = _time(dose, values)
        if time <= last:
            times.setdefault(dose.route, []).append(time)
    return times


def _time(dose: Administration, values: xr.DataArray) -> float:
    """The time of a dose, whatever its amount and duration depend on."""
    unit = values["time"].attrs.get("units")
    due = dose.time if unit is None else dose.due(unit)
    return float(due.xreplace({symbol: sympy.Float(_value(symbol, values)) for symbol in due.free_symbols}))


def _value(symbol: Any, values: xr.DataArray) -> float:
    """The value of a parameter on which a dose time depends."""
    if symbol.name not in values.coords:
        default = getattr(symbol, "value", None)
        default = symbol.default if default is None else default
        if default is None:
            raise DataError(
                f"the regimen's dose times depend on {symbol.name!r}, which has no default and is not among "
                f"the coordinates {', '.join(map(str, values.coords))} of the run."
            )
        return float(default)
    coordinate = values.coords[symbol.name]
    if coordinate.ndim:
        raise DataError(
            f"the regimen's dose times depend on {symbol.name!r}, which varies over the lines' members; "
            f"show one line a value with by={symbol.name!r}, or choose one with .sel({symbol.name}=...)."
        )
    return float(coordinate)


def described_doses(regimen: Regimen | None, unit: str | None) -> dict[str, str]:
    """For each route its amount and interval, such as ``1500 mg every 28 days``; what varies is left out."""
    doses: dict[str, list[Administration]] = {}
    for dose in () if regimen is None else regimen.doses:
        doses.setdefault(dose.route, []).append(dose)
    return {route: _described(own, unit) for route, own in doses.items()}


def _described(doses: Sequence[Administration], unit: str | None) -> str:
    amount, interval = _amount(doses), _interval(doses, unit)
    if amount and not interval and len(doses) > 1:
        return f"{amount}, {len(doses)} doses"
    return f"{amount} {interval}".strip()


def _amount(doses: Sequence[Administration]) -> str:
    amounts = {str(dose.amount) for dose in doses}
    fixed = all(dose.amount.expression.is_number for dose in doses)
    return amounts.pop() if len(amounts) == 1 and fixed else ""


def _interval(doses: Sequence[Administration], unit: str | None) -> str:
    """How often, where all gaps are alike; once has no interval."""
    times = [dose.time if unit is None else dose.due(unit) for dose in doses]
    gaps = {sympy.simplify(later - earlier) for earlier, later in itertools.pairwise(times)}
    if len(gaps) != 1 or not next(iter(gaps)).is_number:
        return ""
    gap = float(next(iter(gaps)))
    if not gap > 0 or unit in (None, "1"):
        return ""
    return f"every {unit}" if gap == 1 else f"every {gap:g} {unit}{'' if unit == 'h' else 's'}"


def mark_doses(
    ax: Axes, rows: Sequence[dict[str, list[float]]], colors: Sequence[Any], described: Mapping[str, str] | None = None
) -> None:
    """A row of marks at the top of the axes for each route, and for each line where lines differ.

    Parameters
    ----------
    rows
        For each line the dose times by route.
    colors
        The lines' colors.
    described
        For each route what the legend says of it, from `described_doses`.
    """
    routes = list(dict.fromkeys(route for row in rows for route in row))
    marks = [
        (route, row[route], color)
        for route in routes
        for row, color in _distinct([r for r in rows if route in r], colors, route)
    ]
    _clear_a_strip(ax, len(marks))
    for i, (route, times, color) in enumerate(marks):
        height = [1 - _STEP * (i + 0.5)] * len(times)
        ax.plot(times, height, color=color, transform=ax.get_xaxis_transform(), clip_on=False, **_look(routes, route))
    for route in routes:
        about = (described or {}).get(route)
        name = f"{route}, {about}" if about else f"dose, {route}"
        ax.plot([], [], color=GRAY, label=name, **_look(routes, route))


def _look(routes: Sequence[str], route: str) -> dict[str, Any]:
    marker = _MARKERS[routes.index(route) % len(_MARKERS)]
    return {"marker": marker, "markersize": 3.5, "linestyle": "none", "gid": f"doses:{route}"}


def _distinct(rows: Sequence[dict[str, list[float]]], colors: Sequence[Any], route: str) -> list[tuple[Any, Any]]:
    """Each line's own row; or one gray row where all lines are dosed alike."""
    alike = all(row[route] == rows[0][route] for row in rows)
    return [(rows[0], GRAY)] if alike else list(zip(rows, colors, strict=False))


def _clear_a_strip(ax: Axes, rows: int) -> None:
    """Raise the upper limit, so that no curve runs behind the marks."""
    low, high = ax.get_ylim()
    share = 1 - _STEP * (rows + 0.5)
    if ax.get_yscale() == "log":
        ax.set_ylim(low, low * (high / low) ** (1 / share))
    else:
        ax.set_ylim(low, low + (high - low) / share)
