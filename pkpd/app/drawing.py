"""What is seen as a figure for print, by the figures of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pkpd.app.dosing import regimen_of
from pkpd.app.exploring import VALUE, Explorer
from pkpd.app.messages import Export, Population, Response, Scene
from pkpd.app.observed import read_data
from pkpd.app.tables import course_run, population_run, response_run
from pkpd.errors import DataError
from pkpd.figures.heat_maps import heat_map
from pkpd.figures.off_screen import WIDE, off_screen, share_legend
from pkpd.figures.responses import response_curve
from pkpd.figures.saving import drawn
from pkpd.figures.style import OKABE_ITO
from pkpd.figures.time_courses import time_course
from pkpd.figures.waterfalls import waterfall
from pkpd.measures.responses import best_change

if TYPE_CHECKING:
    from pkpd.records.observations import Dataset
    from pkpd.treatment.regimens import Regimen

__all__ = ["figure"]


def figure(explorer: Explorer, ask: Export) -> bytes:
    """The bytes of a figure in the format that was asked for.

    Raises
    ------
    PkpdError
        As for the figures of the package.
    """
    if ask.response is not None:
        return _response(explorer, ask.scene, ask.response, ask.what)
    if ask.population is not None:
        return _population(explorer, ask.scene, ask.population, ask)
    return _courses(explorer, ask.scene, ask)


def _courses(explorer: Explorer, scene: Scene, ask: Export) -> bytes:
    run = course_run(explorer, scene)
    data = None if ask.data is None else read_data(ask.data, explorer.shelf.model(ask.scene.model))
    with off_screen(len(scene.outputs)) as (drawing, axes):
        for ax, output in zip(axes, scene.outputs, strict=True):
            time_course(run, output, by="arm", regimen=_shared_regimen(explorer, scene), log=ask.log, ax=ax)
            if data is not None:
                _points(ax, data, output, scene)
        share_legend(drawing, axes)
        return drawn(drawing, f".{ask.what}", dpi=300)


def _population(explorer: Explorer, scene: Scene, people: Population, ask: Export) -> bytes:
    run = population_run(explorer, scene, people)
    changes = _changes(run, people, scene)
    with off_screen(len(scene.outputs) + len(changes)) as (drawing, axes):
        for ax, output in zip(axes, scene.outputs, strict=False):
            time_course(run, output, by="arm", regimen=_shared_regimen(explorer, scene), log=ask.log, ax=ax)
        for ax, (arm, change) in zip(axes[len(scene.outputs) :], changes.items(), strict=True):
            waterfall(change, ax=ax)
            ax.set_title(arm, loc="left", fontsize=8)
        share_legend(drawing, axes)
        return drawn(drawing, f".{ask.what}", dpi=300)


def _changes(run: Any, people: Population, scene: Scene) -> dict[str, Any]:
    """The best change of each arm; none where there is no baseline."""
    try:
        return {arm: best_change(run.sel(arm=arm), people.change, failed="exclude") for arm in scene.arm_names}
    except DataError:
        return {}


def _response(explorer: Explorer, scene: Scene, response: Response, kind: str) -> bytes:
    run = response_run(explorer, scene, response)
    names = [axis.parameter for axis in response.axes]
    curve = len(names) == 1
    with off_screen(1 if curve else len(scene.arms), panel=None if curve else WIDE) as (drawing, axes):
        if curve:
            response_curve(run, VALUE, x=names[0], by="arm", ax=axes[0])
        else:
            for ax, arm in zip(axes, scene.arm_names, strict=True):
                heat_map(run.sel(arm=arm), *names, output=VALUE, ax=ax)
                ax.set_title(arm, loc="left", fontsize=8)
        return drawn(drawing, f".{kind}", dpi=300)


def _shared_regimen(explorer: Explorer, scene: Scene) -> Regimen | None:
    """The doses to mark: those of all treated arms, where these are the same."""
    treated = {arm.doses for arm in scene.arms if arm.doses}
    return regimen_of(explorer.shelf.model(scene.model), treated.pop()) if len(treated) == 1 else None


def _points(ax: Any, data: Dataset, output: str, scene: Scene) -> None:
    """The observations of an output in the colors of their arms."""
    for i, arm in enumerate(scene.arm_names):
        rows = [k for k in data.rows(arm) if data.output[k] == output]
        if rows:
            color = OKABE_ITO[i % len(OKABE_ITO)]
            spread = data.sd[rows] if data.sd_given else None
            ax.errorbar(data.time[rows], data.value[rows], spread, fmt="o", color=color, markersize=3, linewidth=0.7)
