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
from pkpd.trials.endpoints import _compared, _curves

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
    return pkpd.replicate_trial(trial(), 250, seed=11, landmarks=[300, "400 day"])


# ---- one replicate


def test_survival_is_exponential_in_each_arm() -> None:
    from scipy.stats import kstest

    patients = pkpd.simulate_trial(trial(patients=2000, accrual=0, follow_up=1e5), seed=2)
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


@pytest.mark.parametrize("kind", ["os", "pfs"])
def test_a_cutoff_at_a_number_of_events(kind: str) -> None:
    """On the day of the 60th event; what happened until then is as without a cutoff."""
    asked = trial(patients=200) if kind == "os" else responding(100, accrual=500)
    whole = pkpd.simulate_trial(asked, seed=6)
    cut = pkpd.simulate_trial(replace(asked, events_at_cutoff=(kind, 60)), seed=6)
    assert int((cut[f"{kind}_event"] == 1).sum()) == 60
    assert int((whole[f"{kind}_event"] == 1).sum()) > 60
    cutoff = float((cut["followed"] + cut["enrolled"]).min())
    np.testing.assert_allclose(cut["followed"], cutoff - cut["enrolled"])
    kept = cut[f"{kind}_event"] == 1
    same = whole.sel(patient=cut["patient"])
    np.testing.assert_allclose(cut[f"{kind}_day"][kept], same[f"{kind}_day"][kept], rtol=1e-9)
    assert cut["patient"].values.tolist() == whole["patient"][whole["enrolled"] <= cutoff].values.tolist()
    days = np.sort((whole["enrolled"] + whole[f"{kind}_day"])[whole[f"{kind}_event"] == 1].to_numpy())
    assert cutoff == pytest.approx(days[59], abs=1e-5)
    never = pkpd.simulate_trial(replace(asked, events_at_cutoff=(kind, 10_000)), seed=6)
    xr.testing.assert_identical(never, whole)


def test_who_is_not_yet_enrolled_at_the_cutoff_is_in_no_rate() -> None:
    """The cutoff comes during accrual: rates are of the patients that the trial has by then."""
    asked = replace(responding(200, accrual=2000), events_at_cutoff=("pfs", 20))
    whole, cut = pkpd.simulate_trial(replace(asked, events_at_cutoff=None), 3), pkpd.simulate_trial(asked, seed=3)
    assert 20 < cut.sizes["patient"] < whole.sizes["patient"] == 200
    assert float(cut["followed"].min()) > 0
    numbers = pkpd.replicate_trial(asked, 1, seed=3).isel(replicate=0)
    for arm in numbers["arm"].values.tolist():
        mine = cut.isel(patient=np.flatnonzero(cut.arm == arm))
        assert int(numbers["patients"].sel(arm=arm)) == mine.sizes["patient"]
        responded = pkpd.response_names(mine["best_response"]).isin(["CR", "PR"])
        assert float(numbers["response_rate"].sel(arm=arm)) == pytest.approx(float(responded.mean()))


def test_patients_without_target_lesions_count_as_controlled() -> None:
    """Their stable disease is non-CR/non-PD: the rate of disease control is that of `response_rates`."""
    asked = responding(60)
    assert asked.imaging is not None
    unmeasured = replace(asked, imaging=replace(asked.imaging, reader=pkpd.Reader(error=0, most=0)))
    numbers = pkpd.replicate_trial(unmeasured, 1, seed=3).isel(replicate=0)
    p = pkpd.simulate_trial(unmeasured, seed=3)
    assert "non-CR/non-PD" in pkpd.response_names(p["best_response"]).values
    rates = pkpd.response_rates(p, by=p["arm"])
    for arm in numbers["arm"].values.tolist():
        assert float(numbers["disease_control_rate"].sel(arm=arm)) == pytest.approx(rates.loc[(arm, "DCR"), "rate"])


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
    curve = pkpd.kaplan_meier(one["os_day"], one["os_event"], group=one["arm"])
    mine = outcome.sel(replicate=18, arm=curve["group"].to_numpy())
    np.testing.assert_array_equal(mine["median_os"], pkpd.median_survival(curve)["median"])
    at = pkpd.landmark_survival(curve, [300, 400])["survival"].transpose("group", ...)
    np.testing.assert_array_equal(mine["os_rate"], at)
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


