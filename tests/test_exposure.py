"""Exposure against closed forms of one compartment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from examples import one_compartment
from helpers import relative_error

import pkpd
from pkpd.errors import DataError, SimulationError, UnitError, UnknownNameError
from pkpd.measures.noncompartmental import areas, terminal, time_above

DOSE, CL, V1 = 100.0, 0.3, 3.0
K = CL / V1
TAU = 14.0


def simulated(regimen, times, **options):
    return pkpd.simulate(one_compartment, regimen, times=times, rtol=1e-10, atol=1e-12, **options)


def curve(times, values, unit="mg/L", status=None):
    """A run made by hand: one member, or several in rows."""
    rows = np.atleast_2d(values)
    data = {"C": (("member", "time"), rows, {"units": unit, "long_name": "concentration"})}
    data["status"] = (("member",), np.zeros(len(rows), int) if status is None else np.array(status))
    return xr.Dataset(data, {"time": ("time", np.asarray(times, float), {"units": "day"})})


# ---- closed forms


def test_a_bolus_in_closed_form():
    """C = C0 exp(-k t): AUC = C0/k, half-life ln 2/k."""
    run = simulated(pkpd.bolus(DOSE, "iv"), np.arange(0, 28.1, 0.5), at_dose="after")
    found = pkpd.exposure(run, above=3.0)
    C0 = DOSE / V1
    expected = {
        "cmax": C0,
        "trough": C0 * np.exp(-K * 28),
        "auc": C0 / K * (1 - np.exp(-K * 28)),
        "auc_last": C0 / K * (1 - np.exp(-K * 28)),
        "auc_inf": C0 / K,
        "auc_extrapolated": 100 * np.exp(-K * 28),
        "average": C0 / K * (1 - np.exp(-K * 28)) / 28,
        "lambda_z": K,
        "half_life": np.log(2) / K,
        "time_above": np.log(C0 / 3.0) / K,
        "lambda_z_r2": 1.0,
        "lambda_z_points": 56,
    }
    for name, value in expected.items():
        assert relative_error(found[name].item(), value) < 1e-6, name
    assert found["tmax"].item() == 0
    assert "accumulation_auc" not in found


def test_theophylline_in_the_first_subject():
    """A published answer by the same rules (linear up, log down; best adjusted R2).

    Boeckmann, Sheiner and Beal's data (R's ``Theoph``, subject 1): the vignette of PKNCA (Denney W,
    Duvvuri S, Buckeridge C. J Pharmacokinet Pharmacodyn 42:S65, 2015) prints 147.235, 214.924 and 14.304.
    """
    hours = [0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37]
    found = pkpd.exposure(curve(hours, [0.74, 2.84, 6.57, 10.5, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28]))
    published = {"cmax": 10.5, "tmax": 1.12, "auc_last": 147.235, "auc_inf": 214.924, "half_life": 14.304}
    assert {name: round(found[name].item(), 3) for name in published} == published
    assert found["lambda_z_points"].item() == 3


def test_an_infusion_in_closed_form():
    """C = R/CL (1 - exp(-k t)) to its end; stored densely, because a rise is taken as straight lines."""
    length = 1.0
    run = simulated(
        pkpd.infusion(DOSE, "iv", length), np.union1d(np.linspace(0, length, 2001), np.linspace(1, 60, 119))
    )
    found = pkpd.exposure(run)
    peak = DOSE / length / CL * (1 - np.exp(-K * length))
    assert relative_error(found["cmax"].item(), peak) < 1e-6
    assert found["tmax"].item() == length
    assert relative_error(found["auc_inf"].item(), DOSE / CL) < 1e-6
    assert relative_error(found["half_life"].item(), np.log(2) / K) < 1e-6


def test_accumulation_to_steady_state():
    """Every tau: C after dose n is C0 (1 - e^(-n k tau))/(1 - e^(-k tau)); AUC over tau tends to dose/CL."""
    n = 12
    bounds = TAU * np.arange(n + 1)
    times = np.union1d(np.arange(0, n * TAU + 0.1, 1.0), [0.25])
    run = simulated(pkpd.bolus(DOSE, "iv", every=TAU, n=n), times)
    found = pkpd.exposure(run, intervals=bounds, start="back_extrapolated")
    reached = (1 - np.exp(-K * TAU * np.arange(1, n + 1))) / (1 - np.exp(-K * TAU))
    assert relative_error(found["cmax"], DOSE / V1 * reached) < 1e-6
    assert relative_error(found["trough"], DOSE / V1 * reached * np.exp(-K * TAU)) < 1e-6
    assert relative_error(found["auc"], DOSE / CL * (1 - np.exp(-K * TAU)) * reached) < 1e-6
    for name in ("auc", "cmax", "trough"):
        assert relative_error(found[f"accumulation_{name}"], reached) < 1e-6
    # At steady state the area over one interval is that of a single dose to infinity.
    assert relative_error(found["auc"][-1].item(), DOSE / CL) < 1e-6
    assert found["average"][-1].item() == pytest.approx(DOSE / CL / TAU, rel=1e-6)
    assert found["interval_start"].values.tolist() == bounds[:-1].tolist()
    assert found["interval_end"].values.tolist() == bounds[1:].tolist()
    assert set(found["tmax"].values) == {0.0}


def test_the_golden_durvalumab_exposure():
    """1500 mg every 4 weeks: peaks and troughs from LSODA at 1e-10, areas from a state that integrates C."""
    durvalumab = pkpd.load("durvalumab_baverel_2018")
    area = pkpd.state("AUC", "mg*day/L", "area under the concentration")
    concentration = pkpd.given("C", "mg/L", "concentration")
    model = pkpd.compose("exposed", durvalumab, pkpd.Model("area", rates={area: concentration}))
    starts = 28.0 * np.arange(14)
    near = np.concatenate([starts[:-1] + h for h in (1 / 48, 1 / 24)])
    run = pkpd.simulate(
        model,
        pkpd.infusion(1500, "iv", "1 h", every=28, n=13),
        times=np.union1d(np.arange(0, 364.1, 0.25), near),
        rtol=1e-9,
        outputs=["C", "AUC"],
    )
    found = pkpd.exposure(run, intervals=starts)
    assert found["cmax"][0].item() == pytest.approx(425.6, abs=0.05)
    assert found["trough"][0].item() == pytest.approx(70.44, abs=0.005)
    assert found["cmax"][-1].item() == pytest.approx(551.3, abs=0.1)
    assert found["trough"][-1].item() == pytest.approx(125.9, abs=0.05)
    assert relative_error(found["auc"], np.diff(run["AUC"].sel(time=starts))) < 2e-4


def test_members_and_axes_are_kept_and_a_member_is_measured_as_if_alone():
    times = np.arange(0, 29.0)
    ensemble = pkpd.grid(V1=[2.0, 3.0]) * pkpd.members(CL=np.linspace(0.1, 0.5, 5))
    run = simulated(pkpd.bolus(DOSE, "iv", every=14, n=2), times, parameters=ensemble)
    found = pkpd.exposure(run, intervals=[0, 14, 28], start="back_extrapolated")
    assert found["auc"].dims == ("V1", "member", "interval")
    rate = found["CL"] / found["V1"]
    np.testing.assert_allclose(
        found["lambda_z"], rate.broadcast_like(found["lambda_z"]).transpose(*found["auc"].dims), rtol=1e-6
    )
    alone = simulated(pkpd.bolus(DOSE, "iv", every=14, n=2), times, parameters={"V1": 2.0, "CL": float(found["CL"][3])})
    one = pkpd.exposure(alone, intervals=[0, 14, 28], start="back_extrapolated")
    for name in found.data_vars:
        np.testing.assert_allclose(found[name][0, 3], one[name], rtol=1e-12, err_msg=name)


def test_many_members_are_measured_in_chunks():
    rates = np.linspace(0.05, 0.5, 10_000)
    times = np.arange(0, 15.0)
    found = pkpd.exposure(curve(times, np.exp(-rates[:, None] * times)))
    np.testing.assert_allclose(found["auc_inf"][:, 0], 1 / rates, rtol=1e-9)


# ---- the pieces


def test_areas_rise_in_straight_lines_and_fall_in_exponentials():
    found = areas(np.array([0.0, 1, 3, 4]), np.array([[0.0, 4.0, 1.0, 0.0]]))
    np.testing.assert_allclose(found, [[2.0, 2 * 3 / np.log(4), 0.5]])
    nearly = areas(np.array([0.0, 1.0]), np.array([[1.0 + 1e-14, 1.0], [2.0, 2.0]]))
    np.testing.assert_allclose(nearly[:, 0], [1, 2], rtol=1e-13)


def test_time_above_crosses_as_the_areas_do():
    times = np.array([0.0, 1, 2])
    np.testing.assert_allclose(time_above(times, np.array([[0.0, 4.0, 1.0]]), 2.0), [0.5 + 0.5])
    np.testing.assert_allclose(time_above(times, np.array([[4.0, 2.0, 0.0]]), 1.0), [1 + 0.5])
    np.testing.assert_allclose(time_above(times, np.array([[2.0, 2.0, 2.0], [3.0, 3.0, 2.0]]), 2.0), [0, 2])


def test_the_terminal_phase_is_that_of_the_best_adjusted_r2():
    """Worked by hand: of the last 3, 4 and 5 points the adjusted R2 chooses as numpy's polyfit says."""
    times = np.array([1.0, 2, 4, 8, 12, 24])
    values = np.array([90.0, 50, 30, 20, 14.2, 5.0])
    best = []
    for points in range(3, 7):
        x, y = times[-points:], np.log(values[-points:])
        slope, start = np.polyfit(x, y, 1)
        r2 = 1 - ((y - slope * x - start) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        best.append((1 - (1 - r2) * (points - 1) / (points - 2), points, -slope))
    adjusted, points, rate = max(best)
    found = terminal(times, values[None], np.ones((1, 6), bool))
    assert found.points[0] == points
    np.testing.assert_allclose([found.rate[0], found.adjusted_r2[0]], [rate, adjusted], rtol=1e-10)


def test_the_maximum_takes_no_part_and_three_points_are_needed():
    values = [0.0, 10.0, 5.0, 2.5, 1.25]
    found = pkpd.exposure(curve(range(5), values))
    assert found["lambda_z_points"].item() == 3
    assert relative_error(found["half_life"].item(), 1.0) < 1e-12
    short = pkpd.exposure(curve(range(4), values[:4]))
    for name in ("half_life", "auc_inf", "lambda_z"):
        assert np.isnan(short[name].item())
    assert short["lambda_z_points"].item() == 0
    rising = pkpd.exposure(curve(range(5), [1.0, 2, 3, 4, 5]))
    assert np.isnan(rising["half_life"].item())


def test_values_below_the_limit_of_quantification_are_left_out_of_auc_last():
    values = [16.0, 8, 4, 2, 1, 0.5, 0.25]
    found = pkpd.exposure(curve(range(7), values), lloq=0.9)
    to_four = 15 / np.log(2)
    assert relative_error(found["auc_last"].item(), to_four) < 1e-12
    assert relative_error(found["auc"].item(), to_four + 0.5) < 1e-12  # a line to 0 at the next sample, 0 from there
    assert found["trough"].item() == 0
    assert relative_error(found["auc_inf"].item(), 16 / np.log(2)) < 1e-12
    assert found["lambda_z_points"].item() == 4
    assert found.attrs["lloq"] == 0.9


def log_mean(a, b):
    return (a - b) / np.log(a / b)


def samples(times, values):
    """Measured samples: no status, NaN where one is missing."""
    rows = np.atleast_2d(values)
    return xr.Dataset(
        {"C": (("member", "time"), rows, {"units": "mg/L"})}, {"time": ("time", np.asarray(times, float))}
    )


def test_a_value_at_the_limit_is_not_measurable():
    found = pkpd.exposure(samples(range(6), [16.0, 8, 4, 2, 1, 1]), lloq=1)
    assert relative_error(found["auc_last"].item(), 14 / np.log(2)) < 1e-12
    assert found["lambda_z_points"].item() == 3


def test_values_below_the_limit_count_as_0_outside_and_not_at_all_between_measurable_ones():
    """PKNCA's rule: first and last keep (0), middle drop; in each interval of its own."""
    found = pkpd.exposure(samples(range(7), [0.2, 4.0, 0.3, 1.0, 0.2, 3.0, 0.1]), lloq=0.5, intervals=[0, 4, 6])
    np.testing.assert_allclose(found["auc_last"][0], [4 / 2 + 2 * log_mean(4, 1), 3 / 2], rtol=1e-12)
    np.testing.assert_allclose(found["auc"][0], [4 / 2 + 2 * log_mean(4, 1) + 1 / 2, 3 / 2 + 3 / 2], rtol=1e-12)
    assert found["trough"].values.tolist() == [[0, 0]]
    nothing = pkpd.exposure(samples(range(3), [0.1, 0.2, 0.1]), lloq=0.5)
    assert [nothing[name].item() for name in ("cmax", "auc", "auc_last")] == [0, 0, 0]
    assert np.isnan(nothing["auc_inf"].item())


def test_pknca_has_the_same_areas_with_values_below_the_limit():
    """PKNCA's own check of its defaults (tests/testthat/test-auc.R, linear up, log down): AUClast and AUCall."""
    found = pkpd.exposure(samples(range(8), [0.0, 2, 0, 1, 2, 1, 0, 0]), lloq=0.1)
    last = 1 + 2 / np.log(2) + 1.5 + 1 / np.log(2)
    assert relative_error(found["auc_last"].item(), last) < 1e-12
    assert relative_error(found["auc"].item(), last + 0.5) < 1e-12


def test_what_observe_reports_below_its_limit_is_not_taken_as_measured():
    times = [0, 1, 2, 4, 8, 12, 24, 36, 48, 72]
    run = simulated(pkpd.bolus(DOSE, "iv"), times, parameters={"CL": 0.6}, at_dose="after")
    seen = pkpd.observe(run, error=pkpd.proportional_error(0.0), seed=1, lloq=0.5)
    for options in ({}, {"lloq": 0.5}):
        found = pkpd.exposure(seen, "value", **options)
        assert relative_error(found["half_life"].item(), np.log(2) / 0.2) < 1e-6
        assert relative_error(found["auc_inf"].item(), DOSE / 0.6) < 1e-6
    assert pkpd.exposure(seen, "prediction")["lambda_z_points"].item() == 9  # the truth has no limit


def test_a_missing_sample_is_bridged():
    times, values = [0, 1, 2, 4, 6, 8, 10, 12.0], np.array([0, 10, 8, np.nan, 2, 1, 0.5, 0.25])
    area = 5 + log_mean(10, 8) + 4 * log_mean(8, 2) + 2 * (log_mean(2, 1) + log_mean(1, 0.5) + log_mean(0.5, 0.25))
    found = pkpd.exposure(samples(times, [values, np.where(np.isnan(values), 4.0, values)]))
    assert relative_error(found["auc_last"][0].item(), area) < 1e-12
    assert relative_error(found["auc_last"].values, area) < 1e-12  # 4 is what lies between 8 and 2
    assert found["lambda_z_points"].values.tolist() == [[5], [6]]


def test_samples_missing_at_the_ends_leave_only_what_needs_them_unknown():
    found = pkpd.exposure(samples(range(6), [[np.nan, 8, 4, 2, 1, 0.5], [16.0, 8, 4, 2, 1, np.nan]]))
    assert np.isnan(found["auc_last"][0].item())
    assert relative_error(found["auc_last"][1].item(), 15 / np.log(2)) < 1e-12
    assert np.isnan(found["auc"][1].item())
    assert np.isnan(found["trough"][1].item())
    assert relative_error(found["half_life"].values, 1.0) < 1e-12
    assert found["cmax"].values.tolist() == [[8], [16]]


def test_a_member_without_any_sample_needs_a_policy():
    empty = samples(range(4), [[np.nan] * 4, [8.0, 4, 2, 1]])
    with pytest.raises(SimulationError, match=r"1 of 2 members have no samples of 'C', so exposure\(\)"):
        pkpd.exposure(empty)
    found = pkpd.exposure(empty, failed="exclude")
    assert np.isnan(found["cmax"][0].item())
    assert found["cmax"][1].item() == 8
    with pytest.raises(SimulationError, match=r"1 of 2 members have missing samples of 'C', so percent_change\(\)"):
        pkpd.percent_change(empty, "C")


def test_a_partial_area_ends_between_samples():
    """Theophylline, subject 1: to 12 h, between the samples at 9.05 and 12.12, by the rule of the areas."""
    hours = np.array([0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37])
    values = np.array([0.74, 2.84, 6.57, 10.5, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28])
    at_12 = 6.89 * (5.94 / 6.89) ** ((12 - 9.05) / (12.12 - 9.05))
    inner = np.append(values[:9], at_12), np.append(hours[:9], 12.0)
    mean = [(a + b) / 2 if b >= a else log_mean(a, b) for a, b in zip(inner[0], inner[0][1:], strict=False)]
    found = pkpd.exposure(samples(hours, values), intervals=[0, 12, 24])
    assert relative_error(found["auc"][0, 0].item(), np.sum(mean * np.diff(inner[1]))) < 1e-12
    assert relative_error(found["trough"][0, 0].item(), at_12) < 1e-12
    whole = pkpd.exposure(samples(hours, values), intervals=[0, 24])
    assert relative_error(found["auc"].values.sum(), whole["auc"].item()) < 1e-12  # parts add up
    with pytest.raises(SimulationError, match=r"the bound 48 lies beyond the samples, 0 to 24\.37"):
        pkpd.exposure(samples(hours, values), intervals=[0, 48])
    assert found["lambda_z_points"][0, 1].item() == 0  # one sample and two bounds are no terminal phase


def test_a_bound_of_a_simulated_run_is_a_stored_time_up_to_rounding():
    run = simulated(pkpd.bolus(DOSE, "iv"), np.arange(0, 3.01, 0.1))
    found = pkpd.exposure(run, intervals=[0, 0.7, 1.4, 0.7 * 3])
    assert found["interval_end"].values.tolist() == run["time"].values[[7, 14, 21]].tolist()
    with pytest.raises(SimulationError, match="time 0.75 is not stored"):
        pkpd.exposure(run, intervals=[0, 0.75])


def test_a_threshold_may_differ_by_member():
    rows = [[16.0, 8, 4, 2, 1]] * 2
    both = pkpd.exposure(curve(range(5), rows), above=np.array([4.0, 2.0]), lloq=np.array([1.5, 0.5]))
    np.testing.assert_allclose(both["time_above"][:, 0], [2, 3], rtol=1e-12)
    np.testing.assert_allclose(both["auc_last"][:, 0], [14 / np.log(2), 15 / np.log(2)], rtol=1e-12)
    assert both.attrs["above"] == "2 to 4 (by member)"
    limits = xr.DataArray([4000.0, 2000.0], dims="member", attrs={"units": "ug/L"})
    np.testing.assert_allclose(pkpd.exposure(curve(range(5), rows), above=limits)["time_above"][:, 0], [2, 3])


def test_units_follow_from_the_run():
    found = pkpd.exposure(curve(range(5), [16.0, 8, 4, 2, 1]), above="4000 ug/L")
    assert found["time_above"].item() == pytest.approx(2.0)
    assert {n: found[n].attrs["units"] for n in ("cmax", "auc", "lambda_z", "half_life")} == {
        "cmax": "mg/L",
        "auc": "day mg/L",
        "lambda_z": "1/day",
        "half_life": "day",
    }
    with pytest.raises(UnitError, match="above is 4 mL"):
        pkpd.exposure(curve(range(5), [16.0, 8, 4, 2, 1]), above="4 mL")


# ---- policies and refusals


def test_failed_members_need_a_policy():
    rows = [[16.0, 8, 4, 2], [16.0, 8, np.nan, np.nan]]
    run = curve(range(4), rows, status=[0, 1])
    with pytest.raises(SimulationError, match=r"1 of 2 members failed, so exposure\(\)"):
        pkpd.exposure(run)
    found = pkpd.exposure(run, failed="exclude")
    for name in found.data_vars:
        assert np.isnan(found[name][1, 0].item()), name
    assert found["cmax"][0, 0].item() == 16


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"intervals": [0, 2.5]}, SimulationError, "time 2.5 is not stored; the nearest that is stored is"),
        ({"intervals": [0, 2.5], "start": "back"}, DataError, "start is 'back'"),
        ({"intervals": [0, 2 + 1j]}, DataError, "two or more increasing bounds"),
        ({"intervals": [0, 10**400]}, DataError, "two or more increasing bounds"),
        ({"intervals": np.ma.array([0.0, 2.0], mask=[False, True])}, DataError, "two or more increasing bounds"),
        ({"above": pd.NA}, pkpd.ParameterError, "above is <NA>; expected a number"),
        ({"above": 10**400}, pkpd.ParameterError, "above is 1000.*; expected a number"),
        ({"above": 1 + 2j}, pkpd.ParameterError, r"above is \(1\+2j\); expected a number"),
        ({"lloq": np.ma.masked}, pkpd.ParameterError, "lloq is masked; expected a number"),
        ({"lloq": np.array([1.0, 2.0])}, pkpd.ParameterError, r"lloq has the shape \(2,\); expected one number, or"),
        ({"intervals": [2, 0]}, DataError, "increasing bounds"),
        ({"intervals": [1]}, DataError, "two or more increasing bounds"),
        ({"start": "guessed"}, DataError, "start is 'guessed'"),
        ({"intervals": [0, 1], "start": "back_extrapolated"}, DataError, "holds 2 stored times; expected at least 3"),
        ({"output": "Cp"}, UnknownNameError, "Did you mean 'C'"),
    ],
)
def test_what_exposure_refuses(options, error, message):
    with pytest.raises(error, match=message):
        pkpd.exposure(curve(range(5), [16.0, 8, 4, 2, 1]), **options)


