"""Figures of analyses, by the artists they make; and results as files."""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr

mpl.use("Agg")

import matplotlib.pyplot as plt

import pkpd


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before, "a figure changed matplotlib's global style"


def linear(a, b):
    return 3 * a - b


def widths(ax) -> list[list[float]]:
    return [[bar.get_width() for bar in group] for group in ax.containers if type(group).__name__ == "BarContainer"]


def test_a_tornado_has_the_widest_swing_above_and_a_bar_for_each_end() -> None:
    table = pkpd.one_at_a_time(linear, {"b": (0, 1), "a": (0, 1)})
    ax = pkpd.tornado(table)
    np.testing.assert_allclose(widths(ax), [[-1.5, 0.5], [1.5, -0.5]])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a  0\N{EN DASH}1", "b  0\N{EN DASH}1"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    few = pkpd.tornado(table, most=1)
    assert few.get_title(loc="left") == "1 of 2 parameters"
    with pytest.raises(pkpd.DataError, match="what one_at_a_time"):
        pkpd.tornado(table.drop_vars("output_low"))


def test_a_tornado_counts_the_ends_that_failed() -> None:
    def fails(a, b):
        return np.where(a > 0.9, np.nan, 3 * a + b)

    ax = pkpd.tornado(pkpd.one_at_a_time(fails, {"a": (0, 1), "b": (0, 1)}, failed="exclude"))
    assert "1 of 5 ends failed" in ax.get_title(loc="left")


def test_bars_of_indices_stand_in_order_with_their_intervals_and_counts() -> None:
    def fails(a, b):
        return np.where(a > 0.9, np.nan, a + 3 * b)

    table = pkpd.sobol_indices(fails, {"a": (0, 1), "b": (0, 1)}, n=64, seed=1, failed="exclude")
    ax = pkpd.sensitivity_bars(table)
    order = table.sel(parameter=["b", "a"])
    np.testing.assert_allclose(widths(ax), [order["first_order"], order["total_order"]])
    assert "95 % intervals" in ax.get_title(loc="left")
    assert f"{table.attrs['base_rows_excluded']} of 64 base rows left out" in ax.get_title(loc="left")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    screened = pkpd.sensitivity_bars(pkpd.morris(linear, {"a": (0, 1), "b": (0, 1)}, n=4, seed=1))
    np.testing.assert_allclose(widths(screened), [[3, 1]])
    with pytest.raises(pkpd.DataError, match="varies over 'time'"):
        pkpd.sensitivity_bars(table.expand_dims(time=[1, 2]))
    with pytest.raises(pkpd.DataError, match=r"a table of sobol_indices\(\), morris\(\) or prcc\(\)"):
        pkpd.sensitivity_bars(xr.Dataset())


def test_contours_have_a_panel_for_each_facet_and_common_levels() -> None:
    axes = {"x": np.geomspace(0.1, 10, 6), "y": np.linspace(0, 1, 5), "z": [1, 2, 3]}
    values = xr.DataArray(np.arange(90.0).reshape(6, 5, 3), axes, tuple(axes), "V", {"units": "mm^3"})
    values["x"].attrs["units"] = "mg"
    values[2, 2, 1] = np.nan
    figure = pkpd.contours(values, "x", "y", facets="z")
    panels = figure.axes[:3]
    titles = [ax.get_title(loc="left") for ax in panels]
    assert titles == ["z = 1", "z = 2; 1 of 30 failed, gray", "z = 3"]
    assert panels[0].get_xscale() == "log"
    assert len({tuple(ax.collections[0].levels) for ax in panels}) == 1
    with pytest.raises(pkpd.DataError, match="varies over 'z' too"):
        pkpd.contours(values, "x", "y")
    with pytest.raises(pkpd.DataError, match="name different dimensions"):
        pkpd.contours(values, "x", "x", facets="z")
    with pytest.raises(pkpd.SimulationError, match="nothing to show"):
        pkpd.contours(values * np.nan, "x", "y", facets="z")


def test_a_synergy_surface_prints_its_numbers_and_makes_what_is_certain_bold() -> None:
    dose = np.array([0, 1, 2, 4.0])
    alone = dose / (2 + dose)
    exact = alone[:, None] + alone - alone[:, None] * alone
    exact[2, 1] -= 0.2
    rng = np.random.default_rng(0)
    wells = exact + 0.005 * rng.standard_normal((12, 4, 4))
    effects = xr.DataArray(wells, {"A": dose, "B": dose}, ("member", "A", "B"))
    table = pkpd.synergy(effects, "A", "B", references="bliss", resamples=50)
    ax = pkpd.synergy_surface(table, "bliss")
    numbers = {(t.get_position(), t.get_text()): t.get_fontweight() for t in ax.texts}
    assert numbers[(2.5, 1.5), "\N{MINUS SIGN}20"] == "bold", "A is horizontal"
    assert len(ax.texts) == 16
    low, high = ax.collections[0].get_clim()
    assert low == -high
    with pytest.raises(pkpd.UnknownNameError, match="reference 'loewe'"):
        pkpd.synergy_surface(table, "loewe")


