"""Survival: Kaplan-Meier, log-rank, cumulative incidence and Cox against published values and closed forms."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats
import xarray as xr
from survival_data import (
    HPA,
    HPA_EVENT,
    HPA_STAIN,
    IUD,
    IUD_EVENT,
    LEUKEMIA,
    LEUKEMIA_ARM,
    LEUKEMIA_EVENT,
    SIX_MP,
    SIX_MP_EVENT,
)

import pkpd
import pkpd.fits


def censored_data(time, event):
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    return scipy.stats.CensoredData(uncensored=time[event], right=time[~event])


@pytest.fixture(scope="module")
def leukemia() -> xr.Dataset:
    return pkpd.kaplan_meier(LEUKEMIA, LEUKEMIA_EVENT, group=LEUKEMIA_ARM, unit="week")


# ---- Kaplan-Meier


def test_kaplan_meier_is_the_product_of_fractions() -> None:
    """The 6-MP arm by hand, exactly; the errors to the digits of Klein and Moeschberger, table 4.1B."""
    curve = pkpd.kaplan_meier(SIX_MP, SIX_MP_EVENT)
    steps = {6: (3, 21), 7: (1, 17), 10: (1, 15), 13: (1, 12), 16: (1, 11), 22: (1, 7), 23: (1, 6)}
    alive, variance = Fraction(1), Fraction(0)
    printed = [0.076, 0.087, 0.096, 0.107, 0.114, 0.128, 0.135]
    for (week, (d, Y)), error in zip(steps.items(), printed, strict=True):
        alive *= Fraction(Y - d, Y)
        variance += Fraction(d, Y * (Y - d))
        at = curve.sel(time=week)
        assert float(at["survival"]) == pytest.approx(float(alive), rel=1e-14)
        assert float(at["std_error"]) == pytest.approx(float(alive) * float(variance) ** 0.5, rel=1e-13)
        assert float(at["std_error"]) == pytest.approx(error, abs=5e-4)
        assert (int(at["events"]), int(at["at_risk"])) == (d, Y)
    assert float(curve["survival"].sel(time=0)) == 1
    assert int(curve["censored"].sum()) == 12


def test_kaplan_meier_of_collett() -> None:
    """Survivor function and errors of the intrauterine device, Collett, tables 2.3 and 2.4; median 93 weeks."""
    curve = pkpd.kaplan_meier(IUD, IUD_EVENT)
    steps = curve.isel(time=(curve["events"] > 0).to_numpy())
    survival = [0.9444, 0.8815, 0.8137, 0.7459, 0.6526, 0.5594, 0.4662, 0.3729, 0.2486]
    errors = [0.0540, 0.0790, 0.0978, 0.1107, 0.1303, 0.1412, 0.1452, 0.1430, 0.1392]
    np.testing.assert_allclose(steps["survival"], survival, atol=5e-5)
    np.testing.assert_allclose(steps["std_error"], errors, atol=5e-5)
    assert float(pkpd.median_survival(curve)["median"]) == 93


@pytest.mark.parametrize(("interval", "scipys"), [("log-log", "log-log"), ("plain", "linear")])
def test_the_band_is_scipys(interval, scipys) -> None:
    curve = pkpd.kaplan_meier(SIX_MP, SIX_MP_EVENT, confidence=0.9, interval=interval)
    sf = scipy.stats.ecdf(censored_data(SIX_MP, SIX_MP_EVENT)).sf
    with np.errstate(all="ignore"):
        theirs = sf.confidence_interval(0.9, method=scipys)
    ours = curve.sel(time=sf.quantiles)
    np.testing.assert_allclose(ours["survival"], sf.probabilities, rtol=1e-14)
    np.testing.assert_allclose(ours["lower"], theirs.low.probabilities, rtol=1e-12)
    np.testing.assert_allclose(ours["upper"], theirs.high.probabilities, rtol=1e-12)


def test_the_log_band_is_symmetric_on_its_scale() -> None:
    curve = pkpd.kaplan_meier(SIX_MP, SIX_MP_EVENT, interval="log").sel(time=23)
    S, low, high = (float(curve[name]) for name in ("survival", "lower", "upper"))
    assert np.log(high / S) == pytest.approx(np.log(S / low), rel=1e-12)
    assert np.log(S / low) == pytest.approx(1.959963984540054 * float(curve["std_error"]) / S, rel=1e-12)


def test_groups_are_curves_of_their_own(leukemia) -> None:
    for arm in ("6-MP", "placebo"):
        mine = LEUKEMIA_ARM == arm
        alone = pkpd.kaplan_meier(LEUKEMIA[mine], LEUKEMIA_EVENT[mine])
        together = leukemia.sel(group=arm).reindex(time=alone["time"])
        for name in ("survival", "lower", "upper", "std_error", "at_risk", "events", "censored"):
            np.testing.assert_array_equal(together[name], alone[name])
    assert np.isnan(pkpd.kaplan_meier([1, 2, 9], [1, 0, 1], group=["a", "a", "b"])["survival"].sel(group="a", time=9))
    assert float(leukemia["survival"].sel(group="placebo", time=35)) == 0


def test_medians_and_their_intervals(leukemia) -> None:
    """Medians of 23 and 8 weeks, as printed; the interval inverts the band (of scipy) by hand."""
    median = pkpd.median_survival(leukemia)
    np.testing.assert_array_equal(median["median"], [23, 8])
    for arm in ("6-MP", "placebo"):
        mine = LEUKEMIA_ARM == arm
        sf = scipy.stats.ecdf(censored_data(LEUKEMIA[mine], LEUKEMIA_EVENT[mine])).sf
        with pytest.warns(RuntimeWarning) if arm == "placebo" else np.errstate():
            theirs = sf.confidence_interval(0.95, method="log-log")
        for name, side in (("lower", theirs.low), ("upper", theirs.high)):
            below = side.quantiles[side.probabilities <= 0.5]
            expected = below[0] if len(below) else np.inf
            assert float(median[name].sel(group=arm)) == expected
    assert median["median"].attrs["units"] == "week"
    assert float(pkpd.median_survival(pkpd.kaplan_meier([1, 2, 3], [1, 0, 0]))["median"]) == np.inf


def test_a_median_reached_exactly_is_not_lost_to_rounding() -> None:
    """Ten patients without censoring: after the fifth event half are left, whatever the product's last digit."""
    for n in range(2, 200, 2):
        curve = pkpd.kaplan_meier(np.arange(1, n + 1), np.ones(n))
        assert float(pkpd.median_survival(curve)["median"]) == n / 2


