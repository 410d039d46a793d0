"""Distributions at their edges: no spread, correlations of 1, matrices as papers print them, and what is no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import one_compartment
from scipy import stats

import pkpd
from pkpd.ensembles.distributions import as_distribution
from pkpd.ensembles.matrices import factor
from pkpd.errors import ParameterError, UnknownNameError
from pkpd.models.durvalumab_baverel_2018 import model as durvalumab
from pkpd.models.durvalumab_baverel_2018 import variability

NAMES = ("CL", "V1", "V2")


def etas(people: pkpd.Ensemble, names: tuple[str, ...] = NAMES) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.stack([np.log(people[name] / durvalumab[name].value) for name in names])


def drawn(spread: Any, n: int = 200) -> np.ndarray[Any, np.dtype[np.float64]]:
    return etas(pkpd.population(durvalumab, n, 1, variability=spread))


# ---- they rest on scipy.stats


@pytest.mark.parametrize(
    "distribution",
    [pkpd.normal(1, sd=2), pkpd.lognormal(2, omega=0.4), pkpd.logitnormal(0.5, omega=1.2, lower=0.2, upper=3)],
)
def test_the_frozen_distribution_is_the_one_that_is_drawn(distribution: Any) -> None:
    z = np.linspace(-6, 6, 25)
    np.testing.assert_allclose(
        distribution.at(z[z <= 0]), distribution.frozen().ppf(stats.norm.cdf(z[z <= 0])), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        distribution.at(z[z > 0]), distribution.frozen().isf(stats.norm.sf(z[z > 0])), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        distribution.quantile(stats.norm.cdf(z[z <= 3])), distribution.at(z[z <= 3]), rtol=1e-9, atol=1e-12
    )


def test_the_density_of_a_logitnormal_is_that_of_its_logit() -> None:
    """Of y = ln((x - a)/(b - x)), normal: p(x) = phi(y) (b - a)/((x - a)(b - x))."""
    low, high, median, omega = 0.2, 3.0, 0.5, 1.2
    x = np.linspace(0.25, 2.9, 9)
    y = np.log((x - low) / (high - x))
    center = np.log((median - low) / (high - median))
    expected = stats.norm.logpdf(y, center, omega) + np.log((high - low) / ((x - low) * (high - x)))
    frozen = pkpd.logitnormal(median, omega=omega, lower=low, upper=high).frozen()  # type: ignore[attr-defined]
    np.testing.assert_allclose(frozen.logpdf(x), expected, rtol=1e-12)


def test_a_probitnormal_is_the_normal_of_its_probit() -> None:
    distribution: Any = pkpd.probitnormal(0.5, omega=0.8, lower=0.2, upper=3)
    z = np.linspace(-3, 3, 13)
    score = stats.norm.ppf((0.5 - 0.2) / 2.8) + 0.8 * z
    expected = 0.2 + 2.8 * stats.norm.cdf(score)
    np.testing.assert_allclose(distribution.at(z), expected, rtol=1e-12)
    np.testing.assert_allclose(distribution.quantile(stats.norm.cdf(z)), expected, rtol=1e-9)
    np.testing.assert_allclose([distribution.cdf(x) for x in expected], stats.norm.cdf(z), rtol=1e-9)
    assert (distribution.cdf(0.1), distribution.cdf(3.5)) == (0.0, 1.0)
    with pytest.raises(ParameterError, match="a probit-normal median lies between its limits 0 and 1"):
        pkpd.population(durvalumab, 2, 1, variability={"V1": pkpd.probitnormal(omega=1)})


def test_a_parameter_below_zero_varies_by_the_same_factor() -> None:
    settled = as_distribution("x", pkpd.lognormal(omega=0.5)).settled("x", -2.0, None)
    z = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(settled.at(z), -2 * np.exp(0.5 * z))
    np.testing.assert_allclose([settled.cdf(x) for x in settled.at(z)], stats.norm.sf(z), rtol=1e-12)
    np.testing.assert_allclose(settled.quantile(stats.norm.sf(z)), settled.at(z), rtol=1e-12)


def test_both_tails_of_a_scipy_distribution_keep_their_digits() -> None:
    z = np.array([-7.0, 7.0])
    np.testing.assert_allclose(as_distribution("x", stats.norm(0, 1)).at(z), z, rtol=1e-12)


# ---- no spread


@pytest.mark.parametrize(
    "distribution",
    [
        pkpd.lognormal(omega=0),
        pkpd.lognormal(cv=0),
        pkpd.normal(sd=0),
        pkpd.logitnormal(omega=0, upper=5),
        pkpd.truncated(pkpd.normal(sd=0), 0.1, 0.3),
        pkpd.truncated(pkpd.lognormal(omega=0), durvalumab["CL"].value, 9),
    ],
)
def test_what_has_no_spread_does_not_vary(distribution: Any) -> None:
    people = pkpd.population(durvalumab, 50, 1, variability={"CL": distribution})
    assert set(people["CL"]) == {durvalumab["CL"].value}
    np.testing.assert_array_equal(people["V1"], pkpd.population(durvalumab, 50, 1)["V1"])


def test_what_has_no_spread_has_the_cdf_of_a_constant() -> None:
    constant = pkpd.normal(2, sd=0)
    assert [constant.cdf(x) for x in (1.9, 2.0, 2.1)] == [0, 1, 1]
    assert constant.quantile(np.array([0.1, 0.9])).tolist() == [2, 2]
    with pytest.raises(ParameterError, match="no distribution of scipy"):
        constant.frozen()  # type: ignore[attr-defined]
    outside = pkpd.truncated(constant, 3, 4)
    with pytest.raises(ParameterError, match="'x' has 0.0e\\+00 of its probability between the limits 3 and 4"):
        outside.settled("x", None, None)


def test_a_row_of_zeros_in_a_covariance_leaves_the_others_as_they_are() -> None:
    three = pkpd.block(NAMES, covariance=[[0.16, 0.02, 0], [0.02, 0.09, 0], [0, 0, 0]])
    two = pkpd.block(["CL", "V1"], covariance=[0.16, 0.02, 0.09])
    with_zero, without = drawn(three), drawn([two, {"V2": None}][:1])
    np.testing.assert_allclose(with_zero[:2], without[:2], rtol=1e-12)
    assert not with_zero[2].any()


# ---- covariances as they are printed


COVARIANCE = np.array([[0.09, 0.03, -0.02], [0.03, 0.04, 0.01], [-0.02, 0.01, 0.25]])


@pytest.mark.parametrize(
    "printed",
    [
        COVARIANCE.tolist(),
        [0.09, 0.03, 0.04, -0.02, 0.01, 0.25],
        np.array([0.09, 0.03, 0.04, -0.02, 0.01, 0.25]),
        ((0.09,), (0.03, 0.04), (-0.02, 0.01, 0.25)),
        pd.DataFrame(COVARIANCE),
    ],
)
def test_a_covariance_is_whole_or_a_triangle_in_rows_or_in_one(printed: Any) -> None:
    block = pkpd.block(NAMES, covariance=printed)
    np.testing.assert_allclose(block.covariance, COVARIANCE, rtol=1e-14)
    np.testing.assert_array_equal(drawn(block, 20), drawn(pkpd.block(NAMES, covariance=COVARIANCE), 20))


@pytest.mark.parametrize("sd", [[0.3, 0.2, 0.5], {"V2": 0.5, "CL": 0.3, "V1": 0.2}])
def test_correlations_and_standard_deviations_say_the_same_as_a_covariance(sd: Any) -> None:
    correlations = {("CL", "V1"): 0.5, ("V2", "CL"): -0.02 / 0.15, ("V1", "V2"): 0.1}
    np.testing.assert_allclose(pkpd.block(NAMES, correlations=correlations, sd=sd).covariance, COVARIANCE, rtol=1e-14)
    flat = [1, 0.5, 1, -0.02 / 0.15, 0.1, 1]
    np.testing.assert_allclose(pkpd.block(NAMES, correlations=flat, sd=sd).covariance, COVARIANCE, rtol=1e-14)


@pytest.mark.parametrize("sign", [1, -1])
def test_two_etas_may_be_one(sign: int) -> None:
    scores = drawn(pkpd.block(["CL", "V1"], covariance=[0.09, sign * 0.06, 0.04]))
    assert scores[0].std() > 0.2
    np.testing.assert_allclose(scores[1], sign * scores[0] * 0.2 / 0.3, rtol=1e-12, atol=1e-12)
    by_pairs = drawn(pkpd.block(["CL", "V1"], correlations={("CL", "V1"): sign}, sd=[0.3, 0.2]))
    np.testing.assert_allclose(by_pairs, scores, rtol=1e-12, atol=1e-12)


def test_three_etas_may_lie_in_a_plane() -> None:
    """V2's eta is the sum of the other two: a covariance of rank 2."""
    mixing = np.array([[0.3, 0], [0.1, 0.2], [0.4, 0.2]])
    scores = drawn(pkpd.block(NAMES, covariance=mixing @ mixing.T))
    np.testing.assert_allclose(scores[2], scores[0] + scores[1], atol=1e-7)
    assert abs(np.corrcoef(scores[:2])[0, 1]) < 0.9


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_a_singular_matrix_has_a_triangular_factor(rank: int) -> None:
    mixing = np.random.default_rng(rank).normal(size=(4, rank))
    covariance = mixing @ mixing.T
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    lower = factor(correlation)
    np.testing.assert_array_equal(lower, np.tril(lower))
    np.testing.assert_allclose(lower @ lower.T, correlation, atol=1e-14)


