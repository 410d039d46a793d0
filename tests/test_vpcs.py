"""Visual predictive checks, by the artists they make."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr

mpl.use("Agg")

import matplotlib.pyplot as plt

import pkpd
from pkpd.errors import DataError, SimulationError, UnknownNameError

TIMES = np.array([1.0, 2.0, 4.0])
ROWS = np.random.default_rng(1).lognormal(np.log([10.0, 5.0, 1.0]), 0.3, size=(200, 3))


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def simulated(rows=ROWS, **limits):
    about = {"units": "mg/L", "long_name": "observed concentration"}
    clock = ("time", TIMES, {"units": "day", "long_name": "time"})
    return xr.Dataset({"value": (("member", "time"), rows, about), **limits}, {"time": clock})


def test_the_band_lies_between_the_percentiles_about_the_median():
    ax = pkpd.vpc(simulated(), percentiles=(10, 50, 90))
    low, middle, high = np.percentile(ROWS, [10, 50, 90], axis=0)
    assert [np.allclose(k.get_ydata(), v) for k, v in zip(ax.lines, (middle, low, high), strict=True)] == [True] * 3
    corners = ax.collections[0].get_paths()[0].vertices
    at_end = corners[corners[:, 0] == 4, 1]
    np.testing.assert_allclose((at_end.min(), at_end.max()), (low[-1], high[-1]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time (day)", "Observed concentration (mg/L)")
    assert "median and 10–90 % band, n = 200 simulated" in ax.get_title(loc="left")


def test_replicates_show_an_interval_of_each_percentile():
    ax = pkpd.vpc(simulated(), replicates=20)
    studies = np.percentile(ROWS.reshape(20, 10, 3), [5, 50, 95], axis=1)
    assert len(ax.collections) == 3
    for percentile, found, band in zip(studies, ax.lines, ax.collections, strict=True):
        assert (found.get_ydata() >= np.sort(percentile, axis=0)[9]).all()
        assert (found.get_ydata() <= np.sort(percentile, axis=0)[10]).all()
        corners = band.get_paths()[0].vertices
        at_end = corners[corners[:, 0] == 4, 1]
        expected = np.quantile(percentile[:, -1], [0.025, 0.975], method="nearest")
        np.testing.assert_allclose((at_end.min(), at_end.max()), expected)
    assert "20 simulated studies of 10" in ax.get_title(loc="left")


def test_observations_are_points_and_percentiles_in_bins():
    table = pd.DataFrame({"time": np.tile(TIMES, 50), "value": ROWS[:50].ravel()})
    ax = pkpd.vpc(simulated(), table)
    points = next(k for k in ax.lines if k.get_label() == "observed")
    assert len(points.get_xdata()) == 150
    squares = [k for k in ax.lines if k.get_marker() == "s"]
    np.testing.assert_allclose([k.get_ydata() for k in squares], np.percentile(ROWS[:50], [5, 50, 95], axis=0))
    np.testing.assert_array_equal(squares[0].get_xdata(), TIMES)
    wide = [k for k in pkpd.vpc(simulated(), table, bins=[0, 3, 5]).lines if k.get_marker() == "s"]
    np.testing.assert_allclose(wide[1].get_ydata(), [np.median(ROWS[:50, :2]), np.median(ROWS[:50, 2])])
    np.testing.assert_array_equal(wide[1].get_xdata(), [1.5, 4.0])
    many = pd.DataFrame({"time": np.linspace(1, 4, 160), "value": 1.0})
    eight = [k for k in pkpd.vpc(simulated(), many).lines if k.get_marker() == "s"]
    assert len(eight[0].get_xdata()) == 8


@pytest.mark.parametrize("replicates", [None, 20])
def test_percentiles_below_the_limit_are_not_drawn(replicates):
    limit = 0.9
    data = simulated(np.maximum(ROWS, limit), lloq=limit)
    ax = pkpd.vpc(data, replicates=replicates, log=True)
    drawn = np.array([k.get_ydata() for k in ax.lines if len(k.get_xdata()) == 3])
    assert np.isnan(drawn).sum() == 1  # the low percentile at the last time
    assert {band.get_datalim(ax.transData).x1 for band in ax.collections} == {TIMES[-1]}  # bands go on above the limit
    assert any(np.allclose(k.get_ydata(), limit) for k in ax.lines if len(k.get_xdata()) == 2)
    everything = simulated(np.full((200, 3), limit), lloq=limit)
    pkpd.vpc(everything, replicates=replicates).figure.canvas.draw()


def test_the_failed_are_left_out_and_counted():
    rows = ROWS.copy()
    rows[:3, 1] = np.nan
    ax = pkpd.vpc(simulated(rows))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.median(ROWS[3:], axis=0))
    assert "3 of 200 members failed, left out" in ax.get_title(loc="left")
    with pytest.raises(SimulationError, match="all 200 failed"):
        pkpd.vpc(simulated(np.full_like(rows, np.nan)))


def test_a_failed_member_leaves_its_own_study_smaller_and_the_others_as_they_were():
    rows = ROWS.copy()
    rows[3, 1] = np.nan  # of the first of 20 studies of 10
    rows[190:] = np.nan  # the last study
    kept = [np.delete(ROWS[:10], 3, axis=0), *ROWS[10:190].reshape(18, 10, 3)]
    middle = [np.median(study, axis=0) for study in kept]
    ax = pkpd.vpc(simulated(rows), replicates=20)
    drawn = next(k for k in ax.lines if k.get_label() == "simulated 50 %").get_ydata()
    np.testing.assert_allclose(drawn, np.quantile(middle, 0.5, axis=0, method="nearest"))
    assert "20 simulated studies of 10" in ax.get_title(loc="left")
    assert "11 of 200 members failed, left out" in ax.get_title(loc="left")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pkpd.vpc(simulated(), percentiles=(50, 5, 95)), DataError, "three that rise"),
        (
            lambda: pkpd.vpc(simulated(), pd.DataFrame({"time": [1.0, 2], "value": [1.0, 2]}), bins=0),
            DataError,
            "bins is 0; expected a number of bins, or their edges",
        ),
        (lambda: pkpd.vpc(simulated(), replicates=7), DataError, "does not divide the 200 members"),
        (lambda: pkpd.vpc(simulated().rename(value="C")), UnknownNameError, "no variable 'value'"),
        (lambda: pkpd.vpc(simulated().expand_dims(KD=[1.0, 2.0])), DataError, "varies over 'KD' too"),
        (lambda: pkpd.vpc(simulated(), pd.DataFrame({"time": [1.0]})), UnknownNameError, "no column 'value'"),
        (
            lambda: pkpd.vpc(simulated(), pd.DataFrame({"time": [1.0, 2], "value": [1, "BLQ"]})),
            DataError,
            "row 1: column 'value' is 'BLQ'",
        ),
        (
            lambda: pkpd.vpc(simulated(), pd.DataFrame({"time": [1.0, 9], "value": [1, 2]}), bins=[0, 1, 5]),
            DataError,
            "the bins reach from 0 to 5, the observations from 1 to 9",
        ),
    ],
)
def test_what_a_vpc_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
