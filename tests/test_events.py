"""Events: brief excursions, conditions that hold from the start, what is logged, and how a cut trajectory goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy
from helpers import tolerance_error
from ivp_problems import problem, sized, system
from test_compiled import eventful

import pkpd
from pkpd.solvers.equations.system import TIME, numbered_system
from pkpd.solvers.problem import Status
from pkpd.solvers.reference.oracle import SCIPY_METHODS
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.solve import solve

COMPILED = ("tsit5", "dop853", "rodas5p", "auto")
METHODS = (*COMPILED, "numpy", "scipy")

pytestmark = pytest.mark.usefixtures("cache")


@sized(3)
def oscillator(t, y, p, u):
    """A sine and a cosine of frequency p0, and a count."""
    return [p[0] * y[1], -p[0] * y[0], sympy.S.Zero]


COUNTED = lambda y, p: (y[0], y[1], y[2] + 1)  # noqa: E731
PEAKS = system(oscillator, p=2, events=[(lambda y, p: p[1] - y[0], COUNTED)], name="peaks")


def peaks(frequency, threshold, periods=20, **options):
    """The sine rises above the threshold once a period."""
    frequency, threshold = np.broadcast_arrays(frequency, threshold)
    starts = np.tile([[0.0], [1.0], [0.0]], len(frequency))
    end = 2 * np.pi * periods / frequency
    times = np.stack([np.zeros(len(end)), end], axis=1)
    return problem(PEAKS, starts, times, parameters=[frequency, threshold], **options)


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-9])
@pytest.mark.parametrize("method", METHODS)
def test_every_brief_excursion_sets_its_event_off(method, rtol):
    """Above 0.999 a sine spends 1.4 % of its time; of -0.999 it falls short as briefly."""
    threshold = np.repeat([0.999, 0.9, 0.3, -0.95, -0.999], 3)
    if rtol > 1e-5:
        threshold = np.clip(threshold, -0.95, 0.95)  # by its own error an amplitude of 1 may fall short of 0.999
    periods = 5 if method == "scipy" else 20  # it takes its time
    case = peaks(np.tile([0.2, 1.0, 37.0], 5), threshold, periods, rtol=rtol, atol=rtol * 1e-3)
    case = case.take(np.arange(0, 15, 4)) if method == "scipy" else case
    solution = solve(case, method)
    assert (solution.status == Status.ok).all()
    np.testing.assert_array_equal(solution.event_counts[0], periods)
    np.testing.assert_array_equal(solution.final[2], periods)


@pytest.mark.parametrize("method", METHODS)
def test_the_first_time_of_an_event_is_its_root(method):
    frequency, threshold = np.array([0.5, 1.0, 2.0]), np.array([0.999, 0.3, 0.9])
    solution = solve(peaks(frequency, threshold, rtol=1e-9, atol=1e-11), method)
    # dt = d(sine)/(w cos): near the top an error of the amplitude moves the root by 22 times as much.
    np.testing.assert_allclose(solution.event_times[0], np.arcsin(threshold) / frequency, rtol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_an_event_that_never_fires_has_no_time(method):
    solution = solve(peaks([1.0], [1.5]), method)
    assert solution.event_counts[0, 0] == 0
    assert solution.event_times[0, 0] == np.inf


@pytest.mark.parametrize("method", METHODS)
def test_up_and_down_crossings_are_counted_alike(method):
    events = [(lambda y, p: p[1] - y[0], COUNTED), (lambda y, p: y[0] - p[1], COUNTED)]
    model = system(oscillator, p=2, events=events, name="crossings")
    times = [0, 20 * np.pi + 0.5]
    for rtol in (1e-4, 1e-6, 1e-9):
        case = problem(model, [0.0, 1.0, 0.0], times, parameters=[[1.0], [0.3]], rtol=rtol, atol=1e-3 * rtol)
        assert solve(case, method).event_counts[:, 0].tolist() == [11, 10]


@pytest.mark.parametrize("method", METHODS)
def test_a_trigger_of_twice_the_frequency_turns_within_a_step(method):
    """The square of the sine is above 0.99 twice a period, and its trigger turns four times."""
    events = [(lambda y, p: p[1] - y[0] ** 2, COUNTED)]
    model = system(oscillator, p=2, events=events, name="square")
    case = problem(model, [0.0, 1.0, 0.0], [0, 20 * np.pi], parameters=[[1.0], [0.99]], rtol=1e-6, atol=1e-9)
    assert solve(case, method).event_counts[0, 0] == 20


@pytest.mark.parametrize("method", METHODS)
def test_a_trigger_of_the_clock_turns_as_well(method):
    wave = sympy.cos(2 * sympy.pi * TIME) - sympy.Rational(99, 100)
    model = replace(PEAKS, events=((-wave, PEAKS.events[0][1]),))
    case = problem(model, [0.0, 1.0, 0.0], [0, 9.5], parameters=[[1.0], [0.0]], rtol=1e-6, atol=1e-9, max_steps=10**5)
    # It holds from the start; then around each whole number.
    assert solve(case, method).event_counts[0, 0] == 9


# ---- conditions that hold from the start


def declines(condition, start=5.0):
    X, N = pkpd.state("X", "1", "falls", start=start), pkpd.state("N", "1", "events")
    k, five = pkpd.param("k", 1.0, "1/day", "fall"), pkpd.param("five", 5.0, "1", "threshold")
    none = pkpd.param("none", 0.0, "1/day", "nothing")
    return pkpd.Model("declines", {X: -k * X, N: none}, events=[pkpd.Event(when=condition(X, five), then={N: N + 1})])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("condition", "start", "expected"),
    [
        (lambda X, five: X <= five, 5.0, 0),  # holds from the start
        (lambda X, five: X < five, 5.0, 1),  # turns true just after
        (lambda X, five: X >= five, 5.0, 0),
        (lambda X, five: X > five, 5.0, 0),
        (lambda X, five: X <= five, 6.0, 1),
        (lambda X, five: X <= five, 4.0, 0),
    ],
)
def test_only_what_turns_true_fires(condition, start, expected, method):
    run = pkpd.simulate(declines(condition, start), times=[0, 1.0], method=method)
    assert float(run["N"][-1]) == expected


def test_the_system_says_which_conditions_are_strict():
    model = declines(lambda X, five: X <= five)
    assert numbered_system(model).strictness == (False,)
    assert numbered_system(declines(lambda X, five: X < five)).strictness == (True,)


@pytest.mark.parametrize("method", METHODS)
def test_a_jump_to_the_edge_of_a_condition_fires_what_is_not_strict(method):
    """A dose takes y from 7 to 5 exactly."""

    @sized(2)
    def still(t, y, p, u):
        return [sympy.S.Zero, sympy.S.Zero]

    jumps, count = [lambda y, p, amount: (y[0] + amount, y[1])], lambda y, p: (y[0], y[1] + 1)
    model = system(still, jumps=jumps, events=[(lambda y, p: y[0] - 5, count)], name="edge")
    schedule = Schedule(np.array([[1.0]]), np.zeros((1, 1), dtype=np.int64), np.array([[-2.0]]), np.zeros((1, 2, 0)))
    for strict in (True, False):
        case = problem(replace(model, strict=(strict,)), [7.0, 0.0], [0.0, 2.0], schedule=schedule)
        assert solve(case, method).states[0, :, 1].tolist() == [0, not strict]


@pytest.mark.parametrize("method", METHODS)
def test_events_that_set_each_other_off_for_ever_are_a_status(method):
    events = [
        (lambda y, p: y[0] - 1, lambda y, p: (sympy.Integer(3),)),
        (lambda y, p: 2 - y[0], lambda y, p: (sympy.Integer(0),)),
    ]

    @sized(1)
    def falling(t, y, p, u):
        return [-sympy.S.One]

    solution = solve(problem(system(falling, events=events, name="endless"), [1.5], [0.0, 2.0]), method)
    assert solution.status[0] == Status.endless_events
    assert solution.ended[0] == pytest.approx(0.5)
    assert np.isnan(solution.states[0, -1]).all()


# ---- the log, and a state that comes in and goes out


def test_all_methods_log_the_same_events():
    case = eventful(9, rtol=1e-10, atol=1e-12)
    logs = {method: solve(case, method) for method in METHODS}
    assert logs["scipy"].event_counts.sum() > 5
    for solution in logs.values():
        np.testing.assert_array_equal(solution.event_counts, logs["scipy"].event_counts)
        np.testing.assert_allclose(solution.event_times, logs["scipy"].event_times, rtol=1e-6)
        np.testing.assert_allclose(solution.final, logs["scipy"].final, atol=1e-6)
        np.testing.assert_array_equal(solution.armed, logs["scipy"].armed)


def after(case, solution, times):
    """What remains of `case` once it has been integrated to the end of `solution`."""
    return replace(case, starts=solution.final, at=solution.ended, armed=solution.armed, times=np.array(times))


def shared_stops(members=7, **options):
    """`eventful` with stops at 4, 8 (twice) and 12 for everyone, and one more time at 20."""
    case = eventful(members, **options)
    times = np.array([[4.0, 8.0, 8.0, 12.0]])
    rng = np.random.default_rng(4)
    schedule = Schedule(times, np.array([[0, 0, -1, 0]]), rng.normal(0, 1, (1, 4)), rng.normal(0, 0.3, (1, 5, 1)))
    return replace(case, schedule=schedule)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_trajectory_cut_at_a_stop_goes_on_bit_by_bit(method, before):
    case = replace(
        shared_stops(2 if method == "scipy" else 7, before=before), times=np.array([0.0, 4.0, 8.0, 12.0, 20.0])
    )
    whole = solve(case, method)
    first = solve(replace(case, times=np.array([0.0, 4.0, 8.0])), method)
    second = solve(after(case, first, [8.0, 12.0, 20.0]), method)
    if method == "scipy":  # LSODA carries nothing over a stop, but its dense output may be asked for elsewhere
        np.testing.assert_allclose(second.states, whole.states[:, 2:], rtol=1e-6, atol=1e-8)
    else:
        np.testing.assert_array_equal(first.states, whole.states[:, :3])
        np.testing.assert_array_equal(second.states, whole.states[:, 2:])
        np.testing.assert_array_equal(second.final, whole.final)
    np.testing.assert_array_equal(first.event_counts + second.event_counts, whole.event_counts)
    np.testing.assert_allclose(np.minimum(first.event_times, second.event_times), whole.event_times, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_trajectory_cut_anywhere_goes_on_within_the_tolerance(method):
    case = shared_stops(2 if method == "scipy" else 7, rtol=1e-8, atol=1e-10)
    times = np.linspace(0, 20, 41)
    whole = solve(replace(case, times=times), method)
    first = solve(replace(case, times=times[times <= 6.5]), method)
    second = solve(after(case, first, times[times >= 6.5]), method)
    assert tolerance_error(second.states, whole.states[:, times >= 6.5], rtol=1e-8, atol=1e-8) < 20
    np.testing.assert_array_equal(first.event_counts + second.event_counts, whole.event_counts)


@pytest.mark.parametrize("method", METHODS)
def test_each_member_may_start_at_its_own_time(method):
    @sized(1)
    def decays(t, y, p, u):
        return [-y[0] + u[0]]

    jumps = [lambda y, p, amount: (y[0] + amount,)]
    model = system(decays, u=1, jumps=jumps, name="decays")
    # Doses of 1 at 1 and 2; an input of 3 from 2 on.
    schedule = Schedule(
        np.array([[1.0, 2.0, 2.0]]), np.array([[0, 0, -1]]), np.array([[1.0, 1.0, 0.0]]),
        np.array([[[0.0], [0.0], [0.0], [3.0]]]),
    )  # fmt: skip
    at = np.array([0.0, 1.0, 1.5, 2.0, 2.5, 4.0])
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    case = replace(problem(model, np.full(6, 5.0), times, schedule=schedule, rtol=1e-9, atol=1e-12), at=at)
    solution = solve(case, method)

    def exact(start, t):
        if t < start:
            return np.nan
        y, now = 5.0, start
        for stop, dose in ((1.0, 1.0), (2.0, 1.0), (t, 0.0)):
            if start <= stop <= t and (stop < t or dose == 0.0):
                rest = 3.0 if now >= 2.0 else 0.0
                y, now = rest + (y - rest) * np.exp(now - stop) + dose, stop
        return y

    expected = np.array([[exact(start, t) for t in times] for start in at])
    np.testing.assert_allclose(solution.states[..., 0], expected, rtol=1e-8)
    assert (solution.ended == 4.0).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_final_state_is_that_before_the_stops_at_the_end(method):
    case = replace(shared_stops(), times=np.array([0.0, 8.0]))
    before, behind = solve(case, method), solve(replace(case, before=False), method)
    np.testing.assert_array_equal(before.final, behind.final)
    np.testing.assert_array_equal(before.states[:, -1].T, before.final)
    assert (np.abs(behind.states[:, -1, 0] - behind.final[0]) > 0.01).any()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_armed_may_be_told(method):
    """A sine that starts on the far side of its threshold would not fire before it has come back."""
    case = peaks([1.0], [-0.5], periods=1)
    assert solve(case, method).event_counts[0, 0] == 1
    told = replace(case, armed=np.array([[True]]))
    assert solve(told, method).event_counts[0, 0] == 2
    assert solve(told, method).event_times[0, 0] < 1e-9


# ---- stops that nearly touch, and failures of scipy


@pytest.mark.parametrize("method", [*METHODS, "DOP853", "RK45", "Radau", "BDF"])
def test_stops_one_unit_in_the_last_place_apart(method):
    case = shared_stops(1 if method in SCIPY_METHODS else 3)
    times = np.array([[4.0, 8.0, np.nextafter(8.0, 9.0), 12.0]])
    near = solve(replace(case, schedule=replace(case.schedule, times=times)), method)
    assert (near.status == Status.ok).all()
    touching = solve(case, method)
    assert tolerance_error(near.states, touching.states, rtol=1e-6, atol=1e-6) < 20


@pytest.mark.parametrize("method", ["LSODA", "Radau", "BDF", "DOP853", "RK45", "scipy"])
def test_a_failure_within_scipy_is_a_status(method):
    @sized(2)
    def rooted(t, y, p, u):
        return [-3 * y[0], sympy.Rational(3, 10) / (1 + sympy.sqrt(y[0])) - sympy.Rational(3, 10) * y[1]]

    case = problem(system(rooted, name="rooted"), [100.0, 1.0], np.arange(0, 400, 5.0), rtol=1e-6, atol=1e-9)
    solution = solve(case, method)
    failed = solution.status[0] != Status.ok
    assert np.isfinite(solution.states[0]).all() != failed
    assert method != "BDF" or failed
    assert failed == (solution.ended[0] < 395)


def test_a_process_lets_go_of_machine_code(monkeypatch):
    """The engine that holds a model's machine code ends with the last that can call it."""
    import gc
    import weakref

    from pkpd.solvers.compiled import methods

    model = replace(PEAKS, name="let go")
    engine = weakref.ref(methods._integrator(model, "tsit5").engine)
    assert engine() is not None
    methods._compiled.cache_clear()
    gc.collect()
    assert engine() is None