def test_a_correlation_just_below_1_draws_what_1_draws() -> None:
    nearly = drawn(pkpd.block(["CL", "V1"], correlations={("CL", "V1"): 1 - 1e-12}, sd=[0.3, 0.2]))
    exactly = drawn(pkpd.block(["CL", "V1"], correlations={("CL", "V1"): 1}, sd=[0.3, 0.2]))
    np.testing.assert_allclose(nearly, exactly, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.block(["a", "b"], covariance=[1, 2, 3, 4]), r"4 numbers in one row; .* has 3 \(1, 3, 6, 10, 15"),
        (lambda: pkpd.block(["a", "b"], covariance=[]), "0 numbers in one row"),
        (lambda: pkpd.block(["a", "b"], covariance=[[1, 0], [0]]), r"rows of \[2, 1\] numbers; .* rows of \[1, 2\]"),
        (lambda: pkpd.block(["a", "b"], covariance=[[1, 0.5], [0.4, 1]]), "a-b is 0.5, b-a is 0.4"),
        (lambda: pkpd.block(["a", "b"], covariance=[0, 0.5, 1]), "variance of 'a' is 0, but its covariance with 'b'"),
        (lambda: pkpd.block(["a", "b"], covariance=[0.09, 0.06, 0.0399]), "correlation 1.00125 of 'a' and 'b'"),
        (lambda: pkpd.block(["a", "b"], correlations=[1, -1.1, 1]), "correlation -1.1 of 'a' and 'b'; expected -1 to"),
        (lambda: pkpd.block(["a", "b"], covariance=[1, np.nan, 1]), "symmetric matrix of finite numbers"),
        (lambda: pkpd.block(["a", "b"], covariance=[10**400, 0, 1]), "expected 2 by 2 numbers"),
        (lambda: pkpd.block(["a", "b"], covariance=[[1, 1j], [-1j, 1]]), "expected 2 by 2 numbers"),
        (lambda: pkpd.block(["a", "b"], covariance=np.ma.array([1, 0, 1], mask=[0, 1, 0])), "expected 2 by 2 numbers"),
        (lambda: pkpd.block(["a", "b"], covariance={"a": 1}), "expected 2 by 2 numbers"),
        (lambda: pkpd.block(["a", "b"], correlations={3: 4}), "the correlation of 3 is given; expected two names"),
        (lambda: pkpd.block(["a", "b"], correlations={("a", "b"): pd.NA}), "the correlation a-b is <NA>"),
        (lambda: pkpd.block(["a", "b"], sd=[1]), r"sd has the shape \(1,\); expected 2"),
        (lambda: pkpd.block(["a", "b"], sd={"a": 1}), "no standard deviation of 'b'"),
        (lambda: pkpd.block(["a", "b"], sd=[1, -1]), "is -1; expected 0 or more"),
        (lambda: pkpd.block(["a", "b"], covariance=[1, 0, 1], sd=[1, 1]), "holds all spreads"),
        (lambda: pkpd.block({"a": pkpd.lognormal()}, sd=[1]), "give names beside it"),
        (lambda: pkpd.block(["a", 3]), "expected one or more, each once"),
    ],
)
def test_what_a_matrix_is_refused_for(make: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()


def test_a_standard_deviation_of_nothing_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'CL'"):
        pkpd.block(["CL", "V1"], sd={"cl": 0.3, "V1": 0.2})


# ---- a fraction, not a percent


@pytest.mark.parametrize("spread", [{"cv": 30}, {"omega": 30}])
def test_a_percent_that_is_taken_for_a_fraction_is_told(spread: dict[str, float]) -> None:
    name = next(iter(spread))
    with pytest.warns(
        UserWarning, match=rf"lognormal\({name}=30\): {name} is a fraction, 0.3 for 30 %; this is 3000 %"
    ):
        pkpd.lognormal(**spread)


# ---- the statement of variability


def test_variability_is_a_frozen_statement_of_what_a_population_draws() -> None:
    covariates = [{"WT": pkpd.lognormal(cv=0.2)}, {"ECOG": pkpd.categorical({0: 0.4, 1: 0.6})}]
    statement = pkpd.Variability.of(durvalumab, [variability, {"Q": None}], covariates)
    assert statement.names == ("CL", "V1", "V2", "WT", "ECOG")
    assert statement.fixed == {"Q"}
    assert statement.distributions["CL"].center == durvalumab["CL"].value  # type: ignore[attr-defined]
    declared = np.array([0.0729, 0.0437, 0.113])
    correlation = np.array([[1, 0.279, 0], [0.279, 1, 0.560], [0, 0.560, 1]])
    np.testing.assert_allclose(statement.covariance, correlation * np.sqrt(np.outer(declared, declared)), rtol=1e-12)
    with pytest.raises(AttributeError):
        statement.fixed = frozenset()  # type: ignore[misc]
    with pytest.raises(TypeError):
        statement.parameters[0].marginals["CL"] = pkpd.lognormal()  # type: ignore[index, union-attr]
    stated = pkpd.population(durvalumab, 20, 1, variability=statement)
    people = pkpd.population(durvalumab, 20, 1, variability=[variability, {"Q": None}], covariates=covariates)
    assert list(stated.columns) == list(people.columns)
    for name in people.columns:
        np.testing.assert_array_equal(stated[name], people[name])


def test_etas_of_separate_blocks_are_not_correlated() -> None:
    two = [pkpd.block(["CL", "V1"], covariance=[0.09, 0.03, 0.04]), {"V2": pkpd.lognormal(omega=0.5)}]
    expected = [[0.09, 0.03, 0], [0.03, 0.04, 0], [0, 0, 0.25]]
    np.testing.assert_allclose(pkpd.Variability.of(durvalumab, two).covariance, expected, rtol=1e-14)
    with pytest.raises(ParameterError, match="'Q' has no variance of an eta"):
        _ = pkpd.Variability.of(durvalumab, {"Q": stats.gamma(2)}).covariance
    table = pd.DataFrame({"Q": [0.4, 0.5]})
    with pytest.raises(ParameterError, match="Q have no etas: they are rows of a table"):
        _ = pkpd.Variability.of(durvalumab, pkpd.resampled(table)).covariance


# ---- what is no number


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.lognormal(omega=10**400), r"omega of a distribution is 1000.*\(401 characters\)"),
        (lambda: pkpd.normal(sd=10**5000), r"sd of a distribution is a number of about 10\*\*5000"),
        (lambda: pkpd.lognormal(omega=pd.NA), "omega of a distribution is <NA>; expected a number"),
        (lambda: pkpd.lognormal(np.complex128(1 + 1j)), "median of a distribution is .*; expected a plain real number"),
        (lambda: pkpd.normal(sd=np.ma.masked), "sd of a distribution is masked"),
        (lambda: pkpd.lognormal([1]), r"median of a distribution is \[1\]"),
        (lambda: pkpd.lognormal(cv="30 %"), "cv of a distribution is '30 %'"),
        (lambda: pkpd.empirical([1, pd.NA]), "value 1 is <NA>"),
        (lambda: pkpd.empirical(np.ma.array([1, 2], mask=[0, 1])), "value 1 is masked"),
        (lambda: pkpd.empirical([]), "0 values and 0 weights"),
        (lambda: pkpd.categorical({0: 10**400}), r"probability of 0 is 1000.*401 characters"),
        (lambda: pkpd.truncated(pkpd.normal(sd=1), pd.NA, 2), "limits <NA> and 2"),
        (lambda: pkpd.truncated(pkpd.normal(sd=1), float("nan"), 2), "limits nan and 2"),
        (lambda: pkpd.logitnormal(omega=1, upper=float("inf")), "upper limit is inf; expected a finite number"),
        (lambda: pkpd.subpopulation(pd.NA), "probability of a subpopulation is <NA>"),
        (lambda: pkpd.subpopulation(1, values={3: 4}), r"values of a subpopulation are {3: 4}"),
        (lambda: pkpd.resampled(pd.DataFrame({"WT": [1, 10**400]})), "row 1: column 'WT' is 1000"),
        (lambda: pkpd.resampled(pd.DataFrame({"WT": [1, 1 + 1j]})), r"row 0: column 'WT' is \(1\+0j\)"),
        (lambda: pkpd.resampled(pd.DataFrame({"WT": pd.array([1, None], "Int64")})), "row 1: column 'WT' is <NA>"),
        (lambda: pkpd.resampled(pd.DataFrame({"WT": [1]}), columns="WT"), r"columns='WT'; expected a list"),
        (lambda: pkpd.population(one_compartment, 10**400, 1), r"population\(\) got n=1000.*401 characters"),
        (lambda: pkpd.population(one_compartment, True, 1), r"population\(\) got n=True"),
        (lambda: pkpd.population(one_compartment, 2, pd.NA), "the seed is <NA>"),
        (
            lambda: pkpd.population(one_compartment, 2, 1, variability={"CL": stats.gamma}),
            "or a frozen scipy.stats one",
        ),
    ],
)
def test_what_is_no_number_is_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(pkpd.PkpdError, match=message):
        make()


