"""What Python asks of a symbol and only a number has: whether a condition holds, and functions of numpy.

sympy and numpy refuse both, in words that do not say what to write instead.  As both look up methods of the
classes of sympy, that is where the answers are put; they concern expressions of declared symbols alone.
"""

from __future__ import annotations

from typing import Any, NoReturn

import sympy
from sympy.core.relational import Relational

from pkpd.errors import ModelError
from pkpd.symbolic.declarations import Declared

__all__ = ["TruthError"]

_FUNCTIONS = ("exp", "log", "sqrt", "tanh", "sin", "cos", "tan")
_BY_SYMPY = {"log10": "log(x, 10)", "log2": "log(x, 2)", "log1p": "log(1 + x)", "expm1": "exp(x) - 1"}
_undecided = Relational.__bool__


class TruthError(ModelError, TypeError):
    """A condition on symbols was asked whether it is true; a `TypeError`, as sympy itself catches."""


def _explained(self: Relational) -> bool:
    if self.atoms(Declared):
        raise TruthError(
            f"whether {self} holds is not known before the model runs, so that if, and, or, max and min cannot be "
            f"used. In an equation write sympy.Piecewise((a, {self}), (b, True)), sympy.Max(a, b) or sympy.Min(a, b); "
            f"for what happens once, Event(when={self}, then=...)."
        )
    return bool(_undecided(self))


def _refuse(function: str) -> Any:
    def method(self: sympy.Basic) -> NoReturn:
        if not self.atoms(Declared):  # in numpy's own words
            raise TypeError(f"{type(self).__name__} has no callable {function} method")
        written = _BY_SYMPY.get(function, f"{function}(x)")
        raise ModelError(
            f"numpy.{function} got {self}, which is an expression and no number; write it by sympy: "
            f"from sympy import {written.partition('(')[0]}, then {written} with x = {self}."
        )

    return method


Relational.__bool__ = _explained
for _name in (*_FUNCTIONS, *_BY_SYMPY):
    for _class in (Declared, sympy.Add, sympy.Mul, sympy.Pow):
        if not hasattr(_class, _name):
            setattr(_class, _name, _refuse(_name))
