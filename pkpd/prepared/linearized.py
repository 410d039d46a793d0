"""Values and their derivatives of the same integrations: what a fit asks for, time and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pkpd.arrays import Array
from pkpd.prepared.derivatives import Slopes, slopes_of, tangent_solution
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.regimens import RegimenProblems
from pkpd.solvers.chunks import Collected, below_zero, falls_below_zero
from pkpd.solvers.problem import Status
from pkpd.solvers.tangent_problems import FEW_MEMBERS, TOGETHER

__all__ = ["linearized_values"]


def linearized_values(
    problems: RegimenProblems, values: ParameterValues, wrt: Sequence[str], outputs: Sequence[str]
) -> tuple[Collected, Slopes]:
    """The values of `outputs` and their first derivatives, of the same integrations.

    The values are those of the states beside which derivatives are integrated: as accurate as those
    integrated alone, and not the same to the last bit.
    """
    problem, pieces, values_of = problems.problem(values), [], dict[str, Array]()
    for those, d in _widths(problem.members, tuple(wrt)):
        along, solution = tangent_solution(problems, values, problem, those, 1, d)
        pieces.append(slopes_of(along, solution, outputs, values_of))
        if len(pieces) == 1:
            status = along.status(solution)
            states = along.states(solution).values
            if falls_below_zero(problem, states):
                status = np.where(below_zero(problem, states).any(axis=1), Status.negative, status)
    if problems.steady.any:
        status = np.where(np.isnan(problem.starts).any(axis=0), Status.no_steady_state, status)
    slopes = Slopes(
        {name: np.concatenate([piece.first[name] for piece in pieces], axis=-1) for name in outputs},
        {},
        np.max([piece.status for piece in pieces], axis=0),
        np.min([piece.ended for piece in pieces], axis=0),
    )
    return Collected({name: values_of[name] for name in outputs}, status, slopes.ended, ""), slopes


def _widths(members: int, wrt: tuple[str, ...]) -> list[tuple[tuple[str, ...], int]]:
    """Which directions are integrated together, and how many in a lane: what takes the least of the processor.

    A lane of d directions takes 1 + d times the work of a lane without any, and 8 lanes are one piece of work.
    """
    count, whole = len(wrt), len(wrt) // TOGETHER * TOGETHER

    def work(number: int, d: int) -> int:
        return (1 + d) * -(-members * -(-number // d) // FEW_MEMBERS)

    choices = [[(wrt, 1)], [(wrt, TOGETHER)], [(wrt[:whole], TOGETHER), (wrt[whole:], 1)]]
    return min(
        ([(those, d) for those, d in choice if those] for choice in choices[: 3 if count > 2 else 1]),
        key=lambda choice: sum(work(len(those), d) for those, d in choice),
    )
