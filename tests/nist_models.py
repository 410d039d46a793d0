"""The problems of NIST StRD that are trajectories, as systems of differential equations with x as the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

import pkpd

UNITS = {"b": "1", "k": "1/day"}


def numbers(kinds: str) -> list[Any]:
    """Parameters b1, b2, ...; those written ``k`` are rates.  Their values are replaced by starts."""
    return [pkpd.param(f"b{i}", 1.0, UNITS[kind], "NIST StRD") for i, kind in enumerate(kinds, 1)]


def model(name: str, rates: dict[Any, Any], y: Any) -> pkpd.Model:
    return pkpd.Model(name, rates=rates, outputs={"y": y})


def pure(name: str, start: Any = 0) -> Any:
    return pkpd.state(name, "1", "NIST StRD", start=start)


def saturation(name: str, power: float) -> pkpd.Model:
    """The rate is a power of what is left."""
    b1, b2 = numbers("bk")
    y = pure("y1")
    return model(name, {y: b1 * b2 * (1 - y / b1) ** power}, y)


def exponentials(name: str, *, constant: bool) -> pkpd.Model:
    """Sums of decaying exponentials, a state for each: MGH17 with a constant, Lanczos without."""
    if constant:
        b1, b2, b3, k4, k5 = numbers("bbbkk")
        pairs = [(b2, k4), (b3, k5)]
    else:
        b1, each = 0, numbers("bkbkbk")
        pairs = list(zip(each[::2], each[1::2], strict=True))
    states = [pure(f"y{i}", start=amplitude) for i, (amplitude, _) in enumerate(pairs)]
    rates = {y: -k * y for y, (_, k) in zip(states, pairs, strict=True)}
    return model(name, rates, b1 + sum(states))


def chwirut(name: str) -> pkpd.Model:
    b1, b2, b3 = numbers("kbk")
    decay, line = pure("decay", start=1), pure("line", start=b2)
    return model(name, {decay: -b1 * decay, line: b3}, decay / line)


def logistic(name: str) -> pkpd.Model:
    b1, b2, b3 = numbers("bbk")
    y = pure("y1", start=b1 / (1 + sympy.exp(b2)))
    return model(name, {y: b3 * y * (1 - y / b1)}, y)


def richards(name: str) -> pkpd.Model:
    b1, b2, b3, b4 = numbers("bbkb")
    y = pure("y1", start=b1 / (1 + sympy.exp(b2)) ** (1 / b4))
    return model(name, {y: b3 / b4 * y * (1 - (y / b1) ** b4)}, y)


def oscillators(name: str) -> pkpd.Model:
    """ENSO: a year, and two cycles whose periods are estimated, each a cosine and a sine."""
    b = [pkpd.param(f"b{i}", 1.0, "day" if i in (4, 7) else "1", "NIST StRD") for i in range(1, 10)]
    year = pkpd.param("year", 12.0, "day", "twelve months")
    rates, y = {}, b[0]
    for period, cosine, sine in ((year, b[1], b[2]), (b[3], b[4], b[5]), (b[6], b[7], b[8])):
        c, s = pure(f"cos_{period}", start=1), pure(f"sin_{period}")
        rates |= {c: -2 * sympy.pi / period * s, s: 2 * sympy.pi / period * c}
        y = y + cosine * c + sine * s
    return model(name, rates, y)


def breakdown(name: str) -> pkpd.Model:
    """Nelson: a straight line whose slope depends on the temperature, a covariate."""
    b1, b2, b3 = numbers("bkb")
    temperature = pkpd.given("x2", "1", "temperature", default=200)
    y = pure("y1", start=b1)
    return model(name, {y: -b2 * sympy.exp(-b3 * temperature)}, y)


MODELS: dict[str, Callable[[], pkpd.Model]] = {
    "BoxBOD": lambda: saturation("boxbod", 1),
    "Chwirut1": lambda: chwirut("chwirut1"),
    "Chwirut2": lambda: chwirut("chwirut2"),
    "ENSO": lambda: oscillators("enso"),
    "Lanczos1": lambda: exponentials("lanczos1", constant=False),
    "Lanczos2": lambda: exponentials("lanczos2", constant=False),
    "Lanczos3": lambda: exponentials("lanczos3", constant=False),
    "MGH17": lambda: exponentials("mgh17", constant=True),
    "Misra1a": lambda: saturation("misra1a", 1),
    "Misra1b": lambda: saturation("misra1b", 1.5),
    "Misra1c": lambda: saturation("misra1c", 3),
    "Misra1d": lambda: saturation("misra1d", 2),
    "Nelson": lambda: breakdown("nelson"),
    "Rat42": lambda: logistic("rat42"),
    "Rat43": lambda: richards("rat43"),
}
