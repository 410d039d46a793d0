"""Forward sensitivities against closed forms and finite differences of the oracle."""

import dataclasses

import numpy as np
import pytest
import sympy

from pkpd import (
    Event,
    FailedMembersWarning,
    Model,
    ParameterError,
    UnknownNameError,
    bolus,
    catalog,
    clock,
    dose,
    fractions,
    grid,
    infusion,
    input_rate,
    load,
    members,
    param,
    simulate,
    state,
)
from pkpd.solvers.directions import Directions
from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.switches import switched
from pkpd.solvers.equations.system import numbered_system
from pkpd.solvers.equations.tangent import tangent
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.tangent_problems import tangent_problem
from pkpd.symbolic.symbols import Parameter

k = param("k", 0.3, "1/day", "elimination")
V = param("V", 5.0, "L", "volume")
F = param("F", 0.7, "1", "bioavailability")
size = param("size", 80.0, "mg", "dose")
start = param("start", 1.3, "day", "time of the dose")
lasts = param("lasts", 2.5, "day", "duration of an infusion")
gap = param("gap", 4.5, "day", "interval of doses")

A = state("A", "mg", "drug")
ONE = Model("one", rates={A: -k * A}, outputs={"C": A / V}, routes={"iv": {A: A + F * dose("mg")}})

TIMES = np.linspace(0, 15, 31)
TIGHT = {"rtol": 1e-11, "atol": 1e-11}


def derivatives(closed_form, time, wrt, values, times=TIMES):
    """d closed form / d wrt at the times, differentiated by sympy: (times, parameters)."""
    columns = []
    for p in wrt:
        f = sympy.lambdify(time, sympy.diff(closed_form, p).subs(values), "numpy")
        columns.append([float(f(t)) for t in times])
    return np.array(columns).T


def differences(model, regimen, values, name, times, h=1e-3):
    """d / d name of everything by differences of order 6 of the oracle, at its tightest tolerance."""
    step = h * (abs(values[name]) or 1.0)

    def run(by):
        changed = {**values, name: values[name] + by * step}
        return simulate(
            model, regimen, times=times, parameters=changed, method="DOP853", rtol=1e-12, atol=1e-12, bounds="ignore"
        )

    one = {by: run(by) for by in (-3, -2, -1, 1, 2, 3)}
    return (45 * (one[1] - one[-1]) - 9 * (one[2] - one[-2]) + (one[3] - one[-3])) / (60 * step)


def worst(found, expected):
    """The largest error, relative to the largest value of each derivative."""
    scale = np.abs(expected).max(axis=0)
    return float((np.abs(found - expected) / np.where(scale > 0, scale, 1.0)).max())


def check_differences(model, regimen, wrt, times, tolerance, methods=("auto",), h=1e-3):
    """An error is relative to the largest value of the derivative, or where that vanishes to 1 % of X/p."""
    used = (*model.settable, *(regimen.parameters if regimen else ()))
    values = {s.name: s.value if isinstance(s, Parameter) else s.default for s in used}
    expected = {name: differences(model, regimen, values, name, times, h) for name in wrt}
    errors = {}
    for method in methods:
        run = simulate(model, regimen, times=times, parameters=values, sensitivities=wrt, method=method, **TIGHT)
        for name in wrt:
            for variable in (*(s.name for s in model.states), *model.outputs):
                found, right = run[f"sensitivity_{variable}"].sel(parameter=name), expected[name][variable]
                floor = 1e-2 * float(abs(run[variable]).max()) / (abs(values[name]) or 1.0)
                scale = max(float(abs(right).max()), floor) or 1.0
                errors[method, variable, name] = float(abs(found - right).max()) / scale
    wrong = {k: f"{e:.1e}" for k, e in errors.items() if not e < tolerance}
    assert not wrong


# ---- closed forms


def test_exponential_growth():
    kg, T0 = param("kg", 0.2, "1/day", "growth"), param("T0", 30.0, "mm^3", "size at the start")
    T = state("T", "mm^3", "tumor", start=T0)
    model = Model("growth", rates={T: kg * T}, outputs={"square": T**2})
    run = simulate(model, times=TIMES, sensitivities=["kg", "T0", "T"], **TIGHT)
    size = 30 * np.exp(0.2 * TIMES)
    expected = np.stack([TIMES * size, size / 30, size / 30], axis=1)
    np.testing.assert_allclose(run.sensitivity_T, expected, rtol=1e-9)
    np.testing.assert_allclose(run.sensitivity_square, 2 * size[:, None] * expected, rtol=1e-9)


