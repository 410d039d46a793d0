"""Virtual populations: their distributions, correlations, covariates, mixtures, occasions and seeds."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from examples import growth, one_compartment
from helpers import relative_error
from scipy import stats

import pkpd
from pkpd.ensembles.distributions import as_distribution
from pkpd.errors import DataError, ModelError, ParameterError, RegimenError, UnknownNameError
from pkpd.fits import durvalumab_population as example
from pkpd.models.durvalumab_baverel_2018 import model as durvalumab
from pkpd.models.durvalumab_baverel_2018 import variability

mpl.use("Agg")

N = 40_000
ROOT = np.sqrt(N)


def drawn(distribution, n=N, seed=1, name="CL"):
    return pkpd.population(one_compartment, n, seed, variability={name: distribution})[name]


def follows(values, reference):
    """Kolmogorov and Smirnov's test; a wrong distribution has p of about 0."""
    return stats.kstest(values, reference.cdf).pvalue > 1e-3


# ---- distributions


@pytest.mark.parametrize(
    ("distribution", "reference"),
    [
        (pkpd.lognormal(), stats.lognorm(s=0.3, scale=0.3)),
        (pkpd.lognormal(0.5, omega=0.2), stats.lognorm(s=0.2, scale=0.5)),
        (pkpd.lognormal(cv=0.5), stats.lognorm(s=np.sqrt(np.log(1.25)), scale=0.3)),
        (pkpd.normal(sd=0.02), stats.norm(0.3, 0.02)),
        (pkpd.truncated(pkpd.normal(sd=0.3), 0.1, 0.7), stats.truncnorm(-2 / 3, 4 / 3, 0.3, 0.3)),
        (pkpd.truncated(pkpd.normal(sd=0.3), lower=0), stats.truncnorm(-1, np.inf, 0.3, 0.3)),
        (pkpd.truncated(stats.expon(), upper=2), stats.truncexpon(2)),
        (stats.gamma(3), stats.gamma(3)),
    ],
)
def test_each_distribution_is_the_one_it_says(distribution, reference):
    values = drawn(distribution)
    assert follows(values, reference)
    assert not follows(values * 1.05, reference)
    low, high = reference.support()
    assert values.min() >= low
    assert values.max() <= high


def test_cv_is_the_standard_deviation_over_the_mean():
    values = drawn(pkpd.lognormal(cv=0.5))
    assert abs(values.std() / values.mean() - 0.5) < 0.02


def test_a_logitnormal_lies_between_its_limits():
    values = drawn(pkpd.logitnormal(0.4, omega=1.5, lower=0.1, upper=0.9))
    assert 0.1 < values.min() < 0.15
    assert 0.85 < values.max() < 0.9
    assert follows(np.log((values - 0.1) / (0.9 - values)), stats.norm(np.log(0.3 / 0.5), 1.5))


def test_values_and_categories_are_drawn_as_often_as_they_should():
    kinds = drawn(pkpd.categorical({2: 0.5, 0: 0.2, 1: 0.3}))
    assert np.abs(np.array([(kinds == k).mean() for k in (0, 1, 2)]) - [0.2, 0.3, 0.5]).max() < 4 * 0.5 / ROOT
    measured = drawn(pkpd.empirical([1.0, 5.0, 9.0], weights=[1, 2, 1]))
    assert set(measured) == {1.0, 5.0, 9.0}
    assert abs((measured == 5).mean() - 0.5) < 4 * 0.5 / ROOT
    assert set(drawn(pkpd.truncated(pkpd.empirical([1.0, 5.0, 9.0]), 1, 5))) == {1.0, 5.0}


@pytest.mark.parametrize(
    "distribution",
    [
        pkpd.lognormal(2, omega=0.4),
        pkpd.normal(1, sd=2),
        pkpd.logitnormal(0.3, omega=1),
        pkpd.truncated(pkpd.normal(0, sd=1), -1, 3),
        stats.gamma(3),
    ],
)
def test_the_cdf_is_that_of_the_values(distribution):
    settled = as_distribution("x", distribution).settled("x", None, None)
    z = np.linspace(-3, 3, 13)
    np.testing.assert_allclose([settled.cdf(x) for x in settled.at(z)], stats.norm.cdf(z), atol=1e-12)
    assert (settled.cdf(-1e9), settled.cdf(1e9)) == (0, 1)


# ---- seeds


