"""What a model predicts for each observation, for many sets of the free parameters at once."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FailedMembersWarning, FitError, ParameterError, RegimenError, unknown_name
from pkpd.fitting.free_parameters import Coordinate, known_parameters
from pkpd.records.observations import Dataset
from pkpd.simulation import simulate
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Predictor"]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model under the regimens of a dataset.

    Attributes
    ----------
    constants
        Parameters held at a value other than the model's.
    settings
        What `simulate` is told of the solver.
    solves, failures
        The trajectories integrated in each arm, and those of them that failed.
    """

    model: Model
    data: Dataset
    coordinates: Sequence[Coordinate]
    constants: Mapping[str, Any]
    settings: Mapping[str, Any]
    solves: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        known: dict[str, Any] = {}
        for arm in self.data.arms:
            known |= known_parameters(self.model, self.data, arm)
        for name in self.constants:
            if name not in known:
                raise unknown_name(self.model.name, "parameter", str(name), known)
            if any(c.parameter == name for c in self.coordinates):
                raise FitError(f"fit: parameter {name!r} is both free and held at {self.constants[name]!r}.")
        observables = {*(s.name for s in self.model.states), *self.model.outputs}
        for name in self.data.outputs:
            if name not in observables:
                raise unknown_name(
                    self.model.name, f"state or output (observed in {self.data.name})", name, observables
                )

    def __call__(self, points: Array) -> Array:
        """The predictions for every observation, (points, observations).

        Parameters
        ----------
        points
            (points, coordinates), on the scale of the search.

        Returns
        -------
        numpy.ndarray
            NaN throughout an arm whose integration failed or gave what is not finite.
        """
        predicted = np.full((len(points), len(self.data)), np.nan)
        for arm in self.data.arms:
            predicted[:, self.data.rows(arm)] = self._of_arm(arm, points)
        return predicted

    def _of_arm(self, arm: str, points: Array) -> Array:
        own = self._own(arm)
        # A point that moves another arm's parameter only is not solved again.
        distinct, back = np.unique(points[:, own], axis=0, return_inverse=True)
        rows = self.data.rows(arm)
        times, at = np.unique(self.data.time[rows], return_inverse=True)
        run = self.run(arm, distinct if own else distinct[:1], times)
        observed = np.stack(
            [run[self.data.output[i]].to_numpy().reshape(-1, len(times))[:, j] for i, j in zip(rows, at, strict=True)],
            axis=1,
        )
        failed = (run["status"].to_numpy().reshape(-1) != 0) | ~np.isfinite(observed).all(axis=1)
        self.solves[arm] += len(observed)
        self.failures[arm] += int(failed.sum())
        observed = np.where(failed[:, None], np.nan, observed)
        return observed[back.reshape(-1)] if own else np.repeat(observed, len(points), axis=0)

    def run(self, arm: str, values: Array, times: Any, outputs: Sequence[str] | None = None) -> xr.Dataset:
        """`simulate` for one arm; `values` is (members, free parameters of this arm) on the search's scale."""
        own = [self.coordinates[i] for i in self._own(arm)]
        known = known_parameters(self.model, self.data, arm)
        parameters = {k: v for k, v in self.constants.items() if k in known}
        parameters |= {c.parameter: c.natural(values[:, i]) for i, c in enumerate(own)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FailedMembersWarning)  # failures are counted instead
            try:
                return simulate(
                    self.model,
                    self.data.regimens[arm],
                    times=times,
                    parameters=parameters,
                    outputs=self.data.outputs if outputs is None else outputs,
                    at_dose="before",
                    **self.settings,
                )
            except (RegimenError, ParameterError) as error:
                raise FitError(
                    f"fit: arm {arm!r}: {error} The free parameters are {', '.join(c.label for c in own)}; "
                    "give them bounds within which this cannot happen."
                ) from error

    def curve(self, arm: str, x: Array, times: Any, outputs: Sequence[str]) -> xr.Dataset:
        """The trajectory of one arm at one point `x`, (coordinates,), by time alone."""
        run = self.run(arm, x[None][:, self._own(arm)], times, outputs)
        single = run.isel(member=0) if "member" in run.dims else run
        return single[list(outputs)].drop_vars([c for c in single.coords if c != "time"])

    def _own(self, arm: str) -> list[int]:
        """Which coordinates act in an arm."""
        known = known_parameters(self.model, self.data, arm)
        return [i for i, c in enumerate(self.coordinates) if c.arm in (None, arm) and c.parameter in known]
