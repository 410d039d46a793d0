"""Directions as data: second order, stops that move, and one machine code for every choice."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy

from pkpd import Event, Model, dose, load, param, state
from pkpd.solvers.compiled import block_lu, methods, object_code
from pkpd.solvers.directions import Directions, MovingDoses, StopDirections, moving_schedule, pairs
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import numbered_system
from pkpd.solvers.equations.tangent import tangent
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule, make_schedule
from pkpd.solvers.solve import solve
from pkpd.solvers.tangent_problems import tangent_problem

TIMES = np.linspace(0.0, 12.0, 13) + 0.05
METHODS = ["auto", "numpy", "LSODA"]

k = param("k", 0.3, "1/day", "elimination")
V = param("V", 5.0, "L", "volume")
A = state("A", "mg", "drug")
ONE = Model("one", rates={A: -k * A}, outputs={"C": A / V}, routes={"iv": {A: A + dose("mg")}})

A0, low = param("A0", 50.0, "mg", "at the start"), param("low", 7.1, "mg", "threshold")
q = param("q", 0.4, "1", "factor")
full = state("A", "mg", "drug", start=A0)
B = state("B", "mg", "other")


def no_stops(inputs=0):
    return Schedule(np.empty((1, 0)), np.empty((1, 0), dtype=np.int64), np.empty((1, 0)), np.zeros((1, 1, inputs)))


def defaults(system, model):
    settable = {s.name: getattr(s, "value", getattr(s, "default", None)) for s in model.settable}
    return np.array([[settable[name]] for name in system.parameters], dtype=float)


def plain(model, *, schedule=None, inputs=(), parameters=None, starts=None, times=TIMES, tol=1e-11, lifted=0.0):
    """A problem of the model as it is, for the parameters (P, members)."""
    system = numbered_system(model, tuple(inputs))
    parameters = defaults(system, model) if parameters is None else parameters
    starts = numpy_code(system).starts(parameters) + lifted if starts is None else starts
    atol = np.full(len(system.states), tol)
    return Problem(system, parameters, starts, schedule or no_stops(len(inputs)), times, tol, atol)


def along_parameters(problem, **more):
    """A direction for each parameter, of the size of its value."""
    sizes = np.abs(problem.parameters[:, 0])  # 0 counts as 1
    return Directions(np.eye(len(problem.parameters)), sizes=sizes, **more)


def error(found, expected):
    """The largest error of each derivative relative to its largest value over time."""
    scale = np.abs(expected).max(axis=1, keepdims=True)
    return float((np.abs(found - expected) / np.where(scale > 1e-12, scale, 1.0)).max())


# ---- one machine code


def test_another_choice_makes_no_machine_code(monkeypatch, tmp_path):
    monkeypatch.setenv("PKPD_CACHE", str(tmp_path))
    tmp_path.chmod(0o700)
    made = []
    compile_ = object_code.machine_code
    monkeypatch.setattr(object_code, "machine_code", lambda *a: made.append(len(a[0])) or compile_(*a))
    methods._compiled.cache_clear()
    problem = plain(ONE, starts=np.array([[3.0]]), tol=1e-8)
    for chosen in ([0], [1], [0, 1], [1, 0]):
        whole = tangent_problem(problem, Directions(np.eye(2)[:, chosen]), d=1)
        solve(whole.problem, "dop853")
    assert len(made) == 1
    methods._compiled.cache_clear()


def test_the_tangent_depends_on_the_model_and_the_number_of_directions_alone():
    system = numbered_system(ONE)
    assert tangent(system, 2) is tangent(system, 2)
    assert tangent(system, 1).system != tangent(system, 2).system


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7])
def test_lanes_of_any_width_hold_the_same_derivatives(d):
    model = load("pk_2cmt")
    problem = plain(model, starts=np.array([[3.0], [0.5]]))
    many = problem.take(np.zeros(3, dtype=np.int64))
    whole = tangent_problem(many, along_parameters(many), d=d)
    found = whole.outputs(solve(whole.problem, "auto"))
    one = tangent_problem(problem, along_parameters(problem), d=1)
    expected = one.outputs(solve(one.problem, "auto"))
    np.testing.assert_allclose(found.first[1], expected.first[0], rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(found.first[0], found.first[2])
    assert whole.lanes == -(-len(many.parameters) // d)


# ---- closed forms: y = a exp(-k t) with everything moving


def moving_bolus():
    """Doses at times, of sizes: (problem, directions) by the parameters k, V, then a time and a size of dose 2."""
    zero, nan = np.zeros((1, 2, 4)), np.full((1, 2), np.nan)
    dtimes, damounts = zero.copy(), zero.copy()
    dtimes[0, 1, 2], damounts[0, 1, 3] = 1.0, 1.0
    doses = MovingDoses(
        np.array([[1.0, 2.5]]), np.array([[10.0, 7.0]]), nan, dtimes, damounts, zero,
        np.zeros(2, dtype=np.int64), np.full(2, -1),
    )  # fmt: skip
    none = dataclasses.replace(
        doses, dtimes=np.zeros((1, 2, 10)), damounts=np.zeros((1, 2, 10)), ddurations=np.zeros((1, 2, 10))
    )
    schedule, along = moving_schedule(doses, 0, none)
    dparameters = np.zeros((2, 4))
    system = numbered_system(ONE)
    dparameters[system.parameters.index("k"), 0] = dparameters[system.parameters.index("V"), 1] = 1.0
    return schedule, dataclasses.replace(
        along, dparameters=dparameters, second=dataclasses.replace(along.second, dparameters=np.zeros((2, 10)))
    )


def closed_derivatives(expression, symbols, values, times, time):
    first, second = np.empty((len(times), len(symbols))), np.empty((len(times), len(symbols), len(symbols)))
    for i, a in enumerate(symbols):
        for j, b in enumerate((None, *symbols)):
            e = sympy.diff(expression, a) if b is None else sympy.diff(expression, a, b)
            f = sympy.lambdify(time, e.subs(values), "numpy")
            column = [float(f(t)) for t in times]
            if b is None:
                first[:, i] = column
            else:
                second[:, i, j - 1] = column
    return first, second


@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("method", ["auto", "numpy", "LSODA"])
def test_second_order_of_doses_that_move(method, d):
    schedule, along = moving_bolus()
    t, K, W, when, much = sympy.symbols("t K W when much")
    closed = (10 * sympy.exp(-K * (t - 1)) * sympy.Heaviside(t - 1, 0)
              + sympy.Piecewise((much * sympy.exp(-K * (t - when)), t > when), (0, True))) / W  # fmt: skip
    closed = closed.subs(sympy.Heaviside(t - 1, 0), sympy.Piecewise((1, t > 1), (0, True)))
    values = {K: 0.3, W: 5.0, when: 2.5, much: 7.0}
    first, second = closed_derivatives(closed, (K, W, when, much), values, TIMES, t)
    whole = tangent_problem(plain(ONE, schedule=schedule), along, d=d, order=2)
    found = whole.outputs(solve(whole.problem, method))
    np.testing.assert_allclose(found.first[0, :, 0], first, atol=1e-8)
    np.testing.assert_allclose(found.second[0, :, 0], second, atol=1e-8)


def infused(values):
    """The schedule of one infusion with start, length and size in `values`, and its K = 3 directions."""
    start, lasts, size = values
    first, none = np.zeros((3, 1, 1, 3)), np.zeros((3, 1, 1, 6))
    for i in range(3):
        first[i, 0, 0, i] = 1.0
    numbers = [np.array([[x]]) for x in (start, size, lasts)]
    places = np.full(1, -1), np.zeros(1, dtype=np.int64)
    doses = MovingDoses(*numbers, first[0], first[2], first[1], *places)
    return moving_schedule(doses, 1, MovingDoses(*numbers, *none, *places))


@pytest.mark.parametrize("method", ["auto", "LSODA"])
def test_second_order_of_an_infusion(method):
    t, K, start, lasts, size = sympy.symbols("t K start lasts size", positive=True)
    rate = size / lasts / K
    during = rate * (1 - sympy.exp(-K * (t - start)))
    after = rate * (1 - sympy.exp(-K * lasts)) * sympy.exp(-K * (t - start - lasts))
    closed = sympy.Piecewise((0, t < start), (during, t < start + lasts), (after, True))
    values = {start: 1.3, lasts: 2.5, size: 80.0, K: 0.3}
    first, second = closed_derivatives(closed, (start, lasts, size), values, TIMES, t)
    schedule, along = infused((1.3, 2.5, 80.0))
    problem = plain(ONE, schedule=schedule, inputs=["iv"])
    directions = dataclasses.replace(
        along, dparameters=np.zeros((2, 3)), second=dataclasses.replace(along.second, dparameters=np.zeros((2, 6)))
    )
    whole = tangent_problem(problem, directions, order=2)
    found = whole.states(solve(whole.problem, method))
    np.testing.assert_allclose(found.first[0, :, 0], first, atol=2e-8)
    np.testing.assert_allclose(found.second[0, :, 0], second, atol=2e-7)


def test_levels_of_touching_infusions_change_one_after_another():
    """One ends where the next begins: alike for the states, apart for who moves one of them."""
    durations = np.array([[1.0, 2.0]])
    doses = MovingDoses(
        np.array([[1.0, 2.0]]), np.array([[3.0, 8.0]]), durations, *np.zeros((3, 1, 2, 1)),
        np.full(2, -1), np.zeros(2, dtype=np.int64),
    )  # fmt: skip
    schedule, _ = moving_schedule(doses, 1)
    np.testing.assert_array_equal(schedule.times, [[1, 2, 2, 4]])
    np.testing.assert_array_equal(schedule.input_values[0, :, 0], [0, 3, 7, 4, 0])
    usual = make_schedule(doses.times, doses.amounts, durations, doses.jump_of, doses.input_of, 1)
    at = np.array([0.5, 1.5, 3.0, 5.0])
    np.testing.assert_array_equal(schedule.input_values_at(at, before=True), usual.input_values_at(at, before=True))


def test_a_stop_that_moves_without_a_jump():
    """An input that changes by the clock: A' = u - k A, with u from 0 to 2 at a time that moves."""
    schedule = Schedule(np.array([[2.0]]), np.array([[-1]]), np.zeros((1, 1)), np.array([[[0.0], [2.0]]]))
    stops = StopDirections(np.ones((1, 1, 1)), np.zeros((1, 1, 1)), np.zeros((1, 2, 1, 1)))
    problem = plain(ONE, schedule=schedule, inputs=["iv"], times=np.array([1.0, 3.0]))
    directions = Directions(np.zeros((len(problem.parameters), 1)), stops=stops)
    for method in METHODS:
        whole = tangent_problem(problem, directions)
        found = whole.states(solve(whole.problem, method))
        np.testing.assert_allclose(found.first.ravel(), [0.0, -2.0 * np.exp(-0.3)], atol=1e-10)