def test_a_subject_is_the_same_whatever_is_drawn_beside_it():
    options = {
        "variability": variability,
        "covariates": [{"WT": pkpd.lognormal(cv=0.2)}, {"ECOG": pkpd.categorical({0: 0.4, 1: 0.6})}],
    }
    whole = pkpd.population(durvalumab, 1000, 7, **options)
    few = pkpd.population(durvalumab, 10, 7, **options)
    part = pkpd.population(durvalumab, 100, 7, first=500, **options)
    for name in ("CL", "V1", "V2", "WT", "ECOG"):
        np.testing.assert_array_equal(few[name], whole[name][:10])
        np.testing.assert_array_equal(part[name], whole[name][500:600])
    assert part.labels["member"][1].tolist() == list(range(500, 600))
    without = pkpd.population(durvalumab, 1000, 7, variability=variability)
    np.testing.assert_array_equal(without["V2"], whole["V2"])
    assert not np.array_equal(pkpd.population(durvalumab, 1000, 8, **options)["CL"], whole["CL"])


def test_by_default_a_population_is_the_sample_that_the_model_declares():
    people, sample = pkpd.population(durvalumab, 100, 3), pkpd.sample(durvalumab, 100, 3)
    assert set(people.columns) == set(sample.columns) == {"CL", "V1", "V2"}
    for name in sample.columns:
        assert relative_error(people[name], sample[name]) < 1e-14


def test_none_does_not_vary():
    assert set(pkpd.population(durvalumab, 10, 3, variability={"CL": None}).columns) == {"V1", "V2"}


# ---- correlations

PUBLISHED = np.array([[1, 0.279, 0], [0.279, 1, 0.560], [0, 0.560, 1]])
VARIANCES = np.array([0.0729, 0.0437, 0.113])
COVARIANCE = PUBLISHED * np.sqrt(np.outer(VARIANCES, VARIANCES))


def etas(people, names=("CL", "V1", "V2")):
    return np.stack([np.log(people[name] / durvalumab[name].value) for name in names])


def test_durvalumab_varies_as_published():
    """Baverel 2018: variances of the etas 0.0729, 0.0437, 0.113; correlations 0.279, 0.560, 0."""
    found = etas(pkpd.population(durvalumab, N, 1, variability=variability))
    np.testing.assert_allclose(found.var(axis=1), VARIANCES, rtol=4 * np.sqrt(2) / ROOT)
    np.testing.assert_allclose(np.corrcoef(found), PUBLISHED, atol=4 / ROOT)
    assert np.abs(found.mean(axis=1) / np.sqrt(VARIANCES)).max() < 4 / ROOT


@pytest.mark.parametrize("lower", [False, True])
def test_a_covariance_matrix_says_the_same_as_correlations(lower):
    rows = [row[: i + 1] for i, row in enumerate(COVARIANCE)] if lower else COVARIANCE
    by_covariance = pkpd.block(["CL", "V1", "V2"], covariance=rows)
    one = etas(pkpd.population(durvalumab, 100, 1, variability=by_covariance))
    np.testing.assert_allclose(one, etas(pkpd.population(durvalumab, 100, 1, variability=variability)), rtol=1e-9)


def test_correlations_are_those_of_the_etas_with_cvs_and_other_scales_too():
    mixed = pkpd.block(
        {"CL": pkpd.lognormal(cv=0.8), "V1": pkpd.normal(sd=0.1), "V2": pkpd.logitnormal(omega=1, upper=5)},
        correlations=[[1, -0.6, 0.3], [-0.6, 1, 0], [0.3, 0, 1]],
    )
    people = pkpd.population(durvalumab, N, 1, variability=mixed)
    scores = np.stack([np.log(people["CL"]), people["V1"], np.log(people["V2"] / (5 - people["V2"]))])
    np.testing.assert_allclose(np.corrcoef(scores), mixed.correlation, atol=4 / ROOT)


def test_categories_are_correlated_by_their_normal_scores():
    joined = pkpd.block(
        {"WT": pkpd.lognormal(cv=0.2), "female": pkpd.categorical({0: 0.5, 1: 0.5})},
        correlations={("WT", "female"): -0.5},
    )
    people = pkpd.population(durvalumab, N, 1, covariates=joined)
    heavy = people["WT"] > durvalumab["WT"].value
    # The chance that two normal numbers of correlation r are both positive: Sheppard's 1/4 + asin(r)/(2 pi).
    both = 0.25 + np.arcsin(-0.5) / (2 * np.pi)
    assert abs((heavy & (people["female"] == 1)).mean() - both) < 4 * 0.3 / ROOT


