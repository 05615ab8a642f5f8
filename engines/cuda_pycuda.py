"""The same GPU through pycuda, where somebody installed it (extra `pycuda`): it compiles for minutes on a board.

Source: https://documen.tician.de/pycuda/driver.html
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.engines.base import need, one_line
from edge.errors import EngineError, MissingError

INSTALL = "pip install 'edge-runtime[pycuda]'"


def count() -> int:
    """How many GPUs there are, at least one. MissingError where there is none."""
    driver = need("pycuda.driver", INSTALL)
    try:
        driver.init()
        found = int(driver.Device.count())
    except driver.Error as fault:
        raise MissingError(f"tensorrt needs an NVIDIA GPU: pycuda finds none ({one_line(fault)})") from None
    if not found:
        raise MissingError("tensorrt needs an NVIDIA GPU: pycuda finds none")
    return found


class PyCuda:
    """A GPU through pycuda, in the primary context: the one that TensorRT works in.

    Every call that fails raises EngineError with pycuda's own words.
    """

    def __init__(self, index: int) -> None:
        self._driver: Any = need("pycuda.driver", INSTALL)
        device = self._asked(self._driver.Device, index)
        self.gpu = str(self._asked(device.name))
        self._context = self._asked(device.retain_primary_context)
        with self.current():
            self._stream = self._asked(self._driver.Stream)
            self.stream = int(self._stream.handle)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Push the context and pop it: pycuda aborts a process that ends with one on a thread's stack."""
        self._asked(self._context.push)
        try:
            yield
        finally:
            self._asked(self._context.pop)

    def pinned(self, size: int) -> tuple[int, Callable[[], object]]:
        """`pagelocked_empty`; the array that pycuda makes is what is kept and let go."""
        flags = self._driver.host_alloc_flags.PORTABLE
        with self.current():
            kept = [self._asked(self._driver.pagelocked_empty, (size,), "uint8", mem_flags=flags)]
        return int(kept[0].ctypes.data), kept.clear

    def memory(self, size: int) -> tuple[int, Callable[[], object]]:
        """`mem_alloc`."""
        allocation = self._asked(self._driver.mem_alloc, size)
        return int(allocation), lambda: self._asked(allocation.free)

    def copy_in(self, device: int, host: int, size: int) -> None:
        """`memcpy_htod_async`."""
        self._asked(self._driver.memcpy_htod_async, device, _seen(host, size), self._stream)

    def copy_out(self, host: int, device: int, size: int) -> None:
        """`memcpy_dtoh_async`."""
        self._asked(self._driver.memcpy_dtoh_async, _seen(host, size), device, self._stream)

    def wait(self) -> None:
        """`Stream.synchronize`."""
        self._asked(self._stream.synchronize)

    def close(self) -> None:
        """Drop the stream; a second time does nothing. The primary context is TensorRT's too and stays."""
        self._stream, self.stream = None, 0

    def _asked(self, function: Callable[..., Any], *given: object, **more: object) -> Any:
        try:
            return function(*given, **more)
        except self._driver.Error as fault:
            raise EngineError(f"CUDA: {one_line(fault)}") from None


def _seen(address: int, size: int) -> Any:
    return (ctypes.c_byte * size).from_address(address)
