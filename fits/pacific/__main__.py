"""The command: ``python -m pkpd.fits.pacific [--out DIR] [--patients N] [--scenario-patients N]``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pkpd.cli.messages import as_messages
from pkpd.fits import pacific
from pkpd.fits.pacific.patients import draw
from pkpd.fits.pacific.report import findings, report, write

PATIENTS, SCENARIO_PATIENTS = 4096, 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with its figures."""
    first_line = (pacific.__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.pacific", description=first_line)
    parser.add_argument("--out", type=Path, help="folder for report.txt, compared.csv and the figures")
    parser.add_argument("--patients", type=int, default=PATIENTS, help=f"to simulate; {PATIENTS} by default")
    parser.add_argument(
        "--scenario-patients",
        type=int,
        default=SCENARIO_PATIENTS,
        help=f"for each scenario; {SCENARIO_PATIENTS} by default",
    )
    chosen = parser.parse_args(arguments)
    results = findings(draw(chosen.patients), draw(chosen.scenario_patients))
    print(report(results))
    if chosen.out is not None:
        for path in write(results, chosen.out):
            print(f"wrote {path}")


if __name__ == "__main__":
    with as_messages():
        main()
