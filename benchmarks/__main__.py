"""The command: ``python -m benchmarks [--quick] [--out FOLDER] [--only SECTION ...] [--case CASE ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.app import app_table
from benchmarks.calls import calls_table
from benchmarks.cases import CASES
from benchmarks.comparison import compare, comparison_table, precision_table
from benchmarks.compile_times import compile_table
from benchmarks.drawing import draw_precision, draw_scaling
from benchmarks.fits import fits_table
from benchmarks.gpu import gpu_table
from benchmarks.instructions import instructions_table
from benchmarks.interruptions import interruptions_table
from benchmarks.machine import circumstances
from benchmarks.memory import memory_table
from benchmarks.mixed import mixed_table, starts_table
from benchmarks.report import begun, with_recorded_cases
from benchmarks.responses import responses_table
from benchmarks.rounds import say
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.scaling import members_table, states_table, stiff_states_table, threads_table
from benchmarks.shapes import shapes_table
from benchmarks.tables import Table, write_csv
from benchmarks.trial import trial_table

HERE = Path(__file__).parent
TABLES = {
    "compile": compile_table,
    "memory": memory_table,
    "calls": calls_table,
    "fits": fits_table,
    "mixed": mixed_table,
    "mixed_starts": starts_table,
    "shapes": shapes_table,
    "interruptions": interruptions_table,
    "instructions": instructions_table,
    "responses": responses_table,
    "trial": trial_table,
    "gpu": gpu_table,
    "app": app_table,
}  # fmt: skip
SECTIONS = ("comparison", "scaling", *TABLES)


def main(arguments: Sequence[str] | None = None) -> None:
    words = sys.argv[1:] if arguments is None else arguments
    asked = _parsed(words)
    folder: Path = asked.out or (HERE.parent / "build" / "benchmarks" if asked.quick else HERE / "results")
    folder.mkdir(parents=True, exist_ok=True)
    scale = QUICK if asked.quick else FULL
    whole = set(asked.only) == set(SECTIONS) and set(asked.case) == set(CASES)
    command = " ".join(["python -m benchmarks", *words])
    report = begun(folder / "results.md", command, circumstances(), whole=whole)
    for section in asked.only:
        for table in _tables(section, scale, asked.case, folder):
            if not table.rows:  # nothing to measure with: what was recorded stays
                say(f"{table.name}: {' '.join(table.remarks)}")
                continue
            write_csv(table, folder)
            report = report.but(table)
            report.write()
    if report.path.exists():
        say(f"see {report.path}")


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time beside error, ours and the peers'.")
    parser.add_argument("--quick", action="store_true", help="a few minutes, few members and tolerances")
    parser.add_argument("--out", type=Path, help="a folder; benchmarks/results, or build/benchmarks with --quick")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections to run")
    parser.add_argument("--case", nargs="+", choices=tuple(CASES), default=tuple(CASES), help="cases to compare on")
    return parser.parse_args(arguments)


def _tables(section: str, scale: Scale, cases: Sequence[str], folder: Path) -> Iterator[Table]:
    if section == "comparison":
        comparisons = []
        for name in cases:
            comparisons.append(compare(CASES[name], scale))
            yield comparison_table(comparisons[-1])
        precision = with_recorded_cases(precision_table(comparisons), folder, cases)
        draw_precision(precision, folder)
        yield precision
    elif section == "scaling":
        members, states = members_table(scale), states_table(scale)
        draw_scaling(members, states, folder)
        yield from (members, states)
        yield stiff_states_table(scale)
        yield threads_table(scale)
    else:
        yield TABLES[section](scale)


if __name__ == "__main__":
    main()