def test_landmarks_and_numbers_at_risk(leukemia) -> None:
    at = pkpd.landmark_survival(leukemia, [10, 22.5, 40])
    np.testing.assert_allclose(at["survival"].sel(group="6-MP")[:2], [6 / 7 * 16 / 17 * 14 / 15, 0.5378151], rtol=1e-7)
    assert np.isnan(at["survival"].sel(group="6-MP", time=40)), "followed to week 35, with survivors"
    assert float(at["survival"].sel(group="placebo", time=40)) == 0, "none is left"
    weeks = np.array([0, 5, 10, 10.5, 22, 35, 36])
    risk = pkpd.numbers_at_risk(leukemia, weeks)
    for arm in ("6-MP", "placebo"):
        mine = LEUKEMIA[LEUKEMIA_ARM == arm]
        np.testing.assert_array_equal(risk.sel(group=arm), [(mine >= week).sum() for week in weeks])


def test_restricted_mean_is_the_area() -> None:
    """Klein and Moeschberger, example 4.1: 23.287 weeks to week 35, standard error 2.827."""
    mean = pkpd.restricted_mean(pkpd.kaplan_meier(SIX_MP, SIX_MP_EVENT), 35)
    assert float(mean["mean"]) == pytest.approx(23.287, abs=5e-4)
    assert float(mean["std_error"]) == pytest.approx(2.827, abs=6e-4)


def test_restricted_mean_without_censoring_is_the_mean_of_truncated_times() -> None:
    rng = np.random.default_rng(3)
    time, horizon = rng.exponential(10, 300), 12.5
    mean = pkpd.restricted_mean(pkpd.kaplan_meier(time, np.ones(300)), horizon)
    cut = np.minimum(time, horizon)
    assert float(mean["mean"]) == pytest.approx(cut.mean(), rel=1e-12)
    assert float(mean["std_error"]) == pytest.approx(cut.std() / 300**0.5, rel=1e-12)
    with pytest.raises(pkpd.DataError, match="followed to 35 only"):
        pkpd.restricted_mean(pkpd.kaplan_meier(SIX_MP, SIX_MP_EVENT), 36)


