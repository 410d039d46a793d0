"""Fits against closed forms and scipy, the reasons they give, and every refusal."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from examples import CL, growth, kg, one_compartment
from helpers import relative_error

import pkpd

TIMES = np.arange(0.0, 22.0, 3.0)
DOSE = pkpd.bolus(100, "iv")


def table(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["arm", "time", "output", "value", "sd"])


def concentrations(seed: int = 1, cv: float = 0.1, arms=("low", "high")) -> pkpd.Dataset:
    """Two doses of the one-compartment model at CL 0.5 L/day and V1 4 L, with proportional errors of known SD."""
    rng = np.random.default_rng(seed)
    doses = dict(zip(arms, (100.0, 300.0), strict=False))
    rows = []
    for arm, amount in doses.items():
        true = amount / 4 * np.exp(-0.5 / 4 * TIMES[1:])
        rows += [
            (arm, t, "C", c + cv * c * e, cv * c) for t, c, e in zip(TIMES[1:], true, rng.normal(size=7), strict=True)
        ]
    return pkpd.read_observations(table(rows), {arm: pkpd.bolus(d, "iv") for arm, d in doses.items()})


def volumes(arms: dict[str, tuple[float, float]], noise: float = 0.0) -> pkpd.Dataset:
    """Exponential growth at the rate and standard deviation of each arm, from 60 mm^3."""
    rng = np.random.default_rng(3)
    rows = [
        (arm, t, "V", 60 * math.exp(rate * t) + noise * sd * rng.normal(), sd)
        for arm, (rate, sd) in arms.items()
        for t in TIMES
    ]
    return pkpd.read_observations(table(rows), dict.fromkeys(arms))


# ---- against independent answers


@pytest.mark.parametrize("log", [False, True])
def test_estimates_and_errors_equal_scipy_on_the_closed_form(log: bool) -> None:
    data = concentrations()
    amount = np.repeat([100.0, 300.0], 7)

    def curve(t, clearance, volume):
        return amount / volume * np.exp(-clearance / volume * t)

    best, covariance = scipy.optimize.curve_fit(
        curve, data.time, data.value, (0.3, 3.0), sigma=data.sd, absolute_sigma=True, xtol=1e-12, ftol=1e-12
    )
    found = pkpd.fit(one_compartment, data, {"CL": pkpd.free(log=log), "V1": pkpd.free(log=log)})
    assert found.success
    assert found.covariance_missing == ""
    assert relative_error(found.estimates["estimate"], best) < 1e-6
    assert relative_error(found.estimates["se"], np.sqrt(np.diag(covariance))) < 1e-5
    assert relative_error(found.covariance, covariance) < 1e-4
    predicted = curve(data.time, *best)
    assert relative_error(found.residuals["predicted"], predicted) < 1e-6
    chi_square = (((data.value - predicted) / data.sd) ** 2).sum()
    assert found.chi_square == pytest.approx(chi_square, rel=1e-9)
    if not log:  # lmfit's own errors follow the same meaning of the standard deviations
        assert found.lmfit_result.params["p_0"].stderr == pytest.approx(found.estimates["se"].iloc[0], rel=1e-5)


def test_relative_errors_are_scaled_by_the_residuals_as_in_scipy() -> None:
    data = volumes({"control": (0.1, 5.0)}, noise=1.0)
    best, covariance = scipy.optimize.curve_fit(
        lambda t, rate: 60 * np.exp(rate * t), data.time, data.value, (0.12,), sigma=data.sd, xtol=1e-12
    )
    found = pkpd.fit(growth, data, ["kg"], sd_is="relative")
    row = found.estimates.loc["kg"]
    assert row["estimate"] == pytest.approx(best[0], rel=1e-7)
    assert row["se"] == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-5)
    half = scipy.stats.t.ppf(0.975, 7) * math.sqrt(covariance[0, 0])
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((best[0] - half, best[0] + half), rel=1e-6)
    assert relative_error(found.lmfit_result.params["p_0"].stderr, row["se"]) < 1e-6


def test_a_log_scale_gives_an_interval_in_the_logarithm() -> None:
    found = pkpd.fit(one_compartment, concentrations(), {"CL": pkpd.free(log=True), "V1": pkpd.free(log=True)})
    row = found.estimates.loc["CL"]
    ratio = math.exp(1.959963984540054 * row["se"] / row["estimate"])
    assert row["ci_high"] / row["estimate"] == pytest.approx(ratio)
    assert row["estimate"] / row["ci_low"] == pytest.approx(ratio)
    assert row["log"]
    assert row["rse_percent"] == pytest.approx(100 * row["se"] / row["estimate"])


def test_known_parameters_are_recovered() -> None:
    found = pkpd.fit(one_compartment, concentrations(seed=7, cv=0.05), ["CL", "V1"]).estimates
    for name, true in (("CL", 0.5), ("V1", 4.0)):
        assert found.loc[name, "ci_low"] < true < found.loc[name, "ci_high"]
        assert found.loc[name, "estimate"] == pytest.approx(true, rel=0.05)


@pytest.mark.slow
def test_known_parameters_are_within_their_intervals_as_often_as_the_intervals_say() -> None:
    inside = []
    for seed in range(100):
        found = pkpd.fit(one_compartment, concentrations(seed), ["CL", "V1"]).estimates
        inside += list((found["ci_low"] < [0.5, 4.0]) & ([0.5, 4.0] < found["ci_high"]))
    assert 0.90 <= np.mean(inside) <= 0.99  # 95 % of 200


def test_the_likelihood_is_that_of_scipy_stats() -> None:
    data = concentrations()
    known = pkpd.fit(one_compartment, data, ["CL", "V1"])
    errors = known.residuals["observed"] - known.residuals["predicted"]
    likelihood = scipy.stats.norm.logpdf(errors, scale=data.sd).sum()
    assert known.log_likelihood == pytest.approx(likelihood)
    assert known.aic == pytest.approx(4 - 2 * likelihood)
    assert known.bic == pytest.approx(2 * math.log(14) - 2 * likelihood)
    relative = pkpd.fit(one_compartment, data, ["CL", "V1"], sd_is="relative")
    sigma = math.sqrt(relative.chi_square / 14)
    likelihood = scipy.stats.norm.logpdf(errors, scale=sigma * data.sd).sum()
    assert relative.aic == pytest.approx(6 - 2 * likelihood)
    # Differences of AIC between fits to the same data are lmfit's.
    one = pkpd.fit(one_compartment, data, ["CL"], sd_is="relative")
    assert one.aic - relative.aic == pytest.approx(one.lmfit_result.aic - relative.lmfit_result.aic)


# ---- which parameters, in which arms


def test_an_arm_may_have_a_value_of_its_own() -> None:
    data = volumes({"slow": (0.05, 1.0), "fast": (0.2, 1.0)})
    found = pkpd.fit(growth, data, {"kg": pkpd.free(per_arm=True)})
    assert list(found.estimates.index) == ["kg[slow]", "kg[fast]"]
    assert list(found.estimates["arm"]) == ["slow", "fast"]
    assert found.estimates["estimate"].tolist() == pytest.approx([0.05, 0.2], rel=1e-6)
    assert found.correlation.loc["kg[slow]", "kg[fast]"] == pytest.approx(0, abs=1e-12)
    assert found.parameters("fast")["kg"] == pytest.approx(0.2, rel=1e-6)
    assert pkpd.fit(growth, data, ["kg"]).estimates["arm"].tolist() == ["shared"]


def test_an_arm_is_not_solved_again_for_another_arms_parameter() -> None:
    arms = dict.fromkeys("abcd", (0.1, 1.0))
    found = pkpd.fit(growth, volumes(arms), {"kg": pkpd.free(per_arm=True)})
    # Each arm: once for every point, values and derivatives together.
    points = found.evaluations + 2  # the look at the start, and the look at the end
    assert found.jacobians > 1
    assert 4 <= found.solves <= 4 * points
    assert found.solves % 4 == 0


def test_a_parameter_of_the_regimen_is_estimated() -> None:
    start = pkpd.param("start", 4.0, "day", "day of the dose", bounds=(0, 20))
    rows = [("a", t, "C", 25 * math.exp(-0.1 * (t - 2.5)) if t > 2.5 else 0.0, 0.1) for t in (1, 5, 9, 13)]
    data = pkpd.read_observations(table(rows), {"a": pkpd.bolus(100, "iv", at=start)})
    found = pkpd.fit(one_compartment, data, {"start": pkpd.free()}, parameters={"CL": 0.4, "V1": 4})
    assert found.estimates.loc["start", "estimate"] == pytest.approx(2.5, rel=1e-6)
    assert found.estimates.loc["start", "unit"] == "day"
    assert found.constants == {"CL": 0.4, "V1": 4}


def test_a_regimens_parameter_is_free_only_in_the_arms_that_use_it() -> None:
    amount = pkpd.param("amount", 80.0, "mg", "dose")
    rows = [(arm, t, "C", d / 3 * math.exp(-0.1 * t), 0.1) for arm, d in (("a", 100), ("b", 50)) for t in (1, 5, 9)]
    data = pkpd.read_observations(table(rows), {"a": pkpd.bolus(amount, "iv"), "b": pkpd.bolus(50, "iv")})
    found = pkpd.fit(one_compartment, data, {"amount": pkpd.free(per_arm=True)})
    assert list(found.estimates.index) == ["amount[a]"]
    assert found.estimates.loc["amount[a]", "estimate"] == pytest.approx(100, rel=1e-6)


def test_names_that_lmfit_would_shadow_are_parameters_like_others() -> None:
    names = ["pi_", "arctan", "sum", "beta", "E", "lambda_", "print"]
    parameters = [pkpd.param(n, 1 + i / 10, "1/day", "a rate", source="illustrative") for i, n in enumerate(names)]
    states = [pkpd.state(f"X{i}", "1", "a state", start=1) for i in range(len(names))]
    model = pkpd.Model("shadows", rates={x: -p * x for x, p in zip(states, parameters, strict=True)})
    rows = [("a", t, f"X{i}", math.exp(-(0.5 + i / 5) * t), 0.01) for i in range(len(names)) for t in (0.5, 1, 2)]
    found = pkpd.fit(model, pkpd.read_observations(table(rows), {"a": None}), names)
    assert list(found.estimates.index) == names
    assert found.estimates["estimate"].tolist() == pytest.approx([0.5 + i / 5 for i in range(len(names))], rel=1e-6)


def test_the_start_may_be_text_with_a_unit() -> None:
    found = pkpd.fit(growth, volumes({"a": (0.1, 1.0)}), {"kg": pkpd.free(start="0.01 1/hour")})
    assert found.coordinates[0].start == pytest.approx(0.24)


def test_replicates_several_outputs_and_unsorted_times() -> None:
    rows = [("a", 6, "C", 15.0, 1.0), ("a", 1, "A1", 90.0, 3.0), ("a", 6, "C", 17.0, 1.0), ("a", 1, "C", 30.0, 1.0)]
    data = pkpd.read_observations(table(rows), {"a": DOSE})
    found = pkpd.fit(one_compartment, data, ["CL"])
    clearance = found.estimates.loc["CL", "estimate"]
    amount = 100 * np.exp(-clearance / 3 * np.array([6, 1, 6, 1]))
    assert relative_error(found.residuals["predicted"], amount / [3, 1, 3, 3]) < 1e-7
    assert found.residuals["observed"].tolist() == [15, 90, 17, 30]


def test_an_observation_at_the_time_of_a_dose_is_before_it() -> None:
    rows = [("a", t, "C", c, 0.1) for t, c in ((0, 0.0), (5, 20.0))]
    found = pkpd.fit(one_compartment, pkpd.read_observations(table(rows), {"a": DOSE}), ["CL"])
    assert found.residuals["predicted"][0] == 0


def test_predictions_by_arm_and_time() -> None:
    found = pkpd.fit(one_compartment, concentrations(), ["CL", "V1"])
    curves = found.predict([3.0, 4.0])
    assert curves["C"].dims == ("arm", "time")
    first = found.residuals[found.residuals["time"] == 3].set_index("arm")["predicted"]
    assert relative_error(curves["C"].sel(time=3, arm=["low", "high"]), first[["low", "high"]]) < 1e-8
    run = pkpd.simulate(
        one_compartment, found.data.regimens["high"], times=[3.0, 4.0], parameters=found.parameters("high"), rtol=1e-9
    )
    assert relative_error(curves["C"].sel(arm="high"), run["C"]) < 1e-8
    with pytest.raises(pkpd.UnknownNameError, match=r"no arm 'hihg'\. Did you mean 'high'"):
        found.parameters("hihg")


@pytest.mark.parametrize("times", [None, [1 + 1j], [10**400], [2, 1], [], np.ma.array([1.0, 2.0], mask=[False, True])])
def test_times_of_a_prediction_that_cannot_be(times) -> None:
    found = pkpd.fit(growth, volumes({"a": (0.1, 1.0)}), {"kg"})
    with pytest.raises(pkpd.FitError, match="times is .*; expected one or more increasing numbers"):
        found.predict(times)
    with pytest.raises(pkpd.UnknownNameError, match="no arm '<NA>'"):
        found.parameters(pd.NA)


def test_data_may_be_left_out() -> None:
    data = concentrations()
    late = data.take((data.time > 10) & (np.array(data.arm) == "high"))
    assert late.arms == ("high",)
    assert late.time.tolist() == [12, 15, 18, 21]
    with pytest.raises(pkpd.DataError, match="leaves no observation"):
        data.take(data.time > 100)
    with pytest.raises(pkpd.DataError, match="14 truth values"):
        data.take([True])


# ---- why there is no standard error


def test_two_parameters_known_only_as_a_product_are_named() -> None:
    F = pkpd.param("F", 0.8, "1", "fraction", source="illustrative")
    product = one_compartment["CL"]
    A1 = one_compartment["A1"]
    V1 = one_compartment["V1"]
    model = pkpd.Model(
        "product",
        rates={A1: -F * product * A1 / V1},
        outputs={"C": pkpd.output(A1 / V1, "concentration", "mg/L")},
        routes={"iv": {A1: A1 + pkpd.dose("mg")}},
    )
    found = pkpd.fit(model, concentrations(), ["CL", "F", "V1"])
    assert found.covariance.isna().all(axis=None)
    assert "singular" in found.covariance_missing
    assert "a combination of CL, F." in found.covariance_missing
    assert found.covariance_missing.split(".")[0] in found.report()


def test_without_a_residual_left_there_is_no_standard_error_and_the_report_says_why() -> None:
    data = volumes({"a": (0.1, 1.0)}, noise=1.0)
    found = pkpd.fit(growth, data.take(data.time == data.time.max()), ["kg"], sd_is="relative")
    assert found.degrees_of_freedom == 0
    assert math.isnan(found.estimates.loc["kg", "se"])
    assert found.covariance_missing.startswith("There are as many free parameters as observations")
    assert "nan" not in found.report()


def test_a_parameter_without_effect_is_named_and_the_others_keep_their_errors() -> None:
    idle = pkpd.param("idle", 1.0, "mm^3/day", "growth of a tumor nobody measures", source="illustrative")
    U = pkpd.state("U", "mm^3", "another tumor")
    model = pkpd.compose("two_tumors", growth, pkpd.Model("other", rates={U: idle}))
    data = volumes({"a": (0.1, 1.0)}, noise=1.0)
    found, alone = pkpd.fit(model, data, ["idle", "kg"]), pkpd.fit(growth, data, ["kg"])
    assert "idle has no effect on any observation" in found.covariance_missing
    assert math.isnan(found.estimates.loc["idle", "se"])
    assert found.estimates.loc["kg", "se"] == pytest.approx(alone.estimates.loc["kg", "se"], rel=1e-5)


@pytest.mark.parametrize(("bounds", "limit"), [((0.0, 0.08), 0.08), ((0.15, 1.0), 0.15)])
def test_a_bound_that_holds_an_estimate_is_flagged(bounds, limit: float) -> None:
    found = pkpd.fit(growth, volumes({"a": (0.1, 1.0)}), {"kg": pkpd.free(start=sum(bounds) / 2, bounds=bounds)})
    row = found.estimates.loc["kg"]
    assert row["estimate"] == pytest.approx(limit, rel=1e-5)
    assert row["at_bound"]
    assert math.isnan(row["se"])
    assert found.covariance_missing.startswith("kg is at a bound")
    assert "at bound" in found.report()


def test_an_estimate_that_touches_nothing_is_not_flagged() -> None:
    found = pkpd.fit(growth, volumes({"a": (0.1, 1.0)}, noise=1.0), {"kg": pkpd.free(bounds=(0.0, 1e6))})
    assert not found.estimates.loc["kg", "at_bound"]


def test_a_search_cut_short_says_so() -> None:
    found = pkpd.fit(one_compartment, concentrations(), ["CL", "V1"], max_evaluations=2)
    assert not found.success
    assert "did not converge" in found.covariance_missing
    assert "did NOT converge" in found.report()
    assert found.estimates["se"].isna().all()


@pytest.mark.parametrize("optimizer", ["least_squares", "leastsq", "nelder"])
def test_a_longer_search_that_is_cut_short_is_no_worse(optimizer: str) -> None:
    """What is told is the best point, not the last."""
    data, free = concentrations(), {"CL": pkpd.free(start=2.0), "V1": pkpd.free(start=20.0)}
    found = [pkpd.fit(one_compartment, data, free, max_evaluations=n, optimizer=optimizer) for n in range(2, 12)]
    assert not any(fit.success for fit in found[:3])
    assert (np.diff([fit.chi_square for fit in found]) <= 1e-9).all()


def test_failed_trajectories_are_counted_and_their_steps_refused() -> None:
    rate = pkpd.param("rate", 0.02, "1/mm^3/day", "growth that explodes at 1/(rate X0)", source="illustrative")
    X = pkpd.state("X", "mm^3", "volume", start=1)
    model = pkpd.Model("explosion", rates={X: rate * X**2})
    rows = [("a", t, "X", 1 / (1 - 0.099 * t), 0.05) for t in (2, 6, 10)]  # explodes at day 10.1
    found = pkpd.fit(model, pkpd.read_observations(table(rows), {"a": None}), {"rate": pkpd.free(log=True)})
    assert found.estimates.loc["rate", "estimate"] == pytest.approx(0.099, rel=1e-5)
    assert 0 < found.solver_failures < found.solves
    assert f"Solver failures: {found.solver_failures} of {found.solves}" in found.report()
    with pytest.raises(pkpd.FitError, match=r"cannot be solved at the start in arm 'a' \(rate = 0.5\)"):
        pkpd.fit(model, found.data, {"rate": pkpd.free(start=0.5)})


def test_a_derivative_next_to_a_failure_is_taken_from_the_other_side() -> None:
    rate = pkpd.param("rate", 0.0995, "1/mm^3/day", "growth that explodes at 1/(rate X0)", source="illustrative")
    X = pkpd.state("X", "mm^3", "volume", start=1)
    model = pkpd.Model("explosion", rates={X: rate * X**2})
    # A thousandth above the estimate the volume explodes at day 9.996, before it is observed.
    rows = [("a", 10, "X", 1 / (1 - 10 * 0.09994), 10.0)]
    found = pkpd.fit(model, pkpd.read_observations(table(rows), {"a": None}), {"rate": pkpd.free(log=True)})
    assert found.estimates.loc["rate", "estimate"] == pytest.approx(0.09994, rel=1e-6)
    assert found.solver_failures > 0


def test_a_regimen_made_impossible_by_the_search_asks_for_bounds() -> None:
    start = pkpd.param("start", 0.5, "day", "day of the dose")
    rows = [("a", t, "C", 33 * math.exp(-0.1 * (t + 3)), 0.1) for t in (1, 5, 9)]
    data = pkpd.read_observations(table(rows), {"a": pkpd.bolus(100, "iv", at=start)})
    with pytest.raises(
        pkpd.FitError, match=r"arm 'a': the time of dose 1 .* free parameters are start; give them bounds"
    ):
        pkpd.fit(one_compartment, data, ["start"])


# ---- the report, and the fit as a value


def test_the_report_says_everything() -> None:
    text = str(pkpd.fit(one_compartment, concentrations(), ["CL", "V1"]))
    for part in (
        "one_compartment fitted to the DataFrame", "14 observations of C in 2 arms, 2 free parameters",
        "95 % CI", "RSE %", "L/day", "taken as known", "correlation", "chi-square", "reduced chi-square",
        "AIC", "BIC", "Solver failures: 0 of", "converged", "high", "largest residual",
    ):  # fmt: skip
        assert part in text


def test_strong_correlations_are_pointed_out() -> None:
    rows = [("a", t, "C", 25 * math.exp(-0.125 * t), 0.1) for t in (20, 21, 22)]
    found = pkpd.fit(one_compartment, pkpd.read_observations(table(rows), {"a": DOSE}), ["CL", "V1"])
    assert "Hard to tell apart: CL and V1" in found.report()


def test_without_standard_deviations_the_report_says_so() -> None:
    data = pkpd.read_observations(
        concentrations().table.drop(columns="sd"), {"low": DOSE, "high": pkpd.bolus(300, "iv")}
    )
    found = pkpd.fit(one_compartment, data, ["CL", "V1"])
    assert found.sd_is == "relative"
    assert "no standard deviations: every observation has the same weight" in found.report()
    with pytest.raises(pkpd.FitError, match="has no column 'sd'"):
        pkpd.fit(one_compartment, data, ["CL"], sd_is="known")


def test_a_fit_is_frozen() -> None:
    found = pkpd.fit(growth, volumes({"a": (0.1, 1.0)}), ["kg"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.success = False
    with pytest.raises(ValueError, match="read-only"):
        found.x[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        found.data.value[0] = 1
    assert "kg=0.1" in repr(found)
    assert "<table" in found._repr_html_()


# ---- refusals


@pytest.mark.parametrize(
    ("free", "message"),
    [
        (["kG"], "no parameter 'kG'. Did you mean 'kg'"),
        ([], "no parameter is free"),
        (["kg", "kg"], "'kg' is named twice"),
        (3, "free is 3"),
        (np.array(["kg"])[0:0].reshape(0, 1), "free is array"),
        ({"kg": pkpd.free(log=pd.NA)}, "log of 'kg' is <NA>; expected True or False"),
        ({"kg": pkpd.free(per_arm="a")}, "per_arm of 'kg' is 'a'; expected True or False"),
        ({"kg": 0.1}, r"free\['kg'\] is 0.1; expected free"),
        ({"kg": pkpd.free(start=2, bounds=(0, 1))}, "'kg' starts at 2 1/day, outside its bounds 0 to 1"),
        ({"kg": pkpd.free(bounds=(1, 0))}, "bounds of 'kg' are 1 to 0; the low one comes first"),
        ({"kg": pkpd.free(bounds=(0,))}, r"bounds of 'kg' are \(0,\); expected \(low, high\)"),
        ({"kg": pkpd.free(bounds=("a", 1))}, "expected .low, high"),
        ({"kg": pkpd.free(bounds=(-1, 1), log=True)}, "log scale with the lower bound -1 1/day"),
        ({"kg": pkpd.free(start=-0.1, log=True)}, "log scale and starts at -0.1"),
        ({"kg": pkpd.free(start="fast")}, "'kg' is 'fast'"),
    ],
)
def test_free_parameters_that_cannot_be(free, message: str) -> None:
    with pytest.raises((pkpd.FitError, pkpd.UnknownNameError, pkpd.ParameterError), match=message):
        pkpd.fit(growth, volumes({"a": (0.1, 1.0)}), free)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": {"kg": 0.1}}, "'kg' is both free and held at 0.1"),
        ({"parameters": {"kgg": 0.1}}, "no parameter 'kgg'. Did you mean 'kg'"),
        ({"sd_is": "guessed"}, "sd_is is 'guessed'"),
        ({"rtol": 1e-3}, "rtol is 0.001"),
        ({"max_evaluations": 0}, "max_evaluations is 0"),
        ({"sd_is": pd.NA}, "sd_is is <NA>"),
        ({"at_dose": np.array(["before", "after"])}, "at_dose is array"),
        ({"solver": "auto"}, r"solver is 'auto'; expected pkpd\.Solver"),
    ],
)
def test_options_that_cannot_be(options, message: str) -> None:
    with pytest.raises((pkpd.FitError, pkpd.UnknownNameError), match=message):
        pkpd.fit(growth, volumes({"a": (0.1, 1.0)}), ["kg"], **options)


def test_data_that_cannot_be_fitted() -> None:
    data = volumes({"a": (0.1, 1.0)})
    with pytest.raises(pkpd.FitError, match=r"1 observations cannot determine 2 free parameters \(CL, V1\)"):
        pkpd.fit(one_compartment, pkpd.read_observations(table([("a", 1, "C", 9, 1)]), {"a": DOSE}), ["CL", "V1"])
    with pytest.raises(pkpd.UnknownNameError, match=r"one_compartment has no state or output .* 'V'"):
        pkpd.fit(one_compartment, data, ["CL"])
    with pytest.raises(pkpd.FitError, match="as the model"):
        pkpd.fit("growth", data, ["kg"])
    with pytest.raises(pkpd.FitError, match="as the data"):
        pkpd.fit(growth, data.table, ["kg"])
    both = pd.concat([data.table.assign(output="T"), data.table]).drop(columns="sd")
    with pytest.raises(pkpd.FitError, match="observes T, V and has no column 'sd'"):
        pkpd.fit(growth, pkpd.read_observations(both, {"a": None}), ["kg"])


GOOD = "# Smith 2020\n#  Table 2\narm,time,output,value,sd\ncontrol,0,V,60,5\ncontrol,3,V,80,6\n"


def test_a_csv_is_read_with_its_source(tmp_path) -> None:
    path = tmp_path / "mice.csv"
    path.write_text(GOOD.replace(",sd", ",sd,n").replace(",5\n", ",5,10\n").replace(",6\n", ",6,10\n"))
    data = pkpd.read_observations(path, {"control": None})
    assert data.source == "Smith 2020\nTable 2"
    assert data.unused == ("n",)
    assert data.table.to_dict("list") == {
        "arm": ["control", "control"], "time": [0, 3], "output": ["V", "V"], "value": [60, 80], "sd": [5, 6],
        "n": [10, 10],
    }  # fmt: skip
    assert "2 observations of V in 1 arms" in repr(data)
    assert "columns not used: n" in pkpd.fit(growth, data, ["kg"]).report()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "value",
            "Value",
            "mice.csv has no column 'value'. Is it 'Value'. It has 'arm', 'time', 'output', 'Value', 'sd'",
        ),
        (",sd\n", ",SD\n", "mice.csv has a column 'SD'"),
        ("output", "arm", "has the column 'arm' twice"),
        ("80", "eighty", "mice.csv, line 5: column 'value' is 'eighty'; expected a number"),
        ("80", "", "line 5: column 'value' is empty; leave out the row"),
        ("80", "nan", "line 5: column 'value' is NaN; leave out the row"),
        ("80", "inf", "line 5: column 'value' is inf; expected a finite number"),
        (",6\n", ",0\n", "line 5: column 'sd' is 0; a standard deviation is more than 0"),
        (",6\n", ",-6\n", "line 5: column 'sd' is -6"),
        (",3,", ",1e999,", "line 5: column 'time' is inf; expected a finite number"),
        (",3,", f",{10**400},", "line 5: column 'time' is inf; expected a finite number"),
        ("control,3", ",3", "line 5: column 'arm' is empty"),
        ("control,3,V,80,6", "control,0,V,60,5", "line 5 repeats line 4: arm 'control', output 'V', time 0, value 60"),
        ("80,6", "80", "line 5 has 4 cells; the header has 5 columns"),
        ("control,3", "treated,3", r"arm 'treated' has no regimen. Give regimens=\{'treated': None\}"),
        (GOOD, "", "mice.csv is empty"),
        ("control,0,V,60,5\ncontrol,3,V,80,6\n", "", "mice.csv has column names but no observations"),
    ],
)
def test_bad_tables_are_refused_by_file_line_and_column(tmp_path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mice.csv"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(pkpd.DataError, match=message):
        pkpd.read_observations(path, {"control": None})


@pytest.mark.parametrize(
    ("regimens", "message"),
    [
        ({"control": None, "treated": None}, "regimens names arm 'treated', which is not in mice.csv. It has control"),
        ({"Control": None}, "arm 'control' has no regimen. Is it 'Control'"),
        ({"control": 3}, "the regimen of arm 'control' is 3"),
        (None, "regimens is None; expected a mapping"),
    ],
)
def test_regimens_that_do_not_match(tmp_path, regimens, message: str) -> None:
    (tmp_path / "mice.csv").write_text(GOOD)
    with pytest.raises(pkpd.DataError, match=message):
        pkpd.read_observations(tmp_path / "mice.csv", regimens)


def test_tables_that_are_none(tmp_path) -> None:
    with pytest.raises(pkpd.DataError, match=r"there is no file .*absent\.csv"):
        pkpd.read_observations(tmp_path / "absent.csv", {})
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(pkpd.DataError, match="not a text file in UTF-8"):
        pkpd.read_observations(tmp_path / "bytes.csv", {})
    with pytest.raises(pkpd.DataError, match="expected the path of a CSV file or a DataFrame"):
        pkpd.read_observations(3, {})
    frame = table([("0", 1.0, "V", 2.0, 1.0), ("0", 2.0, "V", float("nan"), 1.0)]).set_index(pd.Index(["x", "y"]))
    with pytest.raises(pkpd.DataError, match="the DataFrame, row y: column 'value' is NaN"):
        pkpd.read_observations(frame, {0: None})


def test_arms_may_be_numbers() -> None:
    frame = table([(0, 1.0, "V", 2.0, 1.0), (8, 2.0, "V", 3.0, 1.0)])
    assert pkpd.read_observations(frame, {0: None, 8: None}).arms == ("0", "8")


def test_a_declared_bound_is_the_default() -> None:
    assert pkpd.fit(one_compartment, concentrations(), ["CL", "V1"]).coordinates[0].lower == 0.0
    assert CL.declaration.bounds == (0, math.inf)
    assert pkpd.fit(growth, volumes({"a": (0.1, 1.0)}), ["kg"]).coordinates[0].lower == -math.inf
    assert kg.value == 0.12


def test_constants_and_data_of_a_wrong_kind() -> None:
    data = volumes({"a": (0.1, 1.0)}, noise=1.0)
    with pytest.raises(pkpd.FitError, match=r"parameters is \[1\]; expected {name: value}"):
        pkpd.fit(growth, data, ["kg"], parameters=[1])
    with pytest.raises(pkpd.FitError, match="got a DataFrame as the data; read them with"):
        pkpd.fit(growth, pd.DataFrame({"arm": ["a"]}), ["kg"])
