"""The verb: a model and a table of records become the records with predictions beside them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Index
from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import FailedMembersWarning, SimulationError
from pkpd.prepared.asked import observables
from pkpd.prepared.parameters import known_parameters
from pkpd.prepared.records import RecordValues, record_problems
from pkpd.prepared.solver import Solver, chosen_solver
from pkpd.records.covariates import CARRIES
from pkpd.records.records import Records
from pkpd.solvers.problem import Progress, Status
from pkpd.symbolic.model import Model
from pkpd.symbolic.values import Bounds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["predict"]


def predict(
    model: Model,
    data: Records,
    *,
    parameters: Mapping[str, Any] | Ensemble | None = None,
    covariates: Iterable[str] | None = None,
    carry: Literal["backward", "forward", "linear"] = "backward",
    outputs: Iterable[str] | None = None,
    bounds: Bounds = "refuse",
    solver: Solver | None = None,
    method: str | None = None,
    rtol: float | None = None,
    atol: float | Mapping[str, float] | None = None,
    max_steps: int | None = None,
    threads: int | None = None,
    on_failure: Literal["nan", "raise"] = "nan",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Give the doses of a table to a model, and tell its states and outputs at every record.

    What a record does is what NONMEM (PREDPP) does with it:

    - A subject begins at its first record, with the model's starts.  EVID 1 doses the
      compartment CMT.  Where that is a state it is dosed directly, without any route: it
      gets F*AMT, at once or as an infusion.  Where it is a route, such as one of radiation,
      the dose is what it is in a regimen.  EVID 2 turns a compartment off where CMT is
      negative (it is emptied, infusions into it end, and it stays empty until a dose or an
      EVID 2 with positive CMT turns it on); so does, once it is made, an observation with a
      negative CMT.  EVID 3 resets time, states and all doses; EVID 4 resets, then doses.
    - RATE > 0 is an infusion at that rate, which lasts F*AMT/RATE.  RATE -1 takes the rate,
      RATE -2 the duration from the model (then F scales the rate).  DUR is a duration
      given in the table; F scales the rate (as in rxode2; NONMEM has no DUR).
    - Bioavailability, lag, rate and duration are the model's `dosing` of that state, at the
      values of the dose's own record, for its additional doses too.  (Where PREDPP calls PK
      at the time of an additional or lagged dose, it takes covariates from the record after
      it; this differs only where a covariate in F, R or D changes.)  Doses arrive later by
      the lag, additional ones with it.
    - SS 1 replaces the states by the steady state of doses every II, ends infusions and
      cancels doses still due; SS 2 adds that steady state to what is there (meant for
      linear models); SS 3 is SS 1 (NONMEM starts its search elsewhere; where a model has
      several steady states, this is the one from the model's starts).  With II 0 and AMT 0
      it is the steady state of an infusion at RATE, which then ends; with RATE 0 too, that
      of the model alone.  A lag shifts the whole series of doses.
    - Records of one time act in their order: an observation sees the doses above it and
      not those below.  A dose that is due without a record of its own (additional, lagged)
      comes before all records of that time.  (In mrgsolve this is a choice, ``recsort``;
      rxode2 sorts doses by itself.)
    - The record of a dose shows the states after the dose.

    Parameters
    ----------
    model
        A closed model; its unit of time is that of TIME, unless the records say theirs.
    data
        From `pkpd.read_nonmem`.
    parameters
        What differs from the model's defaults: by name a value, as for `pkpd.simulate`, or
        an array with one for each subject, in the order of ``data.subjects``; or an
        `Ensemble` with a member for each subject.
    covariates
        The columns that replace parameters of the same name (in any case), record by
        record and before `parameters`; all such columns by default, ``()`` for none.
        A missing value is filled within the subject as `carry` says.
    carry
        How a covariate changes between records: ``"backward"``, it has the value of the
        record to come (NONMEM); ``"forward"``, that of the record before; ``"linear"``.
    outputs
        The states and outputs to return; all by default.
    bounds
        ``"ignore"`` takes values outside the bounds that their parameters declare.
    solver
        How to integrate; see `pkpd.Solver`.  Its tolerances are those of steady states too.
    method, rtol, atol, max_steps, threads
        The options of `pkpd.Solver` one by one; they take precedence over those of `solver`.
    on_failure
        ``"nan"`` leaves NaN from a failure on, says which in ``status``, and warns;
        ``"raise"`` raises.
    progress
        Called with the number of segments done and their number.  (A segment is a subject,
        or a part of one between resets.)

    Returns
    -------
    pandas.DataFrame
        The records in their order, then a column for each state and output (named
        ``C_predicted`` where the table has a ``C``), and ``status`` (``status_predicted``
        where it has that): ``ok``, the reason for a failure, or ``no_steady_state``.  Units
        are in ``attrs["units"]``.

    Raises
    ------
    DataError, RegimenError
        If a record cannot be given to this model; the message names the row.
    ParameterError, UnknownNameError, SimulationError
        If a name, a value or an option is not acceptable, or a subject failed under
        ``"raise"``.
    """
    _check_arguments(model, data, carry, on_failure)
    options = chosen_solver(solver, method=method, rtol=rtol, atol=atol, max_steps=max_steps, threads=threads)
    wanted = observables(model, outputs)
    model.require_closed()
    known = known_parameters(model, (), bounds)
    problems = record_problems(known, data, options, covariates=covariates, carry=carry)
    settings, copies = problems.settings_of(parameters, known.names)
    seen = problems.solve(settings, copies, progress)
    _report(model, data, seen.status, on_failure, seen.unsettled)
    table = _table(model, data, seen, wanted)
    atol_told = dict(options.atol) if isinstance(options.atol, Mapping) else options.atol or "by size"
    table.attrs |= {"method": options.method, "rtol": options.rtol, "atol": atol_told}
    return table