def test_a_phase_portrait_fills_what_is_stable() -> None:
    x, y = pkpd.state("x", "1", "first clone", start=0.1), pkpd.state("y", "1", "second clone", start=0.2)
    r = pkpd.param("r", 3, "1/day", "rate", source="illustrative")
    model = pkpd.Model("competition", rates={x: r * x * (1 - x - 2 * y), y: r * y * (1 - y - 2 * x)})
    plane = pkpd.phase_plane(model, {"x": (0, 1.5), "y": (0, 1.5)}, points=12, starts=4)
    run = pkpd.simulate(model, times=np.linspace(0, 5, 20), parameters={"r": [2, 3]})
    ax = pkpd.phase_portrait(plane, run=run)
    drawn = {line.get_label(): line for line in ax.lines}
    assert sorted(drawn["stable"].get_xdata()) == pytest.approx([0, 1], abs=1e-9)
    assert sorted(drawn["unstable"].get_xdata()) == pytest.approx([0, 1 / 3], abs=1e-9)
    assert drawn["unstable"].get_markerfacecolor() == "white"
    assert sum(len(line.get_xdata()) == 20 for line in ax.lines) == 2
    with pytest.raises(pkpd.DataError, match="no state 'y'"):
        pkpd.phase_portrait(plane, run=run.drop_vars("y"))


def test_a_bifurcation_diagram_dashes_what_is_unstable_and_ends_at_the_folds(tmp_path) -> None:
    x, k = pkpd.state("x", "1", "state", start=0), pkpd.param("k", 2, "1/day", "rate", source="illustrative")
    mu = pkpd.param("mu", 0, "1", "forcing", source="illustrative")
    model = pkpd.Model("cusp", rates={x: k * (mu + x - x**3)})
    table = pkpd.bifurcation(model, "mu", (-1, 1), {"x": (-2, 2)}, points=31)
    ax = pkpd.bifurcation_diagram(table, "x")
    drawn = {line.get_label(): line for line in ax.lines}
    assert drawn["unstable"].get_linestyle() == "--"
    unstable = drawn["unstable"].get_xydata()
    unstable = unstable[np.isfinite(unstable).all(axis=1)]
    np.testing.assert_allclose(unstable[[0, -1], 0], table["fold_value"], rtol=1e-9)
    np.testing.assert_allclose(unstable[[0, -1], 1], table["fold_x"], rtol=1e-9)
    read = pkpd.read_result(pkpd.write_result(table, tmp_path / "cusp.nc"))
    assert len(pkpd.bifurcation_diagram(read, "x").lines) == len(ax.lines)
    assert "hysteresis" in ax.get_legend_handles_labels()[1]
    with pytest.raises(pkpd.UnknownNameError, match="state 'y'"):
        pkpd.bifurcation_diagram(table, "y")


# ---- files


@pytest.fixture
def sweep(tmp_path) -> xr.Dataset:
    pytest.importorskip("zarr")
    study = pkpd.Study(
        pkpd.load("pk_1cmt"), pkpd.bolus("100 mg", "iv"), times=[0, 1, 7], outputs=["C"], axes={"CL": [0.1, 0.2, 0.4]}
    )
    pkpd.run_study(study, tmp_path / "sweep")
    return pkpd.open_sweep(tmp_path / "sweep")


def test_a_sweep_goes_to_csv_and_netcdf_and_comes_back(sweep, tmp_path) -> None:
    table = pd.read_csv(pkpd.write_result(sweep, tmp_path / "sweep.csv"))
    assert len(table) == 9
    np.testing.assert_allclose(table["C"], sweep["C"].to_numpy().ravel())
    assert {"CL", "status", "member"} <= set(table)
    again = pkpd.read_result(pkpd.write_result(sweep, tmp_path / "sweep.nc"))
    np.testing.assert_array_equal(again["C"], sweep["C"])
    assert again["C"].attrs["units"] == sweep["C"].attrs["units"]


def test_analyses_go_to_netcdf(tmp_path) -> None:
    table = pkpd.sobol_indices(linear, {"a": (0, 1), "b": (0, 1)}, n=8, seed=1)
    again = pkpd.read_result(pkpd.write_result(table, tmp_path / "indices.nc"))
    np.testing.assert_array_equal(again["first_order"], table["first_order"])
    assert again.attrs["base_rows"] == 8


def test_a_parquet_file_holds_the_table(sweep, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.read_parquet(pkpd.write_result(sweep, tmp_path / "sweep.parquet"))
    np.testing.assert_array_equal(table["C"], sweep["C"].to_numpy().ravel())


def test_parquet_without_pyarrow_names_the_extra(sweep, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(pkpd.MissingExtraError, match=r"pyarrow; install it with: pip install 'pkpd\[sweep\]'"):
        pkpd.write_result(sweep, tmp_path / "sweep.parquet")
    assert not list(tmp_path.glob("*.parquet"))
