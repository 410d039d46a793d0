"""Count instructions by valgrind's callgrind, of nothing but what stands between `start` and `stop`.

A process under valgrind asks for it by a sequence of instructions that does nothing on a processor, and that valgrind
knows; before and after, nothing is counted.

Source of the sequence and the numbers of the requests: the manual of valgrind 3, "The client request mechanism", and its
headers ``valgrind.h`` and ``callgrind.h``.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["Counted", "counted", "per_address", "start", "stop"]

START, STOP = 0x43540004, 0x43540005
# mov rax, rdi; xor edx, edx; rol rdi by 3, 13, 61 and 51; xchg rbx, rbx; mov rax, rdx; ret
REQUEST = bytes.fromhex("4889f831d248c1c70348c1c70d48c1c73d48c1c7334887db4889d0c3")
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Counted:
    """What a process answered (the last line that it printed, JSON), and the instructions that it retired.

    Attributes
    ----------
    instructions
        By address; those of libraries by their place in the library.
    total
        Of all.
    """

    answer: Any
    instructions: Mapping[int, int]
    total: int

    def between(self, first: int, end: int) -> int:
        return sum(count for address, count in self.instructions.items() if first <= address < end)


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


def counted(task: Sequence[str], settings: Mapping[str, str]) -> Counted:
    """Run a process under callgrind."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        count = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-instr=yes"]
        done = subprocess.run(
            [*count, f"--callgrind-out-file={out}", *task],
            env={**os.environ, **settings}, cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode or not out.exists():
            raise RuntimeError(f"{' '.join(task)} under valgrind: {done.stderr[-1000:]}")
        instructions = per_address(out.read_text().splitlines())
    return Counted(json.loads(done.stdout.splitlines()[-1]), instructions, sum(instructions.values()))


def per_address(lines: Iterable[str]) -> Counter[int]:
    """The instructions at each address, from the lines of callgrind's file; what a call took in all is not among them."""
    found: Counter[int] = Counter()
    address, called = 0, False
    for line in lines:
        if line.startswith("calls="):
            called = True
            continue
        cost = re.match(r"(0x[0-9a-f]+|[+-]\d+|\*) \S+ (\d+)$", line)
        if cost is None:
            continue
        place = cost[1]
        address = int(place, 16) if place.startswith("0x") else address + (0 if place == "*" else int(place))
        if not called:
            found[address] += int(cost[2])
        called = False
    return found
