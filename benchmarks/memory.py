"""The memory of a large ensemble: ``python -m benchmarks.memory MEMBERS THREADS`` in a process of its own."""

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


def memory_table(scale: Scale) -> Table:
    """TIPD with weekly outputs of all states through simulate(), as many members as wanted, or as time allows."""
    threads = min(2, os.cpu_count() or 1)
    first = _run(SMALL, threads)
    allowed = [n for n in (SMALL, 100_000, scale.memory) if n <= scale.memory and first["wall s"] / SMALL * n < LONGEST]
    count = max(allowed, default=SMALL)
    say(f"memory: {count} members")
    rows = [first] if count == SMALL else [first, _run(count, threads)]
    remarks = [
        f"TIPD, rtol 1e-6, weekly outputs of all states, simulate(method='auto'), {threads} threads, one run. "
        "Output: the states in the result. Base: before the simulation, with the packages and the parameters."
    ]
    if count < scale.memory:
        remarks.append(f"{scale.memory:,} members would take longer than {LONGEST:g} s and are left out.")
    return Table("memory", "Memory of a large ensemble", rows, remarks)


def _run(count: int, threads: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", str(count), str(threads)],
        capture_output=True, text=True, check=True, env=environment(threads), cwd=ROOT,
    )  # fmt: skip
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def main(count: int, threads: int) -> dict[str, Any]:
    import numpy as np

    import pkpd

    case = CASES["tipd"]
    states = [s.name for s in case.model.states]

    def simulated(ensemble: pkpd.Ensemble) -> Any:
        return pkpd.simulate(
            case.model, case.regimen, times=case.times, parameters=ensemble, outputs=states,
            rtol=1e-6, atol=1e-8, threads=threads,
        )  # fmt: skip

    simulated(case.ensemble(8))  # compiles
    ensemble = case.ensemble(count)
    base, begun = peak_memory(), time.perf_counter()
    result = simulated(ensemble)
    seconds = time.perf_counter() - begun
    peak, output = peak_memory(), sum(result[name].nbytes for name in states) / 2**20
    first = np.stack([result[name][:100].to_numpy() for name in states], axis=-1)
    error = ensemble_error(first, case.reference)
    return {
        "members": count, "threads": threads, "wall s": seconds, "worst error": error.worst, "output MB": output,
        "peak MB": peak, "base MB": base, "peak/output": peak / output,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
