"""Stiff models with many states: the LU by table against scipy, the LU written out, and its own laws."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import sympy
from helpers import closed, tolerance_error
from ivp_problems import problem, sized, system
from scipy.integrate import solve_ivp
from test_library import regimen_for

import pkpd
from pkpd.solvers.compiled import methods, rosenbrock
from pkpd.solvers.compiled.kernels import make_kernel
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.compiled.sparse_lu import elimination
from pkpd.solvers.directions import Directions
from pkpd.solvers.problem import Status
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.solve import solve
from pkpd.solvers.tangent_problems import tangent_problem

RNG = np.random.default_rng
BY_TABLE, WRITTEN_OUT = -1, np.inf  # values of MOST_UNROLLED
NAMES = {BY_TABLE: "rodas5p (LU by table)", WRITTEN_OUT: "rodas5p"}


pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def form(tmp_path, monkeypatch):
    """A function that chooses the form of the LU, with a folder of machine code for each."""

    def choose(most):
        folder = tmp_path / str(most)
        folder.mkdir(mode=0o700, exist_ok=True)
        monkeypatch.setenv("PKPD_CACHE", str(folder))
        monkeypatch.setattr(rosenbrock, "MOST_UNROLLED", most)
        methods._compiled.cache_clear()

    yield choose
    methods._compiled.cache_clear()


# ---- a reaction that diffuses in one dimension


def brusselator(cells):
    """The Brusselator on a line, u and v of one cell after the other; the parameter is the diffusion.

    Source: Hairer E, Wanner G. Solving Ordinary Differential Equations II, 2nd ed.,
    Springer 1996, IV.10, the problem BRUSS.
    """

    @sized(2 * cells)
    def rates(t, y, p, u):
        c = p[0] * (cells + 1) ** 2
        us, vs = [1, *y[0::2], 1], [3, *y[1::2], 3]
        flow = lambda x, i: c * (x[i - 1] - 2 * x[i] + x[i + 1])  # noqa: E731
        return [
            e
            for i in range(1, cells + 1)
            for e in (
                1 + us[i] ** 2 * vs[i] - 4 * us[i] + flow(us, i),
                3 * us[i] - us[i] ** 2 * vs[i] + flow(vs, i),
            )
        ]

    return system(rates, p=1, name="brusselator")


def brusselator_start(cells):
    place = np.arange(1, cells + 1) / (cells + 1)
    start = np.full(2 * cells, 3.0)
    start[0::2] = 1 + np.sin(2 * np.pi * place)
    return start


def brusselator_by_scipy(cells, alpha, times):
    """The same equations by hand, with scipy's LSODA on a band."""
    c = alpha * (cells + 1) ** 2

    def rates(t, y):
        u, v = y[0::2], y[1::2]
        flow = lambda x, edge: c * np.diff(x, 2, prepend=edge, append=edge)  # noqa: E731
        slopes = np.empty_like(y)
        slopes[0::2] = 1 + u**2 * v - 4 * u + flow(u, 1.0)
        slopes[1::2] = 3 * u - u**2 * v + flow(v, 3.0)
        return slopes

    span, start = (0, times[-1]), brusselator_start(cells)
    return solve_ivp(rates, span, start, "LSODA", times, rtol=1e-10, atol=1e-12, lband=2, uband=2).y.T


def brusselator_case(cells, alphas, times, **options):
    starts = np.repeat(brusselator_start(cells)[:, None], len(alphas), axis=1)
    return problem(brusselator(cells), starts, times, parameters=[alphas], **options)


@pytest.mark.slow
def test_a_reaction_that_diffuses_agrees_with_scipy():
    alphas, times = [0.01, 0.02, 0.05], [1.0, 4.0, 10.0]
    found = solve(brusselator_case(120, alphas, times), "auto")
    assert "rodas5p (LU by table) for 2 stiff of 3 members; " in found.note
    for states, alpha in zip(found.states, alphas, strict=True):
        assert tolerance_error(states, brusselator_by_scipy(120, alpha, times), rtol=1e-6, atol=1e-9) < 10


# ---- everyone coupled with everyone


def competition(clones):
    """Clones that all compete with one another, and turn over at rates that span four powers of ten.

    The form is Lotka's and Volterra's; values are illustrative.
    """
    weights = RNG(4).uniform(0.2, 1.0, (clones, clones)) / clones
    speeds = np.geomspace(0.1, 1e3, clones)

    @sized(clones)
    def rates(t, y, p, u):
        return [
            p[0] * float(s) * x * (1 - sum(float(w) * z for w, z in zip(row, y, strict=True)) - p[1] * y[0] * x)
            for s, x, row in zip(speeds, y, weights, strict=True)
        ]

    def slopes(t, y, p, q):
        return p * speeds * y * (1 - weights @ y - q * y[0] * y)

    dose = lambda y, p, amount: (y[0] * amount, *y[1:])  # noqa: E731
    extinct = (lambda y, p: y[0] - sympy.Rational(1, 2), lambda y, p: (sympy.Integer(0), *y[1:]))
    return system(rates, p=2, jumps=[dose], events=[extinct], name="competition"), slopes


