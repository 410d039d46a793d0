"""Figures of fits, tested by their artists, and the numbers behind them against closed forms."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray as xr

mpl.use("Agg")

import matplotlib.pyplot as plt
from examples import one_compartment
from matplotlib.colors import to_hex

import pkpd
from pkpd.figures.individuals import individual_fits
from pkpd.figures.panels import PAGE_PANELS, pages
from pkpd.figures.scales import plain_log
from pkpd.figures.style import BLUE, RED
from pkpd.fitting.diagnostics import autocorrelation, normal_scores, standardized_residuals, trend
from pkpd.fitting.free_parameters import Coordinate

TIMES = np.array([0.5, 1, 2, 4, 6, 8, 10, 12.0])


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before, "a figure changed matplotlib's global style"


def fitted(arms: int, subjects: int = 1, *, sd: bool = False, blq: float = 0.0, error=None, free=("CL", "V1")):
    """The one-compartment model at CL 0.5 L/day and V1 4 L in arms of rising doses, with 10 % errors."""
    rng = np.random.default_rng(5)
    rows, regimens = [], {}
    for i in range(arms):
        arm, amount = f"group {i + 1}", 50.0 + 10 * i
        regimens[arm] = pkpd.bolus(amount, "iv")
        for j in range(subjects):
            values = amount / 4 * np.exp(-0.5 / 4 * TIMES) * (1 + 0.1 * rng.normal(size=len(TIMES)))
            rows += [
                (arm, f"m{j + 1}", t, "C", max(v, blq), 0.1 * v, int(v < blq))
                for t, v in zip(TIMES, values, strict=True)
            ]
    table = pd.DataFrame(rows, columns=["arm", "subject", "time", "output", "value", "sd", "blq"])
    left_out = ["subject"] * (subjects == 1) + ["sd"] * (not sd) + ["blq"] * (blq == 0)
    data = pkpd.read_observations(table.drop(columns=left_out), regimens)
    return pkpd.fit(one_compartment, data, list(free), error=error)


@pytest.fixture(scope="module")
def two():
    return fitted(2, sd=True)


@pytest.fixture(scope="module")
def many():
    return fitted(24, sd=True)


@pytest.fixture(scope="module")
def mice():
    return fitted(2, 13, blq=5.0, error=pkpd.proportional_error(0.2))


def curve_of(ax):
    return max(ax.lines, key=lambda line: len(line.get_xdata()))


def marks_of(ax):
    return [line for line in ax.lines if line.get_marker() == "o" and line.get_linestyle() == "None"]


# ---- numbers


def test_autocorrelation_is_that_of_each_series_about_zero() -> None:
    residual = [1.0, 2.0, -1.0, 3.0, 2.0, -2.0, 1.0, 1.0]
    table = pd.DataFrame({"arm": ["a"] * 4 + ["b"] * 4, "time": [0, 1, 2, 3] * 2, "residual": residual})
    result = autocorrelation(table.sample(frac=1, random_state=1))
    square = np.mean(np.square(residual))
    first = (1 * 2 + 2 * -1 + -1 * 3 + 2 * -2 + -2 * 1 + 1 * 1) / 6
    assert result.loc[1, "correlation"] == pytest.approx(first / square)
    assert result.loc[1, "pairs"] == 6  # none from the end of one arm to the beginning of the next
    assert result.loc[1, "limit"] == pytest.approx(1.96 / np.sqrt(6))
    assert list(result.index) == [1, 2]  # of lag 3 there are two pairs


def test_autocorrelation_averages_replicates_and_keeps_subjects_apart() -> None:
    twice = pd.DataFrame({"arm": "a", "time": [0, 0, 1, 1, 2, 3], "residual": [1.0, 3, 1, -1, 2, 2]})
    once = pd.DataFrame({"arm": "a", "time": [0, 1, 2, 3], "residual": [2.0, 0, 2, 2]})
    pd.testing.assert_frame_equal(autocorrelation(twice), autocorrelation(once))
    apart = once.assign(subject=["m1", "m1", "m2", "m2"])
    assert autocorrelation(apart).empty  # two pairs are too few


def test_independent_residuals_are_within_the_limits_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    beyond = []
    for _ in range(200):
        table = pd.DataFrame({"arm": "a", "time": np.arange(60), "residual": rng.normal(size=60)})
        result = autocorrelation(table, lags=3)
        beyond += list(result["correlation"].abs() > result["limit"])
    assert 0.02 <= np.mean(beyond) <= 0.08


def test_normal_scores_are_quantiles_of_order_statistics() -> None:
    scores = normal_scores(np.array([3.0, -1.0, 0.5, 2.0, -2.0]))
    assert scores["residual"].tolist() == [-2.0, -1.0, 0.5, 2.0, 3.0]
    for name, share in (("low", 0.025), ("expected", 0.5), ("high", 0.975)):
        ranks = scipy.stats.beta.ppf(share, np.arange(1, 6), np.arange(5, 0, -1))
        np.testing.assert_allclose(scores[name], scipy.stats.norm.ppf(ranks))


def test_a_trend_is_the_mean_of_groups_that_never_split_equal_values() -> None:
    x = np.repeat([0.0, 1.0, 2.0, 5.0], 6)
    y = np.arange(24.0)
    means = trend(x, y)
    assert means["x"].tolist() == [0, 1, 2, 5]
    assert means["y"].tolist() == [2.5, 8.5, 14.5, 20.5]
    assert means["se"].tolist() == pytest.approx([np.std(np.arange(6), ddof=1) / np.sqrt(6)] * 4)
    assert trend(x[:11], y[:11]).empty


def test_standardized_residuals_of_equal_weights_are_over_their_estimated_deviation() -> None:
    fit = fitted(2)
    residuals = standardized_residuals(fit)["residual"]
    plain = fit.residuals["observed"] - fit.residuals["predicted"]
    np.testing.assert_allclose(residuals, plain / np.sqrt((plain**2).sum() / (16 - 2)))
    known = dataclasses.replace(fit, sd_is="known")
    np.testing.assert_allclose(standardized_residuals(known)["residual"], plain)


# ---- arms


def test_arms_that_cannot_be_told_apart_have_a_panel_each(many) -> None:
    axes = pkpd.fit_overlay(many)
    assert len(axes) == 25
    assert len({ax.figure for ax in axes}) == 1
    assert [ax.get_title(loc="left") for ax in axes[:-1]] == list(many.data.arms)
    table = many.residuals
    for ax, arm in zip(axes[:-1], many.data.arms, strict=True):
        (marks,) = marks_of(ax)
        np.testing.assert_allclose(marks.get_ydata(orig=False), table.loc[table["arm"] == arm, "observed"])
        assert {to_hex(line.get_color()) for line in ax.lines} <= {BLUE.lower(), "#000000"}
    np.testing.assert_allclose(axes[-1].lines[0].get_ydata(), table["residual"])
    at = np.interp(6.0, curve_of(axes[3]).get_xdata(), curve_of(axes[3]).get_ydata())
    assert at == pytest.approx(float(many.predict([6.0])["C"].sel(arm="group 4").item()), rel=1e-4)
    assert axes[0].get_ylim() == axes[17].get_ylim()


def test_twenty_four_arms_are_within_the_page_and_no_title_covers_another(many) -> None:
    axes = pkpd.fit_overlay(many)
    figure = axes[0].figure
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    assert width == 7.0
    assert height < 10.2
    for ax in axes[:-1]:
        box = ax.get_window_extent()
        assert box.width > 1.2 * figure.dpi
        assert box.height > 0.8 * figure.dpi
    boxes = [ax._left_title.get_window_extent() for ax in axes[:-1]]
    assert all(figure.bbox.containsx(b.x1) and figure.bbox.containsy(b.y1) for b in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_up_to_seven_arms_have_styles_of_their_own(two) -> None:
    upper, _ = pkpd.fit_overlay(fitted(7))
    looks = {(to_hex(line.get_color()), line.get_marker()) for line in upper.lines if line.get_marker() != "None"}
    assert len(looks) == 7
    assert upper.get_legend().get_title().get_text() == "Arm"
    assert pkpd.fit_overlay(two)[0].get_legend().get_title().get_text() == "Arm\n(bars: ± SD)"


def test_too_many_arms_for_two_axes_are_refused(many) -> None:
    _, pair = plt.subplots(2)
    with pytest.raises(pkpd.DataError, match="24 arms cannot be told apart on the two axes of ax"):
        pkpd.fit_overlay(many, ax=tuple(pair))


def test_what_a_logarithmic_axis_cannot_show_is_counted(two) -> None:
    data = dataclasses.replace(two.data, value=np.where(two.data.time > 11, 0.0, two.data.value))
    fit = dataclasses.replace(two, objective=dataclasses.replace(two.objective, data=data))
    upper, _ = pkpd.fit_overlay(fit, log=True)
    assert upper.get_title(loc="left") == "2 of 16 observations are 0 or less, not shown"
    assert pkpd.fit_overlay(fit)[0].get_title(loc="left") == ""
    panel = individual_fits(fit, log=True)[0].axes[0]
    assert panel.texts[0].get_text() == "1 of 8 \N{LESS-THAN OR EQUAL TO} 0"


# ---- individuals


def test_pages_are_few_and_about_equally_full() -> None:
    assert [len(page) for page in pages(list(range(100)))] == [20] * 5
    assert [len(page) for page in pages(list(range(25)))] == [13, 12]
    assert [len(page) for page in pages(list(range(PAGE_PANELS)))] == [PAGE_PANELS]
    assert pages([]) == []


def test_each_subject_has_a_panel_with_the_curve_of_its_arm(mice) -> None:
    first, second = individual_fits(mice)
    assert [len(first.axes), len(second.axes)] == [13, 13]
    titles = [ax.get_title(loc="left") for figure in (first, second) for ax in figure.axes]
    assert titles == [f"group {i}, m{j}" for i in (1, 2) for j in range(1, 14)]
    table = mice.residuals
    ax = second.axes[2]
    own = table[(table["arm"] == "group 2") & (table["subject"] == "m3")]
    measured = own[own["censored"] == 0]
    assert 0 < len(measured) < len(own)
    np.testing.assert_allclose(marks_of(ax)[0].get_ydata(orig=False), measured["observed"])
    limits = [line for line in ax.lines if line.get_marker() == "v"]
    np.testing.assert_allclose(limits[0].get_ydata(), 5.0)
    expected = mice.predict([3.0])["C"].sel(arm="group 2")
    assert np.interp(3.0, curve_of(ax).get_xdata(), curve_of(ax).get_ydata()) == pytest.approx(
        expected.item(), rel=1e-3
    )
    words = [text.get_text() for text in first.legends[0].get_texts()]
    assert words == ["fitted", "beyond a limit", "observed"]
    assert first.get_supxlabel() == "Time (day)"


def test_subjects_have_the_curves_of_their_covariates() -> None:
    volumes = {"a": 3.0, "b": 6.0}
    rows = [
        ("arm", name, t, "C", 100 / v * np.exp(-0.5 / v * t), v) for name, v in volumes.items() for t in (1.0, 4.0, 9.0)
    ]
    table = pd.DataFrame(rows, columns=["arm", "subject", "time", "output", "value", "V1"])
    fit = pkpd.fit(one_compartment, pkpd.read_observations(table, {"arm": pkpd.bolus(100, "iv")}), ["CL"])
    (figure,) = individual_fits(fit)
    for ax, (name, volume) in zip(figure.axes, volumes.items(), strict=True):
        assert ax.get_title(loc="left") == name
        at = np.interp(4.0, curve_of(ax).get_xdata(), curve_of(ax).get_ydata())
        assert at == pytest.approx(100 / volume * np.exp(-0.5 / volume * 4), rel=1e-5)


def test_panels_may_have_axes_of_their_own(two) -> None:
    shared, own = individual_fits(two)[0], individual_fits(two, shared=False)[0]
    assert shared.axes[0].get_ylim() == shared.axes[1].get_ylim()
    assert own.axes[0].get_ylim() != own.axes[1].get_ylim()
    with pytest.raises(pkpd.DataError, match="shared is 'no'; expected True or False"):
        individual_fits(two, shared="no")


def test_pages_are_saved_as_one_pdf(tmp_path) -> None:
    path = pkpd.save([plt.figure(), plt.subplots()[0]], tmp_path / "mice.pdf")
    assert path.read_bytes().count(b"/Type /Page ") == 2
    assert plt.get_fignums() == []
    with pytest.raises(pkpd.DataError, match=r"'mice.png' holds one figure, and there are 2; save them as \.pdf"):
        pkpd.save([plt.figure(), plt.figure()], tmp_path / "mice.png")
    assert plt.get_fignums() != []  # what was not saved is still there


def test_log_ticks_are_in_one_notation() -> None:
    _, ax = plt.subplots()
    ax.plot([0, 1], [0.004, 300])
    ax.set_yscale("log")
    plain_log(ax, "y")
    ax.figure.draw_without_rendering()
    words = [tick.get_text() for tick in ax.get_yticklabels(which="both") if tick.get_text()]
    assert {"0.01", "0.1", "1", "10", "100"} <= set(words)
    assert not any("e" in word or "$" in word for word in words)


# ---- goodness of fit


def test_goodness_of_fit_shows_residuals_in_six_ways(mice) -> None:
    figure = pkpd.goodness_of_fit(mice, log=True)
    agreement, by_time, by_prediction, quantiles, correlation, size = figure.axes
    table = mice.residuals
    kept = table[table["censored"] == 0]
    assert agreement.get_title(loc="left") == (
        f"n = {len(kept)}\n{len(table) - len(kept)} of {len(table)} values failed, left out"
    ).replace("failed", "are beyond a limit")
    identity = agreement.lines[0]
    np.testing.assert_allclose(identity.get_xdata(), identity.get_ydata())
    np.testing.assert_allclose(agreement.lines[1].get_ydata(), kept["observed"])
    assert agreement.get_xscale() == agreement.get_yscale() == "log"
    np.testing.assert_allclose(marks_of(by_time)[0].get_xdata(), kept["time"])
    np.testing.assert_allclose(marks_of(by_prediction)[0].get_xdata(), kept["predicted"])
    np.testing.assert_allclose(marks_of(by_time)[0].get_ydata(), kept["residual"])
    np.testing.assert_allclose(marks_of(quantiles)[0].get_ydata(), np.sort(kept["residual"]))
    np.testing.assert_allclose(marks_of(size)[0].get_ydata(), kept["residual"].abs())
    expected = autocorrelation(standardized_residuals(mice).loc[kept.index])["correlation"]
    heights = [bar.get_height() for bar in correlation.patches]
    np.testing.assert_allclose(heights[len(expected) :], expected)  # after the bars of the limits
    assert by_time.get_xlabel() == "Time (day)"
    assert agreement.get_xlabel() == "Predicted C (mg/L)"


def test_goodness_of_fit_of_few_values_says_what_it_cannot_show() -> None:
    data = pkpd.read_observations(
        pd.DataFrame({"arm": "a", "time": [1.0, 3.0], "output": "C", "value": [10.0, 9.0]}),
        {"a": pkpd.bolus(50, "iv")},
    )
    figure = pkpd.goodness_of_fit(pkpd.fit(one_compartment, data, ["CL"]))
    assert "too few" in figure.axes[4].texts[0].get_text()
    assert all(line.get_color() != RED for line in figure.axes[1].lines)


def test_goodness_of_fit_refuses_what_was_never_measured(mice) -> None:
    data = dataclasses.replace(mice.data, censored=np.ones(len(mice.data), dtype=int))
    fit = dataclasses.replace(mice, objective=dataclasses.replace(mice.objective, data=data))
    with pytest.raises(pkpd.DataError, match="none of the 208 values of 'C' was measured"):
        pkpd.goodness_of_fit(fit)


# ---- correlations, starts, profiles, pairs


def test_correlations_are_a_triangle_with_strong_ones_framed(two) -> None:
    ax = pkpd.estimate_correlations(two)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["CL"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["V1"]
    value = two.correlation.loc["V1", "CL"]
    assert ax.texts[0].get_text() == f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
    assert not ax.lines
    strong = dataclasses.replace(two, covariance_x=np.array([[1.0, 0.99], [0.99, 1.0]]))
    assert len(pkpd.estimate_correlations(strong).lines) == 1
    unknown = dataclasses.replace(two, covariance_x=np.diag([1.0, np.nan]))
    with pytest.raises(pkpd.DataError, match="1 of the 2 estimates of"):
        pkpd.estimate_correlations(unknown)


def searches(optimum, log_posterior):
    return SimpleNamespace(table=pd.DataFrame({"optimum": optimum, "log_posterior": log_posterior}))


def test_a_waterfall_of_starts_steps_down_from_the_best() -> None:
    ax = pkpd.start_waterfall(searches([2, 1, 1, 0, 3], [-12.0, -10.0, -10.001, -np.inf, -500.0]))
    steps = ax.lines[0]
    np.testing.assert_allclose(steps.get_ydata(), [0, 0.001, 2, 490])
    assert steps.get_xdata().tolist() == [1, 2, 3, 4]
    best = ax.lines[1]
    assert (to_hex(best.get_color()), len(best.get_xdata())) == (BLUE.lower(), 2)
    assert ax.get_title(loc="left") == "4 searches, 3 optima, 2 in the best\n1 of 5 searches failed, left out"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_a_waterfall_needs_several_starts_and_an_optimum(two) -> None:
    with pytest.raises(pkpd.DataError, match=r"expected a fit of several starts, as from fit\(\.\.\., starts=20\)"):
        pkpd.start_waterfall(two)
    with pytest.raises(pkpd.DataError, match="all 2 searches failed"):
        pkpd.start_waterfall(searches([0, 0], [-1.0, -np.inf]))


def profile(label: str, *, log: bool, shape: str = "bounded") -> SimpleNamespace:
    coordinate = Coordinate(label, None, "L/day", 0.0, -np.inf, np.inf, log)
    x = np.linspace(-3, 3, 13)
    interval = SimpleNamespace(estimate=0.5, low=-1.46 if shape == "bounded" else -np.inf, high=2.46, shape=shape)
    return SimpleNamespace(
        coordinate=coordinate, values=coordinate.natural(x), log_posterior=-7 - (x - 0.5) ** 2 / 2, interval=interval
    )


def test_profiles_have_their_threshold_estimate_and_interval() -> None:
    curves = [profile("CL", log=True), profile("V", log=False, shape="bounded above only")]
    profiles = SimpleNamespace(curves=curves, log_posterior=-7.0, threshold=SimpleNamespace(fall=3.84), confidence=0.95)
    (figure,) = pkpd.likelihood_profiles(profiles)
    first, second = figure.axes
    line, threshold, estimate = first.lines
    np.testing.assert_allclose(line.get_ydata(), (np.linspace(-3, 3, 13) - 0.5) ** 2)
    assert set(threshold.get_ydata()) == {3.84}
    assert set(estimate.get_xdata()) == {np.exp(0.5)}
    assert (first.get_xscale(), second.get_xscale()) == ("log", "linear")
    assert first.get_title(loc="left") == f"95 %: {np.exp(-1.46):.3g} to {np.exp(2.46):.3g}"
    assert second.get_title(loc="left") == "bounded above only"
    assert first.get_xlabel() == "CL (L/day)"
    low, high = second.get_xlim()
    shown = [x for x in np.linspace(-3, 3, 13) if (x - 0.5) ** 2 <= 2.5 * 3.84]
    assert low < shown[0] < shown[-1] < high
    with pytest.raises(pkpd.DataError, match=r"likelihood_profiles\(\) got 3; expected what profile\(\) returns"):
        pkpd.likelihood_profiles(3)


def test_pairs_show_each_parameter_each_pair_and_its_rank_correlation() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=500)
    draws = pd.DataFrame({"CL": x, "V": np.exp(x), "ka": rng.normal(size=500), "failed": False})
    draws.loc[3, "V"] = np.nan
    figure = pkpd.parameter_pairs(draws, estimates={"CL": 0.25})
    axes = np.array(figure.axes).reshape(3, 3)
    assert axes[0, 1].texts[0].get_text() == "1.00"  # of ranks: exp is monotone
    kept = draws.dropna()
    np.testing.assert_allclose(axes[1, 0].lines[0].get_xdata(), kept["CL"])
    np.testing.assert_allclose(axes[1, 0].lines[0].get_ydata(), kept["V"])
    median = [
        line for line in axes[0, 0].lines if line.get_linestyle() == "-" and to_hex(line.get_color()) == "#000000"
    ]
    assert median[0].get_xdata()[0] == pytest.approx(kept["CL"].median())
    red = [line for line in axes[2, 0].lines if line.get_color() == RED]
    assert [list(line.get_xdata()) for line in red] == [[0.25, 0.25]]
    assert figure.get_suptitle() == "499 draws"


def test_pairs_of_a_posterior_or_a_bootstrap_are_its_parameters(two) -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"chain": 0.0, "CL": rng.normal(size=60), "V1": rng.normal(size=60), "log_posterior": -1.0})
    figure = pkpd.parameter_pairs(SimpleNamespace(fit=two, table=table))
    assert len(figure.axes) == 4
    assert [ax.get_xlabel() for ax in figure.axes[2:]] == ["CL", "V1"]


def test_traces_show_each_chain_and_whether_they_have_settled() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(8, 40))
    dataset = xr.Dataset(
        {"CL": (("chain", "draw"), x, {"units": "L/day"}), "V": (("chain", "draw"), x + np.arange(8)[:, None])}
    )
    summary = pd.DataFrame({"r_hat": [1.002, 1.9], "ess_bulk": [212.0, 9.0]}, index=["CL", "V"])
    (figure,) = pkpd.posterior_traces(SimpleNamespace(dataset=dataset, summary=lambda: summary))
    first, second = figure.axes
    (chains,) = first.collections
    np.testing.assert_allclose([segment[:, 1] for segment in chains.get_segments()], x)
    np.testing.assert_allclose(first.lines[0].get_ydata(), np.median(x, axis=0))
    assert first.get_title(loc="left") == "R-hat 1, 212 effective"
    assert (first.get_ylabel(), second.get_ylabel()) == ("CL (L/day)", "V")
    assert to_hex(second._left_title.get_color()) == RED.lower()
    with pytest.raises(pkpd.DataError, match=r"posterior_traces\(\) got 3; expected what sample_posterior\(\) returns"):
        pkpd.posterior_traces(3)


def test_contours_hold_their_share_of_the_draws() -> None:
    from matplotlib.path import Path

    rng = np.random.default_rng(4)
    draws = pd.DataFrame(rng.normal(size=(20_000, 2)), columns=["a", "b"])
    ax = pkpd.parameter_pairs(draws).axes[2]
    (contours,) = [c for c in ax.collections if hasattr(c, "levels")]
    shares = [Path(p.vertices).contains_points(draws.to_numpy()).mean() for p in contours.get_paths()]
    assert shares == pytest.approx([0.95, 0.5], abs=0.015)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: pkpd.parameter_pairs(d, ["a"]), r"1 parameters \(a\); expected 2 to 10"),
        (lambda d: pkpd.parameter_pairs(d, ["a", "B"]), r"no parameter 'B'. Did you mean 'b'\?"),
        (lambda d: pkpd.parameter_pairs(d.iloc[:5]), "5 complete draws; pairs are drawn of 20 or more"),
        (
            lambda d: pkpd.parameter_pairs(3),
            r"got 3; expected what sample_posterior\(\) or bootstrap\(\) returns, or a DataFrame",
        ),
        (lambda d: pkpd.goodness_of_fit(d.size), r"goodness_of_fit\(\) got 80; expected what fit\(\) returns"),
        (lambda d: individual_fits(None), r"individual_fits\(\) got None; expected what fit"),
        (lambda d: pkpd.estimate_correlations(1), r"estimate_correlations\(\) got 1; expected what fit"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message) -> None:
    draws = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
    with pytest.raises(pkpd.PkpdError, match=message):
        call(draws)


# ---- counts and times to an event


lam = pkpd.param("lam", 0.2, "1/day", "hazard", source="illustrative")
H = pkpd.state("H", "1", "cumulative hazard", start=0)
survival = pkpd.Model("constant_hazard", rates={H: lam}, outputs={"h": lam})


def test_times_to_an_event_are_drawn_as_the_cumulative_hazard_of_the_arm(tmp_path) -> None:
    times, events = [1.0, 2.0, 2.0, 3.0, 1.5, 4.0], [1, 1, 0, 1, 0, 1]
    table = pd.DataFrame({"arm": ["a"] * 4 + ["b"] * 2, "time": times, "output": "H", "value": events})
    table["subject"] = [f"p{i}" for i in range(6)]
    data = pkpd.read_observations(table, {"a": None, "b": None})
    fit = pkpd.fit(survival, data, {"lam": pkpd.free(log=True)}, error=pkpd.event_time("h"))
    assert fit.estimates.loc["lam", "estimate"] == pytest.approx(4 / sum(times), rel=1e-5)  # closed form
    upper, _ = pkpd.fit_overlay(fit)
    first, second = (line.get_ydata(orig=False) for line in upper.lines if line.get_marker() != "None")
    np.testing.assert_allclose(first, [1 / 4, 1 / 4 + 1 / 3, np.nan, 1 / 4 + 1 / 3 + 1])
    np.testing.assert_allclose(second, [np.nan, 1.0])
    with pytest.raises(pkpd.DataError, match="'H' is observed by times to an event, of which a subject has one"):
        individual_fits(fit)
    with pytest.raises(pkpd.DataError, match="'H' is observed by times to an event, whose residuals are not normal"):
        pkpd.goodness_of_fit(fit)
    assert pkpd.write_report(fit, tmp_path / "survival.html").read_text(encoding="utf-8").count("<img") == 1


def test_responders_are_drawn_as_shares() -> None:
    responding = pkpd.Model("responding", rates={H: lam}, outputs={"P": H})
    times = np.array([1.0, 2, 3])
    table = pd.DataFrame({"arm": "a", "time": times, "output": "P", "value": [2, 4, 6], "n": [10, 10, 12]})
    fit = pkpd.fit(responding, pkpd.read_observations(table, {"a": None}), ["lam"], error=pkpd.binomial_error())
    upper, _ = pkpd.fit_overlay(fit)
    shares = next(line for line in upper.lines if line.get_marker() != "None").get_ydata(orig=False)
    np.testing.assert_allclose(shares, [0.2, 0.4, 0.5])
    np.testing.assert_allclose(pkpd.goodness_of_fit(fit).axes[0].lines[1].get_ydata(orig=False), [0.2, 0.4, 0.5])


# ---- bands


def spans(ax):
    """The lowest and highest value of the band of an axis, by time."""
    (band,) = [c for c in ax.collections if c.get_label().endswith("band")]
    corners = band.get_paths()[0].vertices
    times = np.unique(corners[:, 0])
    return {t: (corners[corners[:, 0] == t, 1].min(), corners[corners[:, 0] == t, 1].max()) for t in times}


def test_bands_are_about_the_curves_of_their_arms(two, many) -> None:
    for fit in (two, many):
        bands = pkpd.bands(fit, [1.0, 6.0, 12.0], draws=64)
        axes = pkpd.fit_overlay(fit, bands=bands)
        ax, arm = (axes[2], "group 3") if len(axes) > 2 else (axes[0], "group 1")
        drawn = next(c for c in ax.collections if c.get_label().endswith("band"))
        expected = bands["C"].sel(arm=arm, time=6.0)
        at_six = drawn.get_paths()[0].vertices
        at_six = at_six[at_six[:, 0] == 6.0, 1]
        assert (at_six.min(), at_six.max()) == pytest.approx((expected[0].item(), expected[2].item()))
        words = (axes[0] if len(axes) == 2 else axes[-1]).get_title(loc="left")
        assert "95 % confidence band" in words


def test_a_band_that_reaches_below_zero_is_cut_at_a_logarithmic_axis(two) -> None:
    bands = pkpd.bands(two, [1.0, 6.0, 12.0], draws=64)
    wide = bands.assign(C=bands["C"].where(bands["limit"] != "low", -1.0)).assign_attrs(bands.attrs)
    without, (with_band,) = individual_fits(two, log=True), individual_fits(two, log=True, bands=wide)
    bottom = without[0].axes[0].get_ylim()[0]
    for ax in with_band.axes:
        assert ax.get_ylim()[0] == pytest.approx(bottom)
        assert all(low == pytest.approx(bottom) for low, _ in spans(ax).values())
    linear = individual_fits(two, bands=wide)[0].axes[0]
    assert linear.get_ylim()[0] < -1
    assert with_band.get_suptitle() == "95 % confidence band"


def test_bands_of_another_fit_are_refused(two, many) -> None:
    bands = pkpd.bands(two, [1.0, 6.0], draws=16)
    with pytest.raises(pkpd.DataError, match="the bands have no arm 'group 3'; they are of another fit"):
        pkpd.fit_overlay(many, bands=bands)
    with pytest.raises(pkpd.DataError, match="individual_fits: the bands have no 'C'"):
        individual_fits(two, bands=bands.drop_vars("C"))
    with pytest.raises(pkpd.DataError, match=r"got 3 as bands; expected what pkpd.bands\(\) returns"):
        pkpd.fit_overlay(two, bands=3)
