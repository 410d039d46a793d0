"""From the tree of an expression to a symbolic expression, by constructor calls alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from pkpd.errors import ModelError, unknown_name
from pkpd.model_text.syntax import Apply, Name, Node, Number, Operation, parse

__all__ = ["CONSTANTS", "FUNCTIONS", "expression"]

LARGEST_POWER = 100  # of a number, or to one
LARGEST_EXPONENT = 400  # of ten, in a number

CONSTANTS: Mapping[str, sympy.Expr] = {"pi": sympy.pi, "e": sympy.E}

# Each with how many arguments it takes at least and at most.
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    **{f.__name__: (f, 1, 1) for f in (
        sympy.exp, sympy.sqrt, sympy.sin, sympy.cos, sympy.tan, sympy.asin, sympy.acos, sympy.atan, sympy.sinh,
        sympy.cosh, sympy.tanh, sympy.asinh, sympy.acosh, sympy.atanh, sympy.erf, sympy.erfc, sympy.gamma,
        sympy.loggamma, sympy.sign, sympy.floor, sympy.ceiling,
    )},
    "log": (sympy.log, 1, 1),
    "log10": (lambda x: sympy.log(x) / sympy.log(10), 1, 1),
    "abs": (sympy.Abs, 1, 1),
    "min": (sympy.Min, 2, 100),
    "max": (sympy.Max, 2, 100),
    "heaviside": (sympy.Heaviside, 1, 2),
    "mod": (sympy.Mod, 2, 2),
}  # fmt: skip

_RELATIONS = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge, "==": sympy.Eq, "!=": sympy.Ne}
_LOGIC = {"and": sympy.And, "or": sympy.Or}


def expression(text: str, names: Mapping[str, Any], where: str) -> Any:
    """The symbolic expression that a text means, over declared symbols.

    Parameters
    ----------
    text
        As in ``"kg*T*(1 - T/Tmax)"``.
    names
        What each name stands for.
    where
        Names the expression in messages: ``"[rates] T"``.

    Raises
    ------
    ModelError
        If the text is no expression, or a function gets arguments that it does not take.
    UnknownNameError
        If it has a name that is not declared, or a function that there is none of.

    Examples
    --------
    >>> import sympy
    >>> expression("2*x + x", {"x": sympy.Symbol("x")}, "an example")
    3*x
    """
    return _Builder(names, where).build(parse(text, where))


class _Builder:
    def __init__(self, names: Mapping[str, Any], where: str) -> None:
        self.names, self.where = names, where

    def build(self, node: Node) -> Any:
        if isinstance(node, Number):
            return self._number(node)
        if isinstance(node, Name):
            return self._symbol(node)
        if isinstance(node, Apply):
            return self._applied(node)
        return self._operation(node)

    def _number(self, node: Number) -> Any:
        if node.text.isdigit():
            return sympy.Integer(int(node.text))
        if not abs(float(node.text)) < 10.0**300:
            raise ModelError(f"{self.where}: the number {node.text} at character {node.at} is too large.")
        return sympy.Float(float(node.text))

    def _symbol(self, node: Name) -> Any:
        if node.name in self.names:
            return self.names[node.name]
        if node.name in CONSTANTS:
            return CONSTANTS[node.name]
        raise unknown_name(self.where, "symbol", node.name, self.names)

    def _real(self, node: Node) -> Any:
        value = self.build(node)
        if not isinstance(value, sympy.Expr):
            raise ModelError(f"{self.where}: at character {node.at} there is a condition where a number was expected.")
        return value

    def _condition(self, node: Node) -> Any:
        value = self.build(node)
        if isinstance(value, sympy.Expr):
            raise ModelError(
                f"{self.where}: at character {node.at} there is a number where a condition such as T > 1 was expected."
            )
        return value

    def _operation(self, node: Operation) -> Any:
        sign, parts = node.operator, node.parts
        if sign == "+":
            return sympy.Add(*(self._real(part) for part in parts))
        if sign == "^":
            return self._power(node)
        if sign in ("*", "/", "-"):
            return sympy.Mul(*self._factors(node))
        if sign == "not":
            return sympy.Not(self._condition(parts[0]))
        if sign in _LOGIC:
            return _LOGIC[sign](*(self._condition(part) for part in parts))
        return _RELATIONS[sign](*(self._real(part) for part in parts))

    def _factors(self, node: Node) -> list[Any]:
        """What is multiplied, signs and divisions included; all at once, for sympy expands a product of two."""
        if not isinstance(node, Operation) or node.operator not in ("*", "/", "-"):
            return [self._real(node)]
        if node.operator == "*":
            return [factor for part in node.parts for factor in self._factors(part)]
        if node.operator == "-":
            return [sympy.S.NegativeOne, *self._factors(node.parts[0])]
        below = self._factors(node.parts[0])
        if any(factor.is_zero for factor in below):
            raise ModelError(f"{self.where}: there is a division by zero at character {node.at}.")
        return [sympy.Pow(factor, -1) for factor in below]

    def _power(self, node: Operation) -> Any:
        base, exponent = (self._real(part) for part in node.parts)
        if exponent.is_number and not abs(exponent) <= LARGEST_POWER:
            raise ModelError(
                f"{self.where}: the exponent at character {node.at} is beyond {LARGEST_POWER}; is it meant?"
            )
        if base.is_zero and exponent.is_negative:
            raise ModelError(f"{self.where}: there is a division by zero at character {node.at}.")
        return sympy.Pow(base, exponent)

    def _applied(self, node: Apply) -> Any:
        if node.function == "piecewise":
            return self._piecewise(node)
        if node.function not in FUNCTIONS:
            raise unknown_name(self.where, "function", node.function, [*FUNCTIONS, "piecewise"])
        function, least, most = FUNCTIONS[node.function]
        if not least <= len(node.arguments) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise ModelError(f"{self.where}: {node.function} takes {count} argument(s), not {len(node.arguments)}.")
        return function(*(self._real(argument) for argument in node.arguments))

    def _piecewise(self, node: Apply) -> Any:
        """``piecewise(value, condition, value, condition, ..., otherwise)``."""
        arguments = node.arguments
        if len(arguments) < 2:
            raise ModelError(
                f"{self.where}: piecewise at character {node.at} needs a value and its condition, as in "
                "piecewise(a, T > 1, b)."
            )
        pairs = [(self._real(v), self._condition(c)) for v, c in zip(arguments[::2], arguments[1::2], strict=False)]
        if len(arguments) % 2:
            pairs.append((self._real(arguments[-1]), sympy.true))
        return sympy.Piecewise(*pairs)
