"""Profile likelihoods against the exact intervals of linear models and independent searches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats
from fit_problems import (
    bioavailability_fit,
    decay,
    decay_data,
    decay_fit,
    line,
    line_data,
    line_fit,
    regression,
    shrinking_fit,
    tail_fit,
)

import pkpd


@pytest.fixture(scope="module")
def decaying() -> pkpd.Profiles:
    return pkpd.profile(decay_fit())


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_intervals_of_a_line_are_those_of_students_t(confidence: float) -> None:
    fit = line_fit()
    best, inverse, variance = regression(fit.data)
    half = scipy.stats.t.ppf(0.5 + confidence / 2, 6) * np.sqrt(variance * np.diag(inverse))
    profiles = pkpd.profile(fit, confidence=confidence)
    assert profiles.intervals["estimate"].to_numpy() == pytest.approx(best, rel=1e-6)
    assert profiles.intervals["ci_low"].to_numpy() == pytest.approx(best - half, rel=1e-4)
    assert profiles.intervals["ci_high"].to_numpy() == pytest.approx(best + half, rel=1e-4)
    assert "Student's t with 6 degrees of freedom" in profiles.threshold.rule
    assert list(profiles.intervals["shape"]) == ["bounded", "bounded"]


def test_intervals_of_a_line_with_known_errors_are_those_of_the_normal_distribution() -> None:
    fit = line_fit(sd=4.0)
    best, inverse, _ = regression(fit.data)
    half = scipy.stats.norm.ppf(0.975) * 4.0 * np.sqrt(np.diag(inverse))
    profiles = pkpd.profile(fit)
    assert profiles.intervals["ci_low"].to_numpy() == pytest.approx(best - half, rel=1e-4)
    assert profiles.intervals["ci_high"].to_numpy() == pytest.approx(best + half, rel=1e-4)
    assert "chi-square with 1 degree of freedom" in profiles.threshold.rule


def test_an_estimated_error_is_profiled_like_any_parameter() -> None:
    """ln L = -n ln(sd) - S/(2 sd^2) at the best line: its own ends by scipy."""
    fit = pkpd.fit(line, line_data(), {"a": pkpd.free(10.0), "b": pkpd.free(1.0)}, error=pkpd.additive_error(2.0))
    _, _, variance = regression(fit.data)
    n, squares = 8, 6 * variance

    def deviance(sd: float) -> float:
        return 2 * n * np.log(sd) + squares / sd**2 - n * np.log(squares / n) - n - scipy.stats.chi2.ppf(0.95, 1)

    best = np.sqrt(squares / n)
    ends = [scipy.optimize.brentq(deviance, *pair) for pair in ((best / 5, best), (best, 5 * best))]
    interval = pkpd.profile(fit, "sd_additive[V]").intervals.loc["sd_additive[V]"]
    assert interval["estimate"] == pytest.approx(best, rel=1e-5)
    assert [interval["ci_low"], interval["ci_high"]] == pytest.approx(ends, rel=1e-4)


def exponential_deviance(volume: float) -> float:
    """Of 100/V exp(-CL/V t), with CL at its best by scipy."""
    data = decay_data()

    def chi_square(clearance: float) -> float:
        curve = 100 / volume * np.exp(-clearance / volume * data.time)
        return float((((data.value - curve) / data.sd) ** 2).sum())

    return float(scipy.optimize.minimize_scalar(chi_square, bounds=(0.5, 5.0), options={"xatol": 1e-10}).fun)


def test_a_profile_is_the_best_of_the_others_at_each_point(decaying: pkpd.Profiles) -> None:
    rows = decaying.table.query("parameter == 'V'")
    lowest = min(exponential_deviance(v) for v in rows["value"])
    for value, deviance in zip(rows["value"], rows["deviance"], strict=True):
        assert exponential_deviance(value) - lowest == pytest.approx(deviance, abs=1e-5)
    assert rows["value"].is_monotonic_increasing
    assert (rows["value"] == rows["V"]).all()


def test_the_ends_of_a_nonlinear_profile_are_roots_of_the_deviance(decaying: pkpd.Profiles) -> None:
    interval = decaying.intervals.loc["V"]
    best = scipy.optimize.minimize_scalar(exponential_deviance, bounds=(8, 12), options={"xatol": 1e-9})
    quantile = scipy.stats.chi2.ppf(0.95, 1)
    for end in ("ci_low", "ci_high"):
        assert exponential_deviance(interval[end]) - best.fun == pytest.approx(quantile, abs=1e-3)
    assert decaying["V"].interval.sentence(0.95) == "V is between 9.127 L and 10.52 L (95 %)."


def test_a_profile_is_the_same_alone_and_among_others(decaying: pkpd.Profiles) -> None:
    alone = pkpd.profile(decay_fit(), ["V"])
    assert [c.coordinate.label for c in alone.curves] == ["V"]
    assert np.array_equal(alone["V"].points, decaying["V"].points)
    assert np.array_equal(alone["V"].log_posterior, decaying["V"].log_posterior)


def test_a_fit_with_one_parameter_is_profiled() -> None:
    fit = pkpd.fit(line, line_data(4.0), {"b": pkpd.free(1.0)}, parameters={"a": 20.0})
    half = scipy.stats.norm.ppf(0.975) * 4.0 / np.sqrt((fit.data.time**2).sum())
    interval = pkpd.profile(fit).intervals.loc["b"]
    assert interval["ci_high"] - interval["ci_low"] == pytest.approx(2 * half, rel=1e-4)


# ---- what the data do not tell


def test_a_parameter_that_may_be_as_large_as_it_likes_is_bounded_below_only() -> None:
    profiles = pkpd.profile(tail_fit(), "ka")
    assert profiles.intervals.loc["ka", "shape"] == "bounded below only"
    assert profiles.intervals.loc["ka", "ci_high"] == pytest.approx(100.0)
    assert 0.3 < profiles.intervals.loc["ka", "ci_low"] < 1.5
    assert "ka is bounded below only: it is above 0.8" in profiles.report()
    assert "Its bound 100 is within the interval." in profiles.report()


def test_a_flat_profile_is_named_with_what_makes_up_for_it() -> None:
    profiles = pkpd.profile(bioavailability_fit())
    assert profiles.intervals.loc["F", "shape"] == "not bounded"
    assert "F is not bounded on either side (95 %): the data do not identify it." in profiles.report()
    assert "Its profile is flat from 0.01 to 10. It can be made up for by V, CL." in profiles.report()
    # V goes as far as the bounds of F let it
    assert "V is between 0.192" in profiles.report()
    assert "An end is where a bound holds F; without that bound it may lie further out." in profiles.report()


def test_growth_that_hardly_shows_is_bounded_above_only() -> None:
    assert pkpd.profile(shrinking_fit(), "g").intervals.loc["g", "shape"] == "bounded above only"


def test_a_better_point_than_the_fit_is_told() -> None:
    fit = decay_fit()
    off = dataclasses.replace(fit, x=fit.x + np.array([0.02, 0.0]))
    off = dataclasses.replace(off, log_likelihood=float(fit.objective.log_likelihood(off.x[None])[0]))
    profiles = pkpd.profile(off)
    assert "The fit is not at the optimum: the log-posterior is higher by" in profiles.report()
    assert pkpd.profile(fit).better == ""


# ---- several optima


def two_sided(time, a, b):
    """Three residuals: a against b, b at 1 or -1, and b rather at 1."""
    return np.array([a - 1.5 * b, 8 * (b**2 - 1), 0.3 * (b - 1)])


def test_a_profile_goes_on_along_another_optimum_that_is_better_there() -> None:
    """With b near 1 the deviance is (a - 1.5)^2, with b near -1 it is (a + 1.5)^2 + 0.36: the lower of both counts."""
    rows = {"arm": "x", "time": [0.0, 1.0, 2.0], "output": "r", "value": 0.0, "sd": 1.0}
    free = {"a": pkpd.free(1.0), "b": pkpd.free(0.8, (-3, 3))}
    fit = pkpd.fit(two_sided, pkpd.read_observations(pd.DataFrame(rows), {"x": None}), free)
    np.testing.assert_allclose(fit.x, [1.5, 1.0], rtol=1e-6)
    alone, several = pkpd.profile(fit, "a"), pkpd.profile(fit, "a", starts=10)

    def deviance(a: float) -> float:
        grid = np.linspace(-1.3, 1.3, 20001)
        return float((two_sided(None, a, grid) ** 2).sum(axis=0).min())

    end = scipy.optimize.brentq(lambda a: deviance(a) - alone.threshold.fall, -6, -2)
    assert alone.intervals.loc["a", "ci_low"] == pytest.approx(1.5 - alone.threshold.fall**0.5, abs=0.02)
    assert several.intervals.loc["a", "ci_low"] == pytest.approx(end, abs=1e-3)
    assert several.intervals.loc["a", "ci_high"] == pytest.approx(alone.intervals.loc["a", "ci_high"], rel=1e-6)
    curve = several["a"]
    met = curve.x > end - 0.01
    exact = [deviance(a) for a in curve.x[met]]
    np.testing.assert_allclose(2 * (several.log_posterior - curve.log_posterior[met]), exact, atol=2e-3)


# ---- refusals


def test_refusals_name_the_value() -> None:
    fit = line_fit()
    with pytest.raises(pkpd.UnknownNameError, match="profile\\(\\) has no free parameter 'B'. Did you mean 'b'"):
        pkpd.profile(fit, "B")
    with pytest.raises(pkpd.FitError, match="confidence is 95; expected a number between 0 and 1, such as 0.95"):
        pkpd.profile(fit, confidence=95)
    with pytest.raises(pkpd.FitError, match="profile\\(\\) got 'line'; expected what pkpd.fit\\(\\) returns"):
        pkpd.profile("line")
    with pytest.raises(pkpd.UnknownNameError, match="profiles has no profile 'a'"):
        pkpd.profile(fit, "b")["a"]


def test_without_a_residual_there_is_no_threshold() -> None:
    data = line_data()
    fit = pkpd.fit(line, data.take(np.arange(8) < 2), {"a": pkpd.free(10.0), "b": pkpd.free(1.0)})
    with pytest.raises(pkpd.FitError, match="2 observations and 2 free parameters leave no residual"):
        pkpd.profile(fit)


def test_a_perfect_fit_has_no_profile() -> None:
    data = line_data()
    exact = dataclasses.replace(data, value=20 + 3 * data.time)
    fit = pkpd.fit(line, exact, {"a": pkpd.free(20.0), "b": pkpd.free(3.0)})
    with pytest.raises(pkpd.FitError, match="the model goes through all 8 observations"):
        pkpd.profile(fit)


def test_an_interrupted_profile_says_so() -> None:
    def progress(done: int, total: int) -> None:
        if done >= 1:
            raise KeyboardInterrupt

    profiles = pkpd.profile(decay_fit(), progress=progress)
    assert profiles.interrupted
    open_curves = [curve for curve in profiles.curves if "The search was interrupted." in curve.notes]
    assert open_curves
    for curve in open_curves:  # of which nothing may be claimed
        row = profiles.intervals.loc[curve.coordinate.label]
        assert row["shape"] == "undetermined"
        assert np.isnan(row[["ci_low", "ci_high"]].astype(float)).any()
        assert f"{curve.coordinate.label} has no interval. The search was interrupted." in profiles.report()
    assert "not identify" not in profiles.report()
    pkpd.likelihood_profiles(profiles)


def test_a_parameter_of_each_arm_is_profiled_in_each_of_them() -> None:
    low, high = decay_data(1), decay_data(2)
    both = dataclasses.replace(
        low,
        arm=("low",) * 8 + ("high",) * 8,
        output=low.output * 2,
        at_dose=low.at_dose * 2,
        regimens=dict.fromkeys(("low", "high"), pkpd.bolus(100, "iv")),
        **{key: np.concatenate([getattr(low, key), getattr(high, key)]) for key in ("time", "value", "sd", "censored")},
    )
    wanted = {"CL": pkpd.free(1.5, log=True, per_arm=True), "V": pkpd.free(8.0, log=True)}
    profiles = pkpd.profile(pkpd.fit(decay, both, wanted), "CL")
    assert [c.coordinate.label for c in profiles.curves] == ["CL[low]", "CL[high]"]
