"""Units as text: what is understood, and what is said where it is not."""

from __future__ import annotations

import pytest

from pkpd.errors import UnitError
from pkpd.units import convert, dimension_name, label, parse_quantity, parse_unit, same_unit


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1/day", "day**-1", True),
        ("uL", "mm^3", True),
        ("mg/L", "ug/mL", True),
        ("nmol/L", "nM", True),
        ("cell", "cells", True),
        ("mg", "g", False),
        ("cell", "1", False),
        ("DSB", "cell", False),
        ("1", "%", False),
    ],
)
def test_same_unit(one: str, other: str, same: bool) -> None:
    assert same_unit(parse_unit(one), parse_unit(other)) is same


def test_conversion() -> None:
    assert convert(1500, "mg", "g", "a dose") == pytest.approx(1.5)
    assert convert(30, "min", "day", "a duration") == pytest.approx(1 / 48)
    with pytest.raises(UnitError, match="a dose is 2 Gy, which cannot be converted to mg"):
        convert(2, "Gy", "mg", "a dose")


@pytest.mark.parametrize("text", ["mgg", "1/dya", "mg/", "kg @ 3", "__import__('os')", 3])
def test_what_is_no_unit(text: object) -> None:
    with pytest.raises(UnitError):
        parse_unit(text)  # type: ignore[arg-type]


def test_a_quantity_is_a_number_and_a_unit() -> None:
    assert parse_quantity("1500 mg", "a dose") == (1500.0, "mg")
    assert parse_quantity("1.5e-3 g", "a dose") == (1.5e-3, "g")
    assert parse_quantity(" 2Gy", "a dose") == (2.0, "Gy")
    assert parse_quantity("3", "a dose") == (3.0, None)
    with pytest.raises(UnitError, match="a dose is 'mg'; expected a number and a unit"):
        parse_quantity("mg", "a dose")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("mg/L", "mg/L"), ("mm^3", "mm^3"), ("1/day", "1/day"), ("mol/L", "mol/L"), ("1", "1"), ("mL/h", "mL/h")],
)
def test_label(text: str, shown: str) -> None:
    assert label(parse_unit(text)) == shown


def test_dimension_name() -> None:
    assert dimension_name(parse_unit("mL")) == "a volume"
    assert dimension_name(parse_unit("mm^3")) == "a volume"
    assert dimension_name(parse_unit("mg/cell^3")) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1/dya", "'dya' is not known. Did you mean 'day'"),
        ("mgg", "'mgg' is not known. Did you mean 'mg'"),
        ("fortnite", "Did you mean 'fortnight'"),
        ("", "'' is not a unit; expected units joined by"),
        ("1//day", "'1//day' is not a unit; expected units joined by"),
        ("mg/(L", r"'mg/\(L' is not a unit; expected units joined by"),
    ],
)
def test_a_misspelt_unit_meets_a_unit_of_the_field(text: str, message: str) -> None:
    with pytest.raises(UnitError, match=message) as caught:
        parse_unit(text)
    assert caught.value.__cause__ is None  # no traceback of pint's before ours
