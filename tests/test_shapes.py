"""Shapes of machine code: the same numbers from each, on narrower processors too, and what is made for others."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import closed, mostly_slow, sampled
from llvmlite import ir
from test_compiled import METHODS, NAMES, RNG, all_doses, assert_same, evaluate, eventful, shuffled

import pkpd
from pkpd.errors import UnknownNameError
from pkpd.solvers.compiled import methods
from pkpd.solvers.compiled.choice import chosen_shape
from pkpd.solvers.compiled.elementary import exp, log, power, rough_power, tanh
from pkpd.solvers.compiled.lanes import Rows, function
from pkpd.solvers.compiled.shape import LANES, Shape
from pkpd.solvers.compiled.target import Target, assembly, this_target
from pkpd.solvers.solve import solve

pytestmark = pytest.mark.usefixtures("cache")

# One lane as a thread of a GPU has it: short loops written out, and rows of its own.
WRITTEN_OUT = Shape(1, unroll=16, private=True)
SHAPES = [*map(Shape, LANES), WRITTEN_OUT, Shape(1, unroll=64, inlined=10**9, private=True)]
NEON = Target("aarch64-unknown-linux-gnu", "neoverse-n1", "", "neon")


@pytest.fixture
def shaped(monkeypatch):
    """A function after which all machine code has one shape."""

    def choose(shape):
        fused = replace(shape, fused=this_target().fuses)
        monkeypatch.setattr(methods, "_shape_and_target", lambda: (fused, this_target()))

    return choose


@pytest.fixture(params=LANES)
def lanes(request, monkeypatch):
    monkeypatch.setenv("PKPD_LANES", str(request.param))
    return request.param


# ---- a member's numbers are its own, in every shape


@pytest.mark.parametrize("method", METHODS)
def test_bitwise_the_same_in_any_company(method, lanes):
    case = eventful(61)
    whole = solve(case, method, threads=1)
    assert whole.note.endswith(f"; {lanes} lane{'s' * (lanes > 1)} of {this_target().vectors}")
    assert_same(whole, solve(case, method, threads=2))
    order, mixed = shuffled(case)
    other = solve(mixed, method, threads=1)
    assert np.array_equal(whole.states[order], other.states)
    assert np.array_equal(whole.steps[order], other.steps)
    parts = [solve(case.take(who), method) for who in np.array_split(np.arange(61), [7, 8, 30])]
    assert np.array_equal(whole.states, np.concatenate([part.states for part in parts]))
    assert np.array_equal(whole.steps, np.concatenate([part.steps for part in parts]))


# ---- the same bits from every shape


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", SHAPES[:2] + SHAPES[3:])
def test_every_shape_has_the_same_bits(method, shape, shaped):
    case = eventful(45)
    shaped(Shape(4))
    four = solve(case, method)
    shaped(shape)
    assert_same(four, solve(case, method))


@pytest.fixture
def steps(monkeypatch):
    """The steps of every member in the solutions made since, as the driver counts them."""
    counted = []
    solution = methods.State.solution

    def counting(state, note):
        made = solution(state, note)
        counted.append(made.steps.copy())
        return made

    monkeypatch.setattr(methods.State, "solution", counting)
    return counted


def run_of(name, method):
    model = closed(pkpd.load(name))
    times = np.array([0.0, 0.5, 3.0, 7.02, 14.0, 30.0])
    return pkpd.simulate(model, all_doses(model), times=times, method=method, on_failure="raise")


@pytest.mark.parametrize("name", mostly_slow(sampled(NAMES, 4), 6))
@pytest.mark.parametrize("method", ["auto", "rodas5p"])
def test_one_lane_is_four_and_eight_over_the_library(name, method, shaped, steps):
    shaped(WRITTEN_OUT)
    one, taken = run_of(name, method), steps[:]
    for lanes in (4, 8):
        steps.clear()
        shaped(Shape(lanes))
        other = run_of(name, method)
        np.testing.assert_array_equal(other["status"], one["status"])
        np.testing.assert_array_equal(np.concatenate(steps), np.concatenate(taken))
        for variable in one.data_vars:
            if "time" in one[variable].dims:
                np.testing.assert_allclose(other[variable], one[variable], rtol=1e-10, atol=1e-300, err_msg=variable)


@pytest.mark.parametrize("write", [exp, log, tanh, power, lambda a, b: rough_power(a, -0.1)])
def test_elementary_functions_have_the_same_bits_in_every_shape(write):
    two = write if write is power else write if write.__name__ == "<lambda>" else lambda a, b: write(a)
    x = np.concatenate([RNG(3).uniform(-700, 700, 4000), np.exp(RNG(4).uniform(-700, 700, 4000)), [0.0, np.inf] * 4])
    y = RNG(5).uniform(-5, 5, len(x))
    shapes = [Shape(lanes, fused=this_target().fuses) for lanes in LANES]
    eight, *others = (evaluate(two, x, y, shape) for shape in reversed(shapes))
    for other in others:
        np.testing.assert_array_equal(other, eight)


# ---- narrower processors


@pytest.mark.skipif(this_target().vectors not in ("avx512", "avx2"), reason="no AVX2 here")
@pytest.mark.parametrize("method", METHODS)
def test_avx2_has_the_bits_of_avx512(method, monkeypatch):
    case = eventful(29)
    here = solve(case, method)
    monkeypatch.setenv("PKPD_VECTORS", "avx2")
    narrow = solve(case, method)
    assert narrow.note.endswith("; 4 lanes of avx2")
    assert_same(here, narrow)


@pytest.mark.skipif(this_target().vectors not in ("avx512", "avx2"), reason="no x86 with AVX2")
def test_a_processor_that_does_not_fuse_agrees_to_the_tolerance(monkeypatch):
    case = eventful(29)
    here = solve(case, "dop853")
    monkeypatch.setenv("PKPD_VECTORS", "sse2")
    plain = solve(case, "dop853")
    assert plain.note.endswith("; 2 lanes of sse2")
    np.testing.assert_allclose(plain.states, here.states, rtol=1e-7, atol=1e-9)


def test_a_wrong_number_of_lanes_or_kind_of_vectors_is_refused(monkeypatch):
    monkeypatch.setenv("PKPD_LANES", "3")
    with pytest.raises(UnknownNameError, match="PKPD_LANES.*'3'.*1, 2, 4, 8"):
        chosen_shape(this_target())
    monkeypatch.setenv("PKPD_VECTORS", "axv2")
    with pytest.raises(UnknownNameError, match="this processor has no vector extension 'axv2'"):
        this_target()
    with pytest.raises(ValueError, match="lanes=16"):
        Shape(16)


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no list of this processor's flags")
def test_the_vectors_are_those_that_the_system_names():
    flags = set(re.findall(r"\w+", Path("/proc/cpuinfo").read_text(encoding="utf-8")))
    kinds = {"avx512f": "avx512", "avx2": "avx2", "sse2": "sse2", "asimd": "neon"}
    named = next((kind for flag, kind in kinds.items() if flag in flags), "other")
    assert this_target().vectors == named
    assert this_target().fuses == bool(flags & {"fma", "asimd"})


def test_each_kind_of_processor_has_a_shape(monkeypatch):
    monkeypatch.delenv("PKPD_LANES", raising=False)
    kinds = {"avx512": 8, "avx2": 4, "sse2": 2, "neon": 4, "other": 2}
    for vectors, lanes in kinds.items():
        assert chosen_shape(Target("x86_64-unknown-linux-gnu", "x86-64", "+fma", vectors)).lanes == lanes


def test_another_shape_or_processor_has_machine_code_of_its_own(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setenv("PKPD_CACHE", str(tmp_path))
    methods._compiled.cache_clear()
    case = eventful(3)
    for count, lanes in enumerate(LANES, 1):
        monkeypatch.setenv("PKPD_LANES", str(lanes))
        solve(case, "tsit5")
        assert len(list(tmp_path.iterdir())) == count
    methods._compiled.cache_clear()
    solve(case, "tsit5")
    assert len(list(tmp_path.iterdir())) == len(LANES)
    methods._compiled.cache_clear()


# ---- code for processors that are not at hand


def elementary_assembly(shape, target):
    """Assembly of exp, log, tanh and a power, and of a rough power, as functions."""
    module = ir.Module("test")
    writers = {"exp": exp, "log": log, "tanh": tanh}
    for name in (*writers, "power", "rough"):
        code, (px, py) = function(module, f"f_{name}", [shape.pointer] * 2, shape, public=True)
        x, y = Rows(code, px.raw), Rows(code, py.raw)
        if name in writers:
            x[0] = writers[name](x[0])
        else:
            x[0] = power(x[0], y[0]) if name == "power" else rough_power(x[0], -0.1)
        code.end()
    return assembly(str(module), target)


def operations(text):
    return {line.split()[0] for line in text.splitlines() if re.match(r"\s+[a-z]", line)}


@pytest.mark.parametrize("lanes", [2, 4])
def test_no_lane_is_treated_alone_on_neon(lanes):
    """No number leaves its vector, and no scalar is computed or converted."""
    text = elementary_assembly(Shape(lanes), NEON)
    assert re.search(r"fmla\s+v\d+\.2d", text)
    assert not operations(text) & {"umov", "smov", "ins", "scvtf", "fcvtzs", "fmadd", "fmsub", "fnmsub"}
    assert set(re.findall(r"\sbl\s+(\S+)", text)) <= {"log_anywhere", "power_anywhere"}  # all lanes at once
    assert not re.findall(r"^\s+(?:fadd|fmul|fdiv|fsub)\s+d\d+", text, re.MULTILINE)
    assert not re.findall(r"mov\s+[xd]\d+, v\d+\.d", text)


@pytest.mark.parametrize("lanes", [4, 8])
def test_no_lane_is_treated_alone_on_avx2(lanes):
    avx2 = Target("x86_64-unknown-linux-gnu", "x86-64-v3", "", "avx2")
    text = elementary_assembly(Shape(lanes), avx2)
    forbidden = ("vpextrq", "vmovq", "vpinsrq", "vcvtsi2sd", "vcvttsd2si", "call", "sarq", "vpsrad", "vaddsd", "vdivsd")
    assert "vfmadd" in text
    assert not operations(text) & set(forbidden)
