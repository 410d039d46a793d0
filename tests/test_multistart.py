"""Searches from many starts: where they begin, where they end, and what they leave undecided."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from fit_problems import LINE_TIMES, decay, decay_data, decay_fit, flip_flop_fit, line_fit, table

import pkpd
from pkpd.fitting.multistart import multistart, spread_starts
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.fitting.search import minimize

b = pkpd.param("b", 1.0, "1", "where in a double well", source="illustrative")
s = pkpd.param("s", 1.0, "mm^3/day", "slope", source="illustrative")
W = pkpd.state("W", "mm^3", "volume", start=0)
well = pkpd.Model("well", rates={W: s * (b**4 - 4 * b**2 + b)}, outputs={})


@pytest.fixture(scope="module")
def two_wells() -> pkpd.Fit:
    """W = (b^4 - 4 b^2 + b) t against -6 t: optima at b = -1.473 and, not as good, at 1.347."""
    data = pkpd.read_observations(table("a", LINE_TIMES[1:], -6 * LINE_TIMES[1:], "W", sd=1.0), {"a": None})
    return pkpd.fit(well, data, {"b": pkpd.free(1.0, (-3.0, 3.0))}, starts=20, seed=2)


def test_distinct_optima_are_counted_and_the_best_is_the_fit(two_wells: pkpd.Fit) -> None:
    roots = np.sort(np.roots([4.0, 0.0, -8.0, 1.0]).real)  # where the slope of the well is 0
    starts = two_wells.starts
    assert starts.n_optima == 2
    assert two_wells.estimates.loc["b", "estimate"] == pytest.approx(roots[0], rel=1e-5)
    best, second = (starts.end[starts.optimum == n, 0] for n in (1, 2))
    assert best == pytest.approx(roots[0], rel=1e-4)
    assert second == pytest.approx(roots[2], rel=1e-4)
    assert len(best) + len(second) + starts.failures == 20
    assert two_wells.log_posterior == pytest.approx(starts.log_posterior[starts.best], abs=1e-9)
    assert starts.undecided == ""
    assert "2 distinct optima" in str(starts)


def test_the_table_goes_from_the_best_end_to_the_worst(two_wells: pkpd.Fit) -> None:
    rows = two_wells.starts.table
    assert list(rows.columns) == [
        "optimum", "log_posterior", "log_posterior_begin", "success", "evaluations", "message", "b_begin", "b",
    ]  # fmt: skip
    assert rows["log_posterior"].is_monotonic_decreasing
    assert (rows["log_posterior"] >= rows["log_posterior_begin"] - 1e-9).all()
    assert rows.loc[0, "b_begin"] == 1.0
    assert sorted(rows.index) == list(range(20))


def test_starts_fill_the_bounds_as_a_latin_hypercube() -> None:
    fit = pkpd.fit(
        decay, decay_data(), {"CL": pkpd.free(1.0, (0.01, 100.0), log=True), "V": pkpd.free(8.0, (5.0, 25.0))}
    )
    points = spread_starts(fit.objective, 41, seed=3)
    assert np.array_equal(points[0], fit.objective.start)
    parts = [(points[1:, 0] - np.log(0.01)) / np.log(1e4), (points[1:, 1] - 5.0) / 20.0]
    for share in parts:  # one start in each of 40 equal parts; of the logarithm on a log scale
        assert sorted(np.floor(40 * share)) == list(range(40))
    assert np.array_equal(points, spread_starts(fit.objective, 41, seed=3))
    assert not np.array_equal(points, spread_starts(fit.objective, 41, seed=4))


def test_without_bounds_starts_lie_about_the_given_one() -> None:
    points = spread_starts(decay_fit().objective, 200, seed=0)
    assert np.exp(points[:, 0]).min() == pytest.approx(0.15, rel=0.05)  # 1.5/10, and its lower bound is 0
    assert np.exp(points[:, 0]).max() == pytest.approx(15.0, rel=0.05)
    linear = spread_starts(line_fit().objective, 200, seed=0)[:, 0]
    assert (linear.min(), linear.max()) == (pytest.approx(-10.0, abs=0.5), pytest.approx(30.0, abs=0.5))


def test_a_search_among_many_ends_bit_for_bit_where_it_does_alone() -> None:
    objective = decay_fit().objective
    many, few = multistart(objective, 9, seed=5), multistart(objective, 1, seed=5)
    assert np.array_equal(few.end[0], many.end[0])
    for begin, end, value in zip(many.begin, many.end, many.log_posterior, strict=True):
        alone = minimize(objective, begin)
        assert np.array_equal(alone.x, end)
        assert alone.log_posterior == value


def test_all_starts_are_few_calls_of_the_model() -> None:
    objective = decay_fit().objective
    calls = []
    kind = type(objective.predictor)

    def counted(original):
        return lambda self, points: calls.append(len(points)) or original(self, points)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("__call__", "linearized", "roughly"):
            patch.setattr(kind, name, counted(getattr(kind, name)))
        starts = multistart(objective, 30, seed=0)
    # The same point may be asked for again at the end of a search, and is then known.
    assert sum(calls) >= 0.8 * starts.evaluations.sum()
    assert len(calls) < sum(calls) / 6


def test_flip_flop_is_named() -> None:
    """ka and CL/V may change places, with another V: two ends of the same likelihood."""
    fit = flip_flop_fit(starts=16, seed=1)
    assert fit.starts.undecided.startswith("The same likelihood is reached at different values of ka (")
    assert ", V (" in fit.starts.undecided
    assert "CL" not in fit.starts.undecided
    for result in (pkpd.profile(fit, "ka"), pkpd.bootstrap(fit, 4, by="parametric")):
        assert fit.starts.undecided in result.report()


def test_a_start_that_cannot_be_solved_is_counted() -> None:
    """Growth at the rates between 1e-3 and 1e4 overflows where it is fast."""
    T = pkpd.state("T", "mm^3", "volume", start=60)
    kg = pkpd.param("kg", 0.1, "1/day", "rate", source="illustrative")
    growth = pkpd.Model("growth", rates={T: kg * T}, outputs={})
    times = np.array([0.0, 5.0, 10.0])
    data = pkpd.read_observations(table("a", times, 60 * np.exp(0.2 * times), "T", sd=5.0), {"a": None})
    fit = pkpd.fit(growth, data, {"kg": pkpd.free(0.1, (1e-3, 1e4), log=True)}, starts=12, seed=0)
    assert fit.starts.failures > 0
    failed = fit.starts.table.query("optimum == 0")
    assert failed["message"].str.contains("cannot be solved").any()
    assert f"{fit.starts.failures} failed" in str(fit.starts)
    assert fit.estimates.loc["kg", "estimate"] == pytest.approx(0.2, rel=1e-6)


def test_a_fit_with_starts_pickles() -> None:
    fit = decay_fit(starts=3)
    again = pickle.loads(pickle.dumps(fit))
    assert np.array_equal(again.starts.end, fit.starts.end)
    assert decay_fit().starts is None


@pytest.mark.parametrize("starts", [0, -1, 2.5, True, "many"])
def test_a_number_of_starts_that_is_none_is_refused(starts: object) -> None:
    with pytest.raises(pkpd.FitError, match=f"starts is {starts!r}; expected a whole number of 1 or more"):
        decay_fit(starts=starts)


def test_a_seed_that_is_none_is_refused() -> None:
    with pytest.raises(pkpd.ParameterError, match="the seed is -3; expected a whole number of 0 or more"):
        decay_fit(starts=2, seed=-3)


def test_the_report_of_a_fit_tells_of_its_starts(two_wells: pkpd.Fit) -> None:
    assert two_wells.starts.report() in " ".join(two_wells.report().split())


@pytest.mark.parametrize("optimizer", ["differential_evolution", "basinhopping", "dual_annealing"])
def test_optimizers_that_draw_random_numbers_are_seeded(optimizer: str) -> None:
    wanted = {"CL": pkpd.free(1.5, (1.0, 4.0), log=True), "V": pkpd.free(8.0, (5.0, 20.0), log=True)}

    def ended(seed: int) -> pkpd.Fit:
        return pkpd.fit(decay, decay_data(), wanted, optimizer=optimizer, seed=seed, max_evaluations=60)

    assert np.array_equal(ended(1).x, ended(1).x)


def test_a_generation_is_one_ensemble_and_finds_the_better_of_two_wells(two_wells: pkpd.Fit) -> None:
    free, evolution = {"b": pkpd.free(1.0, (-3.0, 3.0))}, "differential_evolution"
    calls = []
    original = RegimenPredictor.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            RegimenPredictor, "__call__", lambda self, points: calls.append(len(points)) or original(self, points)
        )
        fit = pkpd.fit(well, two_wells.data, free, optimizer=evolution, seed=3)
    assert fit.success
    np.testing.assert_allclose(fit.x, two_wells.x, rtol=1e-6)  # a search from the start ends in the other well
    populations = [n for n in calls if n > 1]
    assert set(populations) == {15}
    assert sum(populations) > 0.7 * fit.evaluations
    stopped = pkpd.fit(well, two_wells.data, free, optimizer=evolution, seed=3, max_evaluations=40)
    assert not stopped.success
    assert "has been exceeded" in stopped.message


# ---- Ctrl-C


def interrupted_after(n: int):
    def progress(done: int, total: int) -> None:
        if done >= n:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_search_gives_the_best_point_so_far() -> None:
    fit = decay_fit(progress=interrupted_after(4))
    assert not fit.success
    assert "interrupted" in fit.message
    assert "interrupted" in fit.covariance_missing
    start = fit.objective.log_posterior(fit.objective.start[None])[0]
    assert start < fit.log_posterior < decay_fit().log_posterior + 1e-9


def test_interrupted_starts_give_the_best_of_those_that_ended() -> None:
    fit = decay_fit(starts=12, seed=1, progress=interrupted_after(2))
    assert fit.starts.interrupted
    assert 2 <= fit.starts.success.sum() < 12
    assert fit.log_posterior == pytest.approx(fit.starts.log_posterior.max(), abs=1e-6)
    unfinished = fit.starts.table.query("not success")
    assert unfinished["message"].str.contains("interrupted").all()
    assert (unfinished["log_posterior"] >= unfinished["log_posterior_begin"]).all()


# ---- steps too far


def test_a_step_that_overflows_is_one_to_refuse_not_an_error() -> None:
    """exp(800) is infinite: the point is impossible, its neighbors in the same ensemble are not."""
    objective = decay_fit().objective
    points = np.array([[0.5, 2.0], [800.0, 2.0], [0.6, 2.1]])
    alone = [objective.log_posterior(x[None])[0] for x in points[[0, 2]]]
    assert objective.log_posterior(points).tolist() == [alone[0], -np.inf, alone[1]]
    assert np.isinf(objective.residuals(points)[1]).all()
    expansion = objective.expanded(points)
    assert expansion.value.tolist() == pytest.approx([alone[0], -np.inf, alone[1]])
    assert np.isfinite(expansion.gradient[[0, 2]]).all()
