"""Where and with what the numbers were made."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pkpd.solvers.compiled.choice import chosen_shape
from pkpd.solvers.compiled.target import this_target

__all__ = ["circumstances"]

PACKAGES = (
    "pkpd", "numpy", "scipy", "sympy", "numba", "llvmlite", "xarray", "numbalsoda", "diffrax", "jax", "jaxlib",
    "libroadrunner", "antimony", "amici",
)  # fmt: skip


def circumstances() -> list[str]:
    """Date, machine, load and versions, a line each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    target = this_target()
    lines = [
        f"Date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}",
        f"Machine: {_processor()}, {cores} cores, {platform.system()} {platform.release()}",
        f"Processor as LLVM knows it: {target.cpu}, vectors {target.vectors}; ours: {chosen_shape(target).lanes} lanes",
        f"Python {platform.python_version()}; " + ", ".join(_version(name) for name in PACKAGES),
    ]
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        lines.append(f"Load of the machine before the run: {load:.2f}{' (others were at work)' if load > 0.5 else ''}")
    return lines


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} absent"
