"""Files of what is seen: table, figure, study, script."""

from __future__ import annotations

from pkpd.app.dosing import regimen_of
from pkpd.app.drawing import figure
from pkpd.app.exploring import VALUE, Explorer, axis_values, times_of
from pkpd.app.frames import Frame
from pkpd.app.messages import Arm, Export
from pkpd.app.scripts import script
from pkpd.app.tables import course_run, course_table, population_run, population_table, response_run, response_table
from pkpd.ensembles.distributions import lognormal
from pkpd.errors import ParameterError, unknown_name
from pkpd.studies.study import Sample, Study
from pkpd.studies.study_files import study_text

__all__ = ["exported", "study_of"]

_TYPES = {"table": "text/csv", "study": "application/toml", "script": "text/x-python", "png": "image/png",
          "svg": "image/svg+xml", "pdf": "application/pdf"}  # fmt: skip
_ENDINGS = {"table": "csv", "study": "toml", "script": "py"}


def exported(explorer: Explorer, ask: Export) -> Frame:
    """The file that was asked for, and what to call it.

    Raises
    ------
    PkpdError
        If it cannot be made, such as a study of arms that differ in their parameters.
    """
    make = {"table": _table, "study": lambda e, a: study_text(study_of(e, a)), "script": script}
    body = make[ask.what](explorer, ask).encode() if ask.what in make else figure(explorer, ask)
    seen = "response" if ask.response else "population" if ask.population else "courses"
    name = f"{explorer.shelf.model(ask.scene.model).name}_{seen}.{_ENDINGS.get(ask.what, ask.what)}"
    return Frame({"name": name, "type": _TYPES[ask.what]}, body=body)


def study_of(explorer: Explorer, ask: Export) -> Study:
    """What is seen as a study: courses, a population, or a response over axes.

    Raises
    ------
    ParameterError
        If arms differ in their parameters, which are those of all arms in a study, and none was named.
    UnknownNameError
        If there is no arm of that name.
    """
    scene, people, response = ask.scene, ask.population, ask.response
    model = explorer.shelf.model(scene.model)
    arms = _arms(ask)
    reduce = {} if response is None else {VALUE: (response.output, response.kind)}
    names = [] if response is None else [axis.parameter for axis in response.axes]
    return Study(
        model,
        {arm.name: regimen_of(model, arm.doses) for arm in arms},
        times=times_of(scene),
        axes={} if response is None else {axis.parameter: axis_values(axis) for axis in response.axes},
        sample=None
        if people is None
        else Sample(people.members, people.seed, variability={k: lognormal(cv=v) for k, v in people.spread.items()}),
        parameters={k: v for k, v in arms[0].parameters.items() if k not in names},
        outputs=None if response is not None else scene.outputs,
        reduce=reduce,
        title=f"{model.name}, from pkpd app",
    )


def _arms(ask: Export) -> list[Arm]:
    if ask.arm is not None:
        named = [arm for arm in ask.scene.arms if arm.name == ask.arm]
        if not named:
            raise unknown_name("the page", "arm", ask.arm, ask.scene.arm_names)
        return named
    first = ask.scene.arms[0]
    for arm in ask.scene.arms[1:]:
        for name in sorted({*first.parameters, *arm.parameters}):
            if first.parameters.get(name) != arm.parameters.get(name):
                raise ParameterError(
                    f"the arms {first.name!r} and {arm.name!r} differ in {name!r}, and the arms of a study share "
                    "their parameters; choose one arm to write."
                )
    return list(ask.scene.arms)


def _table(explorer: Explorer, ask: Export) -> str:
    scene = ask.scene
    if ask.response is not None:
        table = response_table(response_run(explorer, scene, ask.response))
    elif ask.population is not None:
        table = population_table(population_run(explorer, scene, ask.population), scene)
    else:
        table = course_table(course_run(explorer, scene), scene)
    return str(table.to_csv(index=False))
