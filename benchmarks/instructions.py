"""Instructions that our machine code retires for a step, as valgrind counts them: a number that no load changes.

    python -m benchmarks.instructions CASE METHOD MEMBERS     what is counted, in a process of its own

Counted are two runs that differ in members alone; the difference is that of the integration.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.interruptions import METHODS, RTOL
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Row, Table
from pkpd.solvers.solve import solve

__all__ = ["instructions_table"]

FEW, MANY = 100, 500
SHAPES = (("avx2", 4), ("avx2", 8), ("sse2", 2))  # valgrind knows no AVX-512


def instructions_table(scale: Scale) -> Table:
    """Every case by the method that suits it, in the shapes that valgrind can run; no rows without valgrind."""
    remarks = [
        f"rtol {RTOL:g}; callgrind's count for {MANY} members less that for {FEW}, over the steps between; one step "
        "of one member. AVX-512 is not counted: valgrind cannot run it.",
    ]
    if shutil.which("valgrind") is None:
        return Table("instructions", "Instructions of a step", [], [*remarks, "valgrind is not installed."])
    names = list(CASES)[: None if scale.everything else 1]
    rows = [row for name in names for row in _rows(name, SHAPES[: None if scale.everything else 1])]
    return Table("instructions", "Instructions of a step", rows, remarks)


def _rows(name: str, shapes: tuple[tuple[str, int], ...]) -> Iterator[Row]:
    for vectors, lanes in shapes:
        say(f"instructions: {name}, {lanes} lanes of {vectors}")
        (few, few_steps), (many, steps) = (_counted(name, n, vectors, lanes) for n in (FEW, MANY))
        per_step = (many - few) / (steps - few_steps)
        yield {
            "case": name, "method": METHODS[name], "vectors": vectors, "lanes": lanes,
            "steps per member": steps / MANY, "instructions per step of one member": per_step,
            "instructions per turn of all lanes": per_step * lanes,
        }  # fmt: skip


def _counted(name: str, members: int, vectors: str, lanes: int) -> tuple[int, int]:
    """Instructions of a whole process, and the steps it took."""
    task = [sys.executable, "-m", "benchmarks.instructions", name, METHODS[name], str(members)]
    settings = {"PKPD_VECTORS": vectors, "PKPD_LANES": str(lanes), "PYTHONHASHSEED": "0"}
    count = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *task]
    root = Path(__file__).parent.parent
    done = subprocess.run(count, env={**os.environ, **settings}, cwd=root, capture_output=True, text=True, check=True)
    instructions = re.search(r"Collected : (\d+)", done.stderr)
    if instructions is None:
        raise RuntimeError(f"valgrind counted nothing: {done.stderr[-500:]}")
    return int(instructions[1]), int(done.stdout.split()[-1])


def _main(name: str, method: str, members: str) -> None:
    sys.stdout.write(f"{solve(CASES[name].problem(int(members), RTOL), method, threads=1).steps.sum()}\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
