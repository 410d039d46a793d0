"""Responses, changes and rates, on runs written by hand and on a simulated one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pkpd
from pkpd.measures.failed_members import evaluable


def a_run(volumes, status=None, dims=("member",), times=(0.0, 5.0, 10.0, 20.0)):
    volumes = np.asarray(volumes, dtype=float)
    status = np.zeros(volumes.shape[:-1], dtype=np.int8) if status is None else np.asarray(status, dtype=np.int8)
    return xr.Dataset(
        {
            "V": ((*dims, "time"), volumes, {"units": "mm^3", "long_name": "tumor volume"}),
            "status": (dims, status),
        },
        {"time": ("time", np.asarray(times), {"units": "day", "long_name": "time"})},
        attrs={"model": "mouse"},
    )


CURED, REGROWN, EARLY, PROGRESSED = [60, 30, 8, 0], [60, 20, 10, 400], [60, 9, 30, 90], [60, 90, 200, 800]


def test_complete_response_counts_volumes_at_or_below_the_limit_after_the_given_time():
    run = a_run([CURED, REGROWN, EARLY, PROGRESSED])
    flags = pkpd.complete_response(run, "V", below=10, after=7)
    assert flags.dtype == bool
    assert flags.values.tolist() == [True, True, False, False]
    assert pkpd.complete_response(run, after=5).values.tolist() == [True, True, False, False]
    assert pkpd.complete_response(run, after=4.9).values.tolist() == [True, True, True, False]
    assert flags.attrs["definition"] == "V <= 10 mm^3 at a time after 7 day"


def test_a_detection_limit_with_a_unit_is_converted():
    run = a_run([CURED, REGROWN])
    assert pkpd.complete_response(run, below="0.009 mL").values.tolist() == [True, False]
    with pytest.raises(pkpd.UnitError, match="cannot be converted"):
        pkpd.complete_response(run, below="10 mg")


def test_a_detection_limit_may_differ_by_member():
    run = a_run([CURED, REGROWN])
    assert pkpd.complete_response(run, below=np.array([5.0, 5.0])).values.tolist() == [True, False]
    flags = pkpd.complete_response(run, below=np.array([5.0, 20.0]))
    assert flags.values.tolist() == [True, True]
    assert flags.attrs["definition"] == "V <= 5 to 20 (by member) mm^3 at a time after 7 day"
    with pytest.raises(pkpd.ParameterError, match="detection limit has members for which it is not a finite number"):
        pkpd.complete_response(run, below=np.array([5.0, np.nan]))


def test_a_time_that_rounding_divides_from_the_baseline_is_not_after_it():
    run = a_run([[60, 30, 60, 90]], times=(0.0, 8 / 24 * 3 + 1e-15, 2.0, 3.0))
    assert pkpd.complete_response(run, below=30, after=1.0).values.tolist() == [False]
    assert pkpd.best_change(run, baseline=1 + 1e-12).values.tolist() == [100.0]


def test_a_failed_member_is_refused_unless_it_is_excluded():
    nan = np.nan
    run = a_run([CURED, [60, 8, 5, nan], PROGRESSED], status=[0, 3, 0])
    for measure in (pkpd.complete_response, pkpd.best_change, pkpd.percent_change):
        with pytest.raises(pkpd.SimulationError, match=r"mouse: 1 of 3 members failed.*'exclude'"):
            measure(run)
    flags = pkpd.complete_response(run, failed="exclude")
    assert np.array_equal(flags, [1, nan, 0], equal_nan=True)
    assert float(flags.mean()) == 0.5
    assert np.array_equal(np.isnan(pkpd.best_change(run, failed="exclude")), [False, True, False])


def test_a_member_that_failed_after_the_times_kept_is_still_failed():
    run = a_run([CURED, PROGRESSED], status=[0, 1]).isel(time=slice(0, 3))
    assert evaluable(run, "V").values.tolist() == [True, False]


def test_a_value_that_is_no_number_is_not_measured_even_where_the_status_is_ok():
    assert evaluable(a_run([CURED, [60, np.nan, 1, 1]]), "V").values.tolist() == [True, False]


def test_the_policy_is_one_of_two():
    with pytest.raises(pkpd.SimulationError, match="failed is 'ignore'; expected 'raise' or 'exclude'"):
        pkpd.complete_response(a_run([CURED]), failed="ignore")


def test_best_change_is_the_lowest_after_the_baseline():
    run = a_run([CURED, EARLY, PROGRESSED])
    best = pkpd.best_change(run)
    np.testing.assert_allclose(best, [-100, -85, 50])
    assert best.attrs["units"] == "%"
    assert best.attrs["long_name"] == "best change in tumor volume"
    assert best.attrs["baseline_units"] == "mm^3"
    np.testing.assert_allclose(pkpd.best_change(run, baseline=5), [-100, 100 * (30 / 9 - 1), 100 * (200 / 90 - 1)])


def test_percent_change_is_zero_at_its_baseline():
    change = pkpd.percent_change(a_run([CURED, PROGRESSED]), baseline=10)
    np.testing.assert_allclose(change.sel(time=10), 0)
    np.testing.assert_allclose(change.sel(time=20), [-100, 300])
    assert "time" in change.coords


def test_messages_name_what_is_wrong():
    run = a_run([CURED])
    with pytest.raises(pkpd.UnknownNameError, match=r"mouse has no output 'v'. Did you mean 'V'\? It has V."):
        pkpd.complete_response(run, "v")
    with pytest.raises(pkpd.SimulationError, match="after time 30, but the last stored time is 20"):
        pkpd.complete_response(run, after=30)
    with pytest.raises(pkpd.SimulationError, match="time 4 is not stored; the nearest that is stored is 5"):
        pkpd.best_change(run, baseline=4)
    with pytest.raises(pkpd.SimulationError, match="no dimension 'time'"):
        pkpd.best_change(run.isel(time=0))
    with pytest.raises(pkpd.DataError, match="'V' at the baseline, time 20, is 0"):
        pkpd.percent_change(run, baseline=20)


def test_the_rate_has_wilsons_interval():
    found = pkpd.rate(xr.DataArray(np.r_[np.ones(56), np.zeros(44)], dims="member", name="cured"))
    z, p, n = 1.959963984540054, 0.56, 100
    center, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert float(found["rate"]) == p
    np.testing.assert_allclose(found["lower"], (center - half) / (1 + z**2 / n), rtol=1e-12)
    np.testing.assert_allclose(found["upper"], (center + half) / (1 + z**2 / n), rtol=1e-12)


def test_the_rate_counts_over_one_dimension_and_leaves_the_excluded_out():
    flags = xr.DataArray([[1, 1, np.nan, 0], [np.nan] * 4], {"day": [7, 19]}, ("day", "member"), name="cured")
    found = pkpd.rate(flags)
    assert found["n"].values.tolist() == [3, 0]
    assert found["positive"].values.tolist() == [2, 0]
    assert found["excluded"].values.tolist() == [1, 4]
    np.testing.assert_allclose(found["rate"], [2 / 3, np.nan])
    assert np.isnan(found["upper"].sel(day=19))
    assert found["rate"].dims == ("day",)


def test_a_rate_of_none_or_all_keeps_its_interval_between_0_and_1():
    found = pkpd.rate(xr.DataArray([[True] * 5, [False] * 5], dims=("arm", "member")))
    assert float(found["upper"][0]) == 1
    assert float(found["lower"][1]) == 0
    assert 0 < float(found["lower"][0]) < 1


def test_a_rate_refuses_what_it_cannot_count():
    flags = xr.DataArray([0.0, 0.3], dims="member", name="share")
    with pytest.raises(pkpd.DataError, match="share has other values"):
        pkpd.rate(flags)
    with pytest.raises(pkpd.DataError, match="confidence is 95"):
        pkpd.rate(flags > 0, confidence=95)
    with pytest.raises(pkpd.UnknownNameError, match=r"share has no dimension 'members'. Did you mean 'member'"):
        pkpd.rate(flags > 0, "members")


def test_measures_read_a_simulated_run():
    k = pkpd.param("k", -0.1, "1/day", "net growth rate", source="illustrative")
    volume = pkpd.state("V", "mm^3", "tumor volume", start=60)
    model = pkpd.Model("shrinking", rates={volume: k * volume}, time="day")
    run = pkpd.simulate(model, times=np.arange(0, 31.0), parameters=pkpd.members(k=[-0.1, 0.1, -0.01]))
    assert pkpd.complete_response(run).values.tolist() == [True, False, False]
    expected = 100 * np.expm1([-3, 0.1, -0.3])
    np.testing.assert_allclose(pkpd.best_change(run), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (
            lambda run: pkpd.complete_response(3, "V", below=10),
            "a result of simulate.* with 'V' in it; got a int",
        ),
        (lambda run: pkpd.complete_response(run.to_dataframe(), "V", below=10), "got a DataFrame"),
        (lambda run: pkpd.complete_response(run, "V", below=[1]), r"is \[1\]; expected a number"),
        (lambda run: pkpd.complete_response(run, "V", after="day 7"), "looks is 'day 7'; expected a number"),
        (lambda run: pkpd.complete_response(run, "V", after=10**400), "looks is 1000.*; expected a number"),
        (lambda run: pkpd.percent_change(run, "V", baseline=np.complex128(1j)), "time is .*1j.*; expected a number"),
        (lambda run: pkpd.percent_change(run, "V", baseline="first"), "time is 'first'; expected a number"),
        (lambda run: pkpd.complete_response(run, ["V"], below=1), r"no output .*V"),
        (lambda run: pkpd.complete_response(run, "V", failed=pd.NA), "failed is <NA>; expected 'raise'"),
        (lambda run: pkpd.rate(run["V"] > 1, "time", confidence="95"), "confidence is '95'; expected a number"),
        (lambda run: pkpd.rate(run["V"] > 1, dim=np.array([1.0, 2.0])), "no dimension"),
        (lambda run: pkpd.rate(run), r"rate\(\) got a Dataset; expected flags"),
    ],
)
def test_arguments_of_a_wrong_kind(measure: Any, message: str) -> None:
    run = pkpd.simulate(pkpd.load("growth_exponential"), times=[0.0, 10.0]).rename({"T": "V"})
    with pytest.raises(pkpd.PkpdError, match=message):
        measure(run)
