"""One NVIDIA GPU through CUDA's runtime library: pinned and device memory, asynchronous copies, one stream.

By ctypes on libcudart, which is on every machine that has TensorRT; through pycuda where somebody installed that.
Source: https://docs.nvidia.com/cuda/cuda-runtime-api/modules.html
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from edge.errors import EngineError, MissingError

NAMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0")
HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
PORTABLE = 1
"""cudaHostAllocPortable: pinned for every context, so that any thread may fill it."""
NON_BLOCKING = 1
"""cudaStreamNonBlocking: the stream does not wait for the default one."""
SLEEPING = 1 | 2
"""cudaEventBlockingSync | cudaEventDisableTiming: who waits sleeps. A spinning wait costs a core of a small board."""
PROPERTIES = 1 << 14
"""Bytes for a cudaDeviceProp, whose size differs by release (about 1 kB); the name comes first in all of them."""
POINTER, SIZE, INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
SIGNATURES: dict[str, tuple[type, ...]] = {
    "cudaSetDevice": (INT,),
    "cudaGetDeviceCount": (POINTER,),
    "cudaHostAlloc": (POINTER, SIZE, ctypes.c_uint),
    "cudaFreeHost": (POINTER,),
    "cudaMalloc": (POINTER, SIZE),
    "cudaFree": (POINTER,),
    "cudaMemcpyAsync": (POINTER, POINTER, SIZE, INT, POINTER),
    "cudaStreamCreateWithFlags": (POINTER, ctypes.c_uint),
    "cudaStreamDestroy": (POINTER,),
    "cudaEventCreateWithFlags": (POINTER, ctypes.c_uint),
    "cudaEventRecord": (POINTER, POINTER),
    "cudaEventSynchronize": (POINTER,),
    "cudaEventDestroy": (POINTER,),
    "cudaGetLastError": (),
}


class Cuda(Protocol):
    """What an engine asks of one GPU. Addresses are integers; memory is given with what frees it, once.

    gpu: the device's name, e.g. `Orin`
    stream: the handle of the one stream on which copies and runs are queued
    """

    gpu: str
    stream: int

    def current(self) -> AbstractContextManager[None]:
        """Within it this is the calling thread's device, as everything below but `pinned` and frees needs it."""
        ...

    def pinned(self, size: int) -> tuple[int, Callable[[], object]]:
        """Page-locked host memory of `size` bytes; from any thread."""
        ...

    def memory(self, size: int) -> tuple[int, Callable[[], object]]:
        """Device memory of `size` bytes."""
        ...

    def copy_in(self, device: int, host: int, size: int) -> None:
        """Queue a copy to the device; `host` must stay as it is until `wait` returns."""
        ...

    def copy_out(self, host: int, device: int, size: int) -> None:
        """Queue a copy from the device; `host` holds it once `wait` returns."""
        ...

    def wait(self) -> None:
        """Until all that is queued is done."""
        ...

    def close(self) -> None:
        """Give the stream back. Memory is given back by what `pinned` and `memory` gave with it."""
        ...


class Cudart:
    """A GPU through libcudart. Every call that fails raises EngineError with CUDA's own words."""

    def __init__(self, library: ctypes.CDLL, index: int) -> None:
        self._library, self._index = library, index
        self.gpu = _gpu(library, index)
        with self.current():
            self.stream = self._made("cudaStreamCreateWithFlags", NON_BLOCKING)
            self._done = self._made("cudaEventCreateWithFlags", SLEEPING)

    @contextmanager
    def current(self) -> Iterator[None]:
        """`cudaSetDevice`, which is per thread and costs nothing where it changes nothing."""
        self._call("cudaSetDevice", self._index)
        yield

    def pinned(self, size: int) -> tuple[int, Callable[[], object]]:
        """`cudaHostAlloc`; freed from whatever thread, also after `close`."""
        with self.current():
            address = self._made("cudaHostAlloc", size, PORTABLE)
        free = self._library.cudaFreeHost
        return address, lambda: free(address)

    def memory(self, size: int) -> tuple[int, Callable[[], object]]:
        """`cudaMalloc`."""
        address = self._made("cudaMalloc", size)
        free = self._library.cudaFree
        return address, lambda: free(address)

    def copy_in(self, device: int, host: int, size: int) -> None:
        """`cudaMemcpyAsync` to the device."""
        self._call("cudaMemcpyAsync", device, host, size, HOST_TO_DEVICE, self.stream)

    def copy_out(self, host: int, device: int, size: int) -> None:
        """`cudaMemcpyAsync` from the device."""
        self._call("cudaMemcpyAsync", host, device, size, DEVICE_TO_HOST, self.stream)

    def wait(self) -> None:
        """An event after all that is queued, and asleep until it is reached."""
        self._call("cudaEventRecord", self._done, self.stream)
        self._call("cudaEventSynchronize", self._done)

    def close(self) -> None:
        """Destroy event and stream; a second time does nothing."""
        if self.stream:
            self._library.cudaEventDestroy(self._done)
            self._library.cudaStreamDestroy(self.stream)
            self.stream = self._done = 0

    def _made(self, function: str, *given: int) -> int:
        """Call a function that writes a handle or address through its first argument."""
        made = POINTER()
        self._call(function, ctypes.addressof(made), *given)
        return int(made.value or 0)

    def _call(self, function: str, *given: int) -> None:
        code = getattr(self._library, function)(*given)
        if code:
            # The fault is told here; left as the "last error" it would be taken for one of TensorRT's next call.
            self._library.cudaGetLastError()
            raise EngineError(f"CUDA: {function} failed: {_said(self._library, code)}")


