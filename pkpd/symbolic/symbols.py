"""The symbols a model is written in: parameters, states, givens, input rates, doses and the clock."""

from __future__ import annotations

import keyword
import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

import sympy
from sympy.logic.boolalg import Boolean

from pkpd.errors import ModelError, ParameterError, PkpdError
from pkpd.symbolic import conditions as conditions
from pkpd.symbolic.declarations import (
    Clock,
    Declaration,
    Declared,
    Dose,
    DosedDeclaration,
    Given,
    GivenDeclaration,
    InputRate,
    Parameter,
    ParameterDeclaration,
    State,
    StateDeclaration,
)
from pkpd.units import convert, molar_mass_in_grams

__all__ = [
    "Clock",
    "Declared",
    "Dose",
    "Given",
    "InputRate",
    "Parameter",
    "State",
    "as_expression",
    "check_name",
    "clock",
    "dose",
    "finite_number",
    "given",
    "input_rate",
    "param",
    "state",
]

_LARGE = 3.0  # a standard deviation of a logarithm beyond which a percent was probably given

# Names that a result, a fit or the text of an equation already uses.
RESERVED = frozenset(
    "dose ended inf member nan seed status t time abs cos erf exp log log10 pi sin sqrt tan tanh".split()  # noqa: SIM905
)


def check_name(name: str, what: str) -> str:
    """`name` itself, if it can name a `what`.

    Raises
    ------
    ModelError
        If it is not a plain identifier, or is reserved.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ModelError(f"{name!r} cannot name a {what}: use letters, digits and _, beginning with a letter.")
    if keyword.iskeyword(name) or name in RESERVED:
        raise ModelError(f"{name!r} cannot name a {what}: the name is reserved. Try {name + '_'!r}.")
    return name


def as_expression(value: Any, what: str) -> sympy.Expr:
    """A number or an expression as an expression; never text, which sympy would evaluate.

    Raises
    ------
    ModelError
        If it is anything else; `what` names it.
    """
    try:
        expression = sympy.sympify(value, strict=True)
    except sympy.SympifyError:
        expression = None
    if not isinstance(expression, sympy.Expr | Boolean):  # not a dict or a list, which sympy wraps
        raise ModelError(f"{what} is {value!r}; expected a number or an expression of declared symbols.")
    return expression


def finite_number(
    value: Any,
    what: str,
    *,
    error: type[PkpdError] = ParameterError,
    expected: str = "expected a number",
    finite: str = "expected a finite number",
) -> float:
    """`value` as a number.

    Parameters
    ----------
    what
        Names it in messages.
    error
        What is raised.
    expected, finite
        How a message ends where it is no number, and where it is not finite.

    Raises
    ------
    PkpdError
        If it is none, or not finite.

    Examples
    --------
    >>> finite_number("0.5", "the fraction")
    0.5
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise error(f"{what} is {value!r}; {expected}.") from None
    except OverflowError:
        raise error(f"{what} is too large for a number; {finite}.") from None
    if not math.isfinite(number):
        raise error(f"{what} is {number}; {finite}.")
    return number


def param(
    name: str,
    value: float,
    unit: str,
    meaning: str,
    *,
    source: str = "",
    bounds: tuple[float | None, float | None] = (None, None),
    iiv: float | None = None,
    alternatives: Mapping[str, tuple[float, str, str]] | None = None,
) -> Parameter:
    """Declare a parameter: one line says its symbol, value, unit, meaning and source.

    Parameters
    ----------
    name
        The symbol, as the field prints it (``"CL"``).
    value
        The default value, in `unit`.
    unit
        Such as ``"L/day"``; ``"1"`` for a pure number.
    meaning
        In words.
    source
        Where the value was read; "illustrative" where it was not.
    bounds
        The lowest and highest value that make sense, in `unit`; None for no bound.
    iiv
        Between-subject variability: the standard deviation omega of ln(parameter).
    alternatives
        Other published values by name, each ``(value, unit, source)``; chosen with
        ``parameters={"KD": "QSPIO"}``.

    Raises
    ------
    ModelError
        If the name cannot be one, or a unit is not known.
    ParameterError
        If the value is not a finite number within the bounds, or `iiv` is negative.

    Examples
    --------
    >>> CL = param("CL", 0.23, "L/day", "clearance", source="Baverel 2018", bounds=(0, None))
    >>> CL.value, CL.unit
    (0.23, 'L/day')
    """
    check_name(name, "parameter")
    number = finite_number(value, f"the value of parameter {name!r}")
    low, high = _limits(name, bounds)
    if not low <= number <= high:
        raise ParameterError(f"parameter {name!r} is {number:g} {unit}, outside its bounds {low:g} to {high:g}.")
    if iiv is not None and finite_number(iiv, f"the iiv of parameter {name!r}") < 0:
        raise ParameterError(f"the iiv of parameter {name!r} is {iiv:g}; it is a standard deviation, so 0 or more.")
    others = _alternatives(name, unit, alternatives)
    if iiv is not None and iiv > _LARGE:
        warnings.warn(
            f"param({name!r}, iiv={iiv:g}): iiv is the standard deviation of the logarithm, 0.3 for about 30 %. "
            f"Was iiv={iiv / 100:g} meant?",
            stacklevel=2,
        )
    return Parameter(ParameterDeclaration(name, unit, meaning, number, source, (low, high), iiv, others))


def _limits(name: str, bounds: Any) -> tuple[float, float]:
    try:
        low, high = (m if b is None else float(b) for b, m in zip(bounds, (-math.inf, math.inf), strict=True))
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"the bounds of parameter {name!r} are {bounds!r}; expected (lowest, highest), with None for no bound."
        ) from None
    if not low <= high:
        raise ParameterError(f"the bounds of parameter {name!r} are {low:g} to {high:g}; the low one comes first.")
    return low, high


