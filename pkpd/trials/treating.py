"""Patients treated by a protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.streams import check_seed
from pkpd.errors import SimulationError
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.solver import Solver
from pkpd.symbolic.model import Model
from pkpd.treatment.protocols import Protocol
from pkpd.trials.imaging import Imaging
from pkpd.trials.settling import settled_protocol
from pkpd.trials.treated import Treated
from pkpd.units import time_in

__all__ = ["treat"]


def treat(
    model: Model,
    protocol: Protocol,
    patients: Mapping[str, Any] | Ensemble | None = None,
    *,
    until: Any,
    imaging: Imaging | None = None,
    leaving: Iterable[str] = (),
    seed: int = 0,
    solver: Solver | None = None,
) -> Treated:
    """Treat patients by a protocol, whose rules look at what their own visits show.

    Parameters
    ----------
    model
        Its routes take the doses; it starts at time 0.
    protocol
        Therapies and rules.
    patients
        Parameters by name, an array over patients or one value for all, or an `Ensemble`.
    until
        How long each patient is followed from entry: a number, text such as ``"3 years"``, or
        (patients,).
    imaging
        What is scanned, when, and how scans are read.
    leaving
        The events of the model with which a patient leaves: death, dropout.  No dose and no scan
        after them.
    seed
        Of what is drawn for each patient, by the number that labels a member of the ensemble.
    solver
        How to integrate.

    Returns
    -------
    Treated
        The doses that were given, what was decided and why, the scans, and the days of events.

    Raises
    ------
    SimulationError, UnknownNameError, RegimenError, ParameterError
        If an argument does not fit the model or the protocol.

    Notes
    -----
    Patients are integrated from decision to decision: visits, and before each dose of a therapy
    that a rule on measurements or events stops or delays.  A visit comes before a dose of the
    same day.

    Examples
    --------
    >>> import pkpd
    >>> protocol = pkpd.Protocol({"weekly": pkpd.therapy(pkpd.bolus(100, "iv"), every=7, cycles=3)})
    >>> treated = pkpd.treat(pkpd.load("pk_1cmt"), protocol, {"CL": [1.0, 2.0]}, until=28)
    >>> treated.doses.query("patient == 1").day.tolist()
    [0.0, 7.0, 14.0]
    """
    check_seed(seed)
    settled = settled_protocol(model, protocol, imaging=imaging, leaving=leaving, solver=solver)
    values = settled.prepared.values_of(patients)
    return settled.treat(values, _numbers(values), _follow_up(until, model.time, values.members), seed)


def _follow_up(until: Any, unit: str, patients: int) -> Array:
    last = np.array(time_in(until, unit, "until") if np.ndim(until) == 0 else until, dtype=float)
    if last.shape not in ((), (patients,)) or not (np.isfinite(last) & (last >= 0)).all():
        raise SimulationError(f"until is {until!r}; expected a time of 0 or more, one or one for each of {patients}.")
    return np.array(np.broadcast_to(last, patients))


def _numbers(values: ParameterValues) -> Index:
    labels = values.ensemble.labels
    if "member" not in list(labels):
        return np.arange(values.members)
    return np.asarray(labels["member"][1], dtype=np.int64)