def test_each_arm_is_compared_with_the_control_alone() -> None:
    arms = {"low": drug(5), "high": drug(50), "control": NOTHING}
    three = pkpd.Trial(MORTAL, arms, patients=9, accrual=1, follow_up=1, death="death")
    rng = np.random.default_rng(3)
    time, number = rng.exponential(100, 300), np.repeat([0, 1, 2], 100)
    found = _compared(time, np.ones(300), number, None, three, 0.95)
    for place in (0, 1):
        both = (number == place) | (number == 2)
        known = pkpd.hazard_ratio(time[both], np.ones(200), number[both] == place)
        assert found["hazard_ratio"][place] == pytest.approx(float(known["hazard_ratio"]), rel=1e-12)


def test_survival_is_zero_at_a_landmark_after_the_last_event_and_unknown_after_the_last_patient() -> None:
    time, event, number = np.array([10.0, 20, 10, 20]), np.array([1.0, 1, 1, 0]), np.array([0, 0, 1, 1])
    medians, landmarks = _curves(time, event, number, ["all died", "one lives"], [15, 30])
    np.testing.assert_array_equal(landmarks, [[0.5, 0], [0.5, np.nan]])
    np.testing.assert_array_equal(medians, [10, 10])


def test_medians_that_are_not_reached_are_infinite_and_count() -> None:
    values = np.array([100.0, 120.0, np.inf, np.inf, np.nan])
    data = xr.Dataset({"median_os": ("replicate", values, {"long_name": "median"})})
    limits = pkpd.replicate_intervals(data, 0.5)
    assert limits["median_os"].values.tolist() == [115.0, np.inf, np.inf]
    assert int(limits["missing_median_os"]) == 1


# ---- power


@pytest.mark.parametrize("dose", [pytest.param(3.0, marks=pytest.mark.slow), 10 / 1.5])
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


