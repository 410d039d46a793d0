"""libroadrunner: CVODE on a model that it compiles from SBML, member by member, boluses as events."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.equations import sbml_text
from benchmarks.peers.peer import Load, Run

__all__ = ["prepare"]


def prepare(case: Case, method: str, threads: int) -> Load:
    runner = _runner(case)
    states, names = [str(y) for y in case.system.y], list(runner.model.getGlobalParameterIds())
    order = [names.index(str(p)) for p in case.system.p]
    places = [names.index(y) for y in states]

    def one(start: Any, p: Any) -> Any:
        runner.resetAll()
        runner.model.setGlobalParameterValues(order + places, [*p, *start])
        return np.array(runner.simulate(0.0, case.times[-1], len(case.times)))

    def load(count: int, rtol: float) -> Run:
        parameters = case.parameters(count)
        starts, rows = case.starts(parameters), np.ascontiguousarray(parameters.T)
        runner.integrator.relative_tolerance = rtol
        runner.integrator.absolute_tolerance = rtol * 1e-2
        return lambda: np.stack([one(starts[:, i], rows[i]) for i in range(count)])

    return load


def _runner(case: Case) -> Any:
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
    runner = roadrunner.RoadRunner(sbml_text(case))
    runner.timeCourseSelections = [str(y) for y in case.system.y]
    runner.integrator.setValue("maximum_num_steps", 200_000)
    return runner
