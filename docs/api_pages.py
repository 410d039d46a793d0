"""The pages of the API: every public name, by the room it lives in."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pkpd

# Titles in the order of the flow of data; a room that is missing here fails the build, as does a name without one.
TITLES = {
    "symbolic": "Models: symbols, equations, composition",
    "model_text": "Models as text",
    "library": "The library of models",
    "treatment": "Regimens, radiation and protocols",
    "ensembles": "Ensembles and virtual populations",
    "records": "NONMEM tables and observations",
    "prepared": "Prepared models and the solver",
    "simulation": "Simulation",
    "prediction": "Prediction, record by record",
    "measures": "Measures: exposure, response, RECIST, survival",
    "fitting": "Fits, uncertainty and mixed effects",
    "trials": "Trials",
    "studies": "Studies: sweeps that are kept",
    "analysis": "Sensitivity, dose-response and synergy",
    "figures": "Figures",
    "app": "The explorer in the browser",
    "storage": "Results in files",
    "errors": "Errors and warnings",
}


def names_by_room() -> dict[str, list[str]]:
    """The public names by room, in the order in which the package lists them."""
    rooms: dict[str, list[str]] = {room: [] for room in TITLES}
    for home, names in pkpd._ROOMS.items():
        rooms[home.partition(".")[0]] += names
    return rooms


def write_api(folder: Path) -> None:
    """Write a page for each room, and their index."""
    folder.mkdir(parents=True, exist_ok=True)
    rooms = names_by_room()
    for room, names in rooms.items():
        (folder / f"{room}.rst").write_text("\n".join(_page(room, names)), encoding="utf-8")
    (folder / "index.rst").write_text("\n".join(_index(rooms)), encoding="utf-8")


def _page(room: str, names: list[str]) -> Iterator[str]:
    yield from (TITLES[room], "=" * len(TITLES[room]), "", ".. currentmodule:: pkpd", "")
    for name in names:
        thing = getattr(pkpd, name)
        yield from (name, "-" * len(name), "")
        if inspect.isclass(thing):
            yield from (f".. autoclass:: pkpd.{name}", "   :members:", "")
        else:
            yield from (f".. autofunction:: pkpd.{name}", "")


def _index(rooms: dict[str, list[str]]) -> Iterator[str]:
    yield from ("API", "===", "", "Every public name of pkpd, by the room of the package that it lives in.", "")
    yield from (".. toctree::", "   :maxdepth: 2", "")
    yield from (f"   {room}" for room in rooms)
    yield ""
