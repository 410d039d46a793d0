"""What is scanned, when, and how scans are read and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.ensembles.streams import by_runs
from pkpd.errors import SimulationError, unknown_name
from pkpd.measures.recist_rules import RecistRules
from pkpd.symbolic.model import Model
from pkpd.treatment.conditions import IRECIST, Seen
from pkpd.treatment.protocols import Protocol
from pkpd.trials.lesions import sphere_diameter
from pkpd.trials.readings import Readings, SettledImaging
from pkpd.trials.scanning import Reader, ScanChances, scan_chances
from pkpd.trials.visits import VisitSchedule, visit_days
from pkpd.units import conversion_factor, parse_unit, time_in

__all__ = ["Imaging", "readings_of"]


@dataclass(frozen=True)
class Imaging:
    """Scans of the patients of a protocol or a trial; frozen.

    Parameters
    ----------
    lesions
        By name the output of the model that is the size of a lesion: its diameter, or its volume,
        which is then that of a sphere.
    visits
        From `schedule_visits`; or days of scans from entry, the first of which is the baseline:
        (visits,) for all alike, or (patients, visits), where a missed visit is NaN.
    reader
        How scans are read; the defaults of `Reader`, with a measurement error.
    nodes
        The lesions that are lymph nodes; their diameter is that of the short axis.
    organs
        By lesion a name of its organ, all or none: then two of an organ are targets at most.
    criteria
        What RECIST and iRECIST leave to the protocol; the defaults of `RecistRules`.

    Raises
    ------
    SimulationError, UnknownNameError
        If a name is that of no lesion, or days do not rise.

    Examples
    --------
    Every 8 weeks for a year, then every 12:

    >>> import pkpd
    >>> imaging = pkpd.Imaging(
    ...     {"primary": "diameter_primary", "metastasis": "diameter_metastasis"},
    ...     pkpd.schedule_visits(56, 1095, then={364: 84}, jitter=2, missed=0.02),
    ... )
    """

    lesions: Mapping[str, str]
    visits: Any
    reader: Reader = field(default_factory=Reader)
    nodes: tuple[str, ...] = ()
    organs: Mapping[str, str] | None = None
    criteria: RecistRules = field(default_factory=RecistRules)

    def __post_init__(self) -> None:
        if not isinstance(self.lesions, Mapping) or not self.lesions:
            raise SimulationError(f"lesions is {self.lesions!r}; expected {{name: output}}, one or more.")
        object.__setattr__(self, "lesions", MappingProxyType(dict(self.lesions)))
        object.__setattr__(self, "nodes", (self.nodes,) if isinstance(self.nodes, str) else tuple(self.nodes))
        self._check_names("nodes", self.nodes)
        if self.organs is not None:
            object.__setattr__(self, "organs", MappingProxyType(dict(self.organs)))
            self._check_names("organs", self.organs)
            lacking = set(self.lesions) - set(self.organs)
            if lacking:
                raise SimulationError(f"organs says nothing of {min(lacking)!r}; name the organ of every lesion.")
        if not isinstance(self.visits, VisitSchedule):
            object.__setattr__(self, "visits", _days(self.visits))

    def __reduce__(self) -> tuple[Any, ...]:
        organs = None if self.organs is None else dict(self.organs)
        return Imaging, (dict(self.lesions), self.visits, self.reader, self.nodes, organs, self.criteria)

    def _check_names(self, what: str, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.lesions:
                raise unknown_name(f"Imaging: {what}", "lesion", str(name), self.lesions)

    def settled(self, model: Model, protocol: Protocol, numbers: Index, seed: int) -> SettledImaging:
        """The imaging of patients with these numbers, with all that chance decides about it."""
        n, lesions = len(numbers), list(self.lesions)
        planned, scheduled = self._visits(numbers, seed)
        asked = [rule.when for rule in protocol.rules if isinstance(rule.when, Seen)]
        organs = None if self.organs is None else [self.organs[name] for name in lesions]
        codes = None if organs is None else [sorted(set(organs)).index(organ) for organ in organs]
        return SettledImaging(
            outputs=tuple(self.lesions.values()),
            sizes=tuple(diameter_of(model, output) for output in self.lesions.values()),
            planned=planned,
            scheduled=scheduled,
            per_day=time_in("1 day", model.time, "a day"),
            reader=self.reader,
            chances=_chances((planned.shape[1], len(lesions)), self.reader, numbers, seed),
            node=_for_all([name in self.nodes for name in lesions], n).astype(bool),
            organ=None if codes is None else _for_all(codes, n).astype(np.int64),
            criteria=self.criteria,
            judged=bool(asked),
            immune=any(name in IRECIST for condition in asked for name in condition.responses),
        )

    def _visits(self, numbers: Index, seed: int) -> tuple[Array, Array]:
        """Days on which scans are made and on which they are due, (patients, visits) each."""
        if isinstance(self.visits, VisitSchedule):
            schedule = self.visits
            days = by_runs(numbers, lambda first, n: visit_days(schedule, n, seed, first=first)["day"].to_numpy().T).T
            return np.ascontiguousarray(days), _for_all(schedule.due, len(numbers))
        days = np.asarray(self.visits, dtype=float)
        if days.ndim == 2 and len(days) != len(numbers):
            raise SimulationError(f"visits are of {len(days)} patients; there are {len(numbers)}.")
        planned = np.array(np.broadcast_to(days, (len(numbers), days.shape[-1])))
        return planned, planned


def _for_all(values: Any, patients: int) -> Array:
    return np.array(np.broadcast_to(np.asarray(values, dtype=float), (patients, len(values))))


def _days(visits: Any) -> tuple[Any, ...]:
    """Days as tuples: a value that compares."""
    try:
        days = np.asarray(visits, dtype=float)
    except (TypeError, ValueError):
        raise SimulationError(f"visits is {visits!r:.60}; expected schedule_visits(...), or days.") from None
    if days.ndim not in (1, 2) or not days.size or np.isinf(days).any() or np.isnan(days[..., 0]).any():
        raise SimulationError(f"visits is {visits!r:.60}; expected days, the first of which is the baseline.")
    latest = np.fmax.accumulate(days, axis=-1)
    with np.errstate(invalid="ignore"):
        if (days[..., 1:] <= latest[..., :-1]).any():
            raise SimulationError(f"visits is {visits!r:.60}; expected days that rise.")
    return tuple(map(tuple, days.tolist())) if days.ndim == 2 else tuple(days.tolist())


def _chances(shape: tuple[int, int], reader: Reader, numbers: Index, seed: int) -> ScanChances:
    drawn = by_runs(numbers, lambda first, n: _last_patients(scan_chances((n, *shape), reader, seed, first)))
    error, unseen = np.moveaxis(drawn, -1, 1)
    return ScanChances(np.ascontiguousarray(error), unseen != 0)


def _last_patients(chances: ScanChances) -> Array:
    """Both kinds side by side with the patients last, as `by_runs` wants them."""
    return np.moveaxis(np.stack([chances.error, chances.not_evaluable.astype(float)]), 1, -1)


def diameter_of(model: Model, output: str) -> Callable[[Array], Array]:
    """The diameter in mm from a size of a lesion.

    Raises
    ------
    UnknownNameError, SimulationError
        If the model has no such output, or it is neither a length nor a volume.
    """
    known = [*(state.name for state in model.states), *model.outputs]
    if output not in known:
        raise unknown_name(model.name, "state or output", str(output), known)
    unit = parse_unit(model.units[output])
    length, volume = (conversion_factor(unit, parse_unit(of)) for of in ("mm", "mm^3"))
    if length is not None:
        return lambda size: np.maximum(size, 0.0) * length
    if volume is not None:
        return lambda size: sphere_diameter(np.maximum(size, 0.0) * volume)
    raise SimulationError(f"{model.name}: {output!r} is in {model.units[output]}; a lesion has a length or a volume.")


def readings_of(imaging: Imaging | None, model: Model, protocol: Protocol, numbers: Index, seed: int) -> Readings:
    """Before the first scan; without imaging there is none.

    Raises
    ------
    SimulationError
        If a rule looks at scans and there are none.
    """
    asked = [rule.when for rule in protocol.rules if isinstance(rule.when, Seen)]
    if imaging is not None:
        return Readings.begun(imaging.settled(model, protocol, numbers, seed))
    if asked:
        raise SimulationError(f"a rule looks at {asked[0]}; give imaging=.")
    n, reader = len(numbers), Reader()
    nothing: Mask = np.zeros((n, 0), dtype=bool)
    days = np.zeros((n, 0))
    chances = ScanChances(np.zeros((n, 0, 0)), np.zeros((n, 0, 0), dtype=bool))
    none = SettledImaging((), (), days, days, 1.0, reader, chances, nothing, None, RecistRules(), False, False)
    return Readings.begun(none)