def test_bolus_of_a_dose_and_a_time_that_are_parameters():
    wrt = (k, V, F, size, start)
    t = sympy.Symbol("t")
    closed = sympy.Piecewise((F * 2 * size / V * sympy.exp(-k * (t - start)), t > start), (0, True))
    run = simulate(ONE, bolus(2 * size, "iv", at=start), times=TIMES, sensitivities=[p.name for p in wrt], **TIGHT)
    expected = derivatives(closed, t, wrt, {p: p.value for p in wrt})
    assert worst(run.sensitivity_C.values, expected) < 1e-9


def test_repeated_bolus_with_an_interval_that_is_a_parameter():
    wrt = (k, gap, start, F)
    t = sympy.Symbol("t")
    closed = sum(
        sympy.Piecewise((F * 100 * sympy.exp(-k * (t - start - i * gap)), t > start + i * gap), (0, True))
        for i in range(3)
    )
    run = simulate(
        ONE, bolus(100, "iv", at=start, every=gap, n=3), times=TIMES, sensitivities=[p.name for p in wrt], **TIGHT
    )
    assert worst(run.sensitivity_A.values, derivatives(closed, t, wrt, {p: p.value for p in wrt})) < 1e-9


@pytest.mark.parametrize("method", ["numpy", "DOP853", "LSODA"])
def test_infusion_whose_amount_start_and_duration_are_parameters(method):
    wrt = (k, F, size, start, lasts)
    t = sympy.Symbol("t")
    during = F * size / lasts / k * (1 - sympy.exp(-k * (t - start)))
    after = F * size / lasts / k * (1 - sympy.exp(-k * lasts)) * sympy.exp(-k * (t - start - lasts))
    closed = sympy.Piecewise((0, t < start), (during, t < start + lasts), (after, True))
    run = simulate(
        ONE, infusion(size, "iv", lasts, at=start), times=TIMES, sensitivities=[p.name for p in wrt],
        method=method, **TIGHT,
    )  # fmt: skip
    assert worst(run.sensitivity_A.values, derivatives(closed, t, wrt, {p: p.value for p in wrt})) < 3e-9


def test_linear_quadratic_jump():
    alpha, beta = param("alpha", 0.15, "1/Gy", "linear"), param("beta", 0.02, "1/Gy^2", "quadratic")
    d = param("d", 2.0, "Gy", "dose of a fraction")
    T = state("T", "cell", "tumor", start=1e6)
    kill = sympy.exp(-alpha * dose("Gy") - beta * dose("Gy") ** 2)
    model = Model("lq", rates={T: k * T}, routes={"radiation": {T: T * kill}})
    t = sympy.Symbol("t")
    wrt = (k, alpha, beta, d)
    given = sum(sympy.Piecewise((1, t > 1 + i), (0, True)) for i in range(5))
    closed = 1e6 * sympy.exp(k * t - given * (alpha * d + beta * d**2))
    run = simulate(model, fractions(d, 5, start=1), times=TIMES, sensitivities=[p.name for p in wrt], **TIGHT)
    assert worst(run.sensitivity_T.values, derivatives(closed, t, wrt, {p: p.value for p in wrt})) < 1e-9


def test_event_with_a_known_time():
    """A decays from A0; once below `low` it is reset to q A + r, and B begins to fill."""
    A0, low = param("A0", 50.0, "mg", "at the start"), param("low", 7.1, "mg", "threshold")
    q, r = param("q", 3.0, "1", "factor"), param("r", 40.0, "mg", "shift")
    A = state("A", "mg", "drug", start=A0)
    B = state("B", "mg", "eliminated")
    model = Model("reset", rates={A: -k * A, B: k * A}, events=[Event(A < low, {A: q * A + r})])
    wrt = (k, A0, low, q, r)
    t = sympy.Symbol("t")
    hit = sympy.log(A0 / low) / k
    level = (q * low + r) * sympy.exp(-k * (t - hit))
    values = {p: p.value for p in wrt}
    times = TIMES[TIMES < float(2 * hit.subs(values))]
    a = sympy.Piecewise((A0 * sympy.exp(-k * t), t < hit), (level, True))
    b = sympy.Piecewise((A0 * (1 - sympy.exp(-k * t)), t < hit), (A0 - low + (q * low + r) - level, True))
    for method in ("numpy", "DOP853", "LSODA"):
        run = simulate(model, times=times, sensitivities=[p.name for p in wrt], method=method, **TIGHT)
        assert worst(run.sensitivity_A.values, derivatives(a, t, wrt, values, times)) < 1e-8
        assert worst(run.sensitivity_B.values, derivatives(b, t, wrt, values, times)) < 1e-8


