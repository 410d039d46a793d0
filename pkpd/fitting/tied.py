"""Parameters tied to others by an expression of the model's own symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pkpd.errors import FitError, unknown_name
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Parameter
from pkpd.symbolic.variants import with_expressions

__all__ = ["with_tied_parameters"]


def with_tied_parameters(model: Model, parameters: Mapping[str, Any]) -> tuple[Model, dict[str, Any]]:
    """The model with tied parameters replaced by their expressions, and the parameters that are held.

    Raises
    ------
    UnknownNameError
        If the model has no such parameter.
    FitError
        If an expression uses anything but parameters, or the parameter itself.
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
    held = {name: value for name, value in parameters.items() if name not in tied}
    if not tied:
        return model, held
    return with_expressions(model, {settable[name]: e for name, e in tied.items()}), held