CLONES = 24
MODEL, SLOPES = competition(CLONES)


def competition_case(members, times=(0.5, 3.0, 8.0), seed=0, **options):
    p = np.exp(RNG(seed).normal(0, 0.3, (2, members))) * [[1.0], [0.05]]
    return problem(MODEL, np.full((CLONES, members), 1.0), times, parameters=p, **options)


@pytest.mark.slow
def test_all_coupled_with_all_agrees_with_scipy():
    case = competition_case(3, rtol=1e-7, atol=1e-10)
    found = solve(case, "rodas5p")
    assert found.note.startswith("rodas5p (LU by table); ")
    for states, (p, q) in zip(found.states, case.parameters.T, strict=True):
        exact = solve_ivp(SLOPES, (0, 8), np.ones(CLONES), "Radau", case.times, args=(p, q), rtol=1e-11, atol=1e-13)
        assert exact.success
        assert exact.y[0].min() > 0.5  # before the event
        assert tolerance_error(states, exact.y.T, rtol=1e-7, atol=1e-10) < 10


def dosed(members, **options):
    """Doses, each member at its own times, that push the first clone below the trigger of the event or not."""
    rng = RNG(2)
    stops = np.sort(rng.uniform(0, 8, (members, 3)), axis=1)
    amounts = rng.choice([0.3, 0.9, 1.2], (members, 3))
    schedule = Schedule(stops, np.zeros((members, 3), dtype=np.int64), amounts, np.zeros((members, 4, 0)))
    return competition_case(members, schedule=schedule, **options)


@pytest.mark.slow
def test_doses_and_events_as_an_explicit_method_has_them():
    case = dosed(16, rtol=1e-7, atol=1e-10)
    found = solve(case, "rodas5p")
    oracle = solve(replace(case, rtol=1e-11, atol=np.full(CLONES, 1e-13)), "dop853")
    extinct = (oracle.states[:, -1, 0] == 0).sum()
    assert 0 < extinct < 16
    assert (found.status == Status.ok).all()
    assert tolerance_error(found.states, oracle.states, rtol=1e-7, atol=1e-9) < 20


def test_bitwise_the_same_in_any_company():
    case = dosed(75)
    whole = solve(case, "rodas5p", threads=1)
    other = solve(case, "rodas5p", threads=2)
    assert np.array_equal(whole.states, other.states)
    assert np.array_equal(whole.steps, other.steps)
    order = RNG(3).permutation(75)
    assert np.array_equal(whole.states[order], solve(case.take(order), "rodas5p", threads=2).states)
    for i in (0, 41, 74):
        assert np.array_equal(whole.states[[i]], solve(case.take(np.array([i])), "rodas5p").states)


@pytest.mark.slow
def test_a_thread_with_a_small_stack_is_enough():
    """The workspace, here 0.4 MB a thread, is not on the stack."""
    case = brusselator_case(160, np.full(64, 0.02), [0.01])
    before = threading.stack_size(256 * 1024)
    try:
        found = solve(case, "rodas5p", threads=2)
    finally:
        threading.stack_size(before)
    assert (found.status == Status.ok).all()