def test_trigger_and_reset_that_use_the_time():
    slope = param("slope", 0.5, "mg/day", "of the threshold")
    A0 = param("A0", 8.0, "mg", "at the start")
    A = state("A", "mg", "drug", start=A0)
    t_ = clock("day")
    model = Model("meeting", rates={A: -A * k}, events=[Event(A < slope * t_, {A: 2 * A0 + slope * t_})])
    check_differences(model, None, ["slope", "A0", "k"], np.linspace(0, 6, 13), 1e-6)


def test_event_that_a_dose_sets_off_happens_at_the_dose():
    """The dose lifts A beyond `high`: B is marked at the time of the dose, not where A would cross."""
    high = param("high", 30.0, "mg", "threshold")
    B = state("B", "mg", "marked")
    model = Model(
        "marked", rates={A: -k * A, B: -k * B}, events=[Event(A > high, {B: B + A * A / high})],
        routes={"iv": {A: A + F * dose("mg")}},
    )  # fmt: skip
    regimen = bolus(size, "iv", at=start)
    check_differences(model, regimen, ["k", "high", "size", "F", "start"], TIMES, 1e-6)
    t = sympy.Symbol("t")
    closed = sympy.Piecewise((0, t < start), ((F * size) ** 2 / high * sympy.exp(-k * (t - start)), True))
    wrt = (k, high, size, start)
    run = simulate(model, regimen, times=TIMES, sensitivities=[p.name for p in wrt], **TIGHT)
    values = {p: p.value for p in (*wrt, F)}
    assert worst(run.sensitivity_B.values, derivatives(closed, t, wrt, values)) < 1e-9


# ---- rates that jump

METHODS = ["auto", "rodas5p", "numpy", "LSODA"]
delay = param("delay", 3.1, "day", "time of a switch")
A0, low = param("A0", 50.0, "mg", "at the start"), param("low", 7.1, "mg", "threshold")
q = param("q", 0.4, "1", "factor")
full = state("A", "mg", "drug", start=A0)
B = state("B", "mg", "other")
day = clock("day")


@pytest.mark.parametrize("method", METHODS)
def test_rate_that_jumps_at_a_time(method):
    model = Model("later", rates={full: sympy.Piecewise((-k * full, day >= delay), (0, True))})
    wrt = (k, delay, A0)
    t = sympy.Symbol("t")
    for value in (3.1, 3.0, 0.0):  # between stored times, at one, and at the start, where it can only come later
        values = {"delay": value}
        run = simulate(
            model, times=TIMES, parameters=values, sensitivities=[p.name for p in wrt], method=method, **TIGHT
        )
        later = TIMES != value  # a time at the switch is before it
        expected = derivatives(
            sympy.Piecewise((A0, t < delay), (A0 * sympy.exp(-k * (t - delay)), True)),
            t, wrt, {k: 0.3, delay: value, A0: 50.0}, TIMES[later],
        )  # fmt: skip
        assert worst(run.sensitivity_A.values[later], expected) < 1e-9
        assert float(run.sensitivity_A.sel(parameter="delay").values[~later].sum()) == 0
        exact = 50 * np.exp(-0.3 * np.maximum(0, TIMES - value))
        np.testing.assert_allclose(run.A, exact, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_rate_that_jumps_at_a_state(method):
    """A decays with k above `low` and with q k below it."""
    model = Model("slower", rates={full: -k * full * sympy.Piecewise((1, full > low), (q, True))})
    wrt = (k, low, q, A0)
    t = sympy.Symbol("t")
    hit = sympy.log(A0 / low) / k
    closed = sympy.Piecewise((A0 * sympy.exp(-k * t), t < hit), (low * sympy.exp(-q * k * (t - hit)), True))
    run = simulate(model, times=TIMES, sensitivities=[p.name for p in wrt], method=method, **TIGHT)
    assert worst(run.sensitivity_A.values, derivatives(closed, t, wrt, {p: p.value for p in wrt})) < 1e-8


@pytest.mark.parametrize("method", METHODS)
def test_rate_that_ends_where_its_state_is_used_up(method):
    """A constant loss stops at zero: afterwards nothing depends on anything."""
    loss = param("loss", 9.0, "mg/day", "constant")
    model = Model("used", rates={full: -sympy.Piecewise((loss, full > 0), (0, True)), B: k * full})
    wrt = (loss, A0, k)
    t = sympy.Symbol("t")
    end = A0 / loss
    left = sympy.Piecewise((A0 - loss * t, t < end), (0, True))
    area = sympy.Piecewise((A0 * t - loss * t**2 / 2, t < end), (A0**2 / loss / 2, True))
    run = simulate(model, times=TIMES, sensitivities=[p.name for p in wrt], method=method, **TIGHT)
    values = {p: p.value for p in wrt}
    assert worst(run.sensitivity_A.values, derivatives(left, t, wrt, values)) < 1e-8
    assert worst(run.sensitivity_B.values, derivatives(k * area, t, wrt, values)) < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", ["Piecewise", *(pytest.param(step, marks=pytest.mark.slow) for step in ("Heaviside", "sign"))]
)
def test_jump_crossed_both_ways_by_flow_and_by_doses(step):
    """A is driven up and down through `low` by a switch in time, and taken above it by doses."""
    on = {
        "Piecewise": sympy.Piecewise((1, full > low), (0, True)),
        "Heaviside": sympy.Heaviside(full - low),
        "sign": (1 + sympy.sign(full - low)) / 2,
    }[step]
    feed = param("feed", 9.0, "mg/day", "input")
    model = Model(
        "swing",
        rates={full: feed * sympy.Heaviside(sympy.sin(5 * k * day)) - k * full, B: feed * on * full / low - k * B},
        routes={"iv": {full: full + F * dose("mg")}},
    )
    wrt = ["k", "low", "A0", "feed"]
    check_differences(model, None, wrt, np.linspace(0, 12, 37), 1e-5, METHODS, h=2e-4)
    regimen = bolus(size, "iv", at=param("begin", 8.13, "day", "of doses"), every=2, n=2)
    check_differences(model, regimen, [*wrt, "size", "begin"], np.linspace(0, 12, 37), 1e-5, METHODS, h=2e-4)