def test_correlations_may_be_a_table():
    numbers = [[1, 0.3], [0.3, 1]]
    table = pd.DataFrame(numbers, ["CL", "V1"], ["CL", "V1"])
    assert pkpd.block(["CL", "V1"], correlations=table) == pkpd.block(["CL", "V1"], correlations=numbers)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: pkpd.block(["a", "b", "c"], correlations={("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}),
            ParameterError,
            r"block a, b, c: the correlation matrix is not positive semidefinite \(its smallest eigenvalue is -0.8\)",
        ),
        (
            lambda: pkpd.block(["a", "b"], correlations={("a", "b"): 1.2}),
            ParameterError,
            "block a, b has the correlation 1.2",
        ),
        (lambda: pkpd.block(["CL", "V1"], correlations={("CL", "V"): 0.1}), UnknownNameError, "Did you mean 'V1'"),
        (lambda: pkpd.block(["a", "b"], correlations={("a", "a"): 0.1}), ParameterError, "expected two names"),
        (
            lambda: pkpd.block(["a", "b"], correlations={("a", "b"): 0.1, ("b", "a"): 0.2}),
            ParameterError,
            "correlation b-a is given twice",
        ),
        (lambda: pkpd.block(["a", "b"], covariance=[[1, 0.5], [0.4, 1]]), ParameterError, "not a symmetric matrix"),
        (lambda: pkpd.block(["a", "b"], covariance=[[1, 0.5]]), ParameterError, "expected 2 by 2"),
        (
            lambda: pkpd.block(["a", "b"], covariance=[[1], [0, -1]]),
            ParameterError,
            "variance of 'b' is -1; expected 0",
        ),
        (lambda: pkpd.block(["a", "b"], correlations=[[2, 0], [0, 1]]), ParameterError, "diagonal of the correlation"),
        (lambda: pkpd.block({"a": pkpd.lognormal()}, covariance=[[1]]), ParameterError, "give names beside it"),
        (lambda: pkpd.block(["a", "a"]), ParameterError, "each once"),
        (lambda: pkpd.block(["a", "b"], covariance=[["x"]]), ParameterError, "expected 2 by 2 numbers"),
    ],
)
def test_what_a_block_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- covariates from a table

PATIENTS = pd.DataFrame({"WT": [50.0, 70, 90], "female": [1, 0, 0], "share": [2, 1, 1]}, index=["a", "b", "c"])


def test_rows_of_a_table_are_kept_together():
    people = pkpd.population(durvalumab, N, 1, covariates=pkpd.resampled(PATIENTS, weights="share"))
    pairs = set(zip(people["WT"], people["female"], strict=True))
    assert pairs == {(50.0, 1.0), (70.0, 0.0), (90.0, 0.0)}
    assert abs((people["WT"] == 50).mean() - 0.5) < 4 * 0.5 / ROOT
    only = pkpd.population(durvalumab, 100, 1, covariates=pkpd.resampled(PATIENTS, columns=["WT"]))
    assert "female" not in only.columns


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pkpd.resampled(PATIENTS.assign(WT=[1, None, 2])), DataError, "row b: column 'WT' is nan"),
        (lambda: pkpd.resampled(PATIENTS.assign(WT=[1, 2, "70 kg"])), DataError, "row c: column 'WT' is '70 kg'"),
        (lambda: pkpd.resampled(PATIENTS, columns=["WTT"]), UnknownNameError, "Did you mean 'WT'"),
        (lambda: pkpd.resampled(PATIENTS.iloc[:0]), DataError, "no rows"),
        (lambda: pkpd.resampled(PATIENTS.assign(share=-1), weights="share"), DataError, "weights in column 'share'"),
        (lambda: pkpd.resampled(pd.concat([PATIENTS, PATIENTS[["WT"]]], axis=1)), DataError, "column 'WT' 2 times"),
        (
            lambda: pkpd.population(durvalumab, 5, 1, covariates=pkpd.resampled(PATIENTS)),
            UnknownNameError,
            "no parameter 'share'",
        ),
    ],
)
def test_what_a_table_of_covariates_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- mixtures


