"""Observations that are laid over the courses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pkpd.app.messages import Scene
from pkpd.app.shelf import Shelf, as_file
from pkpd.errors import unknown_name
from pkpd.records.observations import Dataset, arm_names, read_observations

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["observed", "read_data"]


def read_data(text: str, model: Model) -> Dataset:
    """The observations of a tidy table, in the units of a model; their arms have no regimens here.

    Raises
    ------
    DataError
        As for `pkpd.read_observations`, with the line.
    UnitError
        If the table has units, and one does not fit.
    """
    data = as_file(text, "data.csv", lambda path: read_observations(path, dict.fromkeys(arm_names(path))))
    return data.in_units(model.units)


def observed(shelf: Shelf, scene: Scene, text: str) -> dict[str, Any]:
    """The observations by output and arm, and which of their arms the scene does not have.

    Raises
    ------
    DataError
        If it is not such a table.
    UnknownNameError
        If the model has no such output.
    UnitError
        If the table has units, and one does not fit.
    """
    model = shelf.model(scene.model)
    data = read_data(text, model)
    states = [s.name for s in model.states]
    for output in data.outputs:
        if output not in model.outputs and output not in states:
            raise unknown_name(model.name, "state or output", output, [*model.outputs, *states])
    return {
        "series": [_series(data, output, arm) for output in data.outputs for arm in data.arms],
        "arms": list(data.arms),
        "outputs": list(data.outputs),
        "observations": len(data),
        "unmatched": [arm for arm in data.arms if arm not in scene.arm_names],
    }


def _series(data: Dataset, output: str, arm: str) -> dict[str, Any]:
    rows = [i for i in data.rows(arm) if data.output[i] == output]
    return {
        "output": output,
        "arm": arm,
        "time": data.time[rows].tolist(),
        "value": data.value[rows].tolist(),
        "sd": data.sd[rows].tolist() if data.sd_given else None,
        "below": (data.censored[rows] == 1).tolist(),
    }