def test_the_band_covers_at_its_rate() -> None:
    """Of 400 simulated samples about 95 % have the true survival inside the band."""
    rng, inside = np.random.default_rng(11), 0
    for _ in range(400):
        life, leaves = rng.exponential(10, 60), rng.uniform(5, 20, 60)
        curve = pkpd.kaplan_meier(np.minimum(life, leaves), life <= leaves)
        at = pkpd.landmark_survival(curve, [6.0])
        inside += bool(at["lower"][0] <= np.exp(-0.6) <= at["upper"][0])
    assert scipy.stats.binomtest(inside, 400, 0.95).pvalue > 0.01


def test_what_is_not_known_is_refused_or_excluded() -> None:
    time, event = [1.0, np.nan, 3.0], [1, 1, np.nan]
    with pytest.raises(pkpd.DataError, match=r"2 of 3 rows have no time or no event .* row 1"):
        pkpd.kaplan_meier(time, event)
    assert pkpd.kaplan_meier(time, event, failed="exclude").attrs["excluded"] == 2
    for bad, words in [
        (([1, -2], [1, 1]), "row 1 is -2"),
        (([1, np.inf], [1, 0]), "row 1 is inf"),
        (([1, 2], [1, 2]), "event of row 1 is 2"),
        (([1, 2], [1]), "for each of the 2 times"),
        ((["a"], [1]), "one number for each patient"),
        (([], []), "0 times"),
    ]:
        with pytest.raises(pkpd.DataError, match=words):
            pkpd.kaplan_meier(*bad)
    with pytest.raises(pkpd.DataError, match="confidence is 95"):
        pkpd.kaplan_meier([1], [1], confidence=95)
    with pytest.raises(pkpd.DataError, match="row 1 has no group"):
        pkpd.kaplan_meier([1, 2], [1, 1], group=["a", None])


def test_columns_of_a_table_and_labelled_arrays_are_taken() -> None:
    table = pd.DataFrame({"time": SIX_MP, "event": SIX_MP_EVENT}, index=np.arange(100, 121))
    days = xr.DataArray(np.array(SIX_MP, dtype=float), dims="member", attrs={"units": "day"})
    curve = pkpd.kaplan_meier(table["time"], table["event"])
    xr.testing.assert_equal(curve, pkpd.kaplan_meier(days, table["event"]))
    assert pkpd.kaplan_meier(days, table["event"])["time"].attrs["units"] == "day"


# ---- log-rank


def test_logrank_of_the_leukemia_data() -> None:
    """Chi-squared 16.79 with 19.25 and 10.75 expected, as printed by every text that uses the data."""
    test = pkpd.logrank(LEUKEMIA, LEUKEMIA_EVENT, LEUKEMIA_ARM)
    np.testing.assert_array_equal(test["observed"], [9, 21])
    np.testing.assert_allclose(test["expected"], [19.25, 10.75], atol=5e-3)
    assert float(test["statistic"]) == pytest.approx(16.79, abs=5e-3)
    drug = LEUKEMIA_ARM == "6-MP"
    theirs = scipy.stats.logrank(
        censored_data(LEUKEMIA[~drug], LEUKEMIA_EVENT[~drug]), censored_data(LEUKEMIA[drug], LEUKEMIA_EVENT[drug])
    )
    assert float(test["p_value"]) == pytest.approx(theirs.pvalue, rel=1e-10)
    assert float(test["z"]) == pytest.approx(theirs.statistic, rel=1e-12)


def test_logrank_of_collett() -> None:
    """Breast cancer by stain: 3.515, p = 0.061; 5 and 21 deaths, 9.565 expected of the first; variance 5.929."""
    test = pkpd.logrank(HPA, HPA_EVENT, HPA_STAIN)
    assert float(test["statistic"]) == pytest.approx(3.515, abs=5e-4)
    assert float(test["p_value"]) == pytest.approx(0.061, abs=5e-4)
    np.testing.assert_array_equal(test["observed"], [5, 21])
    assert float(test["expected"][0]) == pytest.approx(9.565, abs=5e-4)
    assert float(test["covariance"][0, 0]) == pytest.approx(5.929, abs=5e-4)


