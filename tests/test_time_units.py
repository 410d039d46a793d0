"""A model in another unit of time: the same quantities, the same trajectories."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy
from helpers import mostly_slow

import pkpd

HOURS_PER_DAY = 24


@pytest.mark.parametrize("name", mostly_slow(sorted(pkpd.catalog().index)))
def test_there_and_back_again_is_the_model_itself(name: str) -> None:
    model = pkpd.load(name)
    if model.time == "1":
        with pytest.raises(pkpd.UnitError, match="its equations have no unit of time"):
            model.in_time("h")
        return
    other = model.in_time("h")
    back = other.in_time(model.time)
    assert (other.time, other == model) == ("h", model.time == "h")
    assert back.equations() == model.equations()
    assert dict(back.units) == dict(model.units)
    words = ["unit", "meaning", "source", "iiv", "alternatives"]
    assert back.parameters[words].equals(model.parameters[words])
    for column in ("value", "lower", "upper"):
        np.testing.assert_allclose(back.parameters[column], model.parameters[column].astype(float), rtol=2.3e-16)
    if all(float(f"{value:.15g}") == value for value in model.parameters["value"]):  # not of one computed to 17 digits
        assert back == model


def rates_of(model: pkpd.Model) -> dict[str, float]:
    return dict(model.parameters["value"])


def test_a_parameter_is_the_same_quantity_in_the_other_unit() -> None:
    CL = pkpd.param(
        "CL", 0.3, "L/day", "clearance", source="a paper", bounds=(0.1, None), iiv=0.3,
        alternatives={"slow": (0.01, "L/h", "another")},
    )  # fmt: skip
    V, A = pkpd.param("V", 3, "L", "volume", source="x"), pkpd.state("A", "mg", "drug")
    converted = pkpd.Model("m", rates={A: -CL * A / V}).in_time("h")
    row = converted.parameters.loc["CL"]
    assert row[["value", "unit", "source", "lower", "upper", "iiv"]].tolist() == [
        0.0125, "L/h", "a paper", 0.1 / 24, np.inf, 0.3,
    ]  # fmt: skip
    assert converted.using(CL="slow").parameters.loc["CL", "value"] == 0.01
    assert converted["V"] == V


def test_units_that_hide_a_time_stay() -> None:
    converted = pkpd.load("radiotherapy_protracted").in_time("h")
    doses = {name: route.unit("h") for name, route in converted.routes.items()}
    assert set(doses.values()) == {"Gy"}
    assert converted.units["alpha"] == "1/Gy"


def same_courses(model: pkpd.Model, regimen: pkpd.Regimen, hours: list[float], **options: object) -> None:
    """`model` in days and in hours under `regimen`, whose times have units."""
    converted = model.in_time("h")
    days = np.asarray(hours) / HOURS_PER_DAY
    options = {"rtol": 1e-10, "atol": 1e-12} | options
    one = pkpd.simulate(model, regimen.in_time("day"), times=days, **options)  # type: ignore[arg-type]
    two = pkpd.simulate(converted, regimen.in_time("h"), times=hours, **options)  # type: ignore[arg-type]
    for name in (*(s.name for s in model.states), *model.outputs):
        factor = 1.0 if model.units[name] == converted.units[name] else HOURS_PER_DAY
        if model.units[name].endswith("/day"):
            factor = 1 / HOURS_PER_DAY
        scale = np.nanmax(np.abs(two[name])) or 1.0
        np.testing.assert_allclose(two[name] / scale, one[name] * factor / scale, atol=1e-7, err_msg=name)


ROUTED = [
    ("pk_1cmt_oral", pkpd.bolus(100, "oral", every="8 h", n=9) + pkpd.bolus(20, "iv", at="30 h")),
    ("pk_2cmt", pkpd.infusion(100, "iv", "90 min", every="12 h", n=4)),
    ("pk_1cmt_transit", pkpd.bolus(100, "oral", at=["3 h", "2 day"])),
    ("pk_3cmt_oral", pkpd.bolus(50, "oral", every="1 day", n=3)),
    ("tmdd_full", pkpd.bolus(500, "iv", every="2 day", n=2)),
    ("indirect_response_1", pkpd.Regimen()),
    ("radiotherapy_lq", pkpd.fractions(2, 3, every="24 h", start="6 h")),
    ("kuznetsov_1994", pkpd.Regimen()),
    ("saad_2017", pkpd.Regimen()),
    ("kosinsky_2018", pkpd.Regimen()),
]


@pytest.mark.parametrize(("name", "regimen"), ROUTED, ids=[name for name, _ in ROUTED])
def test_the_library_runs_the_same_course_in_hours(name: str, regimen: pkpd.Regimen) -> None:
    model = pkpd.load(name)
    if any(isinstance(s, type(pkpd.given("C", "1", "x"))) and s.default is None for s in model.settable):
        pytest.skip("a part that lacks a given runs in a composition alone")
    regimen = regimen if all(d.route in model.routes for d in regimen.doses) else pkpd.Regimen()
    same_courses(model, regimen, [0, 5, 24, 31, 60, 96])


t, X = pkpd.clock("day"), pkpd.state("X", "mg", "drug", start=4)
AUC = pkpd.state("AUC", "mg day", "area under the drug", start=0.5)
k, on = pkpd.param("k", 0.8, "1/day", "loss"), pkpd.param("on", 0.25, "day", "start of the input")
size = pkpd.param("size", 3, "mg/day", "rate of the input")
least = pkpd.param("least", 2, "mg", "amount below which all is gone")
R = pkpd.input_rate("R", "mg/day", "infused")


def everything() -> pkpd.Model:
    """A clock, numbers where a unit of time is understood, an input rate, an event and a lag."""
    return pkpd.Model(
        "everything",
        rates={X: size * sympy.exp(-k * t) - k * X * (1 + on * k) + R, AUC: X},
        outputs={"loss": pkpd.output(k * X, "loss", "mg/day"), "mean": AUC / on},
        routes={"slow": R, "iv": {X: X + pkpd.dose("mg")}},
        events=[pkpd.Event(X < least, {X: 0, AUC: 1.5})],
        dosing={X: pkpd.Dosing(lag=0.25, duration=0.5, rate=2)},
    )


def test_numbers_where_a_unit_of_time_is_understood() -> None:
    converted = everything().in_time("h")
    dosing = next(iter(converted.dosing.values()))
    assert {name: float(value) for name, value in dosing.attributes.items()} == {
        "F": 1, "lag": 6, "duration": 12, "rate": 2 / 24,
    }  # fmt: skip
    area = next(s for s in converted.states if s.name == "AUC")
    assert (area.unit, float(area.start)) == ("mg h", 12)
    assert sorted(float(v) for v in converted.events[0].then.values()) == [0, 36]
    assert converted.units["loss"] == "mg/h"
    assert converted.in_time("day") == everything()


def test_a_clock_an_input_rate_an_event_and_a_lag_run_the_same_course() -> None:
    regimen = pkpd.infusion(3, "slow", "6 h", at="9 h") + pkpd.bolus(2, "iv", at="1 day")
    same_courses(everything(), regimen, [0, 3, 8, 20, 26, 40, 70, 96])


def test_oral_absorption_in_hours_with_one_word_is_the_closed_form() -> None:
    model = pkpd.load("pk_1cmt_oral").in_time("h")
    p = rates_of(model)
    hours = np.arange(0, 49.0, 4)
    run = pkpd.simulate(model, pkpd.bolus(100, "oral"), times=hours, rtol=1e-10, atol=1e-12)
    ka, ke = p["ka"], p["CL"] / p["V"]
    after = np.clip(hours - p["tlag"], 0, None)
    expected = p["F"] * 100 * ka / (p["V"] * (ka - ke)) * (np.exp(-ke * after) - np.exp(-ka * after))
    np.testing.assert_allclose(run["C"], expected, rtol=1e-8, atol=1e-10)
    assert ka == pytest.approx(0.3 / 24)


def test_a_table_serves_a_model_whose_time_has_no_unit() -> None:
    T = pkpd.state("T", "1", "tumor", start=1)
    k = pkpd.param("k", 0.5, "1", "decay")
    model = pkpd.Model("scaled", rates={T: -k * T}, routes={"iv": {T: T + pkpd.dose("1")}}, time="1")
    rows = pd.DataFrame({"ID": 1, "TIME": [0.0, 2.0], "AMT": [3.0, 0.0], "EVID": [1, 0]})
    predicted = pkpd.predict(model, pkpd.read_nonmem(rows, compartments={1: "T"}))["T"]
    np.testing.assert_allclose(predicted, [4, 4 * np.exp(-1)], rtol=1e-7)
    with pytest.raises(pkpd.UnitError, match="times in h cannot be converted to 1"):
        pkpd.predict(model, pkpd.read_nonmem(rows, compartments={1: "T"}, time="h"))
