"""Numbers as users hand them over, refused where something of them would be lost."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError
from pkpd.symbolic.symbols import finite_number

__all__ = ["number", "numbers", "shortened"]


def numbers(subject: str, values: Any) -> Array:
    """`values` as an array of floats, of any shape; refuses what would lose something on the way.

    Parameters
    ----------
    subject
        What a refusal begins with, such as "the values of 'CL' are".
    values
        Any array, series or sequence of numbers.

    Raises
    ------
    ParameterError
        If they are not numbers, have an imaginary part, a unit or a mask, or do not fit a float.
    """
    parts = values if isinstance(values, list | tuple) else [values]
    kinds = set(map(type, parts))
    if any(hasattr(kind, "magnitude") for kind in kinds):
        raise ParameterError(f"{subject} {shortened(values)}, with a unit; expected plain numbers.")
    masked = any(issubclass(kind, np.ma.MaskedArray) for kind in kinds) and any(map(np.ma.is_masked, parts))
    # pandas keeps what is missing in a dtype of its own beside the numbers.
    extended = hasattr(values, "isna") and not isinstance(getattr(values, "dtype", None), np.dtype)
    if masked or (extended and bool(np.any(values.isna()))):
        raise ParameterError(f"{subject} {shortened(values)}, with masked places; expected a number in each.")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":
            array = np.array([_real(value) for value in array.flat]).reshape(array.shape)
        if array.dtype.kind not in "cmM":
            return np.asarray(array, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"{subject} {shortened(values)}; expected numbers.") from None
    kind = "complex numbers" if array.dtype.kind == "c" else "dates or durations"
    raise ParameterError(f"{subject} {kind}; expected real numbers.")


def _real(value: Any) -> float:
    """One element of an array of objects as a float."""
    if np.iscomplexobj(value) or hasattr(value, "magnitude") or value is np.ma.masked:
        raise TypeError(value)
    return float(value)


def number(value: Any, what: str) -> float:
    """`value` as a finite number; `what` names it.

    Raises
    ------
    ParameterError
        If it is none, not finite, masked, or has an imaginary part or a unit.
    """
    if np.iscomplexobj(value) or value is np.ma.masked or hasattr(value, "magnitude") or np.ndim(value):
        raise ParameterError(f"{what} is {shortened(value)}; expected a plain real number.")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise ParameterError(f"{what} is {shortened(value)}; expected a number of at most 1.8e308.")
    return finite_number(value, what)


def shortened(value: Any) -> str:
    """`value` as a message shows it: in one line, and not all of an array."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python refuses to print an integer of thousands of digits
        return f"a number of about 10**{int(value.bit_length() * math.log10(2))}"
    return text if len(text) <= 200 else f"{text[:120]}... ({len(text)} characters)"