def test_several_intervals_need_values_before_doses():
    run = simulated(pkpd.bolus(DOSE, "iv", every=7, n=2), np.arange(0, 15.0), at_dose="after")
    with pytest.raises(DataError, match="at_dose='before'"):
        pkpd.exposure(run, intervals=[0, 7, 14])


@pytest.mark.parametrize("intervals", ["ab", 5, [0, "x"]])
def test_bounds_that_are_no_numbers_are_refused(intervals):
    with pytest.raises(DataError, match="two or more increasing bounds"):
        pkpd.exposure(curve([0, 1, 2], [3, 2, 1]), intervals=intervals)


def test_what_simulate_reduced_has_no_course_to_measure():
    run = pkpd.simulate(one_compartment, pkpd.bolus(1, "iv"), times=[0, 1], reduce={"top": ("C", "max")})
    for measure in (pkpd.exposure, pkpd.percent_change, pkpd.complete_response):
        with pytest.raises(SimulationError, match=rf"no dimension 'time'; {measure.__name__}\(\) reads courses"):
            measure(run, "top")


@pytest.mark.parametrize(("above", "message"), [(float("nan"), "above is nan"), ([1], r"above is \[1\]")])
def test_a_level_is_a_finite_number(above, message):
    with pytest.raises(pkpd.ParameterError, match=message):
        pkpd.exposure(curve([0, 1, 2], [3, 2, 1]), above=above)
