"""Survival: Kaplan-Meier, log-rank, cumulative incidence and Cox against published values and closed forms."""

from __future__ import annotations

import doctest
import importlib
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray as xr
from survival_data import LEUKEMIA, LEUKEMIA_ARM, LEUKEMIA_EVENT, SIX_MP, SIX_MP_EVENT

import pkpd


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


# ---- docstrings

MODULES = ["measures.survival", "measures.survival_tests"]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module) -> None:
    done = doctest.testmod(importlib.import_module(f"pkpd.{module}"))
    assert done.attempted
    assert not done.failed
