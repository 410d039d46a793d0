"""What a model costs before its first number: new in a warm process, and cached in a fresh one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import Any

from benchmarks.cases import CASES
from benchmarks.peers import OURS
from benchmarks.rounds import ROOT, say
from benchmarks.scale import Scale
from benchmarks.tables import Table

__all__ = ["compile_table"]


LARGE = [("lesions_50", "auto"), ("lesions_150", "auto"), ("lesions_150", "rodas5p"), ("barrier_301", "auto")]


def compile_table(scale: Scale) -> Table:
    """The first simulations of every case by each of our methods, each in a process of its own."""
    rows = []
    compiled = [p.method for p in OURS if p.method != "numpy"]
    jobs = [(case, method) for case in list(CASES)[: None if scale.everything else 1] for method in compiled]
    for case, method in [*jobs, *(LARGE if scale.everything else ())]:
        say(f"first simulations: {case}, {method}")
        row = _row(case, method, 2 if scale.everything else 1, scale.limit)
        rows.append({"case": case, "method": method, **row})
    remarks = [
        "simulate() of 8 members, on all cores. New: with an empty cache, after another model was simulated in "
        "the process. Cached: the first simulation of a fresh process, after `import pkpd`. Import: of pkpd.",
        "What the peers need for a new model is the column 'first result' of the comparison.",
    ]
    return Table("compile_times", "First simulation of a model", rows, remarks)


def _row(case: str, method: str, rounds: int, limit: float) -> dict[str, Any]:
    new, cached = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            try:
                new.append(_run(case, method, "warm", cache, limit))
                cached.append(_run(case, method, "fresh", cache, limit))
            except subprocess.TimeoutExpired:
                return {"new s": None, "remark": f"no result within {limit:g} s"}
    return {
        "new s": median(r["first"] for r in new),
        "again s": median(r["second"] for r in new),
        "cached s": median(r["first"] for r in cached),
        "import s": median(r["import"] for r in cached),
        "whole process s": median(r["process"] for r in cached),
        "remark": "",
    }


def _run(case: str, method: str, warm: str, cache: str, limit: float) -> dict[str, float]:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.first_run", case, method, warm],
        capture_output=True, text=True, check=True, timeout=limit, cwd=ROOT,
        env={**os.environ, "PKPD_CACHE": cache},
    )  # fmt: skip
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds | {"process": time.perf_counter() - begun}
