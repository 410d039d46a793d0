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
        (pkpd.bolus("10 mg/kg", "iv"), UnitError, "is 10 mg/kg, which .* to mg: multiply by the body weight"),
        (pkpd.bolus("1 umol", "iv"), UnitError, "is 1 umol, which .* to mg without a molar mass: multiply by it"),
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


# ---- units of time

WEEKLY = "3 weeks"


def in_hours(regimen: pkpd.Regimen) -> list[float]:
    return times(regimen.in_time("h"))


def test_every_number_of_time_takes_text() -> None:
    assert in_hours(pkpd.bolus(5, "iv", every="8 h", n=3)) == [0, 8, 16]
    assert in_hours(pkpd.bolus(5, "iv", at=["8 h", "1 day", 30])) == [8, 24, 30]
    assert in_hours(pkpd.bolus(5, "iv", at="90 min").shift("30 min").every(WEEKLY, n=2)) == [2, 506]
    assert in_hours(pkpd.fractions(2, 3, start="1 day", every="12 h")) == [24, 36, 48]
    assert times(pkpd.bolus(5, "iv", every=WEEKLY, n=2).in_time("day")) == [0, 21]
    assert times(pkpd.bolus(5, "iv", every="7", n=2)) == [0, 7]


def test_times_with_and_without_a_unit_add() -> None:
    mixed = pkpd.bolus(5, "iv", at=1).shift("12 h")
    assert times(mixed.in_time("day")) == [1.5]
    assert times(mixed.in_time("h")) == [13]
    assert times(mixed.shift("-12 h").in_time("h")) == [1]


def test_a_regimen_that_says_its_unit_fits_any_model() -> None:
    q4w = pkpd.infusion(1500, "iv", 1, at=7, every=28, n=2, time="day")
    assert in_hours(q4w) == [7 * 24, 35 * 24]
    assert q4w.in_time("h").table()["duration"].tolist() == [24, 24]
    assert times(q4w.in_time("day")) == [7, 35]
    assert in_hours(pkpd.fractions(2, 6, start=0, per_week=5, time="day")) == [0, 24, 48, 72, 96, 168]
    assert in_hours(pkpd.fractions(2, 2, start="1 week", per_week=5)) == [168, 192]


def test_a_parameter_in_another_unit_of_time_is_converted() -> None:
    tau = pkpd.param("tau", 2, "h", "delay")
    moved = pkpd.bolus(1, "iv", at=start).shift(tau)
    assert [s.name for s in moved.parameters] == ["start", "tau"]
    (dose,) = moved.in_time("day").doses
    assert float(dose.time.subs({start: 3, tau: 12})) == 3.5
    assert pkpd.bolus(1, "iv", at=start).in_time("day").doses[0].time == start


def test_fractions_of_a_day_in_hours_are_exact() -> None:
    assert in_hours(pkpd.bolus(5, "iv", at="0.5 day")) == [12]
    assert times(pkpd.bolus(5, "iv", every="8 h", n=4).in_time("day"))[-1] == 1


def test_a_table_keeps_the_unit_of_a_time_and_a_duration() -> None:
    table = pkpd.infusion("5 mg", "iv", "90 min", at="8 h").table()
    assert table.iloc[0].tolist() == ["8 h", "5 mg", "iv", "90 min"]
    assert pkpd.infusion(5, "iv", 2, at=1).table().iloc[0].tolist() == [1.0, 5.0, "iv", 2.0]


def test_regimens_sum() -> None:
    parts = [pkpd.bolus(i, "iv", at=i) for i in (1, 2, 3)]
    assert sum(parts, pkpd.Regimen()) == sum(parts)
    assert times(sum(parts)) == [1, 2, 3]  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        5 + parts[0]


