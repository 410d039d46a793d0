"""What is computed for the page: courses while a slider moves, populations, responses."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.app.dosing import regimen_of
from pkpd.app.frames import Frame
from pkpd.app.messages import MOST_CELLS, MOST_NUMBERS, Arm, Axis, Population, Response, Scene
from pkpd.app.shelf import Recent, Shelf
from pkpd.arrays import Array
from pkpd.ensembles.distributions import lognormal
from pkpd.ensembles.ensembles import Ensemble, grid
from pkpd.ensembles.populations import population
from pkpd.errors import DataError, ParameterError, SimulationError
from pkpd.figures.waterfalls import reference_lines
from pkpd.measures.responses import best_change
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.values import Values
from pkpd.simulation import simulate
from pkpd.solvers.problem import Status
from pkpd.symbolic.symbols import Parameter

if TYPE_CHECKING:
    import xarray as xr

    from pkpd.symbolic.model import Model

__all__ = ["PERCENTILES", "VALUE", "Explorer", "axis_values", "spread_of", "times_of"]

PERCENTILES = (5, 50, 95)
VALUE = "response"  # what a number of each course is called
PREPARED = 64  # problems that are kept settled


class Explorer:
    """Computes scenes; holds the problems it has settled last.

    Parameters
    ----------
    shelf
        Where models are found.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._prepared: Recent[Prepared] = Recent(PREPARED)
        self._settling = threading.Lock()

    def courses(self, scene: Scene) -> Frame:
        """The outputs of each arm over time: ``times``, and ``y`` of (arms, outputs, times).

        Raises
        ------
        PkpdError
            As for `pkpd.simulate`; the message names the arm where there are several.
        """
        values = [self._of_arm(scene, arm) for arm in scene.arms]
        y = np.array([[v[name][0] for name in scene.outputs] for v in values])
        return Frame({"notes": _notes(scene, values)}, {"times": times_of(scene), "y": y})

    def members(self, scene: Scene, people: Population) -> Frame:
        """Percentiles and the best change of a virtual population.

        ``bands`` has (arms, outputs, percentiles, times), ``change`` (arms, members): the lowest change of an
        output from time 0 in percent, from the largest growth to the deepest response, NaN for who failed.
        """
        runs = self.populations(scene, people)
        bands = np.array([[_percentiles(run, name) for name in scene.outputs] for run in runs])
        failed = [int((run["status"] != Status.ok).sum()) for run in runs]
        notes = [
            f"{arm.name}: {lost} of {people.members} members failed and are left out"
            for arm, lost in zip(scene.arms, failed, strict=True)
            if lost
        ]
        arrays = {"times": times_of(scene), "bands": bands}
        try:
            changes = [best_change(run, people.change, failed="exclude") for run in runs]
        except DataError as error:  # an output that begins at 0 has no change in percent
            return Frame({"notes": notes, "no_change": str(error)}, arrays)
        arrays["change"] = np.array([_falling(change) for change in changes])
        return Frame({"notes": notes, "lines": reference_lines(changes[0])}, arrays)

    def populations(self, scene: Scene, people: Population) -> list[xr.Dataset]:
        """The courses of all members, of each arm; the members of all arms are the same where parameters are."""
        model = self.shelf.model(scene.model)
        outputs = list(dict.fromkeys((*scene.outputs, people.change)))
        numbers = people.members * scene.points * len(outputs) * len(scene.arms)
        if numbers > MOST_NUMBERS:
            raise DataError(
                f"{people.members:,} members of {len(scene.arms)} arms have {numbers:,} numbers; at most "
                f"{MOST_NUMBERS:,} are held here. Ask for fewer members, arms or outputs, or export a study."
            )
        runs = (
            simulate(
                model,
                regimen_of(model, arm.doses),
                times=times_of(scene),
                parameters=self.people(scene, arm, people),
                outputs=outputs,
            )
            for arm in scene.arms
        )
        # Statistics drag every parameter along as a coordinate, which takes longer than they do.
        return [run[[*outputs, "status"]].reset_coords(drop=True) for run in runs]

    def people(self, scene: Scene, arm: Arm, people: Population) -> Ensemble:
        """The members of a population, about the parameters of an arm."""
        model = self.shelf.model(scene.model)
        spread = spread_of(model, arm, people)
        drawn = population(model, people.members, people.seed, variability=spread)
        return _shared({k: v for k, v in arm.parameters.items() if k not in spread}) * drawn

    def response(self, scene: Scene, response: Response) -> Frame:
        """A number of each course over one or two axes: ``z`` of (arms, *axes), and ``axis0``, ``axis1``."""
        runs = self.responses(scene, response)
        values = [run[VALUE].where(run["status"] == Status.ok).to_numpy() for run in runs]
        failed = sum(int((run["status"] != Status.ok).sum()) for run in runs)
        notes = [f"{failed} of {np.size(values)} points failed and are left out"] if failed else []
        axes = {f"axis{i}": axis_values(axis) for i, axis in enumerate(response.axes)}
        return Frame({"notes": notes, "units": runs[0][VALUE].attrs["units"]}, {**axes, "z": np.array(values)})

    def responses(self, scene: Scene, response: Response) -> list[xr.Dataset]:
        """The result of each arm over the axes, its response in the variable `VALUE`."""
        model = self.shelf.model(scene.model)
        axes = {axis.parameter: axis_values(axis) for axis in response.axes}
        _check_axes(response)
        return [
            simulate(
                model,
                regimen_of(model, arm.doses),
                times=times_of(scene),
                parameters=_shared({k: v for k, v in arm.parameters.items() if k not in axes}) * grid(**axes),
                reduce={VALUE: (response.output, response.kind)},
            )
            for arm in scene.arms
        ]

    # ---- one arm

    def _of_arm(self, scene: Scene, arm: Arm) -> Values:
        try:
            return self._problem(scene, arm)(arm.parameters)
        except SimulationError as error:
            raise SimulationError(f"arm {arm.name!r}: {error}") from None

    def _problem(self, scene: Scene, arm: Arm) -> Prepared:
        """The settled problem of an arm, whatever its parameters."""
        key = (scene.model, arm.doses, scene.outputs, scene.end, scene.points)
        kept = self._prepared.find(key)
        if kept is not None:
            return kept
        with self._settling:  # equations are turned into machine code once, not by two requests at a time
            return self._prepared.made(key, lambda: self._settled(scene, arm))

    def _settled(self, scene: Scene, arm: Arm) -> Prepared:
        model = self.shelf.model(scene.model)
        return prepare(model, regimen_of(model, arm.doses), times=times_of(scene), outputs=scene.outputs)