def test_a_mixture_may_have_more_classes_than_numpy_chooses_between():
    classes = {f"class_{i}": pkpd.subpopulation(1 / 80, values={"CL": 1 + i}) for i in range(80)}
    people = pkpd.population(one_compartment, 400, 1, variability={"CL": None, "V1": None}, mixture=classes)
    own = [1 + int(name.removeprefix("class_")) for name in people.labels["subpopulation"][1]]
    assert people["CL"].tolist() == own
    assert len(set(own)) > 64


def test_a_mixture_has_classes_with_typical_values_of_their_own():
    mixture = {
        "poor": pkpd.subpopulation(0.3, values={"CL": 0.1}),
        "rapid": pkpd.subpopulation(
            0.7, values={"V1": "6 L"}, variability={"CL": pkpd.lognormal(omega=0.05), "V1": None}
        ),
    }
    people = pkpd.population(one_compartment, N, 1, mixture=mixture)
    poor = people.labels["subpopulation"][1] == "poor"
    assert abs(poor.mean() - 0.3) < 4 * 0.46 / ROOT
    assert follows(people["CL"][poor], stats.lognorm(s=0.3, scale=0.1))
    assert follows(people["CL"][~poor], stats.lognorm(s=0.05, scale=0.3))
    assert set(people["V1"][~poor]) == {6.0}
    assert follows(people["V1"][poor], stats.lognorm(s=0.2, scale=3.0))
    part = pkpd.population(one_compartment, 10, 1, mixture=mixture, first=20)
    np.testing.assert_array_equal(part["CL"], people["CL"][20:30])
    np.testing.assert_array_equal(part.labels["subpopulation"][1], people.labels["subpopulation"][1][20:30])


def test_the_value_of_a_class_is_its_median_where_the_variability_names_another():
    mixture = {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, values={"CL": 0.1})}
    people = pkpd.population(one_compartment, N, 1, variability={"CL": pkpd.lognormal(0.5, omega=0.3)}, mixture=mixture)
    own = people.labels["subpopulation"][1] == "b"
    assert follows(people["CL"][own], stats.lognorm(s=0.3, scale=0.1))
    assert follows(people["CL"][~own], stats.lognorm(s=0.3, scale=0.5))
    both = pkpd.subpopulation(1.0, values={"CL": 0.1}, variability={"CL": pkpd.lognormal(0.2, omega=0.3)})
    with pytest.raises(ParameterError, match="'all' has 'CL' = 0.1 by values= and 0.2 by variability="):
        pkpd.population(one_compartment, 5, 1, mixture={"all": both})


def test_labels_reach_the_result_and_stay_with_their_members():
    mixture = {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, values={"CL": 3.0})}
    people = pkpd.population(one_compartment, 20, 1, mixture=mixture, first=100)
    run = pkpd.simulate(one_compartment, pkpd.bolus(100, "iv"), times=[0, 5], parameters=people)
    assert run["member"].values.tolist() == list(range(100, 120))
    assert (run["CL"].where(run["subpopulation"] == "b", drop=True) > 1).all()
    picked = people.take(people.labels["subpopulation"][1] == "b")
    assert set(picked.labels["subpopulation"][1]) == {"b"}
    assert (picked["CL"] > 1).all()
    np.testing.assert_array_equal(picked.labels["member"][1], run["member"][run["subpopulation"] == "b"])
    doubled = pkpd.grid(V1=[1.0, 2.0]) * pkpd.population(one_compartment, 3, 1, variability={"V1": None}).labelled(
        arm=[1, 2, 3]
    )
    assert pkpd.simulate(one_compartment, times=[1], parameters=doubled)["arm"].dims == ("member",)
    with pytest.raises(ParameterError, match="label 'C' has the name of a variable"):
        pkpd.simulate(one_compartment, times=[1], parameters=people.labelled(C=np.zeros(20)))


# ---- occasions


def test_a_parameter_changes_where_an_occasion_begins():
    """In closed form: C falls at CL factor_k/V during occasion k."""
    model, occasions = pkpd.by_occasion(one_compartment, {"CL": 0.4}, [0, 10, 20])
    people = pkpd.population(model, 50, 1, variability={"V1": None})
    run = pkpd.simulate(model, occasions + pkpd.bolus(100, "iv"), times=[10, 20, 30], parameters=people, rtol=1e-10)
    factors = np.stack([people[f"CL_occasion_{k}"] for k in (1, 2, 3)], axis=1)
    fall = np.cumsum(people["CL"][:, None] / 3.0 * factors * 10, axis=1)
    assert relative_error(run["C"], 100 / 3.0 * np.exp(-fall)) < 1e-7
    assert run["CL_occasion"].attrs["units"] == "1"