def test_logrank_of_more_groups_and_strata() -> None:
    """Against the sums written out one time after another; one stratum changes nothing."""
    rng = np.random.default_rng(5)
    time, event = rng.integers(1, 12, 90).astype(float), rng.random(90) < 0.7
    group, site = rng.integers(0, 3, 90), rng.choice(["x", "y"], 90)
    difference, V = np.zeros(3), np.zeros((3, 3))
    for where in ("x", "y"):
        for when in np.unique(time[event & (site == where)]):
            risk = np.array([((time >= when) & (group == g) & (site == where)).sum() for g in range(3)], dtype=float)
            dead = np.array([((time == when) & event & (group == g) & (site == where)).sum() for g in range(3)])
            n, d = risk.sum(), dead.sum()
            difference += dead - d * risk / n
            V += d * (n - d) / max(n - 1, 1) * (np.diag(risk / n) - np.outer(risk, risk) / n**2)
    statistic = difference[:2] @ np.linalg.solve(V[:2, :2], difference[:2])
    test = pkpd.logrank(time, event, group, strata=site)
    assert float(test["statistic"]) == pytest.approx(statistic, rel=1e-10)
    assert float(test["p_value"]) == pytest.approx(scipy.stats.chi2.sf(statistic, 2), rel=1e-10)
    np.testing.assert_allclose(test["covariance"], V, rtol=1e-12)
    one = pkpd.logrank(time, event, group, strata=["all"] * 90)
    xr.testing.assert_allclose(one, pkpd.logrank(time, event, group), rtol=1e-14)


def test_logrank_refuses_what_cannot_be_compared() -> None:
    with pytest.raises(pkpd.DataError, match="only group is 'a'"):
        pkpd.logrank([1, 2], [1, 1], ["a", "a"])
    with pytest.raises(pkpd.DataError, match="none of the 2 times"):
        pkpd.logrank([1, 2], [0, 0], ["a", "b"])


# ---- cumulative incidence

COMPETING_TIME = [1, 2, 2, 3, 4, 4, 5, 6, 7, 8]
COMPETING_CAUSE = ["death", "relapse", "", "relapse", "death", "relapse", "", "relapse", "death", ""]


def test_cumulative_incidence_by_hand() -> None:
    """Sums of S(t-) d/Y in fractions."""
    curves = pkpd.cumulative_incidence(COMPETING_TIME, COMPETING_CAUSE)
    alive, F = Fraction(1), {"death": Fraction(0), "relapse": Fraction(0)}
    for when in sorted(set(COMPETING_TIME)):
        rows = [c for t, c in zip(COMPETING_TIME, COMPETING_CAUSE, strict=True) if t == when]
        Y = sum(t >= when for t in COMPETING_TIME)
        for cause in F:
            F[cause] += alive * Fraction(rows.count(cause), Y)
            at = curves["incidence"].sel(cause=cause, time=when)
            assert float(at) == pytest.approx(float(F[cause]), rel=1e-14)
        alive *= 1 - Fraction(len(rows) - rows.count(""), Y)
    total = curves["incidence"].sum("cause") + curves["survival"]
    np.testing.assert_allclose(total, 1, rtol=1e-14)


def test_the_variance_of_incidence_is_the_delta_methods() -> None:
    """By derivatives of the estimate to the hazards of each cause at each time, which are multinomial."""
    curves = pkpd.cumulative_incidence(COMPETING_TIME, COMPETING_CAUSE)
    when = np.array(sorted(set(COMPETING_TIME)))
    Y = np.array([sum(t >= w for t in COMPETING_TIME) for w in when], dtype=float)
    d = np.array([
        [sum(t == w and c == k for t, c in zip(COMPETING_TIME, COMPETING_CAUSE, strict=True)) for w in when]
        for k in ("death", "relapse")
    ])  # fmt: skip

    def incidence(h):
        before = np.r_[1, np.cumprod(1 - h.sum(axis=0))[:-1]]
        return np.cumsum(before * h, axis=1)

    h = (d / Y).astype(complex)
    for cause in range(2):
        for i in range(len(when)):
            gradient = np.zeros((2, len(when)))
            for k in range(2):
                for j in range(len(when)):
                    moved = h.copy()
                    moved[k, j] += 1e-30j
                    gradient[k, j] = incidence(moved)[cause, i].imag / 1e-30
            covariance = [np.diag(h.real[:, j]) - np.outer(h.real[:, j], h.real[:, j]) for j in range(len(when))]
            variance = sum(gradient[:, j] @ covariance[j] @ gradient[:, j] / Y[j] for j in range(len(when)))
            error = curves["std_error"].isel(cause=cause).sel(time=when[i])
            assert float(error) == pytest.approx(variance**0.5, abs=1e-14)


def test_incidence_of_a_single_cause_is_one_minus_kaplan_meier() -> None:
    curves = pkpd.cumulative_incidence(LEUKEMIA, LEUKEMIA_EVENT.astype(int), group=LEUKEMIA_ARM)
    km = pkpd.kaplan_meier(LEUKEMIA, LEUKEMIA_EVENT, group=LEUKEMIA_ARM)
    np.testing.assert_allclose(curves["incidence"].sel(cause=1), 1 - km["survival"], atol=1e-14)
    left = km["survival"] > 0
    np.testing.assert_allclose(
        curves["std_error"].sel(cause=1).where(left), km["std_error"].where(left), rtol=1e-10, atol=1e-15
    )
    np.testing.assert_array_equal(curves["at_risk"], km["at_risk"])