def test_the_draws_of_a_seed_are_those_they_always_were() -> None:
    """Recorded before sample and population became one, to the last digits."""
    people = pkpd.population(durvalumab, 3, 7, variability=variability)
    np.testing.assert_allclose(people["CL"], [0.21572650863166173, 0.2934555497600094, 0.35351197755472763], rtol=1e-14)
    np.testing.assert_allclose(people["V2"], [5.085854441384872, 3.13072462468358, 2.0553927221496617], rtol=1e-14)
    recorded = {
        "random": [4.693257511775866, 2.8786794811996987, 2.0855978094782937, 3.642997198845323],
        "sobol": [2.2444208244919173, 3.838224997281358, 3.0495726446451568, 4.992576259030446],
        "latin": [3.763768588051245, 3.3290028452537817, 7.143974918195733, 1.8902202939841943],
    }
    for points, values in recorded.items():
        np.testing.assert_allclose(pkpd.sample(durvalumab, 4, 7, points=points)["V2"], values, rtol=1e-14)  # type: ignore[arg-type]


@pytest.mark.parametrize("loc", [0, 0.5])
def test_a_truncated_discrete_distribution_has_both_of_its_limits(loc: float) -> None:
    counts = stats.poisson(3, loc=loc)
    law = pkpd.truncated(counts, 1 + loc, 4 + loc).settled("n", None, None)
    inside = np.arange(1, 5) + loc
    shares = counts.pmf(inside) / counts.pmf(inside).sum()
    drawn = law.quantile((np.arange(200_000) + 0.5) / 200_000)
    assert np.unique(drawn).tolist() == inside.tolist()
    assert [(drawn == x).mean() for x in inside] == pytest.approx(shares, abs=2e-5)
    assert [law.cdf(x) for x in inside] == pytest.approx(np.cumsum(shares))
    twice = pkpd.truncated(law, 2 + loc, 3 + loc).settled("n", None, None)
    assert twice.cdf(2 + loc) == pytest.approx(shares[1] / (shares[1] + shares[2]))
    alone = pkpd.truncated(counts, 2.5 + loc, 3 + loc).settled("n", None, None)
    assert np.unique(alone.quantile(np.linspace(0, 1, 11))).tolist() == [3 + loc]
