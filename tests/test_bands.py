"""Confidence and prediction bands against linear regression, and from each source alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
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
    table,
)

import pkpd

TIMES = np.array([0.0, 4.0, 10.0, 20.0])


def exact(fit: pkpd.Fit, quantile: float, variance: float, of_observation: float = 0.0) -> np.ndarray:
    """The limits about a + b t, (limits, times)."""
    best, inverse, _ = regression(fit.data)
    rows = np.stack([np.ones(len(TIMES)), TIMES], axis=1)
    half = quantile * np.sqrt(variance * np.einsum("ti,ij,tj->t", rows, inverse, rows) + of_observation)
    return rows @ best + np.outer([-1, 0, 1], half)


def values(bands, name: str = "V") -> np.ndarray:
    return bands[name].isel(arm=0).to_numpy()


def half_width(bands, name: str = "V") -> np.ndarray:
    low, _, high = values(bands, name)
    return (high - low) / 2


@pytest.mark.parametrize("kind", ["confidence", "prediction"])
def test_bands_of_a_line_are_those_of_students_t(kind: str) -> None:
    fit = line_fit()
    _, _, variance = regression(fit.data)
    expected = exact(fit, scipy.stats.t.ppf(0.95, 6), variance, variance if kind == "prediction" else 0.0)
    bands = pkpd.bands(fit, TIMES, kind=kind, confidence=0.9)
    assert values(bands)[1] == pytest.approx(expected[1], abs=0.02 * (expected[2] - expected[0]).max())
    assert half_width(bands) == pytest.approx((expected[2] - expected[0]) / 2, rel=0.03)
    assert bands.attrs == {"kind": kind, "confidence": 0.9, "draws": 1024}


def test_bands_of_a_line_with_known_errors_are_normal() -> None:
    fit = line_fit(sd=4.0)
    expected = exact(fit, scipy.stats.norm.ppf(0.975), 16.0)
    assert half_width(pkpd.bands(fit, TIMES)) == pytest.approx((expected[2] - expected[0]) / 2, rel=0.02)


def test_an_error_model_is_added_to_a_prediction() -> None:
    """sd 0.2 of the prediction, held: at each time sqrt(se^2 + (0.2 C)^2), but for the curvature of the exponential."""
    fit = decay_fit(error=pkpd.proportional_error(0.2).fixed())
    times = np.array([1.0, 5.0, 12.0])
    narrow, wide = (half_width(pkpd.bands(fit, times, kind=kind), "C") for kind in ("confidence", "prediction"))
    expected = np.hypot(narrow, 1.96 * 0.2 * fit.predict(times)["C"].isel(arm=0).to_numpy())
    assert wide == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_bands_of_a_bootstrap_and_of_a_posterior_are_those_of_the_covariance() -> None:
    fit = line_fit(sd=4.0)
    expected = half_width(pkpd.bands(fit, TIMES))
    drawn = pkpd.bootstrap(fit, 300, by="parametric")
    assert half_width(pkpd.bands(drawn, TIMES)) == pytest.approx(expected, rel=0.15)
    posterior = pkpd.sample_posterior(fit, 150, warmup=60)
    assert half_width(pkpd.bands(posterior, TIMES)) == pytest.approx(expected, rel=0.1)
    assert pkpd.bands(drawn, TIMES).attrs["draws"] == 300


def test_predictions_from_a_posterior_have_the_common_factor_integrated_out() -> None:
    fit = line_fit()
    _, _, variance = regression(fit.data)
    expected = exact(fit, scipy.stats.t.ppf(0.975, 6), variance, variance)
    posterior = pkpd.sample_posterior(fit, 200, warmup=80, seed=4)
    bands = pkpd.bands(posterior, TIMES, kind="prediction", draws=4096)
    assert half_width(bands) == pytest.approx((expected[2] - expected[0]) / 2, rel=0.12)


def test_bands_hold_the_curve_of_every_arm() -> None:
    data = decay_data()
    rows = pd.concat([table(arm, data.time, k * data.value, "C", sd=data.sd) for arm, k in (("one", 1), ("two", 2))])
    regimens = {"one": pkpd.bolus(100, "iv"), "two": pkpd.bolus(200, "iv")}
    wanted = {"CL": pkpd.free(1.5, log=True), "V": pkpd.free(8.0, log=True, per_arm=True)}
    fit = pkpd.fit(decay, pkpd.read_observations(rows, regimens), wanted)
    bands = pkpd.bands(fit, TIMES, outputs=["C", "central"])
    assert dict(bands.sizes) == {"limit": 3, "arm": 2, "time": 4}
    curves = fit.predict(TIMES)
    for name in ("C", "central"):
        later = bands[name].sel(limit="median").isel(time=slice(1, None))
        assert later.to_numpy() == pytest.approx(curves[name].isel(time=slice(1, None)).to_numpy(), rel=0.01)
        assert bands[name].attrs["units"] == curves[name].attrs["units"]
    assert (bands["failed"] == 0).all()


def test_data_that_begin_before_the_first_dose_keep_their_clock() -> None:
    data = line_data(sd=4.0)
    rows = table("a", data.time - 5.0, data.value, sd=4.0)
    fit = pkpd.fit(line, pkpd.read_observations(rows, {"a": None}), {"a": pkpd.free(10.0), "b": pkpd.free(1.0)})
    expected = exact(line_fit(sd=4.0), scipy.stats.norm.ppf(0.975), 16.0)
    assert values(pkpd.bands(fit, TIMES - 5.0)) == pytest.approx(expected, abs=0.25)


def test_bands_of_the_subjects_of_a_table() -> None:
    rows = [
        {"ID": i, "TIME": t, "AMT": 100 * i * (t == 0), "EVID": int(t == 0), "MDV": int(t == 0), "CMT": 1,
         "DV": i * 10 * np.exp(-0.2 * t) * (1 + 0.05 * (-1) ** (i + t))}
        for i in (1, 2) for t in (0, 1, 4, 8)
    ]  # fmt: skip
    records = pkpd.read_nonmem(pd.DataFrame(rows), compartments={1: "iv"})
    wanted = {"CL": pkpd.free(1.5, log=True, per_arm=True), "V": pkpd.free(8.0, log=True)}
    fit = pkpd.fit(decay, records, wanted)
    times = np.array([-1.0, 2.0, 6.0])
    bands, curves = pkpd.bands(fit, times)["C"], fit.predict(times)["C"]
    assert bands.isel(time=0).isnull().all()  # before the first record
    assert bands.sel(limit="median").isel(time=[1, 2]).to_numpy() == pytest.approx(
        curves.isel(time=[1, 2]).to_numpy(), rel=0.01
    )
    assert (bands.sel(limit="low") < bands.sel(limit="high")).isel(time=[1, 2]).all()


def test_draws_that_cannot_be_solved_are_counted() -> None:
    """exp(kg t) overflows for the larger draws of a rate that is hardly known."""
    volume = pkpd.state("T", "mm^3", "volume", start=60)
    kg = pkpd.param("kg", 0.1, "1/day", "rate", source="illustrative")
    growth = pkpd.Model("growth", rates={volume: kg * volume}, outputs={})
    data = pkpd.read_observations(table("a", [0.0, 1e-3], [60.0, 60.0], "T", sd=1.0), {"a": None})
    fit = pkpd.fit(growth, data, {"kg": pkpd.free(1.0)})
    bands = pkpd.bands(fit, [1.0, 100.0])
    assert 0 < int(bands["failed"].sum()) < 1024
    assert bands["T"].notnull().all()


def test_refusals_name_the_value_and_the_cure() -> None:
    fit = line_fit(sd=4.0)
    with pytest.raises(pkpd.FitError, match="kind is 'both'; expected 'confidence' or 'prediction'"):
        pkpd.bands(fit, TIMES, kind="both")
    with pytest.raises(pkpd.FitError, match="draws is 3; expected a whole number of 16 or more"):
        pkpd.bands(fit, TIMES, draws=3)
    with pytest.raises(pkpd.UnknownNameError, match="line has no state or output 'W'"):
        pkpd.bands(fit, TIMES, outputs="W")
    with pytest.raises(pkpd.FitError, match="'V' has an error that is known at the times of the data only.*error="):
        pkpd.bands(fit, TIMES, kind="prediction")
    with pytest.raises(pkpd.FitError, match="the fit has no covariance. The covariance is singular"):
        pkpd.bands(bioavailability_fit(), TIMES)
    with pytest.raises(pkpd.FitError, match="got 7; expected what fit\\(\\), bootstrap\\(\\) or sample_posterior"):
        pkpd.bands(7, TIMES)
    with pytest.raises(pkpd.FitError, match="expected one or more increasing numbers"):
        pkpd.bands(fit, LINE_TIMES[::-1])
