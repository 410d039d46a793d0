"""Every regimen of a grid of decisions, for every member: numbers by decision and member, of one prepared problem."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble, grid
from pkpd.errors import ParameterError, RegimenError, SimulationError, unknown_name
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.solver import Solver
from pkpd.prepared.values import Values
from pkpd.symbolic.model import Model
from pkpd.symbolic.values import parameter_value
from pkpd.treatment.regimens import Regimen

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RegimenOf", "RegimenProblem", "check_numbers", "checked_decisions"]

AT_ONCE = 200_000  # members of all arms in one call

RegimenOf = Regimen | Callable[..., Regimen | None] | None


@dataclass(frozen=True, eq=False)
class RegimenProblem:
    """Decisions about a regimen and what is computed for each; see `optimize_regimen`.

    Attributes
    ----------
    regimen
        A regimen, whose parameters are decisions, or a function of decisions that returns one.
    decisions
        The values of each decision.
    parameters
        Of one patient, or an ensemble of members.
    """

    model: Model
    regimen: RegimenOf
    decisions: Mapping[str, Any]
    times: Any
    reduce: Mapping[str, tuple[Any, ...]]
    parameters: Mapping[str, Any] | Ensemble | None = None
    solver: Solver | None = None

    @cached_property
    def structural(self) -> tuple[str, ...]:
        """The decisions that the function of a regimen takes: each of their combinations is an arm."""
        if self.regimen is None or isinstance(self.regimen, Regimen):
            return ()
        taken = inspect.signature(self.regimen).parameters
        required = [name for name, p in taken.items() if p.default is inspect.Parameter.empty]
        for name in required:
            if name not in self.decisions:
                raise unknown_name("decisions", "decision that the regimen's function takes, ", name, self.decisions)
        return tuple(name for name in self.decisions if name in taken)

    @property
    def swept(self) -> tuple[str, ...]:
        """The decisions that are parameters of the regimen or the model."""
        return tuple(name for name in self.decisions if name not in self.structural)

    @cached_property
    def combinations(self) -> list[dict[str, Any]]:
        """What the function of a regimen is called with, arm by arm."""
        axes = [self.decisions[name].tolist() for name in self.structural]
        return [dict(zip(self.structural, values, strict=True)) for values in itertools.product(*axes)]

    def regimen_of(self, **chosen: Any) -> Regimen | None:
        """The regimen of one combination of the structural decisions."""
        if self.regimen is None or isinstance(self.regimen, Regimen):
            return self.regimen
        made = self.regimen(**chosen)
        if made is not None and not isinstance(made, Regimen):
            where = ", ".join(f"{k}={v!r}" for k, v in chosen.items())
            raise RegimenError(f"the regimen's function returned {made!r} for {where}; expected a Regimen or None.")
        return made

    @cached_property
    def prepared(self) -> Prepared:
        """The model under all arms."""
        arms = {
            ", ".join(f"{k}={v}" for k, v in chosen.items()) or "regimen": self.regimen_of(**chosen)
            for chosen in self.combinations
        }
        if len(arms) < len(self.combinations):
            raise ParameterError("two combinations of decisions have the same name; give their values apart.")
        prepared = prepare(self.model, arms, times=self.times, reduce=self.reduce, solver=self.solver)
        for name in self.swept:
            prepared.known.require(name)
        return prepared

    @cached_property
    def people(self) -> Ensemble:
        """The members; one without a dimension where there is one patient."""
        if isinstance(self.parameters, Ensemble):
            return self.parameters
        values = dict(self.parameters or {})
        columns: dict[str, Any] = {}
        for name, value in values.items():
            self.prepared.known.require(name)
            if np.ndim(value):
                raise ParameterError(
                    f"optimize_regimen(): parameter {name!r} has {np.size(value)} values; members side by side are "
                    "pkpd.members(...)."
                )
            symbol = self.prepared.known.symbols.get(name, self.model.symbols.get(name))
            columns[name] = ((), parameter_value(self.model, symbol, value))
        return Ensemble({}, columns)

    @property
    def dims(self) -> tuple[str, ...]:
        """The decisions, then the dimensions of the members."""
        return (*self.decisions, *self.people.dims)

    def run(self) -> xr.Dataset:
        """The numbers by decision and member, with all parameters that vary as coordinates; NaN where one failed."""
        swept = grid(**{name: self.decisions[name] for name in self.swept})
        everyone = swept * self.people
        numbers = self._solved(everyone)
        sizes = [len(self.decisions[name]) for name in self.structural] + list(everyone.shape)
        return self._labelled({name: column.reshape(sizes) for name, column in numbers.items()}, everyone)

    def _solved(self, everyone: Ensemble) -> dict[str, Array]:
        """(arms, members) by name."""
        step = max(1, AT_ONCE // len(self.combinations))
        parts = [
            self._numbers(self.prepared(everyone.slice(start, min(start + step, len(everyone)))))
            for start in range(0, len(everyone), step)
        ]
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in self.reduce}

    def _numbers(self, values: Values) -> dict[str, Array]:
        failed = values.status != 0
        return {name: np.where(failed, np.nan, values[name]) for name in self.reduce}

    def _labelled(self, numbers: Mapping[str, Array], everyone: Ensemble) -> xr.Dataset:
        import xarray as xr

        dims = (*self.structural, *everyone.dims)
        variables = {name: (dims, column, self._about(name)) for name, column in numbers.items()}
        coords: dict[str, Any] = {
            name: (name, self.decisions[name], self._about_decision(name)) for name in self.decisions
        }
        for name, column in self.people.columns.items():
            coords.setdefault(name, (*column, self._about_decision(name)))
        coords |= dict(self.people.labels)
        if "member" in self.people.dims:
            coords.setdefault("member", ("member", np.arange(self.people.sizes["member"])))
        run = xr.Dataset(variables, coords).transpose(*self.dims, missing_dims="ignore")
        return run.assign_attrs(dims=self.dims, model=self.model.name)

    def _about(self, name: str) -> dict[str, str]:
        reduction = self.prepared.reductions[name]
        kind = reduction.kind.replace("_", " ")
        unit = self.model.units[reduction.of]
        if reduction.kind == "auc":
            unit = f"{unit} {self.model.time}"
        elif "time" in reduction.kind or reduction.threshold is not None:
            unit = self.model.time
        return {"units": unit, "long_name": f"{kind} of {self.model.meaning(reduction.of)}"}

    def _about_decision(self, name: str) -> dict[str, str]:
        symbol = self.prepared.known.symbols.get(name)
        return {} if symbol is None else {"units": symbol.unit, "long_name": symbol.meaning}


def checked_decisions(decisions: Any) -> dict[str, Any]:
    """The values of each decision as arrays.

    Raises
    ------
    ParameterError
        If there is no decision, or an axis is empty, not one-dimensional, or holds a value twice.
    """
    if not isinstance(decisions, Mapping) or not decisions:
        raise ParameterError(f"decisions is {decisions!r}; expected {{name: values}}, at least one.")
    axes = {}
    for name, values in decisions.items():
        axis = np.asarray(list(values) if isinstance(values, range | tuple) else values)
        if axis.ndim != 1 or not axis.size or axis.dtype.kind not in "iufUb":
            raise ParameterError(f"the decision {name!r} has the values {values!r}; expected a sequence of numbers.")
        if axis.dtype.kind == "f" and not np.isfinite(axis).all():
            raise ParameterError(f"the decision {name!r} holds {axis[~np.isfinite(axis)][0]}; expected finite numbers.")
        if len(np.unique(axis)) < len(axis):
            raise ParameterError(f"the decision {name!r} holds a value twice; its values label the surface.")
        axes[str(name)] = axis
    return axes


def check_numbers(reduce: Any, decisions: Iterable[str]) -> None:
    """Refuse a `reduce` without numbers, or with one that is named like a decision."""
    if not isinstance(reduce, Mapping) or not reduce:
        raise SimulationError(
            f"optimize_regimen(): reduce is {reduce!r}; expected {{name: (variable, kind)}}, such as "
            "{'final': ('V', 'last')}: the numbers that objective and constraints are made of."
        )
    for name in decisions:
        if name in reduce:
            raise ParameterError(f"optimize_regimen(): {name!r} is a decision, and a number of reduce= too.")
