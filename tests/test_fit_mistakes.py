"""Mistakes in data, units, priors and covariates of a fit: none changes a number in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from examples import one_compartment
from matplotlib.text import Text
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
    drawn = pkpd.bootstrap(result, 3, by="parametric").x  # replicates below the limit of any sample are below it
    np.testing.assert_allclose(drawn, pkpd.bootstrap(tidy, 3, by="parametric").x, rtol=1e-4)


def test_columns_with_a_meaning_are_known_in_any_case() -> None:
    data = pkpd.read_observations(table(LLOQ=LIMIT, At_Dose="after"), {"a": DOSE})
    assert data.censored.tolist() == [0, 0, 0, 0, 1, 1]
    assert data.columns["lloq"].tolist() == [LIMIT] * 6
    assert set(data.at_dose) == {"after"}
    assert data.unused == ()
    with pytest.raises(pkpd.DataError, match="columns 'cens' and 'BLQ', which both say what is beyond a limit"):
        pkpd.read_observations(table(cens=[0, 0, 0, 0, 0, -1], BLQ=0), {"a": DOSE})


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
    mode = (0.5 * precision + mean * prior) / (precision + prior)
    assert result.estimates.loc["b", "estimate"] == pytest.approx(mode)


@pytest.mark.parametrize("omega", [1e3, 1e4])
@pytest.mark.filterwarnings("ignore:lognormal")
def test_a_prior_that_says_nothing_leaves_standard_errors_as_they_are(omega: float) -> None:
    """The size of the errors is estimated with n - k degrees of freedom, with and without a prior."""
    prior = {"CL": pkpd.free(0.5, log=True, prior=pkpd.lognormal(1, omega=omega)), "V1": pkpd.free(8.0, log=True)}
    plain, vague = fitted(table()), fitted(table(), prior)
    # The observed information of the second has the curvature of the residuals, which the first leaves out.
    np.testing.assert_allclose(vague.estimates["se"], plain.estimates["se"], rtol=0.02)
    np.testing.assert_allclose(vague.estimates["ci_low"], plain.estimates["ci_low"], rtol=0.01)
    times = np.arange(1.0, 7)
    frame = pd.DataFrame({"arm": "a", "time": times, "output": "y", "value": 0.5 * times + np.sin(9 * times)})
    data, few = pkpd.read_observations(frame, {"a": None}), {"a": pkpd.free(0.1), "b": pkpd.free(0.7)}
    told = few | {"b": pkpd.free(0.7, prior=pkpd.normal(0.5, sd=1e3))}
    straight, informed = (pkpd.fit(line, data, free).estimates["se"] for free in (few, told))
    np.testing.assert_allclose(informed, straight, rtol=1e-5)


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
    with pytest.raises(pkpd.UnknownNameError, match="no arm 'A'. Did you mean 'a'"):
        result.parameters("A")
    numbered = pkpd.fit(one_compartment, pkpd.read_observations(table(arm=1), {1: DOSE}), FREE)
    assert numbered.parameters(1) == numbered.parameters("1")
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
    early = fitted(table(sd=0.3, time=TIMES - 4, value=np.where(TIMES > 4, VALUES, 0.0)))  # begins at -3
    with pytest.raises(pkpd.FitError, match=r"times\[0\] is -5, and .* starts at -3"):
        early.predict([-5.0, 0.0])


# ---- covariates and ties


def test_the_column_of_a_parameter_is_told_and_held_to_its_bounds() -> None:
    free = {"CL": pkpd.free(0.5, log=True)}
    result = fitted(table(sd=0.3, v1=10.0, visit=1), free)  # but for case
    assert "set by columns of the data: V1" in result.report()
    assert "columns not used: visit" in result.report()
    np.testing.assert_allclose(result.x, fitted(table(sd=0.3), free, parameters={"V1": 10.0}).x, rtol=1e-9)
    both = fitted(table(sd=0.3, v1=np.arange(6) + 1.0, V1=10.0), free)
    np.testing.assert_allclose(both.x, result.x, rtol=1e-9)
    with pytest.raises(pkpd.FitError, match="covariate 'V1' of arm 'a' is -10 L, outside the bounds 0 to inf"):
        fitted(table(sd=0.3, V1=[10, 10, -10, 10, 10, 10]), free)
    with pytest.raises(pkpd.FitError, match="column 'V1' .* not all of its cells are numbers"):
        fitted(table(sd=0.3, V1=["10", "1O", "10", "10", "10", "10"]), free)
    records = pkpd.read_nonmem(subject(SD=0.3, V1=-10.0, HT=180))
    with pytest.raises(pkpd.FitError, match=r"'V1' of .*row 1 \(ID 1\) is -10 L, outside the bounds"):
        pkpd.fit(one_compartment, records, free)
    with pytest.raises(
        pkpd.FitError, match=r"row 3 \(ID 1\), column 'V1' is '1O', and the parameter 'V1' that it sets"
    ):
        pkpd.fit(one_compartment, pkpd.read_nonmem(subject(V1=["10", "10", "1O", *["10"] * 4])), free)
    told = pkpd.fit(one_compartment, pkpd.read_nonmem(subject(SD=0.3, V1=10.0, HT=180)), free).report()
    assert "set by columns of the data: V1\n  columns not used: HT\n" in told


def test_the_column_of_numbers_tried_is_used() -> None:
    def chance(time, a, b):
        return 1 / (1 + np.exp(-a - b * time))

    data = pkpd.read_observations(table(value=[0, 1, 2, 4, 7, 9], n=10, visit=1), {"a": None})
    free = {"a": pkpd.free(0.0), "b": pkpd.free(0.1)}
    result = pkpd.fit(chance, data, free, error=pkpd.binomial_error())
    assert "columns not used: visit\n" in result.report()
    with pytest.raises(pkpd.FitError, match="is observed by counts or event times .* ask for kind='confidence'"):
        pkpd.bands(result, [1.0, 2.0], kind="prediction")


@pytest.mark.parametrize(
    ("free", "rate", "message"),
    [
        (["V1", "CL"], ("0.1", "1/day"), r"'CL' is both free and tied to V1\*ke"),
        (["V1"], ("0.1", "1/h"), r"'CL' is tied to V1\*ke \[L/h\]; expected an expression in \[L/day\]"),
    ],
)
def test_a_tie_names_the_parameter_that_it_ties(free: list, rate: tuple, message: str) -> None:
    ke = pkpd.param("ke", float(rate[0]), rate[1], "elimination")
    with pytest.raises(pkpd.PkpdError, match=message):
        fitted(table(sd=0.3), free, parameters={"CL": one_compartment["V1"] * ke})


# ---- bootstrap, files, comparison


def test_a_parametric_bootstrap_censors_where_the_data_did() -> None:
    """Above a limit as below one: replicates of mirrored data are mirrored."""
    times = np.arange(6.0)
    values = 1 + 0.5 * times + np.array([0.1, -0.2, 0.3, 0.1, -0.3, 0.2])
    free = {"a": pkpd.free(1.0), "b": pkpd.free(1.0)}

    def replicates(sign: int) -> pkpd.Bootstrap:
        high = values > 2.6
        frame = {"arm": "a", "time": times, "output": "y", "value": sign * np.where(high, 2.6, values), "sd": 0.3}
        data = pkpd.read_observations(pd.DataFrame(frame).assign(cens=np.where(high, -sign, 0)), {"a": None})
        return pkpd.bootstrap(pkpd.fit(line, data, free, blq="M3"), 60, by="parametric", seed=1)

    above, below = replicates(1).intervals(), replicates(-1).intervals()
    np.testing.assert_allclose(above["estimate"], -below["estimate"], rtol=1e-6)
    spread = np.sqrt((above["sd"] ** 2 + below["sd"] ** 2) / 60)
    assert (np.abs(above["mean"] + below["mean"]) < 3 * spread).all()


def power_decay(n: int):
    def f(time, a, k):
        return a * np.exp(-k * time**n)

    return f


def test_a_function_with_the_same_text_and_other_values_is_refused(tmp_path) -> None:
    free = {"a": pkpd.free(9.0), "k": pkpd.free(0.1)}
    result = pkpd.fit(power_decay(1), pkpd.read_observations(table(), {"a": None}), free)
    path = pkpd.write_fit(result, tmp_path / "fit.json")
    assert pkpd.read_fit(path, model=power_decay(1)).aic == result.aic
    with pytest.raises(pkpd.DataError, match="'f' predicts .* at time 2 of arm 'a', and the one that was fitted"):
        pkpd.read_fit(path, model=power_decay(2))


def test_a_standard_deviation_that_may_be_0_makes_a_p_value_too_large() -> None:
    """The limit of a variance (Self and Liang 1987)."""
    fits = {
        "additive": fitted(table(), error=pkpd.additive_error(0.3)),
        "combined": fitted(table(), error=pkpd.combined_error(0.1, 0.05)),
        "fixed volume": fitted(table(), {"CL": pkpd.free(0.5)}, error=pkpd.additive_error(0.3)),
    }
    pairs = [("additive", "combined"), ("fixed volume", "additive")]
    remarks = pkpd.compare(fits, nested=pairs).tests["remark"].tolist()
    assert remarks == ["a standard deviation is 0 in the simpler fit, its limit: the p-value is too large", ""]


def test_what_is_beyond_a_limit_is_hollow() -> None:
    cens = [0, 0, 0, 0, 1, -1]
    upper, _ = pkpd.fit_overlay(fitted(table(cens=cens), error=pkpd.additive_error(0.3)))
    hollow = {line.get_marker(): line.get_xdata().tolist() for line in upper.lines if line.get_marker() in "v^"}
    assert hollow == {"v": [12.0], "^": [20.0]}
    assert any("2 of 6 observations are beyond a limit" in text.get_text() for text in upper.figure.findobj(match=Text))


def test_a_column_of_standard_deviations_that_an_error_model_replaces_is_told() -> None:
    told = fitted(table(sd=0.3), error=pkpd.additive_error(0.3)).report().replace("\n", " ")
    assert "The column 'sd' has no part in the error of C." in told
    assert "no part" not in fitted(table(), error=pkpd.additive_error(0.3)).report()
