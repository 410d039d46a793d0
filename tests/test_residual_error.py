"""Simulated observations: their moments, their limits, and their seeds."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from examples import one_compartment

import pkpd
from pkpd.errors import DataError, ParameterError, SimulationError, UnitError, UnknownNameError

N = 40_000
TIMES = [1.0, 2.0]
LEVELS = np.array([10.0, 2.0])


def constant(n=N, levels=LEVELS, **extra):
    """A run in which every member has the same values."""
    rows = np.tile(levels, (n, 1))
    about = {"units": "mg/L", "long_name": "concentration"}
    return xr.Dataset(
        {"C": (("member", "time"), rows, about), "status": ("member", np.zeros(n, int))},
        {"time": ("time", TIMES, {"units": "day"}), "member": np.arange(n), **extra},
        attrs={"model": "constant"},
    )


@pytest.mark.parametrize(
    ("error", "sd"),
    [
        (pkpd.additive_error(0.5), [0.5, 0.5]),
        (pkpd.proportional_error(0.2), [2.0, 0.4]),
        (pkpd.combined_error(0.5, 0.2), np.hypot(0.5, [2.0, 0.4])),
        (pkpd.combined_error(0.5, 0.2, adds="sd"), [2.5, 0.9]),
    ],
)
def test_the_standard_deviation_of_each_error(error, sd):
    seen = pkpd.observe(constant(), error=error, seed=1)
    # Four standard errors of a mean and of a standard deviation.
    assert (np.abs(seen["value"].mean("member") - LEVELS) < 4 * np.array(sd) / np.sqrt(N)).all()
    assert (np.abs(seen["value"].std("member") / sd - 1) < 4 / np.sqrt(2 * N)).all()
    np.testing.assert_array_equal(seen["prediction"], constant()["C"])
    np.testing.assert_allclose(error.sd(LEVELS), sd)


def test_a_lognormal_error_is_a_factor():
    seen = pkpd.observe(constant(), error=pkpd.lognormal_error(0.3), seed=1)
    logs = np.log(seen["value"] / LEVELS)
    assert (np.abs(logs.mean("member")) < 4 * 0.3 / np.sqrt(N)).all()
    assert (np.abs(logs.std("member") / 0.3 - 1) < 4 / np.sqrt(2 * N)).all()


def test_errors_of_different_times_outputs_and_members_are_independent():
    z = pkpd.observe(constant(), error=pkpd.additive_error(1.0), seed=1)["value"].values - LEVELS
    assert abs(np.corrcoef(z.T)[0, 1]) < 4 / np.sqrt(N)
    assert abs(np.corrcoef(z[1:, 0], z[:-1, 0])[0, 1]) < 4 / np.sqrt(N)
    other = constant().rename(C="D")
    d = pkpd.observe(other, "D", error=pkpd.additive_error(1.0), seed=1)["value"].values - LEVELS
    assert abs(np.corrcoef(z[:, 0], d[:, 0])[0, 1]) < 4 / np.sqrt(N)
    axis = xr.concat([constant(1000), constant(1000)], dim=xr.Variable("KD", [0.1, 0.2]))
    axes = pkpd.observe(axis, error=pkpd.additive_error(1.0), seed=1)["value"] - LEVELS
    a, b = axes.sel(KD=0.1).values.ravel(), axes.sel(KD=0.2).values.ravel()
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(2000)


def test_a_members_error_is_the_same_whatever_is_observed_beside_it():
    error = pkpd.combined_error(0.5, 0.2)
    whole = pkpd.observe(constant(100), error=error, seed=1)["value"]
    few = pkpd.observe(constant(7), error=error, seed=1)["value"]
    np.testing.assert_array_equal(few, whole[:7])
    later = pkpd.observe(constant(100), error=error, seed=1, times=2)["value"]
    np.testing.assert_array_equal(later, whole.sel(time=[2]))
    chosen = pkpd.observe(constant(100).isel(member=[80, 3, 41]), error=error, seed=1)["value"]
    np.testing.assert_array_equal(chosen, whole[[80, 3, 41]])
    flipped = pkpd.observe(constant(100).transpose("time", "member"), error=error, seed=1)["value"]
    np.testing.assert_array_equal(flipped, whole.T)
    assert not np.array_equal(pkpd.observe(constant(100), error=error, seed=2)["value"], whole)


def test_a_chunk_of_a_population_is_observed_as_in_the_whole():
    def seen(n, first):
        people = pkpd.population(one_compartment, n, seed=3, first=first)
        run = pkpd.simulate(one_compartment, pkpd.bolus(100, "iv"), times=[1, 5], parameters=people)
        return pkpd.observe(run, error=pkpd.proportional_error(0.2), seed=4)

    whole, part = seen(30, 0), seen(10, 15)
    assert part["member"].values.tolist() == list(range(15, 25))
    np.testing.assert_array_equal(part["value"], whole["value"][15:25])


def test_errors_that_are_correlated_in_time():
    error, serial = pkpd.additive_error(0.5), pkpd.autocorrelated("C", "36 h")
    seen = pkpd.observe(constant(), error=error, residuals=serial, seed=1)["value"]
    scores = (seen.to_numpy() - LEVELS) / 0.5
    assert np.corrcoef(scores.T)[0, 1] == pytest.approx(np.exp(-1 / 1.5), abs=4 / np.sqrt(N))
    assert scores.std(axis=0) == pytest.approx([1, 1], abs=4 / np.sqrt(2 * N))
    alone = pkpd.observe(constant(), error=error, residuals=[serial], seed=1, times=2.0)["value"]
    assert np.array_equal(alone.to_numpy()[:, 0], seen.to_numpy()[:, 1])


def test_errors_of_two_outputs_that_are_correlated():
    run = constant().assign(E=constant()["C"] * 2)
    pair = pkpd.correlated("C", "E", -0.6)
    seen = {
        name: pkpd.observe(run, name, error=error, residuals=pair, seed=1)["value"].to_numpy()
        for name, error in (("C", pkpd.additive_error(0.5)), ("E", pkpd.lognormal_error(0.2)))
    }
    scores = np.stack([(seen["C"] - LEVELS) / 0.5, np.log(seen["E"] / (2 * LEVELS)) / 0.2])
    at_once = np.corrcoef(scores[0, :, 0], scores[1, :, 0])[0, 1]
    assert at_once == pytest.approx(-0.6, abs=4 / np.sqrt(N))
    assert np.corrcoef(scores[0, :, 0], scores[1, :, 1])[0, 1] == pytest.approx(0, abs=4 / np.sqrt(N))
    assert scores[1].std() == pytest.approx(1, abs=4 / np.sqrt(4 * N))
    assert np.array_equal(seen["C"], pkpd.observe(run, "C", error=pkpd.additive_error(0.5), seed=1)["value"])


def test_what_is_below_the_limit_is_flagged_and_reported_as_the_limit():
    seen = pkpd.observe(constant(), error=pkpd.additive_error(1.0), seed=1, lloq="2000 ug/L")
    free = pkpd.observe(constant(), error=pkpd.additive_error(1.0), seed=1)
    blq = seen["blq"]
    np.testing.assert_array_equal(blq, free["value"] < 2.0)
    assert abs(float(blq.sel(time=2).mean()) - 0.5) < 4 * 0.5 / np.sqrt(N)
    assert float(seen["value"].min()) == 2.0 == float(seen["lloq"])
    np.testing.assert_array_equal(seen["value"].where(~blq), free["value"].where(~blq))
    assert "lloq" not in free
    assert not bool(free["blq"].any())
    assert seen["value"].attrs["units"] == "mg/L"


def test_failed_members_need_a_policy_and_are_not_below_the_limit():
    run = constant(3)
    run["C"][1, 1] = np.nan
    run["status"][1] = 1
    with pytest.raises(SimulationError, match=r"1 of 3 members failed, so observe\(\)"):
        pkpd.observe(run, error=pkpd.additive_error(1), seed=1)
    seen = pkpd.observe(run, error=pkpd.additive_error(1), seed=1, lloq=100, failed="exclude")
    assert seen["value"][1].isnull().all()
    assert seen["blq"].values.tolist() == [[True, True], [False, False], [True, True]]


def test_a_single_run_is_member_zero():
    run = constant(5)
    error = pkpd.additive_error(1)
    alone = pkpd.observe(run.isel(member=0, drop=True), error=error, seed=1)
    np.testing.assert_array_equal(alone["value"], pkpd.observe(run, error=error, seed=1)["value"][0])


def test_an_error_says_what_it_is():
    assert str(pkpd.combined_error(0.3, 0.213)) == "additive sd 0.3, proportional sd 21.3 % (variances add)"
    assert str(pkpd.lognormal_error(0.3)) == "log-normal, sd 0.3 of the logarithm"
    assert pkpd.observe(constant(2), error=pkpd.additive_error(0), seed=1).attrs["residual_error"] == "none"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pkpd.additive_error(-1), ParameterError, "additive part of a residual error is -1"),
        (lambda: pkpd.proportional_error(float("nan")), ParameterError, "proportional part"),
        (lambda: pkpd.combined_error(1, 1, adds="x"), ParameterError, "adds is 'x'"),
        (lambda: pkpd.observe(constant(2), error=0.2, seed=1), ParameterError, "error is 0.2"),
        (
            lambda: pkpd.observe(constant(2), error=pkpd.additive_error(1), seed=1, residuals=0.3),
            ParameterError,
            "residuals has 0.3; expected correlated",
        ),
        (
            lambda: pkpd.observe(
                constant(2), error=pkpd.additive_error(1), seed=1, residuals=pkpd.autocorrelated("E", 1)
            ),
            ParameterError,
            r"residuals are autocorrelation_time\[E\]; expected one of them to name 'C'",
        ),
        (lambda: pkpd.observe(constant(2), "c", error=pkpd.additive_error(1), seed=1), UnknownNameError, "'C'"),
        (
            lambda: pkpd.observe(constant(2), error=pkpd.additive_error(1), seed=1, times=[3]),
            SimulationError,
            "time 3 is not stored",
        ),
        (
            lambda: pkpd.observe(constant(2), error=pkpd.additive_error(1), seed=1, lloq="2 L"),
            UnitError,
            "lloq is 2 L",
        ),
        (
            lambda: pkpd.observe(constant(2, -LEVELS), error=pkpd.lognormal_error(1), seed=1),
            DataError,
            "a log-normal error needs 0 or more",
        ),
        (
            lambda: pkpd.observe(constant(2).assign_coords(member=["a", "b"]), error=pkpd.additive_error(1), seed=1),
            DataError,
            "whole numbers",
        ),
    ],
)
def test_what_observing_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
