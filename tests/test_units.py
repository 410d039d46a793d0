"""Units as text: what is understood, and what is said where it is not."""

from __future__ import annotations

import pytest

from pkpd.errors import UnitError
from pkpd.units import (
    amount_factor,
    convert,
    dimension_name,
    label,
    molar_mass_in_grams,
    parse_quantity,
    parse_unit,
    same_unit,
    time_factor,
)


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
        ("mm3", "mm^3", True),
        ("mg/m2", "mg/m^2", True),
        ("h-1", "1/h", True),
        ("mg/L/day-1", "mg/L*day", True),
        ("mL/min/m2", "mL/(min m^2)", True),
        ("mg.h/L", "mg*h/L", True),
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.u.", r"'a.u.' is not a unit: a point is no part of one. A relative or arbitrary unit is '1'"),
        ("a.u./day", "a point is no part of one"),
        ("A.U.", "a point is no part of one"),
        ("AU", "a relative unit is '1'"),
        ("u", "atomic mass is 'Da'"),
        ("U/L", "international units are 'IU'"),
        ("pH", "a pure number is '1'"),
        ("rad", "in 'Gy', and 1 Gy is 100 rad"),
        ("nan", "'nan' is not known"),
        ("NaN/day", "'NaN' is not known"),
        ("fold", "Use '1' for a pure number"),
        ("mL/min/1.73m2", "it has a number in it"),
        ("1e6 cell", "it has a number in it"),
        (["mg"], r"a unit is given as text such as 'mg/L', not as \['mg'\]"),
        ({"mg": 1}, "a unit is given as text"),
        (None, "not as None"),
    ],
)
def test_names_that_would_be_read_as_strange_units(text: object, message: str) -> None:
    with pytest.raises(UnitError, match=message):
        parse_unit(text)  # type: ignore[arg-type]


def test_molar_mass() -> None:
    assert molar_mass_in_grams("146 kDa") == pytest.approx(146e3)
    assert molar_mass_in_grams("146 kg/mol") == pytest.approx(146e3)
    for text in ("146", "146 kg", "2 day"):
        with pytest.raises(UnitError, match="a molar mass is '.*'; expected one such as '146 kDa'"):
            molar_mass_in_grams(text)


def test_a_mass_into_moles_and_back() -> None:
    assert 1500 * amount_factor("mg", "nmol", 146e3, "a dose") == pytest.approx(1500e-3 / 146e3 * 1e9)
    assert amount_factor("nmol", "ng", 146e3, "a dose") == pytest.approx(146e3)
    assert amount_factor("g", "mg", None, "a dose is 3 of it") == 1000
    with pytest.raises(
        UnitError, match=r"a dose is 3 of it, .* to nmol without a molar mass: divide by it, or declare"
    ):
        amount_factor("mg", "nmol", None, "a dose is 3 of it")
    with pytest.raises(UnitError, match="without a molar mass: multiply by it"):
        amount_factor("nmol", "mg", None, "a dose is 3 of it")
    with pytest.raises(UnitError, match=r"3 of it, .* to mg: multiply by the body weight, a parameter in kg"):
        amount_factor("mg/kg", "mg", None, "a dose is 3 of it")
    with pytest.raises(UnitError, match="multiply by the body surface area"):
        amount_factor("mg/m^2", "mg", None, "a dose is 3 of it")
    with pytest.raises(UnitError, match=r"a dose is 3 of it, which cannot be converted to mg\."):
        amount_factor("Gy", "mg", None, "a dose is 3 of it")


@pytest.mark.parametrize(
    ("unit", "factor"), [("L/day", 1 / 24), ("mg day/L", 24), ("1/h^2", 1), ("Gy", 1), ("1/week", 1 / 168), ("mg", 1)]
)
def test_the_factor_of_the_times_in_a_unit(unit: str, factor: float) -> None:
    assert time_factor(unit, "h") == pytest.approx(factor)
