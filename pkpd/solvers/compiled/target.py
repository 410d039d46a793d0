"""The processor that machine code is made for, and LLVM's part in making it.

``PKPD_VECTORS`` narrows this processor's vectors to those of another: ``avx2`` on one with
AVX-512, ``sse2`` on any x86.  It is there to test and to measure, as is ``PKPD_LANES``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pkpd.errors import unknown_name

__all__ = ["Target", "assembly", "machine_code", "target_machine", "this_target"]

X86 = ("x86_64", "amd64", "i386", "i686")
LONG_TEXT = 1_000_000  # characters
# The kinds of vectors, the widest first, each with the LLVM feature that must be there, and with the beginnings of
# those that a processor without wider ones lacks.
X86_VECTORS = {"avx512": "avx512f", "avx2": "avx2", "sse2": "sse2"}
WIDER = {
    "avx512": (), "avx2": ("avx512", "avx10", "amx"), "sse2": ("avx", "amx", "fma", "f16c", "xop", "vaes", "vpclmul"),
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A processor, as LLVM knows it.

    Attributes
    ----------
    triple, cpu, features
        LLVM's words; `features` are those that differ from the usual ones of `cpu`, ``+this,-that``.
    vectors
        The widest vectors it has: ``avx512``, ``avx2``, ``sse2``, ``neon`` or ``other``.
    """

    triple: str
    cpu: str
    features: str
    vectors: str

    @property
    def fuses(self) -> bool:
        """Whether it multiplies and adds with one rounding in one instruction."""
        return "+fma," in f"{self.features}," if self.triple.startswith(X86) else self.vectors == "neon"


def this_target() -> Target:
    """This processor, with its vectors narrowed where ``PKPD_VECTORS`` asks for it.

    Raises
    ------
    UnknownNameError
        If it has no vectors of that name.
    """
    return _narrowed(os.environ.get("PKPD_VECTORS", ""))


@lru_cache(maxsize=8)
def _narrowed(vectors: str) -> Target:
    from llvmlite import binding as llvm

    features = llvm.get_host_cpu_features()
    triple, cpu = llvm.get_default_triple(), llvm.get_host_cpu_name()
    kinds = _kinds(triple, features)
    if not vectors:
        return Target(triple, cpu, features.flatten(), kinds[0])
    if vectors not in kinds:
        raise unknown_name("this processor", "vector extension", vectors, kinds)
    for name in features:
        if name.startswith(WIDER.get(vectors, ())):
            features[name] = False
    return Target(triple, cpu, features.flatten(), vectors)


def _kinds(triple: str, features: dict[str, bool]) -> list[str]:
    """The kinds of vectors that a processor has, the widest first."""
    if triple.startswith(X86):
        return [kind for kind, needed in X86_VECTORS.items() if kind == "sse2" or features.get(needed)]
    return ["neon"] if triple.startswith(("aarch64", "arm64")) else ["other"]


def target_machine(target: Target, effort: int = 2) -> Any:
    """LLVM's back end; a new one each time, because an engine takes what it is given for its own."""
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return _machine(target, effort, codemodel="jitdefault", jit=True)


def _machine(target: Target, effort: int, **options: Any) -> Any:
    from llvmlite import binding as llvm

    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=effort, reloc="default", **options
    )


def machine_code(text: str, target: Target) -> bytes:
    """LLVM text as object code."""
    # In a very long function LLVM's scheduler takes most of the time and gains little.
    machine = target_machine(target, 2 if len(text) < LONG_TEXT else 1)
    return bytes(machine.emit_object(_optimized(text, machine)))


def assembly(text: str, target: Target) -> str:
    """LLVM text as assembly, of any processor that LLVM knows: to be looked at."""
    from llvmlite import binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = _machine(target, 2, codemodel="default")
    return str(machine.emit_assembly(_optimized(text, machine, target.triple)))


def _optimized(text: str, machine: Any, triple: str | None = None) -> Any:
    from llvmlite import binding as llvm

    module = llvm.parse_assembly(text)
    if triple is not None:
        module.triple, module.data_layout = triple, str(machine.target_data)
    module.verify()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    return module