# ---- arguments


def _check_arguments(model: Any, data: Any, carry: str, on_failure: str) -> None:
    if not isinstance(model, Model):
        raise SimulationError(f"predict() got {model!r} as the model; load one with pkpd.load(name).")
    if not isinstance(data, Records):
        raise SimulationError(f"predict() got a {type(data).__name__} as the data; read it with pkpd.read_nonmem().")
    if carry not in CARRIES:
        raise SimulationError(f"carry is {carry!r}; expected 'backward', 'forward' or 'linear'.")
    if on_failure not in ("nan", "raise"):
        raise SimulationError(f"on_failure is {on_failure!r}; expected 'nan' or 'raise'.")


# ---- the result


def _report(model: Model, data: Records, status: Index, on_failure: str, unsettled: Index) -> None:
    failed = np.flatnonzero(status != 0)
    if not len(failed):
        return
    row, subjects = int(failed[0]), len(np.unique(data["ID"][failed].astype(str)))
    state = f"; {model.states[unsettled[row]].name!r} does not settle" if unsettled[row] >= 0 else ""
    kind = Status(status[row])
    reason = f"{kind.sentence}{state}" if kind == Status.no_steady_state else f"{kind.sentence} ({kind.name})"
    text = (
        f"{model.name}: {subjects} of {len(data.first_rows)} subjects failed, {len(failed)} of {len(data)} "
        f"records failed; the first is {data.place(row)} at time {data['TIME'][row]:g}, which {reason}."
    )
    if on_failure == "raise":
        raise SimulationError(text)
    warnings.warn(text, FailedMembersWarning, stacklevel=3)


def _table(model: Model, data: Records, seen: RecordValues, wanted: list[str]) -> pd.DataFrame:
    import pandas as pd

    records = data.table
    labels = _labels(records.columns, wanted)
    columns: dict[str, Any] = {labels[name]: seen.columns[name] for name in wanted}
    columns[labels[""]] = _named(seen.status)
    table = pd.concat([records, pd.DataFrame(columns)], axis=1)
    table.attrs = {
        "model": model.name,
        "model_hash": model.hash,
        "units": {labels[name]: model.units[name] for name in wanted},
    }
    return table


def _named(status: Index) -> Any:
    """The names of statuses, as a categorical column."""
    import pandas as pd

    codes = np.searchsorted([kind.value for kind in Status], status)
    return pd.Categorical.from_codes(codes, categories=pd.Index([kind.name for kind in Status]))


def _labels(columns: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """A column for each name, and under ``""`` for the status: ``_predicted`` is added until it is new."""
    taken, labels = {*columns}, {}
    for name in ("", *dict.fromkeys(wanted)):
        label = name or "status"
        while label in taken or (name and label in wanted and label != name):
            label += "_predicted"
        taken.add(label)
        labels[name] = label
    return labels
