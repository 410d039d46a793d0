"""From a kernel to machine code, kept on disk.

What is kept is plain object code under a name that is a digest of all it was made from:
the model's equations, the method, this package's generator, LLVM and the processor.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pkpd.solvers.compiled.frame import ARGUMENTS
from pkpd.solvers.compiled.keeping import generator, kept

__all__ = ["Integrator", "object_code"]

LONG_TEXT = 1_000_000  # characters


def _target(effort: int = 2) -> Any:
    """This processor; a new one each time, because an engine takes what it is given for its own."""
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(),
        opt=effort, reloc="default", codemodel="jitdefault", jit=True,
    )  # fmt: skip


class Integrator(NamedTuple):
    """A function ``run``, the rows and lanes of the workspace that it needs, and what it says of its method.

    The machine code lives as long as the `engine` that loaded it: keep this while ``run`` runs.
    """

    run: Any
    rows: int
    lanes: int
    method: str
    engine: Any


def object_code(recipe: str, build: Callable[[], str]) -> Integrator:
    """The function ``run`` of the module whose LLVM text `build` returns.

    Parameters
    ----------
    recipe
        All that the text depends on, but for the code of this package.
    build
        Called only where the machine code is not kept already.
    """
    return _loaded(kept([recipe, *_surroundings()], lambda: _compile(build())))


@lru_cache(maxsize=1)
def _surroundings() -> tuple[str, ...]:
    """What else machine code depends on: the processor, LLVM, sympy and this room's code."""
    from llvmlite import binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    return (*generator(), _target().triple, llvm.get_host_cpu_name(), features)


def _compile(text: str) -> bytes:
    from llvmlite import binding as llvm

    # In a very long function LLVM's scheduler takes most of the time and gains little.
    target = _target(2 if len(text) < LONG_TEXT else 1)
    module = llvm.parse_assembly(text)
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    passes = llvm.create_pass_builder(target, tuning)
    passes.getModulePassManager().run(module, passes)
    return bytes(target.emit_object(module))


def _loaded(code: bytes) -> Integrator:
    from llvmlite import binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kinds: dict[str, Any] = {"double": ctypes.c_double, "i64": ctypes.c_int64}
    arguments = [kinds.get(str(kind), ctypes.c_void_p) for kind in ARGUMENTS.values()]
    run = ctypes.CFUNCTYPE(None, *arguments)(engine.get_function_address("run"))
    rows, lanes = (ctypes.c_int64.from_address(engine.get_global_value_address(n)).value for n in ("rows", "lanes"))
    method = ctypes.string_at(engine.get_global_value_address("method")).decode()
    return Integrator(run, rows, lanes, method, engine)
