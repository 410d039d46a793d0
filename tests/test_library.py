"""What every model of the library must fulfil; a new file in models/ is tested by being there."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from helpers import closed, mostly_slow, tolerance_error

import pkpd
from pkpd.errors import ModelError
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import numbered_system
from pkpd.symbolic.symbols import Declared, Dose, Given, Parameter, State

NAMES = list(pkpd.catalog().index)
PARTS = ["effect_cmt", "pdl1_occupancy", "shulgin_2020", "zhang_2022"]  # these lack a given: they run in company only
AMOUNTS = {
    "mg": 1500.0, "nmol": 1.333, "Gy": 2.0, "1": 1.0, "cell": 1e4,
    "cell/L": 1e6, "IU/L": 1e4, "mg/L": 1.0, "g/cm^3": 2e-8, "mm^3": 50.0,
}  # fmt: skip
TIMES = np.array([0.0, 0.5, 1.0, 3.0, 7.0, 7.02, 14.0, 21.0, 30.0])
RTOL, ATOL = 1e-6, 1e-9


def module_of(name):
    return importlib.import_module(f"pkpd.models.{name}")


def regimen_for(model, route):
    """Two doses on one route, in an amount that is usual for its unit."""
    entry = model.routes[route]
    rate = entry.rate is not None
    amount = AMOUNTS[entry.unit(model.time)]
    return pkpd.fractions(amount, n=2, route=route, start=1, every=6, duration=0.001 if rate else None)


def infusion_for(model, route):
    amount = AMOUNTS[model.routes[route].unit(model.time)]
    return pkpd.infusion(amount, route=route, duration=1 / 24, at=1, every=6, n=2)


REGIMENS = [(name, None) for name in NAMES] + [(name, route) for name in NAMES for route in pkpd.load(name).routes]
ROUTES = [(name, route) for name, route in REGIMENS if route is not None]
DECLARED = [(name, s) for name in NAMES for s in pkpd.load(name).settable if isinstance(s, Parameter)]


# ---- words


@pytest.mark.parametrize("name", NAMES)
def test_names_match(name):
    module = module_of(name)
    assert module.model.name == name
    for key, symbol in vars(module).items():
        if isinstance(symbol, Declared) and not isinstance(symbol, Dose):
            assert symbol.name == key


@pytest.mark.parametrize("name", NAMES)
def test_text_has_title_source_and_the_equation_of_each_state(name):
    model = pkpd.load(name)
    assert 10 < len(model.title) < 80
    assert not model.description.splitlines()[0].startswith(" ")
    assert len(pkpd.catalog()["source"][name]) > 20
    for key, symbol in vars(module_of(name)).items():
        if isinstance(symbol, State):
            assert f"d{key}/dt" in model.description


@pytest.mark.parametrize(("name", "symbol"), DECLARED, ids=[f"{n}-{s.name}" for n, s in DECLARED])
def test_parameter_says_its_meaning_source_and_bounds(name, symbol):
    declaration = symbol.declaration
    assert len(declaration.meaning) > 3
    assert len(declaration.source) > 5
    assert all(len(source) > 5 for _, _, _, source in declaration.alternatives)
    low, high = declaration.bounds
    assert all(low <= value <= high for _, value, _, _ in declaration.alternatives)


@pytest.mark.parametrize("name", NAMES)
def test_states_and_outputs_have_meaning_and_unit(name):
    model = pkpd.load(name)
    for key in [*(s.name for s in model.states), *model.outputs]:
        assert model.units[key]
        assert " " in model.meaning(key)
        assert model.meaning(key)[0] != "("  # an expression stands in where no meaning was written


def test_catalog_lists_every_file():
    from pathlib import Path

    files = {p.stem for p in Path(module_of(NAMES[0]).__file__).parent.glob("*.py")} - {"__init__"}
    assert set(NAMES) == files
    for name in ("durvalumab_baverel_2018", "kosinsky_2018", "kuznetsov_1994", "pdl1_occupancy", "radiotherapy_lq"):
        assert name in files


# ---- numbers


def test_parts_refuse_to_run_alone():
    for name in NAMES:
        model = pkpd.load(name)
        lacks = [s.name for s in model.settable if isinstance(s, Given) and s.default is None]
        assert bool(lacks) == (name in PARTS)
        if lacks:
            with pytest.raises(ModelError, match=f"needs '{lacks[0]}'"):
                pkpd.simulate(model, times=[0, 1])


def somewhere(model, seed):
    """Times, states, parameters and inputs near those of a run, at which no state is zero."""
    rng = np.random.default_rng(seed)
    run = pkpd.simulate(model, times=np.linspace(0, 20, 41))
    top = np.array([float(np.abs(run[s.name]).max()) for s in model.states])
    y = np.where(top > 0, top, 1.0)[:, None] * rng.uniform(0.2, 0.9, (len(top), 1))
    p = np.array([[s.value if isinstance(s, Parameter) else s.default] for s in model.settable])
    return y, p


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", mostly_slow([1, 2, 3]))
def test_jacobian_equals_finite_differences(name, seed):
    model = closed(pkpd.load(name))
    inputs = tuple(k for k, r in model.routes.items() if r.rate is not None)
    system = numbered_system(model, inputs)
    code = numpy_code(system)
    y, p = somewhere(model, seed)
    u = np.ones((len(inputs), 1))
    t = np.array([1.0])
    n = len(y)
    analytic = code.jacobian(t, y, p, u).reshape(n, n)
    numeric = np.empty((n, n))
    for j in range(n):
        h = 1e-5 * y[j, 0]
        up, down = y.copy(), y.copy()
        up[j] += h
        down[j] -= h
        numeric[:, j] = ((code.rates(t, up, p, u) - code.rates(t, down, p, u)) / (2 * h))[:, 0]
    # In relative terms: what a change of a state by its own size does to a rate, beside that rate.
    size = np.abs(analytic * y.T).max(axis=1, keepdims=True) + 1e-300
    assert np.abs((analytic - numeric) * y.T / size).max() < 1e-7


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_a_dose_does_something(name, route):
    model = closed(pkpd.load(name))
    untreated = pkpd.simulate(model, times=TIMES)
    treated = pkpd.simulate(model, regimen_for(model, route), times=TIMES)
    targets = [s.name for s in model.routes[route].jumps] or [s.name for s in model.states]
    changed = {k for k in targets if not np.allclose(treated[k].values[3:], untreated[k].values[3:], rtol=1e-3)}
    assert changed
    if model.routes[route].rate is None:
        assert changed == set(targets)
    assert np.array_equal(treated.isel(time=0).to_array(), untreated.isel(time=0).to_array())


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_twice_half_a_dose_at_one_time_is_the_dose_where_it_adds(name, route):
    model = closed(pkpd.load(name))
    if model.routes[route].rate is None and model.routes[route].additive is None:
        pytest.skip("the jump is not additive")
    lasting = {"duration": 0.001} if model.routes[route].rate is not None else {}
    amount = AMOUNTS[model.routes[route].unit(model.time)]
    whole, half = (pkpd.fractions(a, n=1, route=route, start=1, **lasting) for a in (amount, amount / 2))
    one, two = (pkpd.simulate(model, r, times=TIMES, rtol=1e-9) for r in (whole, half + half))
    for s in model.states:
        assert tolerance_error(two[s.name], one[s.name], rtol=1e-7, atol=1e-8) < 1


# ---- the vectorized integrator against the oracle


def members(model):
    """The typical member, and two from the variability that the model declares."""
    varied = {s.name: s.value for s in model.settable if isinstance(s, Parameter) and s.declaration.iiv}
    if not varied:
        return None
    drawn = pkpd.sample(model, 2, seed=7)
    return {name: np.append(value, drawn[name]) for name, value in varied.items()}


def worst(model, run, oracle):
    return max(tolerance_error(run[s.name], oracle[s.name], rtol=RTOL, atol=ATOL) for s in model.states)


# In these an error is carried along and grows, in any integrator: ours may be as large as 5 times that of scipy's
# DOP853 at the same tolerance.  In rauf_2025 two states fall from 1e6 to 1e-10; coletti_2020 is at 5.2 tolerances.
CARRIED = ["coletti_2020", "rauf_2025"]


def assert_agrees(model, regimen):
    common = {"times": TIMES, "parameters": members(model), "on_failure": "raise"}
    fast = pkpd.simulate(model, regimen, method="numpy", rtol=RTOL, atol=ATOL, **common)
    oracle = pkpd.simulate(model, regimen, method="scipy", rtol=1e-11, atol=1e-12, **common)
    error = worst(model, fast, oracle)
    if error >= 5 and model.name in CARRIED:
        error /= worst(model, pkpd.simulate(model, regimen, method="DOP853", rtol=RTOL, atol=ATOL, **common), oracle)
    assert error < 5


@pytest.mark.parametrize(("name", "route"), mostly_slow(REGIMENS))
def test_numpy_agrees_with_the_oracle(name, route):
    model = closed(pkpd.load(name))
    assert_agrees(model, None if route is None else regimen_for(model, route))


@pytest.mark.parametrize(("name", "route"), mostly_slow((n, r) for n, r in ROUTES if pkpd.load(n).routes[r].additive))
def test_numpy_agrees_with_the_oracle_on_infusions(name, route):
    model = closed(pkpd.load(name))
    assert_agrees(model, infusion_for(model, route))


@pytest.mark.parametrize("name", mostly_slow(n for n in NAMES if len(pkpd.load(n).routes) > 1))
def test_numpy_agrees_with_the_oracle_on_all_routes_together(name):
    model = closed(pkpd.load(name))
    assert_agrees(model, sum((regimen_for(model, r) for r in model.routes), pkpd.Regimen()))
