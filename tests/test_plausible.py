"""Plausible patients and the weights that make them a population."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import one_compartment
from scipy import stats

import pkpd
from pkpd.errors import ParameterError, UnknownNameError

N = 20_000
RNG = np.random.default_rng(1)
A, B = RNG.normal(size=(2, N))
CANDIDATES = pkpd.members(a=A, b=B).labelled(number=np.arange(N))


def patients(**within):
    return pkpd.select_plausible(CANDIDATES, {"a": A, "b": B, "flag": (A > 1).astype(float)}, within)


def test_candidates_are_kept_by_all_ranges_and_counted():
    measured = {"a": A.copy(), "b": B}
    measured["a"][:7] = np.nan
    found = pkpd.select_plausible(CANDIDATES, measured, {"a": (-1, 1), "b": (None, 0.5)})
    inside = np.isfinite(measured["a"]) & (np.abs(A) <= 1) & (B <= 0.5)
    np.testing.assert_array_equal(found.people.labels["number"][1], np.flatnonzero(inside))
    np.testing.assert_array_equal(found.people["b"], B[inside])
    np.testing.assert_array_equal(found.measured["a"], A[inside])
    assert (found.tried, found.failed, found.kept) == (N, 7, inside.sum())
    assert found.outside == {"a": int((np.abs(A[7:]) > 1).sum()), "b": int((B[7:] > 0.5).sum())}
    assert f"20000 candidates tried, {inside.sum()} kept" in found.report()
    assert "7 failed" in found.report()


def test_weights_give_a_normal_sample_another_mean_as_theory_says():
    """Tilting N(0, 1) to the mean m gives exp(m x): N(m, 1), and an effective size of n exp(-m^2)."""
    found = pkpd.weigh(patients(), {"a": pkpd.target(mean=0.5)})
    assert found.met
    x = found.patients.measured["a"]
    assert float(found.weights @ x) == pytest.approx(0.5, abs=1e-6)
    slope = np.polyfit(x, np.log(found.weights), 1)
    assert slope[0] == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(np.log(found.weights), np.polyval(slope, x), atol=1e-6)
    assert found.effective_size == pytest.approx(N * np.exp(-0.25), rel=0.05)
    assert found.weights.sum() == pytest.approx(1)


def test_every_kind_of_target_is_met():
    targets = {
        "a": pkpd.target(mean=0.2, sd=0.8),
        "b": pkpd.target(quantiles={0.05: -1.0, 0.5: 0.3, 0.95: 2.0}),
        "flag": pkpd.target(rate=0.25),
    }
    found = pkpd.weigh(patients(a=(-3, 3)), targets)
    assert found.met
    w, m = found.weights, found.patients.measured
    assert (w > 0).all()
    mean = float(w @ m["a"])
    assert mean == pytest.approx(0.2, abs=1e-6)
    assert np.sqrt(float(w @ (m["a"] - mean) ** 2)) == pytest.approx(0.8, abs=1e-6)
    assert float(w @ m["flag"]) == pytest.approx(0.25, abs=1e-6)
    for share, value in targets["b"].quantiles.items():
        assert float(w @ (m["b"] <= value)) == pytest.approx(share, abs=1e-6)
    table = found.table.set_index(["measure", "statistic"])
    np.testing.assert_allclose(table["weighted"], table["published"], atol=0.01)
    assert table.loc[("flag", "rate"), "unweighted"] == pytest.approx(stats.norm.sf(1), abs=0.02)
    assert "all targets met" in found.report()


def test_targets_already_met_leave_equal_weights():
    found = pkpd.weigh(patients(), {"a": pkpd.target(mean=float(A.mean()))})
    np.testing.assert_allclose(found.weights, 1 / N, rtol=1e-9)
    assert found.effective_size == pytest.approx(N)


@pytest.mark.parametrize(
    ("targets", "missed"),
    [
        ({"a": pkpd.target(mean=7.0), "b": pkpd.target(mean=0.0)}, 1),  # beyond every patient
        ({"a": pkpd.target(mean=2.0, quantiles={0.9: 0.5})}, 1),  # against one another
    ],
)
def test_what_cannot_be_met_is_said_to_be_missed(targets, missed):
    found = pkpd.weigh(patients(), targets)
    assert not found.met
    assert (~found.table["met"]).sum() >= missed
    assert "missed" in found.report()
    assert found.effective_size < 50
    assert np.isfinite(found.weights).all()


def test_weights_travel_with_the_patients_into_a_result():
    people = pkpd.population(one_compartment, 500, 1)
    run = pkpd.simulate(one_compartment, pkpd.bolus(100, "iv"), times=[0.5, 14], parameters=people)
    measured = {"peak": run["C"].sel(time=0.5), "trough": run["C"].sel(time=14)}
    kept = pkpd.select_plausible(people, measured, {"trough": (2, 20)})
    found = pkpd.weigh(kept, {"trough": pkpd.target(mean=7.0)})
    again = pkpd.simulate(one_compartment, pkpd.bolus(100, "iv"), times=[14], parameters=found.people)
    assert float(again["C"].isel(time=0).weighted(again["weight"]).mean()) == pytest.approx(7.0, rel=1e-4)
    assert set(again["member"].values) < set(run["member"].values)


def test_drawn_patients_come_as_often_as_their_weights_say():
    found = pkpd.weigh(patients(), {"a": pkpd.target(mean=0.5)})
    drawn = found.draw(N, seed=3)
    assert abs(drawn["a"].mean() - 0.5) < 4 / np.sqrt(N)
    np.testing.assert_array_equal(drawn["a"], found.patients.measured["a"][drawn.labels["patient"][1]])
    np.testing.assert_array_equal(found.draw(10, seed=3)["a"], drawn["a"][:10])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: patients(a=(50, None)), ParameterError, r"keeps none of 20000 candidates: 0 failed, a refused 20000"),
        (
            lambda: pkpd.select_plausible(CANDIDATES, {"a": np.nan * A}, {}),
            ParameterError,
            "candidates: 20000 failed. Draw",
        ),
        (lambda: patients(a=5), ParameterError, r"range of 'a' is 5; expected \(lowest, highest\)"),
        (lambda: patients(a=(2, 1)), ParameterError, "range of 'a' is 2 to 1"),
        (lambda: patients(aa=(1, 2)), UnknownNameError, "Did you mean 'a'"),
        (lambda: pkpd.select_plausible(CANDIDATES, {"a": A[:5]}, {}), ParameterError, r"'a' has the shape \(5,\)"),
        (lambda: pkpd.select_plausible(CANDIDATES, {}, {}), ParameterError, "nothing measured"),
        (lambda: pkpd.weigh(patients(), {"c": pkpd.target(mean=1)}), UnknownNameError, "no measure 'c'"),
        (lambda: pkpd.weigh(patients(), {"a": 1.0}), ParameterError, "target of 'a' is 1.0"),
        (lambda: pkpd.weigh(patients(), {}), ParameterError, "no targets"),
        (lambda: pkpd.weigh(patients(), {"a": pkpd.target(rate=0.5)}), ParameterError, "not 0 or 1 throughout"),
        (lambda: pkpd.target(), ParameterError, "no statistic"),
        (lambda: pkpd.target(sd=1), ParameterError, "beside mean="),
        (lambda: pkpd.target(rate=1.5), ParameterError, "rate is 1.5"),
        (lambda: pkpd.target(quantiles={0.5: 2, 0.9: 1}), ParameterError, "do not rise"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.select_plausible(3, {"x": [1]}, {}), "got 3 as candidates"),
        (lambda: pkpd.select_plausible(pkpd.members(CL=[1]), 3, {}), "got 3 as measured; expected a mapping"),
        (
            lambda: pkpd.select_plausible(pkpd.members(CL=[1]), {"x": [1]}, [3]),
            r"got \[3\] as within; expected a mapping",
        ),
        (
            lambda: pkpd.select_plausible(pkpd.members(CL=[1]), {"x": ["a"]}, {}),
            r"the measure 'x' is \['a'\]; expected numbers",
        ),
        (lambda: pkpd.weigh(3, {"x": pkpd.target(mean=1)}), r"weigh\(\) got 3 and"),
        (lambda: pkpd.target(mean=10**400), r"mean is 1000.*401 characters"),
        (lambda: pkpd.target(quantiles=[1]), r"quantiles is \[1\]; expected values by share"),
        (lambda: pkpd.target(quantiles={pd.NA: 1}), "a quantile's share is <NA>"),
        (lambda: patients(a=(pd.NA, 1)), "the lower limit of 'a' is <NA>"),
        (lambda: patients(a=(0, 10**400)), r"the upper limit of 'a' is 1000.*401 characters"),
        (lambda: patients(a="ab"), r"the range of 'a' is 'ab'; expected \(lowest, highest\)"),
        (lambda: pkpd.select_plausible(CANDIDATES, {"x": np.ma.masked_less(A, 0)}, {}), "with masked places"),
        (lambda: pkpd.select_plausible(CANDIDATES, {"x": A + 1j}, {}), "the measure 'x' is complex numbers"),
        (lambda: pkpd.weigh(patients(), {"a": pkpd.target(mean=0)}, tolerance="small"), "the tolerance is 'small'"),
        (lambda: pkpd.target(mean="a"), r"target\(\): mean is 'a'; expected a number"),
    ],
)
def test_arguments_of_a_wrong_kind(make: Any, message: str) -> None:
    with pytest.raises(pkpd.ParameterError, match=message):
        make()
