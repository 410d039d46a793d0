"""The command: ``python -m pkpd.fits.phenomena [NAME ...] [--out DIR] [--matrix | --robustness [--draws N]]``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits import phenomena
from pkpd.fits.phenomena.catalog import COMPARISONS, OF_THE_FLAGSHIP, PHENOMENA
from pkpd.fits.phenomena.matrix import claims_by_mechanisms
from pkpd.fits.phenomena.robustness import table
from pkpd.storage import write_atomically

NAMES = (*PHENOMENA, *COMPARISONS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Check the phenomena, print their numbers and, with ``--out``, write their figures."""
    chosen = _chosen(arguments)
    names = chosen.names or list(NAMES)
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.robustness:
        _write_robustness(names, chosen.draws, chosen.out)
    elif chosen.matrix:
        _write_matrix([name for name in names if name in OF_THE_FLAGSHIP], chosen.out)
    else:
        _write_findings([name for name in names if name in PHENOMENA], chosen.out)
        _write_comparisons([name for name in names if name in COMPARISONS], chosen.out)


def _chosen(arguments: Sequence[str] | None) -> argparse.Namespace:
    first_line = (phenomena.__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.phenomena", description=first_line)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default; {', '.join(NAMES)}")
    parser.add_argument("--out", type=Path, help="folder for the figures, the matrix and robustness.csv")
    parser.add_argument(
        "--matrix", action="store_true", help="which claim falls when a mechanism is taken out; minutes"
    )
    parser.add_argument(
        "--robustness", action="store_true",
        help="in how many draws of the uncertain values, by factors of 10 and 20 %%, each still shows",
    )  # fmt: skip
    parser.add_argument("--draws", type=int, default=50, metavar="N", help="how many draws; 50 by default")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in NAMES:
            parser.error(f"there is no phenomenon {name!r}; there are {', '.join(NAMES)}")
    if chosen.draws < 1:
        parser.error(f"--draws is {chosen.draws}; expected 1 or more")
    return chosen


def _write_robustness(names: Sequence[str], draws: int, out: Path | None) -> None:
    text = table(names, draws)
    print(text)
    if out is not None:
        write_atomically(out / "robustness.csv", lambda path: path.write_text(text + "\n", encoding="utf-8"))


def _write_matrix(names: Sequence[str], out: Path | None) -> None:
    matrix = claims_by_mechanisms(names)
    text = matrix.table()
    print(text)
    if out is not None:
        write_atomically(out / "matrix.txt", lambda path: path.write_text(text + "\n", encoding="utf-8"))
        pkpd.save(matrix.draw(), out / "matrix.png")


def _write_findings(names: Sequence[str], out: Path | None) -> None:
    for name in names:
        finding = PHENOMENA[name]()
        print(f"{name}: {finding.claim}")
        print(*(f"    {key}: {value:.3g}" for key, value in finding.numbers.items()), sep="\n")
        if out is not None:
            pkpd.save(finding.draw(), out / f"{name}.png")


def _write_comparisons(names: Sequence[str], out: Path | None) -> None:
    for name in names:
        try:
            comparison = COMPARISONS[name]()
        except pkpd.DataError as error:  # a table that is not part of this project
            print(f"{name}: not compared: {error}")
            continue
        print(f"{name}: {comparison.claim}\n{comparison.table()}")
        print(f"    {'tuned: ' + comparison.tuned if comparison.tuned else 'nothing here is tuned to these numbers'}")
        if out is not None:
            pkpd.save(comparison.draw(), out / f"{name}.png")


if __name__ == "__main__":
    with as_messages():
        main()
