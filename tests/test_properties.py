"""Random small models under random regimens: what holds of any model holds of these."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import pkpd
from pkpd.solvers import chunks

WAYS = ["auto", "tsit5", "dop853", "rodas5p", "numpy"]
SEEDS = range(6)
W = pkpd.param("w", 1.0, "1/day", "makes rates of numbers")
DELAY = pkpd.param("delay", 2.0, "day", "time of the second dose")
R = pkpd.input_rate("R", "1/day", "input")
TIME = W * pkpd.clock("day")
TIMES = np.array([0.0, 0.37, 1.0, 2.5, 3.1, 5.0, 7.3, 12.0])


pytestmark = pytest.mark.usefixtures("cache")


def expression(rng, symbols, depth):
    """A random expression without poles: every kind of function that a rate may hold."""
    if depth == 0:
        return symbols[rng.integers(len(symbols))]
    a, b = (expression(rng, symbols, depth - 1) for _ in range(2))
    c = symbols[-1]
    choices = [
        sympy.tanh(a), sympy.exp(-(a**2)), sympy.log(1 + a**2), sympy.sqrt(1 + a**2), a - b, a / (1 + b**2),
        (a**2 + 0.01) ** 0.7 / (1 + (a**2 + 0.01) ** 0.7), sympy.Min(a, b), sympy.Max(a, b),
        sympy.Piecewise((a, b > c), (b, True)), sympy.Heaviside(TIME - 3 * c) * a, a + TIME / 5,
    ]  # fmt: skip
    return choices[rng.integers(len(choices))]


def random_model(seed):
    """Three bounded states, an event, a bolus, a jump that is not additive, an input rate and two outputs."""
    rng = np.random.default_rng(seed)
    p = [pkpd.param(f"p{i}", round(rng.uniform(0.3, 2), 3), "1", "random") for i in range(2)]
    y = [pkpd.state(f"y{i}", "1", "random", start=round(rng.uniform(0.2, 2), 2) * p[i % 2]) for i in range(3)]
    rates = {}
    for state in y:
        speed = round(10 ** rng.uniform(-1, 1.5), 3)
        rates[state] = W * (sympy.tanh(expression(rng, [*y, *p], 2)) * sympy.sqrt(speed) - speed * state)
    rates[y[2]] += R * (1 + sympy.tanh(y[0]))
    dose = pkpd.dose("1")
    return pkpd.Model(
        f"random_{seed}",
        rates=rates,
        routes={"iv": {y[0]: y[0] + p[0] * dose}, "shrink": {y[1]: y[1] * sympy.exp(-dose * p[1])}, "input": R},
        events=[pkpd.Event(y[0] < round(rng.uniform(0.05, 0.3), 2), {y[1]: y[1] + 1})],
        outputs={"one": expression(rng, [*y, *p], 2), "two": y[0] * y[1]},
    )


REGIMEN = (
    pkpd.bolus(0.7, "iv", at=[0, 2.5]) + pkpd.bolus(1.1, "shrink", at=DELAY) + pkpd.infusion(2, "iv", 1.5, at=2.5)
    + pkpd.infusion(1, "input", 3, at=DELAY) + pkpd.bolus(0.4, "iv", at=5)
)  # fmt: skip


def ensemble(seed, members):
    rng = np.random.default_rng(seed + 1000)
    return {
        "p0": rng.uniform(0.4, 2, members), "p1": rng.uniform(0.4, 2, members),
        "delay": np.where(rng.uniform(size=members) < 0.3, 2.5, rng.uniform(0.1, 6, members)),
    }  # fmt: skip


def run(seed, parameters, method="auto", rtol=1e-8, **options):
    options = {"times": TIMES, "atol": rtol / 100, "on_failure": "raise", **options}
    return pkpd.simulate(random_model(seed), REGIMEN, parameters=parameters, method=method, rtol=rtol, **options)


def values(result):
    return result[["y0", "y1", "y2", "one", "two"]].to_array().values


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_methods_agree_with_the_oracle(seed):
    """To 1000 tolerances: a rate that jumps costs a step of low order at each jump, a wrong number far more."""
    at_dose = ("before", "after")[seed % 2]
    oracle = values(run(seed, ensemble(seed, 3), "scipy", 1e-10, at_dose=at_dose))
    for method in WAYS:
        found = values(run(seed, ensemble(seed, 3), method, at_dose=at_dose))
        np.testing.assert_allclose(found, oracle, rtol=1e-5, atol=1e-5, err_msg=method)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_company_and_chunks_change_no_bit(seed, monkeypatch):
    everyone = ensemble(seed, 60)
    order = np.random.default_rng(seed).permutation(60)[:41]
    for method in ("auto", WAYS[1 + seed % 4]):
        with monkeypatch.context() as small:
            small.setattr(chunks, "CHUNK_MEMBERS", 7)
            small.setitem(chunks.CHUNK_BYTES, "cpu", 1)
            parts = values(run(seed, everyone, method, threads=2))
            outputs = run(seed, everyone, method, outputs=["two"])["two"].values
        whole = values(run(seed, everyone, method, threads=1))
        some = values(run(seed, {k: v[order] for k, v in everyone.items()}, method))
        np.testing.assert_array_equal(parts, whole)
        np.testing.assert_array_equal(outputs, whole[4])
        np.testing.assert_array_equal(some, whole[:, order])


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_sensitivities_are_differences(seed):
    """Where differences of two sizes agree, which they do unless an event comes or goes between them."""
    at, by = ensemble(seed, 3), ["p0", "delay"]
    at["delay"] = np.array([0.41, 1.77, 4.23])  # away from the stored times
    names = [f"sensitivity_{name}" for name in ("y0", "y1", "y2", "one", "two")]
    found = run(seed, at, rtol=1e-10, sensitivities=by)[names].to_array()

    def difference(name, h):
        high, low = (values(run(seed, at | {name: at[name] * (1 + s * h)}, "dop853", 1e-12)) for s in (1, -1))
        return (high - low) / (2 * h * at[name][:, None])

    for name in by:
        wide, narrow = difference(name, 1e-4), difference(name, 5e-5)
        agree = np.abs(wide - narrow) < 1e-5 * (1 + np.abs(narrow))
        assert agree.mean() > 0.8
        exact = found.sel(parameter=name).transpose("variable", "member", "time").values
        np.testing.assert_allclose(exact[agree], narrow[agree], rtol=1e-4, atol=1e-4)
