"""From a kernel to PTX, the text that the driver of an NVIDIA card compiles onward; kept on disk.

It is the writer of the processor's code that writes it, with one lane: a thread has one
member at a time.  Every addition, subtraction and product is given a rounding, which keeps
the driver from fusing any: the bits of a result are those of this text, whatever the card,
and those of any processor that adds a product without rounding it (`Shape.fused`).

Experimental: nothing has run on a card.  The text is assembled by ``ptxas``, and run on the
processor by a simulator (tests/ptx_simulator.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pkpd.errors import ModelError
from pkpd.solvers.compiled.expressions import LIBRARY
from pkpd.solvers.compiled.keeping import generator, kept
from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.kernels import make_kernel, recipe
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.equations.system import System

__all__ = ["CALLS", "REGISTERS", "DeviceCode", "device_code"]

# Ampere and later: the driver compiles onward, and numbers of 64 bits need nothing newer.
TRIPLE, PROCESSOR, VERSION = "nvptx64-nvidia-cuda", "sm_80", "+ptx70"
WITHOUT_END = 10**9
# All in one function whose workspace is registers; or calls, loops and a workspace in the thread's local memory.
REGISTERS = Shape(lanes=1, unroll=WITHOUT_END, inlined=WITHOUT_END, private=True)
CALLS = Shape(lanes=1, unroll=0, inlined=0, private=True)
MOST_WRITTEN_OUT = 14_000  # instructions of LLVM in one function: up to there LLVM and ptxas take 1 to 3 s


@dataclass(frozen=True)
class DeviceCode:
    """The text of a module with the kernel ``run``.

    Attributes
    ----------
    ptx
        The text.
    method
        What integrates.
    form
        ``"registers"``, or ``"calls"`` for a large model.
    """

    ptx: str
    method: str
    form: str


def device_code(model: System, method: str) -> DeviceCode:
    """The PTX of `model` with one of `COMPILED_METHODS`, read from disk where it is kept.

    Raises
    ------
    ModelError
        If the model holds a function that has no form on a device; the message names it.
    """
    forms = [recipe(model, method, shape) for shape in (REGISTERS, CALLS)]
    text = kept(["PTX", str(MOST_WRITTEN_OUT), *forms, *generator()], lambda: _text(model, method).encode()).decode()
    form, described = re.findall(r"^// (\S+): (.*)$", text, re.MULTILINE)[0]
    return DeviceCode(text, described, form)


def _text(model: System, method: str) -> str:
    """The PTX, after a line that says its form and its method."""
    kernel, form = _kernel(model, method, REGISTERS), "registers"
    if _written_out(kernel) > MOST_WRITTEN_OUT:
        kernel, form = _kernel(model, method, CALLS), "calls"
    _refuse_library(model.name, kernel)
    described = bytes(kernel.module.globals["method"].initializer.constant).rstrip(b"\0").decode()
    return f"// {form}: {described}\n{_compiled(kernel, inline=form == 'registers')}"


def _kernel(model: System, method: str, shape: Shape) -> Kernel:
    try:
        return make_kernel(model, method, shape)
    except ModelError as error:
        raise ModelError(f"{model.name} cannot run on a GPU: {error}") from None


def _refuse_library(name: str, kernel: Kernel) -> None:
    """A function of the C library has no counterpart on a device."""
    names = {c_name: sympy_name for sympy_name, c_name in LIBRARY.items()}
    used = sorted(names[f.name] for f in kernel.module.functions if f.name in names)
    if used:
        raise ModelError(
            f"{name} cannot run on a GPU: the function {', '.join(used)} has no form there; use device='cpu'."
        )


def _written_out(kernel: Kernel) -> int:
    """The instructions of ``run`` with every function written out wherever it is called."""

    @cache
    def size(name: str) -> int:
        instructions = [i for block in kernel.module.globals[name].blocks for i in block.instructions]
        callees = [i.callee.name for i in instructions if hasattr(i, "callee") and not i.callee.is_declaration]
        return len(instructions) + sum(map(size, callees))

    return size("run")


def _compiled(kernel: Kernel, *, inline: bool) -> str:
    from llvmlite import binding as llvm

    target = _target()
    module = kernel.module
    module.triple, module.data_layout = TRIPLE, str(target.target_data)
    module.globals["run"].calling_convention = "ptx_kernel"
    for function in module.functions:
        if inline and "noinline" in function.attributes:
            function.attributes.discard("noinline")
            function.attributes.add("alwaysinline")
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    passes = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(parsed, passes)
    return re.sub(r"\b(add|sub|mul)\.f64\b", r"\1.rn.f64", target.emit_assembly(parsed))


def _target() -> Any:
    from llvmlite import binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(TRIPLE).create_target_machine(cpu=PROCESSOR, features=VERSION, opt=3)
