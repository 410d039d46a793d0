"""Conditions on the clock: their times are solved for, and no step sees two branches."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from helpers import tolerance_error

import pkpd
from pkpd.errors import SimulationError
from pkpd.solvers.clock_stops import clock_schedule, clock_stops, with_stops
from pkpd.solvers.equations.clock import clocked
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import numbered_system
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import make_schedule
from pkpd.solvers.solve import solve
from pkpd.solvers.timelines import Stops

METHODS = ["auto", "tsit5", "dop853", "rodas5p", "numpy", "scipy"]

t = pkpd.clock("h")
A = pkpd.state("A", "mg", "drug")
N = pkpd.state("N", "1", "events")
k = pkpd.param("k", 0.5, "1/h", "elimination")
r = pkpd.param("r", 10.0, "mg/h", "rate of the input")
day = pkpd.param("day", 24.0, "h", "period")
on = pkpd.param("on", 7.0, "h", "start of the input")
off = pkpd.param("off", 8.0, "h", "end of the input")
none = pkpd.param("none", 0.0, "1/h", "nothing")


def gated(condition, rate=r):
    return sympy.Piecewise((rate, condition), (0, True))


def model_of(rate, **more):
    return pkpd.Model("clocked", rates={A: rate}, time="h", **more)


def no_doses():
    return make_schedule(*np.zeros((3, 1, 0)), np.zeros(0, np.int64), np.zeros(0, np.int64), 0)


def one_dose(time, route=0):
    one = np.ones((1, 1))
    return make_schedule(time * one, one, np.nan * one, np.array([route]), np.zeros(1, np.int64), 0)


def integrate(model, times, method="auto", doses=None, **values):
    """The states (members, times, states) of a clocked model, without `simulate`."""
    system = numbered_system(model)
    members = max((np.size(v) for v in values.values()), default=1)
    defaults = {s.name: s.value for s in model.settable}
    parameters = np.array(
        [np.broadcast_to(values.get(n, defaults[n]), members) for n in system.parameters], dtype=float
    )
    doses = doses or no_doses()
    clock = clocked(system)
    schedule = clock_schedule(clock, doses, parameters, times[-1])
    starts = numpy_code(system).starts(parameters)
    atol = np.full(len(system.states), 1e-9)
    solution = solve(Problem(clock.system, parameters, starts, schedule, np.asarray(times, float), 1e-6, atol), method)
    assert not solution.status.any()
    return solution.states


def changes_of(model, until, members=1, directions=None, **values):
    """The stops of the clock of a model, by time."""
    system = numbered_system(model)
    defaults = {s.name: s.value for s in model.settable}
    parameters = np.array(
        [np.broadcast_to(values.get(n, defaults[n]), members) for n in system.parameters], dtype=float
    )
    return clock_stops(clocked(system), parameters, until, directions=directions)


def decayed(amount, time, k=0.5):
    return np.where(time >= 0, amount * np.exp(-k * np.maximum(time, 0)), 0.0)


def infused(time, start, end, rate=10.0, k=0.5):
    """The amount during and after a constant input."""
    time = np.asarray(time, dtype=float)
    during = rate / k * (1 - np.exp(-k * np.clip(time - start, 0, end - start)))
    return during * np.exp(-k * np.maximum(time - end, 0))


# ---- pulses and trains, in every method


@pytest.mark.parametrize("method", METHODS)
def test_a_short_pulse_far_from_any_stored_time(method):
    times = np.arange(0.0, 365, 28)
    states = integrate(
        model_of(gated((t >= on) & (t < off)) - k * A), times, method, on=180.0, off=180.05, k=0.05, r=24e3
    )
    assert tolerance_error(states[0, :, 0], infused(times, 180, 180.05, 24e3, 0.05), rtol=1e-6, atol=1e-9) < 10


PHASES = {
    "Mod": sympy.Mod(t, day),
    "floor": t - day * sympy.floor(t / day),
    "frac": day * sympy.frac(t / day),
    "ceiling": t - day * (sympy.ceiling(t / day) - 1),
    "sawtooth of Mod": day * sympy.Mod(t / day, 1),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES.keys())
def test_a_daily_train(phase, method):
    times = np.array([0, 6, 8, 31.5, 50, 500])
    states = integrate(model_of(gated((phase >= on) & (phase < off)) - k * A), times, method)
    expected = sum(infused(times, 24 * i + 7, 24 * i + 8) for i in range(21))
    assert tolerance_error(states[0, :, 0], expected, rtol=1e-6, atol=1e-9) < 10


@pytest.mark.parametrize("method", METHODS)
def test_windows_that_begin_at_a_parameter_of_each_member(method):
    begin = np.array([3.0, 11.0, -5.0, 200.0, np.inf])
    times = np.linspace(0, 48, 13)
    rate = r * (sympy.Heaviside(t - on) - sympy.Heaviside(t - on - off))
    states = integrate(model_of(rate - k * A), times, method, on=begin)
    for member, start in enumerate(begin):
        expected = infused(times, max(start, 0.0), max(start + 8, 0.0)) if start < 48 else 0 * times
        assert tolerance_error(states[member, :, 0], expected, rtol=1e-6, atol=1e-9) < 10


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("level", "area"),
    [
        (sympy.Max(t - on, 0), lambda x: np.maximum(x - 7, 0) ** 2 / 2),
        (sympy.Min(t, on), lambda x: np.where(x < 7, x**2 / 2, 24.5 + 7 * (x - 7))),
        (sympy.Abs(t - on), lambda x: 24.5 + np.sign(x - 7) * (x - 7) ** 2 / 2),
        (day * sympy.sign(t - on), lambda x: 24 * (np.abs(x - 7) - 7)),
        (sympy.Max(t - on, 0, sympy.Min(off - t, on)), lambda x: _three_way(x)),
    ],
    ids=["Max", "Min", "Abs", "sign", "three"],
)
def test_kinks_of_the_clock(level, area, method):
    times = np.array([0.0, 3, 7, 7.5, 12, 30])
    states = integrate(model_of(r * level / day), times, method)
    assert tolerance_error(states[0, :, 0], 10 / 24 * area(times), rtol=1e-6, atol=1e-8) < 10


def _three_way(x):
    """The area of max(t - 7, 0, min(8 - t, 7)): 7 to 1, falling to 0.5 at 7.5, rising from there."""
    fine = np.unique(np.concatenate([np.linspace(0, 30, 30001), x]))
    height = np.maximum(np.maximum(fine - 7, 0), np.minimum(8 - fine, 7))
    area = np.concatenate([[0], np.cumsum(np.diff(fine) * (height[1:] + height[:-1]) / 2)])
    return area[np.searchsorted(fine, x)]


@pytest.mark.parametrize("method", METHODS)
def test_conditions_within_conditions(method):
    inner = sympy.Piecewise((t, t < on), (2 * on - t, True))  # up to 7 and down again
    times = np.array([0.0, 3, 6, 9, 14, 20])
    states = integrate(model_of(gated(inner > on / 2) - k * A), times, method)
    assert tolerance_error(states[0, :, 0], infused(times, 3.5, 10.5), rtol=1e-6, atol=1e-9) < 10


@pytest.mark.parametrize("method", METHODS)
def test_a_condition_on_a_sine(method):
    times = np.linspace(0, 100, 11)
    states = integrate(model_of(gated(sympy.sin(2 * sympy.pi * t / day) > sympy.Rational(1, 2)) - k * A), times, method)
    expected = sum(infused(times, 24 * i + 2, 24 * i + 10) for i in range(5))
    assert tolerance_error(states[0, :, 0], expected, rtol=1e-6, atol=1e-9) < 10


def test_conditions_on_states_stay_and_those_on_the_clock_go():
    clock = clocked(numbered_system(model_of(gated((t > on) & (A < r * day)) - k * A)))
    assert clock.system.inputs == ("clock 0",)
    assert clock.system.kinked
    assert not clocked(numbered_system(model_of(gated(t > on) - k * A))).system.kinked


def test_a_model_without_conditions_is_left_alone():
    system = numbered_system(model_of(r * sympy.exp(-k * t) - k * A))
    assert clocked(system).system is system


# ---- when


def test_a_relation_and_its_opposite_are_one_condition():
    rate = sympy.Piecewise((r, t < on), (2 * r, t >= on)) + gated(t > off)
    assert len(clocked(numbered_system(model_of(rate))).conditions) == 2


@pytest.mark.parametrize(
    ("condition", "times"),
    [
        (t**2 > on * on, [7.0]),
        (sympy.exp(-t / day) < sympy.exp(-1), [24.0]),
        ((t / day) * sympy.exp(1 - t / day) > sympy.Float("0.9999999"), [23.989269, 24.010733]),
        (sympy.log(t / day) > 0, [24.0]),
        (sympy.cos(2 * sympy.pi * 50 * t / day) > 0, (np.arange(0.25, 200, 0.5) * 24 / 50).tolist()),
    ],
)
def test_levels_that_bend(condition, times):
    stops = changes_of(model_of(gated(condition)), times[-1] + 0.1).stops
    np.testing.assert_allclose(stops.time, times, rtol=1e-6)


def test_a_level_that_touches_zero_changes_nothing():
    assert not len(changes_of(model_of(gated((t - on) ** 2 > 0)), 50.0).stops)
    assert not len(changes_of(model_of(gated(sympy.Mod(t, day) >= 0 * day)), 100.0).stops)


def test_times_of_several_conditions_that_are_equal_up_to_rounding_are_one():
    third = day / 72  # 1/3
    rate = gated(t > 3 * third) + gated(sympy.Mod(t, third) >= 0 * third + third / 2) + gated(t >= day / 24)
    model = model_of(rate)
    clock = changes_of(model, 2.0)
    schedule, _ = with_stops(no_doses(), clock.stops, clock.initial)
    gaps = np.diff(np.unique(schedule.times))
    assert (gaps > 0.1).all()


def test_a_stop_of_the_clock_at_a_dose_is_at_the_time_of_the_dose():
    doses = one_dose(0.1 + 0.2)
    stops = Stops.at(np.zeros(1, np.int64), np.array([0.3]), np.array([-1.0]), slot=0, change=5.0)
    merged, _ = with_stops(doses, stops, np.zeros((1, 1)))
    assert (merged.times == 0.1 + 0.2).all()
    assert merged.jumps.tolist() == [[-1, 0]]
    assert merged.input_values[0, :, 0].tolist() == [0.0, 5.0, 5.0]


def test_members_alike_share_their_stops():
    model = model_of(gated(sympy.Mod(t, day) > on))
    clock = clocked(numbered_system(model))
    bare = no_doses()
    names = clock.system.parameters
    values = {"day": 24.0, "on": 7.0, "r": np.linspace(1, 2, 50)}
    parameters = np.array([np.broadcast_to(values[n], 50) for n in names], dtype=float)
    assert clock_schedule(clock, bare, parameters, 100.0).shared
    parameters[names.index("on"), 3] = 8.0
    assert not clock_schedule(clock, bare, parameters, 100.0).shared


def test_parameters_that_make_no_time():
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -3.0])
    clock = changes_of(model_of(gated(t >= on)), 50.0, 5, on=values)
    assert not len(clock.stops)
    np.testing.assert_array_equal(clock.initial, [[np.nan, 1, 0, 0, 0]])  # of on > t
    clock = changes_of(model_of(r * sympy.floor(t / day)), 50.0, 3, day=np.array([0.0, np.nan, 20.0]))
    assert clock.stops.member.tolist() == [2, 2]
    assert clock.stops.time.tolist() == [20.0, 40.0]


def test_too_many_changes_are_refused():
    with pytest.raises(
        SimulationError, match=r"floor of t/day' changes 1e\+08 times in member 0.*between time 0 and 100"
    ):
        changes_of(model_of(r * sympy.floor(t / day)), 100.0, day=1e-6)
    with pytest.raises(SimulationError, match="swings .* times in member 0 before time 100"):
        changes_of(model_of(gated(sympy.sin(t / day) > 0)), 100.0, day=1e-8)


@pytest.mark.parametrize(
    ("condition", "slopes"),
    [
        (t >= on, {"on": 1.0}),
        (t / day >= on / day, {"on": 1.0, "day": 0.0}),
        (t * on >= day * off, {"day": 8 / 7, "off": 24 / 7, "on": -24 * 8 / 49}),
        (sympy.exp(-k * t) < sympy.Rational(1, 2), {"k": -np.log(2) / 0.25}),
        (sympy.floor(t / off) > 2, {"off": 3.0}),
        (sympy.Mod(t, day) > on, {"day": 0.0, "on": 1.0}),
    ],
)
def test_derivatives_of_the_times(condition, slopes):
    model = model_of(gated(condition) - k * A * none / k)
    names = numbered_system(model).parameters
    directions = np.zeros((len(names), 1, len(slopes)))
    for i, name in enumerate(slopes):
        directions[names.index(name), 0, i] = 1.0
    clock = changes_of(model, 29.0, directions=directions)
    later = np.flatnonzero(clock.stops.time > 0)  # at time 0 the floor of Mod becomes 0
    order = later[np.argsort(clock.stops.time[later])]
    which = order[-1 if condition.has(sympy.floor) else 0]  # floor: of 8, 16, 24
    np.testing.assert_allclose(clock.shift[which], list(slopes.values()), rtol=1e-9, atol=1e-12)


def test_derivatives_of_a_train_are_those_of_its_period():
    model = model_of(gated(sympy.Mod(t, day) > on))
    names = numbered_system(model).parameters
    directions = np.zeros((len(names), 1, 1))
    directions[names.index("day")] = 1.0
    clock = changes_of(model, 100.0, directions=directions)
    order = np.argsort(clock.stops.time)
    order = order[clock.stops.time[order] > 0]
    np.testing.assert_allclose(clock.shift[order, 0], [0, 1, 1, 2, 2, 3, 3, 4])


# ---- events


def counted(condition, then=N + 1, rate=none):
    return pkpd.Model("counted", rates={N: rate}, time="h", events=[pkpd.Event(when=condition, then={N: then})])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (t >= on, [0, 0, 1, 1]),
        (t >= 0 * on, [0, 0, 0, 0]),
        (t < on, [0, 0, 0, 0]),
        (t <= 100 * on, [0, 0, 0, 0]),
        (sympy.Mod(t, day) >= on, [0, 0, 1, 4]),
        (sympy.floor(t / day) > 0, [0, 0, 0, 1]),
        (sympy.sin(2 * sympy.pi * t / day) > sympy.Rational(1, 2), [0, 1, 1, 5]),
    ],
)
def test_events_on_the_clock(condition, expected, method):
    states = integrate(counted(condition), [0.0, 7.0, 8.0, 100.0], method)
    assert states[0, :, 0].tolist() == expected


@pytest.mark.parametrize("method", METHODS)
def test_an_event_on_the_clock_is_exact(method):
    model = pkpd.Model("emptied", rates={A: r - k * A}, time="h", events=[pkpd.Event(when=t >= on, then={A: A / 2})])
    begin, times = np.array([2.0, 5.3, 40.0]), np.array([0.0, 2, 6, 20])
    states = integrate(model, times, method, on=begin)
    for member, at in enumerate(begin):
        lost = infused(np.array([at]), 0, 1e9)[0] / 2
        expected = infused(times, 0, 1e9) - np.where(times > at, lost * np.exp(-0.5 * (times - at)), 0.0)
        assert tolerance_error(states[member, :, 0], expected, rtol=1e-6, atol=1e-9) < 10


@pytest.mark.parametrize("method", METHODS)
def test_a_guard_that_the_clock_changes_fires_at_the_change(method):
    limit = sympy.Piecewise((r * day, t < on), (r * off, True))
    model = pkpd.Model(
        "limited", rates={A: r, N: none}, time="h", events=[pkpd.Event(when=A > limit, then={N: N + 1, A: 0})]
    )
    states = integrate(model, [0.0, 6, 9, 9.5, 20], method, on=9.0)  # A is 90 at 9, above 80 from there on
    np.testing.assert_allclose(states[0, :, 0], [0, 60, 90, 5, 30], rtol=1e-6)
    assert states[0, :, 1].tolist() == [0, 0, 0, 1, 2]


def test_a_jump_sees_the_clock_as_it_is_at_its_time():
    model = model_of(
        -none * A,
        routes={"iv": {A: A + pkpd.dose("mg") * sympy.Piecewise((2, t >= on), (1, True))},
                "late": {A: A + pkpd.dose("mg") * sympy.Piecewise((2, t > on), (1, True))}},
    )  # fmt: skip
    for route, expected in ((0, 2.0), (1, 1.0)):
        assert integrate(model, [0.0, 8.0], doses=one_dose(7.0, route))[0, 1, 0] == expected


# ---- the catalog


def test_a_published_model_with_a_condition_on_the_clock():
    model = pkpd.load("chatterjee_2017")
    times = np.linspace(0, 300, 31)
    exact = pkpd.simulate(model, times=times, method="scipy", rtol=1e-10, atol=1e-12)
    for method in METHODS:
        run = pkpd.simulate(model, times=times, method=method)
        for name in (s.name for s in model.states):
            assert tolerance_error(run[name], exact[name], rtol=1e-6, atol=1e-9) < 10


def test_an_event_on_the_clock_needs_no_input():
    clock = clocked(numbered_system(counted(sympy.Mod(t, day) >= on)))
    assert [c.kind for c in clock.conditions] == ["floor", ">"]
    assert clock.system.inputs == ()
    assert clock.system.jump_routes == ("event 0",)
    assert clock.system.events == ()
