"""The driver of NVIDIA's cards through ctypes: a library that comes with it, and no package.

Source: NVIDIA, CUDA Driver API (docs.nvidia.com/cuda/cuda-driver-api); all names of
functions and numbers of attributes, options and errors are those of ``cuda.h``.

Experimental: no function here has been called on a card.  Tests call a library of the same
functions that runs on the processor (tests/fake_cuda.py).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pkpd.arrays import Array, Index
from pkpd.errors import SimulationError

__all__ = ["OUT_OF_MEMORY", "Card", "CudaError", "Program", "open_card"]

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
OUT_OF_MEMORY, NOT_READY = 2, 600
LEAST_CAPABILITY = (8, 0)  # Ampere, which the PTX is written for
THREADS_PER_PROCESSOR, PROCESSORS, MAJOR, MINOR = 39, 16, 75, 76  # CUdevice_attribute
LOCAL_BYTES, REGISTERS = 3, 4  # CUfunction_attribute
ERROR_LOG, ERROR_LOG_BYTES = 5, 6  # CUjit_option
NON_BLOCKING = 1  # CUstream_flags: copies do not wait for what runs there
DEFAULT_STREAM = None  # that of the copies
LOG_BYTES = 8192

_Int, _Size, _Pointer, _Address, _Text = (
    ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p,
)  # fmt: skip


def _to(kind: Any) -> Any:
    return ctypes.POINTER(kind)


SIGNATURES: dict[str, list[Any]] = {
    "cuInit": [ctypes.c_uint],
    "cuGetErrorString": [_Int, _to(_Text)],
    "cuDriverGetVersion": [_to(_Int)],
    "cuDeviceGet": [_to(_Int), _Int],
    "cuDeviceGetName": [_Pointer, _Int, _Int],
    "cuDeviceGetAttribute": [_to(_Int), _Int, _Int],
    "cuDevicePrimaryCtxRetain": [_to(_Pointer), _Int],
    "cuCtxSetCurrent": [_Pointer],
    "cuMemGetInfo_v2": [_to(_Size), _to(_Size)],
    "cuModuleLoadDataEx": [_to(_Pointer), _Text, ctypes.c_uint, _to(_Int), _to(_Pointer)],
    "cuModuleGetFunction": [_to(_Pointer), _Pointer, _Text],
    "cuFuncGetAttribute": [_to(_Int), _Int, _Pointer],
    "cuOccupancyMaxActiveBlocksPerMultiprocessor": [_to(_Int), _Pointer, _Int, _Size],
    "cuMemAlloc_v2": [_to(_Address), _Size],
    "cuMemFree_v2": [_Address],
    "cuMemcpyHtoD_v2": [_Address, _Pointer, _Size],
    "cuMemcpyDtoH_v2": [_Pointer, _Address, _Size],
    "cuStreamCreate": [_to(_Pointer), ctypes.c_uint],
    "cuStreamQuery": [_Pointer],
    "cuStreamSynchronize": [_Pointer],
    "cuStreamDestroy_v2": [_Pointer],
    "cuLaunchKernel": [_Pointer, *[ctypes.c_uint] * 7, _Pointer, _to(_Pointer), _to(_Pointer)],
}


class CudaError(SimulationError):
    """The driver refused something.

    Attributes
    ----------
    code
        The number of its error.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, eq=False)
class Driver:
    """The functions of the library by name; a result that is no success raises."""

    library: Any

    @classmethod
    def loaded(cls) -> Driver:
        """That of this machine.

        Raises
        ------
        SimulationError
            If there is none.
        """
        try:
            library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise SimulationError(
                f"device='gpu' needs an NVIDIA card and its driver: looked for {LIBRARY}, which comes with the driver, "
                f"and could not load it ({error}). Install the driver (`nvidia-smi` then lists the card), or use "
                "device='cpu'."
            ) from None
        for name, kinds in SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = kinds, _Int
        return cls(library)

    def __call__(self, name: str, *arguments: Any) -> None:
        code = getattr(self.library, name)(*arguments)
        if code:
            raise CudaError(f"{name} of the GPU's driver failed: {self._sentence(code)} (error {code}).", code)

    def ready(self, stream: Any) -> bool:
        """Whether all that was begun on a stream is done."""
        code = self.library.cuStreamQuery(stream)
        if code not in (0, NOT_READY):
            raise CudaError(f"the integration failed on the GPU: {self._sentence(code)} (error {code}).", code)
        return bool(code == 0)

    def _sentence(self, code: int) -> str:
        words = _Text()
        self.library.cuGetErrorString(code, ctypes.byref(words))
        return (words.value or b"unknown error").decode()

    def number(self, name: str, *arguments: Any, kind: Any = _Int) -> Any:
        """What a function writes to where its first argument points."""
        result = kind()
        self(name, ctypes.byref(result), *arguments)
        return result.value


@dataclass(frozen=True)
class Program:
    """A kernel on a card.

    Attributes
    ----------
    function
        Its handle; the module lives as long as the process.
    registers, local_bytes
        Of a thread.
    """

    function: int
    registers: int
    local_bytes: int