def test_incidence_tends_to_the_true_one() -> None:
    """Two constant hazards, a and b: a/(a+b) (1 - exp(-(a+b)t)), inside 4 standard errors, and one minus KM is not."""
    rng, a, b, n = np.random.default_rng(2), 0.08, 0.05, 4000
    first, second, leaves = rng.exponential(1 / a, n), rng.exponential(1 / b, n), rng.uniform(10, 40, n)
    time = np.minimum(np.minimum(first, second), leaves)
    cause = np.where(time == first, "progression", np.where(time == second, "death", ""))
    curves = pkpd.cumulative_incidence(time, cause).sel(cause="progression")
    naive = pkpd.kaplan_meier(time, cause == "progression")
    for when in (3.0, 9.0, 18.0):
        at = curves.sel(time=when, method="ffill")
        true = a / (a + b) * -np.expm1(-(a + b) * when)
        assert abs(float(at["incidence"]) - true) < 4 * float(at["std_error"])
    assert 1 - float(naive["survival"].sel(time=18.0, method="ffill")) > true + 8 * float(at["std_error"])


def test_causes_that_are_no_causes_are_refused() -> None:
    with pytest.raises(pkpd.DataError, match="a cause is 2; expected all of them text"):
        pkpd.cumulative_incidence([1, 2], np.array(["death", 2], dtype=object))
    with pytest.raises(pkpd.DataError, match="none of the 2 rows has an event"):
        pkpd.cumulative_incidence([1, 2], ["", ""])
    assert pkpd.cumulative_incidence([1, 2], ["death", None], failed="exclude").attrs["excluded"] == 1


# ---- Cox

cox_needs_statsmodels = pytest.mark.skipif(
    importlib.util.find_spec("statsmodels") is None, reason="needs the extra survival"
)


def partial_likelihood(beta, time, event, X, strata, ties):
    """Written out risk set by risk set."""
    total, eta = 0.0, X @ beta
    for stratum in np.unique(strata):
        for when in np.unique(time[event & (strata == stratum)]):
            risk = np.exp(eta[(time >= when) & (strata == stratum)]).sum()
            dead = eta[(time == when) & event & (strata == stratum)]
            for number in range(len(dead)):
                share = number / len(dead) if ties == "efron" else 0
                total += dead[number] - np.log(risk - share * np.exp(dead).sum())
    return total


@cox_needs_statsmodels
@pytest.mark.parametrize(
    ("ties", "beta", "error"), [("efron", 1.5721, 0.4124), ("breslow", 1.5092, 0.4096)], ids=["efron", "breslow"]
)
def test_cox_of_the_leukemia_data(ties, beta, error) -> None:
    """As printed for these data (coxph; Breslow's in Klein and Moeschberger), and by the likelihood written out."""
    placebo = LEUKEMIA_ARM == "placebo"
    fit = pkpd.cox(LEUKEMIA, LEUKEMIA_EVENT, {"placebo": placebo}, ties=ties).sel(term="placebo")
    assert float(fit["log_hazard_ratio"]) == pytest.approx(beta, abs=5e-5)
    assert float(fit["std_error"]) == pytest.approx(error, abs=5e-5)
    X, one = placebo[:, None].astype(float), np.zeros(42)

    def negative(b):
        return -partial_likelihood(np.array([b]), LEUKEMIA, LEUKEMIA_EVENT, X, one, ties)

    best = scipy.optimize.minimize_scalar(negative, bracket=(1, 2), tol=1e-12)
    assert float(fit["log_hazard_ratio"]) == pytest.approx(best.x, abs=1e-7)
    assert float(fit["log_likelihood"]) == pytest.approx(-best.fun, rel=1e-12)
    assert float(fit["log_likelihood_null"]) == pytest.approx(-negative(0.0), rel=1e-12)


