"""Lines that run a model of the library as they stand: what its page shows."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

from pkpd.library.probing import start_value
from pkpd.symbolic.symbols import Given, Parameter
from pkpd.units import conversion_factor, parse_unit

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model, Route

__all__ = ["DoseSeries", "command", "courses", "horizon", "snippet"]

# How far a first look goes, in the model's own time.
_HORIZONS = {"hour": 96, "day": 60, "week": 52}
# A concentration of an antibody that is usual in plasma; times a volume of distribution it is a dose.
_USUAL = {"mg": (50.0, "mg/L"), "nmol": (300.0, "nmol/L")}


@dataclass(frozen=True)
class DoseSeries:
    """Doses of one amount on one route, as the snippet and the command write them."""

    route: str
    amount: float
    unit: str
    start: int
    every: int
    n: int
    duration: float | None
    fractions: bool

    def python(self) -> str:
        """As a call that makes a `Regimen`."""
        amount = f"{self.amount:g}" if self.unit == "1" else f'"{self.amount:g} {self.unit}"'
        lasting = "" if self.duration is None else f", duration={self.duration:g}"
        if self.fractions:
            last = f"start={self.start}, every={self.every}{lasting}"
            return f'pkpd.fractions({amount}, n={self.n}, route="{self.route}", {last})'
        kind = "bolus" if self.duration is None else "infusion"
        return f'pkpd.{kind}({amount}, "{self.route}"{lasting}, at={self.start}, every={self.every}, n={self.n})'

    def option(self) -> str:
        """As the text of ``--dose`` on the command line."""
        amount = f"{self.amount:g}" if self.unit == "1" else f"{self.amount:g} {self.unit}"
        lasting = "" if self.duration is None else f" over {self.duration:g}"
        return f"{amount} {self.route} at {self.start}{lasting} every {self.every} x {self.n}"


def snippet(model: Model) -> str:
    """Python that loads a model of the library, gives doses on all of its routes, and simulates it."""
    lines = ["import pkpd", "", *_loading(model)]
    doses = [series.python() for series in courses(model)]
    if len(doses) == 1:
        lines += [f"regimen = {doses[0]}"]
    elif doses:
        lines += ["regimen = (", f"    {doses[0]}", *(f"    + {d}" for d in doses[1:]), ")"]
    arguments = "regimen, " if doses else ""
    lines += [f"run = pkpd.simulate(model, {arguments}times=range({horizon(model) + 1}))"]
    return "\n".join([*lines, f'print(run["{_first_output(model)}"].to_series())'])


def command(model: Model) -> str | None:
    """The same on the command line, or None where the model does not run alone."""
    if _lacking(model):
        return None
    doses = [f'--dose "{series.option()}"' for series in courses(model)]
    last = f"--times 0:{horizon(model)}:1 --outputs {_first_output(model)}"
    return " \\\n    ".join([f"pkpd simulate {model.name}", *doses, last])


def courses(model: Model) -> list[DoseSeries]:
    """A series of doses on each route, in amounts of a usual size for what the route reaches."""
    return [_series(model, name, route) for name, route in model.routes.items()]


def horizon(model: Model) -> int:
    """How long a first simulation lasts, in the model's time."""
    return _HORIZONS.get(model.time, 50)


def _series(model: Model, name: str, route: Route) -> DoseSeries:
    unit = route.unit(model.time)
    radiation = unit == "Gy"
    lasting = None if route.rate is None else 0.001 if radiation else 1.0
    repeats = {"start": 7, "every": 1, "n": 5} if radiation else {"start": 0, "every": 14, "n": 4}
    amount = 2.0 if radiation else _rounded(_amount(model, route, unit))
    return DoseSeries(name, amount, unit, duration=lasting, fractions=radiation, **repeats)


def _amount(model: Model, route: Route, unit: str) -> float:
    volume = max(_values(model, "L"), default=1.0)
    if unit in _USUAL:
        return _USUAL[unit][0] * volume
    starts = [start_value(s) for s in route.jumps if s.unit == unit and s in model.rates]
    return max(starts, default=0.0) or _typical(model, unit)


def _typical(model: Model, unit: str) -> float:
    """The median of the parameters of this dimension; 1 for a pure number, or where there are none."""
    values = [] if unit == "1" else _values(model, unit)
    return median_low(values) if values else 1.0


def _values(model: Model, unit: str) -> list[float]:
    wanted = parse_unit(unit)
    converted = [
        s.value * (conversion_factor(parse_unit(s.unit), wanted) or 0)
        for s in model.settable
        if isinstance(s, Parameter)
    ]
    return [value for value in converted if value > 0]


def _rounded(value: float) -> float:
    return float(f"{value:.1g}")


def _lacking(model: Model) -> bool:
    return bool(model.foreign) or any(isinstance(s, Given) and s.default is None for s in model.settable)


def _loading(model: Model) -> list[str]:
    """The lines that make `model`; a part gets, for all that it lacks, a constant in its place."""
    if not _lacking(model):
        return [f'model = pkpd.load("{model.name}")']
    lines = [f'part = pkpd.load("{model.name}")', "# In the place of the parts that supply these:"]
    rates = [f'part["{s.name}"]: 0' for s in model.foreign]
    for s in model.settable:
        if isinstance(s, Given) and s.default is None:
            start = f"{_rounded(_typical(model, s.unit)):g}"
            rates.append(f'pkpd.state("{s.name}", "{s.unit}", "{s.meaning}", start={start}): 0')
    lines += ["constants = pkpd.Model(", '    "constants",']
    lines += [f"    rates={{{', '.join(rates)}}},", f'    time="{model.time}",', ")"]
    return [*lines, f'model = pkpd.compose("{model.name}_alone", part, constants)']


def _first_output(model: Model) -> str:
    return next(iter(model.outputs), None) or model.states[0].name
