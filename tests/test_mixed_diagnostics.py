"""Residuals, prediction distribution errors and predictive checks of mixed-effects fits, and their figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

import pkpd
from pkpd.errors import DataError, UnknownNameError
from pkpd.figures.mixed_checks import draw_check
from pkpd.fitting.mixed.predictive_checks import Check, predictive_checks
from pkpd.fitting.mixed.replicates import replicates
from tests.mixed_problems import one_compartment, simulated


@pytest.fixture(scope="module")
def fit() -> pkpd.MixedFit:
    return pkpd.fit(one_compartment(), simulated(40, seed=11), covariance=None)


def test_cwres_against_a_hand_computation(fit: pkpd.MixedFit) -> None:
    """V^-1/2 (y - f + D eta) of one subject, with slopes by differences of predictions in closed form."""
    rows = fit.residuals[fit.residuals["subject"] == "3"]
    eta = fit.eta[2]
    values = fit.estimates["estimate"]
    t = rows["time"].to_numpy()

    def predicted(eta: np.ndarray) -> np.ndarray:
        ka, CL, V = values[["ka", "CL", "V"]].to_numpy() * np.exp(eta)
        return np.asarray(320 / V * ka / (ka - CL / V) * (np.exp(-CL / V * t) - np.exp(-ka * t)))

    steps = 1e-5 * np.eye(3)
    slopes = np.stack([(predicted(eta + s) - predicted(eta - s)) / 2e-5 for s in steps], axis=1)
    covariance = slopes @ fit.omega.to_numpy() @ slopes.T + values["sd_additive[C]"] ** 2 * np.eye(len(t))
    residual = rows["observed"].to_numpy() - predicted(eta) + slopes @ eta
    vectors, sizes, _ = np.linalg.svd(covariance)
    expected = vectors @ np.diag(sizes**-0.5) @ vectors.T @ residual
    assert rows["cwres"].to_numpy() == pytest.approx(expected, abs=1e-4)
    assert rows["ipred"].to_numpy() == pytest.approx(predicted(eta), rel=1e-6)
    assert rows["pred"].to_numpy() == pytest.approx(predicted(np.zeros(3)), rel=1e-6)
    assert rows["iwres"].to_numpy() == pytest.approx((rows["observed"] - rows["ipred"]) / values["sd_additive[C]"])


def test_npde_of_simulated_data_is_standard_normal(fit: pkpd.MixedFit) -> None:
    errors = fit.npde(n=1000, seed=1)["npde"].to_numpy()
    assert abs(errors.mean()) < 3 / np.sqrt(len(errors))
    assert errors.std() == pytest.approx(1, abs=3 / np.sqrt(2 * len(errors)))
    assert stats.shapiro(errors).pvalue > 0.001


def test_npde_shows_a_wrong_model(fit: pkpd.MixedFit) -> None:
    """With the error halved and the clearance doubled they are no longer standard normal."""
    from dataclasses import replace

    u = fit.u.copy()
    u[1] += np.log(2)
    wrong = replace(fit, u=u)
    assert abs(wrong.npde(n=300)["npde"].mean()) > 0.3


def test_npde_takes_enough_simulations(fit: pkpd.MixedFit) -> None:
    with pytest.raises(pkpd.FitError, match="100 simulations or more"):
        fit.npde(n=5)


def test_replicates_have_the_moments_of_the_model(fit: pkpd.MixedFit) -> None:
    """Simulated observations scatter by the etas and the error; the same seed gives the same."""
    one, again = (replicates(fit.subjects, fit.u, 400, 3) for _ in range(2))
    assert np.array_equal(one, again)
    first = one[:, 0, -1]
    observed = fit.residuals["observed"].to_numpy().reshape(40, -1)[:, -1]
    assert first.mean() == pytest.approx(observed.mean(), abs=4 * observed.std() / np.sqrt(40))


def test_predictive_checks_hold_the_observed_percentiles(fit: pkpd.MixedFit) -> None:
    """Of the percentiles of the data that were simulated by the model most lie in their 95 % intervals."""
    options = {"n": 200, "seed": 0, "percentiles": (5, 50, 95), "bins": None}
    for corrected in (False, True):
        (check,) = predictive_checks(fit, "C", corrected=corrected, by=None, **options)  # type: ignore[arg-type]
        low, high = np.quantile(check.simulated, [0.025, 0.975], axis=0)
        inside = (check.observed >= low) & (check.observed <= high)
        assert inside.mean() > 0.8
    assert check.simulated.shape == (200, 3, 7)


def test_strata_and_unknown_columns(fit: pkpd.MixedFit) -> None:
    checks = predictive_checks(fit, "C", n=20, seed=0, percentiles=(5, 50, 95), bins=3, corrected=False, by="WT")
    assert len(checks) == len(set(fit.covariate("WT")))
    assert sum(len(c.value) for c in checks) == fit.n_observations
    with pytest.raises(UnknownNameError, match="Did you mean 'WT'"):
        pkpd.vpc(fit, by="wt", replicates=20)


def test_figures(fit: pkpd.MixedFit) -> None:
    panel = pkpd.goodness_of_fit(fit)
    assert len(panel.axes) == 9
    assert panel.axes[7].get_xlabel().startswith("WT (r = ")
    pages = pkpd.individual_fits(fit)
    assert [len(page.axes) for page in pages] == [20, 20]
    check = pkpd.vpc(fit, replicates=50, corrected=True)
    assert check.axes[0].get_ylabel() == "Prediction-corrected C (mg/L)"
    with pytest.raises(DataError, match="expected one of those observed: C"):
        pkpd.goodness_of_fit(fit, "D")
    plt.close("all")


def test_bands_that_reach_below_0_end_at_the_foot_of_a_logarithmic_axis() -> None:
    """Simulated values of an additive error may be negative: the band goes on to the foot, without gaps."""
    trials = np.array([[[low] * 3, [1.0] * 3, [2.0] * 3] for low in (-1.0, 0.3, 0.9)])
    observed = np.array([[0.5, 0.4, 0.6], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    value = np.array([0.5, 0.4, 0.6, 1.0, 2.0])
    check = Check("", np.array([0.0, 1.0, 2.0, 2.0, 2.0]), value, np.arange(3.0), observed, trials)
    _, ax = plt.subplots()
    draw_check(ax, check, log=True)
    band = ax.collections[0].get_paths()[0].vertices
    assert set(band[:, 0]) == {0.0, 1.0, 2.0}
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((0.2, 0.9))  # half of the lowest observation
    assert ax.get_ylim()[0] == pytest.approx(0.2)
    plt.close("all")


def test_categories_have_no_order() -> None:
    """The strength of three groups is the correlation ratio, and their names stand at the axis."""
    arms = np.array(["low", "none", "high"])
    data = simulated(24, seed=4)
    table = data.table.assign(arm=arms[data.table["ID"].to_numpy() % 3])
    records = pkpd.read_nonmem(table, compartments={1: "depot", 2: "central"})
    own = pkpd.empirical_bayes(one_compartment(), records)
    assert own.categories("arm") == ["high", "low", "none"]
    assert own.categories("WT") == []
    rows = own.eta_covariates()
    row = rows[(rows["covariate"] == "arm") & (rows["eta"] == "CL")].iloc[0]
    eta, codes = own.eta[:, list(own.eta_names).index("CL")], own.covariate("arm").astype(int)
    fitted = np.array([eta[codes == k].mean() for k in range(3)])[codes]
    assert row["correlation"] == pytest.approx(np.sqrt(fitted.var() / eta.var()))
    ratio = row["correlation"] ** 2
    assert row["p"] == pytest.approx(stats.f.sf(ratio / 2 / ((1 - ratio) / 21), 2, 21))


def test_etas_against_covariates_come_in_order(fit: pkpd.MixedFit) -> None:
    table = fit.eta_covariates()
    assert list(table.columns) == ["eta", "covariate", "correlation", "p"]
    assert table["p"].is_monotonic_increasing
    expected = stats.pearsonr(fit.covariate("WT"), fit.eta[:, 1])
    row = table[table["eta"] == "CL"].iloc[0]
    assert row["correlation"] == pytest.approx(expected.statistic)
