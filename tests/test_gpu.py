"""What the integrator computes on a card, without one: its PTX and its host side run on this processor.

The driver's library is a fake whose kernels are the PTX in a simulator of warps
(tests/fake_cuda.py).  What is not covered is what only a card can show: its own compiler
and memory, true concurrency, and speed.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_cuda import FakeCuda
from helpers import closed, sampled
from ivp_problems import PUBLISHED, problem, system
from test_compiled import bad_members, eventful, logistic
from test_events import PEAKS, after, peaks, shared_stops

import pkpd
from benchmarks.cases import find
from pkpd.solvers.compiled import ptx
from pkpd.solvers.compiled.choice import chosen_shape
from pkpd.solvers.compiled.cuda import open_card
from pkpd.solvers.compiled.gpu import solve_on
from pkpd.solvers.compiled.target import this_target
from pkpd.solvers.equations.system import numbered_system
from pkpd.solvers.problem import Problem, Solution, Status
from pkpd.solvers.solve import solve

pytestmark = pytest.mark.usefixtures("cache", "card")


def difference(states: np.ndarray, reference: np.ndarray) -> float:
    """The largest |y - r| / (|r| + 1e-3 max|r|), the maximum of each state over members and times."""
    there = ~np.isnan(reference)
    assert np.array_equal(there, ~np.isnan(states))
    size = np.nanmax(np.abs(reference), axis=tuple(range(reference.ndim - 1)), keepdims=True, initial=1e-300)
    error = np.abs(states - reference) / (np.abs(reference) + 1e-3 * size)
    return float(error[there].max(initial=0.0))


def assert_agree(card: Solution, processor: Solution, tolerance: float = 1e-10) -> None:
    """Equal to the bit where the processor adds a product without rounding it, as PTX does; else within `tolerance`."""
    if chosen_shape(this_target()).fused:
        assert_same(card, processor)
    for name in ("status", "steps", "event_counts", "armed"):
        assert np.array_equal(getattr(card, name), getattr(processor, name)), name
    assert difference(card.states, processor.states) < tolerance
    assert difference(card.final.T, processor.final.T) < tolerance
    np.testing.assert_allclose(card.ended, processor.ended, rtol=tolerance)
    np.testing.assert_allclose(card.event_times, processor.event_times, rtol=tolerance, atol=tolerance)


def assert_same(one: Solution, other: Solution) -> None:
    """Equal to the bit."""
    for name in ("states", "status", "ended", "steps", "final", "armed", "event_counts", "event_times"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name != "armed"), name


def form_of(case: Problem, method: str) -> str:
    return ptx.device_code(case.model, method).form


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "method", "form"),
    [
        ("tipd", "tsit5", "registers"), ("tmdd", "rodas5p", "registers"), ("hill", "dop853", "calls"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("tipd", "dop853", "registers"), ("tipd", "rodas5p", "registers"), ("hill", "tsit5", "registers"),
                ("barrier_31", "rodas5p", "calls"), ("lesions_20", "dop853", "calls"),
            )
        ),
    ],
)  # fmt: skip
def test_a_card_agrees_with_the_processor(name: str, method: str, form: str) -> None:
    case = find(name).problem(70, 1e-6)
    assert form_of(case, method) == form
    assert_agree(solve(case, method, device="gpu"), solve(case, method))


@pytest.mark.parametrize("form", ["registers", "calls"])
@pytest.mark.parametrize("method", ["tsit5", "rodas5p"])
def test_stops_events_inputs_and_own_schedules(method: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptx, "MOST_WRITTEN_OUT", {"registers": 10**9, "calls": 0}[form])
    for before in (True, False):
        case = eventful(before=before)
        assert form_of(case, method) == form
        assert_agree(solve(case, method, device="gpu"), solve(case, method))


@pytest.mark.parametrize("method", ["dop853", "rodas5p"])
def test_every_member_has_its_own_times(method: str) -> None:
    times = np.sort(np.random.default_rng(2).uniform(0, 20, (37, 6)), axis=1)
    times[::3, 4:] = np.inf
    case = replace(eventful(), times=times)
    assert_agree(solve(case, method, device="gpu"), solve(case, method))


def test_brief_excursions_set_their_events_off() -> None:
    case = peaks(np.tile([0.2, 1.0, 37.0], 2), np.repeat([0.999, -0.95], 3), 10, rtol=1e-9, atol=1e-12)
    assert case.model is PEAKS
    solution = solve(case, "dop853", device="gpu")
    assert (solution.event_counts == 10).all()
    processor = solve(case, "dop853")
    assert np.array_equal(solution.steps, processor.steps)
    np.testing.assert_allclose(solution.states, processor.states, rtol=0, atol=1e-11)
    np.testing.assert_allclose(solution.event_times, processor.event_times, rtol=1e-11)


@pytest.mark.parametrize("method", ["tsit5", "rodas5p"])
def test_a_member_gets_the_same_bits_in_any_batch_block_order_and_card(card: FakeCuda, method: str) -> None:
    case = eventful(70)
    whole = solve(case, method, device="gpu")
    for most, threads in ((1, 32), (7, 64), (33, 32), (70, 96), (70, 1)):
        assert_same(solve_on(open_card(), case, method, most=most, threads=threads), whole)
    order = np.random.default_rng(1).permutation(70)
    mixed = solve(case.take(order), method, device="gpu")
    assert np.array_equal(mixed.states, whole.states[order])
    alone = solve(case.take(np.array([41])), method, device="gpu")
    assert np.array_equal(alone.states[0], whole.states[41])
    card.set(processors=7)
    assert_same(solve(case, method, device="gpu"), whole)


@pytest.mark.slow
@pytest.mark.parametrize("most", [None, 20])
def test_members_that_turn_out_stiff_go_on_with_an_implicit_method(most: int | None) -> None:
    case = find("tmdd").problem(70, 1e-6)
    processor, device = solve(case, "auto"), solve_on(open_card(), case, "auto", most=most)
    assert_agree(device, processor)
    assert "rodas5p for 70 stiff of 70 members" in device.note
    assert device.note == f"{processor.note.partition(';')[0]}; on the GPU Fake (experimental)"


@pytest.mark.parametrize(
    "name", ["Robertson", *(pytest.param(n, marks=pytest.mark.slow) for n in ("HIRES", "Oregonator"))]
)
def test_published_end_points(name: str) -> None:
    known = PUBLISHED[name]
    case = problem(system(known.rates, name=name), known.start, [known.end], rtol=1e-6, atol=known.atol)
    device, processor = solve(case, "auto", device="gpu"), solve(case, "auto")
    assert (device.status == Status.ok).all()
    np.testing.assert_allclose(device.states[0, 0], known.value, rtol=1e-4, atol=100 * np.max(known.atol))
    np.testing.assert_allclose(device.states, processor.states, rtol=1e-6, atol=known.atol)


@pytest.mark.parametrize("method", ["tsit5", "rodas5p", "auto"])
def test_bad_parameters_fail_alone_and_alike(method: str) -> None:
    p, starts, bad = bad_members(300)
    case = problem(system(logistic, p=5, name="logistic"), starts, [0.0, 10, 50], parameters=p, max_steps=2000)
    device = solve(case, method, device="gpu")
    assert {Status.not_finite, Status.ok} <= set(device.status)
    good = np.setdiff1d(np.arange(300), bad)
    processor = solve(case, method)
    assert_agree(solve(case.take(good), method, device="gpu"), solve(case.take(good), method))
    assert np.array_equal(device.status, processor.status)
    assert np.array_equal(np.isnan(device.states), np.isnan(processor.states))


@pytest.mark.parametrize("method", ["dop853", "rodas5p"])
def test_what_is_cut_at_a_stop_goes_on_bit_by_bit(method: str) -> None:
    case = replace(shared_stops(7), times=np.array([0.0, 4.0, 8.0, 12.0, 20.0]))
    whole = solve(case, method, device="gpu")
    first = solve(replace(case, times=np.array([0.0, 4.0, 8.0])), method, device="gpu")
    second = solve(after(case, first, [8.0, 12.0, 20.0]), method, device="gpu")
    assert np.array_equal(first.states, whole.states[:, :3])
    assert np.array_equal(second.states, whole.states[:, 2:])
    assert np.array_equal(second.final, whole.final)
    assert np.array_equal(first.event_counts + second.event_counts, whole.event_counts)
    # And what the processor has begun goes on here; times before its end are NaN.
    begun = solve(replace(case, times=np.array([0.0, 4.0, 8.0])), method)
    later = solve(after(case, begun, [4.0, 8.0, 12.0, 20.0]), method, device="gpu")
    assert np.isnan(later.states[:, 0]).all()
    assert difference(later.states[:, 1:], whole.states[:, 2:]) < 1e-10


# ---- the verbs


ON_GPU = pkpd.Solver(device="gpu", rtol=1e-8)
ON_CPU = ON_GPU.but(device="cpu")


def both(verb, names) -> None:
    device, processor = verb(ON_GPU), verb(ON_CPU)
    assert np.array_equal(device["status"], processor["status"])
    for name in names:
        assert difference(device[name].values, processor[name].values) < 1e-9, name


@pytest.mark.slow
def test_simulate_an_event_model_with_fractions() -> None:
    model = pkpd.load("kosinsky_2018")
    regimen = pkpd.fractions(2, 3, start=1, duration=0.001) + pkpd.bolus(1.333, "ip", at=[2, 5])
    mice = pkpd.sample(model, 40, seed=1)

    def verb(solver):
        return pkpd.simulate(model, regimen, times=np.arange(0, 31.0), parameters=mice, solver=solver)

    both(verb, ("V", "TV"))
    assert "experimental" in verb(ON_GPU).attrs["method_used"]


def test_numbers_of_the_trajectory_need_no_course() -> None:
    model = pkpd.load("pk_2cmt")
    reduce = {
        "cmax": ("C", "max"), "tmax": ("C", "time_of_max"), "trough": ("C", "last"), "auc": ("C", "auc"),
        "low": ("C", "first_below", 5.0),
    }  # fmt: skip
    people = pkpd.members(CL=np.linspace(0.2, 0.6, 50))
    regimen = pkpd.infusion(100, "iv", 0.1, every=7, n=3)
    both(
        lambda s: pkpd.simulate(model, regimen, times=[0, 28], parameters=people, reduce=reduce, solver=s),
        tuple(reduce),
    )


def test_derivatives() -> None:
    model = pkpd.load("pk_1cmt_oral")
    both(
        lambda s: pkpd.simulate(
            model,
            pkpd.bolus(100, "oral", every=1, n=3),
            times=[0, 1, 2, 5],
            sensitivities=["CL", "ka"],
            outputs=["C"],
            solver=s,
        ),
        ("C", "sensitivity_C"),
    )


def test_a_table_of_records() -> None:
    model = pkpd.load("pk_1cmt_oral")
    rows = [{"ID": i, "TIME": 0, "AMT": 50.0 * i, "CMT": 1, "EVID": 1} for i in (1, 2, 3)]
    rows += [{"ID": i, "TIME": t, "AMT": 0, "CMT": 1, "EVID": 0} for i in (1, 2, 3) for t in (1.0, 2.0, 6.0 + i)]
    frame = pd.DataFrame(rows).sort_values(["ID", "TIME"], kind="stable")
    records = pkpd.read_nonmem(frame, compartments={1: "oral"})
    device, processor = (pkpd.predict(model, records, solver=s) for s in (ON_GPU, ON_CPU))
    np.testing.assert_allclose(device["C"], processor["C"], rtol=1e-10)


@pytest.mark.slow
def test_the_flagship() -> None:
    model = pkpd.load("durvalumab_radiotherapy_nsclc")
    regimen = (
        pkpd.fractions(2, 5, "radiation_primary", start=1)
        + pkpd.bolus(3, "radiation_metastasis", at=4)
        + pkpd.infusion(700, "iv", 0.0417, at=5)
    )
    patients = pkpd.sample(model, 6, seed=3)
    for method in ("auto", "rodas5p"):
        both(
            lambda s, method=method: pkpd.simulate(
                model, regimen, times=np.arange(0, 85, 7.0), parameters=patients, solver=s.but(method=method)
            ),
            ("L", "P", "SLD", "T_primary", "T_metastasis"),
        )


# ---- the text


def test_the_text_is_kept_on_disk(cache, monkeypatch: pytest.MonkeyPatch) -> None:
    case = eventful(3)
    code = ptx.device_code(case.model, "tsit5")
    assert any(code.ptx.encode() in file.read_bytes() for file in cache.iterdir())
    monkeypatch.setattr(ptx, "_text", None)  # is not called again
    assert ptx.device_code(case.model, "tsit5") == code
    assert ".target sm_80" in code.ptx
    assert ".version 7.0" in code.ptx


def test_no_operation_may_be_fused_by_the_driver() -> None:
    text = ptx.device_code(find("tipd").system, "tsit5").ptx
    assert "fma.rn.f64" in text
    for operation in ("add", "sub", "mul"):
        assert f"{operation}.rn.f64" in text
        assert f"{operation}.f64" not in text


MOST_SPILLED = 2500  # bytes of a thread


def assert_assembles(code: ptx.DeviceCode, folder) -> None:
    if shutil.which("ptxas") is None:
        pytest.skip("no ptxas on the PATH, which assembles PTX")
    (folder / "k.ptx").write_text(code.ptx)
    command = ["ptxas", "-arch=sm_80", "-v", "-o", "k.cubin", "k.ptx"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert max(int(n) for n in re.findall(r"Used (\d+) registers", told)) <= 255
    spilled = [int(n) for n in re.findall(r"(\d+) bytes spill stores", told)]
    assert sum(spilled) <= MOST_SPILLED


@pytest.mark.parametrize(("name", "method"), [("tipd", "tsit5"), ("tmdd", "rodas5p"), ("hill", "dop853")])
def test_the_benchmarks_assemble(name: str, method: str, tmp_path) -> None:
    assert_assembles(ptx.device_code(find(name).system, method), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(  # by one method each, in turn: by both it takes ten minutes
    ("name", "method"), sampled(zip(pkpd.catalog().index, itertools.cycle(["dop853", "rodas5p"]), strict=False), 7)
)
def test_every_model_of_the_catalog_assembles(name: str, method: str, tmp_path) -> None:
    assert_assembles(ptx.device_code(numbered_system(closed(pkpd.load(name))), method), tmp_path)
