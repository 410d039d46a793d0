"""Figures are tested by the artists they make."""

import importlib.util
import os
import pkgutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import sympy
import xarray as xr

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import LogNorm, to_hex

import pkpd
from pkpd.figures import labels
from pkpd.figures.legends import line_colors
from pkpd.figures.scales import cell_edges
from pkpd.figures.selections import is_geometric
from pkpd.figures.style import BLUE, PALE, RED
from pkpd.fitting.free_parameters import free
from pkpd.fitting.least_squares import fit
from pkpd.records.observations import read_observations

TIMES = np.arange(0.0, 11.0)


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before, "a figure changed matplotlib's global style"


@pytest.fixture(scope="module")
def model():
    k = pkpd.param("k", -0.2, "1/day", "net growth rate", source="illustrative")
    V0 = pkpd.param("V0", 60, "mm^3", "tumor volume at the start", source="illustrative")
    volume = pkpd.state("V", "mm^3", "tumor volume", start=V0)
    return pkpd.Model(
        "shrinking",
        rates={volume: k * volume},
        routes={"iv": {volume: volume * sympy.exp(-pkpd.dose("1"))}},
        time="day",
    )


def run_of(model, **axes):
    return pkpd.simulate(model, times=TIMES, parameters=pkpd.grid(**axes))


@pytest.fixture(scope="module")
def population(model):
    """Forty members, of which numbers 3 and 30 are marked as failed."""
    rates = np.linspace(-0.3, 0.1, 40)
    run = pkpd.simulate(model, times=TIMES, parameters=pkpd.members(k=rates))
    run["status"][[3, 30]] = 1
    run["V"][[3, 30], 5:] = np.nan
    return run


def curves(ax):
    return [line for line in ax.lines if line.get_gid() is None and len(line.get_xdata())]


