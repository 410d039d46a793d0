"""A population of a library model is the published one: its spreads, correlations and skewness."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

import pkpd
from pkpd.arrays import Array

N = 40_000


def variability_of(name: str, statement: str = "variability") -> Any:
    return getattr(importlib.import_module(f"pkpd.models.{name}"), statement)


def people(name: str, statement: str = "variability") -> pkpd.Ensemble:
    return pkpd.population(pkpd.load(name), N, 17, variability=variability_of(name, statement))


def etas(name: str, scales: dict[str, Any], statement: str = "variability") -> Array:
    """(names, N): what was drawn less the typical value, each on its own scale."""
    drawn, model = people(name, statement), pkpd.load(name)
    return np.stack([scale(drawn[k]) - scale(model[k].value) for k, scale in scales.items()])


def linear(values: Any) -> Any:
    return values


PUBLISHED = {  # the lower triangle, as it is printed
    "durvalumab_baverel_2018": (
        {"CL": np.log, "V1": np.log, "V2": np.log},
        [0.0729, 0.279 * (0.0729 * 0.0437) ** 0.5, 0.0437, 0, 0.560 * (0.0437 * 0.113) ** 0.5, 0.113],
    ),
    "durvalumab_zhao_2026": ({"CL": np.log, "V1": np.log, "Tmax": linear}, [0.0845, 0.0408, 0.0563, 0, 0, 0.0534]),
    "struemper_2025": (
        {"TS0": np.log, "kge": np.log, "kse": np.log},
        [0.2645, 0.01911, 0.8715, -0.06367, 0.1504, 0.9174],
    ),
    "chatterjee_2017": ({"kg": np.log, "kd": np.log, "f": logit}, [1.64, -1.24, 1.39, -1.54, 1.07, 5.53]),
}


def whole(triangle: list[float]) -> Array:
    size = round((np.sqrt(8 * len(triangle) + 1) - 1) / 2)
    matrix = np.zeros((size, size))
    matrix[np.tril_indices(size)] = triangle
    return matrix + np.tril(matrix, -1).T


@pytest.mark.parametrize("name", PUBLISHED)
def test_covariance_of_a_population_is_the_published_one(name: str) -> None:
    scales, triangle = PUBLISHED[name]
    omega, drawn = whole(triangle), etas(name, scales)
    spread = np.sqrt(np.diag(omega))
    # Of a covariance of N normal pairs, 4 standard errors.
    error = 4 * np.sqrt((np.outer(spread, spread) ** 2 + omega**2) / N)
    assert np.all(np.abs(np.cov(drawn) - omega) < error)
    assert np.all(np.abs(np.median(drawn, axis=1)) < 5 * spread / np.sqrt(N))
    stated = pkpd.Variability.of(pkpd.load(name), variability_of(name))
    assert set(stated.names) == set(scales)
    np.testing.assert_allclose(stated.covariance, omega, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(PUBLISHED) - {"durvalumab_baverel_2018"}))
def test_without_the_statement_it_is_not_the_published_one(name: str) -> None:
    """What a model declares by itself has no correlation, and no variance of f or Tmax."""
    alone = pkpd.Variability.of(pkpd.load(name))
    _, triangle = PUBLISHED[name]
    assert alone.covariance.shape != whole(triangle).shape or not np.allclose(alone.covariance, whole(triangle))
    assert np.count_nonzero(alone.covariance - np.diag(np.diag(alone.covariance))) == 0


def test_coefficients_of_variation_of_durvalumab_are_those_of_the_paper() -> None:
    """Baverel 2018: 27.2 % of CL and 22.1 % of V1 (PMC6584248)."""
    drawn = people("durvalumab_baverel_2018")
    for parameter, percent in (("CL", 27.2), ("V1", 22.1)):
        omega = np.std(np.log(drawn[parameter]))
        assert 100 * np.sqrt(np.expm1(omega**2)) == pytest.approx(percent, abs=1.0)


def test_other_trials_of_struemper_have_the_box_cox_shape_of_growth() -> None:
    scales, triangle = PUBLISHED["struemper_2025"]
    omega, shape = whole(triangle), -0.3744
    drawn = etas("struemper_2025", scales, "variability_others")
    kge = np.log1p(shape * drawn[1]) / shape  # back to the normal eta
    assert stats.skew(drawn[1]) < -0.8
    assert drawn[1].max() < -1 / shape
    assert abs(stats.skew(kge)) < 0.06
    straight = np.stack([drawn[0], kge, drawn[2]])
    np.testing.assert_allclose(np.cov(straight), omega, atol=0.03)


def test_a_fraction_on_the_logit_scale_stays_a_fraction() -> None:
    f = people("chatterjee_2017")["f"]
    assert 0 < f.min() < 0.02 < 0.98 < f.max() < 1
    inside = expit(logit(0.696) + 5.53**0.5 * np.array([-1.0, 1.0]))
    assert np.mean((f > inside[0]) & (f < inside[1])) == pytest.approx(0.6827, abs=0.01)


# ---- the Box-Cox distribution


@pytest.mark.parametrize("shape", [-0.7, -1e-9, 0.0, 0.4])
def test_boxcox_cdf_is_the_inverse_of_its_quantile(shape: float) -> None:
    distribution = pkpd.boxcox(2, omega=0.9, shape=shape).settled("x", None, None)
    p = np.array([0.01, 0.2, 0.5, 0.8, 0.99])
    np.testing.assert_allclose([distribution.cdf(x) for x in distribution.quantile(p)], p, rtol=1e-6)
    assert distribution.cdf(0) == 0


def test_boxcox_ends_where_its_transform_does() -> None:
    """At median exp(-1/shape): from above for a negative shape, from below for a positive one."""
    above, below = (pkpd.boxcox(2, omega=0.9, shape=shape).settled("x", None, None) for shape in (-0.7, 0.4))
    top, bottom = 2 * np.exp(1 / 0.7), 2 * np.exp(-1 / 0.4)
    assert above.at(np.array(40.0)) == pytest.approx(top)
    assert above.cdf(0.8 * top) < above.cdf(1.01 * top) == 1
    assert below.at(np.array(-400.0)) == pytest.approx(bottom)
    assert below.cdf(1.3 * bottom) > below.cdf(0.99 * bottom) == 0


def test_boxcox_without_shape_is_lognormal() -> None:
    z = np.linspace(-4, 4, 9)
    np.testing.assert_allclose(pkpd.boxcox(3, omega=0.5, shape=0).at(z), pkpd.lognormal(3, omega=0.5).at(z))
    np.testing.assert_allclose(pkpd.boxcox(3, omega=0.5, shape=1e-10).at(z), 3 * np.exp(0.5 * z), rtol=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.boxcox(-1, omega=1, shape=0.1), "the median of a distribution is -1; expected more than 0"),
        (lambda: pkpd.boxcox(1, omega=-1, shape=0.1), "the omega of a distribution is -1; expected 0 or more"),
        (lambda: pkpd.boxcox(1, omega=1, shape=np.nan), "boxcox\\(\\): the shape is nan"),
        (
            lambda: pkpd.population(
                pkpd.load("durvalumab_baverel_2018"), 3, 1, variability={"Q": pkpd.boxcox(shape=1)}
            ),
            "the distribution of 'Q' has no spread; give omega",
        ),
        (
            lambda: pkpd.population(
                pkpd.load("durvalumab_zhao_2026"), 3, 1, variability={"Tmax": pkpd.boxcox(shape=1)}
            ),
            "the distribution of 'Tmax' has the median -0.412; boxcox\\(\\) needs more than 0",
        ),
    ],
)
def test_boxcox_refuses_what_it_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(pkpd.ParameterError, match=message):
        make()


def test_boxcox_without_spread_does_not_vary() -> None:
    constant = pkpd.boxcox(2, omega=0, shape=-0.4)
    assert constant.at(np.array([-3.0, 0.0, 3.0])).tolist() == [2, 2, 2]
    assert [constant.cdf(x) for x in (1.9, 2.0, 2.1)] == [0, 1, 1]
