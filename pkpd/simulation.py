"""The verb: a model, a regimen and an ensemble become a labelled result."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import FailedMembersWarning, ParameterError, SimulationError
from pkpd.prepared.asked import Treatment
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.solver import Solver, chosen_solver
from pkpd.prepared.values import Values
from pkpd.recipes import RECIPE, Recipe
from pkpd.records.records import Records
from pkpd.results import ResultSpec, dataset
from pkpd.solvers.problem import Progress, Status
from pkpd.symbolic.model import Model
from pkpd.symbolic.values import Bounds
from pkpd.treatment.over_time import OverTime

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["simulate"]


def simulate(
    model: Model,
    regimen: Treatment = None,
    *,
    times: Any,
    parameters: Mapping[str, Any] | Ensemble | None = None,
    outputs: Iterable[str] | None = None,
    sensitivities: Iterable[str] = (),
    reduce: Mapping[str, tuple[Any, ...]] | None = None,
    covariates: Mapping[str, OverTime] | None = None,
    bounds: Bounds = "refuse",
    solver: Solver | None = None,
    method: str | None = None,
    rtol: float | None = None,
    atol: float | Mapping[str, float] | None = None,
    max_steps: int | None = None,
    threads: int | None = None,
    on_failure: Literal["nan", "raise"] = "nan",
    at_dose: Literal["before", "after"] = "before",
    progress: Progress | None = None,
) -> xr.Dataset:
    """Integrate a model under a regimen, for one or many sets of parameters.

    Parameters
    ----------
    model
        A closed model; it starts at time 0.
    regimen
        The doses; none by default.  Several by arm, ``{"control": None, "treated": q4w}``, give the
        result a dimension ``arm``; every arm has all members.
    times
        When to store, in the model's unit of time: increasing, 0 or more.
    parameters
        What differs from the model's defaults: a mapping of names to a value (a number,
        ``"0.4 nM"``, or the name of an alternative) or to an array over members, or an
        `Ensemble`.  Parameters of the regimen are set in the same way; the name of a state
        sets its value at time 0.
    outputs
        The states and outputs to return; all by default.
    sensitivities
        Parameters, of the model or of the regimen, by which to differentiate everything
        that is returned; the name of a state stands for its value at time 0.
    reduce
        Instead of courses in time, numbers for each member, computed while integrating, so
        that a million members need no gigabytes: ``{"nadir": ("V", "min"), "gone": ("V",
        "first_below", 10.0)}``.  The kinds are ``min``, ``max``, ``last``, ``time_of_min``,
        ``time_of_max``, ``auc``, and ``first_below`` and ``first_above`` with a threshold, one
        for all members or one for each (infinite where it is never reached).  They are those
        of the trajectory between the first and the last of `times`, whatever lies between
        these: both sides of every dose, the ends of infusions, and what turns within a step
        count.  A first crossing counts from the first dose, or with a fourth entry,
        ``("V", "first_below", 10.0, "from_start")``, from the first time.
    covariates
        The parameters that change in time, ``{"CL": pkpd.over_time([0, 28], [0.23, 0.20])}``.
    bounds
        ``"ignore"`` takes values outside the bounds that their parameters declare.
    solver
        How to integrate; see `pkpd.Solver`.
    method, rtol, atol, max_steps, threads
        The options of `pkpd.Solver` one by one; they take precedence over those of `solver`.
    on_failure
        ``"nan"`` marks a member that fails by its status, leaves NaN from there on, and
        warns; ``"raise"`` raises.
    at_dose
        Whether a stored time that coincides with a dose shows the value ``"before"`` it
        (the trough) or ``"after"``.
    progress
        Called with the number of members done and their number, now and then.

    Returns
    -------
    xarray.Dataset
        A variable for each state and output with the dimensions of the ensemble and
        ``time``; ``status`` for each member; the parameters as coordinates; units and
        meanings in ``attrs``.  With `sensitivities` also ``sensitivity_X`` for each of these
        states and outputs X: its derivatives, with a further dimension ``parameter``,
        labelled by name (``run["sensitivity_T"].sel(parameter="kg")``); its attribute
        ``units`` lists the unit of each.

    Notes
    -----
    Sensitivities are exact, not differences: the equations for them are integrated with
    the model's own, through doses, infusions and events, also where a parameter moves
    their time or changes their size.  They take part in the control of the step with the
    relative tolerance of all and the absolute tolerance of their state, divided by the
    magnitude of the parameter's default.  A condition within a rate (``Piecewise``,
    ``Heaviside``, ``sign``) across which the rate is not proved to be continuous is
    treated as an event, so that its time counts; an output is differentiated branch by
    branch.  Where two things happen at one time (a switch and a dose, a switch and time 0)
    and a parameter moves one of them, a derivative is that from one side; a stored time
    that coincides with a dose whose time is differentiated belongs to the side that
    `at_dose` says, and one that coincides with a switch is before it.

    Raises
    ------
    ModelError, RegimenError, ParameterError, UnitError, UnknownNameError
        If the model is not closed, or a name, value or unit does not fit it.
    SimulationError
        If `times` or an option is not acceptable, or a member failed under ``"raise"``.

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("pk_1cmt")
    >>> run = simulate(model, pkpd.bolus("10 mg", "iv"), times=[0, 1, 7], parameters={"CL": [0.1, 0.4]})
    >>> dict(run.sizes)
    {'member': 2, 'time': 3}
    """
    _check_arguments(model, regimen, on_failure, progress)
    options = chosen_solver(solver, method=method, rtol=rtol, atol=atol, max_steps=max_steps, threads=threads)
    prepared = prepare(
        model,
        regimen,
        times=times,
        outputs=outputs,
        sensitivities=sensitivities,
        reduce=reduce,
        covariates=covariates,
        bounds=bounds,
        solver=options,
        at_dose=at_dose,
    )
    if isinstance(parameters, Ensemble):
        _check_dimensions(prepared, parameters)
    values = prepared.values_of(parameters)
    _warn_of_late_doses(prepared, values)
    solved = prepared.solve(values, progress)
    settings = {"method": options.method, "rtol": options.rtol, "atol": _told(options.atol), "at_dose": at_dose}
    spec = ResultSpec(prepared, values, settings)
    _report(spec, solved, on_failure)
    run = dataset(spec, solved)
    if not covariates and set(values.ensemble.columns) <= set(run.coords):
        run.encoding[RECIPE] = _recipe(prepared, regimen, values, settings, outputs, reduce, bounds)
    return run


def _warn_of_late_doses(prepared: Prepared, values: ParameterValues) -> None:
    """Say so where every dose comes after the last stored time."""
    first, last = prepared.first_dose(values), float(prepared.times[-1])
    if last > 0 and np.isfinite(first).any() and (first[np.isfinite(first)] > last).all():
        unit = prepared.model.time
        warnings.warn(
            f"{prepared.model.name}: the first dose is given at {first.min():g} {unit}, after the last of times "
            f"({last:g} {unit}), so that no dose shows.",
            UserWarning,
            stacklevel=3,
        )


def _recipe(
    prepared: Prepared,
    regimen: Treatment,
    values: ParameterValues,
    settings: Mapping[str, Any],
    outputs: Iterable[str] | None,
    reduce: Mapping[str, Any] | None,
    bounds: Bounds,
) -> Recipe:
    """How the result was made; `write_result` writes it into the file."""
    treatment = dict(regimen) if isinstance(regimen, Mapping) else {"": regimen}
    asked = {
        **settings,
        "max_steps": prepared.solver.max_steps,
        "bounds": bounds,
        "outputs": None if reduce or outputs is None else list(prepared.outputs),
        "sensitivities": list(prepared.wrt),
        "reduce": {name: [r.of, r.kind, r.threshold] for name, r in prepared.reductions.items()} if reduce else None,
        "times": prepared.times.tolist(),
    }
    return Recipe(prepared.model, treatment, tuple(values.ensemble.columns), asked)


def _told(atol: Any) -> Any:
    return "by size" if atol is None else atol if isinstance(atol, float) else str(atol)


def _check_arguments(model: Any, regimen: Any, on_failure: Any, progress: Any) -> None:
    if not isinstance(model, Model):
        raise SimulationError(f"simulate() got {model!r} as the model; load one with pkpd.load(name).")
    if isinstance(regimen, Records):
        raise SimulationError("simulate() got a table of records as the regimen; predict() takes those.")
    if on_failure not in ("nan", "raise"):
        raise SimulationError(f"on_failure is {on_failure!r}; expected 'nan' or 'raise'.")
    if progress is not None and not callable(progress):
        raise SimulationError(f"progress is {progress!r}; expected a function of (done, total), or None.")


def _check_dimensions(prepared: Prepared, ensemble: Ensemble) -> None:
    model = prepared.model
    variables = {*(s.name for s in model.states), *model.outputs}
    named = {*variables, *(s.name for s in model.settable), "time", "status", "ended"}
    dims = {*variables, "arm"} if prepared.arms else variables
    for kind, names, forbidden in (("dimension", ensemble.dims, dims), ("label", ensemble.labels, named)):
        for name in names:
            if name in forbidden:
                raise ParameterError(
                    f"the ensemble's {kind} {name!r} has the name of a variable of {model.name}'s result."
                )


def _report(spec: ResultSpec, solved: Values, on_failure: str) -> None:
    status, ended, ensemble = solved.status.reshape(-1), solved.ended.reshape(-1), spec.values.ensemble
    failed = np.flatnonzero(status != Status.ok)
    if not len(failed):
        return
    kinds = {Status(k): int((status == k).sum()) for k in np.unique(status[failed])}
    counts = ", ".join(f"{n} {kind.name}" for kind, n in kinds.items())
    first = int(failed[0])
    arm, member = divmod(first, max(len(ensemble), 1))
    where = ", ".join(f"{name}={ensemble[name][member]:g}" for name in ensemble.columns)
    of_arm = f" of arm {spec.prepared.arms[arm]!r}" if spec.prepared.arms else ""
    text = (
        f"{spec.model.name}: {len(failed)} of {len(status)} members failed ({counts}); the first is member {member}"
        f"{of_arm}{f' with {where}' if where else ''}, which at time {ended[first]:g} "
        f"{Status(status[first]).sentence}."
    )
    if on_failure == "raise":
        raise SimulationError(text)
    warnings.warn(text, FailedMembersWarning, stacklevel=3)
