"""Count instructions by valgrind's callgrind, of nothing but what is asked for.

Our machine code is called by a program of a few lines of C, so that no Python runs under valgrind. A peer is counted in
its own Python between `start` and `stop`, which are a sequence of instructions that does nothing on a processor.

Source of the sequence and of the numbers of the requests: the manual of valgrind 3, "The client request mechanism",
and its headers ``valgrind.h`` and ``callgrind.h``.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["counted", "counted_code", "per_function", "start", "stop"]

START, STOP = 0x43540004, 0x43540005
# mov rax, rdi; xor edx, edx; rol rdi by 3, 13, 61 and 51; xchg rbx, rbx; mov rax, rdx; ret
REQUEST = bytes.fromhex("4889f831d248c1c70348c1c70d48c1c73d48c1c7334887db4889d0c3")
ROOT = Path(__file__).parent.parent
PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>
static const long sizes[] = {%(sizes)s};
static char *a[sizeof sizes / sizeof *sizes];
%(declared)s
int main(void) {
    FILE *file = fopen("arrays", "r+");
    for (unsigned long i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        a[i] = aligned_alloc(64, (sizes[i] + 64) / 64 * 64);
        if (fread(a[i], 1, sizes[i], file) != (unsigned long)sizes[i]) return 1;
    }
    %(calls)s
    rewind(file);
    for (unsigned long i = 0; i < sizeof sizes / sizeof *sizes; i++) fwrite(a[i], 1, sizes[i], file);
    return fclose(file);
}
"""


def counted_code(code: bytes, calls: Sequence[tuple[str, Sequence[Any]]], arrays: Sequence[Any]) -> Counter[str]:
    """The instructions of each function of object code, which is called as asked for and changes `arrays`.

    Parameters
    ----------
    calls
        Functions, and their arguments: a real or a whole number, or an address in one of `arrays` as `ctypes.c_void_p`.
    """
    declared = {f: ", ".join(_kind(x) for x in arguments) for f, arguments in calls}
    text = PROGRAM % {
        "sizes": ", ".join(str(array.nbytes) for array in arrays),
        "declared": "\n".join(f"void {f}({kinds});" for f, kinds in declared.items()),
        "calls": "\n    ".join(f"{f}({', '.join(_written(x, arrays) for x in arguments)});" for f, arguments in calls),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "calls.c").write_text(text)
        (folder / "code.o").write_bytes(code)
        (folder / "arrays").write_bytes(b"".join(array.tobytes() for array in arrays))
        _run(["gcc", "-O1", "-no-pie", "-o", "calls", "calls.c", "code.o", "-lm"], folder, {})
        found = counted(["./calls"], {}, folder, at_start=True)
        content = (folder / "arrays").read_bytes()
    for array in arrays:
        array.ravel()[:] = np.frombuffer(content[: array.nbytes], array.dtype)
        content = content[array.nbytes :]
    return found


def _kind(x: Any) -> str:
    return {float: "double", int: "long"}.get(type(x), "void *")


def _written(x: Any, arrays: Sequence[Any]) -> str:
    if not isinstance(x, ctypes.c_void_p):
        return repr(x) if isinstance(x, int) or np.isfinite(x) else "1.0/0.0"
    place = x.value or 0
    for i, array in enumerate(arrays):
        if 0 <= place - array.ctypes.data < array.nbytes:
            return f"a[{i}] + {place - array.ctypes.data}"
    return "0"


def start() -> None:
    """Count from here on; nothing where valgrind does not run this process."""
    _ask(START)


def stop() -> None:
    """Count no more."""
    _ask(STOP)


def _ask(request: int) -> None:
    words = (ctypes.c_uint64 * 6)(request)
    _asking()[0](ctypes.addressof(words))


@lru_cache(maxsize=1)
def _asking() -> tuple[Any, mmap.mmap]:
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(REQUEST)
    place = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(place), page


def counted(
    task: Sequence[str], settings: Mapping[str, str], folder: Path = ROOT, *, at_start: bool = False
) -> Counter[str]:
    """Run a process under callgrind, from its start or when it asks; the instructions of each of its functions."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "callgrind.out"
        count = ["valgrind", "--tool=callgrind", f"--instr-atstart={'yes' if at_start else 'no'}"]
        _run([*count, f"--callgrind-out-file={out}", *task], folder, settings)
        return per_function(out.read_text().splitlines())


def _run(task: Sequence[str], folder: Path, settings: Mapping[str, str]) -> None:
    done = subprocess.run(task, env={**os.environ, **settings}, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(task)}: {done.stderr[-1000:]}")


def per_function(lines: Iterable[str]) -> Counter[str]:
    """The instructions of each function, from the lines of callgrind's file, less what it calls."""
    found: Counter[str] = Counter()
    names: dict[str, str] = {}
    function, called = "", False
    for line in lines:
        named = re.match(r"(c?fn)=(\(\d+\))(?: (.*))?$", line)
        if named is not None:
            if named[3]:
                names[named[2]] = named[3]
            function = names[named[2]] if named[1] == "fn" else function
        elif line.startswith("calls="):
            called = True
        else:
            cost = re.match(r"(?:[+-]?\d+|\*) (\d+)$", line)
            if cost is not None and not called:
                found[function] += int(cost[1])
            called = called and cost is None
    return found