def _alternatives(name: str, unit: str, alternatives: Any) -> tuple[tuple[str, float, str, str], ...]:
    """The alternatives of a parameter, their values in its unit."""
    if alternatives is None:
        return ()
    if not isinstance(alternatives, Mapping):
        raise ParameterError(
            f"the alternatives of {name!r} are {alternatives!r}; expected {{name: (value, unit, source)}}."
        )
    return tuple(_alternative(name, unit, key, entry) for key, entry in alternatives.items())


def _alternative(name: str, unit: str, key: Any, entry: Any) -> tuple[str, float, str, str]:
    what = f"alternative {key!r} of {name!r}"
    if not isinstance(key, str):
        raise ParameterError(f"{what}: an alternative is chosen by its name; expected text, such as 'QSPIO'.")
    if not isinstance(entry, tuple | list) or len(entry) != 3:
        raise ParameterError(f"{what} is {entry!r}; expected (value, unit, source).")
    value, own_unit, source = entry
    return key, convert(finite_number(value, what), own_unit, unit, what), own_unit, source


def state(name: str, unit: str, meaning: str, *, start: Any = 0, nonnegative: bool = False) -> State:
    """Declare a state.

    Parameters
    ----------
    name, unit, meaning
        As for `param`.
    start
        The value at time 0: a number in `unit`, or an expression of parameters and
        givens.  A start may not use a state.
    nonnegative
        Whether a value below zero is impossible: a member that comes to one all the same,
        by more than the tolerance, gets the status ``negative``.

    Raises
    ------
    ModelError
        If the name cannot be one, the unit is not known, or the start uses a state.

    Examples
    --------
    >>> T = state("T", "mm^3", "tumor volume", start=100)
    >>> T.unit
    'mm^3'
    """
    check_name(name, "state")
    expression = sympy.sympify(start) if isinstance(start, int | float | sympy.Expr) else None
    if expression is None:
        raise ModelError(f"state {name!r} starts at {start!r}; expected a number or an expression of parameters.")
    if expression.is_number and not expression.is_finite:
        raise ModelError(f"state {name!r} starts at {start}; expected a finite number.")
    wrong = sorted(s.name for s in expression.free_symbols if not isinstance(s, Parameter | Given))
    if wrong:
        raise ModelError(
            f"state {name!r} starts at {expression}, which uses {wrong[0]!r}; "
            "a start is made of parameters and givens only."
        )
    return State(StateDeclaration(name, unit, meaning, expression, nonnegative))


def given(name: str, unit: str, meaning: str, *, default: float | None = None) -> Given:
    """Declare a quantity that another part supplies, by an output or a state of this name.

    With a `default` the part also runs alone; the default is then a parameter.

    Examples
    --------
    >>> RO = given("RO", "1", "fraction of PD-L1 occupied")
    >>> RO.meaning
    'fraction of PD-L1 occupied'
    """
    check_name(name, "given")
    value = None if default is None else finite_number(default, f"the default of given {name!r}")
    return Given(GivenDeclaration(name, unit, meaning, value))


def input_rate(name: str, unit: str, meaning: str, *, molar_mass: Any = None) -> InputRate:
    """Declare a zero-order input: an amount over its duration (``R`` in Gy/day).

    Name it as a route, ``routes={"radiation": R}``; it is zero while nothing is given.  With a
    `molar_mass`, as for `dose`, doses may be given as a mass or as an amount of substance.

    Examples
    --------
    >>> import pkpd
    >>> A, R = pkpd.state("A", "mg", "drug"), input_rate("R", "mg/day", "infusion")
    >>> pkpd.Model("drip", {A: R}, routes={"iv": R})
    <Model drip: 1 states, 0 parameters>
    """
    check_name(name, "input rate")
    return InputRate(_dosed(name, unit, meaning, molar_mass))


def dose(unit: str, *, molar_mass: Any = None) -> Dose:
    """The amount of one dose, as it stands in a jump route: ``{A1: A1 + dose("mg")}``.

    Parameters
    ----------
    unit
        What a dose is measured in.
    molar_mass
        Of the drug: text such as ``"146 kDa"`` or ``"146 kg/mol"``, or a number in g/mol.  A
        regimen may then give a mass where `unit` is an amount of substance (``"1500 mg"``
        into nmol), or the reverse.

    Raises
    ------
    UnitError
        If the unit, or that of the molar mass, is not one.
    ParameterError
        If the molar mass is not more than 0.

    Examples
    --------
    >>> import pkpd
    >>> A = pkpd.state("A", "mg", "drug")
    >>> A + dose("mg")
    dose + A
    """
    return Dose(_dosed("dose", unit, "amount of one dose", molar_mass))


def _dosed(name: str, unit: str, meaning: str, molar_mass: Any) -> Declaration:
    if molar_mass is None:
        return Declaration(name, unit, meaning)
    mass = molar_mass_in_grams(molar_mass) if isinstance(molar_mass, str) else molar_mass
    number = finite_number(mass, "a molar mass")
    if number <= 0:
        raise ParameterError(f"a molar mass is {molar_mass!r}; expected more than 0.")
    return DosedDeclaration(name, unit, meaning, number)


def clock(unit: str) -> Clock:
    """The time since the start of the simulation, where a rate depends on it; prints as ``t``.

    Examples
    --------
    >>> str(clock("day"))
    't'
    """
    return Clock(Declaration("t", unit, "time since the start"))
