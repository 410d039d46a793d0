"""Regimens: which doses they hold, what they refuse, and what becomes of them for a model."""

from __future__ import annotations

import numpy as np
import pytest
from examples import irradiated, one_compartment

import pkpd
from pkpd.errors import RegimenError, UnitError, UnknownNameError
from pkpd.treatment.timed_doses import timed_doses

WT = pkpd.param("WT", 70, "kg", "body weight")
start = pkpd.param("start", 7, "day", "day of the first dose")


def times(regimen: pkpd.Regimen) -> list[float]:
    return regimen.table()["time"].tolist()


def test_repetition_shift_and_sum() -> None:
    q4w = pkpd.infusion(1500, route="iv", duration=1 / 24, every=28, n=13)
    assert times(q4w) == [28.0 * i for i in range(13)]
    assert times(q4w.shift(7)) == [7 + 28.0 * i for i in range(13)]
    cycle = pkpd.bolus(1, "a", at=[0, 1]) + pkpd.bolus(2, "b", at=3)
    assert times(cycle.every(21, n=2)) == [0, 1, 3, 21, 22, 24]
    assert cycle.every(21, n=2).table()["amount"].tolist() == [1, 1, 2, 1, 1, 2]


def test_a_number_of_doses_may_be_numpys() -> None:
    assert pkpd.bolus(1, "iv", every=7, n=np.int64(3)) == pkpd.bolus(1, "iv", every=7, n=3)  # type: ignore[arg-type]


def test_fractions_leave_weekends_off() -> None:
    assert times(pkpd.fractions(2, n=7, start=0, per_week=5)) == [0, 1, 2, 3, 4, 7, 8]
    assert times(pkpd.fractions(2.0, n=5, start=7, every=1, duration=0.001)) == [7, 8, 9, 10, 11]


def test_regimens_are_frozen_values() -> None:
    one = pkpd.bolus(1, "iv", at=[0, 7])
    assert one == pkpd.bolus(1, "iv", every=7, n=2)
    assert hash(one) == hash(pkpd.bolus(1, "iv", every=7, n=2))
    with pytest.raises(AttributeError):
        one.doses = ()  # type: ignore[misc]


def test_parameters_in_a_regimen() -> None:
    regimen = pkpd.bolus(10 * WT, "iv", at=[0, 2]).shift(start)
    assert [s.name for s in regimen.parameters] == ["WT", "start"]
    found = timed_doses(one_compartment, regimen, {"WT": np.array([50.0, 80.0]), "start": 3.0}, 2)
    np.testing.assert_array_equal(found.times, [[3, 5], [3, 5]])
    np.testing.assert_array_equal(found.amounts, [[500, 500], [800, 800]])


def test_one_row_where_all_are_treated_alike() -> None:
    found = timed_doses(one_compartment, pkpd.bolus(10 * WT, "iv"), {"WT": 70.0}, 1000)
    assert found.times.shape == (1, 1)


def test_text_with_a_unit_is_converted() -> None:
    regimen = pkpd.infusion("1.5 g", "iv", "60 min") + pkpd.bolus("0.5 mg", "iv", at=1)
    found = timed_doses(one_compartment, regimen, {}, 1)
    np.testing.assert_allclose(found.amounts, [[1500, 0.5]])
    np.testing.assert_allclose(found.durations, [[1 / 24, np.nan]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.bolus(1, "iv", at=-1), "at time -1; a model starts at time 0"),
        (lambda: pkpd.bolus(1, "iv", at=[0, 7]).shift(-3), "at time -3"),
        (lambda: pkpd.bolus(1, "iv", every=7), "every= and n= belong together"),
        (lambda: pkpd.bolus(1, "iv", every=7, n=0), "number of doses is 0"),
        (lambda: pkpd.bolus(1, "iv", every=7, n=2.5), "number of doses is 2.5"),  # type: ignore[arg-type]
        (lambda: pkpd.bolus(float("nan"), "iv"), "an amount is nan"),
        (lambda: pkpd.bolus(1, 3), "a route is named by text"),  # type: ignore[arg-type]
        (lambda: pkpd.infusion(1, "iv", 0), "lasts 0; a duration is more than 0"),
        (lambda: pkpd.fractions(2, 5, every=1, per_week=5), "not both"),
        (lambda: pkpd.fractions(2, 5, per_week=8), "per_week is 8"),
        (lambda: pkpd.bolus(pkpd.state("X", "mg", "x"), "iv"), "uses 'X', which is not a parameter"),
    ],
)
def test_what_a_regimen_refuses(make: object, message: str) -> None:
    with pytest.raises(RegimenError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("regimen", "error", "message"),
    [
        (pkpd.bolus(1, "IV"), UnknownNameError, "one_compartment has no route 'IV'. Did you mean 'iv'"),
        (pkpd.bolus("2 Gy", "iv"), UnitError, "2 Gy, which cannot be converted to mg"),
        (pkpd.bolus(WT, "iv"), UnitError, r"WT \[kg\]; expected \[mg\]"),
        (pkpd.bolus(1, "iv").shift(start - 10), RegimenError, "the time of dose 1 .*is -3; expected"),
        (pkpd.bolus(-1, "iv"), RegimenError, "the amount of dose 1 on route 'iv' is -1"),
        (pkpd.infusion(5, "iv", 1e-14, at=3), RegimenError, "dose 1 on route 'iv' lasts 1e-14 from time 3, too short"),
    ],
)
def test_what_a_model_refuses_of_a_regimen(regimen: pkpd.Regimen, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        timed_doses(one_compartment, regimen, {"WT": 70.0, "start": 7.0}, 1)


def test_a_rate_needs_a_duration_and_a_jump_forbids_it() -> None:
    with pytest.raises(RegimenError, match=r"takes a dose rate \(R, Gy/day\); give each dose a duration"):
        timed_doses(irradiated, pkpd.fractions(2, 1), {}, 1)
    with pytest.raises(RegimenError, match=r"acts at once .* and cannot last 0.1; leave the duration out"):
        timed_doses(irradiated, pkpd.infusion(2, "flash", 0.1), {}, 1)


def test_a_bad_time_names_the_member() -> None:
    with pytest.raises(RegimenError, match="of member 1"):
        timed_doses(one_compartment, pkpd.bolus(1, "iv").shift(start), {"start": np.array([0.0, -2.0])}, 2)


@pytest.mark.parametrize("interval", [0, -7])
def test_an_interval_is_more_than_nothing(interval: float) -> None:
    with pytest.raises(RegimenError, match=rf"the interval of every\(\) is {interval}; expected more than 0"):
        pkpd.bolus(1, "iv", every=interval, n=3)
    with pytest.raises(RegimenError, match=r"the interval of fractions\(\) is"):
        pkpd.fractions(2, 5, every=interval)
