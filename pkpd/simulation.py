"""The verb: a model, a regimen and an ensemble become a labelled result."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble, members
from pkpd.errors import FailedMembersWarning, ParameterError, SimulationError, unknown_name
from pkpd.results import ResultSpec, dataset, derivative_name, shown
from pkpd.solvers.chunks import Collected, collect
from pkpd.solvers.directions import Directions, MovingDoses, moving_schedule
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import System, numbered_system
from pkpd.solvers.equations.tangent import derivative_label
from pkpd.solvers.problem import Problem, Progress, Status
from pkpd.solvers.reductions import Reduction
from pkpd.solvers.schedule import Schedule, make_schedule
from pkpd.solvers.solve import solve
from pkpd.solvers.tangent_problems import tangent_problem
from pkpd.solvers.tolerances import absolute_tolerances, tolerance
from pkpd.symbolic.composition import parameter_value
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Parameter
from pkpd.treatment.regimens import Regimen
from pkpd.treatment.timed_doses import DoseSlopes, TimedDoses, dose_slopes, timed_doses

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_options", "simulate"]


ATOL = 1e-9  # of a state, where nothing is said


def simulate(
    model: Model,
    regimen: Regimen | None = None,
    *,
    times: Any,
    parameters: Mapping[str, Any] | Ensemble | None = None,
    outputs: Iterable[str] | None = None,
    sensitivities: Iterable[str] = (),
    reduce: Mapping[str, tuple[Any, ...]] | None = None,
    method: str = "auto",
    rtol: float = 1e-6,
    atol: float | Mapping[str, float] = ATOL,
    threads: int | None = None,
    on_failure: Literal["nan", "raise"] = "nan",
    at_dose: Literal["before", "after"] = "before",
    max_steps: int = 100_000,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Integrate a model under a regimen, for one or many sets of parameters.

    Parameters
    ----------
    model
        A closed model; it starts at time 0.
    regimen
        The doses; none by default.
    times
        When to store, in the model's unit of time: increasing, 0 or more.
    parameters
        What differs from the model's defaults: a mapping of names to a value (a number,
        ``"0.4 nM"``, or the name of an alternative) or to an array over members, or an
        `Ensemble`.  Parameters of the regimen are set in the same way.
    outputs
        The states and outputs to return; all by default.
    sensitivities
        Parameters, of the model or of the regimen, by which to differentiate everything
        that is returned; the name of a state stands for its value at time 0.
    reduce
        Instead of courses in time, numbers for each member, computed while integrating, so
        that a million members need no gigabytes: ``{"nadir": ("V", "min"), "gone": ("V",
        "first_below", 10.0)}``.  The kinds are ``min``, ``max``, ``last``, ``time_of_min``,
        ``time_of_max``, ``auc`` (trapezoids), and ``first_below`` and ``first_above`` with a
        threshold (infinite where it is never reached).  All speak of the times in `times`.
    method
        ``"auto"``: an explicit method, and an implicit one for the members that turn out
        stiff, compiled for the model.  One of the two alone is ``"tsit5"``, ``"dop853"`` or
        ``"rodas5p"``.  ``"numpy"`` needs no compiler; ``"scipy"`` takes one member at a time
        with LSODA, or with ``"DOP853"``, ``"RK45"``, ``"Radau"``, ``"BDF"``.
    rtol, atol
        Relative and absolute tolerance of a step; `atol` may be given by state.
    threads
        Threads to use, by default as many as there are processors; ``"numpy"`` and the
        methods of scipy have one.
    on_failure
        ``"nan"`` marks a member that fails by its status, leaves NaN from there on, and
        warns; ``"raise"`` raises.
    at_dose
        Whether a stored time that coincides with a dose shows the value ``"before"`` it
        (the trough) or ``"after"``.
    max_steps
        The largest number of steps between two doses.
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
    """
    regimen = Regimen() if regimen is None else regimen
    _check_arguments(model, regimen, on_failure, at_dose)
    check_options(method, threads, max_steps, progress)
    model.require_closed()
    instants = _times(times)
    known = _known(model, regimen)
    ensemble, scalars = _ensemble(model, known, parameters)
    table = _values(model, known, ensemble, scalars)
    doses = timed_doses(model, regimen, table, len(ensemble))
    infused = tuple(
        dict.fromkeys(r for r, d in zip(doses.routes, doses.durations.T, strict=True) if np.isfinite(d).any())
    )
    system = numbered_system(model, infused)
    problem = Problem(
        model=system,
        parameters=_matrix(system, table, len(ensemble)),
        starts=np.empty((0, len(ensemble))),
        schedule=_schedule(system, doses),
        times=instants,
        rtol=tolerance("rtol", rtol),
        atol=absolute_tolerances(system.name, system.states, atol, ATOL),
        before=at_dose == "before",
        max_steps=max_steps,
    )
    wrt = _differentiated(model, known, sensitivities)
    with np.errstate(all="ignore"):
        problem = dataclasses.replace(problem, starts=numpy_code(problem.model).starts(problem.parameters))
    settings = {"method": method, "rtol": rtol, "atol": atol if isinstance(atol, float) else str(atol)}
    run = ResultSpec(
        model=model,
        ensemble=ensemble,
        known=known,
        values=table,
        times=instants,
        wanted=shown(model, outputs),
        wrt=wrt,
        reductions=_reductions(model, outputs, wrt, reduce),
        settings={**settings, "at_dose": at_dose},
    )
    found = collect(problem, run.wanted, run.reductions, method, progress, threads)
    if wrt:
        slopes = dose_slopes(model, regimen, table, len(doses.times), tuple(wrt))
        moving, along = _directions(problem, doses, slopes, tuple(wrt), _magnitudes(system, known, wrt))
        found = _with_derivatives(found, moving, along, run, method, threads)
    _report(model, found, ensemble, on_failure)
    return dataset(run, found)