def test_switch_at_the_moment_of_a_dose():
    """The dose goes to B, so that both orders of dose and switch are alike."""
    model = Model(
        "together", rates={full: sympy.Piecewise((-k * full, day >= delay), (0, True)), B: k * full - k * B},
        routes={"iv": {B: B + F * dose("mg")}},
    )  # fmt: skip
    apart = np.array([0, 2.9, 3.3, 5, 8])
    check_differences(model, bolus(size, "iv", at=3.1), ["k", "delay", "size"], apart, 3e-6, METHODS, h=1e-4)
    check_differences(model, bolus(size, "iv", at=delay), ["k", "delay", "size"], apart, 3e-6, METHODS, h=1e-4)
    regimen = bolus(size, "iv", at=param("begin", 3.1, "day", "of the dose"))
    check_differences(model, regimen, ["delay", "begin"], apart, 3e-6, METHODS, h=1e-4)


def test_sides_of_a_switch_at_the_moment_of_a_dose_into_it():
    """Dose and switch of the same state: the derivative is that of a switch just after the dose."""
    model = Model(
        "into", rates={full: sympy.Piecewise((-k * full, day >= delay), (0, True))},
        routes={"iv": {full: full + dose("mg")}},
    )  # fmt: skip
    run = simulate(model, bolus(80, "iv", at=3.1), times=[5.1], sensitivities=["delay"], **TIGHT)
    np.testing.assert_allclose(run.sensitivity_A[0], [0.3 * 130 * np.exp(-0.6)], rtol=1e-9)


@pytest.mark.slow
def test_condition_on_a_condition():
    """The threshold itself jumps, which takes A across it at a time that is not A's."""
    when = param("when", 2.3, "day", "of the jump")
    threshold = sympy.Piecewise((low, day < when), (6 * low, True))
    model = Model("nested", rates={full: -k * full * sympy.Piecewise((1, full > threshold), (q, True)), B: -k * B})
    check_differences(model, None, ["k", "low", "q", "A0"], TIMES, 3e-6)
    moved = sympy.Piecewise((low, day < delay), (6 * low, True))
    model = Model("nested", rates={full: -k * full * sympy.Piecewise((1, full > moved), (q, True)), B: -k * B})
    check_differences(model, None, ["k", "low", "q", "A0", "delay"], TIMES, 3e-6)


def test_output_with_a_condition_on_a_condition():
    when = param("when", 2.3, "day", "of the jump")
    step = sympy.Piecewise((low, day < when), (full / 2, full > 2 * low), (3 * low, True))
    model = Model("either", rates={full: -k * full}, outputs={"top": sympy.Max(step, sympy.Min(2 * low, full))})
    check_differences(model, None, ["k", "low"], TIMES, 3e-6)


