"""Instructions that our machine code retires for a member and for a step, and numbalsoda's for the same member.

    python -m benchmarks.instructions ours CASE METHOD RTOL MEMBERS INLINED     what is counted, in a process of its own
    python -m benchmarks.instructions peer CASE METHOD RTOL MEMBERS
    python -m benchmarks.instructions elementary

valgrind counts them, which no load of the machine changes.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.callgrind import Counted, counted, start, stop
from benchmarks.cases import CASES
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Row, Table
from pkpd.solvers.compiled import methods
from pkpd.solvers.compiled.choice import chosen_shape
from pkpd.solvers.compiled.elementary import exp, log, power
from pkpd.solvers.compiled.keeping import generator, kept
from pkpd.solvers.compiled.kernels import make_kernel, recipe
from pkpd.solvers.compiled.lanes import Rows, function
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.compiled.target import machine_code, target_machine, this_target
from pkpd.solvers.solve import solve

__all__ = ["elementary_rows", "instructions_table", "symbols"]

# The method and the tolerance that the comparison sets beside numbalsoda's method at 1e-6.
PAIRS = {"tipd": ("dop853", 1e-4, "dop853"), "tmdd": ("rodas5p", 1e-5, "lsoda"), "hill": ("dop853", 1e-4, "dop853")}
PEER_RTOL = 1e-6
MEMBERS, PEER_MEMBERS = 100, 20
VECTORS = ("avx2", "sse2")  # valgrind knows no AVX-512
INLINED = Shape().inlined
# The functions of a kernel that each part consists of.
PARTS = {
    "slopes": ("rates",), "factor": ("factor",), "solve": ("solve",), "stages": ("step",),
    "driver": ("run", "hold", "changes", "dense", "prepare_dense"),
}  # fmt: skip
ELEMENTARY = {"exp": lambda x, y: exp(x), "log": lambda x, y: log(x), "power": power, "x*y": lambda x, y: x * y}
ARGUMENTS = 1024  # of each elementary function


def instructions_table(scale: Scale) -> Table:
    """Every case in the shapes that valgrind can run, its parts, and its peer; no rows without valgrind."""
    remarks = [
        f"callgrind's counts over {MEMBERS} members; of numbalsoda, {PEER_MEMBERS}, C, Fortran and its calls included. "
        "Code is that for a Haswell, which is what valgrind passes itself off as. AVX-512 is not counted: valgrind "
        "cannot run it.",
        "Parts: with slopes, LU and solutions as functions of their own, which the machine code of these cases has "
        "written out; what is not a part of its own there is in `stages`, the error estimate too. "
        "`factor` holds the first slopes, the Jacobian and the LU.",
        "Ratio: of the instructions of a member, numbalsoda's over ours with AVX2.",
    ]
    if shutil.which("valgrind") is None:
        return Table("instructions", "Instructions of a member", [], [*remarks, "valgrind is not installed."])
    with tempfile.TemporaryDirectory() as cache:
        settings = {"PKPD_CACHE": cache, "PYTHONHASHSEED": "0", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        names = list(CASES)[: None if scale.everything else 1]
        rows = [row for name in names for row in _rows(name, settings, everything=scale.everything)]
        if scale.everything:
            say("instructions: elementary functions")
            rows += elementary_rows(_counted(settings, "avx2", "elementary"))
    return Table("instructions", "Instructions of a member", rows, remarks)


def _counted(settings: Mapping[str, str], vectors: str, *task: object) -> Counted:
    command = [sys.executable, "-m", "benchmarks.instructions", *map(str, task)]
    return counted(command, {**settings, "PKPD_VECTORS": vectors})


def _rows(name: str, settings: Mapping[str, str], *, everything: bool) -> Iterator[Row]:
    method, rtol, peer = PAIRS[name]
    least = None
    for vectors in VECTORS if everything else VECTORS[:1]:
        say(f"instructions: {name}, {vectors}")
        run = _counted(settings, vectors, "ours", name, method, rtol, MEMBERS, INLINED)
        row = our_row(name, f"pkpd {method}", rtol, run)
        least = least or row["instructions per member"]
        if vectors == VECTORS[0] and everything:
            row |= our_parts(_counted(settings, vectors, "ours", name, method, rtol, MEMBERS, 0))
        yield row
    if not everything or importlib.util.find_spec("numbalsoda") is None:
        return
    say(f"instructions: {name}, numbalsoda")
    per_member = _counted(settings, "avx2", "peer", name, peer, PEER_RTOL, PEER_MEMBERS).total / PEER_MEMBERS
    yield {
        "case": name, "integrator": f"numbalsoda {peer}", "vectors": "", "rtol": PEER_RTOL,
        "instructions per member": per_member, "ratio": per_member / least,
    }  # fmt: skip


def our_row(name: str, integrator: str, rtol: float, run: Counted) -> dict[str, Any]:
    """What a run of `MEMBERS` members took."""
    steps, lanes = run.answer["steps"], run.answer["lanes"]
    own = sum(_by_function(run).values())
    return {
        "case": name, "integrator": integrator, "vectors": run.answer["vectors"], "lanes": lanes, "rtol": rtol,
        "steps per member": steps / MEMBERS, "instructions per member": own / MEMBERS,
        "per step": own / steps, "per turn of all lanes": own * lanes / steps,
    }  # fmt: skip


def our_parts(run: Counted) -> dict[str, float]:
    """The instructions of a turn of all lanes, by part."""
    own, turns = _by_function(run), run.answer["steps"] / run.answer["lanes"]
    return {f"{part} per turn": sum(own.get(f, 0) for f in functions) / turns for part, functions in PARTS.items()}


def elementary_rows(run: Counted) -> list[Row]:
    """What one call of each elementary function takes, of all lanes; less what the loop around it does."""
    own, calls = _by_function(run), ARGUMENTS / run.answer["lanes"]
    around = own["x*y"] / calls - 1
    return [
        {
            "case": name, "integrator": "pkpd", "vectors": run.answer["vectors"], "lanes": run.answer["lanes"],
            "per turn of all lanes": own[name] / calls - around,
        }
        for name in ELEMENTARY if name != "x*y"
    ]  # fmt: skip


def _by_function(run: Counted) -> dict[str, int]:
    return {name: run.between(first, first + size) for name, (first, size) in run.answer["functions"].items()}


# ---- what is counted


def _ours(name: str, method: str, rtol: str, members: str, inlined: str) -> dict[str, Any]:
    case, target = CASES[name], this_target()
    problem, shape = case.problem(int(members), float(rtol)), replace(chosen_shape(target), inlined=int(inlined))
    model, text = problem.model, recipe(problem.model, method, shape)
    # As `object_code` keeps it, which then finds it there.
    made = lambda: machine_code(str(make_kernel(model, method, shape).module), target)  # noqa: E731
    code = kept([text, repr(target), *generator()], made)
    with patch.object(methods, "_shape_and_target", lambda: (shape, target)):
        run = methods._integrator(model, method).engine.get_function_address("run")
        start()
        solution = solve(problem, method, threads=1)
        stop()
    found = symbols(code)
    functions = {f: (run + place - found["run"][0], size) for f, (place, size) in found.items()}
    return {
        "steps": int(solution.steps.sum()), "lanes": shape.lanes, "vectors": target.vectors, "functions": functions,
    }  # fmt: skip


def _peer(name: str, method: str, rtol: str, members: str) -> dict[str, Any]:
    from benchmarks.peers.numbalsoda_peer import prepare

    load = prepare(CASES[name], method, 1)
    load(2, float(rtol))()
    run = load(int(members), float(rtol))
    start()
    run()
    stop()
    return {}


def _elementary() -> dict[str, Any]:
    """A function of its own for each elementary one, over arguments that are usual in models."""
    target = this_target()
    shape = chosen_shape(target)
    random = np.random.default_rng(0)
    x, y, out = (_aligned(v) for v in (random.uniform(0.1, 9, ARGUMENTS), random.uniform(0.2, 3, ARGUMENTS), 0.0))
    functions = {}
    for name, write in ELEMENTARY.items():
        call, functions[name], _engine = _alone(write, shape)
        call(x.ctypes.data, y.ctypes.data, out.ctypes.data)
        start()
        call(x.ctypes.data, y.ctypes.data, out.ctypes.data)
        stop()
    return {"lanes": shape.lanes, "vectors": target.vectors, "functions": functions}


def _alone(write: Callable[..., Any], shape: Shape) -> tuple[Any, tuple[int, int], Any]:
    """Machine code that applies a function to rows, its place and size, and what it lives as long as."""
    from llvmlite import binding as llvm
    from llvmlite import ir

    module = ir.Module("alone")
    code, (px, py, out) = function(module, "f", [shape.pointer] * 3, shape, public=True)
    x, y, result = (Rows(code, p.raw) for p in (px, py, out))
    for i in code.each(ARGUMENTS // shape.lanes):
        result[i] = write(x[i], y[i])
    code.end()
    made = machine_code(str(module), this_target())
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine(this_target()))
    engine.add_object_file(llvm.ObjectFileRef.from_data(made))
    engine.finalize_object()
    place = engine.get_function_address("f")
    _ENGINES.append(engine)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(place), (place, symbols(made)["f"][1]), engine


_ENGINES: list[Any] = []  # machine code that is gone may leave its place to other code


def _aligned(values: Any) -> Any:
    room = np.empty(ARGUMENTS + 8)
    first = (-room.ctypes.data % 64) // 8
    place = room[first : first + ARGUMENTS]
    place[:] = values
    return place


def symbols(code: bytes) -> dict[str, tuple[int, int]]:
    """The functions of object code in ELF with 64 bits: where they begin in their section, and their sizes.

    Source: Tool Interface Standard, Executable and Linking Format (ELF), version 1.2, with the fields of ELF-64.
    """
    (headers,) = struct.unpack_from("<Q", code, 40)
    size, count = struct.unpack_from("<HH", code, 58)
    sections = [struct.unpack_from("<IIQQQQII", code, headers + i * size) for i in range(count)]
    found = {}
    for _, kind, _, _, offset, length, link, _ in sections:
        if kind != 2:  # a table of symbols
            continue
        names = code[sections[link][4] : sections[link][4] + sections[link][5]]
        for at in range(offset, offset + length, 24):
            name, info, _, _, value, extent = struct.unpack_from("<IBBHQQ", code, at)
            if info & 15 == 2:  # a function
                found[names[name : names.index(b"\0", name)].decode()] = (value, extent)
    return found


if __name__ == "__main__":
    tasks: dict[str, Callable[..., dict[str, Any]]] = {"ours": _ours, "peer": _peer, "elementary": _elementary}
    answer = tasks[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)  # without the interpreter's end, which valgrind makes slow
