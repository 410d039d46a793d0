"""Mistakes in data, units, priors and covariates of a fit: each is refused or told, none changes a number in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from examples import one_compartment
from scipy import stats

import pkpd

DOSE = pkpd.bolus(100, "iv")
TIMES = np.array([1.0, 2, 4, 8, 12, 20])
VALUES = np.array([9.3, 7.9, 6.9, 4.4, 3.2, 1.2])
FREE = {"CL": pkpd.free(0.5, log=True), "V1": pkpd.free(8.0, log=True)}
LIMIT = 4.0


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"arm": "a", "time": TIMES, "output": "C", "value": VALUES} | columns)


def fitted(frame: pd.DataFrame, free=FREE, **options) -> pkpd.Fit:
    return pkpd.fit(one_compartment, pkpd.read_observations(frame, {"a": DOSE}), free, **options)


def subject(**columns) -> pd.DataFrame:
    rows = {"ID": 1, "TIME": [0.0, *TIMES], "AMT": [100.0] + [0.0] * 6, "EVID": [1] + [0] * 6, "DV": [np.nan, *VALUES]}
    return pd.DataFrame(rows | columns)


def decay(time, C0, k):
    return C0 * np.exp(-k * time)


def line(time, a, b):
    return a + b * time


# ---- limits


@pytest.mark.parametrize(
    "columns",
    [
        {"lloq": LIMIT},
        {"lloq": LIMIT, "value": np.where(VALUES < LIMIT, 0.0, VALUES)},
        {"lloq": LIMIT, "value": np.where(VALUES < LIMIT, LIMIT / 2, VALUES), "blq": (VALUES < LIMIT) * 1},
        {"lloq": LIMIT, "value": np.where(VALUES < LIMIT, np.nan, VALUES), "cens": (VALUES < LIMIT) * 1},
    ],
)
def test_the_limit_of_what_is_below_it_is_lloq_whatever_its_value(columns: dict) -> None:
    """M3: the chance to be below the limit, not below what happens to be written there."""
    frame = table(**columns)
    result = fitted(frame, error=pkpd.additive_error(0.3))
    clearance, volume, sd = result.estimates["estimate"]
    mean = 100 / volume * np.exp(-clearance / volume * TIMES)
    chance = np.where(VALUES < LIMIT, stats.norm.logcdf(LIMIT, mean, sd), stats.norm.logpdf(VALUES, mean, sd))
    assert result.log_likelihood == pytest.approx(chance.sum(), rel=1e-9)
    written = fitted(table(value=np.maximum(VALUES, LIMIT), blq=(VALUES < LIMIT) * 1), error=pkpd.additive_error(0.3))
    np.testing.assert_allclose(result.x, written.x, rtol=1e-9)


@pytest.mark.parametrize(
    "columns",
    [
        {"LLOQ": LIMIT},
        {"LLOQ": LIMIT, "DV": [np.nan, *np.where(VALUES < LIMIT, 0.0, VALUES)], "CENS": [0, *(VALUES < LIMIT) * 1]},
    ],
)
def test_records_have_the_limit_of_a_tidy_table(columns: dict, tmp_path) -> None:
    records = pkpd.read_nonmem(subject(**columns))
    result = pkpd.fit(one_compartment, records, FREE, error=pkpd.additive_error(0.3))
    tidy = fitted(table(lloq=LIMIT), error=pkpd.additive_error(0.3))
    np.testing.assert_allclose(result.x, tidy.x, rtol=1e-6)
    again = pkpd.read_fit(pkpd.write_fit(result, tmp_path / "fit.json"), model=one_compartment)
    assert again.data.value.tolist() == np.maximum(VALUES, LIMIT).tolist()


def test_flags_under_another_name_are_told() -> None:
    flagged = subject(BLQ=[0, *(VALUES < LIMIT) * 1])
    with pytest.warns(UserWarning, match=r"column 'BLQ' is 1 for 2 observations .*row 6 .*columns={'BLQ': 'CENS'}"):
        pkpd.fit(one_compartment, pkpd.read_nonmem(flagged), FREE)
    read = pkpd.read_nonmem(flagged, columns={"BLQ": "CENS"})
    assert pkpd.fit(one_compartment, read, FREE, error=pkpd.additive_error(1)).data.censored.sum() == 2


def test_an_empty_value_needs_a_limit() -> None:
    frame = table(value=np.where(VALUES < LIMIT, np.nan, VALUES), blq=(VALUES < LIMIT) * 1)
    with pytest.raises(pkpd.DataError, match="row 4: column 'value' is empty; the value of what is beyond a limit is"):
        pkpd.read_observations(frame, {"a": DOSE})
    frame = frame.assign(blq=[0, 0, 0, 0, 1, 0], lloq=LIMIT)
    with pytest.raises(pkpd.DataError, match="row 5: column 'value' is NaN; leave out the row"):
        pkpd.read_observations(frame, {"a": DOSE})


def test_counts_and_event_times_have_no_limits() -> None:
    counted = pkpd.read_observations(table(value=[9, 8, 7, 4, 3, 1], blq=[0] * 5 + [1]), {"a": None})
    free = {"C0": pkpd.free(9.0), "k": pkpd.free(0.1)}
    with pytest.raises(pkpd.FitError, match="time 20 of arm 'a' is flagged .* Poisson: counts have no such limit"):
        pkpd.fit(decay, counted, free, error=pkpd.poisson_error())
    rate = pkpd.param("rate", 0.1, "1/day", "hazard")
    H = pkpd.state("H", "1", "cumulative hazard", start=0)
    model = pkpd.Model("exponential", rates={H: rate}, outputs={"h": rate})
    times = pkpd.read_observations(table(output="H", value=1, cens=[0, -1, 0, 0, -1, 0]), {"a": None})
    with pytest.raises(pkpd.FitError, match="time 2 .*cens is -1.* a time without the event has the value 0"):
        pkpd.fit(model, times, ["rate"], error=pkpd.event_time("h"))


# ---- priors


def prior_of_slope(prior, **options) -> pkpd.Fit:
    """Closed form: ten values about 0.5 times the time with errors of 0.3, so that the slope is 0.5 with an SE of 0.3/sqrt(S)."""
    times = np.arange(1.0, 7)
    frame = pd.DataFrame({"arm": "a", "time": times, "output": "y", "value": 0.5 * times, "sd": 0.3})
    free = {"b": pkpd.free(0.7, prior=prior, **options)}
    return pkpd.fit(line, pkpd.read_observations(frame, {"a": None}), free, parameters={"a": 0.0})


@pytest.mark.parametrize(("log", "low", "high", "end"), [(False, 0.6, 0.9, 0.6), (True, 0.6, 0.9, 0.6), (True, 0.1, 0.9, 0.5)])
def test_a_prior_that_ends_bounds_the_parameter(log: bool, low: float, high: float, end: float) -> None:
    """A uniform prior leaves the likelihood as it is, within its support."""
    result = prior_of_slope(stats.uniform(low, high - low), log=log)
    assert result.success
    assert result.estimates.loc["b", "estimate"] == pytest.approx(end, rel=1e-6)
    assert result.at_bound.tolist() == [end == 0.6]
    assert result.log_posterior - result.log_likelihood == pytest.approx(-np.log(high - low))


@pytest.mark.parametrize("mean", [0.0, -0.4])
def test_a_prior_about_0_serves_a_parameter_on_a_log_scale(mean: float) -> None:
    """The mode of a product of two normal densities, whatever the scale of the search."""
    precision, prior = (np.arange(1.0, 7) ** 2).sum() / 0.3**2, 1 / 0.2**2
    result = prior_of_slope(pkpd.normal(mean, sd=0.2), log=True)
    assert result.estimates.loc["b", "estimate"] == pytest.approx((0.5 * precision + mean * prior) / (precision + prior))


def test_a_start_outside_the_support_of_its_prior_is_refused() -> None:
    with pytest.raises(pkpd.FitError, match="the priors give the start .* no probability"):
        prior_of_slope(stats.uniform(0.1, 0.2))
