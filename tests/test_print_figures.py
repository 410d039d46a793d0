"""What a printed figure needs: axes that hide nothing, names, counts; by the artists they make."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_rgb

mpl.use("Agg")

import matplotlib.pyplot as plt

import pkpd
from pkpd.errors import DataError, UnknownNameError
from pkpd.figures import labels
from pkpd.figures.layered_layout import layered
from pkpd.figures.legends import legend_columns
from pkpd.figures.scales import log_number
from pkpd.measures.quantile_regression import quantile_curves
from pkpd.measures.sampling_bins import sampling_bins
from pkpd.symbolic.flow_graph import Action, Flow, flow_graph

DAYS = {"units": "day", "long_name": "time"}


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def course(rows, times, unit="mm^3"):
    values = np.asarray(rows, dtype=float)
    dims = ("member", "time") if values.ndim == 2 else ("time",)
    about = {"units": unit, "long_name": "tumor volume"}
    return xr.Dataset({"V": (dims, values, about)}, {"time": ("time", np.asarray(times, dtype=float), DAYS)})


def lowest_drawn(ax):
    return min(float(path.vertices[:, 1].min()) for c in ax.collections for path in c.get_paths())


# ---- logarithmic axes


def falling(n=20):
    """Members of which a quarter is at 0 from day 2."""
    rows = np.tile([100.0, 50.0, 20.0, 10.0], (n, 1)) * np.linspace(0.5, 2, n)[:, None]
    rows[: n // 4, 2:] = 0
    return course(rows, [0, 1, 2, 3])


def test_a_band_that_reaches_0_ends_at_the_logarithmic_axis():
    ax = pkpd.time_course(falling(), "V", log=True)
    bottom = ax.get_ylim()[0]
    assert bottom > 1  # the smallest positive value sets it
    assert lowest_drawn(ax) == pytest.approx(bottom)


def test_what_a_logarithmic_axis_cannot_show_is_said():
    gone = course([100.0, 10.0, 0.0], [0, 1, 2])
    assert pkpd.time_course(gone, "V", log=True).get_title(loc="left") == "values of 0 or less are off the axis"
    assert pkpd.time_course(gone, "V").get_title(loc="left") == ""
    with pytest.raises(DataError, match="nowhere more than 0"):
        pkpd.time_course(course([0.0, 0.0], [0, 1]), "V", log=True)


def response(values):
    return xr.DataArray(values, {"dose": [1.0, 2.0, 4.0]}, ("dose",), name="effect")


def test_values_of_0_are_triangles_at_the_foot_of_a_response_curve_and_counted():
    ax = pkpd.response_curve(response([0.0, 1.0, 5.0]), x="dose", log=True)
    (mark,) = [line for line in ax.lines if line.get_gid() == "not positive"]
    assert list(mark.get_xdata()) == [1.0]
    assert "triangles: 1 of 3 values are 0 or less" in ax.get_title(loc="left")
    (curve,) = [line for line in ax.lines if line.get_gid() is None]
    np.testing.assert_array_equal(curve.get_ydata(), [np.nan, 1, 5])
    assert not [k for k in pkpd.response_curve(response([0.0, 1, 5]), x="dose").lines if k.get_gid()]


def test_observations_of_0_are_triangles_in_a_vpc():
    about = {"units": "mg/L", "long_name": "concentration"}
    rows = np.abs(np.random.default_rng(0).normal(2, 1, (50, 2)))
    simulated = xr.Dataset({"value": (("member", "time"), rows, about)}, {"time": ("time", [1.0, 2.0], DAYS)})
    table = pd.DataFrame({"time": [1.0, 1, 2, 2], "value": [0.0, 3, -1, 2]})
    ax = pkpd.vpc(simulated, table, log=True)
    (mark,) = [line for line in ax.lines if line.get_gid() == "not positive"]
    assert sorted(mark.get_xdata()) == [1, 2]
    assert "triangles: 2 of 4 observations are 0 or less" in ax.get_title(loc="left")


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.5, 20, ["0.5", "1", "2", "5", "10", "20"]),
        (1e-6, 1e6, [f"$10^{{{n}}}$" for n in range(-6, 7)]),
        (1e5, 9e5, [rf"${n}\times10^{{5}}$" if n > 1 else "$10^{5}$" for n in (1, 2, 5)]),
        (20, 40, ["20", "30", "40"]),
    ],
)
def test_a_logarithmic_axis_has_one_notation(low, high, written):
    ticks = [d * 10.0**n for n in range(-7, 8) for d in range(1, 10)]
    assert [text for t in ticks if low * 0.999 <= t <= high * 1.001 and (text := log_number(t, low, high))] == written


# ---- bins of a schedule


def test_each_time_of_a_schedule_is_a_bin():
    hours = np.repeat([0.5, 1, 2, 4, 8, 12, 24, 48, 72], 12)
    assert np.bincount(sampling_bins(hours)).tolist() == [12] * 9
    jitter = np.random.default_rng(0).uniform(0.93, 1.07, len(hours))
    assert np.bincount(sampling_bins(hours * jitter)).tolist() == [12] * 9  # 12 h stays apart from 24 h
    days = np.repeat(np.arange(0, 200, 14.0), 10) + np.random.default_rng(1).uniform(-1, 1, 150)
    assert np.bincount(sampling_bins(days)).tolist() == [10] * 15
    assert len(np.bincount(sampling_bins(np.random.default_rng(2).uniform(0, 10, 160)))) == 8  # no schedule


def test_no_observed_percentile_lies_above_the_largest_datum_at_its_time():
    hours = np.repeat([1.0, 2, 4, 8, 12, 16, 20, 24, 30, 36], 20)
    value = 100 * np.exp(-0.2 * hours) * np.exp(0.1 * np.random.default_rng(3).normal(size=len(hours)))
    about = {"units": "mg/L", "long_name": "concentration"}
    clock = ("time", np.unique(hours), {"units": "h", "long_name": "time"})
    simulated = xr.Dataset({"value": (("member", "time"), value.reshape(10, 20).T, about)}, {"time": clock})
    ax = pkpd.vpc(simulated, pd.DataFrame({"time": hours, "value": value}))
    top = [line for line in ax.lines if line.get_marker() == "s"][2]
    largest = [value[hours == t].max() for t in top.get_xdata()]
    assert len(largest) == 10
    assert (top.get_ydata() <= largest).all()


# ---- without bins, corrected, by stratum


def test_quantile_regression_has_the_shares_of_its_ranks_below_it():
    rng = np.random.default_rng(4)
    x = rng.uniform(0, 10, 400)
    y = np.sin(x) + 0.3 * rng.normal(size=400)
    for rank, curve in zip((0.1, 0.5, 0.9), quantile_curves(x, y, [0.1, 0.5, 0.9], x), strict=True):
        assert (y < curve).mean() == pytest.approx(rank, abs=0.02)
    line = quantile_curves(np.arange(20.0), 3 * np.arange(20.0) + 1, [0.5], np.array([2.5, 7.25]))
    np.testing.assert_allclose(line, [[8.5, 22.75]], rtol=1e-6)
    with pytest.raises(DataError, match="3 observations at 3 times are too few"):
        quantile_curves(np.arange(3.0), np.arange(3.0), [0.5], np.arange(3.0))


def dosed(spread=0.0):
    """Two dose groups whose values are 10 times apart, and their population predictions."""
    dose = np.repeat([1.0, 10.0], 30)
    noise = np.exp(spread * np.random.default_rng(5).normal(size=(60, 2)))
    pred = dose[:, None] * np.array([[4.0, 2.0]])
    about = {"units": "mg/L", "long_name": "concentration"}
    run = xr.Dataset(
        {"value": (("member", "time"), pred * noise, about), "pred": (("member", "time"), pred)},
        {"time": ("time", [1.0, 2.0], DAYS), "dose": ("member", dose)},
    )
    return run, run[["value", "pred"]].to_dataframe().reset_index()


def test_prediction_correction_takes_the_dose_out():
    run, table = dosed()
    ax = pkpd.vpc(run, table, corrected=True)
    middle, low, high = ax.lines[1:4]
    np.testing.assert_allclose(low.get_ydata(), high.get_ydata())  # nothing varies once doses are corrected for
    np.testing.assert_allclose(middle.get_ydata(), [22, 11])  # the median prediction of each time
    squares = [line for line in ax.lines if line.get_marker() == "s"]
    np.testing.assert_allclose(squares[0].get_ydata(), squares[2].get_ydata())
    assert ax.get_ylabel().startswith("Prediction-corrected")
    plain = pkpd.vpc(run, table)
    assert plain.lines[3].get_ydata()[0] == pytest.approx(10 * plain.lines[2].get_ydata()[0])
    with pytest.raises(UnknownNameError, match="no variable 'pred'"):
        pkpd.vpc(run.drop_vars("pred"), table, corrected=True)


def test_strata_have_panels_and_what_is_below_a_limit_has_one():
    run, table = dosed(0.2)
    figure = pkpd.vpc(run, table, by="dose")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["dose = 1, n = 30", "dose = 10, n = 30"]
    figure = pkpd.vpc(run.assign(lloq=3.0), table.assign(value=table["value"].clip(lower=3.0)), below=True)
    shares = [line.get_ydata() for line in figure.axes[1].lines]
    expected = (run["value"] <= 3).mean("member")
    np.testing.assert_allclose(shares, [expected, expected])
    with pytest.raises(DataError, match="has no limit of quantification"):
        pkpd.vpc(run, below=True)
    with pytest.raises(DataError, match="bins is 'few'"):
        pkpd.vpc(run, bins="few")


def test_a_legend_is_packed_into_rows():
    names = ["observed", "simulated 5, 95 %", "simulated 50 %", "observed 5-95 %", "LLOQ"]
    assert legend_columns(names) == 2  # three columns would take 22 + 21 + 10 letters, and 50 fit
    assert legend_columns(["a", "b"]) == 2
    assert legend_columns(["x" * 40, "y" * 40]) == 1


# ---- heat maps, categories, outliers, times, doses, labels


def grid_values(x=(0.0, 1.0, 3.0)):
    return xr.DataArray(np.arange(6.0).reshape(3, 2) * 1000, {"x": list(x), "y": [1.0, 2.0]}, ("x", "y"), name="z")


def test_no_cell_of_a_heat_map_reaches_below_0_and_ticks_are_at_the_centers():
    ax = pkpd.heat_map(grid_values(), "x", "y")
    assert ax.get_xlim()[0] == 0
    assert ax.get_xticks().tolist() == [0, 1, 3]
    assert ax.get_yticks().tolist() == [1, 2]


def test_a_heat_map_writes_its_values_and_frames_the_optimum():
    ax = pkpd.heat_map(grid_values(), "x", "y", values=True, optimum="max")
    assert sorted(text.get_text() for text in ax.texts) == ["0", "1000", "2000", "3000", "4000", "5000"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "3"]
    assert np.diff(ax.get_xticks()).tolist() == [1, 1]  # cells as wide, so that numbers fit
    frame = next(p for p in ax.patches if p.get_gid() == "optimum")
    assert frame.get_x() + frame.get_width() / 2 == ax.get_xticks()[2]
    assert ax.get_title(loc="left") == "frame: highest, 5000 at x = 3, y = 2"
    with pytest.raises(UnknownNameError, match="no optimum 'best'"):
        pkpd.heat_map(grid_values(), "x", "y", optimum="best")


def test_categories_are_not_joined_and_bars_and_n_are_named():
    flags = xr.DataArray([[1, 1, 0.0], [1, 0, 0]], {"arm": ["alone", "both"]}, ("arm", "member"), name="cured")
    ax = pkpd.response_curve(pkpd.rate(flags), "rate", x="arm", lines={"untreated": 0.0})
    points = next(line for line in ax.lines if line.get_label() == "cured rate")
    assert points.get_linestyle() == "None"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["alone", "both"]
    assert ax.get_title(loc="left") == "bars: 95 % confidence interval, n = 3 each"
    assert {"cured rate", "untreated"} == {t.get_text() for t in ax.get_legend().get_texts()}
    assert ax.get_ylim()[0] < 0  # the level at 0 is off the axis


def test_an_outlier_does_not_set_the_axis_of_spaghetti():
    rows = np.ones((50, 3)) * np.linspace(1, 2, 50)[:, None]
    rows[7] = 1000
    ax = pkpd.spaghetti(course(rows, [0, 1, 2]), "V")
    assert ax.get_ylim()[1] < 5
    assert ax.get_title(loc="left") == "1 of 50 members run off the axis"
    assert "run off" not in pkpd.spaghetti(course(np.delete(rows, 7, axis=0), [0, 1, 2]), "V").get_title(loc="left")


@pytest.mark.parametrize(("last", "ticks"), [(168, [0, 28, 56, 84, 112, 140, 168]), (60, [0, 10, 20, 30, 40, 50, 60])])
def test_ticks_of_time_reach_the_end_and_nothing_is_cut(last, ticks):
    ax = pkpd.time_course(course([1.0, 2.0], [0, last]), "V")
    assert ax.get_xticks().tolist() == ticks
    assert ax.get_xlim()[0] < 0
    assert ax.get_xlim()[1] > last


@pytest.mark.parametrize(
    ("regimen", "said"),
    [
        (pkpd.infusion("1500 mg", "iv", duration="1 h", every="4 weeks", n=2), "iv, 1500 mg every 28 days"),
        (pkpd.bolus(2, "iv", at=[0, 1, 5]), "iv, 2, 3 doses"),
        (pkpd.bolus(2, "iv"), "iv, 2"),
    ],
)
def test_dose_marks_say_amount_and_interval(regimen, said):
    ax = pkpd.time_course(course([1.0, 2.0], [0, 60]), "V", regimen=regimen)
    assert said in [text.get_text() for text in ax.get_legend().get_texts()]


def test_labels_say_a_unit_once_and_outputs_by_name():
    day = xr.DataArray(1.0, name="first", attrs={"long_name": "day of the first dose", "units": "day"})
    assert labels.quantity(day) == "Day of the first dose"
    bare = xr.DataArray(1.0, name="C", attrs={"long_name": "MW*A1/V1", "units": "nM"})
    assert labels.output(bare) == "C (nM)"
    named = xr.DataArray(1.0, name="C", attrs={"long_name": "cell count (CD8/CD4)", "units": "1"})
    assert labels.output(named) == "Cell count (CD8/CD4)"
    assert [labels.short_number(v) for v in (2480.0, 0.12345, 1e7)] == ["2480", "0.123", "1×10⁷"]


# ---- style, small multiples


def test_the_style_is_a_style_sheet_a_context_and_is_given_to_axes_made_outside():
    plt.rcParams  # noqa: B018
    with plt.style.context("pkpd.figures.house"):
        as_sheet = dict(plt.rcParams)
    with pkpd.house_style():
        assert dict(plt.rcParams) == as_sheet
    figure, ax = plt.subplots()
    assert ax.spines["top"].get_visible()
    pkpd.time_course(course([1.0, 2.0], [0, 1]), "V", ax=ax)
    assert not ax.spines["top"].get_visible()
    assert ax.xaxis.label.get_fontsize() == 8
    assert figure.get_layout_engine() is not None
    own, ax = plt.subplots()
    own.subplots_adjust(left=0.3)
    pkpd.time_course(course([1.0, 2.0], [0, 1]), "V", ax=ax)
    assert own.get_layout_engine() is None  # margins set by hand stay


def test_small_multiples_have_one_panel_a_value_and_axes_in_common():
    parts = [course([1.0, k], [0, 1]) for k in (2.0, 3.0, 40.0)]
    run = xr.concat(parts, dim=pd.Index(["a", "b", "c"], name="arm"))
    (page,) = pkpd.small_multiples(run, "arm", lambda part, ax: pkpd.time_course(part, "V", ax=ax))
    assert [ax.get_title(loc="left") for ax in page.axes] == ["a", "b", "c"]
    assert len({ax.get_ylim() for ax in page.axes}) == 1
    assert page.axes[0].get_ylim()[1] >= 40
    assert page.get_supxlabel() == "Time (day)"
    with pytest.raises(UnknownNameError, match="no dimension 'arms'"):
        pkpd.small_multiples(run, "arms", lambda part, ax: None)
    with pytest.raises(DataError, match="got 3 to draw"):
        pkpd.small_multiples(run, "arm", 3)


# ---- schematics


def test_flows_are_read_off_the_equations():
    graph = flow_graph(pkpd.load("pk_2cmt"))
    assert set(graph.flows) == {Flow("central", "peripheral"), Flow("peripheral", "central"), Flow("central", None)}
    assert graph.actions == ()
    covariates = flow_graph(pkpd.load("durvalumab_baverel_2018"))
    assert set(covariates.flows) == {Flow("A1", "A2"), Flow("A2", "A1"), Flow("A1", None)}


def test_actions_have_the_sign_of_their_derivative_and_a_growth_that_slows_is_no_loss():
    graph = flow_graph(pkpd.load("tumor_immune"))
    assert Action("E", "T", -1) in graph.actions
    assert {Action("RO", "T", -1), Action("RO", "E", 1), Action("D", "E", 1)} <= set(graph.actions)
    assert flow_graph(pkpd.load("growth_logistic")).flows == (Flow(None, "T"),)


def test_a_schematic_has_a_box_a_node_and_an_arrow_an_edge():
    model = pkpd.load("kosinsky_2018")
    graph = flow_graph(model)
    assert Flow("TV", "TVd") in graph.flows
    assert Action("IAR", "dT", 1) in graph.actions
    assert set(graph.routes) == {"radiation", "ip"}
    ax = pkpd.schematic(model)
    assert [t.get_text() for t in ax.texts if t.get_gid() == "state"] == list(graph.states)
    arrows = [p.get_gid() for p in ax.patches if p.get_gid()]
    assert len([a for a in arrows if a.startswith("flow:")]) == len(graph.flows)
    assert len([a for a in arrows if a.startswith("action:")]) == len(graph.actions)
    red = next(p for p in ax.patches if p.get_gid() == "action:dT>TV")
    assert red.get_edgecolor()[:3] == to_rgb("#D55E00")
    with pytest.raises(DataError, match=r"schematic\(\) got 3"):
        pkpd.schematic(3)


def test_layers_point_down_and_circles_are_cut():
    places = layered(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d")])
    assert [places[n][1] for n in "abcd"] == [0, 1, 2, 1]
    assert len(set(places.values())) == 4


def figure_functions():
    """The public functions of the room of figures that draw."""
    rooms = {name: room for room, names in pkpd._ROOMS.items() for name in names if room.startswith("figures.")}
    others = {"save", "house_style", "write_report", "Reproduction"}
    assert others <= set(rooms)
    return set(rooms) - others


def test_the_gallery_leaves_no_public_figure_out():
    """By the names that the code of each entry calls."""
    from pkpd.fits.figure_gallery import FIGURES

    calls = {
        entry: {name for code in codes(draw.__code__) for name in code.co_names} for entry, draw in FIGURES.items()
    }
    assert figure_functions() <= set().union(*calls.values())
    misnamed = [entry for entry, names in calls.items() if entry.split("-")[0] not in names]
    assert misnamed == ["time_course-swept"], "that one shares a function with small_multiples"


def codes(code):
    """A code object and those of the functions within it."""
    return [code, *(inner for part in code.co_consts if hasattr(part, "co_names") for inner in codes(part))]


def test_the_gallery_names_the_nearest_figure(tmp_path):
    from pkpd.fits.figure_gallery import draw_all

    with pytest.raises(UnknownNameError, match="no figure 'swimer'. Did you mean 'swimmer'"):
        draw_all(tmp_path, ["swimer"])


def test_the_gallery_writes_color_and_gray(tmp_path):
    from pkpd.fits.figure_gallery import draw_all

    color, gray = draw_all(tmp_path, ["swimmer"])
    pixels = plt.imread(gray)[..., :3]
    assert np.ptp(pixels, axis=2).max() == 0
    assert plt.imread(color)[..., :3].shape == pixels.shape


# ---- mended kinds of defects


def test_doses_are_named_above_where_lines_are_named_beside():
    model = pkpd.load("pk_1cmt")
    run = pkpd.simulate(model, pkpd.bolus("10 mg", "iv"), times=[0, 1, 7], parameters=pkpd.grid(CL=[0.1, 0.4]))
    ax = pkpd.time_course(run, "C", regimen=pkpd.bolus("10 mg", "iv", every=3, n=2))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0.1", "0.4"]
    (above,) = [artist for artist in ax.artists if hasattr(artist, "get_texts")]
    assert [text.get_text() for text in above.get_texts()] == ["iv, 10 mg every 3 days"]
    ax.figure.canvas.draw()
    assert above.get_window_extent().y1 <= ax.figure.bbox.y1


def test_ticks_that_would_run_into_each_other_are_left_out():
    ax = pkpd.response_curve(response([1.0, 2.0, 5.0]).assign_coords(dose=[1.0, 2.0, 400.0]), x="dose")
    assert ax.get_xticks().tolist() == [1, 400]


def test_neighbors_are_told_apart_in_gray():
    from pkpd.figures.style import APART_IN_GRAY

    gray = [float(np.dot(to_rgb(color), (0.299, 0.587, 0.114))) for color in APART_IN_GRAY]
    assert all(abs(one - other) > 0.15 for one, other in itertools.pairwise(gray[:4]))


def test_numbers_are_written_alike():
    assert [labels.rounded(v, 0) for v in (-0.2, 3.4, -3.4)] == ["0", "3", "\N{MINUS SIGN}3"]
    assert labels.short_number(8.667e-9) == "8.67×10⁻⁹"
    assert [labels.with_unit("0.1", unit) for unit in ("1/day", "mL", "")] == ["0.1/day", "0.1 mL", "0.1"]
    assert [labels.sentence(text) for text in ("time (day)", "kg*T", "BED")] == ["Time (day)", "kg*T", "BED"]
