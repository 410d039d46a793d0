"""From a kernel to machine code, kept on disk.

What is kept is plain object code under a name that is a digest of all it was made from:
the model's equations, the method, this package's generator, LLVM and the processor.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from pkpd.solvers.compiled.frame import ARGUMENTS
from pkpd.solvers.compiled.keeping import generator, kept
from pkpd.solvers.compiled.target import Target, machine_code, target_machine

__all__ = ["Integrator", "object_code"]


class Integrator(NamedTuple):
    """A function ``run``, the rows and lanes of its workspace, and what it says of its method and of its lanes.

    The machine code lives as long as the `engine` that loaded it: keep this while ``run`` runs.
    """

    run: Any
    rows: int
    lanes: int
    method: str
    side_by_side: str
    engine: Any


def object_code(recipe: str, build: Callable[[], str], target: Target) -> Integrator:
    """The function ``run`` of the module whose LLVM text `build` returns.

    Parameters
    ----------
    recipe
        All that the text depends on, but for the code of this package.
    build
        Called only where the machine code is not kept already.
    target
        The processor, which must be able to run what is made for it.
    """
    return _loaded(kept([recipe, repr(target), *generator()], lambda: machine_code(build(), target)), target)


def _loaded(code: bytes, target: Target) -> Integrator:
    from llvmlite import binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine(target))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kinds: dict[str, Any] = {"double": ctypes.c_double, "i64": ctypes.c_int64}
    arguments = [kinds.get(str(kind), ctypes.c_void_p) for kind in ARGUMENTS.values()]
    run = ctypes.CFUNCTYPE(None, *arguments)(engine.get_function_address("run"))
    rows, lanes = (ctypes.c_int64.from_address(engine.get_global_value_address(n)).value for n in ("rows", "lanes"))
    method = ctypes.string_at(engine.get_global_value_address("method")).decode()
    side_by_side = f"{lanes} lane{'s' * (lanes > 1)} of {target.vectors}"
    return Integrator(run, rows, lanes, method, side_by_side, engine)
