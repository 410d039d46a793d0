"""Parameters tied to others by an expression of the model's own symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pkpd.errors import FitError, UnitError, unknown_name
from pkpd.symbolic.dimensions import unit_of
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Parameter
from pkpd.symbolic.variants import with_expressions
from pkpd.units import label, parse_unit, same_unit

__all__ = ["with_tied_parameters"]


def with_tied_parameters(
    model: Model, parameters: Mapping[str, Any], free: object = ()
) -> tuple[Model, dict[str, Any]]:
    """The model with tied parameters replaced by their expressions, and the parameters that are held.

    Parameters
    ----------
    model
        A closed model.
    parameters
        Values by name, and expressions of those that are tied.
    free
        What is named as free, if it is a collection of names.

    Raises
    ------
    UnknownNameError
        If the model has no such parameter.
    FitError
        If an expression uses anything but parameters, or the parameter itself, or the parameter is free too.
    UnitError
        If the unit of an expression is not that of the parameter.
    """
    import sympy

    settable = {s.name: s for s in model.settable}
    tied = {name: e for name, e in parameters.items() if isinstance(e, sympy.Expr) and e.free_symbols}
    for name, expression in tied.items():
        if name not in settable:
            raise unknown_name(model.name, "parameter", name, settable)
        others = [s for s in expression.free_symbols if not isinstance(s, Parameter) or s.name in tied]
        if others:
            raise FitError(
                f"fit: {name!r} is tied to {expression}, which uses {', '.join(sorted(map(str, others)))}; expected an "
                "expression of parameters that are not tied themselves."
            )
        if isinstance(free, Mapping | list | tuple | set) and name in free:
            raise FitError(f"fit: parameter {name!r} is both free and tied to {expression}.")
        _check_unit(settable[name], expression)
    held = {name: value for name, value in parameters.items() if name not in tied}
    if not tied:
        return model, held
    return with_expressions(model, {settable[name]: e for name, e in tied.items()}), held


def _check_unit(symbol: Any, expression: Any) -> None:
    unit, wanted = unit_of(expression, f"fit: {symbol.name!r} is tied to {expression}, which"), parse_unit(symbol.unit)
    if unit is not None and not same_unit(unit, wanted):
        raise UnitError(
            f"fit: {symbol.name!r} is tied to {expression} [{label(unit)}]; expected an expression in "
            f"[{label(wanted)}]."
        )