def test_a_dose_at_steady_state() -> None:
    regimen = pkpd.bolus(100, "iv", every="12 h", n=3, at=1, ss=True)
    assert [d.ss for d in regimen.doses] == [True, False, False]
    assert times(regimen.in_time("h")) == [1, 13, 25]
    assert regimen.in_time("h").table()["steady_state_interval"].tolist()[0] == 12
    alone = pkpd.infusion(100, "iv", 1, every=28, ss=True).shift(3)
    assert (len(alone.doses), alone.doses[0].interval, times(alone)) == (1, 28, [3])
    interval = pkpd.param("tau", 7, "day", "interval")
    assert pkpd.bolus(1, "iv", every=interval, ss=True).parameters == (interval,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.bolus(1, "iv", ss=True), "ss=True needs every="),
        (lambda: pkpd.bolus(1, "iv", at=[0, 1], every=7, ss=True), "takes one time at which .*; at has 2"),
        (lambda: pkpd.bolus(1, "iv", at="3 mg"), "a dose time is in mg; expected a time such as '8 h'"),
        (lambda: pkpd.bolus(1, "iv", every="8 Gy", n=2), r"the interval of every\(\) is in Gy; expected a time"),
        (lambda: pkpd.infusion(1, "iv", "3 mg"), "a duration is in mg; expected a time"),
        (lambda: pkpd.bolus(1, "iv", at="-8 h"), "at time -8 h; a model starts at time 0"),
        (lambda: pkpd.bolus(1, "iv", at="8 h").shift("-1 day"), "at time .*; a model starts at time 0"),
        (lambda: pkpd.bolus(1, "iv", every="-8 h", n=2), "is -8 h; expected more than 0"),
        (lambda: pkpd.bolus(1, "iv", at=None), "a dose time is None; expected a number"),
        (lambda: pkpd.bolus(None, "iv"), "an amount is None; expected a number"),
        (lambda: pkpd.bolus([1, 2], "iv"), r"an amount is \[1, 2\]; expected a number"),
        (lambda: pkpd.bolus(10**400, "iv"), "an amount is too large for a number"),
        (lambda: pkpd.bolus(1, "iv", every=1, n=10**7), "a regimen of 10000000 doses; expected 100000 or fewer"),
        (lambda: pkpd.fractions(2, 10**7), "a regimen of 10000000 doses"),
    ],
)
def test_what_a_time_is_not(make: object, message: str) -> None:
    with pytest.raises(RegimenError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("text", ["eight hours", "8 hourz", "h", ""])
def test_text_that_is_no_time(text: str) -> None:
    with pytest.raises(UnitError):
        pkpd.bolus(1, "iv", at=text)


def test_occasions_begin_at_times_with_a_unit() -> None:
    plain, _ = pkpd.by_occasion(one_compartment, {"CL": 0.4}, [0, 10, 21])
    model, regimen = pkpd.by_occasion(one_compartment, {"CL": 0.4}, [0, "240 h", "3 weeks"])
    assert times(regimen) == [10, 21]
    assert model == plain
    with pytest.raises(RegimenError, match=r"occasions begin at \[0, '3 mg'\]; expected increasing times"):
        pkpd.by_occasion(one_compartment, {"CL": 0.4}, [0, "3 mg"])


def test_a_model_without_a_unit_of_time_takes_plain_numbers() -> None:
    assert times(pkpd.bolus(1, "iv", every=2, n=3).in_time("1")) == [0, 2, 4]
    for regimen in (pkpd.bolus(1, "iv", at="8 h"), pkpd.infusion(1, "iv", "8 h")):
        with pytest.raises(UnitError, match="a time of a dose is in h, which cannot be converted to the model's time"):
            regimen.in_time("1")


def test_a_mass_into_a_route_of_moles_is_divided_by_the_molar_mass() -> None:
    X, loss = pkpd.state("X", "nmol", "drug"), pkpd.param("loss", 0.1, "1/day", "loss")
    route = {X: X + pkpd.dose("nmol", molar_mass="146 kDa")}
    model = pkpd.Model("molar", rates={X: -loss * X}, routes={"iv": route})
    run = pkpd.simulate(model, pkpd.bolus("1500 mg", "iv"), times=[0.0], at_dose="after")
    assert float(run["X"][0]) == pytest.approx(1500e-3 / 146e3 * 1e9)
    bare = pkpd.simulate(model, pkpd.bolus(10, "iv"), times=[0.0], at_dose="after")
    assert float(bare["X"][0]) == 10


def test_an_interval_in_hours_is_exact_in_days() -> None:
    model = pkpd.load("pk_1cmt")
    hours = pkpd.simulate(model, pkpd.bolus(100, "iv", every="8 h", n=4), times=[0.5, 1.0, 2.0])
    days = pkpd.simulate(model, pkpd.bolus(100, "iv", every=1 / 3, n=4), times=[0.5, 1.0, 2.0])
    np.testing.assert_allclose(hours["C"], days["C"], rtol=1e-12)


def test_doses_with_a_unit_are_marked_where_they_are_given() -> None:
    from pkpd.figures.doses import dose_times

    run = pkpd.simulate(pkpd.load("pk_1cmt"), pkpd.bolus(100, "iv", every="12 h", n=3), times=[0, 1.0, 2.0])
    assert dose_times(pkpd.bolus(100, "iv", every="12 h", n=3), run["C"]) == {"iv": [0, 0.5, 1]}
