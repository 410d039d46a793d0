"""A sweep's folder as one labelled array."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, FailedMembersWarning
from pkpd.json_files import read_json
from pkpd.studies.store import Store, zarr_package
from pkpd.studies.study import Study
from pkpd.studies.study_files import read_study

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["open_sweep", "sweep_study"]


def open_sweep(folder: str | Path, *, unfolded: bool = False) -> xr.Dataset:
    """The results of a sweep that `run_study` has written, read when they are used.

    Parameters
    ----------
    folder
        The folder of the sweep; it may be unfinished: what is missing is NaN with the status -1.
    unfolded
        Whether the axes become dimensions, as in a result of `pkpd.simulate`; everything is then read at
        once.  By default all members lie along ``member``, with their parameters as coordinates.

    Returns
    -------
    xarray.Dataset
        A variable for each output, ``status``, and the parameters that vary as coordinates.

    Raises
    ------
    DataError
        If the folder holds no sweep.
    """
    import xarray as xr

    zarr_package()
    store = Store(Path(folder))
    study = sweep_study(folder)
    # Dask, where it is there, reads chunk by chunk; without it a variable is read as a whole when it is used.
    run = xr.open_zarr(str(store.folder / "data.zarr"), consolidated=False, chunks=_chunks())
    run = run.set_coords([name for name in study.ensemble.columns if name in run])
    run = run.assign_coords(member=np.arange(study.members)) if study.members <= 10**8 else run
    if study.prepared.arms:
        run = run.assign_coords(arm=list(study.prepared.arms))
    run = run.assign_attrs(title=study.title, study=study.hash, versions=read_json(store.study_file).text("versions"))
    missing = study.chunks - len(store.finished())
    if missing:
        warnings.warn(
            f"{str(folder)!r}: {missing:,} of {study.chunks:,} chunks are not computed; their status is -1.",
            FailedMembersWarning,
            stacklevel=2,
        )
    return _unfolded(run, study) if unfolded else run


def sweep_study(folder: str | Path) -> Study:
    """The study that a sweep's folder holds.

    Raises
    ------
    DataError
        If it holds none.
    """
    store = Store(Path(folder))
    if not store.study_file.exists():
        raise DataError(f"{str(folder)!r} holds no sweep; run_study() makes one.")
    return read_study(store.folder / "study.toml")


def _chunks() -> dict[str, int] | None:
    try:
        import dask.array  # noqa: F401
    except ImportError:
        return None
    return {}


def _unfolded(run: xr.Dataset, study: Study) -> xr.Dataset:
    """The same with a dimension for each axis."""
    import xarray as xr

    sizes = dict(study.ensemble.sizes)
    run = run.load()
    variables: dict[Hashable, Any] = {}
    coords: dict[Hashable, Any] = {}
    for name, values in run.variables.items():
        if "member" not in values.dims or name == "member":
            continue
        at = values.dims.index("member")
        dims = (*values.dims[:at], *sizes, *values.dims[at + 1 :])
        shape = (*values.shape[:at], *sizes.values(), *values.shape[at + 1 :])
        column = xr.Variable(dims, values.values.reshape(shape), values.attrs)
        if name in study.axes:
            column = column[tuple(slice(None) if d == name else 0 for d in dims)]
        (coords if name in run.coords else variables)[name] = column
    for name, axis in study.axes.items():
        coords.setdefault(name, xr.Variable((name,), np.array(axis)))
    others = {k: v for k, v in run.coords.items() if "member" not in v.dims}
    return xr.Dataset(variables, {**others, **coords}, run.attrs)
