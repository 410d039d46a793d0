"""What is seen as a Python script: our own words, and the browser's values by `repr` alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pkpd.app.dosing import regimen_code
from pkpd.app.exploring import PERCENTILES, VALUE, Explorer
from pkpd.app.messages import Arm, Axis, Export, Population, Response, Scene
from pkpd.app.observed import read_data
from pkpd.model_text.writing import model_text
from pkpd.version import __version__

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["script"]


def script(explorer: Explorer, ask: Export) -> str:
    """The text of a script that computes what is seen again, and writes it to a table and to figures."""
    scene = ask.scene
    model = explorer.shelf.model(scene.model)
    lines = [
        f"# What `pkpd app` showed, computed again; written by pkpd {__version__}.",
        *_imports(ask),
        *_model_lines(model, scene),
        *_arm_lines(model, scene.arms),
        f"times = np.linspace(0.0, {scene.end!r}, {scene.points!r})  # {' '.join(model.time.split())}",
        f"outputs = {list(scene.outputs)!r}",
        "",
    ]
    if ask.response is not None:
        lines += _response_lines(ask.response)
    elif ask.population is not None:
        lines += _population_lines(explorer, scene, ask.population)
    else:
        lines += _course_lines(ask, model)
    return "\n".join(lines) + "\n"


def _imports(ask: Export) -> Iterator[str]:
    if ask.scene.model.startswith("text-"):
        yield from ("import tempfile", "from pathlib import Path")
    if ask.data is not None:
        yield "import io"
    yield from ("", "import numpy as np", "import pandas as pd", "import xarray as xr", "", "import pkpd", "")


def _model_lines(model: Model, scene: Scene) -> list[str]:
    if not scene.model.startswith("text-"):
        return [f"model = pkpd.load({model.name!r})"]
    return [
        *_literal("MODEL", model_text(model)),
        "with tempfile.TemporaryDirectory() as folder:",
        '    (Path(folder) / "model.toml").write_text(MODEL, encoding="utf-8")',
        '    model = pkpd.read_model(Path(folder) / "model.toml")',
    ]


def _literal(name: str, text: str) -> Iterator[str]:
    """Text as a constant, line by line."""
    yield f"{name} = ("
    yield from (f"    {line!r}" for line in text.splitlines(keepends=True))
    yield ")"


def _arm_lines(model: Model, arms: Iterable[Arm]) -> Iterator[str]:
    yield "regimens = {"
    yield from (f"    {arm.name!r}: {regimen_code(model, arm.doses)}," for arm in arms)
    yield from ("}", "parameters = {")
    yield from (f"    {arm.name!r}: {dict(arm.parameters)!r}," for arm in arms)
    yield "}"


_BY_ARM = '''
def by_arm(runs, names):
    """The runs side by side, over the dimension arm."""
    kept = [run[[*names, "status"]].reset_coords(drop=True) for run in runs]
    return xr.concat(kept, pd.Index(list(regimens), name="arm"), combine_attrs="override")


'''


def _course_lines(ask: Export, model: Model) -> Iterator[str]:
    yield from _BY_ARM.splitlines()
    yield from (
        "run = by_arm(",
        "    [",
        "        pkpd.simulate(model, regimens[arm], times=times, outputs=outputs, parameters=parameters[arm])",
        "        for arm in regimens",
        "    ],",
        "    outputs,",
        ")",
        'table = run[outputs].to_dataframe().reset_index().melt(["arm", "time"], outputs, var_name="output")',
        'table.to_csv("courses.csv", index=False)',
    )
    if ask.data is not None:
        yield from _literal("DATA", read_data(ask.data, model).table.to_csv(index=False))
        yield 'data = pd.read_csv(io.StringIO(DATA), dtype={"arm": str})'
    yield "for output in outputs:"
    yield f'    ax = pkpd.time_course(run, output, by="arm", log={ask.log!r})'
    if ask.data is not None:
        yield from (
            "    for arm in regimens:",
            '        seen = data[(data["output"] == output) & (data["arm"] == arm)]',
            '        ax.plot(seen["time"], seen["value"], "o", markersize=3)',
        )
    yield '    pkpd.save(ax, f"{output}.png")'


def _population_lines(explorer: Explorer, scene: Scene, people: Population) -> Iterator[str]:
    spread = {name: f"pkpd.lognormal(cv={cv!r})" for name, cv in people.spread.items()}
    yield f"variability = {_dict_code(spread)}  # beside what the model declares"
    yield from _BY_ARM.splitlines()
    yield from (
        "runs = []",
        "for arm, regimen in regimens.items():",
        "    own = model.using(**parameters[arm])",
        f"    people = pkpd.population(own, {people.members!r}, {people.seed!r}, variability=variability or None)",
        f"    kept = list(dict.fromkeys([*outputs, {people.change!r}]))",
        "    runs.append(pkpd.simulate(own, regimen, times=times, outputs=kept, parameters=people))",
        "run = by_arm(runs, kept)",
        f'bands = run[outputs].where(run["status"] == 0).quantile({[p / 100 for p in PERCENTILES]!r}, "member")',
        'table = bands.to_dataframe().reset_index().melt(["arm", "time", "quantile"], outputs, var_name="output")',
        'table.to_csv("population.csv", index=False)',
        "for output in outputs:",
        '    pkpd.save(pkpd.time_course(run, output, by="arm"), f"{output}.png")',
        f"if float(run[{people.change!r}].isel(time=0).min()) > 0:",
        "    for i, arm in enumerate(regimens):",
        f'        change = pkpd.best_change(run.sel(arm=arm), {people.change!r}, failed="exclude")',
        '        pkpd.save(pkpd.waterfall(change), f"waterfall_{i + 1}.png")',
    )


def _dict_code(codes: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: {code}" for name, code in codes.items()) + "}"


def _response_lines(response: Response) -> Iterator[str]:
    names = [axis.parameter for axis in response.axes]
    axes = {axis.parameter: _axis_code(axis) for axis in response.axes}
    yield f"axes = pkpd.grid(**{_dict_code(axes)})"
    yield from _BY_ARM.splitlines()
    yield from (
        "runs = []",
        "for arm, regimen in regimens.items():",
        f"    shared = {{k: v for k, v in parameters[arm].items() if k not in {names!r}}}",
        "    own = model.using(**shared)",
        f"    reduce = {{{VALUE!r}: ({response.output!r}, {response.kind!r})}}",
        "    runs.append(pkpd.simulate(own, regimen, times=times, parameters=axes, reduce=reduce))",
        f"run = by_arm(runs, [{VALUE!r}])",
        f"table = run[[{VALUE!r}]].to_dataframe().reset_index()",
        'table.to_csv("response.csv", index=False)',
    )
    if len(names) == 1:
        yield f'pkpd.save(pkpd.response_curve(run, {VALUE!r}, x={names[0]!r}, by="arm"), "response.png")'
    else:
        yield "for i, arm in enumerate(regimens):"
        yield f"    ax = pkpd.heat_map(run.sel(arm=arm), {names[0]!r}, {names[1]!r}, output={VALUE!r})"
        yield '    pkpd.save(ax, f"response_{i + 1}.png")'


def _axis_code(axis: Axis) -> str:
    spaced = "geomspace" if axis.log else "linspace"
    return f"np.{spaced}({axis.first!r}, {axis.last!r}, {axis.count!r})"
