"""A fake `pycuda.driver` on the fake GPU, as strict as the real one about its stack of contexts.

Of the real one it has what https://documen.tician.de/pycuda/driver.html documents and the engine uses.
"""

from __future__ import annotations

import ctypes
import threading
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.gpu import FakeGpu


class Error(Exception):
    """Base of pycuda's exceptions."""


class _Held:
    """Memory that is given back with the last reference, or by `free`."""

    def __init__(self, address: int, free: Any) -> None:
        self._address, self._free = address, free

    def __int__(self) -> int:
        return self._address

    def free(self) -> None:
        free, self._free = self._free, None
        free(ctypes.c_void_p(self._address))

    def __del__(self) -> None:
        if self._free is not None:
            self.free()


def fake_pycuda(gpu: FakeGpu) -> ModuleType:
    """The package, to be put in the place of `pycuda`; its `driver` in the place of `pycuda.driver`."""
    library, stack = gpu.library, threading.local()

    def ask(function: str, *given: Any) -> None:
        if function != "cudaGetDeviceCount" and not getattr(stack, "contexts", None):
            raise Error("invalid device context: no currently active context?")
        code = getattr(library, function)(*given)
        if code:
            library.cudaGetErrorString.restype = ctypes.c_char_p
            raise Error(f"{function} failed: {library.cudaGetErrorString(code).decode()}")

    class Context:
        def __init__(self, index: int) -> None:
            self.index = index

        def push(self) -> None:
            below = getattr(stack, "contexts", [])
            stack.contexts = [*below, self]
            try:
                ask("cudaSetDevice", self.index)
            except Error:
                stack.contexts = below
                raise

        @staticmethod
        def pop() -> None:
            top = stack.contexts.pop()
            if gpu.get("devices") <= top.index:
                raise Error("cuCtxPopCurrent failed: context is destroyed")

    class Device:
        def __init__(self, index: int) -> None:
            if index >= gpu.get("devices"):
                raise Error("cuDeviceGet failed: invalid device ordinal")
            self._index = index

        @staticmethod
        def count() -> int:
            return gpu.get("devices")

        def name(self) -> str:
            return "Fake GPU by pycuda"

        def retain_primary_context(self) -> Context:
            return Context(self._index)

    class Stream:
        def __init__(self) -> None:
            made = ctypes.c_void_p()
            ask("cudaStreamCreateWithFlags", ctypes.byref(made), 1)
            self.handle = made.value

        def synchronize(self) -> None:
            ask("cudaStreamSynchronize", ctypes.c_void_p(self.handle))

        def __del__(self) -> None:
            library.cudaStreamDestroy(ctypes.c_void_p(self.handle))

    def init(flags: int = 0) -> None:
        if not gpu.get("devices"):
            raise Error("cuInit failed: no CUDA-capable device is detected")

    def mem_alloc(size: int) -> _Held:
        made = ctypes.c_void_p()
        ask("cudaMalloc", ctypes.byref(made), ctypes.c_size_t(size))
        return _Held(int(made.value or 0), library.cudaFree)

    def pagelocked_empty(shape: tuple[int], dtype: str, order: str = "C", mem_flags: int = 0) -> NDArray[Any]:
        made, (size,) = ctypes.c_void_p(), shape
        ask("cudaHostAlloc", ctypes.byref(made), ctypes.c_size_t(size), mem_flags)
        memory = (ctypes.c_byte * size).from_address(int(made.value or 0))
        memory.held = _Held(ctypes.addressof(memory), library.cudaFreeHost)
        return np.ndarray(shape, dtype, buffer=memoryview(memory))

    def copy(to: int, source: int, size: int, kind: int, stream: Stream) -> None:
        sizes = ctypes.c_void_p(to), ctypes.c_void_p(source), ctypes.c_size_t(size)
        ask("cudaMemcpyAsync", *sizes, kind, ctypes.c_void_p(stream.handle))

    def memcpy_htod_async(dest: int, src: Any, stream: Stream) -> None:
        copy(dest, ctypes.addressof(src), memoryview(src).nbytes, 1, stream)

    def memcpy_dtoh_async(dest: Any, src: int, stream: Stream) -> None:
        copy(ctypes.addressof(dest), src, memoryview(dest).nbytes, 2, stream)

    class host_alloc_flags:
        PORTABLE = 1

    driver = ModuleType("pycuda.driver")
    own = (Error, Device, Stream, init, mem_alloc, pagelocked_empty, memcpy_htod_async, memcpy_dtoh_async)
    vars(driver).update({thing.__name__: thing for thing in (*own, host_alloc_flags)})
    vars(driver)["contexts"] = lambda: len(getattr(stack, "contexts", []))
    package = ModuleType("pycuda")
    vars(package).update(driver=driver)
    return package
