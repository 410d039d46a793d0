"""What the commands of population examples do: print the report, write it with tables and figures."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pkpd
from pkpd.fits.third_party import VARIABLE
from pkpd.storage import write_atomically

__all__ = ["command"]


def command(
    name: str,
    doc: str | None,
    run: Callable[[str | None], pkpd.MixedFit],
    draw: Callable[[pkpd.MixedFit, Path], list[Path]],
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
        for path in _written(result, chosen.out, draw):
            print(f"wrote {path}")


def _written(result: pkpd.MixedFit, folder: Path, draw: Callable[[pkpd.MixedFit, Path], list[Path]]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    report, estimates, residuals = result.report() + "\n", result.estimates, result.residuals
    return [
        write_atomically(folder / "report.txt", lambda path: path.write_text(report, encoding="utf-8")),
        write_atomically(folder / "estimates.csv", lambda path: estimates.to_csv(path)),
        write_atomically(folder / "residuals.csv", lambda path: residuals.to_csv(path, index=False)),
        *draw(result, folder),
    ]
