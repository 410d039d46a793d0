"""Studies as files: read key by key, written so that they are read back as the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pkpd.ensembles.distributions import logitnormal, lognormal, normal, probitnormal
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.errors import DataError, ParameterError
from pkpd.json_files import Fields
from pkpd.library.catalog import load
from pkpd.model_text.reading import model_of, read_model
from pkpd.model_text.writing import model_tables
from pkpd.prepared.solver import Solver
from pkpd.storage import write_atomically
from pkpd.studies.study import Sample, Study
from pkpd.studies.tables import AxisTable, DistributionTable, SampleTable, StudyTable
from pkpd.symbolic.model import Model
from pkpd.toml_files import TomlFile, checked, read_toml, toml_key, toml_text
from pkpd.treatment.regimen_json import regimen_as_json, regimen_from_json
from pkpd.treatment.regimens import Regimen
from pkpd.treatment.typed_doses import parse_regimen
from pkpd.treatment.typed_times import parse_times

__all__ = ["read_study", "store_folder", "study_text", "write_study"]


def read_study(path: str | Path) -> Study:
    """Read a study file.

    Parameters
    ----------
    path
        A TOML file; `pkpd.studies.tables` lists its keys.

    Raises
    ------
    DataError
        If there is no such file, it is not TOML, or a key or value is not what is expected; the
        message names the key and the line.
    ModelError, RegimenError, ParameterError, UnitError, UnknownNameError
        If what it says is no study.
    """
    file = read_toml(path)
    return _study(file, checked(StudyTable, file), Path(path).parent)


def store_folder(path: str | Path) -> Path:
    """Where the results of a study file go: its key ``path`` of ``[store]``, or a folder beside it of its name.

    Raises
    ------
    DataError
        If that lies outside the folder of the file.
    """
    path = Path(path)
    file = read_toml(path)
    named = checked(StudyTable, file).store.path
    return path.with_suffix("") if named is None else _within(path.parent, named, file.where(["store", "path"]))


def write_study(study: Study, path: str | Path) -> Path:
    """Write a study to a file, whole or not at all; `read_study` reads it back as the same.

    Raises
    ------
    DataError
        If the file cannot be written.
    ModelError, RegimenError, ParameterError
        If the study holds something that has no text, such as a function of your own.
    """
    text = study_text(study)
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


# ---- read


def _study(file: TomlFile, table: StudyTable, folder: Path) -> Study:
    model = _model(file, table, folder)
    model = model if table.time is None else model.in_time(table.time)
    times = parse_times(table.times, file.where(["times"]), model.time) if isinstance(table.times, str) else table.times
    sample = table.ensemble.sample
    solver = table.solver
    return Study(
        model,
        _treatment(file, table, model.time),
        times=times,
        axes={name: _axis(file, name, axis) for name, axis in table.ensemble.axes.items()},
        sample=None if sample is None else _sample(file, sample),
        parameters=table.parameters,
        outputs=None if table.outputs is None else tuple(table.outputs),
        reduce={name: tuple(entry) for name, entry in table.reduce.items()},
        at_dose=table.at_dose,
        solver=Solver(solver.method, solver.rtol, solver.atol, solver.max_steps, solver.threads),
        chunk=table.store.chunk,
        keep_parameters=table.store.parameters,
        title=table.title or "",
    )


def _model(file: TomlFile, table: StudyTable, folder: Path) -> Model:
    if not isinstance(table.model, str):
        return model_of(file, ("model",))
    if table.model.endswith(".toml"):
        return read_model(_within(folder, table.model, file.where(["model"])))
    return load(table.model)


def _within(folder: Path, name: str, where: str) -> Path:
    """A path relative to a folder, which it may not leave, by a link neither."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{where} is {name!r}, which lies outside the folder of the file; name a place within it.")
    return path


def _treatment(file: TomlFile, table: StudyTable, time: str) -> Any:
    if table.regimen is not None and table.regimens is not None:
        raise DataError(f"{file.where(['regimens'])}: there is a regimen for all too; give the one or the other.")
    if table.regimens is not None:
        return {arm: _regimen(file, ("regimens", arm), doses, time) for arm, doses in table.regimens.items()}
    return None if table.regimen is None else _regimen(file, ("regimen",), table.regimen, time)


def _regimen(file: TomlFile, keys: tuple[str, ...], doses: Any, time: str) -> Regimen | None:
    listed: list[Any] = [doses] if isinstance(doses, str) else doses
    if not listed:
        return None
    if isinstance(listed[0], str):
        return parse_regimen(listed, time)
    return regimen_from_json([Fields(_with_nulls(dose), file.where(keys)) for dose in listed])


# What a dose in a file, which has no null, leaves out.
_LEFT_OUT = {
    "parameter": {"iiv": None},
    "given": {"default": None},
    "amount": {"unit": None},
    "duration": {"unit": None},
}