def times_of(scene: Scene) -> Array:
    """The times at which a scene is stored."""
    return np.linspace(0.0, scene.end, scene.points)


def axis_values(axis: Axis) -> Array:
    """The values of an axis.

    Raises
    ------
    ParameterError
        If it has no length, or is on a log scale from 0 or less.
    """
    if axis.first == axis.last:
        raise ParameterError(f"the axis of {axis.parameter!r} begins and ends at {axis.first:g}; expected two values.")
    if axis.log and min(axis.first, axis.last) <= 0:
        raise ParameterError(
            f"the axis of {axis.parameter!r} is {axis.first:g} to {axis.last:g}; on a log scale both are above 0."
        )
    spaced = np.geomspace if axis.log else np.linspace
    return spaced(axis.first, axis.last, axis.count)


def spread_of(model: Model, arm: Arm, people: Population) -> dict[str, Any]:
    """The distribution of each parameter that varies, about its value in the arm.

    Raises
    ------
    UnknownNameError
        If the model has no such parameter.
    """
    omegas = {s.name: s.declaration.iiv for s in model.settable if isinstance(s, Parameter) and s.declaration.iiv}
    omegas |= {name: math.sqrt(math.log1p(cv**2)) for name, cv in people.spread.items()}
    medians = {name: arm.parameters.get(name, model[name].declaration.value) for name in omegas}
    return {name: lognormal(median=medians[name], omega=omega) for name, omega in omegas.items()}


def _shared(parameters: Mapping[str, float]) -> Ensemble:
    """One value for all members of each of these."""
    return Ensemble({}, {name: ((), value) for name, value in parameters.items()})


def _check_axes(response: Response) -> None:
    names = [axis.parameter for axis in response.axes]
    if len(set(names)) < len(names):
        raise ParameterError(f"both axes are of {names[0]!r}; choose another parameter for one of them.")
    cells = int(np.prod([axis.count for axis in response.axes]))
    if cells > MOST_CELLS:
        raise DataError(f"the axes have {cells:,} points together; at most {MOST_CELLS:,} are computed here.")


def _falling(change: xr.DataArray) -> Array:
    """From the largest growth to the deepest response, NaN at the end."""
    result: Array = -np.sort(-change.to_numpy())
    return result


def _percentiles(run: xr.Dataset, name: str) -> Array:
    """(percentiles, times) of an output over the members that did not fail."""
    values = run[name].transpose("member", "time").to_numpy()
    usable = values[(run["status"] == Status.ok).to_numpy().reshape(-1)]
    if not len(usable):
        return np.full((len(PERCENTILES), values.shape[1]), np.nan)
    result: Array = np.percentile(usable, PERCENTILES, axis=0)
    return result


def _notes(scene: Scene, values: Sequence[Values]) -> list[str]:
    """What went wrong in which arm, in words."""
    notes = []
    for arm, value in zip(scene.arms, values, strict=True):
        status = Status(int(value.status.reshape(-1)[0]))
        if status != Status.ok:
            notes.append(f"{arm.name}: at time {float(value.ended.reshape(-1)[0]):g} the run {status.sentence}")
    return notes
