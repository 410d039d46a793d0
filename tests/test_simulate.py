"""simulate: labels, closed forms, properties, failures, and what it refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import sympy
import xarray as xr
from examples import A1, CL, V1, T, growth, irradiated, kg, one_compartment
from hypothesis import given, settings
from strategies import regimens

import pkpd
from pkpd.errors import (
    FailedMembersWarning,
    ModelError,
    ParameterError,
    RegimenError,
    SimulationError,
    UnknownNameError,
)

METHODS = ["numpy", "scipy", "DOP853", "Radau"]
DAYS = np.arange(0.0, 15.0, 0.5)
TIGHT = {"rtol": 1e-9, "atol": 1e-12}


def closed_form(regimen: pkpd.Regimen, times: np.ndarray, CL: float = 0.3, V: float = 3.0) -> np.ndarray:
    """One compartment: the sum over doses of a bolus or infusion response, before a dose at its own time."""
    k, total = CL / V, np.zeros_like(times)
    for dose in regimen.doses:
        t, amount = float(dose.time), float(dose.amount.expression)
        since = times - t
        if dose.duration is None:
            total += np.where(since > 0, amount / V * np.exp(-k * np.maximum(since, 0)), 0)
            continue
        lasts = float(dose.duration.expression)
        during, after = np.clip(since, 0, lasts), np.maximum(since - lasts, 0)
        total += amount / lasts / CL * (1 - np.exp(-k * during)) * np.exp(-k * after)
    return total


@pytest.mark.parametrize("method", METHODS)
@given(regimen=regimens())
@settings(max_examples=15, deadline=None)
def test_linear_kinetics_equal_the_closed_form(method: str, regimen: pkpd.Regimen) -> None:
    run = pkpd.simulate(one_compartment, regimen, times=DAYS, method=method, **TIGHT)
    np.testing.assert_allclose(run["C"], closed_form(regimen, DAYS), rtol=1e-6, atol=1e-9)


@given(one=regimens(), two=regimens())
@settings(max_examples=15, deadline=None)
def test_superposition(one: pkpd.Regimen, two: pkpd.Regimen) -> None:
    a, b, both = (pkpd.simulate(one_compartment, r, times=DAYS, **TIGHT)["C"] for r in (one, two, one + two))
    np.testing.assert_allclose(a + b, both, rtol=1e-6, atol=1e-9)


def test_a_shift_in_time() -> None:
    regimen = pkpd.infusion(100, "iv", 0.5, every=3, n=3)
    now = pkpd.simulate(one_compartment, regimen, times=DAYS, **TIGHT)["C"]
    later = pkpd.simulate(one_compartment, regimen.shift(2.25), times=DAYS + 2.25, **TIGHT)["C"]
    np.testing.assert_allclose(later, now, rtol=1e-7)


@pytest.mark.parametrize("method", ["numpy", "tsit5"])
def test_what_is_stored_does_not_change_what_is_computed(method: str) -> None:
    """Where steps do not end on the times to store."""
    regimen = pkpd.infusion(100, "iv", 0.5, every=3, n=3)
    few = pkpd.simulate(one_compartment, regimen, times=[4.0, 14.0], method=method)["C"]
    many = pkpd.simulate(one_compartment, regimen, times=np.arange(0.0, 14.01, 0.25), method=method)["C"]
    np.testing.assert_array_equal(few, many.sel(time=[4.0, 14.0]))


@pytest.mark.parametrize("method", METHODS)
def test_values_at_a_dose_time(method: str) -> None:
    regimen = pkpd.bolus(30, "iv", at=[0, 7])
    before = pkpd.simulate(one_compartment, regimen, times=[0.0, 7.0], method=method)["C"]
    after = pkpd.simulate(one_compartment, regimen, times=[0.0, 7.0], method=method, at_dose="after")["C"]
    np.testing.assert_allclose(before, [0, 10 * np.exp(-0.7)], rtol=1e-5)
    np.testing.assert_allclose(after, [10, 10 + 10 * np.exp(-0.7)], rtol=1e-5)
    start = pkpd.simulate(one_compartment, regimen.shift(1), times=[0.0], method=method, at_dose="after")["C"]
    np.testing.assert_array_equal(start, [0])  # no dose there yet, and no step either


@pytest.mark.parametrize("method", ["numpy", "scipy"])
def test_doses_at_one_time_act_in_the_order_written(method: str) -> None:
    half = pkpd.Model(
        "half",
        rates={A1: -CL * A1 / V1},
        routes={"iv": {A1: A1 + pkpd.dose("mg")}, "scale": {A1: A1 * pkpd.dose("1")}},
    )
    add, scale = pkpd.bolus(10, "iv", at=1), pkpd.bolus(0.5, "scale", at=1)
    for regimen, expected in ((add + scale, 5), (scale + add, 10)):
        run = pkpd.simulate(half, regimen, times=[1.0], at_dose="after", method=method)
        assert float(run["A1"][0]) == pytest.approx(expected)


@pytest.mark.parametrize("method", METHODS)
def test_growth_and_radiation(method: str) -> None:
    quick = pkpd.fractions(2, 5, start=1, duration=0.01)
    run = pkpd.simulate(irradiated, quick, times=[10.0], parameters={"T_min": 0}, method=method, **TIGHT)
    assert float(run["T"][0]) == pytest.approx(60 * np.exp(0.12 * 10 - 0.2 * 10), rel=1e-6)
    flash = pkpd.fractions(2, 5, "flash", start=1)
    run = pkpd.simulate(irradiated, flash, times=[10.0], parameters={"T_min": 0}, method=method, **TIGHT)
    assert float(run["T"][0]) == pytest.approx(60 * np.exp(0.12 * 10 - 0.2 * 10), rel=1e-6)


# ---- events


@pytest.mark.parametrize("method", METHODS)
def test_an_event_fires_at_its_root(method: str) -> None:
    X = pkpd.state("X", "mg", "amount", start=10)
    Y = pkpd.state("Y", "day", "time since the event")
    k = pkpd.param("k", 0.5, "1/day", "decay")
    on = pkpd.state("on", "1", "whether the event has fired")
    low = pkpd.param("low", 1.0, "mg", "limit")
    model = pkpd.Model("hit", rates={X: -k * X, Y: on, on: 0}, events=[pkpd.Event(when=low > X, then={on: 1})])
    run = pkpd.simulate(model, times=[4.0, 10.0], method=method, **TIGHT)
    hit = np.log(10) / 0.5
    np.testing.assert_allclose(run["on"], [0, 1])
    np.testing.assert_allclose(run["Y"], [0, 10 - hit], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_extinction_by_the_jump_of_a_dose(method: str) -> None:
    gone = pkpd.fractions(10, 1, "flash", start=2)
    run = pkpd.simulate(irradiated, gone, times=[2.0, 2.5, 30.0], method=method)
    np.testing.assert_allclose(run["T"], [60 * np.exp(0.24), 0, 0], rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_condition_that_holds_from_the_start_does_not_fire(method: str) -> None:
    run = pkpd.simulate(irradiated, times=[1.0], parameters={"T_min": 100}, method=method)
    assert float(run["T"][0]) == pytest.approx(60 * np.exp(0.12), rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_an_event_rearms_when_its_condition_has_ended(method: str) -> None:
    """A store that is refilled by 10 whenever it falls below 1, and a count of how often."""
    X = pkpd.state("X", "mg", "store", start=10)
    n = pkpd.state("n", "1", "refills")
    k = pkpd.param("k", 1.0, "mg/day", "consumption")
    low, full = pkpd.param("low", 1.0, "mg", "when to refill"), pkpd.param("full", 10.0, "mg", "refill to")
    model = pkpd.Model("refill", rates={X: -k, n: 0}, events=[pkpd.Event(when=low > X, then={X: full, n: n + 1})])
    run = pkpd.simulate(model, times=[8.5, 9.5, 18.5, 50.0], method=method)
    np.testing.assert_allclose(run["n"], [0, 1, 2, 5])
    np.testing.assert_allclose(run["X"], [1.5, 9.5, 9.5, 5.0], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_event_that_does_not_move_its_trigger_fires_once(method: str) -> None:
    X = pkpd.state("X", "mg", "amount", start=10)
    n = pkpd.state("n", "1", "times fired")
    k, low = pkpd.param("k", 1.0, "1/day", "decay"), pkpd.param("low", 1.0, "mg", "limit")
    model = pkpd.Model(
        "once",
        rates={X: -k * X, n: 0},
        routes={"iv": {X: X + pkpd.dose("mg")}},
        events=[pkpd.Event(when=low > X, then={n: n + 1})],
    )
    run = pkpd.simulate(model, pkpd.bolus(10, "iv", at=5), times=[4.0, 20.0], method=method)
    np.testing.assert_allclose(run["n"], [1, 2])


# ---- ensembles


def test_a_member_does_not_depend_on_the_others() -> None:
    rng = np.random.default_rng(0)
    ensemble = pkpd.members(kg=rng.uniform(0.05, 0.3, 2500), alpha=rng.uniform(0.1, 0.5, 2500))
    regimen = pkpd.fractions(2, 5, "flash", start=1) + pkpd.fractions(1, 2, start=20, duration=0.1)
    whole = pkpd.simulate(irradiated, regimen, times=DAYS * 2, parameters=ensemble)["T"].values
    order = rng.permutation(2500)
    shuffled = pkpd.members(kg=ensemble["kg"][order], alpha=ensemble["alpha"][order])
    again = pkpd.simulate(irradiated, regimen, times=DAYS * 2, parameters=shuffled)["T"].values
    np.testing.assert_array_equal(again, whole[order])
    alone = {name: float(ensemble[name][1234]) for name in ("kg", "alpha")}
    one = pkpd.simulate(irradiated, regimen, times=DAYS * 2, parameters=alone)["T"].values
    np.testing.assert_array_equal(one, whole[1234])


def test_a_swept_start_day_and_a_swept_dose() -> None:
    start = pkpd.param("start", 1, "day", "day of the first dose")
    amount = pkpd.param("amount", 10, "mg", "dose")
    regimen = pkpd.infusion(amount, "iv", 0.5).shift(start)
    run = pkpd.simulate(
        one_compartment, regimen, times=DAYS, parameters=pkpd.grid(start=[0, 1, 5], amount=[10, 20]), **TIGHT
    )
    assert run["C"].dims == ("start", "amount", "time")
    for day in (0, 1, 5):
        for mg in (10, 20):
            expected = closed_form(pkpd.infusion(mg, "iv", 0.5, at=day), DAYS)
            np.testing.assert_allclose(run["C"].sel(start=day, amount=mg), expected, rtol=1e-6, atol=1e-9)
    assert run["start"].attrs["units"] == "day"


def test_failures_are_data_first() -> None:
    kg_values = np.full(50, 0.1)
    kg_values[[3, 17]] = [np.nan, np.inf]
    with pytest.warns(FailedMembersWarning, match=r"2 of 50 members failed \(2 not_finite\); the first is member 3"):
        run = pkpd.simulate(growth, times=[1.0, 2.0], parameters={"kg": kg_values})
    assert run["status"].values[[3, 17]].tolist() == [3, 3]
    assert int((run["status"] != 0).sum()) == 2
    assert np.isnan(run["T"].sel(member=3)).all()
    healthy = pkpd.simulate(growth, times=[1.0, 2.0], parameters={"kg": np.full(3, 0.1)})
    np.testing.assert_array_equal(run["T"].sel(member=4), healthy["T"][0])
    with pytest.raises(SimulationError, match="member 3 with kg=nan"):
        pkpd.simulate(growth, times=[1.0], parameters={"kg": kg_values}, on_failure="raise")


def test_blow_up_and_stiffness_have_a_status_and_a_time() -> None:
    X = pkpd.state("X", "mg", "amount", start=1)
    k = pkpd.param("k", 1.0, "1/mg/day", "rate")
    explosive = pkpd.Model("explosive", rates={X: k * X * X})
    with pytest.warns(FailedMembersWarning):
        run = pkpd.simulate(explosive, times=[0.5, 2.0], parameters={"k": np.array([1.0, 0.1])})
    assert run["status"].values[0] in (1, 2, 3)
    assert run["ended"].values[0] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(run["X"].values[:, 0], [2.0, 1 / 0.95], rtol=1e-5)
    assert np.isnan(run["X"].values[0, 1])
    np.testing.assert_allclose(run["X"].values[1, 1], 1 / 0.8, rtol=1e-5)
    stiff = pkpd.param("k", 1e7, "1/day", "rate")
    with pytest.warns(FailedMembersWarning, match="max_steps"):
        pkpd.simulate(pkpd.Model("stiff", rates={X: -stiff * X}), times=[10.0], method="numpy", max_steps=1000)


@pytest.mark.parametrize("method", ["numpy", "scipy", "Radau", "auto"])
def test_nothing_hangs_where_a_rate_chatters(method: str) -> None:
    X = pkpd.state("X", "1", "amount", start=0.5)
    k = pkpd.param("k", 1.0, "1/day", "rate")
    model = pkpd.Model("chatter", rates={X: -k * sympy.sign(X)})
    with pytest.warns(FailedMembersWarning):
        run = pkpd.simulate(model, times=[0.4, 1.0], method=method, max_steps=500)
    assert int(run["status"]) != 0
    if method in ("numpy", "auto"):  # scipy loses what it had when it is stopped
        np.testing.assert_allclose(run["X"][0], 0.1, rtol=1e-6)
        assert float(run["ended"]) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.slow
def test_a_large_stiff_model_says_how_its_lu_is_done() -> None:
    """Forty coupled states: the LU of a full Jacobian is too long to be written out as code."""
    k, m = pkpd.param("k", 1000.0, "1/day", "mixing"), pkpd.param("m", 10.0, "mg", "scale")
    X = [pkpd.state(f"X{i}", "mg", f"amount {i}", start=i + 1) for i in range(40)]
    mean = sum(X) / 40
    rates = {x: k * (mean - x) * (1 + (X[i - 1] / m) ** 2 / 50) - k / 1000 * x for i, x in enumerate(X)}
    run = pkpd.simulate(pkpd.Model("dense", rates=rates), times=[1.0, 50.0], outputs=["X0"])
    assert "rodas5p (LU by table) for 1 stiff of 1 members" in run.attrs["method_used"]
    tight = pkpd.simulate(pkpd.Model("dense", rates=rates), times=[1.0], outputs=["X0"], method="scipy", rtol=1e-9)
    np.testing.assert_allclose(run["X0"][0], tight["X0"][0], rtol=1e-5)


def test_an_impossible_negative_state_is_reported() -> None:
    X = pkpd.state("X", "mg", "store", start=1, nonnegative=True)
    drain = pkpd.param("drain", 0.1, "mg/day", "consumption")
    model = pkpd.Model("drained", rates={X: -drain})
    with pytest.warns(FailedMembersWarning, match="1 negative.*declares nonnegative"):
        run = pkpd.simulate(model, times=[0.0, 5.0], parameters={"drain": np.array([0.1, 0.3])})
    assert run["status"].values.tolist() == [0, 5]
    np.testing.assert_allclose(run["X"].values[1], [1, -0.5])  # shown as it is, not hidden


# ---- the result


def test_labels_units_and_provenance() -> None:
    run = pkpd.simulate(one_compartment, pkpd.bolus(10, "iv"), times=[0.0, 1.0], parameters={"CL": "0.2 L/day"})
    assert isinstance(run, xr.Dataset)
    assert run["C"].attrs == {"units": "mg/L", "long_name": "concentration"}
    assert run["A1"].attrs["units"] == "mg"
    assert float(run["CL"]) == 0.2
    assert run["CL"].attrs["units"] == "L/day"
    assert run.attrs["model_hash"] == one_compartment.hash
    assert run.attrs["at_dose"] == "before"
    assert {"rtol", "atol", "method", "versions"} <= run.attrs.keys()
    assert run["status"].dtype == np.int8


def test_only_what_is_asked_for_is_returned() -> None:
    run = pkpd.simulate(one_compartment, times=[0.0], outputs=["C"])
    assert set(run.data_vars) == {"C", "status", "ended"}


def test_a_result_survives_a_file(tmp_path: object) -> None:
    path = f"{tmp_path}/run.nc"
    run = pkpd.simulate(one_compartment, pkpd.bolus(10, "iv"), times=[0.0, 1.0], parameters=pkpd.grid(CL=[0.1, 0.2]))
    pkpd.write_result(run, path)
    xr.testing.assert_identical(pkpd.read_result(path), run)


@pytest.mark.parametrize("by", [["CL"], ["CL", "V1"]])
def test_sensitivities_survive_a_file_with_their_units(by: list[str], tmp_path: object) -> None:
    path = f"{tmp_path}/run.nc"
    run = pkpd.simulate(one_compartment, pkpd.bolus(10, "iv"), times=[0.0, 1.0], sensitivities=by)
    pkpd.write_result(run, path)
    assert pkpd.read_result(path)["sensitivity_C"].attrs["units"] == run["sensitivity_C"].attrs["units"]
    assert run["sensitivity_C"].attrs["units"][0] == "day mg/L^2"


def test_numbers_of_one_run_are_a_table_of_one_row(tmp_path: object) -> None:
    run = pkpd.simulate(one_compartment, pkpd.bolus(30, "iv"), times=[0.0, 1.0], reduce={"top": ("A1", "max")})
    table = pd.read_csv(pkpd.write_result(run, f"{tmp_path}/run.csv"))
    assert list(table) == ["top", "status", "ended"]
    assert table["top"].tolist() == [run["top"].item()]


def test_a_regimen_needs_a_value_of_its_parameters() -> None:
    WT = pkpd.given("WT", "kg", "body weight")
    with pytest.raises(ParameterError, match=r"the regimen's parameter 'WT' \(body weight, kg\) has no value"):
        pkpd.simulate(one_compartment, pkpd.bolus(10 * WT, "iv"), times=[0.0])
    found = pkpd.simulate(
        one_compartment, pkpd.bolus(10 * WT, "iv"), times=[0.0], parameters={"WT": 7}, at_dose="after"
    )
    assert found["A1"].item() == 70


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    ensemble = {"kg": np.linspace(0.1, 0.2, 1500)}
    pkpd.simulate(growth, times=[1.0], parameters=ensemble, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1500, 1500)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"parameters": {"Kg": 1}}, UnknownNameError, "exponential_growth has no parameter 'Kg'. Did you mean 'kg'"),
        ({"parameters": {"kg": float("nan")}}, ParameterError, "parameter 'kg' is nan; give a finite number in 1/day"),
        ({"parameters": {"kg": [np.nan, np.nan]}}, ParameterError, "'kg' is nan for every member"),
        ({"parameters": {"kg": "fast"}}, ParameterError, "'fast'; expected a number"),
        ({"parameters": 3}, ParameterError, "expected a mapping"),
        ({"outputs": ["v"]}, UnknownNameError, "no state or output 'v'. Did you mean 'V'"),
        ({"times": [-1.0, 0.0]}, SimulationError, "0 or more"),
        ({"times": [1.0, 1.0]}, SimulationError, "increasing"),
        ({"times": []}, SimulationError, "shape"),
        ({"times": "day"}, SimulationError, "expected numbers"),
        ({"method": "lsoda"}, UnknownNameError, "the solver has no method 'lsoda'. Did you mean 'LSODA'"),
        ({"rtol": 0}, SimulationError, "rtol is 0; expected a number between 0 and 1"),
        ({"rtol": 1e-20}, SimulationError, "rtol is 1e-20; double precision reaches 1e-14 at best"),
        ({"atol": {"t": 1e-3}}, UnknownNameError, "no state 't'. Did you mean 'T'"),
        ({"on_failure": "ignore"}, SimulationError, "expected 'nan' or 'raise'"),
        ({"at_dose": "during"}, SimulationError, "expected 'before' or 'after'"),
        ({"threads": 0}, SimulationError, "threads is 0"),
        ({"regimen": "iv"}, SimulationError, "as the regimen; make one with bolus"),
    ],
)
def test_what_simulate_refuses(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pkpd.simulate(growth, **{"times": [0.0, 1.0], **arguments})  # type: ignore[arg-type]


def test_an_open_model_and_a_name_used_twice_are_refused() -> None:
    part = pkpd.Model("part", rates={T: kg * T * pkpd.given("x", "1", "factor")})
    with pytest.raises(ModelError, match="part needs 'x'"):
        pkpd.simulate(part, times=[1.0])
    other = pkpd.param("kg", 3, "day", "start day")
    with pytest.raises(ParameterError, match="'kg' is declared differently in irradiated"):
        pkpd.simulate(irradiated, pkpd.fractions(2, 1, "flash").shift(other), times=[1.0])
    clash = pkpd.param("T", 3, "day", "start day")
    with pytest.raises(ParameterError, match="has the name of a state or output"):
        pkpd.simulate(irradiated, pkpd.fractions(2, 1, "flash").shift(clash), times=[1.0])


def test_a_swept_time_before_the_start_names_the_member() -> None:
    start = pkpd.param("start", 1, "day", "day of the first dose")
    with pytest.raises(RegimenError, match="of member 1"):
        pkpd.simulate(
            one_compartment, pkpd.bolus(1, "iv").shift(start), times=[1.0], parameters=pkpd.grid(start=[0, -2])
        )


def test_no_warning_for_a_healthy_run() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = pkpd.simulate(irradiated, pkpd.fractions(2, 5, "flash", start=1), times=DAYS)
    assert run["status"] == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"times": None}, SimulationError, "times is None; expected a sequence"),
        ({"times": [0, 3, 2]}, SimulationError, r"times\[2\] is 2, after 3; times must be"),
        ({"times": [-1, 3]}, SimulationError, r"times\[0\] is -1; times must be"),
        (
            {"times": pd.date_range("2026-01-01", periods=2)},
            SimulationError,
            "times is DatetimeIndex",
        ),
        ({"regimen": [pkpd.bolus(1, "iv")]}, SimulationError, "got a list as the regimen; .* join them with +"),
        ({"parameters": pd.DataFrame({"CL": [1, 2]})}, ParameterError, r"a DataFrame; .* are members\(\*\*table\)"),
        ({"outputs": 3}, SimulationError, "outputs is 3; expected names"),
        ({"sensitivities": 3}, SimulationError, "sensitivities is 3; expected names"),
        ({"sensitivities": ["C"]}, ParameterError, "'C', an output of .*: name the parameters .* 'sensitivity_C'"),
        ({"method": ["auto"]}, SimulationError, r"method is \['auto'\]; expected a name"),
        ({"max_steps": 0}, SimulationError, "max_steps is 0; expected a whole number of 1 or more"),
        ({"max_steps": "many"}, SimulationError, "max_steps is 'many'"),
        ({"progress": 3}, SimulationError, r"progress is 3; expected a function of \(done, total\)"),
        ({"reduce": "max"}, SimulationError, "reduce is 'max'; expected {name: "),
        (
            {"reduce": {"x": ("C", "first_below", "low")}},
            SimulationError,
            r"threshold of reduce\['x'\] is 'low'; ",
        ),
    ],
)
def test_arguments_of_a_wrong_kind(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pkpd.simulate(one_compartment, **{"times": [0.0, 1.0], **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda folder: pkpd.write_result(3, f"{folder}/run.nc"), r"write_result\(\) got 3; expected a result"),
        (lambda folder: pkpd.read_result(f"{folder}/run.csv"), "cannot be read as NetCDF, which write_result"),
    ],
)
def test_what_is_no_result(act: object, message: str, tmp_path: object) -> None:
    with open(f"{tmp_path}/run.csv", "w") as file:
        file.write("time,C\n0,1\n")
    with pytest.raises(pkpd.DataError, match=message):
        act(tmp_path)  # type: ignore[operator]
