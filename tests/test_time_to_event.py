"""Events drawn by cumulative hazard inside the integrator, and lifetimes drawn from published forms."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
import scipy.stats
from sympy import exp

import pkpd

pytestmark = pytest.mark.usefixtures("cache")

U = np.array([0.02, 0.1, 0.35, 0.5, 0.8, 0.97])
h = pkpd.param("h", 0.02, "1/day", "hazard")
t = pkpd.clock("day")


def still() -> pkpd.Model:
    """Nothing happens."""
    V = pkpd.state("V", "mL", "volume", start=10)
    return pkpd.Model("still", {V: 0})


def times_of(model, name, u, end=2000.0, **more):
    run = pkpd.simulate(model, times=[0, end], parameters={f"u_{name}": u, **more}, rtol=1e-11)
    return run[f"t_{name}"].isel(time=-1).to_numpy()


# ---- exact times


def test_a_constant_hazard_has_exponential_times() -> None:
    model = pkpd.time_to_event(still(), "death", h)
    np.testing.assert_allclose(times_of(model, "death", U), scipy.stats.expon(scale=50).isf(U), rtol=1e-8)


def test_a_weibull_hazard_has_weibull_times() -> None:
    shape, scale = pkpd.param("shape", 1.7, "1", "shape"), pkpd.param("scale", 120, "day", "scale")
    model = pkpd.time_to_event(still(), "death", shape / scale * (t / scale) ** (shape - 1))
    np.testing.assert_allclose(times_of(model, "death", U), pkpd.weibull_times(1.7, 120).isf(U), rtol=1e-8)


def test_a_gompertz_hazard_has_gompertz_times() -> None:
    growth = pkpd.param("growth", 0.01, "1/day", "growth of the hazard")
    model = pkpd.time_to_event(still(), "death", h * exp(growth * t))
    np.testing.assert_allclose(times_of(model, "death", U), pkpd.gompertz_times(0.02, 0.01).isf(U), rtol=1e-8)


def growing(**more) -> pkpd.Model:
    V, kg = pkpd.state("V", "mL", "tumor volume", start=10), pkpd.param("kg", 0.01, "1/day", "growth rate")
    return pkpd.Model("growing", {V: kg * V}, outputs={"V2": V**2}, **more)


def test_a_hazard_that_the_trajectory_drives_is_exact() -> None:
    """Of a tumor that grows exponentially: the Gompertz distribution; the stored times do not matter."""
    k = pkpd.param("k", 1e-4, "1/day/mL", "hazard for each mL")
    model = pkpd.time_to_event(growing(), "death", k * growing()["V"])
    expected = pkpd.gompertz_times(1e-3, 0.01).isf(U)
    np.testing.assert_allclose(times_of(model, "death", U), expected, rtol=1e-8)
    coarse = pkpd.simulate(model, times=[0, 2000], parameters={"u_death": U})["t_death"].isel(time=-1)
    fine = pkpd.simulate(model, times=np.linspace(0, 2000, 400), parameters={"u_death": U})["t_death"].isel(time=-1)
    np.testing.assert_array_equal(coarse, fine)


def test_the_times_are_those_of_the_event_log() -> None:
    model = pkpd.time_to_event(pkpd.time_to_event(growing(), "death", h), "dropout", h / 3)
    values = pkpd.prepare(model, times=[0, 60.0])({"u_death": U, "u_dropout": U[::-1]})
    for number, event in enumerate(model.events):
        (name,) = {s.name for s in event.then} & {"death", "dropout"}
        logged = values.event_times[number]
        state = values[f"t_{name}"][:, -1]
        np.testing.assert_array_equal(state, np.where(np.isfinite(logged), logged, 0))
        np.testing.assert_array_equal(values[name][:, -1], np.isfinite(logged))


def test_the_time_of_an_event_has_its_derivative() -> None:
    """Of a constant hazard: T = -ln u/h, so that dT/dh = -T/h."""
    model = pkpd.time_to_event(still(), "death", h)
    run = pkpd.simulate(model, times=[0, 900], parameters={"u_death": U[2:]}, sensitivities=["h"], rtol=1e-9)
    slope, T = run["sensitivity_t_death"].isel(time=-1, parameter=0), run["t_death"].isel(time=-1)
    np.testing.assert_allclose(slope, -T / 0.02, rtol=1e-6)


def test_resumed_patients_have_the_same_events() -> None:
    """The cumulative hazard and the time of what has happened are states, so that protocols keep them."""
    model = pkpd.time_to_event(growing(), "death", h)
    prepared = pkpd.prepare(model, times=[0, 30.0, 60.0], solver=pkpd.Solver(rtol=1e-11))
    whole = prepared({"u_death": U})
    first = pkpd.prepare(model, times=[0, 30.0], solver=pkpd.Solver(rtol=1e-11))({"u_death": U})
    later = prepared.resume(first.final, {"u_death": U})
    np.testing.assert_allclose(later["t_death"][:, -1], whole["t_death"][:, -1], rtol=1e-8)


def test_another_unit_of_time_is_the_same_time() -> None:
    model = pkpd.time_to_event(growing(), "death", h)
    days = times_of(model, "death", U)
    weeks = times_of(model.in_time("week"), "death", U, end=300.0)
    np.testing.assert_allclose(7 * weeks, days, rtol=1e-8)


def test_an_event_acts_on_the_trajectory_and_on_other_hazards() -> None:
    V = growing()["V"]
    model = pkpd.time_to_event(growing(), "resection", h, then={V: V / 100})
    model = pkpd.time_to_event(model, "death", h * (1 - model["resection"]))
    run = pkpd.simulate(model, times=[0, 100], parameters={"u_resection": [0.9, 1e-9], "u_death": 0.5}, rtol=1e-10)
    assert float(run["V"][0, -1]) == pytest.approx(10 * np.exp(1) / 100, rel=1e-6)
    np.testing.assert_array_equal(run["death"][:, -1], [0, 1])
    assert float(run["H_death"][0, -1]) == pytest.approx(-np.log(0.9), rel=1e-6), "its hazard ends with the resection"


def test_a_hazard_takes_what_the_model_supplies() -> None:
    V2 = pkpd.given("V2", "mL^2", "square of the volume")
    k = pkpd.param("k", 1e-5, "1/day/mL^2", "hazard for each unit of it")
    model = pkpd.time_to_event(growing(), "death", k * V2)
    expected = pkpd.gompertz_times(1e-3, 0.02).isf(U)
    np.testing.assert_allclose(times_of(model, "death", U), expected, rtol=1e-8)


# ---- distributions


def test_drawn_times_have_the_distribution_of_the_hazard() -> None:
    k = pkpd.param("k", 1e-4, "1/day/mL", "hazard for each mL")
    model = pkpd.time_to_event(growing(), "death", k * growing()["V"])
    people = pkpd.population(model, 4000, seed=7, covariates=pkpd.event_chances(model))
    run = pkpd.simulate(model, times=[0, 1000], parameters=people)
    assert bool((run["death"].isel(time=-1) == 1).all())
    drawn = run["t_death"].isel(time=-1).to_numpy()
    assert scipy.stats.kstest(drawn, pkpd.gompertz_times(1e-3, 0.01).cdf).pvalue > 0.01
    assert scipy.stats.kstest(drawn, pkpd.gompertz_times(1.15e-3, 0.01).cdf).pvalue < 1e-4, "the test can fail"


def test_competing_hazards_share_events_by_their_size() -> None:
    """Two constant hazards a and b: a/(a + b) have the first, and the first time is of the sum."""
    model = pkpd.time_to_event(pkpd.time_to_event(still(), "progression", h), "death", h / 4)
    people = pkpd.population(model, 6000, seed=3, covariates=pkpd.event_chances(model))
    run = pkpd.simulate(model, times=[0, 2000], parameters=people)
    first = pkpd.first_event(run, "progression", "death")
    assert bool((first["event"] == 1).all())
    count = int((first["cause"] == "progression").sum())
    assert scipy.stats.binomtest(count, 6000, 0.8).pvalue > 0.01
    assert scipy.stats.kstest(first["time"], scipy.stats.expon(scale=1 / 0.025).cdf).pvalue > 0.01


def test_first_event_reads_order_censoring_and_the_end() -> None:
    model = still()
    for name in ("progression", "death", "dropout"):
        model = pkpd.time_to_event(model, name, pkpd.param(f"h_of_{name}", 0.01, "1/day", "hazard"))
    at = {name: np.array(days, dtype=float) for name, days in {
        "progression": [10, 90, 90, 500, 90], "death": [20, 40, 95, 600, 500], "dropout": [30, 50, 20, 700, 30],
    }.items()}  # fmt: skip
    u = {f"u_{name}": np.exp(-0.01 * days) for name, days in at.items()}
    run = pkpd.simulate(model, times=[0, 100], parameters=u, rtol=1e-11)
    pfs = pkpd.first_event(run, "progression", "death", censored_by="dropout")
    assert pfs["cause"].values.tolist() == ["progression", "death", "", "", ""]
    np.testing.assert_allclose(pfs["time"], [10, 40, 20, 100, 30], rtol=1e-8)
    np.testing.assert_array_equal(pfs["event"], [1, 1, 0, 0, 0])
    overall = pkpd.first_event(run, "death")
    np.testing.assert_allclose(overall["time"], [20, 40, 95, 100, 100], rtol=1e-8)
    curves = pkpd.cumulative_incidence(pfs["time"], pfs["cause"])
    assert float(curves["incidence"].sel(cause="progression")[-1]) == pytest.approx(0.2)
    with pytest.raises(pkpd.UnknownNameError, match="no event 'relapse'"):
        pkpd.first_event(run, "relapse")
    with pytest.raises(pkpd.DataError, match="each once"):
        pkpd.first_event(run, "death", "death")


def test_failed_members_are_refused_or_left_out() -> None:
    model = pkpd.time_to_event(growing(), "death", h)
    run = pkpd.simulate(model, times=[0, 100], parameters={"u_death": [0.2, 0.5, 0.9]})
    run["status"][1] = 1
    run["t_death"][1, -1] = np.nan
    with pytest.raises(pkpd.SimulationError, match="1 of 3 members failed"):
        pkpd.first_event(run, "death")
    first = pkpd.first_event(run, "death", failed="exclude")
    assert first["cause"].values.tolist()[::2] == ["death", "death"]
    assert np.isnan(first["time"][1])
    assert first["cause"].isnull().values.tolist() == [False, True, False]
    assert pkpd.kaplan_meier(first["time"], first["event"], failed="exclude").attrs["excluded"] == 1
    assert pkpd.cumulative_incidence(first["time"], first["cause"], failed="exclude").attrs["excluded"] == 1


def test_arms_of_one_run_are_groups_of_a_curve() -> None:
    """The same patients in both arms have the same chances: a higher hazard is earlier for each of them."""
    A, k = pkpd.state("A", "mg", "drug"), pkpd.param("k", 1e-3, "1/day/mg", "hazard for each mg")
    drug = pkpd.Model("drug", {A: 0}, routes={"iv": {A: A + pkpd.dose("mg")}})
    model = pkpd.time_to_event(drug, "toxicity", h / 4 + k * A)
    people = pkpd.population(model, 200, seed=1, covariates=pkpd.event_chances(model))
    arms = {"low": pkpd.bolus(1, "iv"), "high": pkpd.bolus(20, "iv")}
    run = pkpd.simulate(model, arms, times=[0, 400], parameters=people)
    first = pkpd.first_event(run, "toxicity")
    high, low = first["time"].sel(arm="high"), first["time"].sel(arm="low")
    assert bool(((high < low) | (low == 400)).all())
    curve = pkpd.kaplan_meier(first["time"], first["event"], group="arm")
    assert curve["at_risk"].sel(group="high", time=0) == 200
    assert float(pkpd.median_survival(curve)["median"].sel(group="high")) == pytest.approx(np.log(2) / 0.025, rel=0.2)
    ratio = pkpd.hazard_ratio(first["time"], first["event"], first["arm"] == "high")
    assert 2.5 < float(ratio["hazard_ratio"]) < 6
    with pytest.raises(pkpd.UnknownNameError, match="no coordinate 'arms'.*'arm'"):
        pkpd.kaplan_meier(first["time"], first["event"], group="arms")


def test_what_is_no_event_is_refused() -> None:
    once = pkpd.time_to_event(growing(), "death", h)
    with pytest.raises(pkpd.ModelError, match="has the event 'death' already"):
        pkpd.time_to_event(once, "death", h)
    with pytest.raises(pkpd.ModelError, match="has the name 'V' already"):
        pkpd.time_to_event(growing(), "V", h)
    with pytest.raises(pkpd.UnitError):
        pkpd.time_to_event(growing(), "death", pkpd.param("x", 1, "mL", "a volume"))
    with pytest.raises(pkpd.ParameterError, match="no event with a hazard"):
        pkpd.event_chances(growing())


def test_an_event_is_fitted_as_it_is_simulated() -> None:
    """The maximum likelihood of a constant hazard is the events over the time at risk."""
    model = pkpd.time_to_event(still(), "death", h)
    people = pkpd.population(model, 300, seed=2, covariates=pkpd.event_chances(model))
    first = pkpd.first_event(pkpd.simulate(model, times=[0, 80], parameters=people), "death")
    import pandas as pd

    rows = pd.DataFrame({
        "arm": "all", "time": first["time"], "output": "H_death", "value": first["event"], "subject": range(300),
    })  # fmt: skip
    data = pkpd.read_observations(rows, {"all": None})
    fit = pkpd.fit(model, data, {"h": pkpd.free(log=True)}, error={"H_death": pkpd.event_time("h_death")})
    expected = float(first["event"].sum() / first["time"].sum())
    assert float(fit.estimates.loc["h", "estimate"]) == pytest.approx(expected, rel=1e-5)


# ---- published forms

FORMS = {
    "exponential": (lambda: pkpd.exponential_times(0.02), lambda t: np.exp(-0.02 * t)),
    "weibull": (lambda: pkpd.weibull_times(1.3, 40), lambda t: np.exp(-((t / 40) ** 1.3))),
    "gompertz": (lambda: pkpd.gompertz_times(0.01, 0.03), lambda t: np.exp(-0.01 / 0.03 * np.expm1(0.03 * t))),
    "lognormal": (lambda: pkpd.lognormal_times(3.5, 0.8), lambda t: scipy.stats.norm.sf((np.log(t) - 3.5) / 0.8)),
    "loglogistic": (lambda: pkpd.loglogistic_times(1.6, 30), lambda t: 1 / (1 + (t / 30) ** 1.6)),
    "cure": (
        lambda: pkpd.with_cure(pkpd.weibull_times(1.3, 40), 0.4),
        lambda t: 0.4 + 0.6 * np.exp(-((t / 40) ** 1.3)),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_are_what_their_names_say(form) -> None:
    make, survival = FORMS[form]
    distribution, times = make(), np.array([0.5, 5, 40, 150])
    np.testing.assert_allclose(distribution.sf(times), survival(times), rtol=1e-12)
    np.testing.assert_allclose(distribution.isf(survival(times)), times, rtol=1e-6)
    np.testing.assert_allclose(distribution.cdf(times), 1 - survival(times), rtol=1e-9)
    step = 1e-5 * times
    slope = (survival(times - step) - survival(times + step)) / (2 * step)
    np.testing.assert_allclose(distribution.pdf(times), slope, rtol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_draws_have_their_form(form) -> None:
    make, _ = FORMS[form]
    drawn = pkpd.draw_times(make(), 3000, seed=5)
    if form == "cure":
        assert scipy.stats.binomtest(int(np.isinf(drawn).sum()), 3000, 0.4).pvalue > 0.01
        drawn = drawn[np.isfinite(drawn)]
        make = FORMS["weibull"][0]
    assert scipy.stats.kstest(drawn, make().cdf).pvalue > 0.01


def test_draws_are_of_a_patient() -> None:
    """The same whatever is drawn besides; longer where the distribution is; independent under another name."""
    short, long = pkpd.weibull_times(1.3, 40), pkpd.weibull_times(1.3, 60)
    drawn = pkpd.draw_times(short, 500, seed=1)
    np.testing.assert_array_equal(pkpd.draw_times(short, 100, seed=1, first=50), drawn[50:150])
    assert (pkpd.draw_times(long, 500, seed=1) > drawn).all()
    other = pkpd.draw_times(short, 500, seed=1, name="dropout")
    assert abs(scipy.stats.spearmanr(drawn, other).statistic) < 0.15
    covariate = np.linspace(-1, 1, 500)
    mu = pkpd.draw_times(pkpd.lognormal_times(3 + covariate, 0.5), 500, seed=1)
    assert scipy.stats.kstest(np.log(mu) - covariate, scipy.stats.norm(3, 0.5).cdf).pvalue > 0.01
    with pytest.raises(pkpd.ParameterError, match="expected 100 patients"):
        pkpd.draw_times(pkpd.lognormal_times(3 + covariate, 0.5), 100, seed=1)


def test_draws_after_a_landmark_are_conditional() -> None:
    form = pkpd.weibull_times(1.8, 40)
    drawn = pkpd.draw_times(form, 3000, seed=5, after=25)
    assert drawn.min() >= 25
    assert scipy.stats.kstest(drawn, lambda x: 1 - form.sf(x) / form.sf(25)).pvalue > 0.01


def test_forms_refuse_what_they_cannot_be() -> None:
    for make, words in [
        (lambda: pkpd.weibull_times(-1, 3), "shape is -1"),
        (lambda: pkpd.exponential_times(0), "hazard is 0"),
        (lambda: pkpd.lognormal_times(np.inf, 1), "mu is inf"),
        (lambda: pkpd.with_cure(pkpd.exponential_times(1), 1.2), "cured fraction is 1.2"),
        (lambda: pkpd.with_cure(3, 0.2), "got 3"),
        (lambda: pkpd.draw_times("weibull", 3, 1), "got 'weibull'"),
        (lambda: pkpd.draw_times(scipy.stats.uniform(0, 2), 3, 1, after=5), "nobody is without the event at 5"),
    ]:
        with pytest.raises(pkpd.ParameterError, match=words):
            make()


def test_a_trial_is_cut_at_its_cutoff() -> None:
    """Uniform accrual over 24 months, cutoff at 33: each is followed 9 to 33 months, dropouts less."""
    entry = pkpd.accrual(2000, 24, seed=4)
    assert scipy.stats.kstest(entry, scipy.stats.uniform(0, 24).cdf).pvalue > 0.01
    np.testing.assert_array_equal(pkpd.accrual(10, 24, seed=4, first=5), entry[5:15])
    life = pkpd.draw_times(pkpd.with_cure(pkpd.exponential_times(0.05), 0.3), 2000, seed=4)
    leaves = pkpd.draw_times(pkpd.exponential_times(0.005), 2000, seed=4, name="dropout")
    time, event = pkpd.censored_at(life, 33 - entry, leaves)
    np.testing.assert_array_equal(time, np.minimum(np.minimum(life, 33 - entry), leaves))
    np.testing.assert_array_equal(event, life <= np.minimum(33 - entry, leaves))
    at = pkpd.landmark_survival(pkpd.kaplan_meier(time, event), [12])
    true = 0.3 + 0.7 * np.exp(-0.05 * 12)
    assert float(at["lower"][0]) < true < float(at["upper"][0])
    with pytest.raises(pkpd.DataError, match="1 members have no event and no end"):
        pkpd.censored_at([np.inf], np.inf)
    np.testing.assert_array_equal(pkpd.censored_at([np.nan, 1], 2), [[np.nan, 1], [np.nan, 1]])
    np.testing.assert_array_equal(pkpd.censored_at([2.0], 2), [[2], [1]])  # on the last day it is seen


MODULES = ["symbolic.hazards", "ensembles.chances", "ensembles.lifetimes", "measures.event_times"]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module) -> None:
    done = doctest.testmod(importlib.import_module(f"pkpd.{module}"))
    assert done.attempted
    assert not done.failed
