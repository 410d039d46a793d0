"""The bootstrap against closed forms; what is drawn, what fails, what is not determined."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest
from fit_problems import LINE_TIMES, bioavailability_fit, decay_fit, line, line_data, line_fit, regression

import pkpd
from pkpd.fitting.record_predictor import RecordPredictor

level = pkpd.param("m", 1.0, "mm^3", "a constant volume", source="illustrative")
U = pkpd.state("U", "mm^3", "volume", start=level)
no_rate = pkpd.param("zero", 0.0, "mm^3/day", "no change", source="illustrative")
constant = pkpd.Model("constant", rates={U: no_rate}, outputs={})


def constant_fit(values: dict[tuple[str, str], float]) -> pkpd.Fit:
    """Each subject (arm, name) has its value at two times; the estimate of m is a mean."""
    rows = [(arm, name, t, "U", v) for (arm, name), v in values.items() for t in (0.0, 1.0)]
    data = pd.DataFrame(rows, columns=["arm", "subject", "time", "output", "value"])
    return pkpd.fit(constant, pkpd.read_observations(data, dict.fromkeys(dict.fromkeys(data["arm"]))), ["m"])


# ---- what is drawn


def test_subjects_are_drawn_within_their_arms() -> None:
    """Arm a has subjects of 0 and 4 and arm b one of 10 and 10: means of 4 drawn subjects are 5, 6 or 7."""
    fit = constant_fit({("a", "1"): 0.0, ("a", "2"): 4.0, ("b", "1"): 10.0, ("b", "2"): 10.0})
    values = pkpd.bootstrap(fit, 200, by="subject", seed=3).table["m"].round(6)
    share = values.value_counts(normalize=True)
    assert sorted(share.index) == [5.0, 6.0, 7.0]
    assert [share[v] for v in (5.0, 6.0, 7.0)] == pytest.approx([0.25, 0.5, 0.25], abs=0.09)  # 3 sigma of 200


def test_arms_are_drawn_whole() -> None:
    fit = constant_fit({("a", "1"): 0.0, ("a", "2"): 4.0, ("b", "1"): 10.0, ("b", "2"): 10.0})
    values = set(pkpd.bootstrap(fit, 60, by="arm").table["m"].round(6))
    assert values == {2.0, 6.0, 10.0}


def test_the_standard_deviation_of_subjects_drawn_is_that_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(50, 8, size=12)
    fit = constant_fit({("a", str(i)): v for i, v in enumerate(values)})
    drawn = pkpd.bootstrap(fit, 250, seed=2).intervals().loc["m"]
    assert drawn["sd"] == pytest.approx(values.std() / np.sqrt(12), rel=0.14)  # 3 sigma of 250
    assert drawn["mean"] == pytest.approx(values.mean(), abs=3 * values.std() / np.sqrt(12 * 250))


def test_parametric_replicates_vary_as_the_covariance_says() -> None:
    fit = line_fit()
    _, inverse, variance = regression(fit.data)
    result = pkpd.bootstrap(fit, 250, by="parametric", seed=1)
    assert result.intervals()["sd"].to_numpy() == pytest.approx(np.sqrt(variance * np.diag(inverse)), rel=0.14)
    correlation = np.corrcoef(result.x.T)[0, 1]
    assert correlation == pytest.approx(inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1]), abs=0.1)


def test_a_replicate_is_the_same_however_many_there_are() -> None:
    few, many = (pkpd.bootstrap(decay_fit(), n, by="parametric", seed=7) for n in (3, 8))
    assert np.array_equal(few.x, many.x[:3])
    other = pkpd.bootstrap(decay_fit(), 3, by="parametric", seed=8)
    assert not np.array_equal(few.x, other.x)


def test_the_estimates_of_an_error_model_are_drawn_too() -> None:
    fit = pkpd.fit(line, line_data(), {"a": pkpd.free(10.0), "b": pkpd.free(1.0)}, error=pkpd.additive_error(2.0))
    table = pkpd.bootstrap(fit, 40, by="parametric").table
    assert (table["sd_additive[V]"] > 0).all()
    # n sd^2/sigma^2 is chi-square with n - 2 degrees of freedom
    ratio = (table["sd_additive[V]"] / fit.estimates.loc["sd_additive[V]", "estimate"]) ** 2
    assert ratio.mean() == pytest.approx(6 / 8, abs=4 * np.sqrt(12) / 8 / np.sqrt(40))


def test_subjects_of_a_table_are_drawn() -> None:
    rows = [
        {"ID": i, "TIME": t, "AMT": 100 * (t == 0), "EVID": int(t == 0), "MDV": int(t == 0), "CMT": 1,
         "DV": 10 * np.exp(-0.2 * t) * (1 + 0.05 * (-1) ** (i + t))}
        for i in range(1, 6) for t in (0, 1, 4, 8)
    ]  # fmt: skip
    records = pkpd.read_nonmem(pd.DataFrame(rows), compartments={1: "iv"})
    fit = pkpd.fit(pkpd.load("pk_1cmt"), records, {"CL": pkpd.free(1.5, log=True), "V": pkpd.free(8.0, log=True)})
    assert isinstance(fit.predictor, RecordPredictor)
    result = pkpd.bootstrap(fit, 20, by="subject")
    assert result.failures == 0
    assert len(np.unique(result.x[:, 0])) > 3


# ---- what comes out


def test_failures_are_counted_and_left_out() -> None:
    fit = decay_fit()
    result = pkpd.bootstrap(fit, 30, by="parametric", limit=7)  # the rough search counts too
    assert 0 < result.failures < 30
    assert np.isnan(result.x[~result.success]).all()
    assert f"{result.failures} failed. Most often: " in result.report()
    good = result.table[result.success]
    assert result.intervals().loc["CL", "mean"] == pytest.approx(good["CL"].mean())
    low, high = np.quantile(np.log(good["CL"]), [0.05, 0.95])
    assert tuple(result.intervals(0.9).loc["CL", ["ci_low", "ci_high"]]) == pytest.approx((np.exp(low), np.exp(high)))


def test_intervals_of_failures_alone_are_refused() -> None:
    result = pkpd.bootstrap(decay_fit(), 3, by="parametric", limit=1)
    with pytest.raises(pkpd.FitError, match="all 3 replicates failed; the first says: "):
        result.intervals()


def test_what_is_not_determined_is_named() -> None:
    result = pkpd.bootstrap(bioavailability_fit(), 4, by="parametric")
    assert list(result.intervals()["shape"]) == ["undetermined"] * 3
    assert "F is not determined: searches stopped between" in result.report()
    assert "The data fix only a combination of V, CL, F." in result.report()
    assert pkpd.bootstrap(decay_fit(), 4, by="parametric").undetermined == ()


def test_a_parameter_without_effect_is_named() -> None:
    fit = pkpd.fit(
        line, line_data(4.0).take(LINE_TIMES == 0), {"b": pkpd.free(1.0)}, parameters={"a": 20.0}
    )  # seen at time 0 only
    assert "b has no effect on any observation near the estimates." in pkpd.bootstrap(fit, 2, by="parametric").report()


def test_what_fits_are_examined_with_has_a_short_repr() -> None:
    fit = decay_fit(starts=3)
    results = [fit.starts, pkpd.profile(fit, "CL"), pkpd.bootstrap(fit, 3, by="parametric")]
    assert [repr(result) for result in results] == [
        "<Starts: 3 in 1 optimum, 0 failed>",
        "<Profiles of CL: 95 %>",
        "<Bootstrap of pk_1cmt by parametric: 3 replicates, 0 failed>",
    ]


def test_a_bootstrap_pickles() -> None:
    result = pkpd.bootstrap(decay_fit(), 3, by="parametric")
    assert np.array_equal(pickle.loads(pickle.dumps(result)).x, result.x)


def test_an_interrupted_bootstrap_has_what_was_done() -> None:
    def progress(done: int, total: int) -> None:
        if done >= 5:
            raise KeyboardInterrupt

    result = pkpd.bootstrap(decay_fit(), 40, by="parametric", progress=progress)
    assert result.interrupted
    assert 5 <= result.success.sum() < 40
    assert "interrupted" in result.report()


# ---- refusals


def test_refusals_name_the_value_and_the_cure() -> None:
    fit = line_fit()
    with pytest.raises(pkpd.FitError, match="does not tell subjects apart.*take by='arm' or by='parametric'"):
        pkpd.bootstrap(fit)
    with pytest.raises(pkpd.FitError, match="by='arm' has one arm to draw; take by='parametric'"):
        pkpd.bootstrap(fit, by="arm")
    with pytest.raises(pkpd.FitError, match="by is 'residual'; expected one of 'subject', 'arm', 'parametric'"):
        pkpd.bootstrap(fit, by="residual")
    with pytest.raises(pkpd.FitError, match="replicates is 1; expected a whole number of 2 or more"):
        pkpd.bootstrap(fit, 1, by="parametric")
    with pytest.raises(pkpd.ParameterError, match="the seed is -1"):
        pkpd.bootstrap(fit, by="parametric", seed=-1)
    with pytest.raises(pkpd.FitError, match="bootstrap\\(\\) got 3; expected what pkpd.fit\\(\\) returns"):
        pkpd.bootstrap(3)


def test_arms_with_parameters_of_their_own_are_not_drawn() -> None:
    data = constant_fit({("a", "1"): 0.0, ("b", "1"): 10.0}).data
    fit = pkpd.fit(constant, dataclasses.replace(data), {"m": pkpd.free(1.0, per_arm=True)})
    with pytest.raises(pkpd.FitError, match="m\\[a\\] is the value of one arm, which would be lost"):
        pkpd.bootstrap(fit, by="arm")
