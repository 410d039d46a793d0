"""The process of one job: ``python -m benchmarks.worker JOB``, then a request a line.

A process to itself keeps a peer's memory, threads and compiled code apart.  It is bound to
as many cores as it has threads.  Requests and answers are JSON, one a line.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["environment", "main", "peak_memory"]

FEW = 8  # members of the first run, which compiles


def environment(threads: int) -> dict[str, str]:
    """The variables that hold every peer to `threads` threads and let it find the tools installed with it."""
    count = str(threads)
    pools = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(pools, count),
        # AMICI builds models with the swig on the path, which must be the one it was built with itself.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "OMP_WAIT_POLICY": "passive",  # threads that spin while another job runs would take its time
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
    }


def bind(threads: int) -> None:
    """Bind this process to its last cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def peak_memory() -> float:
    """The most memory this process has had, in MB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return kilobytes / 1024


def main(text: str) -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a peer prints is no answer
    asked = json.loads(text)
    bind(asked["threads"])
    serve(asked, answers)


def serve(asked: dict[str, Any], answers: Any) -> None:
    from benchmarks.accuracy import ensemble_error
    from benchmarks.cases import find
    from benchmarks.peers import Peer

    case, peer = find(asked["case"]), Peer(**asked["peer"])
    begun = time.perf_counter()
    load = peer.prepare(case, asked["threads"])
    load(FEW, 1e-6)()
    print(json.dumps({"setup": time.perf_counter() - begun, "peak": peak_memory()}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        run = load(request["members"], request["rtol"])
        begun = time.perf_counter()
        states = run()
        seconds = time.perf_counter() - begun
        error = ensemble_error(states[: request["compared"]], case.reference)
        answer = {"seconds": seconds, "error": dataclasses.asdict(error), "peak": peak_memory()}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
