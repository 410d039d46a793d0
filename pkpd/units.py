"""Units of measure: pint, in one place.

Symbols declare their unit as text (``"mg/L"``, ``"1/day"``, ``"1"`` for none).  Besides
pint's own units this registry knows ``cell``, ``DSB`` (DNA double-strand breaks) and ``IU``
(international units), each a dimension of its own, so that a cell count never adds to a volume.
"""

from __future__ import annotations

import difflib
import math
import re
import tokenize
from functools import lru_cache
from typing import Any

from pkpd.errors import UnitError

__all__ = [
    "amount_factor",
    "conversion_factor",
    "convert",
    "dimension_name",
    "label",
    "molar_mass_in_grams",
    "parse_quantity",
    "parse_unit",
    "same_unit",
    "time_factor",
    "time_in",
]

_DEFINITIONS = (
    "cell = [cell_count] = cell = cells",
    "DSB = [dna_double_strand_breaks]",
    "IU = [international_units]",
)

# Checked in this order; the first whose dimension matches names the missing factor.
_NAMED_DIMENSIONS = {
    "a volume": "L",
    "a time": "day",
    "a rate": "1/day",
    "a mass": "mg",
    "an amount of substance": "mol",
    "a cell count": "cell",
    "a mass concentration": "mg/L",
    "a molar concentration": "mol/L",
    "a dose in Gy": "Gy",
}

# What a misspelt unit most likely was; pint's own names come after these.
_COMMON = [
    "kg", "g", "mg", "ug", "ng", "pg", "mol", "mmol", "umol", "nmol", "pmol", "M", "mM", "uM", "nM", "pM", "L",
    "dL", "mL", "uL", "m", "cm", "mm", "um", "day", "hour", "h", "minute", "min", "second", "s", "week", "month",
    "year", "Gy", "cell", "mm^3", "cm^3",
]  # fmt: skip

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*?)?\s*")


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry(cache_folder=None)
    for definition in _DEFINITIONS:
        registry.define(definition)
    registry.formatter.default_format = "~C"
    return registry


