"""diffrax: one compiled program for the whole ensemble, a scan over the intervals under vmap."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.equations import traced_jump, traced_rates
from benchmarks.peers.peer import Load, Run

__all__ = ["prepare"]

MAX_STEPS = 65_536  # in one interval


def prepare(case: Case, method: str, threads: int) -> Load:
    import jax

    jax.config.update("jax_enable_x64", True)
    ensemble = jax.jit(jax.vmap(_member(case, method), in_axes=(0, 0, None)))

    def load(count: int, rtol: float) -> Run:
        parameters = case.parameters(count)
        starts, rows = jax.numpy.asarray(case.starts(parameters).T), jax.numpy.asarray(parameters.T)
        return lambda: np.asarray(ensemble(starts, rows, rtol).block_until_ready())

    return load


def _member(case: Case, method: str) -> Any:
    import diffrax
    import jax
    import jax.numpy as jnp

    rates, jump = traced_rates(case.system), traced_jump(case)
    n, instants = len(case.system.states), jnp.asarray(case.times[1 : case.stores + 1])
    term = diffrax.ODETerm(lambda t, y, p: jnp.stack(rates(t, y, p)))

    def one(start, p, rtol):  # type: ignore[no-untyped-def]
        def interval(y, _):  # type: ignore[no-untyped-def]
            solution = diffrax.diffeqsolve(
                term, getattr(diffrax, method)(), 0.0, case.interval, None, jnp.stack(jump(0.0, y, p)), args=p,
                saveat=diffrax.SaveAt(ts=instants), max_steps=MAX_STEPS, throw=False,
                stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol * 1e-2),
            )  # fmt: skip
            return solution.ys[-1], solution.ys

        _, stored = jax.lax.scan(interval, start, None, length=case.doses)
        return jnp.concatenate([start[None], stored.reshape(-1, n)])

    return one