# ---- the two forms of the LU


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tmdd_full", "kosinsky_2018", "lindauer_2017", "kirschner_panetta_1998", "clones"])
def test_both_forms_of_the_lu_agree_on_the_library(name, form):
    model = closed(pkpd.load(name))
    regimen = sum((regimen_for(model, route) for route in model.routes), pkpd.Regimen())
    results = {}
    for most, said in NAMES.items():
        form(most)
        results[most] = pkpd.simulate(model, regimen, times=[0, 1, 5, 20, 60], method="rodas5p")
        assert results[most].attrs["method_used"].startswith(f"{said}; ")
    table, written = results[BY_TABLE], results[WRITTEN_OUT]
    assert int(table["status"]) == Status.ok
    for s in model.states:
        np.testing.assert_allclose(table[s.name], written[s.name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("most", NAMES)
def test_a_pivot_that_vanishes_shortens_the_step(most, form):
    """Stops make steps of 1, and the tolerance allows them: only pivots can shorten them."""
    form(most)
    from pkpd.solvers.tableaus import rodas5p

    @sized(3)
    def growing(t, y, p, u):
        return [p[0] * y[0] - 4 * y[1], 4 * y[0], 0 * t]

    stops = np.arange(1.0, 4.0)[None]
    schedule = Schedule(stops, np.full((1, 3), -1), np.zeros((1, 3)), np.zeros((1, 4, 0)))
    # The first pivot is 1/gamma - p.
    rates = np.array([1 - 1e-12, 1.0, 1 + 1e-12, 1 - 1e-8, 1.01]) / rodas5p().gamma
    starts = np.repeat([[1e4], [1e4], [1e9]], len(rates), axis=1)
    model = system(growing, p=1, name="growing")
    found = solve(problem(model, starts, [3.0], parameters=[rates], schedule=schedule, rtol=0.9, atol=1e9), "rodas5p")
    assert found.note.startswith(f"{NAMES[most]}; ")
    assert (found.status == Status.ok).all()
    assert (found.steps[:3] > found.steps[3:].max()).all()


@pytest.mark.slow
@pytest.mark.parametrize("most", [BY_TABLE, WRITTEN_OUT])
@pytest.mark.parametrize("d", [1, 4])
def test_derivatives_of_a_large_model(form, most, d):
    form(most)
    cells, step = 20, 1e-4
    base = brusselator_start(cells)
    n = len(base)
    case = problem(brusselator(cells), base, [0.3, 2.0], parameters=[[0.1]], rtol=1e-8, atol=1e-10)
    dstarts = np.zeros((n, 4))
    dstarts[[0, 1, 20], [1, 2, 3]] = 1.0
    whole = tangent_problem(case, Directions(np.eye(1, 4), dstarts=dstarts, follow=False), d=d)
    solution = solve(whole.problem, "rodas5p")
    assert solution.note.startswith(f"{NAMES[most]}; ")
    found = whole.states(solution).first[0]

    def at(alpha, start):
        one = problem(brusselator(cells), start, [0.3, 2.0], parameters=[[alpha]], rtol=1e-12, atol=1e-13)
        return solve(one, "rodas5p").states[0]

    moved = [(at(0.1 + step, base) - at(0.1 - step, base)) / (2 * step)]
    for i in (0, 1, 20):
        shift = step * np.eye(n)[i]
        moved.append((at(0.1, base + shift) - at(0.1, base - shift)) / (2 * step))
    for k, differences in enumerate(moved):
        np.testing.assert_allclose(found[:, :, k], differences, rtol=1e-5, atol=1e-6)


# ---- the elimination


@pytest.mark.parametrize("seed", range(8))
def test_the_elimination_fills_what_it_says_and_nothing_else(seed):
    rng = RNG(seed)
    size = int(rng.integers(1, 25))
    pattern = frozenset((int(i), int(j)) for i, j in rng.integers(0, size, (int(rng.integers(0, 3 * size)), 2)))
    matrix = np.diag(10.0 + rng.random(size))
    for i, j in pattern:
        matrix[i, j] += rng.uniform(0.1, 0.2)
    plan = elimination(size, pattern)
    assert sorted(plan.order) == list(range(size))
    operations = 0
    for r, p in enumerate(plan.order):
        for i in plan.order[r + 1 :]:
            if matrix[i, p] != 0:
                assert p in plan.lower[i]
                assert i in plan.below(p)
                later = [j for j in plan.order[r + 1 :] if matrix[p, j] != 0]
                assert set(later) == set(plan.upper[p])
                operations += 1 + len(later)
                matrix[i, later] -= matrix[i, p] / matrix[p, p] * matrix[p, later]
    assert plan.operations == operations
    filled = {(int(i), int(j)) for i, j in zip(*np.nonzero(matrix), strict=True)}
    assert plan.entries == filled


@pytest.mark.slow
def test_the_length_of_the_code_does_not_follow_the_fill(form):
    """On a square grid an elimination fills far more than there is."""
    side = 12

    @sized(side * side)
    def spread(t, y, p, u):
        grid = sympy.Matrix(side, side, y)
        at = lambda i, j: grid[i, j] if 0 <= i < side and 0 <= j < side else 0  # noqa: E731
        return [
            at(i - 1, j) + at(i + 1, j) + at(i, j - 1) + at(i, j + 1) - 4 * at(i, j) - at(i, j) ** 2
            for i in range(side)
            for j in range(side)
        ]

    model = system(spread, name="spread")
    lengths = {}
    for most in NAMES:
        form(most)
        lengths[most] = str(make_kernel(model, "rodas5p", Shape()).module).count("\n")
    assert lengths[BY_TABLE] < 0.4 * lengths[WRITTEN_OUT]
