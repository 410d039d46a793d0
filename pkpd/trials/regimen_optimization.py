"""The verb: decisions about a regimen, an objective and constraints become a response surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import ParameterError, RegimenError, SimulationError
from pkpd.measures.failed_members import Failed
from pkpd.prepared.solver import Solver
from pkpd.symbolic.model import Model, require_model
from pkpd.treatment.regimens import Regimen
from pkpd.trials.goals import Goal, objective_of
from pkpd.trials.regimen_problems import RegimenOf, RegimenProblem, check_numbers, checked_decisions
from pkpd.trials.response_surfaces import ResponseSurface, surface_of

__all__ = ["optimize_regimen"]


def optimize_regimen(
    model: Model,
    regimen: RegimenOf,
    decisions: Mapping[str, Any],
    *,
    times: Any,
    reduce: Mapping[str, tuple[Any, ...]],
    minimize: Any = None,
    maximize: Any = None,
    over: Any = "mean",
    constraints: Sequence[Goal] = (),
    parameters: Mapping[str, Any] | Ensemble | None = None,
    each: str | Sequence[str] = (),
    failed: Failed = "raise",
    solver: Solver | None = None,
) -> ResponseSurface:
    """Compare all regimens of a grid of decisions, for one patient or robustly over a population.

    Parameters
    ----------
    model
        A closed model.
    regimen
        A `Regimen` whose fields are parameters, ``bolus(amount, "iv", at=start)``: the decisions are
        those parameters, and all their combinations with all members are one ensemble.  Or a
        function of decisions that change what is given, ``lambda n: fractions(60 / n, n)``: a whole
        number of fractions, a drug by its name; each combination of these is an arm, and the
        regimens that it returns may have parameters that are decisions too.
    decisions
        The values of each decision: what the function takes, or parameters of the regimen or model.
    times
        From when to when the trajectory counts, ``[0, 365]``; as for `simulate`.
    reduce
        The numbers that objective and constraints are made of, as for `simulate`: ``{"final":
        ("V", "last")}``.
    minimize, maximize
        One of the two: the name of a number of `reduce`, of a decision or of a parameter; or a function
        of the run, a Dataset of these over decisions and members, that returns a DataArray.
    over
        What is taken of the objective over members: ``"mean"``, ``"median"``, ``"worst"``,
        ``("quantile", p)``, or ``("cvar", share)``, the mean of the worst share.
    constraints
        From `at_most` and `at_least`; a regimen is feasible if it keeps to all of them.
    parameters
        Of one patient, or an ensemble: a `population`, patients of a posterior.  Members with the
        label ``weight`` count by it.
    each
        Dimensions of the ensemble whose members are kept apart, each with an optimum of its own,
        such as ``"patient"`` of an ensemble over patients and draws.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them; they are counted.
    solver
        How to integrate.

    Returns
    -------
    ResponseSurface
        ``.dataset`` has objective, constraints and what is feasible over all decisions; ``.optimum``
        the best; ``.near(0.05)`` and ``.flatness()`` what is as good; ``.resampled(seed=1)`` how far the
        optimum follows from the members drawn; ``.report()`` says it in words.  `refine_regimen` goes
        on from the optimum between the values of the grid.

    Raises
    ------
    UnknownNameError
        If a decision, a number or a dimension is not there.
    ParameterError, RegimenError, DataError
        If a decision has no values, the function returns no regimen, or a goal is no number by
        regimen and member.
    SimulationError
        If a member failed under ``failed="raise"``.

    References
    ----------
    Box GEP, Wilson KB. On the experimental attainment of optimum conditions. J R Stat Soc B
    13:1-45 (1951): response surfaces.

    Examples
    --------
    The dose that keeps the worse of two patients nearest to a target of 5 mg/L:

    >>> import pkpd
    >>> model, amount = pkpd.load("pk_1cmt"), pkpd.param("amount", 100, "mg", "dose")
    >>> surface = pkpd.optimize_regimen(
    ...     model, pkpd.bolus(amount, "iv"), {"amount": [60, 80, 100]}, times=[0, 10],
    ...     reduce={"trough": ("C", "last")}, minimize=lambda run: abs(run["trough"] - 5), over="worst",
    ...     parameters=pkpd.members(CL=[0.2, 1.0], V=[10, 10]),
    ... )
    >>> surface.optimum["amount"].item()
    80
    """
    require_model(model, "optimize_regimen")
    if not (regimen is None or isinstance(regimen, Regimen) or callable(regimen)):
        raise RegimenError(f"optimize_regimen() got {regimen!r}; expected a Regimen, or a function that returns one.")
    if failed not in ("raise", "exclude"):
        raise SimulationError(f"failed is {failed!r}; expected 'raise' or 'exclude'.")
    goals = [objective_of(minimize, maximize, over), *constraints]
    for goal in goals:
        if not isinstance(goal, Goal):
            raise ParameterError(f"constraints holds {goal!r}; expected pkpd.at_most(...) or pkpd.at_least(...).")
    axes = checked_decisions(decisions)
    check_numbers(reduce, axes)
    problem = RegimenProblem(model, regimen, axes, times, dict(reduce), parameters, solver)
    return surface_of(problem, goals, (each,) if isinstance(each, str) else tuple(each), failed)
