"""The memory of a large ensemble.

``python -m benchmarks.memory MEMBERS THREADS states|reduced`` measures one, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.accuracy import ensemble_error
from benchmarks.cases import CASES
from benchmarks.rounds import ROOT, say
from benchmarks.scale import Scale
from benchmarks.tables import Table
from benchmarks.worker import environment, peak_memory

__all__ = ["memory_table"]

SMALL = 10_000
LONGEST = 120.0  # seconds
REPEATS = 3


def memory_table(scale: Scale) -> Table:
    """TIPD with weekly outputs of all states through simulate(), as many members as wanted, or as time allows."""
    threads = min(2, os.cpu_count() or 1)
    first = _run(SMALL, threads)
    allowed = [n for n in (SMALL, 100_000, scale.memory) if n <= scale.memory and first["wall s"] / SMALL * n < LONGEST]
    count = max(allowed, default=SMALL)
    say(f"memory: {count} members")
    rows = [first] if count == SMALL else [first, _typical(count, threads, "states")]
    rows.append(_typical(count, threads, "reduced"))
    remarks = [
        f"TIPD, rtol 1e-6, weekly outputs of all states, simulate(method='auto'), {threads} threads, the run of "
        f"median time of {REPEATS}. Output: what the result holds: all states, or where reduced the lowest and the "
        "last tumor volume. "
        "Base: before the simulation, with the packages and the parameters."
    ]
    if count < scale.memory:
        remarks.append(f"{scale.memory:,} members would take longer than {LONGEST:g} s and are left out.")
    return Table("memory", "Memory of a large ensemble", rows, remarks)


def _typical(count: int, threads: int, kept: str) -> dict[str, Any]:
    """The run of median time: fresh memory takes one run a third longer than another."""
    return sorted((_run(count, threads, kept) for _ in range(REPEATS)), key=lambda row: row["wall s"])[REPEATS // 2]


def _run(count: int, threads: int, kept: str = "states") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", str(count), str(threads), kept],
        capture_output=True, text=True, check=True, env=environment(threads), cwd=ROOT,
    )  # fmt: skip
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def main(count: int, threads: int, kept: str) -> dict[str, Any]:
    import numpy as np

    import pkpd

    case = CASES["tipd"]
    states = [s.name for s in case.model.states]
    reduced = {"nadir": ("T", "min"), "final": ("T", "last")}
    asked: dict[str, Any] = {"reduce": reduced} if kept == "reduced" else {"outputs": states}

    def simulated(ensemble: pkpd.Ensemble) -> Any:
        return pkpd.simulate(
            case.model, case.regimen, times=case.times, parameters=ensemble, rtol=1e-6, atol=1e-8, threads=threads,
            **asked,
        )  # fmt: skip

    simulated(case.ensemble(8))  # compiles
    ensemble = case.ensemble(count)
    base, begun = peak_memory(), time.perf_counter()
    result = simulated(ensemble)
    seconds = time.perf_counter() - begun
    output = sum(result[name].nbytes for name in (reduced if kept == "reduced" else states)) / 2**20
    row = {
        "members": count, "kept": kept, "threads": threads, "wall s": seconds, "output MB": output,
        "peak MB": peak_memory(), "base MB": base,
    }  # fmt: skip
    if kept == "states":
        first = np.stack([result[name][:100].to_numpy() for name in states], axis=-1)
        row |= {"peak/output": row["peak MB"] / output, "worst error": ensemble_error(first, case.reference).worst}
    return row


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
