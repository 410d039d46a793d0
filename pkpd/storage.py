"""Results to and from files: written whole or not at all."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pkpd.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["as_table", "read_result", "write_atomically", "write_result"]

_WRITERS: dict[str, Callable[[xr.Dataset, Path], object]] = {
    ".nc": lambda run, path: _with_recipe(run).to_netcdf(path, engine="netcdf4"),
    ".csv": lambda run, path: as_table(run).to_csv(path, index=False),
    ".parquet": lambda run, path: _write_parquet(run, path),
}


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then move it there in one step.

    A reader sees the old file or the new one, never a part; after an error the old one
    is still there.

    Raises
    ------
    DataError
        If the folder does not exist, or the file cannot be written.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise DataError(f"cannot write {str(path)!r}: there is no folder {str(target.parent)!r}.")
    # The suffix stays last, because writers choose a format by it.
    temporary = target.with_name(f".{target.stem}-{uuid.uuid4().hex}{target.suffix}")
    try:
        write(temporary)
        temporary.replace(target)
    except OSError as error:  # it names the temporary file, which nobody asked for
        raise DataError(f"cannot write {str(path)!r}: {error.strerror or error}.") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return target


def write_result(run: xr.Dataset, path: str | Path) -> Path:
    """Write a result, a sweep or an analysis as NetCDF (``.nc``, everything) or as a table.

    A table (``.csv``, ``.parquet``) has a row for each member and time, and of parameters those that vary.
    What was not read yet, as of `pkpd.open_sweep`, is read whole for a table.

    Raises
    ------
    DataError
        If the suffix is none of these.
    MissingExtraError
        If a Parquet file is asked for and pyarrow is not installed.

    Examples
    --------
    >>> import pkpd, tempfile
    >>> run = pkpd.simulate(pkpd.load("pk_1cmt"), pkpd.bolus("10 mg", "iv"), times=[0, 1, 7], outputs=["C"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = pkpd.read_result(pkpd.write_result(run, f"{folder}/run.nc"))
    >>> bool((again["C"] == run["C"]).all())
    True
    """
    if not hasattr(run, "to_netcdf"):
        raise DataError(f"write_result() got {run!r}; expected a result of simulate().")
    writer = _WRITERS.get(Path(path).suffix)
    if writer is None:
        raise DataError(f"cannot write {str(path)!r}: expected a name that ends in {' or '.join(_WRITERS)}.")
    return write_atomically(path, lambda temporary: writer(run, temporary))


def _write_parquet(run: xr.Dataset, path: Path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            f"a file that ends in {path.suffix} is written by pyarrow; install it with: pip install 'pkpd[sweep]'"
        ) from None
    as_table(run).to_parquet(path, index=False, engine="pyarrow")


def _with_recipe(run: xr.Dataset) -> xr.Dataset:
    """The result with how it was made, which `rerun` reads, as an attribute."""
    recipe = run.encoding.get("pkpd_recipe")
    if recipe is None:
        return run
    described = run.assign_attrs(pkpd_recipe=recipe if isinstance(recipe, str) else recipe.text())
    described.encoding = {}
    return described


def as_table(run: xr.Dataset) -> pd.DataFrame:
    """A result as a table: a row for each member and time; parameters only where they vary.

    ``run.to_dataframe()`` of xarray repeats every parameter in every row.

    Parameters
    ----------
    run
        The result of `simulate`, or a measure of it.

    Examples
    --------
    >>> import pkpd
    >>> run = pkpd.simulate(pkpd.load("pk_1cmt"), pkpd.bolus("10 mg", "iv"), times=[0, 1], outputs=["C"])
    >>> list(pkpd.as_table(run))
    ['time', 'C', 'status', 'ended']
    """
    fixed = [name for name, values in run.coords.items() if values.ndim == 0]
    varying = run.drop_vars(fixed)
    # Without any dimension there is no index, which to_dataframe asks for.
    return varying.to_dataframe().reset_index() if run.sizes else varying.expand_dims("run").to_dataframe()


def read_result(path: str | Path) -> xr.Dataset:
    """Read a result that `write_result` wrote as NetCDF.

    Raises
    ------
    DataError
        If there is no such file, or it is not a NetCDF file.

    Examples
    --------
    >>> import pkpd, tempfile
    >>> run = pkpd.simulate(pkpd.load("pk_1cmt"), pkpd.bolus("10 mg", "iv"), times=[0, 1, 7], outputs=["C"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = pkpd.read_result(pkpd.write_result(run, f"{folder}/run.nc"))
    >>> bool((again["C"] == run["C"]).all())
    True
    """
    import xarray as xr

    if not Path(path).is_file():
        raise DataError(f"there is no file {str(path)!r}.")
    try:
        run = xr.load_dataset(path, engine="netcdf4")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{str(path)!r} cannot be read as NetCDF, which write_result() writes to names that end in .nc: {error}"
        ) from error
    for values in run.data_vars.values():
        # NetCDF does not tell a list of one text from the text.
        if "parameter" in values.dims and isinstance(values.attrs.get("units"), str):
            values.attrs["units"] = [values.attrs["units"]]
    run.encoding["pkpd_recipe"] = run.attrs.pop("pkpd_recipe", None)
    return run
