"""Draws of emcee against posteriors in closed form; convergence; what is not determined."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import scipy.stats
from fit_problems import (
    LINE_TIMES,
    bioavailability_fit,
    decay,
    decay_data,
    decay_fit,
    line,
    line_data,
    line_fit,
    regression,
    shrinking_fit,
    tail_fit,
)

import pkpd


@pytest.fixture(scope="module")
def of_line() -> pkpd.Posterior:
    return pkpd.sample_posterior(line_fit(sd=4.0), 400, warmup=100, seed=1)


def test_the_posterior_of_a_line_with_known_errors_is_normal(of_line: pkpd.Posterior) -> None:
    best, inverse, _ = regression(of_line.fit.data)
    summary = of_line.summary()
    sd = 4.0 * np.sqrt(np.diag(inverse))
    accuracy = 4 / np.sqrt(summary["ess_bulk"].to_numpy())  # 4 standard errors
    assert (np.abs(summary["mean"] - best) < accuracy * sd).all()
    assert summary["sd"].to_numpy() == pytest.approx(sd, rel=0.06)
    ends = best + np.outer([-1, 1], scipy.stats.norm.ppf(0.975) * sd)
    assert np.abs(summary["ci_low"] - ends[0]).to_numpy() == pytest.approx(0, abs=0.15 * sd.max())
    assert np.abs(summary["ci_high"] - ends[1]).to_numpy() == pytest.approx(0, abs=0.15 * sd.max())
    correlation = np.corrcoef(of_line.draws.T)[0, 1]
    assert correlation == pytest.approx(inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1]), abs=0.04)
    assert of_line.converged
    assert (summary["r_hat"] < 1.03).all()


def test_an_unknown_size_of_errors_widens_it_to_students_t() -> None:
    """With 3 degrees of freedom the tails are far from normal."""
    data = line_data().take(np.arange(8) < 5)
    fit = pkpd.fit(line_fit().model, data, {"a": pkpd.free(10.0), "b": pkpd.free(1.0)})
    best, inverse, variance = regression(data)
    draws = pkpd.sample_posterior(fit, 450, warmup=80, seed=2).draws
    for x, center, scale in zip(draws.T, best, np.sqrt(variance * np.diag(inverse)), strict=True):
        shares = scipy.stats.t(3, center, scale).cdf(np.quantile(x, [0.025, 0.25, 0.5, 0.75, 0.975]))
        # 4 standard errors of 900 draws; a normal distribution would have 0.07 beyond its ends
        assert shares[[0, 4]] == pytest.approx([0.025, 0.975], abs=0.025)
        assert shares[1:4] == pytest.approx([0.25, 0.5, 0.75], abs=0.06)


@pytest.mark.parametrize("log", [True, False])
def test_a_parameter_that_the_data_do_not_move_keeps_its_prior(log: bool) -> None:
    """On the scale of the logarithm the density of the parameter is multiplied by it: the median stays 2."""
    data = line_data(sd=4.0).take(LINE_TIMES == 0)  # a slope does not show at time 0
    wanted = {"b": pkpd.free(2.0, log=log, prior=pkpd.lognormal(2.0, cv=0.8))}
    posterior = pkpd.sample_posterior(pkpd.fit(line, data, wanted, parameters={"a": 20.0}), 300, warmup=60, seed=3)
    draws = np.log(posterior.dataset["b"].to_numpy().ravel())
    spread = np.sqrt(np.log1p(0.8**2))
    assert np.median(draws) == pytest.approx(np.log(2.0), abs=0.08)
    assert draws.std() == pytest.approx(spread, rel=0.08)


def test_a_prior_and_data_make_the_conjugate_posterior() -> None:
    """A normal prior of a mean with known errors: precisions add."""
    data, sd = line_data(sd=4.0), 4.0
    fit = pkpd.fit(
        line_fit().model, data, {"b": pkpd.free(1.0, prior=pkpd.normal(2.0, sd=0.1))}, parameters={"a": 20.0}
    )
    precision = (data.time**2).sum() / sd**2 + 1 / 0.1**2
    mean = ((data.time * (data.value - 20.0)).sum() / sd**2 + 2.0 / 0.1**2) / precision
    draws = pkpd.sample_posterior(fit, 300, warmup=50).draws[:, 0]
    assert draws.mean() == pytest.approx(mean, abs=0.1 / np.sqrt(precision))
    assert draws.std() == pytest.approx(1 / np.sqrt(precision), rel=0.06)


def test_draws_stay_within_bounds() -> None:
    wanted = {"CL": pkpd.free(1.9, (1.85, 1.95), log=True), "V": pkpd.free(9.7, (9.6, 9.8))}
    posterior = pkpd.sample_posterior(pkpd.fit(decay, decay_data(), wanted), 200, warmup=50)
    values = posterior.dataset
    assert 1.85 <= float(values["CL"].min()) < 1.87
    assert 9.78 < float(values["V"].max()) <= 9.8
    assert set(posterior.intervals()["shape"]) == {"not bounded"}


def test_the_same_seed_gives_the_same_draws(of_line: pkpd.Posterior) -> None:
    again = pkpd.sample_posterior(of_line.fit, 20, warmup=100, seed=1)
    assert np.array_equal(again.x, of_line.x[:, :20])
    assert not np.array_equal(pkpd.sample_posterior(of_line.fit, 20, warmup=100, seed=2).x, again.x)


def test_tables_have_all_draws_in_the_units_of_the_parameters() -> None:
    posterior = pkpd.sample_posterior(decay_fit(), 20, warmup=10)
    assert posterior.x.shape == (32, 20, 2)
    assert posterior.dataset["CL"].attrs["units"] == "L/day"
    table = posterior.table
    assert list(table.columns) == ["chain", "draw", "CL", "V", "log_posterior"]
    row = table.query("chain == 3 and draw == 7").iloc[0]
    assert row["V"] == pytest.approx(np.exp(posterior.x[3, 7, 1]))
    assert row["log_posterior"] == pytest.approx(posterior.fit.objective.log_posterior(posterior.x[3, 7][None])[0])


def test_arviz_takes_the_draws(of_line: pkpd.Posterior) -> None:
    from pkpd.fitting.walkers import extra

    summary = extra("arviz").summary(of_line.dataset, round_to="none")
    assert summary.loc["a", "ess_bulk"] == pytest.approx(of_line.summary().loc["a", "ess_bulk"])
    assert summary.loc["b", "r_hat"] == pytest.approx(of_line.summary().loc["b", "r_hat"])


# ---- what the data do not tell


def test_a_parameter_that_may_be_as_large_as_it_likes_is_bounded_below_only() -> None:
    posterior = pkpd.sample_posterior(tail_fit(), 150, warmup=100)
    assert posterior.intervals().loc["ka", "shape"] == "bounded below only"
    assert "ka is bounded below only" in posterior.report()


def test_a_flat_direction_is_named() -> None:
    posterior = pkpd.sample_posterior(bioavailability_fit(), 150, warmup=100)
    assert posterior.intervals().loc["F", "shape"] == "not bounded"
    assert "The data fix only a combination of V, CL, F. Priors and bounds decide the rest." in posterior.report()


def test_a_short_sampling_has_not_converged() -> None:
    posterior = pkpd.sample_posterior(decay_fit(), 4, warmup=0)
    assert not posterior.converged
    assert "The sampling has not converged" in posterior.report()


# ---- refusals


@pytest.mark.parametrize("package", ["emcee", "arviz"])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    original = importlib.import_module

    def absent(name: str):
        if name == package:
            raise ImportError(name)
        return original(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(
        pkpd.MissingExtraError, match=f"needs {package}, which is not installed.*pip install 'pkpd\\[bayes\\]'"
    ):
        pkpd.sample_posterior(decay_fit())


def test_refusals_name_the_value() -> None:
    fit = decay_fit()
    with pytest.raises(pkpd.FitError, match="walkers is 3; expected an even number of more than 4"):
        pkpd.sample_posterior(fit, walkers=3)
    with pytest.raises(pkpd.FitError, match="draws is 0.5; expected a whole number of 4 or more"):
        pkpd.sample_posterior(fit, 0.5)
    with pytest.raises(pkpd.FitError, match="warmup is -1; expected a whole number of 0 or more"):
        pkpd.sample_posterior(fit, warmup=-1)
    with pytest.raises(pkpd.ParameterError, match="the seed is 1.5"):
        pkpd.sample_posterior(fit, seed=1.5)
    with pytest.raises(pkpd.FitError, match="sample_posterior\\(\\) got None; expected what pkpd.fit"):
        pkpd.sample_posterior(None)


def test_an_interrupted_sampling_has_the_draws_so_far() -> None:
    def progress(done: int, total: int) -> None:
        if done == 40:
            raise KeyboardInterrupt

    posterior = pkpd.sample_posterior(decay_fit(), 100, warmup=10, progress=progress)
    assert posterior.interrupted
    assert posterior.x.shape[1] == 30


# ---- all three ways


@pytest.mark.slow
def test_profile_bootstrap_and_posterior_agree_on_what_is_identified() -> None:
    """The exponential decay: intervals on the scale of the logarithm, whose half widths differ by a tenth at most."""
    fit = decay_fit()
    tables = [
        pkpd.profile(fit).intervals,
        pkpd.bootstrap(fit, 2000, by="parametric").intervals(),
        pkpd.sample_posterior(fit, 2000, warmup=300).intervals(),
    ]
    for name in ("CL", "V"):
        ends = np.log([[table.loc[name, "ci_low"], table.loc[name, "ci_high"]] for table in tables])
        width = np.ptp(ends[0])
        assert np.ptp(ends, axis=0) == pytest.approx(0, abs=0.06 * width)
        assert all(table.loc[name, "shape"] == "bounded" for table in tables)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "name"), [(tail_fit, "ka"), (bioavailability_fit, "F"), (shrinking_fit, "g")], ids=lambda p: str(p)[:9]
)
def test_what_is_not_identified_is_named_by_all(problem, name: str) -> None:
    """ka against V/F without intravenous doses, F against V/F and CL/F, and growth g against phi while all shrinks."""
    fit = problem()
    assert np.isnan(fit.estimates.loc[name, "se"])
    assert name in fit.covariance_missing
    for table in (
        pkpd.profile(fit, name).intervals,
        pkpd.bootstrap(fit, 60, by="parametric").intervals(),
        pkpd.sample_posterior(fit, 250, warmup=150).intervals(),
    ):
        assert table.loc[name, "shape"] != "bounded"