@dataclass(frozen=True, eq=False)
class Card:
    """A card that is ready to compute; see `open_card`.

    Attributes
    ----------
    name
        As its maker calls it.
    capability
        Its compute capability, major and minor.
    processors, threads
        The number of multiprocessors, and the threads that one of them can hold.
    driver_version
        The CUDA version of the driver, as 12040 for 12.4.
    """

    driver: Driver
    context: int
    name: str
    capability: tuple[int, int]
    processors: int
    threads: int
    driver_version: int

    def use(self) -> None:
        """Make its context that of the calling thread, as every other verb needs it."""
        self.driver("cuCtxSetCurrent", self.context)

    def free_memory(self) -> int:
        """Bytes."""
        free, total = _Size(), _Size()
        self.driver("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return int(free.value)

    def load(self, ptx: str) -> Program:
        """Compile the kernel ``run`` for this card; the driver keeps what it compiles, in ~/.nv/ComputeCache."""
        driver, log = self.driver, ctypes.create_string_buffer(LOG_BYTES)
        options = (_Int * 2)(ERROR_LOG, ERROR_LOG_BYTES)
        values = (_Pointer * 2)(ctypes.addressof(log), LOG_BYTES)
        try:
            module = driver.number("cuModuleLoadDataEx", ptx.encode(), 2, options, values, kind=_Pointer)
        except CudaError as error:
            told = log.value.decode(errors="replace").strip()
            raise CudaError(f"{error} {told}".strip(), error.code) from None
        function = driver.number("cuModuleGetFunction", module, b"run", kind=_Pointer)
        registers, local = (driver.number("cuFuncGetAttribute", i, function) for i in (REGISTERS, LOCAL_BYTES))
        return Program(function, registers, local)

    def resident_blocks(self, program: Program, threads: int) -> int:
        """How many blocks of this many threads the whole card can hold at a time."""
        name = "cuOccupancyMaxActiveBlocksPerMultiprocessor"
        blocks: int = self.driver.number(name, program.function, threads, 0)
        return max(1, blocks) * self.processors

    @contextmanager
    def allocated(self, sizes: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Room of so many bytes each, given back at the end: the addresses by name."""
        with ExitStack() as stack:
            places = {}
            for name, size in sizes.items():
                places[name] = self.driver.number("cuMemAlloc_v2", max(8, size), kind=_Address)
                stack.callback(self.driver.library.cuMemFree_v2, places[name])  # whatever has happened to the card
            yield places

    def put(self, place: int, array: Array | Index) -> None:
        """Copy a contiguous array to the card."""
        self.driver("cuMemcpyHtoD_v2", place, array.ctypes.data, array.nbytes)

    def get(self, place: int, array: Array | Index) -> None:
        """Copy from the card into a contiguous array."""
        self.driver("cuMemcpyDtoH_v2", array.ctypes.data, place, array.nbytes)

    @contextmanager
    def launched(
        self, program: Program, arguments: Sequence[int | float], blocks: int, threads: int
    ) -> Iterator[Callable[[], bool]]:
        """Begin to run a kernel: a function that tells whether it is done; at the end it is waited for.

        Meanwhile `put` and `get` do not wait for it.
        """
        cells = [ctypes.c_double(x) if isinstance(x, float) else ctypes.c_int64(x) for x in arguments]
        table = (_Pointer * len(cells))(*(ctypes.addressof(cell) for cell in cells))
        stream = self.driver.number("cuStreamCreate", NON_BLOCKING, kind=_Pointer)
        try:
            # A copy to the card may still be on its way once `put` returns, and such a stream would not wait for it.
            self.driver("cuStreamSynchronize", DEFAULT_STREAM)
            self.driver("cuLaunchKernel", program.function, blocks, 1, 1, threads, 1, 1, 0, stream, table, None)
            yield lambda: self.driver.ready(stream)
        finally:
            self.driver.library.cuStreamSynchronize(stream)
            self.driver.library.cuStreamDestroy_v2(stream)


@lru_cache(maxsize=1)
def open_card() -> Card:
    """The first card of this machine; ``CUDA_VISIBLE_DEVICES`` decides which that is.

    Raises
    ------
    SimulationError
        If there is no driver, no card, or only one that is too old.
    """
    driver = Driver.loaded()
    try:
        driver("cuInit", 0)
        device = driver.number("cuDeviceGet", 0)
    except CudaError as error:
        raise SimulationError(
            f"device='gpu' needs an NVIDIA card: {LIBRARY} is there, but has none to offer. {error} Look at "
            "`nvidia-smi` and at CUDA_VISIBLE_DEVICES, or use device='cpu'."
        ) from None
    major, minor, processors, threads = (
        driver.number("cuDeviceGetAttribute", i, device) for i in (MAJOR, MINOR, PROCESSORS, THREADS_PER_PROCESSOR)
    )
    words = ctypes.create_string_buffer(256)
    driver("cuDeviceGetName", words, len(words), device)
    name = words.value.decode(errors="replace")
    if (major, minor) < LEAST_CAPABILITY:
        raise SimulationError(
            f"device='gpu' needs a card of compute capability 8.0 or more (Ampere and later); {name} has "
            f"{major}.{minor}. Use device='cpu'."
        )
    context = driver.number("cuDevicePrimaryCtxRetain", device, kind=_Pointer)
    return Card(driver, context, name, (major, minor), processors, threads, driver.number("cuDriverGetVersion"))
