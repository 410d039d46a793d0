"""Values for parameters: text read, units converted, bounds kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from pkpd.errors import ParameterError, UnitError
from pkpd.symbolic.symbols import Given, Parameter, finite_number
from pkpd.units import convert, parse_quantity

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["Bounds", "bound_limits", "check_bounds", "parameter_value"]

Bounds = Literal["refuse", "ignore"]

_ROUNDING = 1e-12  # of a bound: what a conversion or a transform may be off by


def parameter_value(model: Model, symbol: Parameter | Given, value: Any, *, bounds: Bounds = "refuse") -> float:
    """A value for a parameter as a number in its unit.

    Parameters
    ----------
    model
        Named in messages.
    symbol
        The parameter.
    value
        A number in the parameter's unit; text with a unit (``"0.4 nM"``); or the name of
        one of the alternatives it declares.
    bounds
        ``"refuse"`` a value outside the declared bounds, or ``"ignore"`` them.

    Raises
    ------
    ParameterError
        If the text is neither a quantity nor an alternative, or a number is not finite or
        outside the bounds.
    UnitError
        If the unit cannot be converted.
    """
    what = f"{model.name}: parameter {symbol.name!r}"
    if isinstance(value, str):
        value = _from_text(symbol, value, what)
    number = finite_number(
        value, what, expected=f"expected a number in {symbol.unit}", finite=f"give a finite number in {symbol.unit}"
    )
    check_bounds(model, symbol, number, bounds=bounds)
    return number


def check_bounds(
    model: Model, symbol: Parameter | Given, values: Any, where: str = "", *, bounds: Bounds = "refuse"
) -> None:
    """Refuse values of a parameter outside its declared bounds.

    Parameters
    ----------
    model
        Named in the message.
    symbol
        The parameter; a given has no bounds.
    values
        A number, or an array over members, in the parameter's unit.  NaN is within bounds.
    where
        What the values belong to, such as ``"arm 'control'"``; none by default.
    bounds
        ``"ignore"`` accepts everything.

    Raises
    ------
    ParameterError
        Naming the parameter, the first member outside, its value and the bounds.
    """
    least, most = bound_limits(symbol, bounds)
    if least == -math.inf and most == math.inf:
        return
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    outside = (numbers < least) | (numbers > most)
    if outside.any():
        low, high = symbol.declaration.bounds
        first = int(np.argmax(outside))
        member = f" of member {first}" if numbers.ndim else ""
        raise ParameterError(
            f"{model.name}: parameter {symbol.name!r}{member}{f' in {where}' if where else ''} is "
            f"{numbers.flat[first]:g} {symbol.unit}, outside its bounds {_range(low, high)}; give a value within them, "
            'or bounds="ignore" to run it all the same.'
        )


def bound_limits(symbol: Parameter | Given, bounds: Bounds = "refuse") -> tuple[float, float]:
    """The least and the largest value that `check_bounds` accepts, a rounding beyond the declared bounds.

    Raises
    ------
    ParameterError
        If `bounds` is neither ``"refuse"`` nor ``"ignore"``.
    """
    if bounds not in ("refuse", "ignore"):
        raise ParameterError(f"bounds is {bounds!r}; expected 'refuse' or 'ignore'.")
    low, high = getattr(symbol.declaration, "bounds", (-math.inf, math.inf))
    if bounds == "ignore":
        return -math.inf, math.inf
    return low - _ROUNDING * abs(low), high + _ROUNDING * abs(high)


def _range(low: float, high: float) -> str:
    if high == math.inf:
        return f"({low:g} or more)"
    return f"({high:g} or less)" if low == -math.inf else f"({low:g} to {high:g})"


def _from_text(symbol: Parameter | Given, text: str, what: str) -> float:
    """The alternative called `text`, or the quantity that it is, in the unit of `symbol`."""
    alternatives = {a[0]: a[1] for a in getattr(symbol.declaration, "alternatives", ())}
    if text in alternatives:
        return float(alternatives[text])
    try:
        number, unit = parse_quantity(text, what)
    except UnitError:
        names = f" or an alternative ({', '.join(sorted(alternatives))})" if alternatives else ""
        raise ParameterError(
            f"{what} is {text!r}; expected a number, or one with a unit, such as '1.5 {symbol.unit}'{names}."
        ) from None
    return number if unit is None else convert(number, unit, symbol.unit, what)
