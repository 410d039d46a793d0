"""Figures of survival are tested by the artists they make."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from survival_data import LEUKEMIA, LEUKEMIA_ARM, LEUKEMIA_EVENT, SIX_MP, SIX_MP_EVENT

import pkpd

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.collections import PathCollection


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def leukemia():
    return pkpd.kaplan_meier(LEUKEMIA, LEUKEMIA_EVENT, group=LEUKEMIA_ARM, unit="week")


def lines(ax, gid=None):
    return [line for line in ax.lines if line.get_gid() == gid and len(line.get_xdata())]


def texts(ax, gid):
    return [text for text in ax.texts if text.get_gid() == gid]


def test_a_curve_steps_down_to_its_groups_last_time(leukemia) -> None:
    ax = pkpd.survival_curves(leukemia, what="In remission")
    drug, placebo = lines(ax)
    alone = pkpd.kaplan_meier(SIX_MP, SIX_MP_EVENT)
    assert drug.get_drawstyle() == "steps-post"
    assert (
        dict(zip(drug.get_xdata(), drug.get_ydata(), strict=True)).items()
        >= dict(zip(alone["time"].values, alone["survival"].values, strict=True)).items()
    )
    assert drug.get_xdata()[-1] == 35
    assert placebo.get_xdata()[-1] == 23
    assert ax.get_ylabel() == "In remission"
    assert ax.get_xlabel() == "Time (week)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["6-MP", "placebo"]


def test_ticks_stand_where_times_are_censored(leukemia) -> None:
    (drug, *_) = lines(pkpd.survival_curves(leukemia), "censored")
    np.testing.assert_array_equal(drug.get_xdata(), [6, 9, 10, 11, 17, 19, 20, 25, 32, 34, 35])


def test_numbers_at_risk_stand_below_their_times(leukemia) -> None:
    ax = pkpd.survival_curves(leukemia, risk_at=[0, 10, 20, 30])
    words = texts(ax, "risk")
    assert words[0].get_text() == "Number at risk"
    numbers = [(text.xy[0], int(text.get_text())) for text in words if text.get_text().isdigit()]
    expected = [
        (week, int((LEUKEMIA[LEUKEMIA_ARM == arm] >= week).sum()))
        for arm in ("6-MP", "placebo")
        for week in (0, 10, 20, 30)
    ]
    assert numbers == expected
    assert not texts(pkpd.survival_curves(leukemia, risk_table=False), "risk")


def test_the_risk_table_is_aligned_and_inside_the_figure(leukemia) -> None:
    ax = pkpd.survival_curves(leukemia, risk_at=[0, 10, 20, 30])
    ax.figure.canvas.draw()
    box = ax.figure.bbox
    for text in texts(ax, "risk"):
        extent = text.get_window_extent()
        assert box.x0 <= extent.x0
        assert extent.x1 <= box.x1
        assert box.y0 <= extent.y0
    tick = ax.transData.transform((20, 0))[0]
    twenty = next(text for text in texts(ax, "risk") if text.xy[0] == 20)
    extent = twenty.get_window_extent()
    assert (extent.x0 + extent.x1) / 2 == pytest.approx(tick, abs=1)
    below = ax.xaxis.label.get_window_extent().y0
    assert all(text.get_window_extent().y1 <= below + 1 for text in texts(ax, "risk"))


def test_medians_references_and_colors(leukemia) -> None:
    ax = pkpd.survival_curves(
        leukemia, reference=leukemia, reference_name="trial", median=True, colors={"placebo": "#000000"}
    )
    assert [line.get_xdata()[1] for line in lines(ax, "median")] == [23, 8]
    dashed = [line for line in lines(ax) if line.get_linestyle() == "--"]
    assert len(dashed) == 2
    assert dashed[1].get_color() == "#000000"
    assert ax.get_legend().get_texts()[-1].get_text() == "trial"
    with pytest.raises(pkpd.UnknownNameError, match="no curve 'plasebo'. Did you mean 'placebo'"):
        pkpd.survival_curves(leukemia, colors={"plasebo": "k"})
    with pytest.raises(pkpd.DataError, match="what kaplan_meier\\(\\) returns"):
        pkpd.survival_curves(leukemia["survival"])


def test_incidence_has_a_color_for_each_event_and_a_line_for_each_group() -> None:
    cause = np.where(LEUKEMIA_EVENT, np.where(np.arange(42) % 3 == 0, "death", "relapse"), "")
    curves = pkpd.cumulative_incidence(LEUKEMIA, cause, group=LEUKEMIA_ARM, unit="week")
    ax = pkpd.incidence_curves(curves)
    drawn = lines(ax)
    assert [(line.get_label(), line.get_linestyle()) for line in drawn] == [
        ("death, 6-MP", "-"), ("relapse, 6-MP", "-"), ("death, placebo", "--"), ("relapse, placebo", "--"),
    ]  # fmt: skip
    assert drawn[0].get_color() == drawn[2].get_color() != drawn[1].get_color()
    np.testing.assert_array_equal(
        drawn[3].get_ydata(), curves["incidence"].sel(cause="relapse", group="placebo", time=slice(0, 23))
    )
    only = pkpd.incidence_curves(curves, causes=["relapse"])
    assert len(lines(only)) == 2
    with pytest.raises(pkpd.UnknownNameError, match="no cause 'cure'"):
        pkpd.incidence_curves(curves, causes=["cure"])


@pytest.fixture(scope="module")
def subgroups():
    rng = np.random.default_rng(1)
    n = 300
    arm, sex = rng.integers(0, 2, n), np.where(np.arange(n) < 3, "unknown", rng.choice(["female", "male"], n))
    arm[:3] = 1  # one subgroup without a control
    life = rng.exponential(10 * np.exp(0.5 * arm))
    return pkpd.subgroup_hazard_ratios(np.minimum(life, 25), life < 25, arm, {"Sex": sex})


def test_a_forest_has_a_line_for_each_subgroup(subgroups) -> None:
    ax = pkpd.forest(subgroups, treated="drug", control="none")
    intervals = lines(ax, "interval")
    assert len(intervals) == 3
    np.testing.assert_allclose(intervals[0].get_xdata(), [subgroups["lower"][0], subgroups["upper"][0]])
    squares = [c for c in ax.collections if isinstance(c, PathCollection)]
    assert squares[0].get_sizes()[0] > squares[1].get_sizes()[0]
    assert float(squares[0].get_offsets()[0][0]) == pytest.approx(float(subgroups["hazard_ratio"][0]))
    ratios = [text.get_text() for text in texts(ax, "ratio")]
    assert ratios[-1] == "not estimable"
    assert ratios[1].startswith(f"{float(subgroups['hazard_ratio'][0]):.2f} (")
    rows = {text.get_text().strip(): text.xy[1] for text in texts(ax, "label")}
    assert rows["female"] == intervals[1].get_ydata()[0]


def test_a_forest_is_inside_its_figure_and_cuts_with_arrows(subgroups) -> None:
    ax = pkpd.forest(subgroups, limits=(0.8, 1.2))
    ax.figure.canvas.draw()
    for text in ax.texts:
        extent = text.get_window_extent()
        assert ax.figure.bbox.x0 <= extent.x0
        assert extent.x1 <= ax.figure.bbox.x1
    assert lines(ax, "cut")
    for line in lines(ax, "interval"):
        assert 0.8 <= min(line.get_xdata()) <= max(line.get_xdata()) <= 1.2
    with pytest.raises(pkpd.DataError, match="a range around 1"):
        pkpd.forest(subgroups, limits=(1.1, 3))