def _check_arguments(model: Any, regimen: Any, on_failure: str, at_dose: str) -> None:
    if not isinstance(model, Model):
        raise SimulationError(f"simulate() got {model!r} as the model; load one with pkpd.load(name).")
    if not isinstance(regimen, Regimen):
        shown = f"a {type(regimen).__name__}" if np.ndim(regimen) else repr(regimen)
        raise SimulationError(
            f"simulate() got {shown} as the regimen; make one with bolus, infusion or fractions, and join them with +."
        )
    if on_failure not in ("nan", "raise"):
        raise SimulationError(f"on_failure is {on_failure!r}; expected 'nan' or 'raise'.")
    if at_dose not in ("before", "after"):
        raise SimulationError(f"at_dose is {at_dose!r}; expected 'before' or 'after'.")


def check_options(method: Any, threads: Any, max_steps: Any, progress: Any) -> None:
    """Refuse options that no method of integration can have.

    Raises
    ------
    SimulationError
        Naming the option and what was expected.
    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise SimulationError(f"threads is {threads!r}; expected a whole number of 1 or more.")
    if not isinstance(method, str):
        raise SimulationError(f"method is {method!r}; expected a name such as 'auto' or 'scipy'.")
    if not isinstance(max_steps, int | np.integer) or max_steps < 1:
        raise SimulationError(f"max_steps is {max_steps!r}; expected a whole number of 1 or more.")
    if progress is not None and not callable(progress):
        raise SimulationError(f"progress is {progress!r}; expected a function of (done, total), or None.")


def _times(times: Any) -> Array:
    try:
        if np.asarray(times).dtype.kind in "mM":
            raise TypeError("dates have no place in a model that starts at time 0")
        instants = np.array(times, dtype=float)
    except (TypeError, ValueError):
        raise SimulationError(f"times is {times!r}; expected numbers.") from None
    if instants.ndim != 1 or not instants.size:
        raise SimulationError(
            f"times is {times!r}; expected a sequence of one or more times."
            if instants.ndim == 0
            else f"times has the shape {instants.shape}; expected a sequence of one or more times."
        )
    if not np.isfinite(instants).all() or instants[0] < 0 or (np.diff(instants) <= 0).any():
        wrong = ~np.isfinite(instants) | (instants < 0) | (np.diff(instants, prepend=-1.0) <= 0)
        i = int(np.argmax(wrong))
        raise SimulationError(
            f"times[{i}] is {instants[i]:g}{f', after {instants[i - 1]:g}' if i else ''}; "
            "times must be finite, 0 or more (a model starts at time 0), and increasing."
        )
    return instants


# ---- parameters


def _known(model: Model, regimen: Regimen) -> dict[str, Any]:
    known = {s.name: s for s in model.settable}
    for symbol in regimen.parameters:
        if known.setdefault(symbol.name, symbol) != symbol:
            raise ParameterError(
                f"the regimen's parameter {symbol.name!r} is declared differently in {model.name}; "
                f"use model[{symbol.name!r}] in the regimen, or another name."
            )
        if symbol.name in model.units and symbol.name not in {s.name for s in model.settable}:
            raise ParameterError(
                f"the regimen's parameter {symbol.name!r} has the name of a state or output of {model.name}."
            )
    return known


def _ensemble(model: Model, known: Mapping[str, Any], parameters: Any) -> tuple[Ensemble, dict[str, float]]:
    """The varying parameters as an ensemble, and those that are one number for all."""
    given = parameters.columns if isinstance(parameters, Ensemble) else {} if parameters is None else parameters
    if not isinstance(given, Mapping):
        shown = f"a {type(given).__name__}" if hasattr(given, "columns") else repr(given)
        raise ParameterError(
            f"parameters is {shown}; expected a mapping of names to values, or an Ensemble; "
            "the columns of a table are members(**table)."
        )
    for name in given:
        if name not in known:
            raise unknown_name(model.name, "parameter", str(name), known)
    if isinstance(parameters, Ensemble):
        _check_dimensions(model, parameters)
        return parameters, {}
    varied = {k: v for k, v in given.items() if np.ndim(v) > 0}
    scalars = {k: parameter_value(model, known[k], v) for k, v in given.items() if np.ndim(v) == 0}
    return (members(**varied) if varied else Ensemble({})), scalars


def _check_dimensions(model: Model, ensemble: Ensemble) -> None:
    taken = {*(s.name for s in model.states), *model.outputs}
    named = {*taken, *(s.name for s in model.settable), "time", "status", "ended"}
    for kind, names, forbidden in (("dimension", ensemble.dims, taken), ("label", ensemble.labels, named)):
        for name in names:
            if name in forbidden:
                raise ParameterError(
                    f"the ensemble's {kind} {name!r} has the name of a variable of {model.name}'s result."
                )


def _values(model: Model, known: Mapping[str, Any], ensemble: Ensemble, scalars: Mapping[str, float]) -> dict[str, Any]:
    """A number or an array over members for every parameter of the model and the regimen."""
    values: dict[str, Any] = {}
    for name, symbol in known.items():
        default = getattr(symbol, "value", None)
        values[name] = scalars.get(name, symbol.default if default is None else default)
        if values[name] is None and name not in ensemble.columns:
            raise ParameterError(
                f"the regimen's parameter {name!r} ({symbol.meaning}, {symbol.unit}) has no value; "
                f"give parameters={{{name!r}: ...}}."
            )
        if name in ensemble.columns:
            values[name] = ensemble[name]
            if not np.isfinite(values[name]).any():
                raise ParameterError(
                    f"{model.name}: parameter {name!r} is {values[name][0]} for every member; "
                    f"give finite numbers in {symbol.unit}."
                )
    return values


def _matrix(system: System, table: Mapping[str, Any], count: int) -> Array:
    matrix = np.empty((len(system.parameters), count))
    for i, name in enumerate(system.parameters):
        matrix[i] = table[name]
    return matrix


def _schedule(system: System, doses: TimedDoses) -> Schedule:
    jump = [system.jump_routes.index(r) if r in system.jump_routes else -1 for r in doses.routes]
    slot = [system.inputs.index(r) if r in system.inputs else -1 for r in doses.routes]
    return make_schedule(
        doses.times, doses.amounts, doses.durations,
        np.array(jump, dtype=np.int64), np.array(slot, dtype=np.int64), len(system.inputs),
    )  # fmt: skip


# ---- sensitivities


def _differentiated(model: Model, known: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """The parameters and states to differentiate by, with their units."""
    if not isinstance(names, Iterable):
        raise SimulationError(f"sensitivities is {names!r}; expected names of parameters or states.")
    wrt = [names] if isinstance(names, str) else list(names)
    known = {**known, **{s.name: s for s in model.states}}
    for name in wrt:
        if name in model.outputs:
            raise ParameterError(
                f"sensitivities names {name!r}, an output of {model.name}: name the parameters to differentiate by; "
                f"the result then holds the derivatives of every output, such as {derivative_name(name)!r}."
            )
        if name not in known:
            raise unknown_name(model.name, "parameter or state", str(name), known)
        if wrt.count(name) > 1:
            raise ParameterError(f"sensitivities names {name!r} twice.")
    for name in ("parameter", *map(derivative_name, (*(s.name for s in model.states), *model.outputs))):
        if wrt and (name in known or name in model.units):
            raise ParameterError(f"{model.name} has the name {name!r}, which a result with sensitivities needs.")
    return {name: known[name].unit for name in wrt}


def _magnitudes(system: System, known: Mapping[str, Any], wrt: Iterable[str]) -> Array:
    """The size of each parameter by default, and so the same for any ensemble; 1 where it is zero."""
    default = {name: s.value if isinstance(s, Parameter) else s.default for name, s in known.items()}
    with np.errstate(all="ignore"):
        starts = numpy_code(system).starts(_matrix(system, default, 1))
    default |= dict(zip(system.states, starts[:, 0], strict=True))
    sizes = np.array([default[k] for k in wrt], dtype=float)
    return np.where(np.isfinite(sizes) & (sizes != 0), np.abs(sizes), 1.0)


def _directions(
    problem: Problem, doses: TimedDoses, slopes: Sequence[DoseSlopes], wrt: tuple[str, ...], magnitudes: Array
) -> tuple[Problem, Directions]:
    """`problem` with stops that may move, and a direction for each of `wrt`."""
    system = problem.model
    dparameters = np.array([[float(p == k) for k in wrt] for p in system.parameters]).reshape(-1, len(wrt))
    dstarts = np.array([[float(s == k) for k in wrt] for s in system.states])

    def table(part: str) -> Array:
        values = np.zeros((*doses.times.shape, len(wrt)))
        for dose, slope in enumerate(slopes):
            for name, one in getattr(slope, part).items():
                values[:, dose, wrt.index(name)] = one.values
        return values

    jump = [system.jump_routes.index(r) if r in system.jump_routes else -1 for r in doses.routes]
    slot = [system.inputs.index(r) if r in system.inputs else -1 for r in doses.routes]
    moving = MovingDoses(
        doses.times, doses.amounts, doses.durations, table("time"), table("amount"), table("duration"),
        np.array(jump, dtype=np.int64), np.array(slot, dtype=np.int64),
    )  # fmt: skip
    schedule, along = moving_schedule(moving, len(system.inputs))
    along = dataclasses.replace(along, dparameters=dparameters, dstarts=dstarts, sizes=magnitudes)
    return dataclasses.replace(problem, schedule=schedule), along


def _with_derivatives(
    found: Collected, problem: Problem, along: Directions, run: ResultSpec, method: str, threads: int | None
) -> Collected:
    """What was collected, with the derivatives beside it and the worse of the two statuses."""
    whole = tangent_problem(problem, along)
    solution = solve(whole.problem, method, None, threads)
    system = problem.model
    blocks = [(system.states, whole.states(solution).first)]
    if set(run.wanted) & set(system.output_names):
        blocks.append((system.output_names, whole.outputs(solution).first))
    more = {
        derivative_label(name, k): first[:, :, i, j]
        for names, first in blocks
        for i, name in enumerate(names)
        for j, k in enumerate(run.wrt)
        if name in run.wanted
    }
    status, ended = whole.status(solution), whole.ended(solution)
    return dataclasses.replace(
        found,
        columns={**found.columns, **more},
        status=np.where(found.status != 0, found.status, status),
        ended=np.minimum(found.ended, ended),
    )


# ---- the result


def _report(model: Model, found: Collected, ensemble: Ensemble, on_failure: str) -> None:
    failed = np.flatnonzero(found.status != Status.ok)
    if not len(failed):
        return
    kinds = {Status(k): int((found.status == k).sum()) for k in np.unique(found.status[failed])}
    counts = ", ".join(f"{n} {kind.name}" for kind, n in kinds.items())
    first = int(failed[0])
    where = ", ".join(f"{name}={ensemble[name][first]:g}" for name in ensemble.columns)
    text = (
        f"{model.name}: {len(failed)} of {len(ensemble)} members failed ({counts}); the first is member {first}"
        f"{f' with {where}' if where else ''}, which at time {found.ended[first]:g} "
        f"{Status(found.status[first]).sentence}."
    )
    if on_failure == "raise":
        raise SimulationError(text)
    warnings.warn(text, FailedMembersWarning, stacklevel=3)


def _reductions(
    model: Model, outputs: Any, wrt: Mapping[str, str], reduce: Mapping[str, tuple[Any, ...]] | None
) -> dict[str, Reduction]:
    if not reduce:
        return {}
    if not isinstance(reduce, Mapping):
        raise SimulationError(
            f"reduce is {reduce!r}; expected {{name: (variable, kind)}}, such as {{'top': ('C', 'max')}}."
        )
    if outputs is not None or wrt:
        raise SimulationError("reduce= says what is returned; leave out outputs= and sensitivities= with it.")
    known = [*(s.name for s in model.states), *model.outputs]
    reductions = {}
    for name, entry in reduce.items():
        if not isinstance(entry, tuple) or len(entry) not in (2, 3):
            raise SimulationError(
                f"reduce[{name!r}] is {entry!r}; expected (variable, kind) or (variable, kind, threshold)."
            )
        if name in model.units or name in ("time", "status", "ended"):
            raise SimulationError(f"reduce has the name {name!r}, which {model.name} has already; choose another.")
        if entry[0] not in known:
            raise unknown_name(model.name, "state or output", str(entry[0]), known)
        if len(entry) == 3 and not (isinstance(entry[2], Real) and math.isfinite(entry[2])):
            unit = model.units[entry[0]]
            raise SimulationError(f"the threshold of reduce[{name!r}] is {entry[2]!r}; expected a number in {unit}.")
        reductions[name] = Reduction(*entry)
    return reductions
