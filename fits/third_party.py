"""Data of others: where an example finds its table, and what its command writes.

Third-party files are not part of this project.  An example says where to get its table and reads
it from the path that it is given, or from the folder that the environment variable
PKPD_FITS_DATA names.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pkpd
from pkpd.storage import write_atomically

__all__ = ["VARIABLE", "MissingTable", "command", "table", "write"]

VARIABLE = "PKPD_FITS_DATA"
Result = TypeVar("Result", pkpd.Fit, pkpd.MixedFit)


class MissingTable(pkpd.DataError):
    """A third-party table is not here; the message says where to get it."""


def table(path: str | Path | None, name: str, origin: str) -> Path:
    """The path of a third-party table.

    Parameters
    ----------
    path
        The file, or None to look below the folder that PKPD_FITS_DATA names.
    name
        Its path below that folder, such as ``"nlmixr2data/warfarin.csv"``.
    origin
        Where to get it.

    Raises
    ------
    MissingTable
        If no path is known or there is no such file.
    """
    if path is None and VARIABLE not in os.environ:
        raise MissingTable(
            f"this example needs {Path(name).name}, which is not part of pkpd ({origin}). Give its path, or set "
            f"{VARIABLE} to the folder that has {name}."
        )
    file = Path(os.environ[VARIABLE]) / name if path is None else Path(path)
    if not file.is_file():
        raise MissingTable(f"{file} is not a file; expected {Path(name).name} ({origin}).")
    return file


def command(
    name: str,
    doc: str | None,
    run: Callable[[str | None], Result],
    draw: Callable[[Result, Path], Path | list[Path]],
    arguments: Sequence[str] | None,
) -> None:
    """What ``python -m pkpd.fits.NAME [--data FILE] [--out DIR]`` does.

    It prints the report of the fit; with ``--out`` it writes the report, the estimates, the
    residuals and the figures that `draw` makes to a folder.
    """
    parser = argparse.ArgumentParser(prog=f"python -m pkpd.fits.{name}", description=(doc or "").split("\n")[0])
    parser.add_argument("--data", help=f"the third-party table; below ${VARIABLE} by default")
    parser.add_argument("--out", type=Path, help="folder for report.txt, estimates.csv, residuals.csv and the figures")
    chosen = parser.parse_args(arguments)
    result = run(chosen.data)
    print(result.report())
    if chosen.out is not None:
        for path in write(result, chosen.out, draw, f"{name}.png"):
            print(f"wrote {path}")


def write(result: Result, folder: Path, draw: Callable[[Result, Path], Path | list[Path]], figure: str) -> list[Path]:
    """Write the report, the tables and the figures of a fit to `folder`, each whole or not at all.

    `draw` is given where the first figure goes; further ones stand beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report, estimates, residuals = result.report() + "\n", result.estimates, result.residuals
    drawn = draw(result, folder / figure)
    return [
        write_atomically(folder / "report.txt", lambda path: path.write_text(report, encoding="utf-8")),
        write_atomically(folder / "estimates.csv", lambda path: estimates.to_csv(path)),
        write_atomically(folder / "residuals.csv", lambda path: residuals.to_csv(path, index=False)),
        *(drawn if isinstance(drawn, list) else [drawn]),
    ]
