"""Virtual trials: arms, patients, visits and follow-up."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import SimulationError, unknown_name
from pkpd.prepared.solver import Solver
from pkpd.symbolic.model import Model, require_model
from pkpd.treatment.protocols import Protocol
from pkpd.trials.imaging import Imaging
from pkpd.trials.splitting import Split
from pkpd.units import time_in

__all__ = ["Trial"]

Population = Ensemble | Callable[[int, int, int], Ensemble] | Any


@dataclass(frozen=True, eq=False)
class Trial:
    """A trial to be simulated: who is treated how, seen when, and followed how long; frozen.

    Parameters
    ----------
    model
        Of a patient, with the events of `time_to_event` that the trial looks at.
    arms
        Protocols by name.  Comparisons are with the last one unless `control` names another.
    patients
        Their number, of all arms together.
    population
        Who they are: what varies between them, as `population` takes it (None for what the
        model declares); a function of a number of patients, a seed and the number of the first,
        that returns an `Ensemble`; or an `Ensemble`, from whose members patients are drawn at
        random, with replacement.  The chances of events are drawn anew for every patient.
    imaging
        What is scanned, when, and how scans are read; without it there are no responses.
    accrual
        Over which time patients are enrolled, uniformly: days, or text such as ``"2 years"``.
    follow_up
        From the last enrollment that may be to the data cutoff, at which all are censored.
    events_at_cutoff
        Where the cutoff is at a number of events, ``("os", 300)`` or ``("pfs", 458)``: on the day of
        that event, if it comes before the end of `follow_up`.  Who would be enrolled later is not
        in the trial.
    death
        The event of the model that is death; without one there is no overall survival.
    leaving
        Further events with which a patient leaves, such as ``"dropout"``: both survival times are
        then censored.
    adverse
        Events whose rates are wanted.
    allocation
        Patients by arm, in parts: ``{"durvalumab": 2, "placebo": 1}``; equal by default.
    strata
        Biomarkers by which allocation, in permuted blocks, and the log-rank test are stratified.
    biomarkers
        Further parameters of which each patient's value is kept.
    solver
        How to integrate.
    control
        The arm with which the others are compared.

    Raises
    ------
    SimulationError, UnknownNameError
        If something is not acceptable; the message names it.

    Examples
    --------
    Exponential survival under two hazards:

    >>> import pkpd
    >>> X, tau = pkpd.state("X", "mg", "drug given"), pkpd.param("tau", 1, "day", "1 day")
    >>> kept = pkpd.Model("kept", {X: 0 * X / tau}, routes={"iv": {X: X + pkpd.dose("mg")}})
    >>> h, D50 = pkpd.param("h", 0.002, "1/day", "hazard"), pkpd.param("D50", 10, "mg", "dose that halves it")
    >>> drug = pkpd.therapy(pkpd.bolus(5, "iv"))
    >>> trial = pkpd.Trial(
    ...     pkpd.time_to_event(kept, "death", h / (1 + X / D50)),
    ...     {"drug": pkpd.Protocol({"drug": drug}), "none": pkpd.Protocol({})},
    ...     patients=200,
    ...     follow_up=730,
    ...     death="death",
    ... )
    >>> pkpd.replicate_trial(trial, replicates=3, seed=1)["os_hazard_ratio"].shape
    (3, 1)
    """

    model: Model
    arms: Mapping[str, Protocol]
    patients: int
    population: Population = None
    imaging: Imaging | None = None
    accrual: Any = 0
    follow_up: Any = 0
    events_at_cutoff: tuple[str, int] | None = None
    death: str | None = None
    leaving: tuple[str, ...] = ()
    adverse: tuple[str, ...] = ()
    allocation: Mapping[str, int] = field(default_factory=dict)
    strata: tuple[Split, ...] = ()
    biomarkers: tuple[str, ...] = ()
    solver: Solver | None = None
    control: str | None = None

    def __post_init__(self) -> None:
        require_model(self.model, "Trial")
        if not isinstance(self.imaging, Imaging | None):
            raise SimulationError(f"imaging is {self.imaging!r}; expected pkpd.Imaging(lesions, visits).")
        if not isinstance(self.arms, Mapping) or not self.arms:
            raise SimulationError(f"arms is {self.arms!r}; expected {{name: pkpd.Protocol(...)}}.")
        for arm, protocol in self.arms.items():
            if not isinstance(protocol, Protocol):
                raise SimulationError(f"the arm {arm!r} is {protocol!r}; expected a pkpd.Protocol.")
        self._check_patients()
        self._check_cutoff()
        for name in ("arms", "allocation"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in ("leaving", "adverse", "biomarkers"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        object.__setattr__(self, "strata", (self.strata,) if isinstance(self.strata, Split) else tuple(self.strata))
        if not all(isinstance(split, Split) for split in self.strata):
            raise SimulationError(f"strata is {self.strata!r}; expected pkpd.split_at(biomarker, cut) or several.")
        for name in ("accrual", "follow_up"):
            length = time_in(getattr(self, name), "day", name)
            if not 0 <= length < float("inf"):
                raise SimulationError(f"{name} is {getattr(self, name)!r}; expected a time of 0 or more.")
        if self.control is None:
            object.__setattr__(self, "control", list(self.arms)[-1])
        elif self.control not in self.arms:
            raise unknown_name("the trial", "arm", self.control, self.arms)

    def __getstate__(self) -> dict[str, Any]:
        frozen = {name: dict(getattr(self, name)) for name in ("arms", "allocation")}
        return {**vars(self), **frozen}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, MappingProxyType(value) if isinstance(value, dict) else value)

    def _check_patients(self) -> None:
        if not isinstance(self.patients, numbers.Integral) or self.patients < len(self.arms):
            raise SimulationError(f"patients is {self.patients!r}; expected a whole number, one for each arm or more.")
        for arm, parts in self.allocation.items():
            if arm not in self.arms:
                raise unknown_name("the trial", "arm", str(arm), self.arms)
            if not isinstance(parts, numbers.Integral) or parts < 1:
                raise SimulationError(f"allocation to {arm!r} is {parts!r}; expected a whole number of 1 or more.")

    def _check_cutoff(self) -> None:
        if self.events_at_cutoff is None:
            return
        kinds = {"pfs": self.imaging is not None, "os": self.death is not None}
        try:
            kind, number = self.events_at_cutoff
            good = kinds[kind] and isinstance(number, numbers.Integral) and 0 < number
        except (TypeError, ValueError, KeyError):
            good = False
        if not good:
            has = " or ".join(repr(kind) for kind, there in kinds.items() if there)
            raise SimulationError(
                f"events_at_cutoff is {self.events_at_cutoff!r}; expected ({has or 'an endpoint'}, a number of events)."
            )

    @property
    def weights(self) -> tuple[int, ...]:
        """How many parts of the patients each arm has."""
        return tuple(int(self.allocation.get(arm, 1)) for arm in self.arms)

    @property
    def events(self) -> tuple[str, ...]:
        """The events of the model that the trial looks at."""
        named = [*([] if self.death is None else [self.death]), *self.leaving, *self.adverse]
        return tuple(dict.fromkeys(named))
