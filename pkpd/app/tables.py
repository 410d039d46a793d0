"""What is seen as labelled results and as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pkpd.app.dosing import regimen_of
from pkpd.app.exploring import PERCENTILES, VALUE, Explorer, times_of
from pkpd.app.messages import Population, Response, Scene
from pkpd.simulation import simulate
from pkpd.solvers.problem import Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["course_run", "course_table", "population_run", "population_table", "response_run", "response_table"]


def course_run(explorer: Explorer, scene: Scene) -> xr.Dataset:
    """The courses over ``arm`` and ``time``, computed by `pkpd.simulate`."""
    model = explorer.shelf.model(scene.model)
    runs = [
        simulate(
            model, regimen_of(model, arm.doses), times=times_of(scene), outputs=scene.outputs, parameters=arm.parameters
        )
        for arm in scene.arms
    ]
    return _by_arm(runs, scene, scene.outputs)


def course_table(run: xr.Dataset, scene: Scene) -> pd.DataFrame:
    """The columns arm, time, output and value, as a table of observations has them."""
    wide = run[list(scene.outputs)].to_dataframe().reset_index()
    return wide.melt(["arm", "time"], list(scene.outputs), var_name="output")


def population_run(explorer: Explorer, scene: Scene, people: Population) -> xr.Dataset:
    """The courses of all members over ``arm``, ``member`` and ``time``."""
    names = dict.fromkeys((*scene.outputs, people.change))
    return _by_arm(explorer.populations(scene, people), scene, names)


def population_table(run: xr.Dataset, scene: Scene) -> pd.DataFrame:
    """The columns arm, time, output, and a percentile each: p5, p50, p95."""
    usable = run[list(scene.outputs)].where(run["status"] == Status.ok)
    bands = usable.quantile(np.array(PERCENTILES) / 100, "member")
    long = bands.to_dataframe().reset_index().melt(["arm", "time", "quantile"], list(scene.outputs), var_name="output")
    wide = long.pivot(index=["arm", "output", "time"], columns="quantile", values="value")
    wide.columns = [f"p{p}" for p in PERCENTILES]
    return wide.reset_index()


def response_run(explorer: Explorer, scene: Scene, response: Response) -> xr.Dataset:
    """The response over ``arm`` and the axes, in the variable `VALUE`."""
    return _by_arm(explorer.responses(scene, response), scene, [VALUE])


def response_table(run: xr.Dataset) -> pd.DataFrame:
    """The columns arm, a parameter each, and the response."""
    return run[[VALUE]].to_dataframe().reset_index()


def _by_arm(runs: list[xr.Dataset], scene: Scene, names: Iterable[str]) -> xr.Dataset:
    import pandas as pd
    import xarray as xr

    kept = [run[[*names, "status"]].reset_coords(drop=True) for run in runs]
    return xr.concat(kept, pd.Index(scene.arm_names, name="arm"), combine_attrs="override")