def legend_words(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---- time courses


def test_a_single_run_is_one_line_with_the_values_meanings_and_units(model):
    ax = pkpd.time_course(pkpd.simulate(model, times=TIMES), "V")
    (line,) = curves(ax)
    np.testing.assert_array_equal(line.get_xdata(), TIMES)
    np.testing.assert_allclose(line.get_ydata(), 60 * np.exp(-0.2 * TIMES), rtol=1e-5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time (day)", "Tumor volume (mm³)")
    assert ax.get_legend() is None
    assert ax.get_title(loc="left") == ""
    assert ax.get_ylim()[0] == 0


def test_each_value_of_a_swept_parameter_has_its_line(model):
    ax = pkpd.time_course(run_of(model, k=[-0.2, 0.0, 0.1]), "V")
    assert [line.get_ydata()[-1] for line in curves(ax)] == pytest.approx(60 * np.exp([-2.0, 0.0, 1.0]), rel=1e-5)
    assert legend_words(ax) == ["-0.2", "0", "0.1"]
    assert ax.get_legend().get_title().get_text() == "Net growth\nrate (1/day)"
    assert len({line.get_color() for line in curves(ax)}) == 3


def test_many_values_have_a_color_bar_instead_of_a_legend(model):
    ax = pkpd.time_course(run_of(model, V0=np.geomspace(1, 100, 12)), "V")
    bar = next(a for a in ax.figure.axes if a is not ax)
    assert bar.get_ylabel() == "Tumor volume at the start (mm³)"
    assert bar.get_yscale() == "log"
    assert len(curves(ax)) == 12
    assert ax.get_legend() is None


def test_a_population_is_its_median_and_band_without_the_failed_who_are_counted(population):
    ax = pkpd.time_course(population, "V", band=(0.1, 0.9))
    kept = np.delete(population["V"].to_numpy(), [3, 30], axis=0)
    (line,) = curves(ax)
    np.testing.assert_allclose(line.get_ydata(), np.median(kept, axis=0))
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    at_end = corners[corners[:, 0] == 10, 1]
    assert (at_end.min(), at_end.max()) == pytest.approx(tuple(np.quantile(kept[:, -1], [0.1, 0.9])))
    assert ax.get_title(loc="left") == "median and 10–90 % band, n = 38\n2 of 40 members failed, left out"


def test_a_population_for_each_value_of_a_dimension(model):
    ensemble = pkpd.grid(V0=[10, 100]) * pkpd.members(k=np.linspace(-0.2, -0.1, 9))
    run = pkpd.simulate(model, times=TIMES, parameters=ensemble)
    run["status"][0, 2] = 3
    ax = pkpd.time_course(run, "V")
    assert len(curves(ax)) == len(ax.collections) == 2
    assert ax.get_title(loc="left") == "median and 5–95 % band, n = 8 to 9\n1 of 18 members failed, left out"
    assert not pkpd.time_course(run, "V", band=None).collections


def test_members_may_be_lines(population):
    ax = pkpd.time_course(population, "V", by="member")
    assert len(curves(ax)) == 38
    assert ax.get_title(loc="left") == "2 of 40 simulations failed, left out"


def test_a_log_axis_shows_short_numbers(model):
    ax = pkpd.time_course(pkpd.simulate(model, times=TIMES), "V", log=True)
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "log"
    words = [tick.get_text() for tick in ax.get_yticklabels(which="both") if tick.get_text()]
    assert "10" in words
    assert not any("^" in word for word in words)


@pytest.mark.parametrize(("V0", "written"), [(4e7, {"$4\\times 10^{7}$", "0"}), (40, {r"$\mathdefault{40}$"})])
def test_large_numbers_carry_their_power_of_ten(model, V0, written):
    ax = pkpd.time_course(pkpd.simulate(model, times=TIMES, parameters={"V0": V0}), "V")
    ax.figure.canvas.draw()
    assert written <= {label.get_text() for label in ax.get_yticklabels()}
    assert not ax.yaxis.get_offset_text().get_text()


def test_doses_are_marked_at_their_times_and_no_later_than_the_run(model):
    run = pkpd.simulate(model, times=TIMES)
    ax = pkpd.time_course(run, "V", regimen=pkpd.bolus(1, "iv", at=[0, 4, 8, 12]))
    marks = [line for line in ax.lines if line.get_gid() == "doses:iv" and len(line.get_xdata())]
    assert [list(m.get_xdata()) for m in marks] == [[0, 4, 8]]
    assert legend_words(ax) == ["iv, 1 every 4 days"]
    lowest_mark = marks[0].get_ydata()[0] * ax.get_ylim()[1]
    assert lowest_mark > curves(ax)[0].get_ydata().max()


def test_dose_marks_differ_by_line_where_doses_do(model):
    day = pkpd.param("day", 2, "day", "day of the dose")
    regimen = pkpd.bolus(1, "iv", at=[0, 1]).shift(day)
    run = pkpd.simulate(model, regimen, times=TIMES, parameters=pkpd.grid(day=[1, 5]))
    ax = pkpd.time_course(run, "V", regimen=regimen)
    marks = [line for line in ax.lines if line.get_gid() == "doses:iv" and len(line.get_xdata())]
    assert [list(m.get_xdata()) for m in marks] == [[1, 2], [5, 6]]
    assert [m.get_color() for m in marks] == [line.get_color() for line in curves(ax)]
    heights = {m.get_ydata()[0] for m in marks}
    assert len(heights) == 2
    assert min(heights) * ax.get_ylim()[1] > 60
    alike = pkpd.time_course(run_of(model, k=[-0.2, 0.1]), "V", regimen=regimen)
    assert len([m for m in alike.lines if m.get_gid() and len(m.get_xdata())]) == 1
    members = pkpd.simulate(model, regimen, times=TIMES, parameters=pkpd.members(day=[1, 5]))
    with pytest.raises(pkpd.DataError, match="dose times depend on 'day', which varies"):
        pkpd.time_course(members, "V", regimen=regimen)


def test_doses_of_amounts_and_durations_that_vary_are_marked():
    """Only where a dose time varies over members is there no mark to make."""
    size = pkpd.param("size", 1, "mg", "size of a dose")
    lasting = pkpd.param("lasting", 1, "day", "duration of a dose")
    regimen = pkpd.bolus(2 * size, "iv", at=[1, 4]) + pkpd.infusion(size, "iv", lasting, at=7)
    patients = pkpd.members(size=[1, 2, 3], lasting=[0.5, 1, 2])
    run = pkpd.simulate(pkpd.load("pk_1cmt"), regimen, times=TIMES, parameters=patients)
    ax = pkpd.time_course(run, "C", regimen=regimen)
    (marks,) = [line for line in ax.get_lines() if line.get_gid() == "doses:iv" and len(line.get_xdata())]
    assert list(marks.get_xdata()) == [1, 4, 7]


def test_a_dose_time_without_a_value_is_named(model):
    day = pkpd.given("day", "day", "day of the first dose")
    run = pkpd.simulate(model, times=TIMES)
    with pytest.raises(pkpd.DataError, match=r"depend on 'day', which has no default and is not among the coordinates"):
        pkpd.time_course(run, "V", regimen=pkpd.bolus(1, "iv", at=day))


# ---- response curves


def test_a_response_curve_at_a_time(model):
    ax = pkpd.response_curve(run_of(model, V0=np.geomspace(1, 100, 5)), "V", x="V0", at=5)
    (line,) = curves(ax)
    np.testing.assert_allclose(line.get_ydata(), np.geomspace(1, 100, 5) * np.exp(-1), rtol=1e-5)
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "Tumor volume at the start (mm³)",
        "Tumor volume at day 5 (mm³)",
    )


@pytest.mark.parametrize(("statistic", "expected", "label"), [("max", 60.0, "Highest"), ("last", None, "Last")])
def test_a_response_curve_of_a_statistic(model, statistic, expected, label):
    ax = pkpd.response_curve(run_of(model, k=[-0.3, -0.1]), "V", x="k", statistic=statistic)
    values = curves(ax)[0].get_ydata()
    np.testing.assert_allclose(values, 60 * np.exp([-3, -1]) if expected is None else expected, rtol=1e-5)
    assert ax.get_ylabel() == f"{label} tumor volume (mm³)"
    assert ax.get_xscale() == "linear"


def test_a_response_curve_by_another_dimension_leaves_a_gap_where_a_simulation_failed(model):
    run = run_of(model, k=[-0.3, -0.1, 0.1], V0=[10, 20])
    run["status"][1, 0] = 2
    ax = pkpd.response_curve(run, "V", x="k", at=0, by="V0")
    np.testing.assert_allclose([line.get_ydata() for line in curves(ax)], [[10, np.nan, 10], [20, 20, 20]])
    assert ax.get_title(loc="left") == "1 of 6 simulations failed, left out"


def test_a_response_curve_over_members_has_a_band(model):
    ensemble = pkpd.grid(V0=[10, 100]) * pkpd.members(k=np.linspace(-0.2, -0.1, 11))
    ax = pkpd.response_curve(pkpd.simulate(model, times=TIMES, parameters=ensemble), "V", x="V0", at=10)
    np.testing.assert_allclose(curves(ax)[0].get_ydata(), np.array([10, 100]) * np.exp(-1.5), rtol=1e-5)
    assert len(ax.collections) == 1
    assert ax.get_title(loc="left") == "median and 5–95 % band, n = 11"


def test_a_rate_has_its_confidence_interval_as_bars():
    flags = xr.DataArray([[1, 1, 1, 0.0], [1, 0, 0, np.nan]], {"day": [7, 19]}, ("day", "member"), name="cured")
    rates = pkpd.rate(flags)
    ax = pkpd.response_curve(rates, "rate", x="day")
    (bars,) = (c for c in ax.collections if isinstance(c, LineCollection))
    reached = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(reached, np.column_stack([rates["lower"], rates["upper"]]))
    assert ax.get_ylabel() == "Cured rate"
    assert list(ax.get_xticks()) == [7, 19]


def test_a_response_curve_is_compared_with_levels_by_name(model):
    ax = pkpd.response_curve(run_of(model, k=[-0.3, -0.1]), "V", x="k", at=0, lines={"untreated": 60, "one": 1})
    assert legend_words(ax) == ["tumor volume at day 0", "untreated", "one"]
    levels = [line for line in ax.lines if line.get_label() in ("untreated", "one")]
    assert [line.get_ydata()[0] for line in levels] == [60, 1]
    looks = {(line.get_linestyle(), line.get_color(), line.get_linewidth()) for line in levels}
    assert len(looks) == len(levels)  # levels that coincide are told apart


# ---- heat maps


def test_a_heat_map_has_the_values_scales_and_a_labelled_color_bar(model):
    run = run_of(model, k=[-0.2, 0.0, 0.1], V0=np.geomspace(1, 1000, 4))
    ax = pkpd.heat_map(run, "V0", "k", output="V", at=0)
    (mesh,) = (c for c in ax.collections if isinstance(c, QuadMesh))
    np.testing.assert_allclose(mesh.get_array(), np.tile(np.geomspace(1, 1000, 4), (3, 1)))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    assert ax.get_xlim() == pytest.approx((10**-0.5, 10**3.5))
    bar = next(a for a in ax.figure.axes if a is not ax)
    assert bar.get_ylabel() == "Tumor volume at day 0 (mm³)"
    logarithmic = pkpd.heat_map(run, "k", "V0", output="V", at=0, log=True)
    assert isinstance(logarithmic.collections[0].norm, LogNorm)


def test_a_failed_cell_is_blank_and_counted(model):
    run = run_of(model, k=[-0.2, 0.1], V0=[1, 2, 3])
    run["status"][1, 2] = 1
    ax = pkpd.heat_map(run, "k", "V0", output="V", statistic="min")
    assert np.ma.getmaskarray(ax.collections[0].get_array()).tolist() == [[False] * 2, [False] * 2, [False, True]]
    assert ax.get_title(loc="left") == "1 of 6 simulations failed, gray"


def test_a_heat_map_of_a_measure(model):
    run = run_of(model, k=[-0.3, 0.1], V0=[50, 100])
    ax = pkpd.heat_map(pkpd.best_change(run), "k", "V0")
    np.testing.assert_allclose(ax.collections[0].get_array()[:, 0], 100 * np.expm1(-3), rtol=1e-4)


# ---- populations


def test_spaghetti_draws_each_member_and_the_median(population):
    ax = pkpd.spaghetti(population, "V")
    (threads,) = ax.collections
    assert len(threads.get_segments()) == 38
    kept = np.delete(population["V"].to_numpy(), [3, 30], axis=0)
    np.testing.assert_allclose(curves(ax)[0].get_ydata(), np.median(kept, axis=0))
    assert legend_words(ax) == ["members (n = 38)", "median"]
    assert ax.get_title(loc="left") == "2 of 40 members failed, left out"


def test_spaghetti_is_colored_by_response(population):
    flags = pkpd.complete_response(population, below=10, failed="exclude")
    ax = pkpd.spaghetti(population, "V", classes=flags, median=False)
    responders = int(flags.sum())
    assert 0 < responders < 38
    assert legend_words(ax) == [
        f"complete response (n = {responders})",
        f"no complete response (n = {38 - responders})",
    ]
    assert [len(c.get_segments()) for c in ax.collections] == [responders, 38 - responders]
    with pytest.raises(pkpd.DataError, match="one value for each of the 40 members"):
        pkpd.spaghetti(population, "V", classes=flags[:5])


def a_change(values, unit="mm^3"):
    about = {"units": "%", "long_name": "best change in tumor volume", "baseline_units": unit}
    return xr.DataArray(values, dims="member", name="best_change", attrs=about)


def test_a_waterfall_sorts_colors_and_cuts():
    ax = pkpd.waterfall(a_change([-80.0, 300, 10, np.nan, 90, -100]))
    bars = ax.patches
    assert [bar.get_height() for bar in bars] == [100, 90, 10, -80, -100]
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [c.lower() for c in (RED, RED, PALE, BLUE, BLUE)]
    assert ax.get_title(loc="left") == "n = 5, 1 bars cut at +100 %\n1 of 6 members failed, left out"
    assert ax.get_ylabel() == "Best change in tumor volume (%)"


@pytest.mark.parametrize(("unit", "levels"), [("mm^3", [-65.7, 72.8]), ("mm", [-30, 20]), ("cell", [])])
def test_a_waterfalls_lines_are_recists_in_the_unit_of_the_baseline(unit, levels):
    ax = pkpd.waterfall(a_change([-80.0, 10], unit))
    assert sorted(line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--") == levels
    assert len(ax.texts) == len(levels)


def test_the_waterfalls_levels_in_volume_are_those_in_diameter_cubed():
    diameters, volumes = (
        np.array(sorted(line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"))
        for ax in (pkpd.waterfall(a_change([-80.0, 10], unit)) for unit in ("mm", "mm^3"))
    )
    np.testing.assert_allclose(volumes, 100 * ((1 + diameters / 100) ** 3 - 1), atol=0.05)


def test_a_waterfalls_own_lines():
    ax = pkpd.waterfall(a_change([-80.0, 10]), lines={"half": -50.0})
    assert [text.get_text() for text in ax.texts] == ["half"]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [PALE, BLUE.lower()]


# ---- fits


@pytest.fixture(scope="module")
def fitted(model):
    regimens = {"control": None, "treated": pkpd.bolus(1, "iv", at=4)}
    rows = [
        (arm, t, "V", float(v), 5.0)
        for arm, regimen in regimens.items()
        for t, v in zip(TIMES, pkpd.simulate(model, regimen, times=TIMES)["V"] + 3 * np.sin(TIMES), strict=True)
    ]
    table = pd.DataFrame(rows, columns=["arm", "time", "output", "value", "sd"])
    known, unknown = (read_observations(t, regimens, at_dose="before") for t in (table, table.drop(columns="sd")))
    return {name: fit(model, data, {"k": free()}) for name, data in (("sd", known), ("no sd", unknown))}


def test_a_fit_overlay_shows_observations_curves_and_residuals(fitted):
    result = fitted["sd"]
    upper, lower = pkpd.fit_overlay(result)
    smooth = [line for line in upper.lines if len(line.get_xdata()) > 100]
    assert len(smooth) == 2
    at = np.array([0.0, 5.0, 10.0])
    np.testing.assert_allclose(
        np.interp(at, smooth[0].get_xdata(), smooth[0].get_ydata()),
        result.predict(at)["V"].sel(arm="control"),
        rtol=1e-6,
    )
    bars = [c for c in upper.collections if isinstance(c, LineCollection)]
    spans = [np.ptp(s[:, 1]) for b in bars for s in b.get_segments()]
    np.testing.assert_allclose(spans, [10.0] * 22)
    marks = np.concatenate([line.get_ydata() for line in lower.lines if line.get_marker() not in ("None", "")])
    np.testing.assert_allclose(marks, result.residuals["residual"])
    assert legend_words(upper) == ["control", "treated"]
    assert (lower.get_ylabel(), lower.get_xlabel()) == ("Residual (SD)", "Time (day)")
    assert upper.get_ylabel() == "Tumor volume (mm³)"
    assert abs(sum(lower.get_ylim())) < 1e-9


def test_a_fit_overlay_without_standard_deviations_has_no_bars(fitted):
    upper, lower = pkpd.fit_overlay(fitted["no sd"])
    assert not any(isinstance(c, LineCollection) and c.get_segments() for c in upper.collections)
    assert lower.get_ylabel() == "Residual (mm³)"


def test_a_fit_overlay_draws_on_two_axes_given(fitted):
    figure, (first, second) = plt.subplots(2)
    assert pkpd.fit_overlay(fitted["sd"], "V", log=True, ax=(first, second)) == (first, second)
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(pkpd.DataError, match="expected two axes"):
        pkpd.fit_overlay(fitted["sd"], ax=first)
    with pytest.raises(pkpd.UnknownNameError, match=r"no observed output 'v'. Did you mean 'V'"):
        pkpd.fit_overlay(fitted["sd"], "v")


# ---- what is wrong is said before a figure is made


CALLS = {
    "time_course": lambda run, **o: pkpd.time_course(run, o.get("output", "V"), by=o.get("dim")),
    "response_curve": lambda run, **o: pkpd.response_curve(run, o.get("output", "V"), x=o.get("dim", "k"), at=0),
    "heat_map": lambda run, **o: pkpd.heat_map(run, o.get("dim", "k"), "V0", output=o.get("output", "V"), at=0),
    "spaghetti": lambda run, **o: pkpd.spaghetti(run, o.get("output", "V")),
}


@pytest.mark.parametrize("figure", CALLS)
def test_an_unknown_output_is_named_with_the_nearest(model, figure):
    with pytest.raises(pkpd.UnknownNameError, match=r"shrinking has no output 'v'\. Did you mean 'V'\? It has V\."):
        CALLS[figure](run_of(model, k=[-0.1, 0.1], V0=[1, 2]), output="v")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("figure", ["time_course", "response_curve", "heat_map"])
def test_an_unknown_dimension_is_named_with_the_nearest(model, figure):
    with pytest.raises(pkpd.UnknownNameError, match=r"has no dimension 'K'\. Did you mean 'k'\?"):
        CALLS[figure](run_of(model, k=[-0.1, 0.1], V0=[1, 2]), dim="K")
    assert plt.get_fignums() == []


def test_a_dimension_that_is_left_over_is_named(model):
    run = run_of(model, k=[-0.1, 0.1], V0=[1, 2])
    with pytest.raises(pkpd.DataError, match=r"varies over 'k' too \(2 values\); name one dimension with by="):
        pkpd.time_course(run, "V")
    with pytest.raises(pkpd.DataError, match=r"varies over 'V0' too.*\.sel\(V0=\.\.\.\)"):
        pkpd.time_course(run, "V", by="k")
    with pytest.raises(pkpd.UnknownNameError, match="has no dimension 'member'"):
        pkpd.spaghetti(run, "V")


def test_which_time_is_meant_must_be_clear(model):
    run = run_of(model, k=[-0.1, 0.1])
    for times in ({}, {"at": 1, "statistic": "max"}):
        with pytest.raises(pkpd.DataError, match="say either at="):
            pkpd.response_curve(run, "V", x="k", **times)
    with pytest.raises(pkpd.SimulationError, match=r"time 2\.5 is not stored; the nearest that is stored is 2"):
        pkpd.response_curve(run, "V", x="k", at=2.5)
    with pytest.raises(pkpd.UnknownNameError, match=r"no statistic 'maxx'. Did you mean 'max'"):
        pkpd.response_curve(run, "V", x="k", statistic="maxx")
    with pytest.raises(pkpd.DataError, match="leave out at="):
        pkpd.response_curve(run["V"].isel(time=0), x="k", at=0)


def test_other_refusals(model, population):
    run = run_of(model, k=[-0.1, 0.1], V0=[1, 2])
    with pytest.raises(pkpd.DataError, match=r"band is \(0.9, 0.1\)"):
        pkpd.time_course(population, "V", band=(0.9, 0.1))
    with pytest.raises(pkpd.DataError, match=r"band is 0.5"):
        pkpd.time_course(population, "V", band=0.5)
    with pytest.raises(pkpd.DataError, match="'k' for both axes"):
        pkpd.heat_map(run, "k", "k", output="V", at=0)
    with pytest.raises(pkpd.DataError, match="say which of its variables to show: V"):
        pkpd.heat_map(run, "k", "V0", at=0)
    with pytest.raises(pkpd.DataError, match="nowhere more than 0"):
        pkpd.heat_map(-run["V"], "k", "V0", at=0, log=True)
    with pytest.raises(pkpd.DataError, match="needs a change in percent; best is in 'mm'"):
        pkpd.waterfall(xr.DataArray([1.0], dims="member", name="best", attrs={"units": "mm"}))
    with pytest.raises(pkpd.DataError, match="cap is 0"):
        pkpd.waterfall(a_change([1.0]), cap=0)
    assert plt.get_fignums() == []


def test_nothing_is_drawn_of_members_that_all_failed(population):
    lost = population.isel(member=[3, 30])
    for draw in (pkpd.time_course, pkpd.spaghetti):
        with pytest.raises(pkpd.SimulationError, match="all 2 failed"):
            draw(lost, "V")
    with pytest.raises(pkpd.SimulationError, match="all 2 were excluded"):
        pkpd.waterfall(a_change([np.nan, np.nan]))


# ---- style and text


def test_given_axes_are_drawn_on_and_no_figure_is_made(population):
    figure, ax = plt.subplots()
    assert pkpd.time_course(population, "V", ax=ax) is ax
    assert pkpd.spaghetti(population, "V", ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


def test_numbers_have_ordered_colors_and_names_distinct_ones():
    numbers = line_colors(xr.DataArray([5.0, 1.0, 3.0], dims="x"))
    brightness = [np.dot(c[:3], [0.3, 0.59, 0.11]) for c in numbers]
    assert brightness[1] < brightness[2] < brightness[0]
    assert len(set(line_colors(xr.DataArray(["a", "b"], dims="x")))) == 2


@pytest.mark.parametrize(
    ("unit", "printed"), [("mm^3", "mm³"), ("uL", "µL"), ("1", ""), ("1/cell/day", "1/cell/day"), ("m**-2", "m⁻²")]
)
def test_units_are_printed_as_in_a_paper(unit, printed):
    assert labels.plain_unit(unit) == printed


def test_a_symbol_keeps_its_case_and_a_word_gains_a_capital():
    def label(name, **attrs):
        return labels.quantity(xr.DataArray(0.0, name=name, attrs=attrs))

    assert label("kg") == "kg"
    assert label("kg", long_name="tumor growth rate", units="1/day") == "Tumor growth rate (1/day)"
    assert label("RO", long_name="PD-L1 occupancy", units="1") == "PD-L1 occupancy"
    assert label("S", long_name="sPD-L1 in serum", units="pg/mL") == "sPD-L1 in serum (pg/mL)"


def test_geometric_spacing_and_cell_edges():
    assert is_geometric(np.geomspace(1, 40, 50))
    assert not any(is_geometric(v) for v in ([1, 2, 3], [3, 7, 12, 19], [1, 10], [0, 1, 2], ["a", "b", "c"]))
    np.testing.assert_allclose(cell_edges(np.array([1.0, 2.0, 4.0])), [0.5**0.5, 2**0.5, 8**0.5, 32**0.5])
    np.testing.assert_allclose(cell_edges(np.array([0.0, 1.0, 3.0])), [0.0, 0.5, 2.0, 4.0])  # none below 0
    np.testing.assert_allclose(cell_edges(np.array([-1.0, 0.0, 1.0])), [-1.5, -0.5, 0.5, 1.5])


def test_figures_are_the_only_room_that_imports_matplotlib():
    for room in ("symbolic", "treatment", "ensembles", "solvers", "measures", "fitting"):
        package = importlib.import_module(f"pkpd.{room}")
        for found in pkgutil.iter_modules(package.__path__):
            source = Path(importlib.util.find_spec(f"pkpd.{room}.{found.name}").origin)
            assert "import matplotlib" not in source.read_text(encoding="utf-8"), source


# ---- files


@pytest.mark.parametrize(("suffix", "head"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_a_saved_figure_is_whole_closed_and_the_same_every_time(model, tmp_path, suffix, head):
    files = []
    for name in ("one", "two"):
        ax = pkpd.time_course(pkpd.simulate(model, times=TIMES), "V")
        files.append(pkpd.save(ax, tmp_path / f"{name}.{suffix}"))
        assert plt.get_fignums() == []
    assert files[0].read_bytes().startswith(head)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(os.listdir(tmp_path)) == [f"one.{suffix}", f"two.{suffix}"]


def test_the_pair_of_a_fit_overlay_is_saved_as_one_figure(fitted, tmp_path):
    assert pkpd.save(pkpd.fit_overlay(fitted["sd"]), tmp_path / "fit.png").exists()


def test_a_figure_that_cannot_be_saved_is_refused_and_leaves_nothing(model, tmp_path, monkeypatch):
    ax = pkpd.time_course(pkpd.simulate(model, times=TIMES), "V")
    with pytest.raises(pkpd.DataError, match=r"saved as \.png, \.pdf or \.svg, not as 'a\.jpg'"):
        pkpd.save(ax, tmp_path / "a.jpg")
    with pytest.raises(pkpd.DataError, match=r"folder .*missing' for the figure 'a.png' does not exist"):
        pkpd.save(ax, tmp_path / "missing" / "a.png")
    with pytest.raises(pkpd.DataError, match="save\\(\\) got 'plot'"):
        pkpd.save("plot", tmp_path / "a.png")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(pkpd.DataError, match="disk full"):
        pkpd.save(ax, tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_a_long_label_is_broken_into_even_lines():
    text = labels.quantity(
        xr.DataArray(0.0, attrs={"long_name": "best change in total tumor volume", "units": "%"}), 30
    )
    assert text == "Best change in total\ntumor volume (%)"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda run: pkpd.time_course(3, "T"), "a figure is drawn of a result of simulate.*, not of 3"),
        (lambda run: pkpd.waterfall(3), "a figure is drawn of labelled values"),
        (lambda run: pkpd.time_course(run, "T", band="90 %"), "band is '90 %'; expected two rising quantiles"),
        (lambda run: pkpd.time_course(run, "T", regimen=3), "regimen is 3; expected a Regimen"),
        (lambda run: pkpd.response_curve(run, "T", x="kg", at=1, lines=[3]), r"lines is \[3\]; expected levels by"),
        (lambda run: pkpd.response_curve(run, "T", x="kg", at="end"), "time is 'end'; expected a number"),
        (lambda run: pkpd.fit_overlay(3), r"fit_overlay\(\) got 3; expected what fit"),
        (lambda run: pkpd.vpc(3), r"vpc\(\) got 3; expected simulated observations"),
        (lambda run: pkpd.save(3, "a.png", dpi=0), "dpi is 0; expected more than 0"),
    ],
)
def test_arguments_of_a_wrong_kind(draw: Any, message: str) -> None:
    run = pkpd.simulate(pkpd.load("growth_exponential"), times=[0.0, 1.0], parameters=pkpd.grid(kg=[0.1, 0.2]))
    with pytest.raises(pkpd.PkpdError, match=message):
        draw(run)


def test_labels_of_cells_keep_apart() -> None:
    over = pkpd.grid(kg=np.geomspace(0.05, 0.8, 7), T0=np.geomspace(30, 900, 6))
    run = pkpd.simulate(pkpd.load("growth_logistic"), times=[0, 30], parameters=over)
    ax = pkpd.heat_map(run, "kg", "T0", output="T", at=30)
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(left.x1 + 4 < right.x0 for left, right in pairwise(boxes))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["30", "59.2", "117", "231", "456", "900"]