def test_continuous_conditions_are_no_events():
    h = param("h", 0.7, "1", "exponent")
    root = sympy.sqrt((full - low) ** 2 + 4 * full * low)
    smooth = [
        sympy.Piecewise((k * (full / A0) ** h * A0, full > 0), (0, True)),
        sympy.Piecewise((k * full * sympy.log(A0 / full), full > 0), (0, True)),
        sympy.Piecewise((k * (full - low), full > low), (0, True))
        + k * sympy.Max(full, low)
        + k * sympy.Abs(full - low),
        k * sympy.Piecewise(((full - low + root) / 2, full > low), (2 * full * low / (root - full + low), True)),
        k * full * sympy.Piecewise((1 / (1 + (full / B) ** h), sympy.And(full > 0, B > 0)), (0, True)),
    ]
    for rate in smooth:
        system = numbered_system(Model("smooth", rates={full: -rate, B: -k * B}))
        assert not switched(system, system.parameters, system.parameters, 9).switches, rate
    system = numbered_system(Model("smooth", rates={full: -smooth[0]}))
    assert switched(system, system.parameters, {"A0"}, 9).switches  # h may be negative
    jumps = [
        sympy.Piecewise((k * full, full > low), (k * full / 2, True)),
        sympy.Piecewise((k * full, sympy.And(full > 0, day < delay)), (0, True)),
        k * full * sympy.Heaviside(B - low),
    ]
    for rate in jumps:
        system = numbered_system(Model("jumping", rates={full: -rate, B: -k * B}))
        assert len(switched(system, system.parameters, system.parameters, 9).switches) == 1, rate
    fixed = numbered_system(Model("fixed", rates={full: -jumps[1]}))
    assert not switched(fixed, ("k", "A0"), (), 9).switches  # nothing moves the time


def test_a_rate_that_holds_its_state_on_the_surface_fails_by_status():
    model = Model("held", rates={full: -k * A0 * sympy.sign(full - low)})
    with pytest.warns(FailedMembersWarning, match="max_steps|step_too_small|not_finite"):
        run = simulate(model, times=[10], sensitivities=["low"], max_steps=300)
    assert np.isnan(run.sensitivity_A).all()


def test_derivative_by_a_delay_of_zero_is_that_to_the_right():
    model, times = load("chatterjee_2017"), [0, 4, 20, 90]
    run = simulate(model, times=times, sensitivities=["delay"], **TIGHT)
    near = simulate(model, times=times, parameters={"delay": [0, 0.01, 0.02, 0.03]}, rtol=1e-12, atol=1e-12).TS
    right = (18 * near[1] - 9 * near[2] + 2 * near[3] - 11 * near[0]) / 0.06
    np.testing.assert_allclose(run.sensitivity_TS[1:, 0], right[1:], rtol=1e-6)


# ---- events that come together


@pytest.mark.slow
def test_an_event_that_sets_off_another():
    high = param("high", 9.3, "mg", "high")
    C = state("C", "mg", "third", start=2.0)
    other = state("B", "mg", "other", start=1.0)
    model = Model(
        "chain", rates={full: -k * full * sympy.Piecewise((2, full > low), (1, True)), other: k * other,
                        C: -k * C * other / (high + other)},
        events=[Event(full < low, {other: other + high + full / 4}), Event(other > high, {C: C + other, full: 3 * A0})],
        routes={"iv": {full: full + dose("mg")}},
    )  # fmt: skip
    wrt = ["k", "low", "high", "A0"]
    times = np.linspace(0, 9, 28)
    check_differences(model, None, wrt, times, 1e-5, METHODS, h=1e-4)
    regimen = bolus(size, "iv", at=param("begin", 2.13, "day", "of the dose"))
    check_differences(model, regimen, [*wrt, "size", "begin"], times, 1e-5, METHODS, h=1e-4)


@pytest.mark.slow
def test_two_events_with_one_condition():
    """The first takes A back up; both count, each time."""
    events = [Event(full < low, {full: 2 * low}), Event(full < low, {B: B + full})]
    model = Model("twice", rates={full: -k * full, B: -q * k * B}, events=events)
    check_differences(model, None, ["k", "low", "A0", "q"], TIMES, 1e-5, METHODS, h=2e-4)


