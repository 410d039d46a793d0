"""Regimens as plain values for a JSON file, and back; nothing that a file holds is evaluated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import sympy

from pkpd.errors import RegimenError
from pkpd.json_files import Fields, json_number
from pkpd.symbolic.declarations import Given, GivenDeclaration, Parameter, ParameterDeclaration
from pkpd.symbolic.symbols import check_name
from pkpd.treatment.administrations import Administration, Quantity
from pkpd.treatment.dose_times import UnitOfTime, unit_of_time
from pkpd.treatment.regimens import Regimen

__all__ = ["regimen_as_json", "regimen_from_json"]

# What a regimen's expressions are made of, besides numbers and symbols.
_FUNCTIONS: dict[str, Any] = {
    "sum": sympy.Add, "product": sympy.Mul, "power": sympy.Pow, "exp": sympy.exp, "log": sympy.log, "min": sympy.Min,
    "max": sympy.Max,
}  # fmt: skip
_ARGUMENTS = {"power": 2, "exp": 1, "log": 1}
_LARGEST = 2**53  # whole numbers that JSON readers keep
_STEEPEST = 64  # power of a number: beyond it a short text is a number of many digits
_DEEPEST = 40


def regimen_as_json(regimen: Regimen) -> list[dict[str, Any]]:
    """The doses of a regimen.

    Raises
    ------
    RegimenError
        If an expression has a function that a file does not hold.
    """
    return [
        {
            "time": _as_json(dose.time),
            "amount": _quantity_as_json(dose.amount),
            "route": dose.route,
            "duration": None if dose.duration is None else _quantity_as_json(dose.duration),
            "ss": dose.ss,
            "interval": None if dose.interval is None else _as_json(dose.interval),
        }
        for dose in regimen.doses
    ]


def regimen_from_json(doses: list[Fields]) -> Regimen:
    """The regimen with these doses.

    Raises
    ------
    DataError
        If an entry is missing or of a wrong kind.
    RegimenError, UnitError
        If a dose is not possible.
    """
    return Regimen(tuple(_dose(dose) for dose in doses))


def _dose(dose: Fields) -> Administration:
    duration = dose.part_or_none("duration")
    return Administration(
        _expression(dose, "time"),
        _quantity(dose.part("amount")),
        dose.text("route"),
        None if duration is None else _quantity(duration),
        dose.flag("ss"),
        None if dose.entry("interval", "an expression or null") is None else _expression(dose, "interval"),
    )


def _quantity_as_json(quantity: Quantity) -> dict[str, Any]:
    return {"value": _as_json(quantity.expression), "unit": quantity.unit}


def _quantity(quantity: Fields) -> Quantity:
    return Quantity(_expression(quantity, "value"), quantity.text_or_none("unit"))


# ---- expressions


def _as_json(expression: sympy.Expr) -> Any:
    if isinstance(expression, UnitOfTime):
        return {"unit_of_time": expression.name}
    if isinstance(expression, Parameter | Given):
        kind = "parameter" if isinstance(expression, Parameter) else "given"
        return {kind: _declaration_as_json(expression.declaration)}
    if expression.is_number and not isinstance(expression, sympy.Rational):
        return float(expression)
    if isinstance(expression, sympy.Rational):
        parts = int(expression.p), int(expression.q)
        if max(map(abs, parts)) > _LARGEST:
            return float(expression)
        return parts[0] if parts[1] == 1 else {"ratio": list(parts)}
    for name, function in _FUNCTIONS.items():
        if expression.func is function:
            return {name: [_as_json(argument) for argument in expression.args]}
    raise RegimenError(
        f"the expression {expression} has the function {expression.func.__name__!r}, which a file does not hold; it "
        f"holds {', '.join(_FUNCTIONS)}."
    )


def _declaration_as_json(declaration: Any) -> dict[str, Any]:
    values = {field.name: getattr(declaration, field.name) for field in dataclasses.fields(declaration)}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else json_number(value)


def _expression(parent: Fields, name: str) -> sympy.Expr:
    return _from_json(parent.entry(name, "an expression"), parent, name, 0)


def _from_json(value: Any, parent: Fields, name: str, depth: int) -> sympy.Expr:
    wrong = parent.wrong(name, "an expression of numbers, parameters and units of time")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return sympy.Integer(value)
    if isinstance(value, float):
        return sympy.Float(value)
    if not isinstance(value, dict) or len(value) != 1 or depth > _DEEPEST:
        raise wrong
    ((kind, content),) = value.items()
    if kind in _SYMBOLS:
        return _SYMBOLS[kind](Fields(value, f"{parent.where}: {name}"))
    if kind not in _FUNCTIONS or not isinstance(content, list):
        raise wrong
    arguments = [_from_json(argument, parent, name, depth + 1) for argument in content]
    if len(arguments) != _ARGUMENTS.get(kind, len(arguments)) or not arguments:
        raise wrong
    if kind == "power" and _explodes(*arguments):
        raise wrong
    return _FUNCTIONS[kind](*arguments)


def _explodes(base: sympy.Expr, exponent: sympy.Expr) -> bool:
    """Whether a power is of a number that is no plain one, or steeper than anybody means."""
    if exponent.is_number and (not exponent.is_Number or abs(exponent) > _STEEPEST):
        return True
    return bool(base.is_number and (not base.is_Number or abs(base) > _LARGEST))


def _ratio(value: Fields) -> sympy.Expr:
    parts = value.numbers("ratio")
    if len(parts) != 2 or not all(abs(p) <= _LARGEST and p.is_integer() for p in parts.tolist()) or parts[1] == 0:
        raise value.wrong("ratio", "two whole numbers, the second not 0")
    return sympy.Rational(int(parts[0]), int(parts[1]))


def _parameter(value: Fields) -> Parameter:
    part = value.part("parameter")
    bounds = part.numbers("bounds", 2)
    return Parameter(
        ParameterDeclaration(
            **_named(part, "parameter"),
            value=part.number("value"),
            source=part.text("source"),
            bounds=(float(bounds[0]), float(bounds[1])),
            iiv=part.number_or_none("iiv"),
            alternatives=_alternatives(part),
        )
    )


def _alternatives(part: Fields) -> tuple[tuple[str, float, str, str], ...]:
    alternatives = part.entry("alternatives", "a list")
    kinds = (str, int | float, str, str)
    if not isinstance(alternatives, list):
        raise part.wrong("alternatives", "a list")
    for one in alternatives:
        if not isinstance(one, list) or len(one) != 4 or not all(map(isinstance, one, kinds)):
            raise part.wrong("alternatives", "a list of [name, value, unit, source]")
    return tuple((one[0], float(one[1]), one[2], one[3]) for one in alternatives)


def _given(value: Fields) -> Given:
    part = value.part("given")
    return Given(GivenDeclaration(**_named(part, "given"), default=part.number_or_none("default")))


def _named(part: Fields, what: str) -> dict[str, str]:
    return {
        "name": check_name(part.text("name"), what),
        "unit": part.text("unit"),
        "meaning": part.text("meaning"),
    }


def _unit(value: Fields) -> UnitOfTime:
    return unit_of_time(value.text("unit_of_time"), "a dose time")


_SYMBOLS: Mapping[str, Callable[[Fields], sympy.Expr]] = {
    "ratio": _ratio,
    "parameter": _parameter,
    "given": _given,
    "unit_of_time": _unit,
}
