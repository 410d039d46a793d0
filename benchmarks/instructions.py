"""Instructions that our machine code retires for a member and for a step, and numbalsoda's for the same member.

    python -m benchmarks.instructions CASE METHOD RTOL MEMBERS     numbalsoda, to be counted in a process of its own

valgrind counts them, which no load of the machine changes.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.callgrind import counted, counted_code, start, stop
from benchmarks.cases import CASES
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Row, Table
from pkpd.solvers.compiled import methods
from pkpd.solvers.compiled.choice import chosen_shape
from pkpd.solvers.compiled.elementary import exp, log, power
from pkpd.solvers.compiled.frame import ARGUMENTS
from pkpd.solvers.compiled.kernels import make_kernel
from pkpd.solvers.compiled.lanes import Rows, function
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.compiled.state import State
from pkpd.solvers.compiled.target import Target, machine_code
from pkpd.solvers.compiled.value import Value

__all__ = ["instructions_table", "our_parts", "our_row"]

# The method and the tolerance that the comparison sets beside numbalsoda's method at 1e-6.
PAIRS = {"tipd": ("dop853", 1e-4, "dop853"), "tmdd": ("rodas5p", 1e-5, "lsoda"), "hill": ("dop853", 1e-4, "dop853")}
PEER_RTOL = 1e-6
MEMBERS, PEER_MEMBERS = 100, 20
# A Haswell, the oldest processor with AVX2, and what it has without it, whatever this processor is.
FEATURES = {"avx2": "+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt,+movbe,+f16c", "sse2": "-avx,-avx2,-fma,-f16c"}
# The functions of a kernel that each part consists of.
PARTS = {
    "slopes": ("rates",), "factor": ("factor",), "solve": ("solve",), "stages": ("step",),
    "driver": ("run", "hold", "changes", "dense", "prepare_dense"),
}  # fmt: skip
ELEMENTARY: dict[str, Callable[[Value, Value], Value]] = {
    "exp": lambda x, _: exp(x), "log": lambda x, _: log(x), "power": power, "product": lambda x, y: x * y,
}  # fmt: skip
CALLS = 256  # of each elementary function


def instructions_table(scale: Scale) -> Table:
    """Every case in the shapes that valgrind can run, its parts, and its peer; no rows without valgrind."""
    remarks = [
        f"callgrind's counts over {MEMBERS} members; of numbalsoda, {PEER_MEMBERS}, its C, Fortran and calls included. "
        "Ours is made for a Haswell. AVX-512 is not counted: valgrind cannot run it.",
        "Parts: of code with slopes, LU and solutions as functions of their own, which these cases have written out. "
        "`factor` holds the first slopes, the Jacobian and the LU; `stages` all else of a step, its error included; "
        "`driver` step control, stops and what is stored.",
        "Ratio: of the instructions of a member, numbalsoda's over ours with AVX2.",
    ]
    missing = [program for program in ("valgrind", "gcc") if shutil.which(program) is None]
    if missing:
        return Table("instructions", "Instructions of a member", [], [*remarks, f"{missing[0]} is not installed."])
    names = list(CASES)[: None if scale.everything else 1]
    rows = [row for name in names for row in _rows(name, everything=scale.everything)]
    return Table("instructions", "Instructions of a member", [*rows, *_elementary_rows()], remarks)


def _rows(name: str, *, everything: bool) -> Iterator[Row]:
    least = None
    for vectors in FEATURES if everything else ["avx2"]:
        say(f"instructions: {name}, {vectors}")
        row = our_row(name, vectors, *_ours(name, vectors))
        least = least or row["instructions per member"]
        yield row | our_parts(*_ours(name, vectors, inlined=0), row["lanes"])
    if everything and importlib.util.find_spec("numbalsoda") is not None:
        say(f"instructions: {name}, numbalsoda")
        yield _peer_row(name, least)


def our_row(name: str, vectors: str, found: Counter[str], steps: int) -> dict[str, Any]:
    """What a run of `MEMBERS` members took."""
    method, rtol, _ = PAIRS[name]
    lanes, own = chosen_shape(_target(vectors)).lanes, sum(_own(found).values())
    return {
        "case": name, "integrator": f"pkpd {method}", "vectors": vectors, "lanes": lanes, "rtol": rtol,
        "steps per member": steps / MEMBERS, "instructions per member": own / MEMBERS,
        "per step": own / steps, "per turn of all lanes": own * lanes / steps,
    }  # fmt: skip


def our_parts(found: Counter[str], steps: int, lanes: int) -> dict[str, float]:
    """The instructions of a turn of all lanes, by part."""
    own = _own(found)
    return {f"{part} per turn": sum(own[f] for f in names) * lanes / steps for part, names in PARTS.items()}


def _own(found: Counter[str]) -> Counter[str]:
    """The functions of our machine code among all of a program."""
    own = {f for names in PARTS.values() for f in names} | {f"{name}_anywhere" for name in ELEMENTARY}
    return Counter({f: count for f, count in found.items() if f in own})


def _peer_row(name: str, ours: float) -> Row:
    method = PAIRS[name][2]
    settings = {"PYTHONHASHSEED": "0", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    task = [sys.executable, "-m", "benchmarks.instructions", name, method, str(PEER_RTOL), str(PEER_MEMBERS)]
    per_member = sum(counted(task, settings).values()) / PEER_MEMBERS
    return {
        "case": name, "integrator": f"numbalsoda {method}", "rtol": PEER_RTOL, "instructions per member": per_member,
        "ratio": per_member / ours,
    }  # fmt: skip


def _elementary_rows() -> Iterator[Row]:
    """What a call of each elementary function takes for all lanes, less what the loop around it does."""
    shape, modules = chosen_shape(_target("avx2")), []
    random = np.random.default_rng(0)
    count = CALLS * shape.lanes
    x, y, out = random.uniform(0.1, 9, count), random.uniform(0.2, 3, count), np.zeros(count)
    arguments = [ctypes.c_void_p(array.ctypes.data) for array in (x, y, out)]
    for name, write in ELEMENTARY.items():
        code = machine_code(_alone(name, write, shape), _target("avx2"))
        found = counted_code(code, [(f"f_{name}", arguments)], [x, y, out])
        modules.append((name, found[f"f_{name}"] / CALLS))
    around = dict(modules)["product"] - 1
    for name, per_call in modules[:-1]:
        yield {
            "case": name, "integrator": "one call", "vectors": "avx2", "lanes": shape.lanes,
            "per turn of all lanes": per_call - around,
        }  # fmt: skip


# ---- what is counted


def _ours(name: str, vectors: str, inlined: int = Shape().inlined) -> tuple[Counter[str], int]:
    """The instructions of each function, and all steps, of what `solve` would do on one thread."""
    method, rtol, _ = PAIRS[name]
    problem, target = CASES[name].problem(MEMBERS, rtol), _target(vectors)
    shape = replace(chosen_shape(target), inlined=inlined)
    kernel, state = make_kernel(problem.model, method, shape), State.of(problem)
    workspace, order = np.zeros(kernel.size * shape.lanes), np.arange(MEMBERS)
    counters = np.array([0, 0, methods.ENDLESS])  # the next member, whether to stop, and the turns
    bare, alive = methods._arguments(problem, state, method, order, np.inf)
    following, cancel, turns = (counters[i:].ctypes.data for i in range(3))
    values = [workspace.ctypes.data, 1, turns, following, MEMBERS, bare[0], cancel, *bare[1:]]
    kinds = {"double": float, "i64": int}
    arguments = [kinds.get(str(kind), ctypes.c_void_p)(x) for kind, x in zip(ARGUMENTS.values(), values, strict=True)]
    arrays = [workspace, order, counters, state.whole, state.real, state.out, *alive[:2], *alive[2].arrays]
    found = counted_code(machine_code(str(kernel.module), target), [("run", arguments)], arrays)
    return found, int(state.whole[3].sum())


def _target(vectors: str) -> Target:
    return Target("x86_64-unknown-linux-gnu", "haswell", FEATURES[vectors], vectors)


def _alone(name: str, write: Callable[[Value, Value], Value], shape: Shape) -> str:
    """A module with a function that applies another one to rows."""
    from llvmlite import ir

    module = ir.Module(name)
    code, (px, py, out) = function(module, f"f_{name}", [shape.pointer] * 3, shape, public=True)
    x, y, result = (Rows(code, p.raw) for p in (px, py, out))
    for i in code.repeat(CALLS):
        result[i] = write(x[i], y[i])
    code.end()
    return str(module)


def _peer(name: str, method: str, rtol: str, members: str) -> None:
    from benchmarks.peers.numbalsoda_peer import prepare

    load = prepare(CASES[name], method, 1)
    load(2, float(rtol))()
    run = load(int(members), float(rtol))
    start()
    run()
    stop()


if __name__ == "__main__":
    _peer(*sys.argv[1:])