def test_starts_that_change_of_themselves():
    T0 = param("T0", 30.0, "mm^3", "size")
    T = state("T", "mm^6", "tumor squared", start=T0**2)
    model = Model("growth", rates={T: k * T})
    problem = plain(model)
    p = problem.model.parameters
    by_T0 = np.array([[float(name == "T0")] for name in p])
    grown = np.exp(0.3 * TIMES)
    for follow, right in ((True, 60 * grown), (False, 0 * grown)):
        whole = tangent_problem(problem, Directions(by_T0, follow=follow))
        np.testing.assert_allclose(whole.states(solve(whole.problem, "auto")).first[0, :, 0, 0], right, rtol=1e-9)
    whole = tangent_problem(problem, Directions(np.zeros((2, 1)), dstarts=np.array([[1.5]])), order=2)
    found = whole.states(solve(whole.problem, "auto"))
    np.testing.assert_allclose(found.first[0, :, 0, 0], 1.5 * grown, rtol=1e-9)
    np.testing.assert_array_equal(found.second, 0.0)
    whole = tangent_problem(problem, Directions(by_T0), order=2)
    np.testing.assert_allclose(whole.states(solve(whole.problem, "auto")).second[0, :, 0, 0, 0], 2 * grown, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_other_values_in_the_same_directions(order):
    """`at` gives what a new tangent problem gives, bit by bit."""
    model = Model("slower", rates={full: -k * full * sympy.Piecewise((1, full > low), (q, True))})
    problem = plain(model)
    whole = tangent_problem(problem, along_parameters(problem), order=order)
    other = problem.parameters * 1.3
    starts = numpy_code(problem.model).starts(other)
    right = tangent_problem(dataclasses.replace(problem, parameters=other, starts=starts), along_parameters(problem),
                            order=order).problem  # fmt: skip
    found = whole.at(other, starts).problem
    np.testing.assert_array_equal(found.parameters, right.parameters)
    np.testing.assert_array_equal(found.starts, right.starts)


def test_derivatives_of_a_state_at_rest_are_under_control():
    """A response at its baseline has steps without end; its derivatives are still on their way."""
    kin, kout = param("kin", 2.0, "mg/day", "production"), param("kout", 0.5, "1/day", "loss")
    R = state("R", "mg", "response", start=4.0)
    model = Model("turnover", rates={R: kin - kout * R})
    problem = plain(model, tol=1e-6, times=np.linspace(0, 30, 31))
    exact = -8.0 * (1 - np.exp(-0.5 * problem.times))
    for method in ("tsit5", "dop853", "rodas5p", "numpy", "LSODA"):
        whole = tangent_problem(problem, along_parameters(problem))
        found = whole.states(solve(whole.problem, method))
        by_kout = found.first[0, :, 0, problem.model.parameters.index("kout")]
        np.testing.assert_allclose(by_kout, exact, atol=8e-5)


# ---- second order against differences of the first


def second_by_differences(problem, directions, method="auto", h=1e-4):
    """d first / d each parameter, by differences of order 4: (times, variables, K, K)."""
    columns = []
    for i, value in enumerate(problem.parameters[:, 0]):
        size = value or 1.0
        firsts = {}
        for by in (-2, -1, 1, 2):
            moved = problem.parameters.copy()
            moved[i] += by * h * size
            code = numpy_code(problem.model)
            starts = problem.starts + code.starts(moved) - code.starts(problem.parameters)
            near = dataclasses.replace(problem, parameters=moved, starts=starts)
            whole = tangent_problem(near, directions)
            firsts[by] = whole.states(solve(whole.problem, method)).first[0]
        columns.append((8 * (firsts[1] - firsts[-1]) - (firsts[2] - firsts[-2])) / (12 * h * size))
    return np.stack(columns, axis=-1)


def check_second(problem, tolerance, methods=("auto",), d=None):
    directions = along_parameters(problem)
    expected = second_by_differences(problem, directions)
    for method in methods:
        whole = tangent_problem(problem, directions, order=2, d=d)
        found = whole.states(solve(whole.problem, method))
        assert found.second is not None
        scaled = np.outer(problem.parameters[:, 0], problem.parameters[:, 0])
        size = np.abs(found.values[0]).max(axis=0)[None, :, None, None]
        assert float((np.abs(found.second[0] - expected) * scaled / size).max()) < tolerance, method


def test_second_order_of_an_event():
    model = Model("reset", rates={full: -k * full, B: k * full**2 / A0},
                  events=[Event(full < low, {full: q * full**2 / low + 3 * low, B: B + full})])  # fmt: skip
    check_second(plain(model), 1e-5, METHODS)


@pytest.mark.slow
def test_second_order_of_a_rate_that_jumps():
    model = Model(
        "slower", rates={full: -k * full * sympy.Piecewise((1, full > low), (q, True)), B: k * full - q * k * B}
    )
    check_second(plain(model), 1e-5, METHODS)


@pytest.mark.slow
def test_second_order_of_a_rate_with_a_kink():
    """The rate is continuous, so that the first tangent has no switch; that of the derivatives jumps."""
    model = Model("kinked", rates={full: -k * sympy.Max(full - low, 0) - q * k * full, B: k * full - k * B})
    assert not tangent(numbered_system(model), 1).sides
    check_second(plain(model), 1e-5, METHODS)


def test_second_order_of_events_that_set_off_others_at_doses():
    high = param("high", 30.0, "mg", "high")
    model = Model(
        "marked", rates={full: -k * full, B: -q * k * B}, routes={"iv": {full: full + dose("mg")}},
        events=[Event(full > high, {B: B + full**2 / high}), Event(full < low, {full: 2 * low, B: B + full})],
    )  # fmt: skip
    schedule = make_schedule(np.array([[2.3, 6.1]]), np.array([[40.0, 15.0]]), np.full((1, 2), np.nan),
                             np.zeros(2, dtype=np.int64), np.full(2, -1), 0)  # fmt: skip
    check_second(plain(model, schedule=schedule), 1e-5, METHODS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simeoni_2004", "pk_2cmt_mm", "kuznetsov_1994"])
@pytest.mark.parametrize("d", [1, 2])
def test_second_order_over_models(name, d):
    check_second(plain(load(name), tol=1e-12, lifted=0.7), 1e-4, d=d)


def test_pairs_are_half_of_the_square():
    np.testing.assert_array_equal(pairs(3), [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]])


# ---- the LU of a tangent


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 400], ids=["by table", "written out"])
@pytest.mark.parametrize("order", [1, 2])
def test_one_block_is_factored_for_all(monkeypatch, tmp_path, order, most):
    """The LU of the base, block after block, gives what the LU of the whole gives, to rounding."""
    monkeypatch.setenv("PKPD_CACHE", str(tmp_path))
    tmp_path.chmod(0o700)
    monkeypatch.setattr(block_lu, "MOST_WRITTEN_OUT", most)
    methods._compiled.cache_clear()
    problem = plain(load("tmdd_full"), tol=1e-8, lifted=0.5)
    whole = tangent_problem(problem, along_parameters(problem), d=2, order=order).problem
    starts = whole.model.blocks
    assert starts == tuple(len(problem.starts) * i for i in range((1 + 2) ** order))
    unblocked = dataclasses.replace(whole, model=dataclasses.replace(whole.model, blocks=()))
    by_blocks, at_once = (solve(p, "rodas5p").states for p in (whole, unblocked))
    scale = np.abs(at_once).max(axis=(0, 1)) + 1e-3
    assert float((np.abs(by_blocks - at_once) / scale).max()) < 1e-9
    methods._compiled.cache_clear()


def test_blocks_must_be_triangular():
    blocks = block_lu.blocks_of((0, 2, 4), 7)
    assert [blocks.number(i) for i in range(7)] == [0, 0, 1, 1, 2, 2, -1]
    assert blocks.triangular([(0, 1), (2, 0), (5, 2), (4, 6)])
    assert not blocks.triangular([(0, 2)])
    assert not blocks.triangular([(6, 0)])  # what is in no block must have no rate
    assert [blocks.repeated(entry) for entry in ((3, 2), (1, 0), (3, 0))] == [True, False, False]
