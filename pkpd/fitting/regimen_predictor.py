"""Predictions for arms with regimens: each arm one ensemble of `simulate`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FailedMembersWarning, FitError, ParameterError, RegimenError
from pkpd.fitting.predictor import Predictor
from pkpd.simulation import simulate
from pkpd.symbolic.symbols import Clock

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RegimenPredictor"]


@dataclass(frozen=True, eq=False)
class RegimenPredictor(Predictor):
    """A model under the regimen of each arm.

    Where the data begin before time 0 the model starts at their first time: data and
    regimens are moved, and a model that reads the clock is refused.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.start < 0 and _reads_clock(self.model):
            raise FitError(
                f"fit: {self.data.name} begins at time {self.data.start:g}, and the rates of {self.model.name} depend "
                f"on the time since its start; shift the times of the table and the regimens by {-self.data.start:g}, "
                "or leave out what is before 0."
            )

    def predictions(self, parameters: Mapping[str, Array]) -> Array:
        points = len(next(iter(parameters.values())))
        predicted = np.full((points, len(self.data)), np.nan)
        for arm in self.data.arms:
            predicted[:, self.data.rows(arm)] = self._of_arm(arm, parameters, points)
        return predicted

    def _of_arm(self, arm: str, parameters: Mapping[str, Array], points: int) -> Array:
        labels = [c.label for c in self.own(arm)]
        # A point that moves another arm's parameter only is not solved again.
        distinct, back = np.zeros((1, 0)), np.zeros(points, dtype=np.int64)
        if labels:
            columns = np.stack([parameters[name] for name in labels], axis=1)
            distinct, back = np.unique(columns, axis=0, return_inverse=True)
        rows = self.data.rows(arm)
        after = np.array([self.data.at_dose[i] == "after" for i in rows])
        observed = np.full((len(distinct), len(rows)), np.nan)
        failed = np.zeros(len(distinct), dtype=bool)
        for side, these in (("before", ~after), ("after", after)):
            if these.any():
                observed[:, these], bad = self._at_side(
                    arm, dict(zip(labels, distinct.T, strict=True)), rows[these], side
                )
                failed |= bad
        self.count(arm, failed)
        observed[failed] = np.nan
        return np.asarray(observed[back.reshape(-1)])

    def _at_side(self, arm: str, parameters: Mapping[str, Array], rows: Index, side: str) -> tuple[Array, Any]:
        """The values of some observations of an arm, (points, rows), before or after doses, and which points failed."""
        times, at = np.unique(self.data.time[rows], return_inverse=True)
        run = self.run(arm, parameters, times, self.data.outputs, side)
        courses = {name: run[name].to_numpy().reshape(-1, len(times)) for name in self.data.outputs}
        observed = np.stack([courses[self.data.output[i]][:, j] for i, j in zip(rows, at, strict=True)], axis=1)
        return observed, (run["status"].to_numpy().reshape(-1) != 0) | ~np.isfinite(observed).all(axis=1)

    def run(
        self, arm: str, parameters: Mapping[str, Array], times: Any, outputs: Sequence[str], at_dose: str = "before"
    ) -> xr.Dataset:
        """`simulate` for one arm, at the values by label (points,) of its coordinates; times are the data's."""
        own, start = self.own(arm), self.data.start
        regimen = self.data.regimens[arm]
        values = self.held(arm) | {c.parameter: parameters[c.label] for c in own}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FailedMembersWarning)  # failures are counted instead
            try:
                shifted = simulate(
                    self.model,
                    regimen if regimen is None or not start else regimen.shift(-start),
                    times=np.asarray(times, dtype=float) - start if start else times,
                    parameters=values,
                    outputs=outputs,
                    at_dose=at_dose,  # type: ignore[arg-type]
                    **self.settings,
                )
            except (RegimenError, ParameterError) as error:
                raise FitError(
                    f"fit: arm {arm!r}: {error} The free parameters are {', '.join(c.label for c in own)}; "
                    "give them bounds within which this cannot happen."
                ) from error
        return shifted.assign_coords(time=(shifted["time"] + start).assign_attrs(shifted["time"].attrs))

    def curve(self, arm: str, x: Array, times: Any, outputs: Sequence[str]) -> xr.Dataset:
        own = {c.label: c.natural(x[[i]]) for i, c in enumerate(self.coordinates) if c in self.own(arm)}
        run = self.run(arm, own, times, outputs)
        single = run.isel(member=0) if "member" in run.dims else run
        return single[list(outputs)].drop_vars([c for c in single.coords if c != "time"])


def _reads_clock(model: Any) -> bool:
    expressions = [*model.rates.values(), *(output.expression for output in model.outputs.values())]
    expressions += [event.when for event in model.events]
    return any(expression.atoms(Clock) for expression in expressions)
