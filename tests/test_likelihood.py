"""Likelihoods of a fit against scipy.stats, closed forms, and simulated replicates."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pkpd
from pkpd.fitting.likelihoods import KnownSd, NormalError, Observed
from pkpd.fitting.optimum import fit_of
from pkpd.fitting.outcomes import Binomial, EventTime, Poisson
from pkpd.fitting.search import minimize

A = pkpd.state("A", "mg", "amount", start=0)
CL = pkpd.param("CL", 1.0, "L/day", "clearance")
V = pkpd.param("V", 10.0, "L", "volume")
one = pkpd.Model("one", rates={A: -CL / V * A}, outputs={"C": A / V}, routes={"iv": {A: A + pkpd.dose("mg")}})
DOSE = {"low": pkpd.bolus(50, "iv"), "high": pkpd.bolus(200, "iv")}
TIMES = np.array([0.5, 1, 2, 4, 7, 11, 16, 22.0])
FREE = {"CL": pkpd.free(1.3, log=True), "V": pkpd.free(8.0, log=True)}
ERRORS = {
    "additive": pkpd.additive_error(0.3),
    "proportional": pkpd.proportional_error(0.15),
    "combined": pkpd.combined_error(0.1, 0.1),
    "combined of SDs": pkpd.combined_error(0.1, 0.1, adds="sd"),
    "power": pkpd.power_error(0.2, 0.7),
    "log-normal": pkpd.lognormal_error(0.2),
}


def truth(clearance: float = 1.0, volume: float = 10.0) -> np.ndarray:
    return np.concatenate([dose / volume * np.exp(-clearance / volume * TIMES) for dose in (50, 200)])


def sampled(values: np.ndarray, **columns) -> pd.DataFrame:
    frame = {"arm": np.repeat(["low", "high"], len(TIMES)), "time": np.tile(TIMES, 2), "output": "C", "value": values}
    return pd.DataFrame({**frame, **columns})


def observed(error: pkpd.measures.residual_error.ResidualError, seed: int) -> pd.DataFrame:
    return sampled(error.observed(truth(), np.random.default_rng(seed).standard_normal(2 * len(TIMES))))


# ---- densities


@pytest.mark.parametrize("name", ERRORS)
def test_the_density_of_a_measured_value_is_scipys(name: str) -> None:
    error, mean, value = ERRORS[name], np.array([0.4, 2.0, 5.0]), np.array([0.5, 1.7, 5.5])
    numbers = np.array([list(error.numbers.values())])
    ours = NormalError(error).density(mean[None, :, None], Observed(value, np.zeros(3, int), np.ones(3)), numbers)
    if error.scale == "log":
        expected = stats.lognorm(error.additive, scale=mean).logpdf(value)
    else:
        expected = stats.norm(mean, error.sd(mean)).logpdf(value)
    np.testing.assert_allclose(ours.value[0], expected, rtol=1e-13)


@pytest.mark.parametrize("blq", ["M3", "M4"])
def test_the_chance_to_be_beyond_a_limit_is_scipys(blq: str) -> None:
    """M3 of Beal: Phi((limit - f)/sd); M4: the same given a positive value.  Right-censored: the other side."""
    mean, limit, sd = np.array([0.4, 2.0, 5.0, 1.0]), np.array([0.5, 1.0, 6.0, 1.2]), 0.8
    censored = np.array([1, 1, -1, 0])
    density = NormalError(pkpd.additive_error(sd), blq).density(
        mean[None, :, None], Observed(limit, censored, np.ones(4)), np.array([[sd]])
    )
    normal = stats.norm(mean, sd)
    positive = normal.sf(0) if blq == "M4" else np.ones(4)
    below = normal.cdf(limit) - (normal.cdf(0) if blq == "M4" else 0)
    chance = np.where(censored == 1, below, np.where(censored == -1, normal.sf(limit), normal.pdf(limit)))
    np.testing.assert_allclose(density.value[0], np.log(chance / positive), rtol=1e-12)


def test_counts_have_scipys_chances() -> None:
    p, n, k = np.array([0.1, 0.5, 0.0]), np.array([20.0, 7, 5]), np.array([3.0, 7, 0])
    rates = Binomial("n").density(
        p[None, :, None], Observed(k, np.zeros(3, int), np.ones(3), {"n": n}), np.empty((1, 0))
    )
    np.testing.assert_allclose(rates.value[0], stats.binom(n, p).logpmf(k), atol=1e-13)
    mean = np.array([0.3, 4.0, 12.0])
    counts = Poisson().density(mean[None, :, None], Observed(k, np.zeros(3, int), np.ones(3)), np.empty((1, 0)))
    np.testing.assert_allclose(counts.value[0], stats.poisson(mean).logpmf(k), rtol=1e-13)


@pytest.mark.parametrize(
    "likelihood",
    [*(NormalError(e, b) for e in ERRORS.values() for b in ("M3", "M4")), KnownSd("M3"), KnownSd("M4"), Binomial(),
     Poisson(), EventTime()],
    ids=str,
)  # fmt: skip
def test_scores_are_the_slopes_of_the_density(likelihood) -> None:
    """Central differences of the log-density by each prediction and each number of the error model."""
    counted = isinstance(likelihood, Binomial | Poisson | EventTime)
    mean = np.array([0.3, 0.8, 0.6, 0.45])
    value = np.array([1.0, 0, 1, 1]) if counted else np.array([0.5, 0.7, 0.6, 0.4])
    censored = np.zeros(4, int) if counted else np.array([0, 1, -1, 0])
    data = Observed(value, censored, np.full(4, 0.3), {"n": np.full(4, 6.0)})
    predicted = np.stack([mean, *([mean**2 + 0.1] * len(likelihood.further))], axis=1)[None]
    numbers = np.array([list(likelihood.numbers.values())])
    score = likelihood.density(predicted, data, numbers).score
    for i in range(score.shape[-1]):
        sides = []
        for step in (1e-6, -1e-6):
            moved, moved_numbers = predicted.copy(), numbers.copy()
            if i < predicted.shape[-1]:
                moved[..., i] += step
            else:
                moved_numbers[:, i - predicted.shape[-1]] += step
            sides.append(likelihood.density(moved, data, moved_numbers).value)
        np.testing.assert_allclose(score[..., i], (sides[0] - sides[1]) / 2e-6, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ERRORS)
def test_the_information_is_the_variance_of_the_score(name: str) -> None:
    """Over draws of the observation: the definition of the expected information."""
    error, draws = ERRORS[name], 200_000
    mean, rng = np.full(draws, 1.5), np.random.default_rng(3)
    value = error.observed(mean, rng.standard_normal(draws))
    numbers = np.array([list(error.numbers.values())])
    density = NormalError(error).density(mean[None, :, None], Observed(value, np.zeros(draws, int), mean), numbers)
    variance = np.cov(density.score[0].T).reshape(density.information.shape[-2:])
    np.testing.assert_allclose(density.information[0, 0], variance, rtol=0.03, atol=0.02 * np.abs(variance).max())


# ---- estimates


def test_an_additive_error_is_least_squares_with_the_sd_that_is_most_likely() -> None:
    """The same estimates; sigma is sqrt(SS/n); AIC and BIC are those of the least squares fit."""
    data = pkpd.read_observations(observed(ERRORS["additive"], 1), DOSE)
    squares = pkpd.fit(one, data, FREE)
    likely = pkpd.fit(one, data, FREE, error=pkpd.additive_error(1.0))
    np.testing.assert_allclose(likely.x[:2], squares.x, rtol=1e-6)
    assert likely.estimates.loc["sd_additive[C]", "estimate"] == pytest.approx(
        (squares.chi_square / 16) ** 0.5, rel=1e-6
    )
    assert likely.log_likelihood == pytest.approx(squares.log_likelihood, rel=1e-9)
    assert (likely.aic, likely.bic) == pytest.approx((squares.aic, squares.bic), rel=1e-9)
    # The SE of the least squares has n - k in the place of n.
    se = likely.estimates["se"].iloc[:2] * (16 / 14) ** 0.5
    np.testing.assert_allclose(se, squares.estimates["se"], rtol=0.03)


def test_a_lognormal_error_is_least_squares_of_logarithms() -> None:
    table = observed(ERRORS["log-normal"], 2)
    fit = pkpd.fit(one, pkpd.read_observations(table, DOSE), FREE, error=pkpd.lognormal_error(0.5))
    # ln C = ln(dose/V) - k t: a linear regression on intercept and time.
    y = np.log(table["value"]) - np.log(np.repeat([50, 200], len(TIMES)))
    slope, intercept = np.polyfit(table["time"], y, 1)
    volume, clearance = np.exp(-intercept), -slope * np.exp(-intercept)
    assert fit.estimates["estimate"].tolist() == pytest.approx(
        [clearance, volume, np.std(y - intercept - slope * table["time"])], rel=1e-6
    )


def test_numbers_of_an_error_model_may_be_held() -> None:
    data = pkpd.read_observations(observed(ERRORS["additive"], 3), DOSE)
    fit = pkpd.fit(one, data, FREE, error={"C": pkpd.additive_error(0.3).fixed()})
    known = pkpd.fit(one, pkpd.read_observations(observed(ERRORS["additive"], 3).assign(sd=0.3), DOSE), FREE)
    assert list(fit.estimates.index) == ["CL", "V"]
    np.testing.assert_allclose(fit.x, known.x, rtol=1e-7)
    assert fit.log_likelihood == pytest.approx(known.log_likelihood, rel=1e-10)
    np.testing.assert_allclose(fit.estimates["se"], known.estimates["se"], rtol=0.05)


def test_a_prior_pulls_as_a_datum_of_its_own() -> None:
    """A normal prior of V is a measurement of V: the same estimate as with one more residual."""
    data = pkpd.read_observations(observed(ERRORS["additive"], 4).assign(sd=0.3), DOSE)
    prior = pkpd.fit(one, data, FREE | {"V": pkpd.free(9.0, prior=pkpd.normal(9.0, sd=0.05))})
    from scipy.optimize import least_squares

    def residuals(p):
        return np.append((truth(*p) - data.value) / 0.3, (p[1] - 9.0) / 0.05)

    expected = least_squares(residuals, [1.0, 9.0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert prior.estimates["estimate"].tolist() == pytest.approx(expected.x, rel=1e-6)
    covariance = np.linalg.inv(expected.jac.T @ expected.jac)
    np.testing.assert_allclose(prior.estimates["se"], np.sqrt(np.diag(covariance)), rtol=0.05)
    assert prior.log_posterior != prior.log_likelihood


def test_parameters_are_tied_by_expressions_and_outputs_scaled() -> None:
    """CL = k V with k free; a further output in arbitrary units, with a scale and an offset."""
    k, scale, offset = (pkpd.param(n, v, u, "x") for n, v, u in [("k", 0.2, "1/day"), ("s", 2, "L/mg"), ("o", 1, "1")])
    both = pkpd.compose("both", one, pkpd.Model("signal", rates={}, outputs={"Y": scale * A / V + offset}))
    table = observed(ERRORS["additive"], 5)
    signal = sampled(3 * truth() + 0.5).assign(output="Y")
    data = pkpd.read_observations(pd.concat([table, signal]), DOSE)
    free = {"k": pkpd.free(0.2, log=True), "V": pkpd.free(8), "s": pkpd.free(2), "o": pkpd.free(1)}
    errors = {"C": pkpd.additive_error(1), "Y": pkpd.additive_error(0.01).fixed()}
    fit = pkpd.fit(both, data, free, parameters={"CL": k * both["V"]}, error=errors)
    assert fit.estimates["estimate"].iloc[:4].tolist() == pytest.approx([0.1, 10, 3, 0.5], rel=0.02)
    with pytest.raises(pkpd.FitError, match="'CL' is tied to .* which uses A; expected an expression of parameters"):
        pkpd.fit(both, data, free, parameters={"CL": k * A}, error=errors)
    with pytest.raises(pkpd.UnitError):
        pkpd.fit(both, data, free, parameters={"CL": k * k}, error=errors)


def test_covariates_of_subjects_reach_their_parameters() -> None:
    """Weights by subject: as if each subject were an arm with its own constant."""
    weight = pkpd.given("WT", "kg", "body weight", default=70)
    reference = pkpd.param("W0", 70, "kg", "reference weight")
    scaled = pkpd.Model(
        "scaled", rates={A: -CL * weight / reference / V * A}, outputs={"C": A / V},
        routes={"iv": {A: A + pkpd.dose("mg")}},
    )  # fmt: skip
    weights = {"1": 50.0, "2": 70.0, "3": 110.0}
    rows = [
        {"arm": "a", "subject": s, "time": t, "output": "C", "value": 10 * np.exp(-0.1 * w / 70 * t), "wt": w}
        for s, w in weights.items()
        for t in TIMES
    ]
    fit = pkpd.fit(scaled, pkpd.read_observations(pd.DataFrame(rows), {"a": pkpd.bolus(100, "iv")}), FREE)
    assert fit.estimates["estimate"].tolist() == pytest.approx([1, 10], rel=1e-6)
    assert "columns not used" not in fit.report()
    at_70 = pkpd.fit(one, pkpd.read_observations(pd.DataFrame(rows), {"a": pkpd.bolus(100, "iv")}), FREE)
    assert at_70.chi_square > 1e6 * fit.chi_square
    assert "columns not used: wt" in at_70.report()
    broken = pd.DataFrame(rows)
    with pytest.raises(pkpd.FitError, match=r"covariate 'wt' is missing .* arm 'a', subject '1', 'C' at time 0.5"):
        pkpd.fit(
            scaled, pkpd.read_observations(broken.assign(wt=broken["wt"].mask(broken.index == 0)), {"a": None}), FREE
        )
    changed = broken.assign(wt=broken["wt"].mask(broken.index == 0, 51.0))
    with pytest.raises(pkpd.FitError, match=r"covariate 'wt' of arm 'a', subject '1' is 51 and 50"):
        pkpd.fit(scaled, pkpd.read_observations(changed, {"a": None}), FREE)


def test_event_times_of_a_constant_hazard_are_the_closed_form() -> None:
    """The estimate is events over time at risk, its SE that over the root of the events."""
    H = pkpd.state("H", "1", "cumulative hazard", start=0)
    lam = pkpd.param("lam", 0.1, "1/day", "hazard")
    survival = pkpd.Model("survival", rates={H: lam}, outputs={"h": lam, "S": 1 - H})
    rng = np.random.default_rng(11)
    death = rng.exponential(20, 60)
    time, event = np.minimum(death, 30), (death < 30).astype(float)
    table = pd.DataFrame({"arm": "a", "subject": np.arange(60), "time": time, "output": "H", "value": event})
    data = pkpd.read_observations(table, {"a": None})
    fit = pkpd.fit(survival, data, {"lam": pkpd.free(0.3, log=True)}, error={"H": pkpd.event_time(hazard="h")})
    expected = event.sum() / time.sum()
    row = fit.estimates.loc["lam"]
    assert row["estimate"] == pytest.approx(expected, rel=1e-6)
    assert row["se"] == pytest.approx(expected / event.sum() ** 0.5, rel=1e-4)
    assert fit.log_likelihood == pytest.approx(event.sum() * np.log(expected) - event.sum(), rel=1e-9)
    # The event less the hazard is no residual with a standard deviation: there is no chi-square.
    assert np.isnan(fit.chi_square)
    assert np.isnan(fit.reduced_chi_square)
    assert "reduced chi-square" not in fit.report()
    assert "log-likelihood" in repr(fit)


def test_response_rates_are_binomial() -> None:
    """A logistic response to dose: the estimates of an independent maximization."""
    from scipy.optimize import minimize

    D = pkpd.state("D", "mg", "dose taken", start=0)
    E50 = pkpd.param("E50", 80.0, "mg", "dose of half response")
    rates = pkpd.Model(
        "rates", rates={D: 0 * D / pkpd.param("u", 1, "day", "unit")}, outputs={"P": D / (D + E50)},
        routes={"oral": {D: D + pkpd.dose("mg")}},
    )  # fmt: skip
    doses, n, k = np.array([20.0, 60, 180]), np.array([30.0, 25, 28]), np.array([5.0, 12, 22])
    table = pd.DataFrame({"arm": doses.astype(str), "time": 1.0, "output": "P", "value": k, "n": n})
    regimens = {str(d): pkpd.bolus(d, "oral") for d in doses}
    fit = pkpd.fit(rates, pkpd.read_observations(table, regimens), {"E50": pkpd.free(50, log=True)},
                   error=pkpd.binomial_error())  # fmt: skip
    expected = minimize(lambda x: -stats.binom(n, doses / (doses + np.exp(x[0]))).logpmf(k).sum(), [4.0], tol=1e-12)
    assert fit.x[0] == pytest.approx(expected.x[0], rel=1e-6)
    assert fit.log_likelihood == pytest.approx(-expected.fun, rel=1e-9)


@pytest.mark.parametrize("optimizer", ["nelder", "powell"])
def test_other_minimizers_of_lmfit_end_at_the_same_point(optimizer: str) -> None:
    data = pkpd.read_observations(observed(ERRORS["proportional"], 6), DOSE)
    error = {"error": pkpd.proportional_error(0.2)}
    best, other = pkpd.fit(one, data, FREE, **error), pkpd.fit(one, data, FREE, optimizer=optimizer, **error)
    np.testing.assert_allclose(other.x, best.x, atol=1e-3)
    assert best.log_likelihood >= other.log_likelihood
    with pytest.raises(pkpd.UnknownNameError, match="optimizer 'neldr'. Did you mean 'nelder'"):
        pkpd.fit(one, data, FREE, optimizer="neldr", **error)
    with pytest.raises(pkpd.FitError, match="'leastsq' minimizes sums of squares, and the likelihood of these data is"):
        pkpd.fit(one, data, FREE, optimizer="leastsq", **error)


# ---- replicates

REPLICATES = 200


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_intervals_hold_the_truth_as_often_as_they_say(name: str) -> None:
    """Of 200 simulated data sets 90 to 98 % have the true CL, and V, within the 95 % interval."""
    data = pkpd.read_observations(pd.concat([observed(ERRORS[name], i).assign(subject=i) for i in (0, 1)]), DOSE)
    objective = pkpd.fit(one, data, FREE, error=ERRORS[name]).objective
    mean, rng, held = np.tile(truth(), 2), np.random.default_rng(1), []
    for _ in range(REPLICATES):
        replicate = objective.with_values(ERRORS[name].observed(mean, rng.standard_normal(len(mean))))
        table = fit_of(replicate, minimize(replicate), "modeled").estimates.loc[["CL", "V"]]
        held.append((table["ci_low"] < [1, 10]) & ([1, 10] < table["ci_high"]))
    shares = np.mean(held, axis=0)
    assert (shares >= 0.90).all(), shares
    assert (shares <= 0.98).all(), shares


@pytest.mark.slow
def test_m3_is_unbiased_where_leaving_out_is_not() -> None:
    """A third of the observations are below the limit: M3 is within 5 % of the truth, M1 more than 10 % off."""
    limit, error, times = 1.5, pkpd.additive_error(0.8), np.tile(np.linspace(1, 22, 12), 2)
    mean, doses = 5 * np.exp(-0.1 * times), {"low": DOSE["low"]}
    estimates: dict[str, list[float]] = {"M1": [], "M3": []}
    shares = []
    for seed in range(60):
        values = error.observed(mean, np.random.default_rng(seed).standard_normal(len(mean)))
        below = values < limit
        shares.append(below.mean())
        columns = {"value": np.where(below, limit, values), "blq": below.astype(int), "subject": np.arange(24) // 12}
        table = pd.DataFrame({"arm": "low", "time": times, "output": "C", **columns})
        for method, kept in estimates.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                fit = pkpd.fit(one, pkpd.read_observations(table, doses), FREE, error=error, blq=method)
            kept.append(fit.x[0])
    assert 0.25 < np.mean(shares) < 0.45
    assert abs(np.mean(estimates["M3"])) < 0.05
    assert np.mean(estimates["M1"]) < -0.1


# ---- refusals


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"value": -3.1}, {"error": pkpd.lognormal_error(0.2)},
         r"output 'C' at time 0.5 of arm 'low' is -3.1; the log-normal error model needs positive values"),
        ({}, {"error": {"Cp": pkpd.additive_error(1)}}, "has no observed output 'Cp'"),
        ({}, {"error": {"C": 0.2}}, r"error\['C'\] is 0.2; expected additive_error"),
        ({}, {"error": 0.2}, "error is 0.2; expected {output: error model}"),
        ({}, {"error": pkpd.additive_error(0.0)}, "the standard deviation of 'C' starts at 0"),
        ({}, {"error": pkpd.binomial_error()}, "needs a column 'n' of numbers in the data"),
        ({"n": 1.0}, {"error": pkpd.binomial_error()}, "of 1 responded; expected whole numbers"),
        ({}, {"error": pkpd.additive_error(1), "sd_is": "known"}, "but error= says how large the errors are"),
        ({}, {"blq": "M2"}, "blq is 'M2'; expected 'M1'"),
        ({"blq": 1}, {"blq": "M3"}, "needs to know how large the errors are; give error="),
        ({}, {"error": pkpd.event_time("x"), "outputs": None}, "has no state or output 'x'|has no state or output"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_message(changes, options, message: str) -> None:
    data = pkpd.read_observations(sampled(truth()).assign(**changes), DOSE)
    with pytest.raises((pkpd.FitError, pkpd.DataError, pkpd.UnknownNameError), match=message):
        pkpd.fit(one, data, FREE, **options)


def test_a_standard_deviation_that_goes_to_zero_is_told() -> None:
    """A value of exactly 0 before the first dose, where the model has 0: the likelihood has no maximum."""
    values = [0, 9.0, 8.1, 6.8, 4.4, 3.1, 2.1]
    table = pd.DataFrame(
        {"arm": "a", "time": [0.0, 1, 2, 4, 8, 12, 16], "output": "C", "value": values, "at_dose": "before"}
    )
    data = pkpd.read_observations(table, {"a": pkpd.bolus(100, "iv")})
    fit = pkpd.fit(one, data, FREE, error=pkpd.combined_error(0.1, 0.1))
    assert not fit.success
    assert fit.message.startswith("the likelihood has no maximum: sd_additive[C] goes to 0, where the model meets")
    assert "sd_additive[C] goes to 0" in fit.covariance_missing
    measured = pkpd.fit(one, data.take(data.time > 0), FREE, error=pkpd.proportional_error(0.1))
    assert measured.success


def test_a_prior_that_is_none_is_refused() -> None:
    data = pkpd.read_observations(sampled(truth()), DOSE)
    for prior in (pkpd.categorical({1: 0.5, 2: 0.5}), stats.poisson(3), pkpd.truncated(pkpd.normal(9, sd=1), 0, 20)):
        with pytest.raises(pkpd.FitError, match="the prior of 'V' is .*; expected normal"):
            pkpd.fit(one, data, {"V": pkpd.free(9.0, prior=prior)})
