"""A sweep as a value: what, when, who, how, and where the results go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from pkpd.ensembles.ensembles import Ensemble, grid
from pkpd.ensembles.points import PointKind
from pkpd.ensembles.populations import population
from pkpd.errors import ParameterError, SimulationError
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.solver import Solver
from pkpd.studies.endpoints import check_endpoint, endpoint_values, endpoints_of, variables_of
from pkpd.studies.samples import plain_variability
from pkpd.symbolic.model import Model, require_model
from pkpd.treatment.regimen_json import regimen_as_json
from pkpd.treatment.regimens import Regimen

__all__ = ["Sample", "Study"]

SMALLEST_CHUNK, LARGEST_CHUNK = 1_000, 200_000
CHUNK_BYTES = 64_000_000  # of results, in a chunk that nobody has chosen


@dataclass(frozen=True)
class Sample:
    """Members drawn by their number from what varies.

    Attributes
    ----------
    members, seed, points
        As for `pkpd.population`.
    variability
        Distributions by parameter, a block or a list of these, as `pkpd.population` takes them; the variability
        that the model declares where there are none.
    covariates
        In the same forms.
    """

    members: int
    seed: int = 1
    points: PointKind = "random"
    variability: Any = field(default_factory=dict)
    covariates: Any = None


@dataclass(frozen=True, eq=False)
class Study:
    """A sweep that can be written down, run in chunks, resumed and run again.

    Parameters
    ----------
    model
        A closed model.
    regimen
        The doses of all; or, by arm, ``{"control": None, "treated": q4w}``.
    times
        When to store, in the model's unit of time.
    axes
        Values by parameter; every combination is a member.
    sample
        Members drawn at random, each with every combination of the axes.
    parameters
        What differs from the model's defaults for all members.
    outputs, reduce, at_dose
        As for `pkpd.simulate`.
    endpoints
        Numbers for each member that are read from its courses at `times`, such as ``{"best": {"kind":
        "best_change", "of": "V"}}``; the kinds are those of `pkpd.studies.endpoint_tables`.  Together with
        `reduce`, they are kept instead of courses.
    chunk
        Members that are integrated and stored together; chosen by size if None.
    keep_parameters
        Whether the store holds the parameters that vary beside the results.

    Raises
    ------
    ModelError, RegimenError, ParameterError, UnknownNameError, SimulationError
        As for `pkpd.simulate`, when it is prepared.

    Examples
    --------
    >>> import pkpd
    >>> study = pkpd.Study(
    ...     pkpd.load("pk_1cmt"), pkpd.bolus("100 mg", "iv"), times=[0, 1, 7], axes={"CL": [0.1, 0.2, 0.4]}
    ... )
    >>> study.members
    3
    """

    model: Model
    regimen: Regimen | Mapping[str, Regimen | None] | None = None
    times: Any = ()
    axes: Mapping[str, Any] = field(default_factory=dict)
    sample: Sample | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] | None = None
    reduce: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    at_dose: str = "before"
    solver: Solver = field(default_factory=Solver)
    chunk: int | None = None
    keep_parameters: bool = True
    title: str = ""

    def __post_init__(self) -> None:
        require_model(self.model, "Study")
        axes = {name: tuple(np.asarray(values, dtype=float).tolist()) for name, values in self.axes.items()}
        settled = {
            "axes": MappingProxyType(axes),
            "times": tuple(np.asarray(self.times, dtype=float).tolist()),
            "parameters": MappingProxyType(dict(self.parameters)),
            "reduce": MappingProxyType({name: tuple(entry) for name, entry in self.reduce.items()}),
            "endpoints": MappingProxyType(endpoints_of(self.endpoints)),
            "outputs": None if self.outputs is None else tuple(self.outputs),
        }
        for name, value in settled.items():
            object.__setattr__(self, name, value)

    def but(self, **changes: Any) -> Study:
        """The same study with other fields."""
        return replace(self, **changes)

    def __reduce__(self) -> tuple[Any, ...]:
        regimen = dict(self.regimen) if isinstance(self.regimen, Mapping) else self.regimen
        return Study, (
            self.model, regimen, self.times, dict(self.axes), self.sample, dict(self.parameters), self.outputs,
            dict(self.reduce), dict(self.endpoints), self.at_dose, self.solver, self.chunk, self.keep_parameters,
            self.title,
        )  # fmt: skip

    # ---- who

    @cached_property
    def adjusted(self) -> Model:
        """The model with the parameters that all members share."""
        return self.model.using(**self.parameters) if self.parameters else self.model

    @cached_property
    def ensemble(self) -> Ensemble:
        """The members as a rule; none is made until it is asked for."""
        everyone = grid(**self.axes) if self.axes else Ensemble({})
        if self.sample is None:
            return everyone
        s = self.sample
        drawn = population(
            self.adjusted, s.members, s.seed, variability=s.variability or None, covariates=s.covariates or None,
            points=s.points,
        )  # fmt: skip
        for name in self.axes:
            if name in drawn.columns:
                raise ParameterError(
                    f"{name!r} is an axis, and varies in the sample too. Leave one of them out, or say that it does "
                    f'not vary: variability={{{name!r}: None}}, in a file {name} = {{ kind = "none" }}.'
                )
        return everyone * drawn.without_labels() if self.axes else drawn.without_labels()

    @property
    def members(self) -> int:
        """How many members there are."""
        return len(self.ensemble)

    # ---- how

    @cached_property
    def prepared(self) -> Prepared:
        """The model under its treatment, settled; see `pkpd.prepare`."""
        return self._prepared(None if self.reduce else self._read, dict(self.reduce) or None)

    @cached_property
    def courses(self) -> Prepared | None:
        """The same with the courses that endpoints are read from; None where there are no endpoints."""
        if not self.endpoints:
            return None
        self._check_endpoints()
        return self._prepared(self._read, None) if self.reduce else self.prepared

    def _prepared(self, outputs: tuple[str, ...] | None, reduce: Any) -> Prepared:
        if not self.times:
            raise SimulationError(f"the study of {self.model.name} has no times; say when to store, as times=[0, 7].")
        return prepare(
            self.adjusted,
            self.regimen,
            times=np.array(self.times),
            outputs=outputs,
            reduce=reduce,
            solver=self.solver,
            at_dose=self.at_dose,
        )

    @property
    def _read(self) -> tuple[str, ...] | None:
        """The outputs whose courses are computed; None for all."""
        if not self.endpoints:
            return self.outputs
        return tuple(dict.fromkeys(name for e in self.endpoints.values() for name in variables_of(e)))

    def _check_endpoints(self) -> None:
        model = self.adjusted
        if self.outputs is not None:
            raise SimulationError(
                f"the study has outputs {list(self.outputs)} and endpoints; it keeps either courses or numbers of each "
                "member. Leave outputs out."
            )
        for name, endpoint in self.endpoints.items():
            if name in model.units or name in self.reduce or name in ("time", "status", "ended", "member", "arm"):
                raise SimulationError(f"the endpoint {name!r} has a name that is taken already; choose another.")
            check_endpoint(model, endpoint, f"the endpoint {name!r}")

    @cached_property
    def numbers_per_member(self) -> int:
        """How many numbers of a member are kept."""
        kept = len(self.reduce) + len(self.endpoints) or len(self.prepared.outputs) * len(self.times)
        return kept * max(len(self.prepared.arms), 1)

    @cached_property
    def held_per_member(self) -> int:
        """How many numbers of a member are in memory while its chunk is computed."""
        courses = 0 if self.courses is None else len(self.courses.outputs) * len(self.times)
        return self.numbers_per_member + courses * max(len(self.prepared.arms), 1)

    def solve(self, members: Ensemble) -> tuple[dict[str, Any], Any]:
        """What is kept of these members by name, in the shape of their statuses or with times after it; and these."""
        solved = self.prepared(members)
        if self.courses is None:
            return dict(solved.columns), solved.status
        followed = solved if self.courses is self.prepared else self.courses(members)
        status = np.where(solved.status != 0, solved.status, followed.status)
        numbers = endpoint_values(self.adjusted, self.endpoints, np.array(self.times), followed)
        kept = {**solved.columns, **numbers} if self.reduce else numbers
        return {name: np.where(status != 0, np.nan, values) for name, values in kept.items()}, status

    @property
    def chunk_size(self) -> int:
        """Members that are integrated and stored together."""
        if self.chunk is not None:
            return min(self.chunk, self.members)
        fitting = CHUNK_BYTES // (8 * self.held_per_member)
        return min(self.members, max(SMALLEST_CHUNK, min(LARGEST_CHUNK, fitting)))

    @property
    def chunks(self) -> int:
        """In how many pieces it is run."""
        return -(-self.members // self.chunk_size)

    def chunk_range(self, number: int) -> tuple[int, int]:
        """The first member of a chunk, and the one after its last."""
        first = number * self.chunk_size
        return first, min(first + self.chunk_size, self.members)

    # ---- what it is known by

    def content(self) -> dict[str, Any]:
        """All that its numbers depend on, as plain values by subject."""
        arms = self.regimen if isinstance(self.regimen, Mapping) else {"": self.regimen}
        return {
            "model": self.adjusted.hash,
            "regimen": {arm: None if r is None else regimen_as_json(r) for arm, r in arms.items()},
            "ensemble": {"axes": {k: list(v) for k, v in self.axes.items()}, "sample": _plain_sample(self.sample)},
            "times": list(self.times),
            "outputs": None if self.outputs is None else list(self.outputs),
            "reduce": {name: list(entry) for name, entry in self.reduce.items()},
            **({"endpoints": {name: e.plain() for name, e in self.endpoints.items()}} if self.endpoints else {}),
            "at_dose": self.at_dose,
            "solver": _plain_solver(self.solver),
            "chunk": self.chunk_size,
            "keep_parameters": self.keep_parameters,
        }

    @property
    def hash(self) -> str:
        """The SHA-256 of `content`: studies of one hash have the same numbers."""
        return hashlib.sha256(json.dumps(self.content(), sort_keys=True).encode()).hexdigest()

    def __repr__(self) -> str:
        return f"<Study of {self.model.name}: {self.members:,} members in {self.chunks:,} chunks>"


def _plain_sample(sample: Sample | None) -> dict[str, Any] | None:
    if sample is None:
        return None
    varying = plain_variability(sample.variability, sample.covariates)
    return {"members": sample.members, "seed": sample.seed, "points": sample.points, **varying}


def _plain_solver(solver: Solver) -> dict[str, Any]:
    """What of the options the numbers depend on: not the threads."""
    atol = dict(solver.atol) if isinstance(solver.atol, Mapping) else solver.atol
    return {"method": solver.method, "rtol": solver.rtol, "atol": atol, "max_steps": solver.max_steps}