@pytest.mark.slow
def test_events_and_jumps_that_an_input_sets_off():
    R, most = input_rate("R", "mg/day", "input"), param("most", 13.0, "mg/day", "largest")
    begin = param("begin", 2.13, "day", "of the infusion")
    regimen = infusion(size, "feed", lasts, at=begin)
    model = Model("fed", rates={full: R - k * full, B: -k * B}, routes={"feed": R},
                  events=[Event(R > most, {B: B + full / 3})])  # fmt: skip
    wrt = ["k", "size", "lasts", "most", "begin"]
    check_differences(model, regimen, wrt, TIMES, 1e-5, METHODS, h=2e-4)
    mixed = sympy.Piecewise((q * most, R - k * full > most / 2), (0, True))
    model = Model("fed", rates={full: R - k * full, B: mixed - k * B}, routes={"feed": R},
                  events=[Event(k * full - R < k * low, {B: B + full / 3})])  # fmt: skip
    check_differences(model, regimen, [*wrt, "low", "q"], TIMES, 1e-5, METHODS, h=2e-4)


# ---- differences


def test_jump_that_uses_the_time_at_a_moving_time():
    t_ = clock("day")
    model = Model("aging", rates={A: -k * A}, routes={"iv": {A: A + dose("mg") * sympy.exp(-k * t_)}})
    check_differences(model, bolus(size, "iv", at=start, every=gap, n=2), ["k", "size", "start", "gap"], TIMES, 1e-6)


def test_nonlinear_rate_of_an_input():
    """Overlapping and touching infusions on a route whose rate acts non-linearly."""
    R = input_rate("R", "Gy/day", "dose rate")
    b = param("b", 0.04, "day/Gy^2", "non-linear kill")
    K = param("K", 500.0, "cell", "size at half of the kill")
    T = state("T", "cell", "tumor", start=100.0)
    model = Model("protracted", rates={T: k * T - b * R**2 * T / (1 + T / K)}, outputs={"R2": R**2},
                  routes={"radiation": R})  # fmt: skip
    D = param("D", 6.0, "Gy", "dose")
    regimen = fractions(D, 2, start=start, every=lasts, duration=lasts) + fractions(4 * D, 1, start=2, duration="36 h")
    check_differences(model, regimen, ["k", "b", "D", "start", "lasts"], TIMES, 1e-6, ["numpy", "LSODA"])


def test_several_parameters_move_one_dose():
    regimen = bolus(size, "iv", at=start + gap / 2) + infusion(size * 2, "iv", lasts, at=start + gap / 2)
    check_differences(ONE, regimen, ["size", "start", "gap", "lasts", "k"], TIMES, 1e-6)


def test_hill_terms_at_zero():
    """Before the first dose the concentration is zero, where sympy's derivatives of C**h are not numbers."""
    Emax, EC50, h = param("Emax", 0.9, "1/day", "kill"), param("EC50", 4.0, "mg", "half"), param("h", 1.7, "1", "Hill")
    one = param("one", 1.0, "mg", "unit of amount")
    T = state("T", "cell", "tumor", start=100.0)
    C = (A / one) ** h
    model = Model(
        "hill", rates={A: -k * A, T: k * T - Emax * T * C / (C + (EC50 / one) ** h)},
        routes={"iv": {A: A + dose("mg")}},
    )  # fmt: skip
    check_differences(model, bolus(size, "iv", at=2), ["Emax", "EC50", "h", "k", "size"], TIMES, 1e-6)


CLOSED = [
    name for name in sorted(catalog().index) if all(getattr(s, "default", 0) is not None for s in load(name).settable)
]


AMOUNTS = {"mg": 100.0, "nmol": 1.333, "Gy": 2.0, "1": 1.0, "cell": 1e4, "cell/L": 1e6, "IU/L": 1e4, "g/cm^3": 2e-8}


# Away from a value at which a derivative has two sides, as where a switch is at a stored time.
INSIDE = {
    "chatterjee_2017": {"delay": 2.2},
    "franzese_2026": {"one_month": 1.01},  # at 1, months end at stored times
}


def every_route(model):
    """A regimen on all routes, of which every amount, time and duration is a parameter."""
    regimen = None
    for i, (key, route) in enumerate(model.routes.items()):
        unit = route.unit(model.time)
        amount = param(f"amount_{key}", AMOUNTS.get(unit, 1.0), unit, "one dose")
        when = param(f"when_{key}", 0.63 + 0.5 * i, model.time, "first dose")
        time = param(f"time_{key}", 0.4, model.time, "duration")
        doses = (
            bolus(amount, key, at=when, every=3, n=2) if route.rate is None else infusion(amount, key, time, at=when)
        )
        if route.additive:
            doses += infusion(2 * amount, key, time, at=when + 2)
        regimen = doses if regimen is None else regimen + doses
    return regimen