@pytest.mark.parametrize("replicates", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_type_one_error_is_alpha_under_equal_arms(replicates: int) -> None:
    equal = pkpd.Trial(
        MORTAL, {"a": NOTHING, "b": NOTHING}, patients=120, accrual=200, follow_up=300, death="death",
        population={"frailty": pkpd.lognormal(1, omega=0.4)},
    )  # fmt: skip
    runs = pkpd.replicate_trial(equal, replicates, seed=31)
    for alpha in (0.05, 0.2):
        found = pkpd.power(runs, "os", alpha=alpha, finding="either", confidence=0.999)
        assert float(found["lower"][0]) < alpha < float(found["upper"][0])
        better = pkpd.power(runs, "os", alpha=alpha)
        assert float(better["power"][0]) == pytest.approx(alpha / 2, abs=4 * np.sqrt(alpha / 2 / replicates))


@pytest.mark.slow
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


def responding(patients: int, **options: Any) -> pkpd.Trial:
    """The drug arm shrinks or grows at known rates; the control grows by 20 % in 8 to 24 weeks."""
    rate = pkpd.param("rate", 0.0, "1/day/mg", "effect of the drug", bounds=(None, None))
    shrinking = pkpd.Model(
        "shrinking", {D: (g - rate * X) * D, X: sympy.Integer(0)}, outputs={"diameter": D},
        routes={"iv": {X: X + pkpd.dose("mg")}},
    )  # fmt: skip
    asked = {
        "imaging": pkpd.Imaging({"one": "diameter"}, pkpd.schedule_visits(56, 1000), pkpd.Reader(error=0)),
        "population": _half_and_half,
        "follow_up": 600,
    } | options
    return pkpd.Trial(shrinking, {"drug": drug(1.0), "control": NOTHING}, patients=patients, **asked)


def _half_and_half(n: int, seed: int, first: int) -> pkpd.Ensemble:
    """Every other patient responds to the drug: 0.5 % a day less, against 0.4 % a day more."""
    even = (first + np.arange(n)) % 2 == 0
    return pkpd.members(g=np.full(n, 0.004), rate=np.where(even, 0.009, 0.0))


def test_responses_and_progression_by_hand() -> None:
    """Growth of 0.4 % a day is 20 % after 45.6 days: progression at the first scan, unless the patient responds."""
    p = pkpd.simulate_trial(replace(responding(100), biomarkers=("rate",)), seed=1)
    responds = (p.arm == "drug") & (p["rate"] > 0)
    assert 0.2 < float(responds.mean()) < 0.3
    names = pkpd.response_names(p["best_response"])
    assert set(names[responds].to_numpy()) == {"PR"}  # exp(-0.005 x 112) = 0.57
    assert set(names[~responds].to_numpy()) == {"PD"}
    assert set(p["pfs_day"][~responds].to_numpy()) == {56}
    assert (p["pfs_event"] == ~responds).all()
    assert set(p["response_day"][responds].to_numpy()) == {112}
    assert set(p["pfs_day"][responds].to_numpy()) == {560}  # the last scan within 600 days
    assert "os_day" not in p
    assert set(p["doses"].sel(therapy="drug")[p.arm == "drug"].to_numpy()) == {1}
    assert not p["doses"][p.arm == "control"].any()


def test_endpoints_of_responses() -> None:
    runs = pkpd.replicate_trial(responding(200), 4, seed=1, landmarks=[100])
    for replicate in range(4):
        p = pkpd.simulate_trial(replace(responding(200), biomarkers=("rate",)), 1, replicate=replicate)
        share = float((p["rate"] > 0)[p.arm == "drug"].mean())
        one = runs.sel(replicate=replicate)
        assert float(one["response_rate"].sel(arm="drug")) == pytest.approx(share)
        assert float(one["pfs_rate"].sel(arm="drug", landmark=100)) == pytest.approx(share)
        assert float(one["response_rate"].sel(arm="control")) == 0
        assert float(one["median_pfs"].sel(arm="control")) == 56
        assert np.isnan(one["median_response_duration"].sel(arm="control"))
        assert np.isinf(one["median_response_duration"].sel(arm="drug"))
    limits = pkpd.replicate_intervals(runs)
    assert int(limits["missing_median_response_duration"].sel(arm="control")) == 4


def test_the_arms_of_a_replicate_have_the_same_patients() -> None:
    asked = replace(responding(60, accrual=500), events_at_cutoff=("pfs", 30))
    p = pkpd.simulate_trial(asked, seed=8, replicate=2)
    for arm, treated in pkpd.treat_trial(asked, seed=8, replicate=2).items():
        mine = p.isel(patient=np.flatnonzero(p.arm == arm))
        np.testing.assert_array_equal(treated.numbers, mine["patient"])
        np.testing.assert_array_equal(pkpd.recist(treated.scans)["pfs_day"], mine["pfs_day"])
        np.testing.assert_array_equal(treated.left - treated.entry, mine["left"])
        assert len(treated.doses) == int(mine["doses"].sum())


def test_subgroups_are_a_table_for_a_forest_plot() -> None:
    """The hazard ratio is 1 where the drug does nothing, and low where it works."""
    splits = {"effect": pkpd.split_at("rate", 0.001), "size": pkpd.split_at("baseline_sum", 30)}
    asked = replace(responding(400), biomarkers=("rate",))
    p = pkpd.simulate_trial(asked, seed=3)
    table = pkpd.trial_subgroups(p, splits, endpoint="pfs")
    assert table["subgroup"].values.tolist() == ["all", "effect < 0.001", "effect >= 0.001", "size >= 30"]
    ratio = table["hazard_ratio"].to_numpy()
    assert ratio[1] == pytest.approx(1.0)  # all progress at the first scan
    assert ratio[2] < ratio[0] < ratio[1]
    runs = pkpd.replicate_trial(asked, 2, seed=3, subgroups=splits)
    assert runs["subgroup"].values.tolist() == [
        "effect < 0.001", "effect >= 0.001", "size < 30", "size >= 30",
    ]  # fmt: skip
    mine = runs["pfs_subgroup_hazard_ratio"].sel(replicate=0, comparison="drug").to_numpy()
    np.testing.assert_array_equal(mine, [ratio[1], ratio[2], np.nan, ratio[0]])


def test_a_forest_plot_takes_the_subgroups() -> None:
    p = pkpd.simulate_trial(replace(responding(200), biomarkers=("rate",)), seed=3)
    ax = pkpd.forest(pkpd.trial_subgroups(p, {"effect": pkpd.split_at("rate", 0.001)}))
    assert any("effect" in text.get_text() or "0.001" in text.get_text() for text in ax.texts + ax.get_yticklabels())


def test_failed_patients_are_counted_and_left_out() -> None:
    """A tumor that becomes infinite in finite time in every fourth patient."""
    blows = pkpd.param("blows", 0.0, "1/day/mm", "blow-up", bounds=(0, None))
    model = pkpd.Model("blowing", {D: g * D + blows * D**2, X: sympy.Integer(0)}, outputs={"diameter": D})
    fourth = lambda n, seed, first: pkpd.members(blows=np.where(np.arange(n) % 4 == 0, 1.0, 0.0))  # noqa: E731
    asked = pkpd.Trial(
        model, {"a": NOTHING, "b": NOTHING}, patients=80, population=fourth, follow_up=200,
        imaging=pkpd.Imaging({"one": "diameter"}, [0, 56, 112]),
    )  # fmt: skip
    p = pkpd.simulate_trial(asked, seed=1)
    assert int((p["status"] != 0).sum()) == 20
    assert p["pfs_day"].isnull().sum() == 20
    one = pkpd.replicate_trial(asked, 1, seed=1).isel(replicate=0)
    assert int(one["failed"].sum()) == 20
    assert int(one["patients"].sum()) == 60


def test_who_never_enters_is_counted() -> None:
    """Radiation that toxicity stops in some is never completed, so that they do not enter."""
    harmed = pkpd.param("harmed", 0.0, "1", "toxicity", bounds=(0, None))
    mg = pkpd.param("mg", 1, "mg", "1 mg")
    model = pkpd.Model(
        "irradiated", {D: g * D, X: sympy.Integer(0)}, outputs={"diameter": D, "tox": harmed * X / mg},
        routes={"radiation": {X: X + pkpd.param("per", 1, "mg/Gy", "a dose") * pkpd.dose("Gy")}},
    )  # fmt: skip
    radiation = pkpd.therapy(pkpd.fractions(2, 5))
    protocol = pkpd.Protocol(
        {"radiation": radiation}, rules=[pkpd.stop_at(pkpd.measured("tox", at_least=5))],
        entry=pkpd.within(3, 3, after="radiation"),
    )  # fmt: skip
    some = lambda n, seed, first: pkpd.members(harmed=np.where(np.arange(n) % 2 == 0, 1.0, 0.0))  # noqa: E731
    asked = pkpd.Trial(
        model, {"a": protocol, "b": protocol}, patients=40, population=some, follow_up=100,
        imaging=pkpd.Imaging({"one": "diameter"}, [0, 56]),
    )  # fmt: skip
    p = pkpd.simulate_trial(asked, seed=1)
    np.testing.assert_array_equal(p["entry"], np.where(np.arange(40) % 2 == 0, np.nan, 7))
    assert set(p["doses"].to_numpy().ravel()[::2]) == {3}
    assert p["stopped_for_toxicity"].to_numpy().tolist() == [True, False] * 20
    one = pkpd.replicate_trial(asked, 1, seed=1).isel(replicate=0)
    assert int(one["not_entered"].sum()) == 20


def test_a_trial_goes_to_another_process() -> None:
    import pickle

    nodes = pkpd.Imaging({"one": "diameter"}, pkpd.schedule_visits(56, 1000), nodes="one", organs={"one": "lung"})
    asked = replace(responding(20), imaging=nodes, population=None, allocation={"drug": 2})
    again = pickle.loads(pickle.dumps(asked))
    assert again.imaging == nodes
    assert dict(again.arms) == dict(asked.arms)
    xr.testing.assert_identical(pkpd.simulate_trial(again, 1), pkpd.simulate_trial(asked, 1))
    with pytest.raises(TypeError):
        again.allocation["drug"] = 3


# ---- what is refused


def test_what_does_not_fit_is_refused(outcome: xr.Dataset) -> None:
    for wrong, message in (
        ({"patients": 1}, "patients is 1"),
        ({"follow_up": -1}, "follow_up is -1"),
        ({"events_at_cutoff": ("pfs", 5)}, r"expected \('os', a number of events\)"),
        ({"events_at_cutoff": ("os", 0)}, r"events_at_cutoff is \('os', 0\)"),
        ({"control": "placebo"}, "placebo"),
        ({"allocation": {"drug": 0}}, "allocation to 'drug' is 0"),
        ({"arms": {"drug": "a drug"}}, "expected a pkpd.Protocol"),
        ({"imaging": {"one": "diameter"}}, "expected pkpd.Imaging"),
        ({"strata": ["PDL1"]}, "expected pkpd.split_at"),
        ({"model": "growing"}, "'growing'"),
    ):
        with pytest.raises(pkpd.PkpdError, match=message):
            replace(trial(), **wrong)
    with pytest.raises(pkpd.SimulationError, match="expected pkpd.Trial"):
        pkpd.simulate_trial(NOTHING, seed=1)  # type: ignore[arg-type]
    with pytest.raises(pkpd.UnknownNameError, match="PDL1"):
        pkpd.simulate_trial(trial(strata=pkpd.split_at("PDL1", 0.25)), seed=1)
    with pytest.raises(pkpd.UnknownNameError, match="pneumonitis"):
        pkpd.simulate_trial(trial(adverse="pneumonitis"), seed=1)
    with pytest.raises(pkpd.SimulationError, match="expected one or more rising"):
        pkpd.split_at("PDL1", 0.25, 0.01)
    with pytest.raises(pkpd.UnknownNameError, match="pfs_p_value"):
        pkpd.power(outcome, "pfs")
    with pytest.raises(pkpd.SimulationError, match="expected an Ensemble of 200"):
        pkpd.simulate_trial(trial(population=lambda n, seed, first: pkpd.members(frailty=[1.0])), seed=1)
