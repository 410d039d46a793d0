"""Text on axes, from the meaning and the unit that a result carries."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "left_out",
    "meaning",
    "number",
    "output",
    "plain_unit",
    "quantity",
    "rounded",
    "sentence",
    "short_number",
    "summary",
    "with_unit",
]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def quantity(array: xr.DataArray, width: int = 44) -> str:
    """Meaning and unit as an axis label, such as ``Tumor volume (mm³)``, broken into lines."""
    text = meaning(array)
    unit = plain_unit(str(array.attrs.get("units", "1")))
    if re.match(rf"{re.escape(unit)} of ", text) and unit:  # the day of the first dose is in days
        unit = ""
    if array.attrs.get("long_name"):
        text = sentence(text)
    return "\n".join(_balanced(f"{text} ({unit})" if unit else text, width))


def sentence(text: str) -> str:
    """With a capital, where it begins with a word and not with a symbol such as ``kg*T``."""
    return text[0].upper() + text[1:] if re.match(r"[a-z]{2,}(?=[\s-]|$)", text) else text


def output(array: xr.DataArray, width: int = 44) -> str:
    """As `quantity`; an output that has no meaning but an expression, such as ``MW*A1/V1``, has its name."""
    text = str(array.attrs.get("long_name") or "")
    if array.name and re.search(r"[*/^()]", text) and not re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text):
        array = array.assign_attrs(long_name=str(array.name))
    return quantity(array, width)


def _balanced(text: str, width: int) -> list[str]:
    """As few lines as `width` allows, of about the same length."""
    lines = textwrap.wrap(text, width, break_long_words=False)
    for narrower in range(width - 1, 5, -1):
        tried = textwrap.wrap(text, narrower, break_long_words=False)
        if len(tried) > len(lines):
            break
        lines = tried
    return lines


def meaning(array: xr.DataArray) -> str:
    """The long name of a variable, or its name where it has none."""
    return str(array.attrs.get("long_name") or array.name or "value")


def plain_unit(unit: str) -> str:
    """A unit as it is printed: ``mm^3`` is mm³, ``uL`` is µL, ``1`` is nothing."""
    if unit == "1":
        return ""
    raised = re.sub(r"(?:\^|\*\*)(-?\d+)", lambda power: power[1].translate(_SUPERSCRIPTS), unit)
    return re.sub(r"\bu(?=(?:L|l|g|M|m|mol|Gy)\b)", "µ", raised)


def number(value: object) -> str:
    """A coordinate's value in a legend."""
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def short_number(value: float, digits: int = 3) -> str:
    """A number in a cell or a note: 2480 rather than 2.48e+03."""
    plain = f"{value:.{digits}g}"
    if "e+" in plain and abs(value) < 1e5:
        return f"{float(plain):.0f}"
    digit, _, power = plain.partition("e")
    raised = str(int(power or 0)).translate(_SUPERSCRIPTS)
    return f"{digit}\N{MULTIPLICATION SIGN}10{raised}".replace("-", "\N{MINUS SIGN}") if power else plain


def with_unit(number: str, unit: str) -> str:
    """A number and the unit as it is printed: 3 mL, and 0.1/day."""
    if not unit:
        return number
    return f"{number}{unit[1:]}" if unit.startswith("1/") else f"{number} {unit}"


def rounded(value: float, digits: int) -> str:
    """A number with so many decimal places, with a minus sign, and 0 without one."""
    return f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}")


def left_out(lost: int, total: int, noun: str = "members") -> str:
    """The sentence that counts what failed; empty where nothing did."""
    return f"{lost} of {total} {noun} failed, left out" if lost else ""


def summary(counts: Collection[int], band: tuple[float, float] | None) -> str:
    """The note on a median and a band between two quantiles: of how many members they are, at each place."""
    few, many = min(counts), max(counts)
    counted = f"n = {few}" if few == many else f"n = {few} to {many}"
    if band is None:
        return f"median, {counted}"
    return f"median and {100 * band[0]:g}\N{EN DASH}{100 * band[1]:g} % band, {counted}"
