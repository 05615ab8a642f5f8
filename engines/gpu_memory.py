"""Memory of a loaded model on a GPU: pinned arrays that NumPy sees, and the device's copy of each tensor."""

from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.cuda import Cuda


class Pinned:
    """Makes pinned arrays, and knows them again. From any thread."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._ranges: dict[int, int] = {}

    def array(self, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """A new page-locked array; its memory is given back when the last array that views it is gone."""
        size = _bytes(shape, dtype)
        address, free = self._cuda.pinned(size)
        # Every view keeps this object, since it is the base of them all: what happens to it tells when all are gone.
        owner = (ctypes.c_byte * size).from_address(address)
        self._ranges[address] = address + size
        gone = weakref.finalize(owner, _release, self._ranges, address, free)
        gone.atexit = False  # the process's end frees it, and CUDA may have ended before
        array: NDArray[Any] = np.ndarray(shape, dtype, buffer=memoryview(owner))
        return array

    def holds(self, array: NDArray[Any]) -> bool:
        """Whether the device can read this array where it is: contiguous, in pinned memory of this pool."""
        if not array.flags.c_contiguous:
            return False
        start = array.ctypes.data
        return any(low <= start and start + array.nbytes <= high for low, high in tuple(self._ranges.items()))


def _release(ranges: dict[int, int], address: int, free: Callable[[], object]) -> None:
    del ranges[address]
    free()


class Slot:
    """One tensor's memory: on the device, and pinned beside it where a copy needs a stop on the way.

    shape: of the tensor that it holds now
    address: of the device memory, 0 before `fit`
    """

    def __init__(self, cuda: Cuda, pinned: Pinned, dtype: str) -> None:
        self._cuda, self._pinned, self._dtype = cuda, pinned, dtype
        self._free: Callable[[], object] = int
        self._room = 0
        self._beside: NDArray[Any] | None = None
        self._stage: NDArray[Any] | None = None
        self.shape: tuple[int, ...] = ()
        self.address = 0

    def fit(self, shape: tuple[int, ...]) -> None:
        """Take a tensor of this shape from now on; memory grows and never shrinks."""
        if shape != self.shape:
            self.shape, self._stage = shape, None
        size = _bytes(shape, self._dtype)
        if size > self._room:
            self.free()
            self.address, self._free = self._cuda.memory(size)
            self._room, self._beside = size, None

    @property
    def stage(self) -> NDArray[Any]:
        """The pinned array beside the device's memory."""
        if self._stage is None:
            if self._beside is None:  # as large as the device's: pinning takes long, and a batch changes often
                self._beside = self._pinned.array((self._room,), "uint8")
            size = math.prod(self.shape) * np.dtype(self._dtype).itemsize
            self._stage = self._beside[:size].view(self._dtype).reshape(self.shape)
        return self._stage

    def put(self, array: NDArray[Any]) -> None:
        """Queue a copy to the device: of the array itself where it is pinned, else of a pinned copy of it."""
        if not self._pinned.holds(array):
            np.copyto(self.stage, array)
            array = self.stage
        self._cuda.copy_in(self.address, array.ctypes.data, array.nbytes)

    def fetch(self) -> None:
        """Queue a copy from the device to `stage`."""
        self._cuda.copy_out(self.stage.ctypes.data, self.address, self.stage.nbytes)

    def free(self) -> None:
        """Give the device's memory back; a second time does nothing."""
        free, self._free, self._room, self.address = self._free, int, 0, 0
        free()


def _bytes(shape: tuple[int, ...], dtype: str) -> int:
    return max(1, math.prod(shape) * np.dtype(dtype).itemsize)
