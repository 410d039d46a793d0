"""A card that is not there: a library with the functions of NVIDIA's driver that runs PTX on this processor."""

from __future__ import annotations

import ctypes
import hashlib
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ptx_simulator import simulated

from pkpd.solvers.compiled import cuda, gpu

SOURCE = Path(__file__).with_name("fake_cuda.c")
LOADER = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_char_p, *[ctypes.POINTER(k) for k in (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)],
    ctypes.POINTER(ctypes.c_char),
)  # fmt: skip


@dataclass
class FakeCuda:
    """The library, and what may be told to it."""

    folder: Path
    library: Any
    kernels: dict[str, Any] = field(default_factory=dict)
    refused: str = ""

    def set(self, **values: int) -> None:
        """``memory``, ``processors``, ``major``, ``minor`` or ``devices`` of the card."""
        for name, value in values.items():
            kind = ctypes.c_size_t if name == "memory" else ctypes.c_int
            kind.in_dll(self.library, f"fake_{name}").value = value

    def fail(self, name: str, code: int) -> None:
        """The next call of this function returns `code`."""
        self.set(code=code)
        (ctypes.c_char * 64).in_dll(self.library, "fake_failing").value = name.encode()

    @property
    def rooms(self) -> int:
        """The allocations that are not given back."""
        return int(self.library.fake_rooms())

    def load(self, text: bytes, launch: Any, arguments: Any, local: Any, log: Any) -> int:
        """What the driver's compiler does."""
        if self.refused:
            ctypes.memmove(log, self.refused.encode() + b"\0", len(self.refused) + 1)
            return 218
        name = hashlib.sha256(text).hexdigest()[:16]
        if name not in self.kernels:
            self.kernels[name] = simulated(text.decode(), self.folder, name)
        kernel = self.kernels[name]
        launch[0] = ctypes.cast(kernel.launch, ctypes.c_void_p).value
        arguments[0] = len(set(re.findall(rb"\brun_param_\d+", text)))
        local[0] = kernel.local_bytes()
        return 0


def fake_cuda(folder: Path) -> FakeCuda:
    """The library, compiled by gcc into `folder`; one for all tests of a process."""
    path = folder / "libcuda.so.1"
    options = ["-O1", "-w", "-shared", "-fPIC", "-pthread"]
    subprocess.run(["gcc", *options, "-o", str(path), str(SOURCE)], check=True)
    fake = FakeCuda(folder, ctypes.CDLL(str(path)))
    fake.loader = LOADER(fake.load)  # type: ignore[attr-defined]  # lives as long as the library
    fake.library.fake_loader(fake.loader)  # type: ignore[attr-defined]
    return fake


def forget_cards(patch: pytest.MonkeyPatch, library: str) -> None:
    """Look for the driver under another name, and open it anew."""
    patch.setattr(cuda, "LIBRARY", library)
    cuda.open_card.cache_clear()
    gpu._loaded.cache_clear()