def _with_nulls(dose: Mapping[str, Any]) -> dict[str, Any]:
    return {"duration": None, "interval": None, "ss": False, **_filled(dose)}


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(v) for v in value]
    if not isinstance(value, Mapping):
        return value
    return {
        k: {**_LEFT_OUT.get(k, {}), **_filled(v)} if isinstance(v, Mapping) else _filled(v) for k, v in value.items()
    }


def _sample(file: TomlFile, table: SampleTable) -> Sample:
    spread = {name: _distribution(file, name, d) for name, d in table.variability.items()}
    return Sample(table.members, table.seed, table.points, spread)


def _axis(file: TomlFile, name: str, axis: Any) -> list[float]:
    if not isinstance(axis, AxisTable):
        return list(axis)
    if axis.log and min(axis.first, axis.last) <= 0:
        raise ParameterError(f"{file.where(['ensemble', 'axes', name])}: an axis on a log scale has ends above 0.")
    spaced = np.geomspace if axis.log else np.linspace
    return list(spaced(axis.first, axis.last, axis.count).tolist())


def _distribution(file: TomlFile, name: str, table: DistributionTable) -> Any:
    stated = {k: v for k, v in table if k != "kind" and v is not None}
    makers: dict[str, Any] = {
        "lognormal": lognormal, "normal": normal, "logitnormal": logitnormal, "probitnormal": probitnormal,
    }  # fmt: skip
    try:
        return makers[table.kind](**stated)
    except TypeError:
        within = "median, omega, lower, upper"
        known = {
            "lognormal": "median, cv or omega", "normal": "mean, sd", "logitnormal": within, "probitnormal": within,
        }  # fmt: skip
        raise DataError(
            f"{file.where(['ensemble', 'sample', 'variability', name])}: a {table.kind} distribution has "
            f"{known[table.kind]}; it was given {', '.join(stated)}."
        ) from None


# ---- written


def study_text(study: Study) -> str:
    """The text of a study file.

    Raises
    ------
    ModelError, RegimenError, ParameterError
        If the study holds something that has no text.
    """
    return "\n".join(_lines(_tables(study))) + "\n"


def _tables(study: Study) -> dict[str, Any]:
    sample = study.sample
    tables: dict[str, Any] = {
        "title": study.title or None,
        "times": list(study.times),
        "outputs": None if study.outputs is None else list(study.outputs),
        "at_dose": study.at_dose,
        **_regimen_tables(study.regimen),
        "parameters": dict(study.parameters),
        "reduce": {name: list(entry) for name, entry in study.reduce.items()},
        "ensemble": {
            "axes": {name: list(values) for name, values in study.axes.items()},
            "sample": sample
            and {
                "members": sample.members,
                "seed": sample.seed,
                "points": sample.points,
                "variability": {name: _distribution_table(name, d) for name, d in sample.variability.items()},
            },
        },
        "solver": {k: v for k, v in dataclasses.asdict(study.solver).items() if k != "device"},
        "store": {"chunk": study.chunk, "parameters": study.keep_parameters},
        "model": model_tables(study.model),
    }
    filled: dict[str, Any] = _without_nulls(tables)
    return filled


def _regimen_tables(regimen: Any) -> dict[str, Any]:
    if isinstance(regimen, Mapping):
        return {"regimens": {arm: [] if r is None else regimen_as_json(r) for arm, r in regimen.items()}}
    return {} if regimen is None else {"regimen": regimen_as_json(regimen)}


def _distribution_table(name: str, distribution: Any) -> dict[str, Any]:
    if not isinstance(distribution, TransformedNormal) or distribution.scale not in _WRITTEN:
        raise ParameterError(
            f"the distribution of {name!r} is {distribution!r}; a file holds lognormal, normal, "
            "logitnormal and probitnormal ones."
        )
    kind, center, spread = _WRITTEN[distribution.scale]
    limits = (
        {"lower": distribution.lower, "upper": distribution.upper} if kind in ("logitnormal", "probitnormal") else {}
    )
    return {"kind": kind, center: distribution.center, spread: distribution.sd, **limits}


_WRITTEN = {
    "log": ("lognormal", "median", "omega"),
    "linear": ("normal", "mean", "sd"),
    "logit": ("logitnormal", "median", "omega"),
    "probit": ("probitnormal", "median", "omega"),
}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None and v != {}}
    return [_without_nulls(v) for v in value] if isinstance(value, list | tuple) else value


def _lines(tables: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[str]:
    """Plain values first, then a section for each table, to a depth of three."""
    nested = {k: v for k, v in tables.items() if isinstance(v, dict) and v and len(above) < 2}
    for key, value in tables.items():
        if key not in nested:
            yield f"{toml_key(key)} = {toml_text(value)}"
    for key, table in nested.items():
        yield from ("", f"[{'.'.join(map(toml_key, (*above, key)))}]")
        yield from _lines(table, (*above, key))
