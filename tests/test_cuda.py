"""The host side of a card: what it says where there is none, batches, memory that runs out, and interrupts.

The library that is called is a fake of the driver's, through the same ctypes (tests/fake_cuda.py).
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import sympy
from fake_cuda import FakeCuda, forget_cards
from ivp_problems import problem, sized, system
from test_compiled import eventful
from test_gpu import assert_same

import pkpd
from pkpd.errors import ModelError, SimulationError, UnknownNameError
from pkpd.solvers.compiled import gpu
from pkpd.solvers.compiled.cuda import OUT_OF_MEMORY, CudaError, open_card
from pkpd.solvers.solve import solve

pytestmark = pytest.mark.usefixtures("cache")


@sized(2)
def turning(t, y, p, u):
    return [p[0] * y[1], -p[0] * y[0]]


TURNING = system(turning, p=1, name="turning")


def turns(members: int, end: float = 1.0, **options):
    return problem(TURNING, np.ones((2, members)), [0.0, end], parameters=[np.linspace(1, 2, members)], **options)


# ---- refusals


def test_without_a_driver_one_message_says_what_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_cards(monkeypatch, "libcuda-that-is-not-there.so.1")
    with pytest.raises(SimulationError, match=r"looked for libcuda-that-is-not-there\.so\.1.*use device='cpu'"):
        pkpd.simulate(pkpd.load("pk_1cmt"), times=[0, 1], solver=pkpd.Solver(device="gpu"))


def test_a_driver_without_a_card_says_so(card: FakeCuda) -> None:
    card.set(devices=0)
    with pytest.raises(SimulationError, match="no CUDA-capable device is detected.*CUDA_VISIBLE_DEVICES"):
        open_card()


def test_a_card_that_is_too_old_is_refused_by_name(card: FakeCuda) -> None:
    card.set(major=7, minor=5)
    with pytest.raises(SimulationError, match=r"compute capability 8\.0 or more.*; Fake has 7\.5"):
        open_card()


def test_what_is_known_of_a_card(card: FakeCuda) -> None:
    card.set(processors=132)
    found = open_card()
    assert (found.name, found.capability, found.processors, found.threads) == ("Fake", (9, 0), 132, 64)
    assert found.driver_version == 12040
    found.use()
    assert found.free_memory() == 2**30


def test_options_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(SimulationError, match="method 'scipy' runs on the processor alone; .*'auto', 'tsit5'"):
        pkpd.Solver(device="gpu", method="scipy")
    with pytest.raises(UnknownNameError, match="device 'cuda'.*cpu, gpu"):
        pkpd.Solver(device="cuda")
    with pytest.raises(UnknownNameError, match="device"):
        solve(turns(1), "auto", device="tpu")
    with pytest.raises(UnknownNameError, match="method"):
        solve(turns(1), "scipy", device="gpu")


@pytest.mark.parametrize("name", ["sin", "erf", "gamma"])
def test_a_function_without_a_device_form_is_refused_by_name(card: FakeCuda, name: str) -> None:
    @sized(1)
    def rates(t, y, p, u):
        return [getattr(sympy, name)(y[0])]

    case = problem(system(rates, name="waves"), [1.0], [0.0, 1.0])
    for method in ("tsit5", "auto"):
        with pytest.raises(ModelError, match=f"waves cannot run on a GPU: the function {name} has no form there"):
            solve(case, method, device="gpu")


def test_a_function_that_is_compiled_nowhere_is_refused_by_name(card: FakeCuda) -> None:
    @sized(1)
    def rates(t, y, p, u):
        return [sympy.zeta(y[0] + 2)]

    with pytest.raises(ModelError, match="odd cannot run on a GPU: the function zeta"):
        solve(problem(system(rates, name="odd"), [1.0], [0.0, 1.0]), "auto", device="gpu")


def test_what_the_drivers_compiler_says_is_told(card: FakeCuda) -> None:
    card.refused = "ptxas fatal: no such thing"
    try:
        with pytest.raises(CudaError, match=r"PTX JIT compilation failed \(error 218\)\. ptxas fatal: no such thing"):
            solve(turns(2), "tsit5", device="gpu")
    finally:
        card.refused = ""


def test_a_failure_on_the_card_is_an_error_and_leaves_nothing_behind(card: FakeCuda) -> None:
    solve(turns(2), "tsit5", device="gpu")
    for name in ("cuLaunchKernel", "cuStreamQuery", "cuMemcpyDtoH_v2", "cuMemcpyHtoD_v2"):
        card.fail(name, 700)
        with pytest.raises(CudaError, match=r"illegal memory access was encountered \(error 700\)"):
            solve(turns(2), "tsit5", device="gpu")
        assert card.rooms == 0


# ---- memory


def test_batches_fit_the_free_memory(card: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    case = eventful(200)
    whole = solve(case, "dop853", device="gpu")
    counts: list[int] = []
    launch = gpu._launch

    def watched(task, places, method, members, count, progress):
        counts.append(count)
        launch(task, places, method, members, count, progress)

    monkeypatch.setattr(gpu, "_launch", watched)
    local = 2 * 64 * gpu._loaded(open_card(), case.model, "dop853").program.local_bytes
    card.set(memory=local + 100_000)
    assert_same(solve(case, "dop853", device="gpu"), whole)
    assert sum(counts) == 200
    assert 3 <= len(counts) <= 10
    assert max(counts) - min(counts) <= len(counts)  # of about one size


def test_memory_that_others_take_meanwhile_makes_smaller_batches(card: FakeCuda) -> None:
    case = eventful(40)
    whole = solve(case, "tsit5", device="gpu")
    card.fail("cuMemAlloc_v2", OUT_OF_MEMORY)
    assert_same(solve(case, "tsit5", device="gpu"), whole)
    card.fail("cuLaunchKernel", OUT_OF_MEMORY)
    assert_same(solve(case, "tsit5", device="gpu"), whole)


def test_a_card_that_is_too_small_for_one_member_says_how_small(card: FakeCuda) -> None:
    case = replace(turns(3), times=np.linspace(0, 1, 20_001))
    card.set(memory=300_000)
    with pytest.raises(SimulationError, match=r"turning: one member takes 320 kB on the GPU.*Fake has 300 kB free"):
        solve(case, "tsit5", device="gpu")


def test_no_members_are_no_work(card: FakeCuda) -> None:
    assert solve(turns(3).take(np.arange(0)), "tsit5", device="gpu").states.shape == (0, 2, 2)


# ---- while it runs


def test_progress_is_told_and_ends_with_all(card: FakeCuda) -> None:
    told: list[tuple[int, int]] = []
    solve_on = gpu.solve_on(open_card(), turns(100), "tsit5", lambda done, of: told.append((done, of)), most=40)
    assert (solve_on.status == 0).all()
    assert told == sorted(told)
    assert told[-1] == (100, 100)
    assert (34, 100) in told


def test_an_interrupt_is_heard_while_the_card_works(card: FakeCuda) -> None:
    """A thousand million turns would take minutes; what is asked to stop stops within some steps."""

    def interrupt(done: int, of: int) -> None:
        assert (done, of) == (4, 4)
        raise KeyboardInterrupt

    case = turns(4, end=1e9, max_steps=10**12)
    with pytest.raises(KeyboardInterrupt):
        solve(case, "tsit5", interrupt, device="gpu")
    assert card.rooms == 0
    assert (solve(turns(4), "tsit5", device="gpu").status == 0).all()


def test_every_argument_of_the_kernel_takes_eight_bytes() -> None:
    """A number or an address: as the host side passes them."""
    from pkpd.solvers.compiled.frame import ARGUMENTS

    assert all(re.fullmatch(r"i64|double|(i64|double)\*|ptr", str(kind)) for kind in ARGUMENTS.values())