@cox_needs_statsmodels
def test_cox_of_collett() -> None:
    """Breast cancer by stain: 0.908 (0.501), ratio 2.48 (0.93 to 6.62), -2 log L of 173.968 and 170.096."""
    fit = pkpd.cox(HPA, HPA_EVENT, {"positive": HPA_STAIN == "positive"}, ties="breslow").sel(term="positive")
    printed = {"log_hazard_ratio": (0.908, 3), "std_error": (0.501, 3), "hazard_ratio": (2.48, 2), "lower": (0.93, 2)}
    for name, (value, digits) in (printed | {"upper": (6.62, 2)}).items():
        assert float(fit[name]) == pytest.approx(value, abs=0.5 * 10.0**-digits), name
    assert -2 * float(fit["log_likelihood"]) == pytest.approx(170.096, abs=5e-4)
    assert -2 * float(fit["log_likelihood_null"]) == pytest.approx(173.968, abs=5e-4)


HAZARD_RATIOS = [
    pytest.param(
        lambda *a, **k: pkpd.cox(a[0], a[1], {"x": a[2]}, **k).sel(term="x"), marks=cox_needs_statsmodels, id="cox"
    ),
    pytest.param(pkpd.hazard_ratio, id="hazard_ratio"),
]


@pytest.mark.parametrize("estimate", HAZARD_RATIOS)
def test_hazard_ratios_in_closed_form(estimate) -> None:
    """Three patients: 1/(2 + r) r/(1 + r) is greatest at r = 2^(1/2); with the first two tied, at 6^(1/2) and 2."""

    def ratio(*data, **how):
        return float(estimate(*data, **how)["hazard_ratio"])

    assert ratio([1, 2, 3], [1, 1, 1], [0, 1, 0]) == pytest.approx(2**0.5, rel=1e-10)
    assert ratio([1, 1, 3], [1, 1, 1], [0, 1, 0]) == pytest.approx(6**0.5, rel=1e-10)
    assert ratio([1, 1, 3], [1, 1, 1], [0, 1, 0], ties="breslow") == pytest.approx(2, rel=1e-10)


@cox_needs_statsmodels
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_two_implementations_of_the_hazard_ratio_agree(ties) -> None:
    """statsmodels' and the one by counts: with strata, ties and an interval."""
    rng = np.random.default_rng(8)
    arm, site = rng.integers(0, 2, 300), rng.integers(0, 3, 300)
    life = rng.exponential(10 * np.exp(0.5 * arm) * (1 + site))
    time, event = np.ceil(np.minimum(life, 20)), life < 20
    for strata in (None, site):
        ours = pkpd.hazard_ratio(time, event, arm, ties=ties, strata=strata, confidence=0.9)
        theirs = pkpd.cox(time, event, {"arm": arm}, ties=ties, strata=strata, confidence=0.9).sel(term="arm")
        for name in ("hazard_ratio", "lower", "upper", "std_error", "p_value"):
            assert float(ours[name]) == pytest.approx(float(theirs[name]), rel=1e-8), name


@cox_needs_statsmodels
def test_cox_of_several_covariates_with_strata_is_the_maximum() -> None:
    """No direction rises, and the covariance inverts the curvature, of the likelihood written out."""
    rng = np.random.default_rng(9)
    n = 120
    table = pd.DataFrame({"age": rng.normal(63, 9, n), "nodes": rng.integers(0, 4, n), "male": rng.random(n) < 0.6})
    strata = rng.integers(0, 2, n)
    life = rng.exponential(20 * np.exp(-0.03 * (table["age"] - 63) - 0.2 * table["nodes"]))
    time, event = np.ceil(np.minimum(life, 30)), np.asarray(life < 30)
    fit = pkpd.cox(time, event, table, strata=strata)
    X, beta = table.to_numpy(float), fit["log_hazard_ratio"].to_numpy()
    scale = fit["std_error"].to_numpy()

    def at(step):
        return partial_likelihood(beta + step * scale, time, event, X, strata, "efron")

    assert at(np.zeros(3)) == pytest.approx(float(fit["log_likelihood"]), rel=1e-12)
    h, eye = 1e-3, np.eye(3)
    slopes = [(at(h * eye[i]) - at(-h * eye[i])) / (2 * h) for i in range(3)]
    np.testing.assert_allclose(slopes, 0, atol=1e-6)
    curvature = np.empty((3, 3))
    for i, j in np.ndindex(3, 3):
        both, apart = h * (eye[i] + eye[j]), h * (eye[i] - eye[j])
        curvature[i, j] = (at(both) - at(apart) - at(-apart) + at(-both)) / (4 * h * h)
    covariance = fit["covariance"] / np.outer(scale, scale)
    np.testing.assert_allclose(covariance, np.linalg.inv(-curvature), rtol=1e-4)


