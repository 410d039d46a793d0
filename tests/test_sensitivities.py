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


def differences(model, regimen, values, name, times, h=1e-3):
    """d / d name of everything by differences of order 6 of the oracle, at its tightest tolerance."""
    step = h * (abs(values[name]) or 1.0)

    def run(by):
        changed = {**values, name: values[name] + by * step}
        return simulate(model, regimen, times=times, parameters=changed, method="DOP853", rtol=1e-12, atol=1e-12)

    one = {by: run(by) for by in (-3, -2, -1, 1, 2, 3)}
    return (45 * (one[1] - one[-1]) - 9 * (one[2] - one[-2]) + (one[3] - one[-3])) / (60 * step)


def worst(found, expected):
    """The largest error, relative to the largest value of each derivative."""
    scale = np.abs(expected).max(axis=0)
    return float((np.abs(found - expected) / np.where(scale > 0, scale, 1.0)).max())


def check_differences(model, regimen, wrt, times, tolerance, method="auto"):
    """An error is relative to the largest value of the derivative, or where that vanishes to 1 % of X/p."""
    used = (*model.free, *(regimen.parameters if regimen else ()))
    values = {s.name: s.value if isinstance(s, Parameter) else s.default for s in used}
    run = simulate(model, regimen, times=times, parameters=values, sensitivities=wrt, method=method, **TIGHT)
    errors = {}
    for name in wrt:
        expected = differences(model, regimen, values, name, times)
        for variable in (*(s.name for s in model.states), *model.outputs):
            found = run[f"d_{variable}"].sel(parameter=name)
            floor = 1e-2 * float(abs(run[variable]).max()) / (abs(values[name]) or 1.0)
            scale = max(float(abs(expected[variable]).max()), floor) or 1.0
            errors[variable, name] = float(abs(found - expected[variable]).max()) / scale
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
    np.testing.assert_allclose(run.d_T, expected, rtol=1e-9)
    np.testing.assert_allclose(run.d_square, 2 * size[:, None] * expected, rtol=1e-9)


def test_bolus_of_a_dose_and_a_time_that_are_parameters():
    wrt = (k, V, F, size, start)
    t = sympy.Symbol("t")
    closed = sympy.Piecewise((F * 2 * size / V * sympy.exp(-k * (t - start)), t > start), (0, True))
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
    assert worst(run.d_B.values, derivatives(closed, t, wrt, values)) < 1e-9


# ---- differences


def test_jump_that_uses_the_time_at_a_moving_time():
    t_ = clock("day")
    model = Model("aging", rates={A: -k * A}, routes={"iv": {A: A + dose("mg") * sympy.exp(-k * t_)}})
    check_differences(model, bolus(size, "iv", at=start, every=gap, n=2), ["k", "size", "start", "gap"], TIMES, 1e-6)


@pytest.mark.parametrize("method", ["numpy", "LSODA"])
def test_nonlinear_rate_of_an_input(method):
    """Overlapping and touching infusions on a route whose rate acts non-linearly."""
    R = input_rate("R", "Gy/day", "dose rate")
    b = param("b", 0.04, "day/Gy^2", "non-linear kill")
    K = param("K", 500.0, "cell", "size at half of the kill")
    T = state("T", "cell", "tumor", start=100.0)
    model = Model("protracted", rates={T: k * T - b * R**2 * T / (1 + T / K)}, outputs={"R2": R**2},
                  routes={"radiation": R})  # fmt: skip
    D = param("D", 6.0, "Gy", "dose")
    regimen = fractions(D, 2, start=start, every=lasts, duration=lasts) + fractions(4 * D, 1, start=2, duration="36 h")
    check_differences(model, regimen, ["k", "b", "D", "start", "lasts"], TIMES, 1e-6, method)


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
    name for name in sorted(catalog().index) if all(getattr(s, "default", 0) is not None for s in load(name).free)
]


AMOUNTS = {"mg": 100.0, "nmol": 1.333, "Gy": 2.0, "1": 1.0, "cell": 1e4, "cell/L": 1e6, "IU/L": 1e4, "g/cm^3": 2e-8}


