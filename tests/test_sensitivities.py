"""Forward sensitivities against closed forms and finite differences of the oracle."""

import numpy as np
import pytest
import sympy

from pkpd import (
    Event,
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
from pkpd.solvers.canonical import canonical
from pkpd.solvers.derivatives import partial
from pkpd.solvers.sensitivities import with_sensitivities
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


def differences(model, regimen, name, values, times, variable, h=2e-3, **options):
    """d variable / d name by differences of order 4 of the oracle."""
    step = h * (abs(values[name]) or 1.0)

    def run(by):
        changed = {**values, name: values[name] + by * step}
        options_ = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12, **options}
        return simulate(model, regimen, times=times, parameters=changed, **options_)[variable].values

    return (8 * (run(1) - run(-1)) - (run(2) - run(-2))) / (12 * step)


def worst(found, expected):
    """The largest error, relative to the largest of each derivative."""
    scale = np.abs(expected).max(axis=0)
    return float((np.abs(found - expected) / np.where(scale > 0, scale, 1.0)).max())


def check_differences(model, regimen, wrt, times, tolerance=1e-6, method="auto", values=None, **options):
    values = {s.name: s.value for s in (*model.free, *(regimen.parameters if regimen else ()))} | (values or {})
    run = simulate(model, regimen, times=times, parameters=values, sensitivities=wrt, method=method, **TIGHT)
    for variable in (*(s.name for s in model.states), *model.outputs):
        for name in wrt:
            expected = differences(model, regimen, name, values, times, variable, **options)
            found = run[f"d_{variable}"].sel(parameter=name).values
            scale = max(np.abs(expected).max(), 1e-6 * abs(run[variable]).max().item() / (abs(values[name]) or 1.0))
            error = np.abs(found - expected).max() / (scale or 1.0)
            assert error < tolerance, f"d {variable}/d {name}: {error:.1e}"


# ---- closed forms


def test_exponential_growth():
    kg, T0 = param("kg", 0.2, "1/day", "growth"), param("T0", 30.0, "mm^3", "size at the start")
    T = state("T", "mm^3", "tumor", start=T0)
    model = Model("growth", rates={T: kg * T}, outputs={"square": T**2})
    run = simulate(model, times=TIMES, sensitivities=["kg", "T0", "T"], **TIGHT)
    size = 30 * np.exp(0.2 * TIMES)
    expected = np.stack([TIMES * size, size / 30, size / 30], axis=1)
    np.testing.assert_allclose(run.d_T, expected, rtol=1e-9)
    np.testing.assert_allclose(run.d_square, 2 * size[:, None] * expected, rtol=1e-9)


def test_bolus_of_a_dose_and_a_time_that_are_parameters():
    wrt = (k, V, F, size, start)
    t = sympy.Symbol("t")
    closed = sympy.Heaviside(t - start, 0) * F * 2 * size / V * sympy.exp(-k * (t - start))
    closed = sympy.Piecewise((closed.args and F * 2 * size / V * sympy.exp(-k * (t - start)), t > start), (0, True))
    run = simulate(ONE, bolus(2 * size, "iv", at=start), times=TIMES, sensitivities=[p.name for p in wrt], **TIGHT)
    expected = derivatives(closed, t, wrt, {p: p.value for p in wrt})
    assert worst(run.d_C.values, expected) < 1e-9


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
    assert worst(run.d_A.values, derivatives(closed, t, wrt, {p: p.value for p in wrt})) < 1e-9


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
    assert worst(run.d_A.values, derivatives(closed, t, wrt, {p: p.value for p in wrt})) < 3e-9


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
    assert worst(run.d_T.values, derivatives(closed, t, wrt, {p: p.value for p in wrt})) < 1e-9


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
        assert worst(run.d_A.values, derivatives(a, t, wrt, values, times)) < 1e-8
        assert worst(run.d_B.values, derivatives(b, t, wrt, values, times)) < 1e-8


def test_trigger_and_reset_that_use_the_time():
    slope = param("slope", 0.5, "mg/day", "of the threshold")
    A0 = param("A0", 8.0, "mg", "at the start")
    A = state("A", "mg", "drug", start=A0)
    t_ = clock("day")
    model = Model("meeting", rates={A: -A * k}, events=[Event(A < slope * t_, {A: A + 3 * slope * t_})])
    check_differences(model, None, ["slope", "A0", "k"], np.linspace(0, 6, 13), tolerance=1e-7)


def test_event_that_a_dose_sets_off_happens_at_the_dose():
    """The dose lifts A beyond `high`: B is marked at the time of the dose, not where A would cross."""
    high = param("high", 30.0, "mg", "threshold")
    B = state("B", "mg", "marked")
    model = Model(
        "marked", rates={A: -k * A, B: -2 * k * B}, events=[Event(A > high, {B: B + A * A / high})],
        routes={"iv": {A: A + F * dose("mg")}},
    )  # fmt: skip
    regimen = bolus(size, "iv", at=start)
    check_differences(model, regimen, ["k", "high", "size", "F", "start"], TIMES, tolerance=1e-7)
    t = sympy.Symbol("t")
    closed = sympy.Piecewise((0, t < start), ((F * size) ** 2 / high * sympy.exp(-2 * k * (t - start)), True))
    wrt = (k, high, size, start)
    run = simulate(model, regimen, times=TIMES, sensitivities=[p.name for p in wrt], **TIGHT)
    values = {p: p.value for p in (*wrt, F)}
    assert worst(run.d_B.values, derivatives(closed, t, wrt, values)) < 1e-9


# ---- differences


def test_jump_that_uses_the_time_at_a_moving_time():
    t_ = clock("day")
    model = Model("aging", rates={A: -k * A}, routes={"iv": {A: A + dose("mg") * sympy.exp(-k * t_)}})
    check_differences(model, bolus(size, "iv", at=start, every=gap, n=2), ["k", "size", "start", "gap"], TIMES, 1e-7)


@pytest.mark.parametrize("method", ["numpy", "LSODA"])
def test_nonlinear_rate_of_an_input(method):
    """Overlapping and touching infusions on a route whose rate acts non-linearly."""
    R = input_rate("R", "Gy/day", "dose rate")
    b = param("b", 0.04, "day/Gy^2", "non-linear kill")
    T = state("T", "cell", "tumor", start=100.0)
    model = Model("protracted", rates={T: k * T - b * R**2 * T / (1 + T / 500)}, outputs={"R2": R**2},
                  routes={"radiation": R})  # fmt: skip
    D = param("D", 6.0, "Gy", "dose")
    regimen = fractions(D, 2, start=start, every=lasts, duration=lasts) + fractions(4 * D, 1, start=2, duration="36 h")
    check_differences(model, regimen, ["k", "b", "D", "start", "lasts"], TIMES, 1e-6, method)


def test_several_parameters_move_one_dose():
    model = Model(
        "two", rates={A: -k * A**2 / (V * dose_unit(A) + A)}, routes={"iv": {A: A + dose("mg")}}
    ) if False else ONE  # fmt: skip
    regimen = bolus(size, "iv", at=start + gap / 2) + infusion(size * 2, "iv", lasts, at=start + gap / 2)
    check_differences(model, regimen, ["size", "start", "gap", "lasts", "k"], TIMES, 1e-7)


@pytest.mark.parametrize("name", sorted(catalog()))
def test_every_model_of_the_catalog(name):
    model = load(name)
    regimen, times, wrt = _situation(model)
    check_differences(model, regimen, wrt, times, 1e-6)