def test_a_ratio_without_a_maximum_is_0_or_infinite() -> None:
    time, event, arm = np.arange(1.0, 11), [1] * 5 + [0] * 5, np.array([1] * 5 + [0] * 5)
    ratio = pkpd.hazard_ratio(time, event, arm)
    assert float(ratio["hazard_ratio"]) == np.inf
    assert np.isnan(ratio["upper"])
    assert float(pkpd.hazard_ratio(time, event, 1 - arm)["hazard_ratio"]) == 0
    assert np.isnan(pkpd.hazard_ratio(time, np.zeros(10), arm)["hazard_ratio"])


@cox_needs_statsmodels
def test_cox_refuses_what_has_no_estimate() -> None:
    time, event, arm = np.arange(1.0, 11), [1] * 5 + [0] * 5, np.array([1.0] * 5 + [0.0] * 5)
    for covariates, words in [
        ({"arm": arm}, "rises without end in 'arm'"),
        ({"arm": np.ones(10)}, "'arm' is 1 for all"),
        ({"arm": ["a"] * 10}, "covariate 'arm' is"),
        ({"t": time, "twice": 2 * time}, "only 1 are independent"),
        ({}, "covariates is {}"),
    ]:
        with pytest.raises(pkpd.DataError, match=words):
            pkpd.cox(time, event, covariates)
    with pytest.raises(pkpd.DataError, match="ties is 'exact'"):
        pkpd.cox(time, event, {"t": time}, ties="exact")


def test_without_the_extra_the_message_names_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.duration.hazard_regression", None)
    with pytest.raises(pkpd.MissingExtraError, match=r"pip install 'pkpd\[survival\]'"):
        pkpd.cox([1, 2, 3], [1, 1, 1], {"x": [0, 1, 0]})
    assert float(pkpd.hazard_ratio([1, 2, 3], [1, 1, 1], [0, 1, 0])["hazard_ratio"]) == pytest.approx(2**0.5)


def test_labelled_arrays_of_arms_and_members_are_patients() -> None:
    """Over any dimensions, with labels over some of them: the same as the columns of a table."""
    rng = np.random.default_rng(6)
    dims = {"arm": ["drug", "none"], "member": np.arange(80)}
    time = xr.DataArray(np.ceil(rng.exponential(10, (2, 80))), dims, attrs={"units": "day"})
    event = xr.DataArray(rng.random((80, 2)) < 0.8, {"member": dims["member"], "arm": dims["arm"]})  # in another order
    sex = xr.DataArray(rng.choice(["f", "m"], 80), {"member": dims["member"]})
    arm = np.repeat(["drug", "none"], 80)
    columns = (time.values.ravel(), event.values.T.ravel(), arm == "drug")
    labelled = (time, event, time["arm"] == "drug")
    both = np.tile(sex.values, 2)
    xr.testing.assert_equal(
        pkpd.subgroup_hazard_ratios(*labelled, {"sex": sex}), pkpd.subgroup_hazard_ratios(*columns, {"sex": both})
    )
    xr.testing.assert_equal(pkpd.hazard_ratio(*labelled, strata=sex), pkpd.hazard_ratio(*columns, strata=both))
    xr.testing.assert_equal(pkpd.logrank(time, event, "arm", strata=sex), pkpd.logrank(*columns[:2], arm, strata=both))
    xr.testing.assert_equal(pkpd.kaplan_meier(time, event, group=sex), pkpd.kaplan_meier(*columns[:2], group=both))
    cause = xr.where(event, "death", "")
    xr.testing.assert_equal(
        pkpd.cumulative_incidence(time, cause, group="arm"),
        pkpd.cumulative_incidence(columns[0], np.where(columns[1], "death", ""), group=arm),
    )


@cox_needs_statsmodels
def test_cox_takes_labelled_arrays() -> None:
    rng = np.random.default_rng(6)
    dims = {"arm": ["drug", "none"], "member": np.arange(80)}
    time, event = xr.DataArray(rng.exponential(10, (2, 80)), dims), xr.DataArray(rng.random((2, 80)) < 0.8, dims)
    age = xr.DataArray(rng.normal(60, 8, 80), {"member": dims["member"]})
    ours = pkpd.cox(time, event, {"drug": time["arm"] == "drug", "age": age})
    flat = {"drug": np.repeat([1, 0], 80), "age": np.tile(age.values, 2)}
    xr.testing.assert_equal(ours, pkpd.cox(time.values.ravel(), event.values.ravel(), flat))