def test_occasions_vary_independently_by_their_omega():
    model, _ = pkpd.by_occasion(one_compartment, {"CL": 0.4}, [0, 10, 20])
    people = pkpd.population(model, N, 1)
    logs = np.log(np.stack([people[k] for k in ("CL", "CL_occasion_1", "CL_occasion_2", "CL_occasion_3")]))
    np.testing.assert_allclose(logs.std(axis=1), [0.3, 0.4, 0.4, 0.4], rtol=4 / ROOT)
    np.testing.assert_allclose(np.corrcoef(logs), np.eye(4), atol=4 / ROOT)


def test_what_occasions_refuse():
    with pytest.raises(UnknownNameError, match="Did you mean 'CL'"):
        pkpd.by_occasion(one_compartment, {"cl": 0.1}, [0, 1])
    for starts in ([], [1, 2], [0, 0], [0, 5, 3]):
        with pytest.raises(RegimenError, match="increasing times, the first 0"):
            pkpd.by_occasion(one_compartment, {"CL": 0.1}, starts)
    k = pkpd.param("k", 1, "1/day", "rate", source="illustrative")
    x = pkpd.state("x", "1/day", "something", start=k)
    with pytest.raises(ModelError, match="start of 'x' depends on 'k'"):
        pkpd.by_occasion(pkpd.Model("m", rates={x: -k * x}), {"k": 0.1}, [0, 1])


# ---- refusals


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"variability": {"cl": pkpd.lognormal()}}, UnknownNameError, "Did you mean 'CL'"),
        ({"variability": {"CL": 3}}, ParameterError, "the distribution of 'CL' is 3; expected lognormal"),
        ({"variability": 3}, ParameterError, "expected distributions by name"),
        (
            {"variability": {"CL": pkpd.lognormal()}, "covariates": {"CL": pkpd.lognormal()}},
            ParameterError,
            "'CL' is given twice",
        ),
        (
            {"variability": {"CL": pkpd.normal(sd=1)}},
            ParameterError,
            r"values of 'CL' lie outside its bounds 0 to inf; the first is -.* of subject \d+. Use truncated",
        ),
        (
            {"variability": {"CL": pkpd.truncated(pkpd.normal(sd=0.01), 2, 3)}},
            ParameterError,
            "'CL' has 0.0e\\+00 of its",
        ),
        ({"variability": {"V1": pkpd.logitnormal(omega=1)}}, ParameterError, "'V1' is centered at 3; a logit-normal"),
        ({"mixture": {"a": pkpd.subpopulation(0.3), "b": pkpd.subpopulation(0.3)}}, ParameterError, "a, b sum to 0.6"),
        ({"mixture": {"a": 1.0}}, ParameterError, "subpopulation 'a' is 1.0"),
        ({"n": 0}, ParameterError, "n=0"),
        ({"n": 2.5}, ParameterError, "n=2.5"),
        ({"first": -1}, ParameterError, "first=-1"),
    ],
)
def test_what_a_population_refuses(options, error, message):
    with pytest.raises(error, match=message):
        pkpd.population(one_compartment, **{"n": 1000, "seed": 1, **options})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.population(growth, 10, 1), "exponential_growth declares no variability"),
        (lambda: pkpd.population(growth, 10, 1, variability={"kg": pkpd.lognormal()}), "'kg' has no spread"),
        (lambda: pkpd.lognormal(omega=1, cv=1), "not both"),
        (lambda: pkpd.lognormal(omega=-1), "omega of a distribution is -1; expected 0 or more"),
        (lambda: pkpd.normal(float("inf"), sd=1), "expected a finite number"),
        (lambda: pkpd.categorical({0: 0.5, 1: 0.6}), "with the sum 1"),
        (lambda: pkpd.categorical({}), "expected {value: probability"),
        (lambda: pkpd.empirical([1, "x"]), "value 1 is 'x'"),
        (lambda: pkpd.empirical([1, 2], weights=[1]), "2 values and 1 weights"),
        (lambda: pkpd.empirical([1, 2], weights=[1, "x"]), "weight 1 is 'x'"),
        (lambda: pkpd.categorical({0: "x"}), "the probability of 0 is 'x'"),
        (lambda: pkpd.truncated(pkpd.normal(sd=1), "x", 2), "limits 'x' and 2; expected numbers"),
        (lambda: pkpd.truncated(pkpd.normal(sd=1), 3, 2), "lower one first"),
        (lambda: pkpd.truncated(pkpd.categorical({0: 0.5, 1: 0.5}), 2, 3), "none of the values lies between"),
        (lambda: pkpd.subpopulation(1.5), "probability of a subpopulation is 1.5"),
        (lambda: pkpd.population(one_compartment, 5, 1).take([]), "leaves nobody"),
        (lambda: pkpd.population(one_compartment, 5, 1).take([True]), "5 truth values"),
    ],
)
def test_what_distributions_and_members_refuse(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


# ---- what must show


def test_the_example_writes_its_figure_and_exposures(tmp_path):
    run = example.run(tmp_path / "out", n=200)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"population.png", "population_exposure.csv"}
    table = pd.read_csv(tmp_path / "out" / "population_exposure.csv").set_index(["quantile", "interval"])
    assert set(table.index.get_level_values("interval")) == {1, 13}
    trough = run["C"].sel(time=[28, 364]).quantile([0.05, 0.5, 0.95], "member")
    np.testing.assert_allclose(table["trough"].unstack(), trough, rtol=1e-12)
    assert (table["accumulation_auc"].xs(13, level="interval") > 1).all()


