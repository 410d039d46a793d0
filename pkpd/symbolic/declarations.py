"""Declared symbols: sympy symbols that carry what was said of them, which is part of their identity.

Two ``CL`` of different value are two symbols, never one cached object, and a pickled symbol
comes back whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import sympy

from pkpd.units import parse_unit

__all__ = [
    "Clock",
    "Declaration",
    "Declared",
    "Dose",
    "DosedDeclaration",
    "Given",
    "GivenDeclaration",
    "InputRate",
    "Parameter",
    "ParameterDeclaration",
    "State",
    "StateDeclaration",
]


@dataclass(frozen=True)
class Declaration:
    """What every symbol says of itself."""

    name: str
    unit: str
    meaning: str

    def __post_init__(self) -> None:
        parse_unit(self.unit)

    @property
    def identity(self) -> str:
        """Text that differs where two declarations do."""
        return repr(self)


@dataclass(frozen=True)
class DosedDeclaration(Declaration):
    """Of a dose or an input rate whose molar mass is known."""

    molar_mass: float = math.nan  # g/mol


@dataclass(frozen=True)
class ParameterDeclaration(Declaration):
    value: float = 0.0
    source: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    iiv: float | None = None
    alternatives: tuple[tuple[str, float, str, str], ...] = ()


@dataclass(frozen=True)
class StateDeclaration(Declaration):
    start: sympy.Expr = sympy.S.Zero
    nonnegative: bool = False

    @property
    def identity(self) -> str:
        """Its own text, and that of the parameters in its start, which prints them by name alone."""
        starting = sorted(s.declaration.identity for s in self.start.atoms(Declared))
        return " ".join([repr(self), sympy.srepr(self.start), *starting])


@dataclass(frozen=True)
class GivenDeclaration(Declaration):
    default: float | None = None


class Declared(sympy.Symbol):  # type: ignore[misc]
    """A real sympy symbol whose declaration is part of its identity."""

    __slots__ = ("_content", "declaration")
    declaration: Any

    def __new__(cls, declaration: Declaration) -> Declared:
        # __xnew__ goes around sympy's cache, which knows symbols by name alone.
        symbol: Declared = sympy.Symbol.__xnew__(cls, declaration.name, real=True)
        symbol.declaration = declaration
        symbol._content = declaration.identity
        return symbol

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), self._content)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.declaration,)

    @property
    def unit(self) -> str:
        return str(self.declaration.unit)

    @property
    def meaning(self) -> str:
        return str(self.declaration.meaning)


class Parameter(Declared):
    """A number with a name: see `param`."""

    __slots__ = ()

    @property
    def value(self) -> float:
        return float(self.declaration.value)


class State(Declared):
    """A quantity that a rate changes: see `state`."""

    __slots__ = ()

    @property
    def start(self) -> sympy.Expr:
        return self.declaration.start


class Given(Declared):
    """A quantity that another part supplies: see `given`."""

    __slots__ = ()

    @property
    def default(self) -> float | None:
        return self.declaration.default  # type: ignore[no-any-return]


class InputRate(Declared):
    """The rate at which a dose enters: see `input_rate`."""

    __slots__ = ()


class Dose(Declared):
    """The amount of one dose: see `dose`."""

    __slots__ = ()


class Clock(Declared):
    """The time since the start: see `clock`."""

    __slots__ = ()