def parse_unit(text: str) -> Any:
    """The pint unit that `text` names.

    A power may be written as it is in print: ``mm3`` is mm^3, ``h-1`` is 1/h.

    Raises
    ------
    UnitError
        If the text is not a unit, or one of another field that somebody in this one would
        not mean: ``a.u.`` is no atomic mass times a year, and ``pH`` no henry.
    """
    if not isinstance(text, str):
        raise UnitError(f"a unit is given as text such as 'mg/L', not as {text!r}. Use '1' for a pure number.")
    return _parsed(text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Any:
    import pint

    if not text.strip() or "//" in text:  # to pint "" is a pure number, and // a division
        raise UnitError(f"{text!r} is not a unit{_why(text)}")
    if text.strip() == "1":
        return _registry().dimensionless
    _refuse_misread(text)
    try:
        # "1/day" is a quantity of magnitude one to pint's unit parser, and refused there.
        spelled = _DOT.sub("*", _POWER.sub(_as_power, text))
        return _registry().parse_units(re.sub(r"^\s*1\s*/\s*", "dimensionless/", spelled))
    except (*_UNREADABLE, pint.errors.PintError):
        raise UnitError(f"{text!r} is not a unit{_why(text)}") from None


_UNREADABLE = (ValueError, TypeError, AttributeError, AssertionError, SyntaxError, tokenize.TokenError)

_WORD = re.compile(r"[^\W\d_]+")
_DOT = re.compile(r"(?<=[^\W\d_])\.(?=[^\W\d_])")  # mg.h, which Python 3.12 does not read as 3.11 does
_POWER = re.compile(r"(?<![\w.])([^\W\d_]+)(-?\d+)(?![\w.^])")  # mm3, h-1

# What pint knows by these names is of another field.
_MISREAD = {
    "u": "atomic mass is 'Da'; a relative unit is '1'",
    "au": "a relative unit is '1'",
    "AU": "a relative unit is '1'",
    "U": "international units are 'IU'",
    "a": "a year is 'year'",
    "pH": "a pure number is '1'",
    "rad": "an absorbed dose is in 'Gy', and 1 Gy is 100 rad",
}
_PURE = frozenset("relative fold ratio fraction score index copies probability none OD SUV HU".lower().split())


def _as_power(written: re.Match[str]) -> str:
    """``mm3`` as ``mm^3``, but not a word that ends in a digit and is known as it stands."""
    return written[0] if _is_known(written[0]) else f"{written[1]}^({written[2]})"


def _refuse_misread(text: str) -> None:
    if re.search(r"(?<![^\W\d_])[^\W\d_]\.[^\W\d_](?![^\W\d_])|\.\s*(?:$|[^\w\s])", text):
        raise UnitError(
            f"{text!r} is not a unit: a point is no part of one. A relative or arbitrary unit is '1'; "
            "factors are joined by *, as in 'mg*h/L'."
        )
    for word in _WORD.findall(text):
        if word in _MISREAD:
            raise UnitError(f"{text!r} is not a unit here: by {word!r} pint means something else; {_MISREAD[word]}.")


def _is_known(word: str) -> bool:
    try:
        return word in _registry()
    except _UNREADABLE:  # such as nan, which is a number to pint
        return False


def _why(text: str) -> str:
    words = _WORD.findall(text)
    pure = [w for w in words if w.lower() in _PURE]
    if pure:
        return f": {pure[0]!r} is not known. Use '1' for a pure number."
    wrong = next((w for w in words if not _is_known(w)), None)
    if wrong is None and words and re.search(r"(?<![\^*\w(-])\d*\.?\d+(?!\s*/)", text):
        return ": it has a number in it; give the number to the value, and 'cell' or 'mL/min' to the unit."
    if wrong is None:
        return "; expected units joined by *, / and ^, such as 'mg/L' or '1/day', and '1' for a pure number."
    near = [*difflib.get_close_matches(wrong, _COMMON, n=1), *difflib.get_close_matches(wrong, dir(_registry()), n=1)]
    return f": {wrong!r} is not known.{f' Did you mean {near[0]!r}?' if near else ''}"


@lru_cache(maxsize=16384)
def conversion_factor(source: Any, target: Any) -> float | None:
    """The factor from pint unit `source` to `target`, or None where their dimensions differ."""
    if source.dimensionality != target.dimensionality:
        return None
    return float((1.0 * source).to(target).magnitude)


def same_unit(one: Any, other: Any) -> bool:
    """Whether two pint units have the same dimension and the same size."""
    factor = conversion_factor(one, other)
    return factor is not None and math.isclose(factor, 1.0, rel_tol=1e-9)


@lru_cache(maxsize=4096)
def time_in(value: Any, unit: str, what: str) -> float:
    """A time as a number in `unit`: a number already, or text such as ``"8 h"``.

    Raises
    ------
    UnitError
        If it is neither, or not a time.
    """
    if not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            raise UnitError(f"{what} is {value!r}; expected a number in {unit}, or text such as '8 h'.") from None
    number, own = parse_quantity(value, what)
    factor = 1.0 if own is None else conversion_factor(parse_unit(own), parse_unit(unit))
    if factor is None:
        raise UnitError(f"{what} is {value!r}, which is no time; expected text such as '8 h', or a number in {unit}.")
    return number * factor


def time_factor(unit: str, time: str) -> float:
    """The factor from `unit` to the unit with `time` in the place of every time in it: 1/24 for L/day and h.

    A unit that hides a time, such as Gy, has none.
    """
    factor = 1.0
    for name, power in (1 * parse_unit(unit)).unit_items():
        own = parse_unit(name)
        if dict(own.dimensionality) == {"[time]": 1}:
            factor *= float(conversion_factor(own, parse_unit(time)) or 1.0) ** float(power)
    return factor


def convert(value: float, source: str, target: str, what: str) -> float:
    """`value` in unit `source` expressed in unit `target`; `what` names it in the error."""
    factor = conversion_factor(parse_unit(source), parse_unit(target))
    if factor is None:
        raise UnitError(f"{what} is {value:g} {source}, which cannot be converted to {target}.")
    return value * factor


def parse_quantity(text: str, what: str) -> tuple[float, str | None]:
    """Split ``"1500 mg"`` into its number and its unit (None where there is none).

    Raises
    ------
    UnitError
        If there is no number, or the unit is not known; `what` names the thing.
    """
    parts = _QUANTITY.fullmatch(text)
    if parts is None:
        raise UnitError(f"{what} is {text!r}; expected a number and a unit, such as '1500 mg' or '1 h'.")
    if parts[2] is not None:
        parse_unit(parts[2])
    return float(parts[1]), parts[2]


def label(unit: Any) -> str:
    """A pint unit as short text: ``mg/L``, ``mm^3``, ``1``."""
    text = f"{unit:~C}".replace("**", "^").replace("*", " ")
    text = re.sub(r"\bd\b", "day", re.sub(r"\b([kmunpdcµμ]?)l\b", r"\1L", text))
    return text or "1"


def dimension_name(unit: Any) -> str | None:
    """The plain name of a unit's dimension ("a volume"), or None where it has none."""
    for name, text in _NAMED_DIMENSIONS.items():
        if unit.dimensionality == parse_unit(text).dimensionality:
            return name
    return None


def molar_mass_in_grams(text: str) -> float:
    """A molar mass such as ``"146 kDa"`` or ``"146 kg/mol"``, in g/mol.

    Raises
    ------
    UnitError
        If it is neither the mass of a mole nor, in Da, that of a molecule.
    """
    number, unit = parse_quantity(text, "a molar mass")
    for wanted in ("g/mol", "Da"):
        factor = None if unit is None else conversion_factor(parse_unit(unit), parse_unit(wanted))
        if factor is not None and (wanted == "g/mol" or factor < 1e9):
            return number * factor
    raise UnitError(f"a molar mass is {text!r}; expected one such as '146 kDa' or '146 kg/mol'.")


def amount_factor(unit: str, wanted: str, molar_mass: float | None, what: str) -> float:
    """The factor from an amount in `unit` to one in `wanted`, by the molar mass where one is a mass.

    Parameters
    ----------
    unit, wanted
        Units as text.
    molar_mass
        In g/mol; None where none is declared.
    what
        Begins the message: ``"a dose is 1500 mg"``.

    Raises
    ------
    UnitError
        If there is no such factor; the message says what is missing.
    """
    source, target = parse_unit(unit), parse_unit(wanted)
    factor = conversion_factor(source, target)
    if factor is not None:
        return factor
    per_mole = conversion_factor(source / target, parse_unit("g/mol"))
    per_gram = conversion_factor(source / target, parse_unit("mol/g"))
    if molar_mass is not None and per_mole is not None:
        return per_mole / molar_mass
    if molar_mass is not None and per_gram is not None:
        return per_gram * molar_mass
    raise UnitError(f"{what}, which cannot be converted to {wanted}{_missing_factor(source, target)}")


def _missing_factor(source: Any, target: Any) -> str:
    """What a person forgot who gives an amount in `source` where `target` is wanted."""
    molar = parse_unit("g/mol").dimensionality
    if molar in ((source / target).dimensionality, (target / source).dimensionality):
        verb = "divide" if (source / target).dimensionality == molar else "multiply"
        return (
            f" without a molar mass: {verb} by it, or declare it where the route is declared, "
            f'as in dose("{label(target)}", molar_mass="146 kDa").'
        )
    for factor, size in (("body weight", "kg"), ("body surface area", "m^2")):
        if (source * parse_unit(size)).dimensionality == target.dimensionality:
            return (
                f": multiply by the {factor}, a parameter in {size}, as in "
                f'10*param("{"WT" if size == "kg" else "BSA"}", ...), whose number is in {label(source)}.'
            )
    return "."
