"""From a kernel to machine code, kept on disk.

What is kept is plain object code under a name that is a digest of all it was made from:
the model's equations, the method, this package's generator, LLVM and the processor.  To
run it is to trust it, so it is read only from a folder that belongs to this user and
that no one else can write to; the digest of its bytes guards against a torn file.  The
folder is safe to delete at any time.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pkpd.solvers.compiled.frame import ARGUMENTS
from pkpd.solvers.compiled.target import Target, machine_code, target_machine

__all__ = ["Integrator", "cache_folder", "object_code"]

DIGEST = 32
FURTHER_SOURCES = ("tableaus.py", "equations/derivatives.py", "equations/system.py")  # that decide on machine code


class Integrator(NamedTuple):
    """A function ``run``, the rows and lanes of the workspace that it needs, and what it says of its method.

    The machine code lives as long as the `engine` that loaded it: keep this while ``run`` runs.
    """

    run: Any
    rows: int
    lanes: int
    method: str
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
    name = hashlib.sha256("\0".join([recipe, repr(target), *_surroundings()]).encode()).hexdigest()
    folder = cache_folder()
    kept = _read(folder / name) if folder else None
    if kept is None:
        kept = machine_code(build(), target)
        if folder:
            _write(folder / name, kept)
    return _loaded(kept, target)


@lru_cache(maxsize=1)
def _surroundings() -> tuple[str, ...]:
    """What else machine code depends on: LLVM, sympy and this room's code."""
    import llvmlite
    import sympy

    room = Path(__file__).parent
    sources = [*sorted(room.glob("*.py")), *(room.parent / name for name in FURTHER_SOURCES)]
    code = hashlib.sha256(b"\0".join(p.read_bytes() for p in sources)).hexdigest()
    # As imported: the files may have been edited since, and code called with other arguments would crash.
    call = ", ".join(f"{name}: {kind}" for name, kind in ARGUMENTS.items())
    return (code, call, llvmlite.__version__, sympy.__version__)


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
    return Integrator(run, rows, lanes, method, engine)


# ---- the folder


def cache_folder() -> Path | None:
    """Where machine code is kept: ``PKPD_CACHE``, or ``pkpd`` in the user's cache folder.

    None where that folder cannot be made, or is not this user's alone.
    """
    base = os.environ.get("PKPD_CACHE")
    default = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) if base else Path(default) / "pkpd"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
    except OSError:
        return None
    private = not hasattr(os, "getuid") or (about.st_uid == os.getuid() and not about.st_mode & 0o077)
    return folder if stat.S_ISDIR(about.st_mode) and private else None


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, code = content[:DIGEST], content[DIGEST:]
    return code if hashlib.sha256(code).digest() == digest else None


def _write(path: Path, code: bytes) -> None:
    """Write under another name and rename, so that no other process sees a part of it."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(temporary, path)
    except OSError:
        return