def devices() -> tuple[str, ...]:
    """Names of the GPUs, `CUDA:0` and so on. MissingError where CUDA or a GPU is missing."""
    return tuple(f"CUDA:{index}" for index in range(_count()))


def open_cuda(device: str | None) -> Cuda:
    """A GPU by name; `CUDA`, `GPU` and None are the first. Raises MissingError where it is not here."""
    here = devices()
    wanted = here[0] if device in (None, "CUDA", "GPU") else device
    if wanted not in here:
        raise MissingError(f"tensorrt has no device {device} here; it has {', '.join(here)}")
    index = here.index(wanted)
    if _has_pycuda():
        from edge.engines.cuda_pycuda import PyCuda

        return PyCuda(index)
    return Cudart(_library()[0], index)


def _has_pycuda() -> bool:
    return importlib.util.find_spec("pycuda") is not None


def _count() -> int:
    if _has_pycuda():
        from edge.engines.cuda_pycuda import count

        return count()
    return _library()[1]


def _library() -> tuple[ctypes.CDLL, int]:
    """The first libcudart that finds a GPU, and how many it finds. One newer than the driver finds none."""
    reason = "libcudart, CUDA's runtime library, is not here; JetPack brings it, elsewhere set CUDA_HOME to its folder"
    for place in _places():
        try:
            library = ctypes.CDLL(place)
        except OSError:
            continue
        for function, kinds in SIGNATURES.items():
            getattr(library, function).argtypes = kinds
        library.cudaGetErrorString.restype = ctypes.c_char_p
        count = INT()
        code = library.cudaGetDeviceCount(ctypes.addressof(count))
        if code == 0 and count.value > 0:
            return library, count.value
        reason = f"{place} finds none ({_said(library, code) if code else 'no device'})"
    raise MissingError(f"tensorrt needs an NVIDIA GPU: {reason}")


def _places() -> Iterator[str]:
    """Where libcudart may be. Where CUDA_HOME is set, there alone."""
    home = os.environ.get("CUDA_HOME")
    if home:
        yield from sorted(str(path) for path in Path(home).glob("lib*/libcudart.so*"))
        return
    yield from NAMES
    yield from sorted(str(path) for path in Path("/usr/local/cuda").glob("lib*/libcudart.so*"))
    wheels = importlib.util.find_spec("nvidia")  # the namespace of CUDA's own wheels, which pip brings with TensorRT
    for root in (wheels and wheels.submodule_search_locations) or ():
        yield from sorted(str(path) for path in Path(root).glob("*/lib/libcudart.so.*"))


def _gpu(library: ctypes.CDLL, index: int) -> str:
    properties = ctypes.create_string_buffer(PROPERTIES)
    for function in ("cudaGetDeviceProperties_v2", "cudaGetDeviceProperties"):
        if hasattr(library, function) and getattr(library, function)(properties, INT(index)) == 0:
            return properties.value.decode(errors="replace")
    return "GPU"


def _said(library: ctypes.CDLL, code: int) -> str:
    text: bytes = library.cudaGetErrorString(INT(code)) or b""
    return text.decode(errors="replace") or f"error {code}"
