"""The folder of a sweep: arrays in a Zarr group, the list of finished chunks, and a lock.

    sweep/
      study.toml      what is computed; read by `read_study`
      study.json      its hash, and which versions it was begun with
      finished/       for each finished chunk a small file, written after its numbers
      failed/         for each chunk that was given up why
      data.zarr/      the numbers; of members that were never written the status is -1
      lock            held while a run writes

A number that was never written reads as NaN and its status as -1, so that nothing that is missing
can be taken for a result; whether a chunk is finished is told by its file alone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pkpd.errors import DataError, MissingExtraError, SimulationError
from pkpd.json_files import read_json, write_json
from pkpd.results import reduced_attrs, versions
from pkpd.solvers.problem import Status
from pkpd.studies.endpoints import endpoint_attrs
from pkpd.studies.study import Study
from pkpd.studies.study_files import write_study

__all__ = ["NOT_COMPUTED", "Store", "zarr_package"]

NOT_COMPUTED = -1
FORMAT = "pkpd-sweep-1"


def zarr_package() -> Any:
    """The package zarr.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import zarr
    except ImportError:
        raise MissingExtraError("a sweep is stored by zarr; install it with: pip install 'pkpd[sweep]'") from None
    return zarr


@dataclass(frozen=True)
class Store:
    """Where a sweep's results lie.

    Attributes
    ----------
    folder
        Of the sweep.
    """

    folder: Path

    # ---- its files

    @property
    def study_file(self) -> Path:
        return self.folder / "study.json"

    def _finished_file(self, chunk: int) -> Path:
        return self.folder / "finished" / f"{chunk:09d}.json"

    def finished(self) -> set[int]:
        """The numbers of the chunks whose results are complete."""
        return {int(path.stem) for path in (self.folder / "finished").glob("*.json") if path.stem.isdigit()}

    def failed(self) -> dict[int, str]:
        """Why chunks were given up, by their number."""
        files = (self.folder / "failed").glob("*.json")
        return {int(path.stem): read_json(path).text("why") for path in files if path.stem.isdigit()}

    def counts(self) -> dict[str, int]:
        """How many members of the finished chunks ended with which status, by its name."""
        total: dict[str, int] = {}
        for chunk in sorted(self.finished()):
            for name, number in read_json(self._finished_file(chunk)).content["statuses"].items():
                total[name] = total.get(name, 0) + int(number)
        return total

    # ---- a run

    def opened_for(self, study: Study) -> Store:
        """The store itself, made for `study` where there is none yet.

        Raises
        ------
        DataError
            If it holds another study, or cannot be written.
        """
        if self.study_file.exists():
            self._require_same(study)
            return self
        if self.folder.exists() and not self._is_unfinished_start():
            raise DataError(f"{str(self.folder)!r} is not empty and holds no sweep; choose another folder.")
        try:
            for name in ("finished", "failed"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            _make_arrays(self.folder / "data.zarr", study)
        except OSError as error:
            raise DataError(f"cannot write {str(self.folder)!r}: {error.strerror or error}.") from None
        write_study(study, self.folder / "study.toml")
        write_json(self.study_file, {"format": FORMAT, "hash": study.hash, **_described(study)})
        return self

    def _is_unfinished_start(self) -> bool:
        """Whether the folder is empty, or holds no more than a run that was stopped while it made the store.

        The folders come first, so that a ``study.toml`` or ``data.zarr`` without them is somebody else's.
        """
        names = {path.name for path in self.folder.iterdir()} - {"lock"}
        made = {"data.zarr", "study.toml", *(name for name in names if name.startswith(".study-"))}
        first = names & {"finished", "failed"}
        return not self.finished() and (names == first or (len(first) == 2 and names - first <= made))

    def _require_same(self, study: Study) -> None:
        stored = read_json(self.study_file)
        if stored.text("format") != FORMAT:
            raise DataError(f"{str(self.study_file)!r} has the format {stored.text('format')!r}; expected {FORMAT!r}.")
        if stored.text("hash") == study.hash:
            return
        content = _described(study)["content"]
        differing = [key for key, value in content.items() if stored.content["content"].get(key) != value]
        raise DataError(
            f"{str(self.folder)!r} holds another study: {', '.join(differing) or 'its content'} differ(s). Restore it, "
            "or write to a new folder."
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store against other runs; the system lets go of it when the process ends, however it ends.

        Raises
        ------
        SimulationError
            If another run holds it.
        """
        import fcntl

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("a+")
        except OSError as error:
            raise DataError(f"cannot write {str(self.folder)!r}: {error.strerror or error}.") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SimulationError(
                    f"another run writes to {str(self.folder)!r}; wait for it, or stop it, and start again."
                ) from None
            yield

    def write(self, study: Study, chunk: int, columns: Mapping[str, Any], status: Any) -> dict[str, int]:
        """Write the results of a chunk; it is finished only once `finish` has said so."""
        group = _opened(self.folder / "data.zarr", "r+")
        first, last = study.chunk_range(chunk)
        for name, values in {**columns, "status": status}.items():
            array = group[name]
            places = tuple(slice(first, last) if d == "member" else slice(None) for d in array.metadata.dimension_names)
            array[places] = values
        kinds, numbers = np.unique(status, return_counts=True)
        return {Status(int(kind)).name: int(number) for kind, number in zip(kinds, numbers, strict=True)}

    def finish(self, chunk: int, statuses: Mapping[str, int]) -> None:
        """Say that all results of a chunk are written."""
        write_json(self._finished_file(chunk), {"statuses": dict(statuses)})
        (self.folder / "failed" / f"{chunk:09d}.json").unlink(missing_ok=True)

    def give_up(self, chunk: int, why: str) -> None:
        """Say why a chunk has no results."""
        write_json(self.folder / "failed" / f"{chunk:09d}.json", {"why": why})


def _described(study: Study) -> dict[str, Any]:
    content = json.loads(json.dumps(study.content()).replace("Infinity", '"inf"'))
    about = {"title": study.title, "members": study.members, "chunks": study.chunks, "versions": versions()}
    return {"content": content, **about}


def _opened(path: Path, mode: str) -> Any:
    return zarr_package().open_group(str(path), mode=mode)


def _make_arrays(path: Path, study: Study) -> None:
    """An array for each output, one for the statuses, and those of the coordinates."""
    prepared, model, ensemble = study.prepared, study.adjusted, study.ensemble
    group = zarr_package().open_group(str(path), mode="w")
    arms = ("arm",) if prepared.arms else ()
    numbers = _attrs_of_numbers(study)
    course = () if numbers else ("time",)
    sizes = {"arm": len(prepared.arms), "member": study.members, "time": len(study.times)}
    chunks = {**sizes, "member": study.chunk_size}

    def add(name: str, dims: tuple[str, ...], dtype: str, fill: Any, attrs: Mapping[str, Any]) -> None:
        group.create_array(
            name=name, shape=tuple(sizes[d] for d in dims), chunks=tuple(chunks[d] for d in dims), dtype=dtype,
            fill_value=fill, dimension_names=dims, attributes=dict(attrs), compressors=_compressor(),
        )  # fmt: skip

    courses = {n: {"units": model.units[n], "long_name": model.meaning(n)} for n in prepared.outputs}
    for name, attrs in (numbers or courses).items():
        add(name, (*arms, "member", *course), "float64", np.nan, attrs)
    meanings = {"flag_values": [NOT_COMPUTED, *map(int, Status)]}
    names = " ".join(["not_computed", *(s.name for s in Status)])
    add("status", (*arms, "member"), "int8", NOT_COMPUTED, {**meanings, "flag_meanings": names})
    if study.keep_parameters:
        for name in ensemble.columns:
            about = {"units": prepared.known.symbols[name].unit} if name in prepared.known.symbols else {}
            add(name, ("member",), "float64", np.nan, about)
    if course:
        add("time", ("time",), "float64", np.nan, {"units": model.time, "long_name": "time"})
        group["time"][:] = np.array(study.times)
    group.attrs.update({"arms": list(prepared.arms), "model": model.name, "model_hash": model.hash})


def _attrs_of_numbers(study: Study) -> dict[str, dict[str, Any]]:
    """By name the attributes of what is kept instead of courses; empty where those are kept."""
    model, reductions = study.adjusted, study.prepared.reductions
    numbers = {name: {**reduced_attrs(model, r), "of": r.of} for name, r in reductions.items()}
    return numbers | {name: endpoint_attrs(model, endpoint) for name, endpoint in study.endpoints.items()}


def _compressor() -> Any:
    from zarr.codecs import BloscCodec

    return BloscCodec(cname="lz4", clevel=1, shuffle="shuffle")
