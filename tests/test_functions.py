"""Plain functions through the door of `fit`: derivatives, columns as arguments, arms, messages."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from nist_problems import FUNCTIONS, problem

import pkpd
from pkpd.fitting.curves import as_curve
from pkpd.fitting.free_parameters import coordinates
from pkpd.fitting.function_predictor import FunctionPredictor

TIMES = np.array([0.5, 1, 2, 4, 8, 16])


def decay(time: Any, C0: Any, k: Any) -> Any:
    """Drug in plasma"""
    return C0 * np.exp(-k * time)


def observed(values: Any, arm: str = "a", times: Any = TIMES, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"arm": arm, "time": times, "output": "C", "value": values, **columns})


def read(*tables: pd.DataFrame) -> pkpd.Dataset:
    table = pd.concat(tables, ignore_index=True)
    return pkpd.read_observations(table, dict.fromkeys(table["arm"].unique()))


def predictor(function: Any, data: pkpd.Dataset, free: dict[str, Any]) -> FunctionPredictor:
    named: Any = as_curve(function, data)
    return FunctionPredictor(named, data, coordinates(named, data, free), {}, pkpd.Solver())


FREE = {"C0": pkpd.free(5, log=True), "k": pkpd.free(0.1, bounds=(0, None))}


# ---- derivatives


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "MGH17"])
def test_differences_of_eighth_order_agree_with_a_complex_step(name: str) -> None:
    certified = problem(name)
    free = {key: pkpd.free(values[2]) for key, values in certified.parameters.items()}
    p = predictor(FUNCTIONS[name], certified.data, free)
    by_step, by_differences = (
        way(certified.certified, np.abs(certified.certified)) for way in (p._by_complex_step, p._by_differences)
    )
    assert by_step is not None
    largest = np.abs(by_step).max(axis=0)
    np.testing.assert_allclose(by_differences / largest, by_step / largest, atol=2e-10)


def test_a_function_that_is_none_of_complex_numbers_is_differentiated_all_the_same() -> None:
    """``abs`` drops the step without a word, ``math.exp`` refuses it; the slopes are right in both."""

    def absolute(time: Any, C0: Any, k: Any) -> Any:
        return abs(C0 * np.exp(-k * time))

    def one_by_one(time: Any, C0: float, k: float) -> Any:
        return [C0 * math.exp(-k * t) for t in time]

    data, x = read(observed(decay(TIMES, 8, 0.3))), np.array([np.log(5), 0.1])
    exact = np.stack([decay(TIMES, 5, 0.1), -TIMES * decay(TIMES, 5, 0.1)], axis=1)
    for function in (decay, absolute, one_by_one):
        np.testing.assert_allclose(predictor(function, data, FREE).jacobian(x), exact, rtol=1e-9)
        found = pkpd.fit(function, data, FREE).estimates["estimate"]
        np.testing.assert_allclose(found, [8, 0.3], rtol=1e-8)


def test_a_slope_at_zero_is_seen() -> None:
    data = read(observed(TIMES))
    free = {"a": pkpd.free(0.0), "b": pkpd.free(0.0)}
    slopes = predictor(lambda time, a, b: a + np.sin(b) * time, data, free).jacobian(np.zeros(2))
    np.testing.assert_allclose(slopes, np.stack([np.ones(6), TIMES], axis=1), rtol=1e-12)


# ---- the same door


def test_a_function_and_its_model_have_the_same_fit() -> None:
    """Estimates, errors and likelihood of a bolus in one compartment."""
    rng = np.random.default_rng(5)
    values = 10 * np.exp(-0.2 * TIMES) * np.exp(0.1 * rng.standard_normal(6))
    table = observed(values)
    error = pkpd.proportional_error(0.1)
    by_model = pkpd.fit(
        pkpd.load("pk_1cmt").in_time("h"), pkpd.read_observations(table, {"a": pkpd.bolus(100, "iv")}),
        {"CL": pkpd.free(1, log=True), "V": pkpd.free(8, log=True)}, error=error,
    )  # fmt: skip

    def bolus(time: Any, CL: Any, V: Any) -> Any:
        return 100 / V * np.exp(-CL / V * time)

    free = {"CL": pkpd.free(1, log=True), "V": pkpd.free(8, log=True)}
    by_function = pkpd.fit(bolus, read(table), free, error=error)
    numbers = ["estimate", "se", "ci_low", "ci_high"]
    np.testing.assert_allclose(by_function.estimates[numbers], by_model.estimates[numbers], rtol=2e-5)
    assert by_function.log_likelihood == pytest.approx(by_model.log_likelihood, abs=1e-6)


def test_names_units_and_the_course() -> None:
    named = pkpd.curve(decay, unit="mg/L", time="h", units={"C0": "mg/L", "k": "1/h"})
    found = pkpd.fit(named, read(observed(decay(TIMES, 8, 0.3))), FREE)
    assert found.estimates["unit"].tolist() == ["mg/L", "1/h"]
    course = found.predict([0, 1, 3])
    np.testing.assert_allclose(course["C"].sel(arm="a"), decay(np.array([0, 1, 3]), 8, 0.3), rtol=1e-8)
    assert (course["C"].attrs["units"], course["C"].attrs["long_name"]) == ("mg/L", "Drug in plasma")
    assert found.report().startswith("decay fitted to the DataFrame")
    again = pickle.loads(pickle.dumps(found))
    assert again.estimates.equals(found.estimates)


def test_each_arm_may_have_a_parameter_of_its_own() -> None:
    data = read(observed(decay(TIMES, 8, 0.3)), observed(decay(TIMES, 20, 0.3), "b"))
    found = pkpd.fit(decay, data, {"C0": pkpd.free(5, log=True, per_arm=True), "k": pkpd.free(0.1)})
    np.testing.assert_allclose(found.estimates["estimate"], [8, 20, 0.3], rtol=1e-8)


def test_a_column_is_an_argument() -> None:
    """An independent variable beside the time, row by row."""

    def saturated(time: Any, Vmax: Any, Km: Any, S: Any) -> Any:
        return Vmax * S / (Km + S) * time

    S = np.array([1.0, 5, 1, 5, 10, 20])
    data = read(observed(saturated(TIMES, 3, 4, S), S=S))
    found = pkpd.fit(saturated, data, {"Vmax": pkpd.free(1, log=True), "Km": pkpd.free(1, log=True)})
    np.testing.assert_allclose(found.estimates["estimate"], [3, 4], rtol=1e-7)
    with pytest.raises(pkpd.FitError, match="parameter 'S' is set by the column 'S'"):
        pkpd.fit(saturated, data, {"S": pkpd.free(1)}, parameters={"Vmax": 3, "Km": 4})


def test_a_default_is_a_start_or_a_constant() -> None:
    def with_offset(time: Any, C0: Any = 5.0, k: Any = 0.1, offset: Any = 1.0) -> Any:
        return offset + C0 * np.exp(-k * time)

    data = read(observed(with_offset(TIMES, 8, 0.3, 1)))
    np.testing.assert_allclose(pkpd.fit(with_offset, data, ["C0", "k"]).estimates["estimate"], [8, 0.3], rtol=1e-7)
    held = pkpd.fit(with_offset, data, ["C0", "k"], parameters={"offset": 0.5})
    assert held.chi_square > 0.01


def test_a_point_where_the_function_has_no_value_is_refused_as_a_failed_one() -> None:
    """The search goes around it: exp overflows for the first long step."""

    def strict(time: Any, k: float) -> Any:
        return [math.exp(k * t) for t in time]

    times = np.array([1.0, 10, 100])
    data = read(observed(np.exp(-0.5 * times), times=times))
    found = pkpd.fit(strict, data, {"k": pkpd.free(-3.0, bounds=(-20, 20))})
    assert found.estimates.loc["k", "estimate"] == pytest.approx(-0.5, rel=1e-6)


def test_what_follows_a_fit_takes_one_of_a_function(tmp_path: Path) -> None:
    """Starts, profile, bootstrap, bands, the page, and the file, which is read with the function."""
    rng = np.random.default_rng(8)
    data = read(observed(decay(TIMES, 8, 0.3) + 0.1 * rng.standard_normal(6)))
    found = pkpd.fit(decay, data, FREE, error=pkpd.additive_error(0.1).fixed(), starts=4, seed=1)
    assert found.starts is not None
    assert found.starts.n_optima == 1
    profiles = pkpd.profile(found)
    np.testing.assert_allclose(profiles.intervals["ci_low"], found.estimates["ci_low"], rtol=0.02)
    replicates = pkpd.bootstrap(found, 30, by="parametric", seed=1)
    assert replicates.failures == 0
    assert replicates.table["k"].std() == pytest.approx(found.estimates.loc["k", "se"], rel=0.4)
    band = pkpd.bands(found, [1, 2])
    assert band.sizes["time"] == 2
    page = pkpd.write_report(found, tmp_path / "fit.html", profiles=profiles).read_text(encoding="utf-8")
    assert "C = decay(time, C0, k)" in page
    again = pkpd.read_fit(pkpd.write_fit(found, tmp_path / "fit.json"), model=decay)
    pd.testing.assert_frame_equal(again.estimates, found.estimates)


# ---- messages


def broken(time: Any, a: Any) -> Any:
    raise RuntimeError("no such thing")


@pytest.mark.parametrize(
    ("function", "free", "message"),
    [
        (lambda time, a: [1.0, 2.0], {"a": pkpd.free(1)}, r"returned an array of shape \(2,\) at 6 times"),
        (lambda time, a: "text", {"a": pkpd.free(1)}, "returned array"),
        (broken, {"a": pkpd.free(1)}, "broken failed in arm 'a' at a = 1: RuntimeError: no such thing"),
        (lambda time, a, b: a * time, {"a": pkpd.free(1)}, "parameter 'b' of <lambda> has no value"),
        (lambda time, a: a * time, {"A": pkpd.free(1)}, "has no parameter 'A'. Did you mean 'a'"),
        (lambda time: time, {"a": pkpd.free(1)}, "arguments without a name"),
        (lambda time, *rest: time, {"a": pkpd.free(1)}, "arguments without a name"),
        (lambda time, a="x": time, {"a": pkpd.free(1)}, "'x' by default; expected a finite number"),
        (3, {"a": pkpd.free(1)}, "got 3 as the model"),
    ],
)
def test_what_is_no_function_of_time_and_parameters_is_told(function: Any, free: Any, message: str) -> None:
    with pytest.raises(pkpd.PkpdError, match=message):
        pkpd.fit(function, read(observed(TIMES)), free)


def test_data_of_something_else_are_told() -> None:
    dosed = pkpd.read_observations(observed(TIMES), {"a": pkpd.bolus(1, "iv")})
    with pytest.raises(pkpd.FitError, match="takes no doses, and arm 'a' has a regimen"):
        pkpd.fit(decay, dosed, FREE)
    two = read(observed(TIMES), observed(TIMES).assign(output="D", value=1.0))
    with pytest.raises(pkpd.FitError, match="predicts one output, and .* observes C, D"):
        pkpd.fit(decay, two, FREE)
    with pytest.raises(pkpd.UnknownNameError, match="decay has no parameter 'K'. Did you mean 'k'"):
        pkpd.curve(decay, units={"K": "1/h"})
    with pytest.raises(pkpd.UnitError, match="parsec_"):
        pkpd.curve(decay, unit="parsec_")
