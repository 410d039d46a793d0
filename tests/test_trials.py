"""Virtual trials against closed forms: survival, power, type I error, allocation, censoring, reproducibility."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import Any

import numpy as np
import pytest
import sympy
import xarray as xr

import pkpd

X = pkpd.state("X", "mg", "drug given")
h = pkpd.param("h", log(2) / 300, "1/day", "hazard of death")
D50 = pkpd.param("D50", 10, "mg", "dose that halves the hazard")
frailty = pkpd.param("frailty", 1.0, "1", "times the hazard", bounds=(0, None))
KEPT = pkpd.Model("kept", {X: sympy.Integer(0)}, routes={"iv": {X: X + pkpd.dose("mg")}})
MORTAL = pkpd.time_to_event(KEPT, "death", frailty * h / (1 + X / D50))


def drug(dose: float) -> pkpd.Protocol:
    return pkpd.Protocol({"drug": pkpd.therapy(pkpd.bolus(dose, "iv"))})


NOTHING = pkpd.Protocol({})


def trial(dose: float = 10 / 1.5, **options: Any) -> pkpd.Trial:
    """A dose of d mg has the hazard ratio 1/(1 + d/10): 0.6 by default."""
    arms = {"drug": drug(dose), "control": NOTHING}
    asked = {"patients": 200, "accrual": 300, "follow_up": 300, "death": "death"} | options
    return pkpd.Trial(MORTAL, arms, **asked)


@pytest.fixture(scope="module")
def outcome() -> xr.Dataset:
    return pkpd.replicate_trial(trial(), 400, seed=11, landmarks=[300, "400 day"])


# ---- one replicate


def test_survival_is_exponential_in_each_arm() -> None:
    from scipy.stats import kstest

    patients = pkpd.simulate_trial(trial(patients=4000, accrual=0, follow_up=1e5), seed=2)
    assert patients["os_event"].all()
    for arm, ratio in (("drug", 0.6), ("control", 1.0)):
        days = patients["os_day"][patients.arm == arm].to_numpy()
        assert kstest(days * float(log(2) / 300) * ratio, "expon").pvalue > 0.001


def test_censored_at_the_data_cutoff_and_by_dropout() -> None:
    """Enrolled uniformly over 300 days and cut off 300 days after: followed for 600 less the day of enrollment."""
    model = pkpd.time_to_event(MORTAL, "dropout", pkpd.param("h_out", 0.001, "1/day", "hazard of dropout"))
    asked = replace(trial(patients=3000), model=model, leaving=("dropout",))
    p = pkpd.simulate_trial(asked, seed=4)
    np.testing.assert_allclose(p["followed"] + p["enrolled"], 600)
    out = p["day_of_dropout"].notnull()
    dead = p["os_event"] == 1
    assert not (out & dead).any()
    np.testing.assert_allclose(p["os_day"][~dead & ~out], p["followed"][~dead & ~out])
    np.testing.assert_allclose(p["os_day"][out], p["day_of_dropout"][out])
    np.testing.assert_allclose(p["os_day"][dead], p["day_of_death"][dead])
    assert (p["os_day"] <= p["followed"] + 1e-9).all()
    control = p.where(p.arm == "control", drop=True)
    rate = float(control["os_event"].sum() / control["os_day"].sum())  # the estimate of a constant hazard
    assert rate == pytest.approx(log(2) / 300, rel=4 / np.sqrt(float(control["os_event"].sum())))


def test_arms_have_the_sizes_of_the_allocation() -> None:
    p = pkpd.simulate_trial(trial(patients=300, allocation={"drug": 2}), seed=1)
    assert {arm: int((p.arm == arm).sum()) for arm in ("drug", "control")} == {"drug": 200, "control": 100}
    again = pkpd.simulate_trial(trial(patients=300, allocation={"drug": 2}), seed=1, replicate=1)
    assert not np.array_equal(p.arm, again.arm)


def test_allocation_is_balanced_within_strata() -> None:
    """Blocks of 4: in each stratum the arms differ by 2 at most; without strata by much more."""
    half = pkpd.split_at("frailty", 0.8, 1.25)
    stratified = trial(patients=400, population={"frailty": pkpd.lognormal(1, omega=0.5)}, strata=half)
    largest = []
    for strata in ((half,), ()):
        differences = []
        for replicate in range(10):
            p = pkpd.simulate_trial(replace(stratified, strata=strata, biomarkers=("frailty",)), 5, replicate=replicate)
            codes = half.codes(p["frailty"])
            treated = p.arm == "drug"
            differences += [abs(2 * int(treated[codes == c].sum()) - int((codes == c).sum())) for c in range(3)]
        largest.append(max(differences))
    assert largest[0] <= 2
    assert largest[1] > 6


# ---- replicates


def test_replicates_are_the_same_to_the_bit_whatever_else_is_simulated(outcome: xr.Dataset) -> None:
    some = pkpd.replicate_trial(trial(), 3, seed=11, landmarks=[300, 400], first=17)
    xr.testing.assert_identical(some, outcome.isel(replicate=slice(17, 20)))
    one = pkpd.simulate_trial(trial(), 11, replicate=18)
    ratio = pkpd.hazard_ratio(one["os_day"], one["os_event"], one["arm"] == "drug")["hazard_ratio"]
    assert float(ratio) == float(outcome["os_hazard_ratio"].sel(replicate=18)[0])
    other = pkpd.replicate_trial(trial(), 3, seed=12)
    assert not np.array_equal(other["os_hazard_ratio"], some["os_hazard_ratio"])


def test_the_number_of_threads_changes_nothing() -> None:
    one, two = (
        pkpd.replicate_trial(trial(solver=pkpd.Solver(threads=threads)), 2, seed=3).drop_attrs() for threads in (1, 2)
    )
    xr.testing.assert_identical(one, two)


def test_replicates_scatter_about_the_truth(outcome: xr.Dataset) -> None:
    n = outcome.sizes["replicate"]
    log_ratio = np.log(outcome["os_hazard_ratio"].to_numpy()[:, 0])
    assert abs(log_ratio.mean() - log(0.6)) < 4 * log_ratio.std() / np.sqrt(n) + 0.01
    covered = (outcome["os_hazard_ratio_lower"] < 0.6) & (outcome["os_hazard_ratio_upper"] > 0.6)
    assert abs(float(covered.mean()) - 0.95) < 4 * np.sqrt(0.95 * 0.05 / n)
    for arm, ratio in (("drug", 0.6), ("control", 1.0)):
        for landmark in (300, 400):
            rate = outcome["os_rate"].sel(arm=arm, landmark=landmark).to_numpy()
            assert rate.mean() == pytest.approx(exp(-ratio * landmark * log(2) / 300), abs=4 * rate.std() / np.sqrt(n))
    limits = pkpd.replicate_intervals(outcome, 0.9)
    assert limits["os_events"].sel(arm="control").to_numpy().tolist() == sorted(limits["os_events"].sel(arm="control"))
    low, _, high = np.log(limits["os_hazard_ratio"].to_numpy()[:, 0])
    outside = (log_ratio < low) | (log_ratio > high)
    assert outside.mean() == pytest.approx(0.1, abs=0.01)


def test_medians_that_are_not_reached_are_infinite_and_count() -> None:
    values = np.array([100.0, 120.0, np.inf, np.inf, np.nan])
    data = xr.Dataset({"median_os": ("replicate", values, {"long_name": "median"})})
    limits = pkpd.replicate_intervals(data, 0.5)
    assert limits["median_os"].values.tolist() == [115.0, np.inf, np.inf]
    assert int(limits["missing_median_os"]) == 1


# ---- power


@pytest.mark.parametrize("dose", [3.0, 10 / 1.5])
def test_power_is_that_of_schoenfeld(dose: float, outcome: xr.Dataset) -> None:
    """Exponential survival: from the events that the trial has follows its power."""
    runs = outcome if dose > 5 else pkpd.replicate_trial(trial(dose), 400, seed=21)
    events = float(runs["os_events"].sum("arm").mean())
    formula = pkpd.schoenfeld_power(1 / (1 + dose / 10), events)
    simulated = pkpd.power(runs, "os", confidence=0.999)
    assert float(simulated["lower"][0]) < formula < float(simulated["upper"][0])
    assert 0.2 < formula < 0.95


def test_expected_events_of_exponential_survival_with_accrual(outcome: xr.Dataset) -> None:
    """Lachin and Foulkes 1986: the chance of an event, with uniform entry over A and a follow-up F after it."""
    for arm, ratio in (("drug", 0.6), ("control", 1.0)):
        rate = ratio * log(2) / 300
        chance = 1 - (exp(-rate * 300) - exp(-rate * 600)) / (rate * 300)
        events = outcome["os_events"].sel(arm=arm).to_numpy()
        assert events.mean() == pytest.approx(100 * chance, abs=4 * events.std() / np.sqrt(len(events)))


def test_the_type_one_error_is_alpha_under_equal_arms() -> None:
    equal = pkpd.Trial(
        MORTAL, {"a": NOTHING, "b": NOTHING}, patients=120, accrual=200, follow_up=300, death="death",
        population={"frailty": pkpd.lognormal(1, omega=0.4)},
    )  # fmt: skip
    runs = pkpd.replicate_trial(equal, 600, seed=31)
    for alpha in (0.05, 0.2):
        found = pkpd.power(runs, "os", alpha=alpha, finding="either", confidence=0.999)
        assert float(found["lower"][0]) < alpha < float(found["upper"][0])
        better = pkpd.power(runs, "os", alpha=alpha)
        assert float(better["power"][0]) == pytest.approx(alpha / 2, abs=4 * np.sqrt(alpha / 2 / 600))


def test_the_patients_that_a_power_needs() -> None:
    """Schoenfeld's events over the chance of an event."""
    found = pkpd.sample_size(trial(10.0, patients=80), seed=5, power=0.8, replicates=150)
    chance = 0.0
    for ratio in (0.5, 1.0):
        rate = ratio * log(2) / 300
        chance += 0.5 * (1 - (exp(-rate * 300) - exp(-rate * 600)) / (rate * 300))
    needed = pkpd.schoenfeld_events(0.5, 0.8) / chance
    assert float(found["patients_needed"]) == pytest.approx(needed, rel=0.2)
    assert found.attrs["found"] == 1
    with pytest.raises(pkpd.SimulationError, match="mean z of os"):
        pkpd.sample_size(trial(0.0001, patients=40), seed=5, replicates=10)


def test_schoenfeld_by_hand() -> None:
    """4 (1.95996 + 1.28155)^2 / ln(2)^2 events for a hazard ratio of 0.5, 0.05 and 90 %, equal arms."""
    assert pkpd.schoenfeld_events(0.5, 0.9) == pytest.approx(87.48, abs=0.01)
    assert pkpd.schoenfeld_power(0.5, pkpd.schoenfeld_events(0.5, 0.83, share=0.4), share=0.4) == pytest.approx(0.83)
    for wrong in (0.0, 1.0, -1.0):
        with pytest.raises(pkpd.SimulationError, match="hazard ratio"):
            pkpd.schoenfeld_events(wrong, 0.8)


# ---- responses


g = pkpd.param("g", 0.0, "1/day", "growth", bounds=(None, None))
D = pkpd.state("D", "mm", "diameter", start=pkpd.param("d0", 50, "mm", "diameter at the start"))
GROWING = pkpd.time_to_event(
    pkpd.Model(
        "growing", {D: g * D, X: sympy.Integer(0)}, outputs={"diameter": D}, routes={"iv": {X: X + pkpd.dose("mg")}}
    ),
    "death",
    h,
)
