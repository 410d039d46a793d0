"""A result made again from what its file says: the same bits, or what differs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import DataError
from pkpd.json_files import Fields, read_json
from pkpd.model_text.reading import model_of
from pkpd.recipes import RECIPE
from pkpd.results import versions
from pkpd.simulation import simulate
from pkpd.storage import read_result
from pkpd.studies.opening import open_sweep, sweep_study
from pkpd.studies.running import run_study
from pkpd.studies.store import Store
from pkpd.toml_files import TomlFile
from pkpd.treatment.regimen_json import regimen_from_json

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Rerun", "rerun"]


@dataclass(frozen=True)
class Rerun:
    """A result beside the one made again.

    Attributes
    ----------
    path
        Of the result.
    differing
        By variable the largest difference, where there is one.
    then, now
        The versions that it was made with and those of this machine.
    """

    path: Path
    differing: Mapping[str, float]
    then: str
    now: str

    @property
    def same(self) -> bool:
        """Whether every number has the same bits."""
        return not self.differing

    def __str__(self) -> str:
        if self.same:
            return f"{self.path}: the same to the bit"
        parts = ", ".join(f"{name} by up to {size:.2g}" for name, size in self.differing.items())
        changed = [old for old, new in zip(self.then.split(", "), self.now.split(", "), strict=False) if old != new]
        why = f"made with {', '.join(changed)}, and now: {self.now}" if changed else "by the same versions"
        return f"{self.path}: {parts} differ; {why}"


def rerun(path: str | Path) -> Rerun:
    """Compute a result again, from what its file or folder says, and compare.

    Parameters
    ----------
    path
        A NetCDF file that `pkpd.write_result` wrote of a result of `pkpd.simulate`, or the folder of a sweep.

    Raises
    ------
    DataError
        If there is no such file, or it does not say how it was made: it was changed after the simulation,
        or made by an earlier version.

    Examples
    --------
    >>> import pkpd, tempfile
    >>> run = pkpd.simulate(pkpd.load("pk_1cmt"), pkpd.bolus("10 mg", "iv"), times=[0, 1])
    >>> rerun(pkpd.write_result(run, tempfile.mkdtemp() + "/run.nc")).same
    True
    """
    path = Path(path)
    if path.is_dir():
        return _sweep_again(path)
    stored = read_result(path)
    recipe = stored.encoding.get(RECIPE)
    if recipe is None:
        raise DataError(
            f"{str(path)!r} does not say how it was made; a result of simulate() does, as write_result() writes it."
        )
    again = _simulated(Fields(json.loads(recipe), path.name), stored)
    return Rerun(path, _differences(stored, again), str(stored.attrs.get("versions", "")), versions())


def _sweep_again(folder: Path) -> Rerun:
    study = sweep_study(folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        run_study(study, Path(elsewhere) / "again")
        differing = _differences(open_sweep(folder), open_sweep(Path(elsewhere) / "again"))
    return Rerun(folder, differing, read_json(Store(folder).study_file).text("versions"), versions())


def _simulated(recipe: Fields, stored: xr.Dataset) -> xr.Dataset:
    model = model_of(TomlFile(recipe.where, {"model": recipe.content["model"]}, {}), ("model",))
    regimens = {
        arm: None if doses is None else regimen_from_json([Fields(dose, f"{recipe.where}: {arm}") for dose in doses])
        for arm, doses in recipe.content["regimens"].items()
    }
    asked = dict(recipe.content["asked"])
    atol = asked.pop("atol")
    if asked.get("reduce") is not None:
        asked["reduce"] = {name: _reduction(*entry) for name, entry in asked["reduce"].items()}
    return simulate(
        model,
        regimens[""] if list(regimens) == [""] else regimens,
        parameters=_ensemble(stored, recipe.content["varying"]),
        atol=None if atol == "by size" else atol,
        **{key: value for key, value in asked.items() if value is not None},
    )


def _reduction(of: str, kind: str, threshold: Any) -> tuple[Any, ...]:
    return (of, kind) if threshold is None else (of, kind, threshold)


def _ensemble(stored: xr.Dataset, varying: list[str]) -> Ensemble | None:
    if not varying:
        return None
    dims = [str(d) for d in stored["status"].dims if d != "arm"]
    columns = {name: (tuple(map(str, stored[name].dims)), stored[name].values) for name in varying}
    return Ensemble({d: stored.sizes[d] for d in dims}, columns)


def _differences(stored: xr.Dataset, again: xr.Dataset) -> dict[str, float]:
    differing = {}
    for name in map(str, stored.data_vars):
        a, b = np.asarray(stored[name]), np.asarray(again[name])
        if a.shape != b.shape:
            differing[name] = float("inf")
        elif not np.array_equal(a, b, equal_nan=True):
            differing[name] = float(np.nanmax(np.abs(np.nan_to_num(a) - np.nan_to_num(b))))
    return differing