@pytest.mark.slow
def test_a_hundred_thousand_durvalumab_patients_for_a_year():
    """Percentiles of 100,000 patients against 300 of them integrated by scipy, and theirs one by one."""
    run = example.concentrations(example.patients(100_000))
    assert not run["status"].any()
    few = example.concentrations(example.patients(300), method="scipy")
    np.testing.assert_allclose(run["C"][:300], few["C"], rtol=1e-3, atol=1e-6)
    # 99.9 % intervals of the small sample's quantiles, by order statistics, hold the large sample's.
    times = [1 / 24, 28, 168 + 1 / 24, 336, 364]
    ordered = np.sort(few["C"].sel(time=times, method="nearest").values, axis=0)
    large = run["C"].sel(time=times, method="nearest").values
    for q in (0.05, 0.5, 0.95):
        low, high = stats.binom(300, q).ppf([0.0005, 0.9995]).astype(int)
        reached = np.quantile(large, q, axis=0)
        assert (ordered[max(low - 1, 0)] <= reached).all()
        assert (reached <= ordered[min(high, 299)]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.population("pk_2cmt", 3, 1), r"population\(\) got 'pk_2cmt' as a model"),
        (lambda: pkpd.population(pkpd.load("durvalumab_baverel_2018"), 3, "one"), "seed is 'one'; expected a whole"),
        (lambda: pkpd.population(pkpd.load("pk_1cmt"), 3, 1, mixture=[1]), r"mixture is \[1\]; expected {name: sub"),
        (lambda: pkpd.subpopulation(1, values=3), "the values of a subpopulation are 3"),
        (lambda: pkpd.truncated(pkpd.normal(1, sd=1), "low", 2), r"truncated\(\) got the limits 'low' and 2"),
        (lambda: pkpd.categorical({0: "most"}), r"the probability of 0 is 'most'"),
        (lambda: pkpd.empirical([1, 2], weights=["a", 1]), r"weight 0 is 'a'"),
        (lambda: pkpd.block("CL"), r"block\(\) got 'CL'; expected several names"),
        (lambda: pkpd.block(["CL", "V1"], correlations={("CL", "V1"): "high"}), "the correlation CL-V1 is 'high'"),
        (lambda: pkpd.resampled(3), r"resampled\(\) got 3; expected a DataFrame"),
        (lambda: pkpd.by_occasion("pk_1cmt", {"CL": 0.1}, [0, 1]), r"by_occasion\(\) got 'pk_1cmt' as a model"),
        (lambda: pkpd.by_occasion(pkpd.load("pk_1cmt"), ["CL"], [0, 1]), r"got \['CL'\] as omegas"),
        (lambda: pkpd.by_occasion(pkpd.load("pk_1cmt"), {"CL": 0.1}, ["a"]), r"occasions begin at \['a'\]"),
    ],
)
def test_arguments_of_a_wrong_kind(make: Any, message: str) -> None:
    with pytest.raises(pkpd.PkpdError, match=message):
        make()
