"""AMICI: CVODES with the defaults of AMICI (BDF, sparse Jacobian) on C++ generated from SBML, member by member."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.equations import sbml_text
from benchmarks.peers.peer import Load, Run

__all__ = ["prepare"]

Array = NDArray[np.float64]

MAX_STEPS = 200_000


def prepare(case: Case, method: str, threads: int) -> Load:
    from amici.sim import sundials

    model = _compiled(case)
    solver = model.create_solver()
    solver.set_max_steps(MAX_STEPS)
    model.set_timepoints(_before(case.times))
    states = _order(model.get_state_ids(), case.system.y)
    rows = _order(model.get_free_parameter_ids(), case.system.p)
    columns = np.argsort(states)

    def one(start: Array, p: Array) -> Array:
        model.set_free_parameters(p[rows])
        model.set_initial_state(start[states])
        solution = sundials.run_simulation(model, solver)
        stored: Array = solution.x[:, columns]
        stored[0] = start
        if solution.status != sundials.AMICI_SUCCESS:
            stored[1:] = np.nan
        return stored

    def load(count: int, rtol: float) -> Run:
        parameters = case.parameters(count)
        starts, members = np.ascontiguousarray(case.starts(parameters).T), np.ascontiguousarray(parameters.T)
        solver.set_relative_tolerance(rtol)
        solver.set_absolute_tolerance(rtol * 1e-2)
        return lambda: np.stack([one(starts[i], members[i]) for i in range(count)])

    return load


def _before(times: Array) -> Array:
    """The last number before each time: at a time that coincides with a dose AMICI stores the value after it."""
    return np.concatenate([times[:1], np.nextafter(times[1:], 0.0)])


def _order(theirs: Any, ours: Any) -> list[int]:
    """Where among `ours` each of `theirs` is: AMICI has an order of its own."""
    names = [str(symbol) for symbol in ours]
    return [names.index(name) for name in theirs]


def _compiled(case: Case) -> Any:
    from amici.importers.sbml import SbmlImporter

    with TemporaryDirectory() as folder:  # a library that is loaded needs its file no longer
        return SbmlImporter(sbml_text(case), from_file=False).sbml2amici(
            f"bench_{case.name}", folder, observation_model=[],
            compute_conservation_laws=False, generate_sensitivity_code=False,
        )  # fmt: skip
