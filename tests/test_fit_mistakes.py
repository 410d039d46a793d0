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
    """Values on a line of slope 0.5 with errors of 0.3, so that the likelihood is normal about 0.5."""
    times = np.arange(1.0, 7)
    frame = pd.DataFrame({"arm": "a", "time": times, "output": "y", "value": 0.5 * times, "sd": 0.3})
    free = {"b": pkpd.free(0.7, prior=prior, **options)}
    return pkpd.fit(line, pkpd.read_observations(frame, {"a": None}), free, parameters={"a": 0.0})


@pytest.mark.parametrize(
    ("log", "low", "high", "end"), [(False, 0.6, 0.9, 0.6), (True, 0.6, 0.9, 0.6), (True, 0.1, 0.9, 0.5)]
)
def test_a_prior_that_ends_bounds_the_parameter(log: bool, low: float, high: float, end: float) -> None:
    """A uniform prior leaves the likelihood as it is, within its support."""
    result = prior_of_slope(stats.uniform(low, high - low), log=log)
    assert result.success
    assert result.estimates.loc["b", "estimate"] == pytest.approx(end, abs=1e-4)  # the standard error is 0.03
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


# ---- units


def test_data_of_a_function_are_converted_to_its_unit_or_refused() -> None:
    free = {"C0": pkpd.free(9.0), "k": pkpd.free(0.1)}
    plain = pkpd.fit(decay, pkpd.read_observations(table(), {"a": None}), free)
    factors = np.array([1, 1000, 1, 1000, 1, 1])
    mixed = table(value=VALUES * factors, unit=np.where(factors == 1, "mg/L", "ug/L"))
    data = pkpd.read_observations(mixed, {"a": None})
    with pytest.raises(pkpd.FitError, match=r"values in mg/L, ug/L, .* decay does not say its unit; .*unit='mg/L'"):
        pkpd.fit(decay, data, free)
    told = pkpd.fit(pkpd.curve(decay, unit="mg/L"), data, free)
    np.testing.assert_allclose(told.x, plain.x, rtol=1e-9)
    with pytest.raises(pkpd.UnitError, match="'C' is 1 mg/L, which cannot be converted to mg"):
        pkpd.fit(pkpd.curve(decay, unit="mg"), data, free)
    one_unit = pkpd.read_observations(table(unit="mg/L"), {"a": None})
    np.testing.assert_allclose(pkpd.fit(decay, one_unit, free).x, plain.x, rtol=1e-12)


def test_a_design_takes_standard_deviations_in_the_unit_of_its_table() -> None:
    frames = table(sd=0.3), table(sd=300.0, value=1000 * VALUES, unit="ug/L")
    first, second = (
        pkpd.identifiability(one_compartment, pkpd.read_observations(frame, {"a": DOSE}), FREE) for frame in frames
    )
    np.testing.assert_allclose(second.expected["se"], first.expected["se"], rtol=1e-9)


# ---- what a fit says of itself


def test_the_parameters_of_an_arm_are_those_that_act_in_it() -> None:
    begin, size = pkpd.param("begin", 3.0, "day", "first dose"), pkpd.param("size", 100.0, "mg", "dose")
    late = VALUES * (TIMES > 3)
    frame = pd.concat([table(sd=0.3), table(sd=0.3, arm="b", value=late)])
    regimens = {"a": DOSE, "b": pkpd.bolus(size, "iv").shift(begin)}
    result = pkpd.fit(
        one_compartment, pkpd.read_observations(frame, regimens), {**FREE, "size": pkpd.free(90.0)},
        parameters={"begin": 3.0},
    )  # fmt: skip
    assert set(result.parameters("a")) == {"CL", "V1"}
    assert set(result.parameters("b")) == {"CL", "V1", "size", "begin"}
    for i, arm in enumerate("ab"):
        run = pkpd.simulate(one_compartment, regimens[arm], times=TIMES, parameters=result.parameters(arm))
        np.testing.assert_allclose(run["C"], result.predicted[6 * i : 6 * (i + 1)], rtol=1e-6)


def test_degrees_of_freedom_are_those_of_measured_values() -> None:
    result = fitted(table(lloq=LIMIT), error=pkpd.additive_error(0.3))
    squares = ((VALUES - result.predicted) / result.sd)[VALUES >= LIMIT] ** 2
    assert result.chi_square == pytest.approx(squares.sum())
    assert result.reduced_chi_square == pytest.approx(squares.sum() / (4 - 3))
    assert "(1 degrees of freedom)" in result.report()
    counted = fitted(table(lloq=7.0), error=pkpd.additive_error(0.3).fixed())
    assert np.isnan(counted.reduced_chi_square)  # two measured values, two parameters


def test_bands_do_not_begin_before_the_model() -> None:
    result = fitted(table(sd=0.3))
    with pytest.raises(pkpd.FitError, match=r"times\[0\] is -2, and .* starts at 0"):
        pkpd.bands(result, [-2.0, 0.0, 5.0])
