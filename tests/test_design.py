"""What a design informs, and D-optimal times, against closed forms and textbooks."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.optimize

import pkpd
from pkpd.fitting.collinearity import collinearity_indices, confounded
from pkpd.symbolic.reach import places_of, reaching

ORAL = pkpd.load("pk_1cmt_oral").in_time("h")
BOLUS = pkpd.load("pk_1cmt").in_time("h")
TIMES = [0.5, 1, 2, 4, 8, 12]


def log(value: float) -> Any:
    return pkpd.free(value, log=True)


# ---- the equations


def test_what_stands_beside_an_empty_depot_reaches_nothing() -> None:
    by_iv, by_mouth = reaching(ORAL, ["C"], ["iv"]), reaching(ORAL, ["C"], ["oral"])
    assert by_iv & {"CL", "V", "ka", "F"} == {"CL", "V"}
    assert {"CL", "V", "ka", "F", "tlag"} <= by_mouth
    assert places_of(ORAL, "ka") == ["ddepot/dt", "dcentral/dt"]


def test_what_a_route_alone_uses_is_reached_by_that_route() -> None:
    mouse = pkpd.load("kosinsky_2018")
    names = {s.name for s in mouse.settable}
    assert names - reaching(mouse, ["V"], ["radiation"]) == {"k_a", "K_D", "kel_mAb", "V_d"}
    assert "alpha" not in reaching(mouse, ["V"], ["ip"])
    assert names <= reaching(mouse, ["V"])


# ---- rank and words


def test_bioavailability_is_known_only_beside_clearance_and_volume() -> None:
    free = {"CL": log(3), "V": log(30), "ka": log(1), "F": log(0.5)}
    design = pkpd.identifiability(ORAL, pkpd.bolus(100, "oral"), free, times=TIMES, error=pkpd.additive_error(0.05))
    assert (design.rank, design.identifiable) == (3, False)
    exact = [c for c in design.confounded if c.exact]
    assert [c.which for c in exact] == [(0, 1, 3)]
    np.testing.assert_allclose(exact[0].direction, 1.0, atol=1e-6)
    text = " ".join(design.report().split())
    assert "CL, V and F enter only as CL/F and V/F" in text
    assert "raising CL by 1 %, raising V by 1 % and raising F by 1 % changes no observation" in text
    expected = design.expected["se"]
    assert np.isnan(expected[["CL", "V", "F"]]).all()
    assert np.isfinite(expected["ka"])
    assert len(design.estimable) == 3
    assert "ka" in design.estimable
    (held,) = {"CL", "V", "F"} - {*design.estimable}
    assert f"While {held} is held, " in text


def test_a_dose_in_the_vein_tells_bioavailability() -> None:
    arms = {"iv": pkpd.bolus(100, "iv"), "oral": pkpd.bolus(100, "oral")}
    free = {"CL": log(3), "V": log(30), "ka": log(1), "F": log(0.5)}
    design = pkpd.identifiability(ORAL, arms, free, times=TIMES, error=pkpd.additive_error(0.05))
    assert design.identifiable
    assert not design.confounded
    assert "All 4 parameters can be told apart" in design.report()


def test_absorption_reaches_nothing_in_the_vein() -> None:
    design = pkpd.identifiability(ORAL, pkpd.bolus(100, "iv"), ["CL", "V", "ka", "F"], times=TIMES)
    assert design.rank == 2
    assert design.estimable == ("CL", "V")
    assert "While ka and F are held, CL and V can be estimated." in design.report()
    assert dict(design.unreachable) == {"ka": ["ddepot/dt", "dcentral/dt"], "F": ["F of doses into depot"]}
    assert "ka reaches no observed output: it stands only in ddepot/dt and dcentral/dt" in design.report()
    assert "nothing says how large the errors" in " ".join(design.report().split())
    assert np.isnan(design.expected["se"]).all()


def test_a_parameter_that_acts_only_later_changes_no_observation() -> None:
    """It reaches the output by the equations, but not at these times."""
    start = pkpd.param("second", 20, "h", "time of the second dose")
    doses = pkpd.bolus(100, "iv") + pkpd.bolus(100, "iv", at=start)
    design = pkpd.identifiability(BOLUS, doses, ["CL", "V", "second"], times=TIMES)
    assert design.without_effect == ("second",)
    assert not design.unreachable
    assert "second changes no observation at these times" in design.report()


def test_growth_and_the_fraction_that_shrinks_once_shrinking_is_over() -> None:
    """TS0*((1 - phi) exp(g t) + phi exp(-d t)) long after 1/d: only TS0*(1 - phi) and g are left."""
    tumor = pkpd.load("stein_2011_gdphi").using(d=1.0, phi=0.5)
    free = {"TS0": log(50), "phi": log(0.5), "g": log(0.002)}
    late = pkpd.identifiability(tumor, None, free, times=np.arange(60, 300, 30), error=pkpd.additive_error(1))
    assert [c.which for c in late.confounded if c.exact] == [(0, 1)]
    assert late.everywhere == (False,)  # the ratio depends on phi
    assert "TS0 and phi cannot be told apart near these values" in " ".join(late.report().split())
    whole = pkpd.identifiability(tumor, None, free, times=[0, 1, 2, *range(60, 300, 30)], error=pkpd.additive_error(1))
    assert whole.identifiable


def test_flip_flop_absorption_long_after_the_peak_is_told_in_principle_only() -> None:
    free = {"CL": log(3), "V": log(30), "ka": log(1)}
    design = pkpd.identifiability(
        ORAL, pkpd.bolus(100, "oral"), free, times=[10, 12, 16], error=pkpd.proportional_error(0.1)
    )
    assert design.identifiable
    assert design.confounded[0].index > 100
    text = " ".join(design.report().split())
    assert "in principle, not all of them in practice" in text
    assert "hard to tell apart" in text
    assert "poorly informed" in text


# ---- collinearity and expected errors


def test_collinearity_index_of_two_columns_is_that_of_their_angle() -> None:
    """Brun 2001: the smallest eigenvalue of [[1, c], [c, 1]] is 1 - |c|."""
    angle = 0.3
    columns = 5 * np.array([[1.0, np.cos(angle)], [0.0, np.sin(angle)], [0.0, 0.0]]) * [1.0, 70.0]
    index = collinearity_indices(columns, np.array([[0, 1]]))
    np.testing.assert_allclose(index, 1 / np.sqrt(1 - np.cos(angle)), rtol=1e-12)


def test_an_exact_set_is_named_beside_a_near_pair_that_it_contains() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((2, 30))
    near = a + 0.01 * b
    sets = confounded(np.stack([a, near, 3 * a - near], axis=1))
    assert [c.which for c in sets if c.exact] == [(0, 1, 2)]
    assert {c.which for c in sets if not c.exact} == {(0, 1), (0, 2), (1, 2)}


def bolus_information(times: Any, CL: float, V: float, dose: float, sd: float) -> Any:
    """The information of (CL, V) from C = dose/V exp(-CL/V t) with additive error."""
    t = np.asarray(times, dtype=float)
    c = dose / V * np.exp(-CL / V * t)
    slopes = np.stack([-c * t / V, c * (CL * t / V**2 - 1 / V)], axis=1)
    return slopes.T @ slopes / sd**2


def test_expected_standard_errors_of_a_bolus_are_the_closed_form() -> None:
    design = pkpd.identifiability(
        BOLUS, pkpd.bolus(100, "iv"), {"CL": pkpd.free(1), "V": pkpd.free(10)}, times=[0, *TIMES],
        error=pkpd.additive_error(0.3),
    )  # fmt: skip
    inverse = np.linalg.inv(bolus_information([0, *TIMES], 1, 10, 100, 0.3))
    np.testing.assert_allclose(design.expected["se"], np.sqrt(np.diag(inverse)), rtol=1e-6)
    assert "taken after a dose of the same time: the sample at 0" in design.report()


@pytest.mark.parametrize(
    "error", [pkpd.combined_error(0.05, 0.1), pkpd.proportional_error(0.2), pkpd.lognormal_error(0.2)]
)
def test_expected_standard_errors_are_those_of_the_fit_where_its_estimates_are(error: Any) -> None:
    """The information is that which `fit` has at its estimates, the numbers of the error model among them."""
    doses, free = pkpd.bolus(100, "oral"), {"CL": log(3), "V": log(30), "ka": log(1)}
    times = np.geomspace(0.3, 30, 40)
    run = pkpd.simulate(ORAL, doses, times=times, parameters={"CL": 3, "V": 30, "ka": 1})
    values = pkpd.observe(run, "C", error=error, seed=4)["value"].to_series()
    table = values.reset_index().assign(arm="a", output="C")[["arm", "time", "output", "value"]]
    fit = pkpd.fit(ORAL, pkpd.read_observations(table[table["value"] > 0], {"a": doses}), free, error=error)
    start = {
        c.label: log(float(c.natural(v))) for c, v in zip(fit.coordinates, fit.x, strict=True) if c.parameter in free
    }
    numbers = {c.label.split("[")[0]: float(c.natural(v)) for c, v in zip(fit.coordinates, fit.x, strict=True)}
    estimated = error.with_numbers({k: v for k, v in numbers.items() if k in error.numbers})
    design = pkpd.identifiability(ORAL, fit.data, start, error=estimated)
    bound = np.linalg.inv(fit.objective.information(fit.x[None])[0])[:3, :3]
    np.testing.assert_allclose(design.covariance_x, bound, rtol=2e-4)


def test_a_table_of_records_is_a_design() -> None:
    import pandas as pd

    rows = [(1, 0, 1, 100, np.nan, 1), *((1, t, 0, 0, 1.0, 2) for t in TIMES)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "AMT", "DV", "CMT"])
    records = pkpd.read_nonmem(table, compartments={1: "depot", 2: "central"}, time="h")
    free, error = {"CL": log(3), "V": log(30), "ka": log(1)}, pkpd.additive_error(0.1)
    by_table = pkpd.identifiability(ORAL, records, free, outputs="C", error=error)
    by_regimen = pkpd.identifiability(ORAL, pkpd.bolus(100, "oral"), free, times=TIMES, error=error)
    np.testing.assert_allclose(by_table.expected["se"], by_regimen.expected["se"], rtol=1e-6)


def test_arms_may_be_sampled_at_times_of_their_own() -> None:
    arms = {"low": pkpd.bolus(10, "iv"), "high": pkpd.bolus(100, "iv")}
    free = {"CL": pkpd.free(1), "V": pkpd.free(10)}
    design = pkpd.identifiability(BOLUS, arms, free, times={"low": [1], "high": [2, 4]}, error=pkpd.additive_error(0.3))
    information = bolus_information([1], 1, 10, 10, 0.3) + bolus_information([2, 4], 1, 10, 100, 0.3)
    np.testing.assert_allclose(design.expected["se"], np.sqrt(np.diag(np.linalg.inv(information))), rtol=1e-6)


# ---- optimal times


def best(n: int, model: Any = BOLUS, **options: Any) -> Any:
    options = {"between": (0, 50), "error": pkpd.additive_error(0.1)} | options
    return pkpd.optimal_times(model, pkpd.bolus(100, "iv"), {"CL": pkpd.free(1), "V": pkpd.free(10)}, n, **options)


def test_a_bolus_is_sampled_at_once_and_one_time_constant_later() -> None:
    """Box and Lucas 1959: for A exp(-k t) with additive error the times are 0 and 1/k, or from a bound on."""
    np.testing.assert_allclose(best(2).times, [0, 10], atol=1e-4)
    np.testing.assert_allclose(best(2, between=(1, 50)).times, [1, 11], atol=1e-4)
    np.testing.assert_allclose(best(4).times, [0, 0, 10, 10], atol=1e-4)
    assert best(2).efficiency([0, 0, 10, 10]) == pytest.approx(1)


def test_with_proportional_error_a_bolus_is_sampled_at_both_ends() -> None:
    """ln C is a straight line in time; its D-optimal times are the ends of the interval."""
    np.testing.assert_allclose(best(2, error=pkpd.proportional_error(0.1), between=(1, 50)).times, [1, 50], atol=1e-6)
    np.testing.assert_allclose(
        best(4, error=pkpd.lognormal_error(0.1), between=(1, 50)).times, [1, 1, 50, 50], atol=1e-6
    )


def atkinson() -> dict[str, Any]:
    """theta = (4.298, 0.05884, 21.80) of c (exp(-ke t) - exp(-ka t)): Atkinson, Donev, Tobias 2007, chapter 17."""
    ka, ke, c = 4.298, 0.05884, 21.80
    V = 100 * ka / ((ka - ke) * c)
    return {"CL": pkpd.free(ke * V), "V": pkpd.free(V), "ka": pkpd.free(ka)}


def test_oral_times_of_the_textbook() -> None:
    """Atkinson, Donev and Tobias print 0.2288, 1.3886 and 18.417 h."""
    doses, error = pkpd.bolus(100, "oral"), pkpd.additive_error(1)
    textbook = pkpd.optimal_times(ORAL, doses, atkinson(), 3, between=(0, 48), error=error)
    np.testing.assert_allclose(textbook.times, [0.2288, 1.3886, 18.417], rtol=2e-4)
    replicated = pkpd.optimal_times(ORAL, doses, atkinson(), 6, between=(0, 48), error=error, seed=5)
    np.testing.assert_allclose(replicated.times, np.repeat(textbook.times, 2), rtol=1e-3)
    assert textbook.efficiency(textbook.times + 0.05) < 1
    assert "D-optimal times of 3 samples for CL, V, ka" in textbook.report()


def test_a_plain_function_is_designed_as_its_model_is() -> None:
    """The three parameters of the textbook as it has them: the times do not depend on how a model is parametrized."""

    def eta(time: Any, theta1: Any, theta2: Any, theta3: Any) -> Any:
        return theta3 * (np.exp(-theta2 * time) - np.exp(-theta1 * time))

    free = {"theta1": pkpd.free(4.298), "theta2": pkpd.free(0.05884), "theta3": pkpd.free(21.80)}
    best_times = pkpd.optimal_times(eta, None, free, 3, between=(0, 48), error=pkpd.additive_error(1))
    np.testing.assert_allclose(best_times.times, [0.2288, 1.3886, 18.417], rtol=2e-4)
    again = pkpd.identifiability(eta, None, free, times=best_times.times, error=pkpd.additive_error(1))
    np.testing.assert_allclose(again.expected["se"], best_times.expected["se"], rtol=1e-9)

    def product(time: Any, a: Any, b: Any, idle: Any) -> Any:
        return a * b * np.exp(-time) + 0 * idle

    of_product = pkpd.identifiability(product, None, dict.fromkeys(("a", "b", "idle"), pkpd.free(2.0)), times=[1, 2])
    assert "a and b enter only as a*b" in of_product.report()
    assert of_product.without_effect == ("idle",)
    with pytest.raises(pkpd.FitError, match="a function takes no doses"):
        pkpd.identifiability(eta, pkpd.bolus(1, "iv"), free, times=[1])


def test_visits_are_chosen_as_an_exhaustive_search_would() -> None:
    visits = [0.25, 1, 2, 6, 12, 24]
    doses, error = pkpd.bolus(100, "oral"), pkpd.combined_error(0.5, 0.1)
    chosen = pkpd.optimal_times(ORAL, doses, atkinson(), 3, candidates=visits, error=error)
    values = {times: chosen.efficiency(times) for times in itertools.combinations(visits, 3)}
    assert max(values.values()) == pytest.approx(1, abs=1e-9)
    assert chosen.times.tolist() == list(max(values, key=lambda times: values[times]))


def test_samples_keep_their_distance() -> None:
    apart = best(4, gap=2)
    assert np.diff(apart.times).min() >= 2 - 1e-6
    assert apart.times[0] == 0
    moved = [best(4).efficiency(apart.times + step) for step in (-0.2 * (apart.times > 5), 0.2 * (apart.times > 5))]
    assert max(moved) < best(4).efficiency(apart.times) < 1
    assert best(4, gap=2, seed=0).times.tolist() == apart.times.tolist()


def test_efficiency_of_a_bolus_is_the_closed_form() -> None:
    """det M of two times is proportional to ((t2 - t1) exp(-k (t1 + t2)))**2."""
    expected = np.sqrt((5 * np.exp(-0.5)) ** 2 / (10 * np.exp(-1)) ** 2)
    assert best(2).efficiency([0, 5]) == pytest.approx(expected, rel=1e-6)


def test_the_rate_alone_is_sampled_later_than_rate_and_amount() -> None:
    """A exp(-k t) at 0 and t tells k best where t^2/(exp(2 k t) + 1) is largest: k t = 1 + exp(-2 k t)."""

    def decline(time: Any, A: Any, k: Any) -> Any:
        return A * np.exp(-k * time)

    free = {"A": pkpd.free(10.0), "k": pkpd.free(0.1)}
    options = {"between": (0, 50), "error": pkpd.additive_error(1)}
    alone = pkpd.optimal_times(decline, None, free, 2, interest="k", **options)
    root = scipy.optimize.brentq(lambda x: x - 1 - np.exp(-2 * x), 1, 2)
    np.testing.assert_allclose(alone.times, [0, root / 0.1], atol=1e-3)
    both = pkpd.optimal_times(decline, None, free, 2, **options)
    np.testing.assert_allclose(both.times, [0, 10], atol=1e-4)
    assert alone.expected.loc["k", "se"] < both.expected.loc["k", "se"]
    ratio = (alone.expected.loc["k", "se"] / both.expected.loc["k", "se"]) ** 2
    assert alone.efficiency(both.times) == pytest.approx(ratio, rel=1e-6)
    assert "D_s-optimal times of 2 samples for k, with A estimated too" in alone.report()
    with pytest.raises(pkpd.UnknownNameError, match="no free parameter 'K'"):
        pkpd.optimal_times(decline, None, free, 2, interest="K", **options)


def test_each_arm_may_have_the_times_that_are_best_for_its_own_parameters() -> None:
    """Each arm with parameters of its own is sampled at its dose and one time constant later."""
    arms = {"early": pkpd.bolus(100, "iv"), "late": pkpd.bolus(100, "iv").shift(5)}
    free = {"CL": pkpd.free(1.0, per_arm=True), "V": pkpd.free(10.0, per_arm=True)}
    options = {"between": (0, 50), "error": pkpd.additive_error(0.1)}
    own = pkpd.optimal_times(BOLUS, arms, free, 2, own_times=True, **options)
    np.testing.assert_allclose(own.by_arm["early"], [0, 10], atol=1e-3)
    np.testing.assert_allclose(own.by_arm["late"], [5, 15], atol=1e-3)
    shared = pkpd.optimal_times(BOLUS, arms, free, 2, **options)
    assert shared.times.shape == (2,)
    assert own.efficiency(np.tile(shared.times, (2, 1))) < 1
    assert "late 15" in own.report()
    with pytest.raises(pkpd.FitError, match="expected one or more numbers"):
        shared.efficiency(own.times)


# ---- messages


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"times": None}, "times is None; say when is sampled"),
        ({"times": {"x": [1]}}, "times= of the design has no arm 'x'"),
        ({"times": [1, 2], "error": {"D": pkpd.additive_error(1)}}, "no state or output 'D'"),
        ({"times": [1, 2], "outputs": ["C"], "error": {"A": pkpd.additive_error(1)}}, "no observed output 'A'"),
        ({"times": [1, 2], "error": pkpd.additive_error(0)}, "starts at 0"),
        ({"times": [2, 1]}, "expected one or more increasing numbers"),
        ({"times": [1, 2], "at_dose": "during"}, "at_dose is 'during'"),
        ({"times": [1, 2], "free": ["Cl"]}, "Did you mean 'CL'"),
    ],
)
def test_what_does_not_fit_is_told(options: dict[str, Any], message: str) -> None:
    free = options.pop("free", ["CL", "V"])
    with pytest.raises(pkpd.PkpdError, match=message):
        pkpd.identifiability(BOLUS, pkpd.bolus(100, "iv"), free, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "1 sample cannot determine 2 parameters \\(CL, V\\)"),
        ({"n": 0}, "n is 0"),
        ({"n": 2, "between": (5, 5)}, "between is 5 to 5"),
        ({"n": 2, "between": None}, "expected one of them"),
        ({"n": 2, "between": None, "candidates": [3, 1]}, "increasing numbers"),
        ({"n": 4, "gap": 20}, "4 samples 20 apart do not fit between 0 and 50"),
        ({"n": 2, "model": ORAL, "free": ["CL", "ka"]}, "determine CL, ka: ka reaches no observed output"),
    ],
)
def test_times_that_cannot_be_are_told(options: dict[str, Any], message: str) -> None:
    options = {"between": (0, 50), "error": pkpd.additive_error(0.1), "model": BOLUS, "free": ["CL", "V"]} | options
    with pytest.raises(pkpd.PkpdError, match=message):
        pkpd.optimal_times(
            options.pop("model"), pkpd.bolus(100, "iv"), options.pop("free"), options.pop("n"), **options
        )


def test_an_exact_observation_is_refused() -> None:
    """With proportional error a prediction of 0 that moves with a parameter would say everything."""
    base = pkpd.param("base", 0.0, "mg/L", "endogenous concentration", source="illustrative")
    A = pkpd.state("A", "mg/L", "drug", start=base)
    model = pkpd.Model("endogenous", rates={A: 0 * A / pkpd.param("tau", 1, "day", "time")}, outputs={"C": A})
    with pytest.raises(pkpd.FitError, match=r"output 'C' at time 1 of arm 'design' has no error"):
        pkpd.identifiability(model, None, ["base"], times=[1, 2], error=pkpd.proportional_error(0.1))