def test_subgroups_are_the_ratios_of_their_rows() -> None:
    rng = np.random.default_rng(4)
    n = 400
    arm, sex = rng.integers(0, 2, n), rng.choice(["f", "m"], n)
    stage = pd.Categorical.from_codes(rng.integers(-1, 2, n), categories=["low", "high"])  # -1 has no label
    life = rng.exponential(np.where(sex == "f", 10 * np.exp(0.9 * arm), 10))
    time, event = np.minimum(life, 25), life < 25
    table = pkpd.subgroup_hazard_ratios(time, event, arm, {"sex": sex, "stage": stage})
    assert table["subgroup"].values.tolist() == ["all", "sex f", "sex m", "stage low", "stage high"]
    alone = pkpd.hazard_ratio(time[sex == "f"], event[sex == "f"], arm[sex == "f"])
    for name in alone.data_vars:
        assert float(table[name].sel(subgroup="sex f")) == float(alone[name])
    b, s = table["log_hazard_ratio"][1:3].values, table["std_error"][1:3].values
    z = (b[0] - b[1]) / np.hypot(*s)  # of two subgroups Q is the square of this
    p = table["p_heterogeneity"]
    assert float(p.sel(factors="sex")) == pytest.approx(2 * scipy.stats.norm.sf(abs(z)), rel=1e-10)
    assert float(p.sel(factors="sex")) < 1e-3 < float(p.sel(factors="stage"))


# ---- PACIFIC's patients, reconstructed from its curves


@pytest.fixture(scope="module")
def pacific() -> pd.DataFrame:
    path = Path(pkpd.__file__).parents[2] / "shared" / "data" / "km_ipd_pacific" / "pacific_antonia2018_fig2.csv"
    if not path.exists():
        pytest.skip(f"needs the published curves as patients, {path}")
    return pd.read_csv(path)


def test_pacifics_overall_survival_is_the_published(pacific) -> None:
    """12 and 24 months, the median and the hazard ratio, within what was published (sources in the tables)."""
    curve = pkpd.kaplan_meier(pacific["time"], pacific["event"], group=pacific["arm"], unit="month")
    published = pd.read_csv(Path(pkpd.fits.__path__[0]) / "data" / "pacific_landmarks.csv", comment="#")
    for row in published[published["month"] <= 24].itertuples():
        at = pkpd.landmark_survival(curve, [row.month]).sel(group=row.arm)
        assert float(at["survival"][0]) == pytest.approx(row.alive, abs=0.011)
        assert float(at["lower"][0]) < row.alive < float(at["upper"][0])
    median = pkpd.median_survival(curve)["median"]
    assert float(median.sel(group="placebo")) == pytest.approx(29.1, abs=0.7)  # 22.1 to 35.1: Spigel 2022
    assert float(median.sel(group="durvalumab")) == np.inf
    ratio = pkpd.hazard_ratio(pacific["time"], pacific["event"], pacific["arm"] == "durvalumab")
    assert float(ratio["hazard_ratio"]) == pytest.approx(0.72, abs=0.05)  # 0.59 to 0.89 at five years: Spigel 2022
    assert float(pkpd.logrank(pacific["time"], pacific["event"], pacific["arm"])["p_value"]) < 0.005


# ---- docstrings

MODULES = [
    "measures.survival", "measures.survival_tests", "measures.survival_incidence", "measures.survival_regression",
    "measures.hazard_ratios", "measures.subgroups",
]  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module) -> None:
    done = doctest.testmod(importlib.import_module(f"pkpd.{module}"))
    assert done.attempted
    assert not done.failed


def test_a_group_of_nobody_has_no_curve_and_no_median() -> None:
    """A median of inf would say that it was not reached."""
    time, group = [1, 2, np.nan, np.nan], ["a", "a", "b", "b"]
    curve = pkpd.kaplan_meier(time, [1, 1, 0, 1], group=group, failed="exclude")
    assert np.isnan(curve["survival"].sel(group="b")).all()
    table = pkpd.median_survival(curve)
    assert [float(table[name].sel(group="b")) for name in ("median", "lower", "upper")] == pytest.approx(
        [np.nan] * 3, nan_ok=True
    )
    assert float(table["median"].sel(group="a")) == 1
    assert np.isnan(pkpd.landmark_survival(curve, [0])["survival"].sel(group="b")).all()
    incidence = pkpd.cumulative_incidence(time, ["x", "x", "x", "x"], group=group, failed="exclude")["incidence"]
    assert np.isnan(incidence.sel(group="b")).all()
    assert incidence.sel(group="a", cause="x").values.tolist() == [0, 0.5, 1]
