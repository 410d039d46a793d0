"""The response surface of a regimen: objective and constraints over all decisions, the optimum, its flatness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError, ParameterError, SimulationError, unknown_name
from pkpd.trials.goals import Goal
from pkpd.trials.regimen_problems import RegimenProblem
from pkpd.trials.surface_reports import nothing_feasible, surface_report
from pkpd.trials.surface_resampling import resampled_surface

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ResponseSurface", "surface_of"]


@dataclass(frozen=True, eq=False, repr=False)
class ResponseSurface:
    """What every regimen of a grid of decisions does; see `optimize_regimen`.

    Attributes
    ----------
    problem
        What was computed.
    objective
        What is minimized or maximized.
    constraints
        What a feasible regimen keeps to.
    each
        The dimensions of members that are kept apart: each of them has an optimum of its own.
    by_member
        The quantities of objective and constraints by decision and member; NaN where a member failed.
    """

    problem: RegimenProblem
    objective: Goal
    constraints: tuple[Goal, ...]
    each: tuple[str, ...]
    by_member: xr.Dataset

    @property
    def decisions(self) -> tuple[str, ...]:
        """The names of the decisions."""
        return tuple(self.problem.decisions)

    @property
    def several(self) -> bool:
        """Whether statistics are taken over members."""
        return any(dim not in self.each for dim in self.problem.people.dims)

    @property
    def labels(self) -> tuple[str, ...]:
        """The constraints in words."""
        return tuple(goal.label(several=self.several) for goal in self.constraints)

    # ---- the surface

    @cached_property
    def dataset(self) -> xr.Dataset:
        """By decision: objective, each constraint's value and margin, whether feasible, how many members failed."""
        return self.dataset_for(self.weights)

    def dataset_for(self, weights: Array) -> xr.Dataset:
        """`dataset` with these weights of the members."""
        import xarray as xr

        values = [self._over_members(goal, weights) for goal in (self.objective, *self.constraints)]
        objective, columns = values[0], values[1:]
        feasible = objective.notnull()
        for goal, column in zip(self.constraints, columns, strict=True):
            feasible = feasible & (goal.margin(column) >= 0)
        unit = self.by_member["goal_0"].attrs.get("units", "1")
        about = {"long_name": self.objective.label(several=self.several), "units": unit}
        surface = xr.Dataset({"objective": objective.assign_attrs(about)})
        surface["feasible"] = feasible.assign_attrs(long_name="whether every constraint is kept", units="1")
        surface["failed"] = self._failed
        if columns:
            axis = xr.DataArray(list(self.labels), dims="constraint", name="constraint")
            named = zip(self.constraints, columns, strict=True)
            surface["constraint_value"] = xr.concat(columns, axis).assign_attrs(long_name="constrained quantity")
            margins = xr.concat([goal.margin(column) for goal, column in named], axis)
            surface["margin"] = margins.assign_attrs(long_name="distance from the limit, below 0 where it is broken")
        return surface.assign_attrs(model=self.problem.model.name)

    @property
    def _members(self) -> tuple[str, ...]:
        """The dimensions over which statistics are taken."""
        return tuple(dim for dim in self.problem.people.dims if dim not in self.each)

    @property
    def _kept(self) -> tuple[str, ...]:
        return (*self.decisions, *self.each)

    @cached_property
    def weights(self) -> Array:
        """(members,): the label ``weight`` of the members, or 1."""
        shape = [self.problem.people.sizes[dim] for dim in self._members]
        if "weight" not in self.by_member.coords:
            return np.ones(int(np.prod(shape)))
        weight = self.by_member["weight"]
        if spare := set(weight.dims) & set(self.each):
            raise DataError(f"the label 'weight' varies over {min(map(str, spare))!r}, whose members are kept apart.")
        return np.asarray(weight.broadcast_like(self._ones).transpose(*self._members)).reshape(-1).astype(float)

    @property
    def _ones(self) -> xr.DataArray:
        import xarray as xr

        return xr.DataArray(np.ones([self.problem.people.sizes[d] for d in self._members]), dims=self._members)

    def _over_members(self, goal: Goal, weights: Array) -> xr.DataArray:
        import xarray as xr

        number = (self.objective, *self.constraints).index(goal)
        values = self.by_member[f"goal_{number}"].transpose(*self._kept, *self._members)
        sizes = values.shape[: len(self._kept)]
        flat = values.to_numpy().reshape(*sizes, -1)
        coords = {k: c for k, c in values.coords.items() if set(c.dims) <= set(self._kept)}
        return xr.DataArray(goal.over.of(flat, weights, high_is_bad=goal.high_is_bad), coords, self._kept)

    @cached_property
    def _failed(self) -> xr.DataArray:
        lost = self.by_member["goal_0"].isnull()
        for number in range(1, len(self.constraints) + 1):
            lost = lost | self.by_member[f"goal_{number}"].isnull()
        count = lost.sum(self._members) if self._members else lost.astype(int)
        return count.transpose(*self._kept).assign_attrs(long_name="members that failed", units="1")

    # ---- the optimum

    @cached_property
    def optimum(self) -> xr.Dataset:
        """The best feasible regimen: a variable for each decision, and those of `dataset` there.

        Over `each` where members are kept apart; a member for whom nothing is feasible has NaN.

        Raises
        ------
        SimulationError
            If no regimen is feasible for anybody; the message says which comes nearest.
        """
        surface = self.dataset
        if not bool(surface["feasible"].any()):
            raise SimulationError(nothing_feasible(self))
        return self.at(self._best(surface))

    def _best(self, surface: xr.Dataset) -> xr.Dataset:
        """The decisions of the best feasible regimen, NaN where there is none."""
        import xarray as xr

        objective = surface["objective"].where(surface["feasible"]).transpose(*self.each, *self.decisions)
        worst = np.inf if self.objective.high_is_bad else -np.inf
        flat = objective.fillna(worst).to_numpy().reshape(*objective.shape[: len(self.each)], -1)
        best = flat.argmin(-1) if self.objective.high_is_bad else flat.argmax(-1)
        places = np.unravel_index(best, [len(self.problem.decisions[name]) for name in self.decisions])
        some = surface["feasible"].any(self.decisions).to_numpy()
        chosen = {}
        for name, place in zip(self.decisions, places, strict=True):
            values = self.problem.decisions[name][place]
            if not some.all():
                values = np.where(some, values.astype(object if values.dtype.kind == "U" else float), np.nan)
            chosen[name] = (self.each, values, dict(surface[name].attrs))
        coords = {k: c for k, c in surface.coords.items() if c.dims and set(c.dims) <= set(self.each)}
        return xr.Dataset(chosen, coords)

    def at(self, chosen: Mapping[str, Any] | xr.Dataset) -> xr.Dataset:
        """What a choice of decisions does: the values of the surface there.

        Parameters
        ----------
        chosen
            A value of the grid for each decision, or an array of them over a dimension that is
            kept apart, such as the `optimum` of another surface, by patient.

        Raises
        ------
        UnknownNameError, DataError
            If a decision is missing, or a value is not on the grid.
        """
        import xarray as xr

        indexers, missing = {}, xr.DataArray(False)
        for name in self.decisions:
            if name not in chosen:
                raise unknown_name("the choice", "decision", name, [str(k) for k in chosen])
            wanted = xr.DataArray(chosen[name])
            missing = missing | wanted.isnull()
            indexers[name] = xr.zeros_like(wanted, dtype=int).copy(data=self._places(name, wanted.to_numpy()))
        values = self.dataset.isel({name: index.drop_vars(index.coords) for name, index in indexers.items()})
        numbers = [name for name in ("objective", "constraint_value", "margin") if name in values]
        values = values.assign({name: values[name].where(~missing) for name in numbers})
        values["feasible"] = values["feasible"] & ~missing
        decided = {name: xr.DataArray(chosen[name]).assign_attrs(self.dataset[name].attrs) for name in self.decisions}
        return values.drop_vars(self.decisions).assign(decided)

    def _places(self, name: str, wanted: Array) -> Index:
        """Where values stand on an axis; 0 for NaN."""
        axis = self.problem.decisions[name]
        flat = wanted.reshape(-1)
        same = np.array([[_equal(value, known) for known in axis] for value in flat]).reshape(len(flat), len(axis))
        absent = ~same.any(1) & np.array([value == value for value in flat], dtype=bool)
        if absent.any():
            raise DataError(
                f"{name!r} is {flat[int(np.argmax(absent))]}, which is not on the grid of this surface; it has "
                f"{', '.join(map(str, axis.tolist()))}."
            )
        return np.asarray(same.argmax(1).reshape(wanted.shape))

    # ---- flatness

    def near(self, within: float = 0.05) -> xr.DataArray:
        """Which feasible regimens have an objective within a share of the best one's size.

        Raises
        ------
        ParameterError
            If `within` is not 0 or more.
        """
        if isinstance(within, bool) or not isinstance(within, int | float) or not within >= 0:
            raise ParameterError(f"near(): within is {within!r}; expected a share such as 0.05.")
        surface, best = self.dataset, self.optimum["objective"]
        flags: xr.DataArray = surface["feasible"] & (np.abs(surface["objective"] - best) <= within * np.abs(best))
        return flags.transpose(*self._kept).assign_attrs(
            long_name=f"whether within {100 * within:g} % of the best", units="1"
        )

    def flatness(self, within: Sequence[float] = (0.01, 0.05, 0.1)) -> xr.Dataset:
        """How flat the optimum is: for each share the regimens that come as near, and how far each decision ranges.

        Returns
        -------
        xarray.Dataset
            Over ``within`` and `each`: ``share`` of the feasible regimens, and for each decision of
            numbers ``NAME_low`` and ``NAME_high``.
        """
        import xarray as xr

        masks = xr.concat([self.near(w) for w in within], xr.DataArray(list(within), dims="within", name="within"))
        feasible = self.dataset["feasible"].sum(self.decisions)
        share = masks.sum(self.decisions) / feasible.where(feasible > 0)
        table = xr.Dataset({"share": share.assign_attrs(long_name="share of the feasible regimens", units="1")})
        for name in self.decisions:
            axis = self.dataset[name]
            if axis.dtype.kind in "iuf":
                reached = axis.where(masks)
                table[f"{name}_low"] = reached.min(self.decisions).assign_attrs(axis.attrs)
                table[f"{name}_high"] = reached.max(self.decisions).assign_attrs(axis.attrs)
        return table

    # ---- members

    def of_each(self, *dims: str) -> ResponseSurface:
        """The same surface with these dimensions of members kept apart, without another integration.

        Raises
        ------
        UnknownNameError
            If the members have no such dimension.
        """
        for dim in dims:
            if dim not in self.problem.people.dims:
                raise unknown_name("the ensemble", "dimension", dim, self.problem.people.dims)
        return replace(self, each=tuple(dims))

    def resampled(self, n: int = 200, *, seed: int, confidence: float = 0.95) -> xr.Dataset:
        """How far the surface and its optimum follow from whom the population happened to hold: a bootstrap.

        Every regimen is seen with the same resampled members.

        Returns
        -------
        xarray.Dataset
            By decision ``lower`` and ``upper`` of the objective, ``feasible`` (the share of resamples in
            which it is) and ``chosen`` (the share in which it is the best).

        Raises
        ------
        DataError
            If no statistic is taken over members, or members are kept apart.
        """
        if not self.several or self.each:
            raise DataError("resampled() draws members again; this surface takes no statistic over all of them.")
        return resampled_surface(self, n, seed, confidence)

    # ---- text

    def report(self) -> str:
        """The optimum in words, how flat it is, and where it stands at the end of an axis."""
        return surface_report(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return f"<ResponseSurface of {self.problem.model.name} over {', '.join(self.decisions)}>"


def surface_of(problem: RegimenProblem, goals: Sequence[Goal], each: Sequence[str], failed: str) -> ResponseSurface:
    """The surface of a problem that has been run.

    Raises
    ------
    SimulationError
        If a member failed, and the policy is ``"raise"``.
    """
    import xarray as xr

    run = problem.run()
    template = run[next(iter(problem.reduce))]
    numbers = {
        f"goal_{i}": goal.measured(run).broadcast_like(template).transpose(*problem.dims)
        for i, goal in enumerate(goals)
    }
    coords = {k: c for k, c in run.coords.items() if c.dims}
    surface = ResponseSurface(problem, goals[0], tuple(goals[1:]), (), xr.Dataset(numbers, coords))
    lost = int(surface.by_member.to_dataarray().isnull().any("variable").sum())
    if lost and failed == "raise":
        count = surface.by_member["goal_0"].size
        raise SimulationError(
            f"{problem.model.name}: {lost} of {count} simulations have no value of {_first_lost(surface)}. "
            "failed='exclude' leaves these members out and counts them."
        )
    return surface.of_each(*each)


def _first_lost(surface: ResponseSurface) -> str:
    """The first quantity that is missing, and where."""
    for i, goal in enumerate((surface.objective, *surface.constraints)):
        lost = surface.by_member[f"goal_{i}"].isnull()
        if bool(lost.any()):
            places = np.argwhere(lost.to_numpy())[0]
            where = ", ".join(f"{d}={lost[d].to_numpy()[p]}" for d, p in zip(lost.dims, places, strict=True))
            return f"{goal.name!r}, first at {where}"
    return ""


def _equal(value: Any, known: Any) -> bool:
    if isinstance(known, str) or isinstance(value, str):
        return bool(value == known)
    return bool(abs(float(value) - float(known)) <= 1e-9 * max(abs(float(known)), 1e-9))
