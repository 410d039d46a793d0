"""What was made for a model is kept on disk, under a digest of all it was made from.

To run it is to trust it, so it is read only from a folder that belongs to this user and
that no one else can write to; the digest of its bytes guards against a torn file.  The
folder is safe to delete at any time.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from pkpd.solvers.compiled.frame import ARGUMENTS

__all__ = ["cache_folder", "generator", "kept"]

DIGEST = 32
FURTHER_SOURCES = ("tableaus.py", "equations/derivatives.py", "equations/system.py")  # that decide on machine code


def kept(recipe: Iterable[str], build: Callable[[], bytes]) -> bytes:
    """What `build` makes, which is called only where it is not kept already.

    Parameters
    ----------
    recipe
        All that it depends on.
    """
    name = hashlib.sha256("\0".join(recipe).encode()).hexdigest()
    folder = cache_folder()
    content = _read(folder / name) if folder else None
    if content is None:
        content = build()
        if folder:
            _write(folder / name, content)
    return content


@lru_cache(maxsize=1)
def generator() -> tuple[str, ...]:
    """What code depends on besides a kernel's recipe and its target: LLVM, sympy and this room's code."""
    import llvmlite
    import sympy

    room = Path(__file__).parent
    sources = [*sorted(room.glob("*.py")), *(room.parent / name for name in FURTHER_SOURCES)]
    code = hashlib.sha256(b"\0".join(p.read_bytes() for p in sources)).hexdigest()
    # As imported: the files may have been edited since, and code called with other arguments would crash.
    call = ", ".join(f"{name}: {kind}" for name, kind in ARGUMENTS.items())
    return (code, call, llvmlite.__version__, sympy.__version__)


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
