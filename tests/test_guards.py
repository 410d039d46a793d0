"""Powers whose base undershoots zero: what is guarded, what is not, and that values stay."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import pkpd
from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.guards import guards_of, never_negative, nonnegative_states
from pkpd.solvers.equations.system import numbered_system

x, y, p, q = (sympy.Symbol(name, real=True) for name in ("y_0", "y_1", "p_0", "p_1"))

depot, central = pkpd.state("depot", "mg", "drug absorbed"), pkpd.state("central", "mg", "drug")
ka, CL = pkpd.param("ka", 1.5, "1/day", "absorption"), pkpd.param("CL", 10, "L/day", "clearance")
V, EC = pkpd.param("V", 1, "L", "volume"), pkpd.param("EC", 0.5, "mg/L", "half")
h, E = pkpd.param("h", 1.7, "1", "Hill exponent"), pkpd.param("E", 0.9, "1", "largest effect")
kout = pkpd.param("kout", 0.3, "1/day", "turnover")


def sigmoid(effect: sympy.Expr) -> pkpd.Model:
    R = pkpd.state("R", "1", "response", start=1)
    return pkpd.Model(
        "sigmoid",
        rates={depot: -ka * depot, central: ka * depot - CL * central / V, R: kout * (1 - E * effect) - kout * R},
        routes={"oral": {depot: depot + pkpd.dose("mg")}},
    )


@pytest.mark.parametrize("method", ["auto", "tsit5", "rodas5p", "numpy", "scipy"])
@pytest.mark.parametrize("exponent", [h, 1.7], ids=["parameter", "number"])
def test_the_response_returns_long_after_the_drug_is_gone(method: str, exponent: object) -> None:
    power = (central / V / EC) ** exponent
    model = sigmoid(power / (1 + power))
    regimen = pkpd.bolus(100, "oral", every=7, n=3)
    run = pkpd.simulate(model, regimen, times=np.arange(0, 200, 5.0), method=method)
    assert int(run["status"]) == 0
    assert float(run["R"][-1]) == pytest.approx(1, abs=1e-6)


def test_its_derivatives_return_to_zero() -> None:
    regimen = pkpd.bolus(100, "oral", every=7, n=3)
    power = (central / V / EC) ** h
    run = pkpd.simulate(sigmoid(power / (1 + power)), regimen, times=[10.0, 195.0], sensitivities=["EC", "h"])
    slopes = run["sensitivity_R"].to_numpy()
    assert np.isfinite(slopes).all()
    assert (np.abs(slopes[0]) > 1e-3).all()
    np.testing.assert_allclose(slopes[-1], 0, atol=1e-6)


def test_signs_are_proved_from_parts() -> None:
    signs = {x, y, p}
    for proved in (x + y * p, x / p, sympy.exp(q), (q - x) ** 2 + x, sympy.Max(q, x), sympy.Abs(q) * x, 3, p**q):
        assert never_negative(sympy.sympify(proved), signs), proved
    for open_ in (x - y, -x, x + q, 1 - x, sympy.Min(x, q), sympy.log(1 + x), sympy.Piecewise((x, p > 1), (q, True))):
        assert not never_negative(open_, signs), open_


def test_a_state_that_can_fall_below_zero_is_not_cut() -> None:
    rates = {x: -p * x + y, y: -p}
    changes = {x: (sympy.S.Zero,), y: (sympy.S.One,)}
    assert nonnegative_states(rates, changes, {p}, set()) == set()
    assert nonnegative_states(rates, changes, {p}, {y}) == {x, y}
    assert nonnegative_states({x: -p * x + y, y: -p * y}, changes, {p}, set()) == {x, y}
    assert nonnegative_states({x: -p * x + y, y: -p * y}, {**changes, y: (q,)}, {p}, set()) == set()


def test_what_is_guarded() -> None:
    signs, states = {x, y, p}, {x, y}
    cut = sympy.Max(x, 0)
    assert guards_of([x**q + x**2 + p**q], signs, states) == {x**q: cut**q}
    assert guards_of([(1 + x) ** q + (x - y) ** q + sympy.log(x) + x**2.0], signs, states) == {}
    nested = (x**q + y) ** p
    assert guards_of([nested], signs, states)[nested] == sympy.Max(cut**q + y, 0) ** p


def test_a_parameter_that_may_be_negative_proves_nothing() -> None:
    def guards(**declared: object) -> frozenset[sympy.Expr]:
        scale = pkpd.param("scale", 1, "mg", "scale", **declared)  # type: ignore[arg-type]
        return numbered_system(sigmoid((central / scale) ** h)).guards

    assert len(guards()) == len(guards(bounds=(0, None))) == 1
    assert guards(bounds=(-5, None)) == frozenset()


def test_a_guard_is_no_kink_and_leaves_slopes_alone() -> None:
    system = numbered_system(sigmoid((central / V / EC) ** h))
    assert len(system.guards) == 1
    assert not system.kinked
    slope = partial(sympy.Max(x / p, 0) ** q, x)
    plain = partial((x / p) ** q, x)
    at = {x: 0.7, p: 2.0, q: 1.7}
    assert float(slope.subs(at)) == float(plain.subs(at))
    assert float(slope.subs({x: -1e-17, p: 2.0, q: 1.7})) == 0
    assert not partial(sympy.Max(x / p, 0) ** 1.7, x).has(sympy.Piecewise)


@pytest.mark.parametrize(("exponent", "expected"), [(0.6, 0.0), (1.0, 0.5), (1.7, 0.0)])
def test_the_slope_of_a_power_at_zero_is_finite(exponent: float, expected: float) -> None:
    for base in (x / p, sympy.Max(x / p, 0)):
        for power, values in ((base**q, {q: exponent}), (base ** sympy.Float(exponent), {})):
            assert float(partial(power, x).subs({x: 0, p: 2.0} | values)) == expected
            assert float(partial(power, x).subs({x: 3.0, p: 2.0} | values)) == pytest.approx(
                exponent / 2 * 1.5 ** (exponent - 1)
            )


@pytest.mark.parametrize("method", ["auto", "tsit5", "dop853", "rodas5p", "numpy", "scipy"])
def test_a_steep_onset_has_derivatives_before_the_first_dose(method: str) -> None:
    """With a Hill exponent below 1 the slope of the effect by the drug is infinite where there is none."""
    names = ["h", "EC", "CL", "V"]
    doses = pkpd.bolus(10, "oral", at=[1, 2])
    options = {"times": [0, 0.5, 1.5, 3], "method": method, "rtol": 1e-9, "atol": 1e-12, "on_failure": "raise"}
    power = (central / V / EC) ** h
    model = sigmoid(power / (1 + power)).using(h=0.8)
    run = pkpd.simulate(model, doses, sensitivities=names, **options)
    for name in names:
        at, step = model[name].value, 1e-4 * model[name].value
        high, low = (pkpd.simulate(model, doses, parameters={name: at + s * step}, **options) for s in (1, -1))
        expected = (high["R"] - low["R"]).values / (2 * step)
        np.testing.assert_allclose(
            run["sensitivity_R"].sel(parameter=name), expected, atol=1e-6 * np.abs(expected).max() + 1e-9
        )


def test_a_cut_of_the_authors_own_is_still_a_kink() -> None:
    least = pkpd.param("least", 1, "mg", "amount without effect")
    assert numbered_system(sigmoid((sympy.Max(central - least, 0) / EC / V) ** h)).kinked
