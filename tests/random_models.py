"""Random models with random regimens, each written twice: for the package, and as numbers for `plain_oracle`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy
from plain_oracle import Course, Dose, Plain, course

import pkpd
from pkpd.symbolic.symbols import State

Numbers = Mapping[str, float]
PER_DAY = pkpd.param("per_day", 1.0, "1/day", "makes rates of numbers")
TIME = PER_DAY * pkpd.clock("day")
INTERVALS = (8 / 24, 0.1, 1 / 3, 0.7, 1.0, 1 / 24 * 7, 0.3)
THRESHOLDS = (0.999, 0.99, 0.9, 0.5)


@dataclass(frozen=True)
class Case:
    """A model, how it is treated and when it is looked at; `doses` and `breaks` say the same as numbers."""

    seed: int
    model: pkpd.Model
    regimen: pkpd.Regimen
    times: np.ndarray
    doses: Callable[[Numbers], list[Dose]]
    breaks: Callable[[Numbers], list[float]]
    values: Mapping[str, np.ndarray]
    features: tuple[str, ...]

    @property
    def end(self) -> float:
        return float(self.times[-1])

    def of_member(self, member: int) -> dict[str, float]:
        """Every parameter of one member, those of the regimen too."""
        defaults = {s.name: float(s.value) for s in (*self.model.settable, *self.regimen.parameters)}
        return defaults | {name: float(column[member]) for name, column in self.values.items()}

    def oracle(self, values: Numbers, times: np.ndarray | None = None, **options: Any) -> Course:
        """The trajectory by `plain_oracle`."""
        where = self.times if times is None else times
        longest = 0.1 if self.model.events else np.inf
        return course(Plain(self.model), values, where, self.doses(values), self.breaks(values),
                      **{"max_step": longest} | options)  # fmt: skip


@dataclass
class _Draft:
    """A case in the making."""

    rng: np.random.Generator
    rates: dict[State, Any] = field(default_factory=dict)
    routes: dict[str, Any] = field(default_factory=dict)
    events: list[pkpd.Event] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    dosing: dict[State, pkpd.Dosing] = field(default_factory=dict)
    breaks: list[Callable[[Numbers, float], list[float]]] = field(default_factory=list)
    arrival: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)  # F and lag of each route
    features: list[str] = field(default_factory=list)

    def param(self, name: str, low: float, high: float) -> Any:
        return pkpd.param(name, round(float(self.rng.uniform(low, high)), 3), "1", "random")

    def choose(self, *choices: Any) -> Any:
        chosen = choices[self.rng.integers(len(choices))]
        if callable(chosen):
            self.features.append(chosen.__name__.strip("_"))
        return chosen

    def state(self, name: str, start: Any = 0) -> Any:
        return pkpd.state(name, "1", "random", start=start)


def random_case(seed: int, members: int = 2) -> Case:
    """The case of a seed, the same for ever."""
    draft = _Draft(np.random.default_rng(seed))
    drug = draft.choose(_linear, _saturable, _oral)(draft)
    effects = [draft.choose(_logistic, _indirect, _oscillator, _van_der_pol, _predator)(draft, drug)]
    target = effects[0] if draft.rng.uniform() < 0.5 else drug
    draft.choose(_window, _brief_pulse, _step, _train, _ramp, _sine, _two_branches)(draft, target)
    draft.choose(_excursion, _excursion, _threshold, _no_event)(draft, effects[0])
    if draft.rng.uniform() < 0.4:
        _arrival(draft, drug)
    draft.outputs["product"] = drug * effects[0]
    model = pkpd.Model(
        f"random_{seed}",
        rates={state: PER_DAY * rate for state, rate in draft.rates.items()},
        routes=draft.routes,
        events=draft.events,
        outputs=draft.outputs,
        dosing=draft.dosing,
    )
    return _treated(draft, seed, model, members)


# ---- drugs


def _linear(draft: _Draft) -> Any:
    A, k = draft.state("A", draft.choose(0, 0.5)), draft.param("k", 0.2, 3)
    draft.rates[A] = -k * A
    draft.routes["iv"] = {A: A + pkpd.dose("1")}
    return A


def _saturable(draft: _Draft) -> Any:
    A, v_max, k_m = draft.state("A", 0.1), draft.param("v_max", 0.5, 3), draft.param("k_m", 0.05, 1)
    draft.rates[A] = -v_max * A / (k_m + A)
    draft.routes["iv"] = {A: A + pkpd.dose("1")}
    return A


def _oral(draft: _Draft) -> Any:
    depot, k_a, A = draft.state("depot"), draft.param("k_a", 1, 8), draft.state("A")
    peripheral, k, q = draft.state("peripheral"), draft.param("k", 0.3, 2), draft.param("q", 0.1, 2)
    draft.rates |= {
        depot: -k_a * depot,
        A: k_a * depot - (k + q) * A + q * peripheral,
        peripheral: q * (A - peripheral),
    }
    draft.routes |= {"oral": {depot: depot + pkpd.dose("1")}, "iv": {A: A + pkpd.dose("1")}}
    return A


def _arrival(draft: _Draft, drug: Any) -> None:
    draft.features.append("arrival")
    F, lag = draft.param("F", 0.3, 1), pkpd.param("lag", 0.0371, "day", "lag")
    draft.dosing[drug] = pkpd.Dosing(F=F, lag=lag)
    draft.arrival["iv"] = ("F", "lag")


# ---- effects


def _hill(draft: _Draft, drug: Any) -> Any:
    g, ec50 = draft.param("g", 0.6, 3.7), draft.param("ec50", 0.1, 2)
    return drug**g / (ec50**g + drug**g)


def _logistic(draft: _Draft, drug: Any) -> Any:
    T, kg = draft.state("T", draft.param("T0", 0.5, 2)), draft.param("kg", 0.2, 1)
    draft.rates[T] = kg * T * (1 - T / draft.param("cap", 3, 8)) - draft.param("kill", 0.2, 2) * T * _hill(draft, drug)
    draft.routes["radiation"] = {T: T * sympy.exp(-draft.param("alpha", 0.1, 0.6) * pkpd.dose("1"))}
    return T


def _indirect(draft: _Draft, drug: Any) -> Any:
    kin, kout = draft.param("kin", 0.5, 3), draft.param("kout", 0.5, 3)
    E = draft.state("E", kin / kout)
    draft.rates[E] = kin * (1 - draft.param("imax", 0.3, 0.95) * _hill(draft, drug)) - kout * E
    return E


def _oscillator(draft: _Draft, drug: Any) -> Any:
    x, y, w = draft.state("x"), draft.state("y", 1), draft.param("w", 2, 9)
    draft.rates |= {x: w * y, y: -w * x + draft.param("drive", 0, 0.2) * drug / (1 + drug)}
    return x


def _van_der_pol(draft: _Draft, drug: Any) -> Any:
    x, y, w = draft.state("x", 0.5), draft.state("y", 1), draft.param("w", 1, 5)
    draft.rates |= {x: w * y, y: w * (draft.param("mu", 0.2, 3) * (1 - x**2) * y - x) + 0.1 * drug}
    return x


def _predator(draft: _Draft, drug: Any) -> Any:
    x, y, w = draft.state("x", draft.param("x0", 0.4, 0.8)), draft.state("y", 1), draft.param("w", 1, 4)
    draft.rates |= {x: w * x * (1 - y) - 0.05 * drug * x, y: w * y * (x - 1)}
    return x


# ---- the clock


def _window(draft: _Draft, target: Any) -> None:
    on, wide = draft.param("on", 0.5, 4), draft.param("wide", 0.1, 2)
    draft.rates[target] += sympy.Piecewise((draft.param("r", 0.2, 2), (on <= TIME) & (on + wide > TIME)), (0, True))
    draft.breaks.append(lambda v, end: [v["on"], v["on"] + v["wide"]])


def _brief_pulse(draft: _Draft, target: Any) -> None:
    on, wide = draft.param("on", 0.5, 5), pkpd.param("wide", 0.002, "1", "width")
    draft.rates[target] += sympy.Piecewise((300, (on < TIME) & (on + wide > TIME)), (0, True))
    draft.breaks.append(lambda v, end: [v["on"], v["on"] + v["wide"]])


def _step(draft: _Draft, target: Any) -> None:
    on = draft.param("on", 0.5, 4)
    draft.rates[target] += draft.param("r", 0.1, 1) * sympy.Heaviside(TIME - on) * sympy.exp(on - TIME)
    draft.breaks.append(lambda v, end: [v["on"]])


def _train(draft: _Draft, target: Any) -> None:
    period, wide = (
        pkpd.param("period", float(draft.rng.choice(INTERVALS)), "1", "period"),
        draft.param("wide", 0.02, 0.09),
    )
    draft.rates[target] += sympy.Piecewise((draft.param("r", 0.2, 3), sympy.Mod(TIME, period) < wide), (0, True))
    draft.breaks.append(lambda v, end: [
        i * v["period"] + late for i in range(int(end / v["period"]) + 2) for late in (0, v["wide"])
    ])  # fmt: skip


def _ramp(draft: _Draft, target: Any) -> None:
    on, top = draft.param("on", 0.5, 3), draft.param("top", 0.1, 0.9)
    draft.rates[target] += sympy.Min(sympy.Max(TIME - on, 0), top) * draft.param("r", 0.1, 1)
    draft.breaks.append(lambda v, end: [v["on"], v["on"] + v["top"]])


def _sine(draft: _Draft, target: Any) -> None:
    f, high = draft.param("f", 0.5, 3), draft.param("high", 0.2, 0.999)
    draft.rates[target] += sympy.Piecewise((draft.param("r", 0.2, 1), sympy.sin(f * TIME) > high), (0, True))

    def breaks(v: Numbers, end: float) -> list[float]:
        up = float(np.arcsin(v["high"]))
        turns = range(int(end * v["f"] / (2 * np.pi)) + 1)
        return [(2 * np.pi * i + at) / v["f"] for i in turns for at in (up, np.pi - up)]

    draft.breaks.append(breaks)


def _two_branches(draft: _Draft, target: Any) -> None:
    """Branches that overlap: the first whose condition holds counts; with one condition within another."""
    on, wide = draft.param("on", 0.5, 3), draft.param("wide", 0.3, 2)
    inner = sympy.Piecewise((TIME - on, on + wide > TIME), (2 * wide, True))
    draft.rates[target] += sympy.Piecewise((0.3, on > TIME), (0.5, inner < wide / 2), (0.1, True))
    draft.breaks.append(lambda v, end: [v["on"], v["on"] + v["wide"] / 2, v["on"] + v["wide"]])


# ---- events


def _excursion(draft: _Draft, effect: Any) -> None:
    """An oscillator of its own that comes above a threshold for a moment in every period."""
    u, v, w, n = draft.state("u"), draft.state("v", 1), draft.param("w_u", 1, 12), draft.state("n")
    high = pkpd.param("high_u", float(draft.rng.choice(THRESHOLDS)), "1", "threshold")
    draft.rates |= {u: w * v, v: -w * u, n: -0.3 * n}
    draft.events.append(pkpd.Event(u > high, {n: n + 1, effect: effect * 0.97 + 0.01}))


def _threshold(draft: _Draft, effect: Any) -> None:
    n, low = draft.state("n"), draft.param("low", 0.2, 0.9)
    draft.rates[n] = -0.3 * n
    kick = {} if effect.name == "x" else {effect: effect + 0.4}  # an oscillator that is kicked may be chaotic
    draft.events.append(pkpd.Event(effect < low, {n: n + 1, **kick}))


def _no_event(draft: _Draft, effect: Any) -> None:
    pass


# ---- treatment


def _treated(draft: _Draft, seed: int, model: pkpd.Model, members: int) -> Case:
    rng = draft.rng
    regimen, makers, marks = pkpd.Regimen(), [], [0.0]
    for i in range(int(rng.integers(1, 4))):
        part, doses, near = _part(rng, i, sorted(draft.routes))
        regimen, marks = regimen + part, marks + near
        makers.append(doses)

    def all_doses(v: Numbers) -> list[Dose]:
        return [_arrived(draft, d, v) for doses in makers for d in doses(v)]

    times = _times(rng, marks)
    end = float(times[-1])

    def all_breaks(v: Numbers) -> list[float]:
        return [time for breaks in draft.breaks for time in breaks(v, end)]

    names = [s.name for s in (*model.settable, *regimen.parameters)]
    defaults = {s.name: float(s.value) for s in (*model.settable, *regimen.parameters)}
    varied = [n for n in names if n not in ("per_day", "wide", "period", "high_u") and rng.uniform() < 0.5]
    values = {n: defaults[n] * np.exp(rng.normal(0, 0.05, members)) for n in varied}
    if "high" in values:
        values["high"] = np.minimum(values["high"], 0.9995)  # a sine comes above it, for however short a time
    return Case(seed, model, regimen, times, all_doses, all_breaks, values, tuple(draft.features))


def _part(rng: np.random.Generator, i: int, routes: list[str]) -> Any:
    """Some doses as a regimen, as a function of parameters to numbers, and the times by the defaults."""
    route, amount = str(rng.choice(routes)), round(float(rng.uniform(0.2, 2)), 2)
    step, n = float(rng.choice(INTERVALS)), int(rng.integers(1, 8))
    first = pkpd.param(f"first_{i}", float(rng.choice([0.0, 0.3, 1.0, 2 / 3])) + 0.1, "day", "first dose")
    begins = float(rng.choice([0.0, 0.1, 0.3, 1.0, 3 * (8 / 24)]))
    lasting = [None, step, step / 2, 1.5 * step, 0.25][rng.integers(5)] if route != "radiation" else None
    style = str(rng.choice(["every", "sums", "repeated", "parameter"]))
    one = pkpd.bolus(amount, route) if lasting is None else pkpd.infusion(amount, route, lasting)
    if style == "every":
        regimen = one.every(step, n).shift(begins)
    elif style == "sums":
        at = [float(t) for t in begins + np.cumsum([0.0, *[step] * (n - 1)])]
        regimen = sum(one.shift(t) for t in at)
    elif style == "repeated":
        regimen = sum((one.shift(begins + j * step) for j in range(n)), pkpd.Regimen())
    else:
        regimen = one.every(step, n).shift(first)

    def doses(v: Numbers) -> list[Dose]:
        start = v[first.name] if style == "parameter" else begins
        return [Dose(start + j * step, amount, route, lasting) for j in range(n)]

    origin = begins if style != "parameter" else float(first.value)
    return regimen, doses, [origin + j * step for j in range(n)]


def _arrived(draft: _Draft, dose: Dose, v: Numbers) -> Dose:
    F, lag = draft.arrival.get(dose.route, (None, None))
    part, late = (1.0 if F is None else v[F]), (0.0 if lag is None else v[lag])
    return Dose(dose.time + late, part * dose.amount, dose.route, dose.duration)


def _times(rng: np.random.Generator, marks: list[float]) -> np.ndarray:
    """On doses, some by other roundings, beside doses, and anywhere."""
    step = float(rng.choice(INTERVALS))
    on = [m + float(rng.choice([0.0, 1e-16 * m, 4e-16 * m, -2e-16 * m])) for m in marks]
    beside = [m + float(rng.choice([-1e-3, 1e-3, 1e-6])) for m in marks]
    end = max(marks) + float(rng.uniform(0.5, 6))
    every = np.cumsum([step] * int(min(end / step, 12)))
    times = np.unique([0.0, *on, *beside, *every, *rng.uniform(0, end, 4), end])
    times = times[(times >= 0) & (times <= end)]
    return times[np.diff(times, prepend=-1.0) > 1e-8]
