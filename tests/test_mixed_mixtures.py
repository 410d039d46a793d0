"""Mixtures of subpopulations in mixed-effects models: likelihood, gradients, estimates, and what is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import pkpd
from pkpd.errors import FitError, ParameterError, PkpdError, UnknownNameError
from pkpd.fitting.mixed.conditional import Approximation
from pkpd.fitting.mixed.curves import individual_courses
from pkpd.fitting.mixed.mixing import approximation_of, modes_of
from pkpd.fitting.mixed.natural import from_natural, natural
from pkpd.fitting.mixed.replicates import drawn_classes, replicates
from pkpd.fitting.mixed.sampled_classes import importance_of
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.stochastic import likelihood
from pkpd.fitting.mixed.subjects import Subjects

# ---- a line in time: linear in its random effect, so that every approximation is exact

TIMES = np.array([0.0, 1.0, 2.0, 4.0])
SD = 0.5


def line() -> pkpd.Model:
    base = pkpd.param("base", 10, "mg", "level at the start", source="test")
    rise = pkpd.param("rise", 1, "mg/h", "slope", source="test")
    x = pkpd.state("x", "mg", "a level", start=base)
    return pkpd.Model("line", rates={x: rise}, outputs={}, time="h")


def lines(n: int = 30, seed: int = 1, share: float = 0.4) -> tuple[pkpd.Records, np.ndarray]:
    """Levels about 10 that rise by 1, or about 14 that rise by 2; and which subject is of the second kind."""
    rng = np.random.default_rng(seed)
    high = rng.random(n) < share
    base = np.where(high, 14.0, 10.0) + rng.normal(0, 1, n)
    y = base[:, None] + np.where(high, 2.0, 1.0)[:, None] * TIMES + rng.normal(0, SD, (n, len(TIMES)))
    table = pd.DataFrame(
        {"ID": np.repeat(np.arange(n) + 1, len(TIMES)), "TIME": np.tile(TIMES, n), "DV": y.reshape(-1), "AMT": 0}
    ).assign(EVID=0, AGE=np.repeat(np.round(rng.uniform(20, 60, n)), len(TIMES)))
    return pkpd.read_nonmem(table), high


TWO = {
    "low": pkpd.subpopulation(0.7),
    "high": pkpd.subpopulation(0.3, values={"base": 13.0, "rise": 1.5}),
}
SPREAD = {"base": pkpd.normal(9.0, sd=1.5)}


def line_statement(mixture: Any = TWO, **options: Any) -> pkpd.MixedEffects:
    settings = {"iiv": SPREAD, "error": {"x": pkpd.additive_error(0.6)}, "free": ["rise"], **options}
    return pkpd.mixed_effects(line(), mixture=mixture, **settings)


def subjects_of(statement: pkpd.MixedEffects, data: pkpd.Records) -> Subjects:
    return settled(statement, data, outputs=None, blq="M3", solver=pkpd.Solver(rtol=1e-11))


def objective(subjects: Subjects, u: np.ndarray, kind: str = "focei") -> float:
    approximation = approximation_of(subjects, kind)  # type: ignore[arg-type]
    return float(approximation.evaluate(u[None], modes_of(subjects)[None], gradient=False, tol=1e-16).value[0])


def by_quadrature(data: pkpd.Records, classes: list[tuple[float, float, float, float]], sd: float) -> float:
    """-2 ln of sum_k p_k of the integral over eta by the trapezoid rule; classes of (p, base, rise, omega)."""
    y = data.table["DV"].to_numpy(float).reshape(-1, len(TIMES))
    parts = []
    for p, base, rise, omega in classes:
        eta = np.linspace(-10, 10, 4001) * omega
        mean = base + eta[:, None] + rise * TIMES
        joint = norm.logpdf(y[:, None], mean, sd).sum(-1) + norm.logpdf(eta, 0, omega)
        parts.append(np.log(p) + logsumexp(joint, axis=1) + np.log(eta[1] - eta[0]))
    return float(-2 * logsumexp(parts, axis=0).sum() - y.size * np.log(2 * np.pi))


@pytest.mark.parametrize("kind", ["fo", "foce", "focei", "laplace"])
def test_the_objective_is_the_integral_over_classes_and_random_effects(kind: str) -> None:
    """Of a model that is linear in its random effect all approximations are exact."""
    data, _ = lines(12)
    subjects = subjects_of(line_statement(), data)
    exact = by_quadrature(data, [(0.7, 9.0, 1.0, 1.5), (0.3, 13.0, 1.5, 1.5)], 0.6)
    assert objective(subjects, subjects.numbers.start, kind) == pytest.approx(exact, abs=1e-5)


def test_a_class_has_its_own_variability() -> None:
    wider = pkpd.subpopulation(0.3, values={"rise": 1.5}, variability={"base": pkpd.normal(13.0, sd=3.0)})
    data, _ = lines(12)
    subjects = subjects_of(line_statement({"low": pkpd.subpopulation(0.7), "high": wider}), data)
    assert subjects.numbers.labels == (
        "base", "base[high]", "rise", "rise[high]", "sd_additive[x]", "omega[base]", "omega[base[high]]",
        "probability[high]",
    )  # fmt: skip
    exact = by_quadrature(data, [(0.7, 9.0, 1.0, 1.5), (0.3, 13.0, 1.5, 3.0)], 0.6)
    assert objective(subjects, subjects.numbers.start) == pytest.approx(exact, abs=1e-5)


def test_importance_sampling_has_the_integral_too() -> None:
    data, _ = lines(12)
    subjects = subjects_of(line_statement(), data)
    exact = by_quadrature(data, [(0.7, 9.0, 1.0, 1.5), (0.3, 13.0, 1.5, 1.5)], 0.6)
    sampled = likelihood(subjects, subjects.numbers.start, modes_of(subjects), 1024, 1)
    assert sampled.error < 0.1
    assert sampled.value == pytest.approx(exact, abs=max(3 * sampled.error, 2e-3))


# ---- gradients

THREE = {
    "low": pkpd.subpopulation(0.5),
    "high": pkpd.subpopulation(0.3, values={"base": 13.0, "rise": 1.5}),
    "steep": pkpd.subpopulation(0.2, values={"rise": 3.0}, variability={"base": pkpd.normal(9.0, sd=2.5)}),
}


@pytest.mark.parametrize("kind", ["focei", "laplace", "fo"])
@pytest.mark.parametrize("held", [(), ("probability[steep]",)])
def test_gradients_are_those_of_the_objective(kind: str, held: tuple[str, ...]) -> None:
    """Typical values, spreads, a coefficient and probabilities, against central differences of the whole objective."""
    data, _ = lines(8)
    statement = line_statement(THREE, covariates={"base": pkpd.linear_effect("AGE", 40, 0.01)}, fixed=held)
    subjects = subjects_of(statement, data)
    approximation, u = approximation_of(subjects, kind), subjects.numbers.start  # type: ignore[arg-type]
    point = approximation.evaluate(u[None], modes_of(subjects)[None], tol=1e-16)
    assert point.gradient is not None
    free = np.flatnonzero(subjects.numbers.free)
    steps = 1e-4 * np.eye(len(u))[free]
    values = np.array([objective(subjects, v, kind) for v in (*(u + steps), *(u - steps))])
    differences = (values[: len(free)] - values[len(free) :]) / 2e-4
    assert point.gradient[0, free] == pytest.approx(differences, abs=1e-4 * np.abs(differences).max())


def test_scores_of_samples_are_those_of_their_likelihood() -> None:
    """And the information has what is lost because classes are unknown: here all are likely for every subject."""
    data, _ = lines(8, share=0.5)
    subjects = subjects_of(line_statement(THREE), data)
    importance, u = importance_of(subjects, 256, 3), subjects.numbers.start
    point = approximation_of(subjects, "focei").evaluate(u[None], modes_of(subjects)[None], gradient=False)
    population = subjects.population
    mu = population.mu(subjects.class_vectors(u)[:, : population.nb])[..., population.random].reshape(-1, population.q)
    mean = mu + point.eta[0]
    sample = importance.draw(u, mean, np.linalg.inv(point.hessian[0]))
    now = importance.evaluate(u, sample)
    own = [i for i, label in enumerate(subjects.numbers.labels) if not label.startswith("rise")]
    steps = 1e-4 * np.eye(len(u))[own]
    values = np.array([importance.evaluate(v, sample).value for v in (*(u + steps), *(u - steps))])
    differences = (values[: len(own)] - values[len(own) :]) / 2e-4
    assert now.score.sum(0)[own] == pytest.approx(differences, abs=1e-4 * np.abs(differences).max())
    # Of numbers of the density of random components alone Louis' information is the Hessian itself.
    exact = [i for i in own if not subjects.numbers.labels[i].startswith("sd")]
    steps = 1e-4 * np.eye(len(u))[exact]
    scores = np.array([importance.evaluate(v, sample).score.sum(0) for v in (*(u + steps), *(u - steps))])
    hessian = ((scores[: len(exact)] - scores[len(exact) :]) / 2e-4)[:, exact]
    assert now.information[np.ix_(exact, exact)] == pytest.approx(hessian, abs=1e-4 * np.abs(hessian).max())


# ---- nothing but what is there


def test_one_class_and_equal_classes_are_no_mixture() -> None:
    data, _ = lines(10)
    plain = subjects_of(line_statement(None), data)
    nothing = np.zeros((1, 10, 1))
    alone = float(
        Approximation(plain, "focei").evaluate(plain.population.start[None], nothing, gradient=False).value[0]
    )
    one = subjects_of(line_statement({"all": pkpd.subpopulation(1.0)}), data)
    assert objective(one, one.numbers.start) == pytest.approx(alone, abs=1e-9)
    two = subjects_of(line_statement(), data)
    equal = from_natural(two.numbers, {"base[high]": 9.0, "rise[high]": 1.0})
    assert objective(two, equal) == pytest.approx(alone, abs=1e-9)


def test_probabilities_by_label() -> None:
    """Softmax inside, probabilities outside; one that is held stays what it is while others move."""
    data, _ = lines(4)
    free = subjects_of(line_statement(THREE), data).numbers
    u = from_natural(free, {"probability[high]": 0.2, "probability[steep]": 0.7})
    assert natural(free, u)[-2:] == pytest.approx([0.2, 0.7])
    assert np.exp(free.log_probabilities(u)) == pytest.approx([0.1, 0.2, 0.7])  # type: ignore[union-attr]
    held = subjects_of(line_statement(THREE, fixed=["probability[steep]"]), data).numbers
    u = held.start.copy()
    assert natural(held, u)[-2:] == pytest.approx([0.3, 0.2])
    u[held.labels.index("probability[high]")] += 1.0
    assert natural(held, u)[-1] == pytest.approx(0.2)
    assert np.exp(held.log_probabilities(u)).sum() == pytest.approx(1.0)  # type: ignore[union-attr]
    with pytest.raises(FitError, match="which leaves -0.1 for low"):
        from_natural(free, {"probability[high]": 0.4, "probability[steep]": 0.7})


# ---- what is simulated is estimated

CL = {"fast": 4.0, "slow": 1.2}
SLOW = 0.35


def trial(n: int, seed: int, mixture: Any) -> tuple[pkpd.Records, Any]:
    """Subjects drawn by `pkpd.population` with one bolus each, measured with an error of 10 %."""
    model = pkpd.load("pk_1cmt").in_time("h").using(CL=CL["fast"], V=30.0)
    spread = {"CL": pkpd.lognormal(omega=0.25), "V": pkpd.lognormal(omega=0.15)}
    people = pkpd.population(model, n, seed, variability=spread, mixture=mixture)
    times = np.array([1.0, 4.0, 10.0, 24.0])
    decay = np.asarray(people["CL"]) / np.asarray(people["V"])
    exact = 100 / np.asarray(people["V"])[:, None] * np.exp(-decay[:, None] * times)
    y = exact * np.exp(0.1 * np.random.default_rng(seed).standard_normal(exact.shape))
    doses = pd.DataFrame({"ID": np.arange(n) + 1, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": 0.0})
    seen = pd.DataFrame({"ID": np.repeat(np.arange(n) + 1, 4), "TIME": np.tile(times, n), "DV": y.reshape(-1)})
    rows = pd.concat([doses, seen.assign(AMT=0.0, EVID=0)]).sort_values(["ID", "TIME"], kind="stable").assign(CMT=1)
    return pkpd.read_nonmem(rows, compartments={1: "central"}), people


def drawn(share: float = SLOW) -> Any:
    return {"fast": pkpd.subpopulation(1 - share), "slow": pkpd.subpopulation(share, values={"CL": CL["slow"]})}


def statement(mixture: Any, **options: Any) -> pkpd.MixedEffects:
    spread = {"CL": pkpd.lognormal(3.0, omega=0.4), "V": pkpd.lognormal(25.0, omega=0.3)}
    settings = {"iiv": spread, "error": pkpd.lognormal_error(0.2), **options}
    return pkpd.mixed_effects(pkpd.load("pk_1cmt").in_time("h"), mixture=mixture, **settings)


GUESS = {"fast": pkpd.subpopulation(0.5), "slow": pkpd.subpopulation(0.5, values={"CL": 1.6})}


@pytest.fixture(scope="module")
def two() -> tuple[pkpd.Records, Any]:
    return trial(120, 3, drawn())


@pytest.fixture(scope="module")
def fit(two: tuple[pkpd.Records, Any]) -> pkpd.MixedFit:
    return pkpd.fit(statement(GUESS), two[0])


TRUTH = {
    "CL": CL["fast"], "CL[slow]": CL["slow"], "V": 30.0, "probability[slow]": SLOW, "omega[CL]": 0.25, "omega[V]": 0.15,
    "sd_log[C]": 0.1,
}  # fmt: skip


def test_what_is_simulated_is_estimated(fit: pkpd.MixedFit, two: tuple[pkpd.Records, Any]) -> None:
    """All true values in their 95 % intervals (3 standard errors for what is not of classes), and subjects assigned."""
    assert fit.converged
    for label, value in TRUTH.items():
        row = fit.estimates.loc[label]
        if label in ("CL", "CL[slow]", "probability[slow]"):
            assert row["ci_low"] < value < row["ci_high"], label
        assert abs(row["estimate"] - value) < 3 * row["se"], label
    right = fit.individuals["subpopulation"].to_numpy() == two[1].labels["subpopulation"][1]
    assert right.mean() > 0.95
    chances = fit.individuals["probability[fast]"] + fit.individuals["probability[slow]"]
    assert chances.to_numpy() == pytest.approx(1.0)


def test_standard_errors_of_the_probability(fit: pkpd.MixedFit) -> None:
    """Classes that are known almost surely: little more than the error of a binomial share, whatever the matrix."""
    p = fit.estimates.loc["probability[slow]", "estimate"]
    binomial = np.sqrt(p * (1 - p) / 120)
    for kind in ("R", "S", "sandwich"):
        se = fit.standard_errors(kind)["probability[slow]"]  # type: ignore[arg-type]
        assert binomial < se < 1.15 * binomial, kind


def test_without_the_mixture_the_data_are_worse_described(fit: pkpd.MixedFit, two: tuple[pkpd.Records, Any]) -> None:
    plain = pkpd.fit(statement(None), two[0], covariance=None)
    test = pkpd.likelihood_ratio(plain, fit)
    assert test.degrees == 2
    assert test.classes == 1
    assert test.p < 1e-6
    assert "1 more subpopulation, for which p is a mere guide" in str(test)
    assert fit.aic < plain.aic


def test_what_is_estimated_is_simulated(fit: pkpd.MixedFit) -> None:
    """`model`, `variability` and `mixture` of a fit draw a population with its classes."""
    people = pkpd.population(fit.model, 6000, 1, variability=fit.variability, mixture=fit.mixture)
    slow = people.labels["subpopulation"][1] == "slow"
    estimate = fit.estimates["estimate"]
    assert slow.mean() == pytest.approx(estimate["probability[slow]"], abs=0.02)
    assert np.median(people["CL"][slow]) == pytest.approx(estimate["CL[slow]"], rel=0.03)
    assert np.median(people["CL"][~slow]) == pytest.approx(estimate["CL"], rel=0.03)
    assert np.log(people["CL"][slow]).std() == pytest.approx(estimate["omega[CL]"], rel=0.05)
    assert np.median(people["V"]) == pytest.approx(estimate["V"], rel=0.03)


def test_the_report_tells_of_the_classes(fit: pkpd.MixedFit) -> None:
    text = fit.report()
    assert "subpopulation  probability  subjects" in text
    assert "CL[slow]" in text
    assert "probability[slow]" in text
    assert "changed places" not in text


def test_individuals_are_at_the_mode_in_their_most_probable_class(fit: pkpd.MixedFit) -> None:
    typical = np.where(
        fit.individuals["subpopulation"].to_numpy() == "slow",
        fit.estimates.loc["CL[slow]", "estimate"],
        fit.estimates.loc["CL", "estimate"],
    )
    assert fit.individuals["CL"].to_numpy() == pytest.approx(typical * np.exp(fit.individuals["eta[CL]"].to_numpy()))
    rows = fit.residuals
    own = fit.individuals.sel(subject=rows["subject"].to_numpy())
    predicted = 100 / own["V"] * np.exp(-own["CL"] / own["V"] * rows["time"].to_numpy())
    assert rows["ipred"].to_numpy() == pytest.approx(predicted.to_numpy(), rel=1e-6)
    expected = 1 - fit.individuals["eta[V]"].to_numpy().std(ddof=1) / fit.estimates.loc["omega[V]", "estimate"]
    assert fit.shrinkage["eta[V]"] == pytest.approx(expected)
    assert rows["cwres"].std() == pytest.approx(1.0, abs=0.1)


def test_simulated_trials_draw_classes_by_their_probabilities(fit: pkpd.MixedFit) -> None:
    which = drawn_classes(fit.subjects, fit.u, 500, np.random.default_rng(0))
    assert which.mean() == pytest.approx(fit.estimates.loc["probability[slow]", "estimate"], abs=0.01)
    errors = fit.npde(500)["npde"].to_numpy()
    assert abs(errors.mean()) < 0.15
    assert errors.std() == pytest.approx(1.0, abs=0.1)
    late = replicates(fit.subjects, fit.u, 200, 1)[
        ..., -1
    ]  # at 24 h the slow class has more than 1 mg/L, the fast less
    assert (late > 0.6).mean() == pytest.approx((fit.residuals["observed"].to_numpy()[3::4] > 0.6).mean(), abs=0.06)


def test_a_fit_is_written_and_read(fit: pkpd.MixedFit, tmp_path: Path) -> None:
    pkpd.write_fit(fit, tmp_path / "fit.json")
    again = pkpd.read_fit(tmp_path / "fit.json", statement(GUESS))
    pd.testing.assert_frame_equal(again.estimates, fit.estimates)
    assert again.individuals.equals(fit.individuals)


def test_patients_of_a_known_mixture(fit: pkpd.MixedFit, two: tuple[pkpd.Records, Any]) -> None:
    known = pkpd.empirical_bayes(fit, two[0])
    assert known.objective == pytest.approx(fit.objective, abs=1e-4)
    assert (known.class_of == fit.class_of).all()
    with pytest.raises(FitError, match="is a mixture of fast, slow"):
        pkpd.personalize(fit, two[0])


def test_courses_go_through_the_individual_predictions(fit: pkpd.MixedFit) -> None:
    courses, rows = individual_courses(fit, "C", points=5), fit.residuals
    both = rows.merge(courses, on=["subject", "time"], suffixes=("", "_course"))
    assert len(both) >= len(rows)
    assert both["ipred"].to_numpy() == pytest.approx(both["ipred_course"].to_numpy(), rel=1e-5)
    assert both["pred"].to_numpy() == pytest.approx(both["pred_course"].to_numpy(), rel=1e-5)


def test_the_figures_are_drawn(fit: pkpd.MixedFit) -> None:
    assert pkpd.goodness_of_fit(fit) is not None
    assert pkpd.vpc(fit, replicates=100, corrected=True) is not None


# ---- other methods


OWN = {
    "low": pkpd.subpopulation(0.7),
    "high": pkpd.subpopulation(0.3, values={"rise": 1.5}, variability={"base": pkpd.normal(13.0, sd=2.0)}),
}


@pytest.fixture(scope="module")
def linear() -> tuple[pkpd.MixedFit, pkpd.Records, np.ndarray]:
    """By FOCEI, exact here: typical values with and without a random effect, and a spread, of each class."""
    data, high = lines(50, seed=5)
    return pkpd.fit(line_statement(OWN), data), data, high


@pytest.mark.parametrize("method", ["fo", "foce", "laplace", "importance", "saem"])
def test_other_methods_find_the_same(method: Any, linear: tuple[pkpd.MixedFit, pkpd.Records, np.ndarray]) -> None:
    """The likelihood is one, whatever approximates it: so are its maximum, its curvature and the classes there."""
    fit, data, high = linear
    other = pkpd.fit(line_statement(OWN), data, method=method, phases=(100, 100), samples=256, seed=1)
    sampled = method in ("importance", "saem")
    assert other.objective == pytest.approx(fit.objective, abs=max(1e-3, 3 * other.objective_error))
    for label, row in fit.estimates.iterrows():
        near = (0.3 if sampled else 1e-2) * row["se"]
        assert other.estimates.loc[label, "estimate"] == pytest.approx(row["estimate"], abs=near), label
        assert other.estimates.loc[label, "se"] == pytest.approx(row["se"], rel=0.1 if sampled else 1e-2), label
    assert (other.class_of == high).mean() > 0.95
    if method == "saem":
        assert other.details["acceptance"]["laplace"] > 0.5


# ---- order, starts and labels


def test_classes_keep_the_order_of_their_starts() -> None:
    """From a start at which the second class is the lower one, where its start in the statement is the higher."""
    data, high = lines(40, seed=3)
    swapped = {"base": 14.0, "rise": 2.0, "base[high]": 10.0, "rise[high]": 1.0, "probability[high]": 0.6}
    fit = pkpd.fit(line_statement(), data, start=swapped)
    estimate = fit.estimates["estimate"]
    assert estimate["base[high]"] > estimate["base"]
    assert estimate["rise[high]"] == pytest.approx(2.0, abs=0.2)
    assert (fit.class_of == high).all()
    straight = pkpd.fit(line_statement(), data)
    assert fit.objective == pytest.approx(straight.objective, abs=1e-3)
    sampled = pkpd.fit(
        line_statement(), data, method="saem", start=swapped, phases=(30, 30), samples=128, covariance=None
    )
    assert sampled.estimates.loc["base[high]", "estimate"] > sampled.estimates.loc["base", "estimate"]
    assert (sampled.class_of == high).all()
    several = pkpd.fit(line_statement(), data, starts=4, covariance=None)
    assert several.starts is not None
    assert several.starts.table["objective"].iloc[0] == pytest.approx(straight.objective, abs=1e-3)


def test_classes_that_cannot_be_renamed_are_told() -> None:
    """Of three classes one has a spread of its own, so that no other can take its place."""
    data, _ = lines(40, seed=3)
    swapped = {"rise": 3.0, "rise[steep]": 1.0, "probability[steep]": 0.5}
    text = pkpd.fit(line_statement(THREE), data, start=swapped, covariance=None, iterations=5).report()
    assert "The classes have changed places: rise = " in text
    assert "omega[base[steep]]" in text


def test_labels_are_held_and_begun_with() -> None:
    data, _ = lines(20)
    fit = pkpd.fit(line_statement(fixed=["probability[high]", "rise[high]"]), data, start={"rise[high]": 2.0})
    assert fit.estimates.loc["probability[high]", "estimate"] == pytest.approx(0.3)
    assert fit.estimates.loc["rise[high]", "estimate"] == pytest.approx(2.0)
    assert fit.estimates.loc["probability[high]", "fixed"]
    assert np.isnan(fit.estimates.loc["rise[high]", "se"])
    assert fit.n_free == 5
    again = pkpd.fit(fit.statement, data, start=fit)
    assert again.objective == pytest.approx(fit.objective, abs=1e-4)


def test_a_prior_on_a_probability() -> None:
    from scipy.stats import beta

    data, _ = lines(20)
    free = pkpd.fit(line_statement(), data, covariance=None)
    told = pkpd.fit(line_statement(priors={"probability[high]": beta(50, 50)}), data, covariance=None)
    before, after = (f.estimates.loc["probability[high]", "estimate"] for f in (free, told))
    assert abs(after - 0.5) < abs(before - 0.5)


@pytest.mark.slow
def test_bootstrap_and_profile_of_a_probability() -> None:
    data, _ = lines(30)
    fit = pkpd.fit(line_statement(), data)
    row = fit.estimates.loc["probability[high]"]
    profile = pkpd.profile(fit, "probability[high]")["probability[high]"]
    assert profile.low == pytest.approx(row["ci_low"], abs=0.03)
    assert profile.high == pytest.approx(row["ci_high"], abs=0.03)
    drawn = pkpd.bootstrap(fit, 20, by="subject", seed=1)
    assert drawn.table["probability[high]"].std() == pytest.approx(row["se"], rel=0.6)
    weighed = pkpd.sir(fit, samples=200, resamples=100)
    assert weighed.table["probability[high]"].std() == pytest.approx(row["se"], rel=0.4)


# ---- what cannot be


@pytest.mark.parametrize("seed", [1, 2])
def test_data_of_one_class_leave_the_probability_undetermined(seed: int) -> None:
    """Told, and no crash; the likelihood does not gain what a class is worth."""
    data, _ = lines(30, seed=seed, share=0.0)
    fit = pkpd.fit(line_statement(), data)
    plain = pkpd.fit(line_statement(None), data, covariance=None)
    assert fit.objective <= plain.objective + 1e-3
    assert pkpd.likelihood_ratio(plain, fit).p > 0.01
    text = fit.report()
    assert "undetermined" in text or "no subject is in that class" in text


@pytest.mark.parametrize(
    ("mixture", "error", "message"),
    [
        ([0.5, 0.5], ParameterError, r"mixture is \[0.5, 0.5\]; expected {name: subpopulation"),
        ({}, FitError, "mixture has no subpopulation"),
        ({"a": 0.5, "b": 0.5}, ParameterError, "the subpopulation 'a' is 0.5"),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.4, values={"base": 13})},
            ParameterError, "a, b sum to 0.9; expected 1",
        ),
        (
            {"a": pkpd.subpopulation(1.0), "b": pkpd.subpopulation(0.0, values={"base": 13})},
            FitError, "probability of the subpopulation 'a' is 1, where no search can begin",
        ),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, values={"bas": 13})},
            UnknownNameError, "has no parameter 'bas'.*base",
        ),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, values={"base": "13 km"})},
            FitError, "of the subpopulation 'b', .*km",
        ),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, variability={"rise": pkpd.normal(1, sd=1)})},
            FitError, r"'b' varies in rise, and iiv= in base; .*State there all that varies in any class",
        ),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, variability={"base": pkpd.lognormal(9, cv=1)})},
            FitError, "'b' varies in base, and iiv= in base",
        ),
        (
            {
                "a": pkpd.subpopulation(0.5),
                "b": pkpd.subpopulation(0.5, values={"base": 12}, variability={"base": pkpd.normal(13, sd=1)}),
            },
            FitError, "'base' = 12 by values= and 13 by variability=; give one of the two",
        ),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5)},
            FitError, "'a' and 'b' start alike, and no data can tell them apart",
        ),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, values={"base": 9.0})},
            FitError, "start alike",
        ),
        (
            {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, values={"rise": -1.0})},
            FitError, "'rise' of the subpopulation 'b' starts at -1 and that of others at 1",
        ),
    ],
)  # fmt: skip
def test_what_is_no_mixture_is_refused(mixture: Any, error: type[PkpdError], message: str) -> None:
    data, _ = lines(4)
    with pytest.raises(error, match=message):
        pkpd.fit(line_statement(mixture), data)


def test_labels_and_parameters_that_are_not_there_are_refused() -> None:
    data, _ = lines(4)
    with pytest.raises(FitError, match="has a value of 'rise', which is not estimated"):
        line_statement(free=[])
    with pytest.raises(UnknownNameError, match=r"fixed=.*'base\[hi\]'.*base\[high\]"):
        pkpd.fit(line_statement(fixed=["base[hi]"]), data)
    with pytest.raises(UnknownNameError, match=r"'probability\[low\]'"):
        pkpd.fit(line_statement(), data, start={"probability[low]": 0.5})
    each = {n: pkpd.subpopulation(0.5, values={"base": v}) for n, v in (("low", 9), ("high", 13))}
    with pytest.raises(UnknownNameError, match=r"priors=.*'base'"):
        pkpd.fit(line_statement(each, priors={"base": pkpd.normal(9, sd=1)}), data)


def test_a_mixture_with_errors_that_are_correlated_in_time() -> None:
    """Of a linear model the chance of a subject is a sum of multivariate normal densities."""
    data, _ = lines(12)
    statement = line_statement(residuals=pkpd.autocorrelated("x", 1.5))
    subjects = subjects_of(statement, data)
    y = data.table["DV"].to_numpy(float).reshape(-1, len(TIMES))
    scatter = 1.5**2 + 0.6**2 * np.exp(-np.abs(TIMES[:, None] - TIMES) / 1.5)
    parts = [
        np.log(p) + multivariate_normal(base + rise * TIMES, scatter).logpdf(y)
        for p, base, rise in ((0.7, 9.0, 1.0), (0.3, 13.0, 1.5))
    ]
    exact = -2 * logsumexp(parts, axis=0).sum() - y.size * np.log(2 * np.pi)
    for kind in ("fo", "focei", "laplace"):
        assert objective(subjects, subjects.numbers.start, kind) == pytest.approx(exact, abs=1e-5)
    fit = pkpd.fit(statement, data, method="saem", phases=(20, 10), samples=64, covariance=None)
    assert {"autocorrelation_time[x]", "probability[high]"} <= set(fit.estimates.index)


@pytest.mark.parametrize("label", ["omega[base]", "omega[rise]", "omega[rise[high]]"])
def test_a_spread_within_a_block_is_held_in_a_mixture_too(label: str) -> None:
    def block(base: float, sd: float) -> Any:
        marginals = {"base": pkpd.normal(base, sd=1.5), "rise": pkpd.normal(1.0, sd=sd)}
        return pkpd.block(marginals, correlations={("base", "rise"): 0.3})

    alone: Any = {"variability": block(13.0, 0.3)} if label.endswith("[high]]") else {"values": {"base": 13.0}}
    classes = {"low": pkpd.subpopulation(0.7), "high": pkpd.subpopulation(0.3, **alone)}
    statement = line_statement(classes, iiv=block(9.0, 0.2), free=[], fixed=[label])
    fit = pkpd.fit(statement, lines(30)[0], covariance=None, iterations=5)
    stated = {"omega[base]": 1.5, "omega[rise]": 0.2, "omega[rise[high]]": 0.3}[label]
    assert fit.estimates.loc[label, "fixed"]
    assert fit.estimates.loc[label, "estimate"] == pytest.approx(stated)