# Where a derivative does not exist in the sense of `simulate`: a rate that starts with a jump at `delay`, and the
# survival of a log-normal time at time 0, whose logarithm is infinite.
UNDEFINED = [("chatterjee_2017", "delay"), ("struemper_2025", "sigma"), ("wang_2009", "sigma")]


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
    run = simulate(model, regimen, times=times, parameters={**rest, **columns}, rtol=1e-12, atol=1e-12)
    each = np.array(list(weights.values())) / 60
    return {
        (variable, name): np.tensordot(each, run[variable].values[6 * i : 6 * i + 6], 1) / steps[name]
        for i, name in enumerate(wrt)
        for variable in (*(s.name for s in model.states), *model.outputs)
    }


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CLOSED)
def test_every_model_of_the_catalog(name, every):
    """The parameters of the model and of a regimen that uses every route; kosinsky_2018 comes to its extinction.

    Differences with two steps tell how far differences can be trusted: a derivative must
    agree to 1e-6, or to what the two leave open where that is more, which is rare.
    """
    model = load(name)
    if any(f"d_{s.name}" in model.units for s in model.states):
        with pytest.raises(ParameterError, match="which a result with sensitivities needs"):
            simulate(model, times=[0, 1], sensitivities=[model.free[0].name])
        return
    regimen = every_route(model)
    used = (*model.free, *(regimen.parameters if regimen else ()))
    values = {s.name: s.value if isinstance(s, Parameter) else s.default for s in used}
    every = max(every, len(model.free) // (24 if every == 1 else 5))  # equations grow with states times parameters
    wrt = [s.name for s in model.free][::every] + [s.name for s in (regimen.parameters if regimen else ())]
    times = [0, 0.9, *np.arange(1.5, 18, 1.5)]
    run = simulate(model, regimen, times=times, parameters=values, sensitivities=wrt, **TIGHT)
    wide, narrow = (
        all_differences(model, regimen, values, wrt, times, h) for h in (5e-3, 2e-3)
    )  # the noise of an integration is divided by the step
    errors, doubts = {}, []
    for (variable, by), expected in wide.items():
        floor = 1e-2 * float(abs(run[variable]).max()) / (abs(values[by]) or 1.0)
        scale = max(np.abs(expected).max(), floor) or 1.0
        error = np.abs(run[f"d_{variable}"].sel(parameter=by).values - expected).max() / scale
        doubt = np.abs(narrow[variable, by] - expected).max() / scale
        doubts.append(doubt)
        if not error < max(1e-6, 5 * doubt) and (name, by) not in UNDEFINED:
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
    assert many.d_C.dims == ("member", "time", "parameter")
    np.testing.assert_array_equal(many.d_C[1], alone.d_C)


def test_result_is_labelled(tmp_path):
    run = simulate(ONE, bolus(size, "iv"), times=TIMES, parameters=grid(k=[0.1, 0.2]), outputs=["C"],
                   sensitivities=["V", "k", "size", "A"])  # fmt: skip
    assert set(run.data_vars) == {"C", "d_C", "status", "ended"}
    assert run.d_C.dims == ("k", "time", "parameter")
    assert list(run.parameter.values) == ["V", "k", "size", "A"]
    assert run.d_C.attrs["units"] == ["mg/L^2", "day mg/L", "1/L", "1/L"]
    np.testing.assert_allclose(run.d_C.sel(parameter="V"), -run.C / 5.0, atol=1e-7)
    run.to_netcdf(tmp_path / "run.nc")


def test_values_are_those_without_sensitivities():
    regimen = bolus(size, "iv", at=start, every=gap, n=2)
    plain = simulate(ONE, regimen, times=TIMES, **TIGHT)
    run = simulate(ONE, regimen, times=TIMES, sensitivities=["k", "gap"], **TIGHT)
    np.testing.assert_allclose(run.A, plain.A, rtol=1e-9)


@pytest.mark.parametrize("at_dose", ["before", "after"])
def test_side_of_a_dose(at_dose):
    run = simulate(ONE, bolus(size, "iv", at=start), times=[1.3], sensitivities=["size", "start"], at_dose=at_dose)
    np.testing.assert_allclose(run.d_A[0], [0, 0] if at_dose == "before" else [0.7, 0.7 * 80 * 0.3])


def test_names_are_checked():
    with pytest.raises(UnknownNameError, match="Did you mean 'k'"):
        simulate(ONE, times=[1], sensitivities=["K"])
    with pytest.raises(ParameterError, match="'k' twice"):
        simulate(ONE, times=[1], sensitivities=["k", "k"])
    d_A = state("d_A", "mg", "something")
    with pytest.raises(ParameterError, match="'d_A'"):
        simulate(Model("taken", rates={A: -k * A, d_A: k * A}), times=[1], sensitivities=["k"])


def test_an_event_that_can_set_off_another_is_refused():
    low, high = param("low", 1.0, "mg", "low"), param("high", 2.0, "mg", "high")
    B = state("B", "mg", "other", start=5.0)
    model = Model("chain", rates={A: k * A, B: -k * B}, events=[Event(A > high, {B: 0}), Event(B < low, {A: 0})])
    with pytest.raises(ParameterError, match=r"chain: .* can set off the event B - low < 0"):
        simulate(model, times=[1], sensitivities=["k"])


def test_an_event_that_an_input_sets_off_is_refused():
    R, most = input_rate("R", "mg/day", "input"), param("most", 3.0, "mg/day", "largest")
    model = Model("fed", rates={A: R - k * A}, routes={"feed": R}, events=[Event(R > most, {A: 0})])
    with pytest.raises(ParameterError, match="an input rate can set it off"):
        simulate(model, infusion(size, "feed", lasts), times=[1], sensitivities=["k"])


# ---- expressions

x, y = sympy.symbols("x y", real=True)


@pytest.mark.parametrize(
    "expression",
    [x**y / (2**y + x**y), sympy.exp(-y * x**2) * sympy.tanh(x), sympy.Max(x, y, 1) * x, sympy.Min(x**2, y, x),
     sympy.Abs(x - y) ** 3, sympy.Piecewise((x * y, x < y), (x / y, True)), sympy.log(x + y) / sympy.sqrt(x),
     y**x, sympy.Heaviside(x - y) * x**2],
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


def test_augmented_model_has_the_jacobian_of_its_rates():
    wrt = ("k", "V")
    augmented = with_sensitivities(canonical(ONE), wrt)
    assert augmented.states == ("A", "d A/d k", "d A/d V")
    assert augmented.output_names == ("C", "d C/d k", "d C/d V")
    assert augmented.jacobian[1][:2] == (-1, -augmented.p[augmented.parameters.index("k")])
