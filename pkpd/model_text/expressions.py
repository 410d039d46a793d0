"""Symbolic expressions written as text that is read back as the same."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from pkpd.errors import ModelError
from pkpd.model_text.building import FUNCTIONS

__all__ = ["expression_text"]


def expression_text(e: Any) -> str:
    """`e` as text that `pkpd.model_text.building.expression` reads back.

    Raises
    ------
    ModelError
        If it holds a function that has no text.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> expression_text(sympy.Piecewise((x**2, x > 1), (0, True)))
    'piecewise(x**2, x > 1, 0)'
    """
    return str(_Printer({"order": None}).doprint(sympy.sympify(e, strict=True)))


class _Printer(StrPrinter):  # type: ignore[misc]
    def _print_Float(self, e: Any) -> str:
        return repr(float(e))

    def _print_Exp1(self, e: Any) -> str:
        return "exp(1)"

    def _print_Piecewise(self, e: Any) -> str:
        parts = []
        for value, condition in e.args:
            parts += [value] if condition == sympy.true else [value, condition]
        return self._applied("piecewise", parts)

    def _print_Relational(self, e: Any) -> str:
        return f"{self.parenthesize(e.lhs, 35)} {e.rel_op} {self.parenthesize(e.rhs, 35)}"

    def _print_And(self, e: Any) -> str:
        return " and ".join(f"({self._print(a)})" for a in sorted(e.args, key=sympy.default_sort_key))

    def _print_Or(self, e: Any) -> str:
        return " or ".join(f"({self._print(a)})" for a in sorted(e.args, key=sympy.default_sort_key))

    def _print_Not(self, e: Any) -> str:
        return f"not ({self._print(e.args[0])})"

    def _print_Function(self, e: Any) -> str:
        name = {"Abs": "abs", "Heaviside": "heaviside", "Max": "max", "Min": "min"}.get(
            e.func.__name__, e.func.__name__
        )
        if name not in FUNCTIONS:
            raise ModelError(f"the function {name} in {e} has no text; there are {', '.join(FUNCTIONS)}.")
        return self._applied(name, e.args)

    _print_Abs = _print_Heaviside = _print_Max = _print_Min = _print_Function

    def _print_Mod(self, e: Any) -> str:
        return self._applied("mod", e.args)

    def _applied(self, name: str, arguments: Any) -> str:
        return f"{name}({', '.join(self._print(a) for a in arguments)})"