def all_differences(model, regimen, values, wrt, times, h):
    """`differences` by every name of `wrt` at once: one ensemble of perturbed members, compiled."""
    weights = {-3: -1, -2: 9, -1: -45, 1: 45, 2: -9, 3: 1}
    steps = {name: h * (abs(values[name]) or 1.0) for name in wrt}
    columns = {
        name: [values[name] + (by * steps[name] if name == moved else 0.0) for moved in wrt for by in weights]
        for name in wrt
    }
    rest = {k: v for k, v in values.items() if k not in wrt}
    run = simulate(model, regimen, times=times, parameters={**rest, **columns}, rtol=1e-12, atol=1e-12, bounds="ignore")
    each = np.array(list(weights.values())) / 60
    return {
        (variable, name): np.tensordot(each, run[variable].values[6 * i : 6 * i + 6], 1) / steps[name]
        for i, name in enumerate(wrt)
        for variable in (*(s.name for s in model.states), *model.outputs)
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "every"),
    [
        pytest.param(name, every, marks=pytest.mark.slow if every == 1 or i % 3 else ())
        for i, name in enumerate(CLOSED)
        for every in (8, 1)
    ],
)
def test_every_model_of_the_catalog(name, every):
    """The parameters of the model and of a regimen that uses every route; kosinsky_2018 comes to its extinction.

    Differences with two steps tell how far differences can be trusted: a derivative must
    agree to 1e-6, or to what the two leave open where that is more, which is rare.
    """
    model = load(name)
    regimen = every_route(model)
    used = (*model.settable, *(regimen.parameters if regimen else ()))
    values = {s.name: s.value if isinstance(s, Parameter) else s.default for s in used}
    values |= INSIDE.get(name, {})
    every = max(every, len(model.settable) // (24 if every == 1 else 5))  # equations grow with states times parameters
    wrt = [s.name for s in model.settable][::every] + [s.name for s in (regimen.parameters if regimen else ())]
    times = [0, 0.9, *np.arange(1.5, 18, 1.5)]
    run = simulate(model, regimen, times=times, parameters=values, sensitivities=wrt, **TIGHT)
    wide, narrow = (
        all_differences(model, regimen, values, wrt, times, h) for h in (5e-3, 2e-3)
    )  # the noise of an integration is divided by the step
    errors, doubts = {}, []
    for (variable, by), expected in wide.items():
        floor = 1e-2 * float(abs(run[variable]).max()) / (abs(values[by]) or 1.0)
        scale = max(np.abs(expected).max(), floor) or 1.0
        error = np.abs(run[f"sensitivity_{variable}"].sel(parameter=by).values - expected).max() / scale
        doubt = np.abs(narrow[variable, by] - expected).max() / scale
        doubts.append(doubt)
        if not error < max(1e-6, 5 * doubt):
            errors[variable, by] = f"{error:.1e} where differences leave {doubt:.1e}"
    assert not errors
    assert np.median(doubts) < 1e-6


# ---- what it is asked and what it says


def test_members_of_an_ensemble_are_those_of_one_alone():
    regimen = bolus(size, "iv", at=start) + infusion(size, "iv", lasts, at=3 * start)
    wrt = ["k", "size", "start", "lasts"]
    many = simulate(ONE, regimen, times=TIMES, parameters=members(k=[0.1, 0.3, 0.5], start=[1.0, 2.0, 2.5]),
                    sensitivities=wrt)  # fmt: skip
    alone = simulate(ONE, regimen, times=TIMES, parameters={"k": 0.3, "start": 2.0}, sensitivities=wrt)
    assert many.sensitivity_C.dims == ("member", "time", "parameter")
    np.testing.assert_array_equal(many.sensitivity_C[1], alone.sensitivity_C)


def test_result_is_labelled(tmp_path):
    run = simulate(ONE, bolus(size, "iv"), times=TIMES, parameters=grid(k=[0.1, 0.2]), outputs=["C"],
                   sensitivities=["V", "k", "size", "A"])  # fmt: skip
    assert set(run.data_vars) == {"C", "sensitivity_C", "status", "ended"}
    assert run.sensitivity_C.dims == ("k", "time", "parameter")
    assert list(run.parameter.values) == ["V", "k", "size", "A"]
    assert run.sensitivity_C.attrs["units"] == ["mg/L^2", "day mg/L", "1/L", "1/L"]
    np.testing.assert_allclose(run.sensitivity_C.sel(parameter="V"), -run.C / 5.0, atol=1e-7)
    run.to_netcdf(tmp_path / "run.nc")


def test_values_are_those_without_sensitivities():
    regimen = bolus(size, "iv", at=start, every=gap, n=2)
    plain = simulate(ONE, regimen, times=TIMES, **TIGHT)
    run = simulate(ONE, regimen, times=TIMES, sensitivities=["k", "gap"], **TIGHT)
    np.testing.assert_array_equal(run.A, plain.A)


@pytest.mark.parametrize("at_dose", ["before", "after"])
def test_side_of_a_dose(at_dose):
    run = simulate(ONE, bolus(size, "iv", at=start), times=[1.3], sensitivities=["size", "start"], at_dose=at_dose)
    np.testing.assert_allclose(run.sensitivity_A[0], [0, 0] if at_dose == "before" else [0.7, 0.7 * 80 * 0.3])


def test_names_are_checked():
    with pytest.raises(UnknownNameError, match="Did you mean 'k'"):
        simulate(ONE, times=[1], sensitivities=["K"])
    with pytest.raises(ParameterError, match="'k' twice"):
        simulate(ONE, times=[1], sensitivities=["k", "k"])
    taken = state("sensitivity_A", "mg", "something")
    with pytest.raises(ParameterError, match="'sensitivity_A'"):
        simulate(Model("taken", rates={A: -k * A, taken: k * A}), times=[1], sensitivities=["k"])


def test_uncounted_jumps_are_refused():
    y, p, t = (sympy.Symbol(name, real=True) for name in ("y_0", "p_0", "t"))
    system = numbered_system(Model("steps", rates={A: -k * A}))
    none = Schedule(np.empty((1, 0)), np.empty((1, 0), dtype=np.int64), np.empty((1, 0)), np.zeros((1, 1, 0)))
    plain = Problem(system, np.ones((1, 1)), np.ones((1, 1)), none, np.array([1.0]), 1e-6, np.array([1e-9]))
    by_k = Directions(np.ones((1, 1)))

    def steps(rate):
        return dataclasses.replace(plain, model=dataclasses.replace(system, rates=(rate,)))

    assert tangent_problem(steps(sympy.floor(t)), by_k).problem.model.states == ("A", "d A/d a1")
    assert tangent_problem(steps(sympy.floor(t * p)), Directions(np.zeros((1, 1)), dstarts=np.ones((1, 1))))
    for rate in (sympy.floor(t * p), sympy.ceiling(y)):
        with pytest.raises(ParameterError, match=r"steps: the rate of A jumps with .*derivatives by 'k'"):
            tangent_problem(steps(rate), by_k)


# ---- expressions

x, y = sympy.symbols("x y", real=True)


@pytest.mark.parametrize(
    "expression",
    [x**y / (2**y + x**y), sympy.exp(-y * x**2) * sympy.tanh(x), sympy.Max(x, y, 1) * x, sympy.Min(x**2, y, x),
     sympy.Abs(x - y) ** 3, sympy.Piecewise((x * y, x < y), (x / y, True)), sympy.log(x + y) / sympy.sqrt(x),
     y**x, sympy.Heaviside(x - y) * x**2, sympy.Max(x - x * y / 5, sympy.exp(-(y**2)))],
)  # fmt: skip
def test_partial_is_the_derivative(expression):
    for values in ({x: 0.7, y: 2.3}, {x: 3.1, y: 1.2}):
        for symbol in (x, y):
            h = 1e-4
            near = {by: float(expression.subs(values | {symbol: values[symbol] + by * h})) for by in (-1, 1)}
            difference = (near[1] - near[-1]) / (2 * h)
            assert float(partial(expression, symbol).subs(values)) == pytest.approx(difference, rel=1e-6, abs=1e-9)


def test_partial_of_a_power_at_zero_is_its_limit():
    by_base, by_exponent = (sympy.lambdify((x, y), partial(x**y, symbol)) for symbol in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        assert by_base(0.0, 1.0) == 1
        assert by_base(0.0, 2.0) == 0
        assert by_exponent(0.0, 1.0) == 0


def test_partial_of_a_survival_at_time_zero_is_its_limit():
    S = sympy.erfc((sympy.log(x) - 1) / (sympy.sqrt(2) * y)) / 2
    by_time, by_deviation = (sympy.lambdify((x, y), partial(S, symbol), "scipy") for symbol in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        assert by_time(0.0, 0.8) == 0
        assert by_deviation(0.0, 0.8) == 0


def test_tangent_has_the_jacobian_of_its_rates():
    extended = tangent(numbered_system(ONE), 2).system
    assert extended.states == ("A", "d A/d a1", "d A/d a2")
    assert extended.output_names == ("C", "d C/d a1", "d C/d a2")
    assert extended.parameters[3:6] == ("d F/d a1", "d k/d a1", "d V/d a1")
    assert extended.jacobian[1][:2] == tuple(-extended.p[extended.parameters.index(name)] for name in ("d k/d a1", "k"))
