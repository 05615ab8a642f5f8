"""Memory shared with a child process: arrays for tensors, each on a descriptor that the child can map, too."""

from __future__ import annotations

import fcntl
import itertools
import mmap
import os
import weakref
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
"""Nobody may cut the memory short: a read behind its end would kill this process (SIGBUS)."""
_NUMBERS = itertools.count(1)


class Segment(mmap.mmap):
    """One piece of shared memory (memfd_create(2)); lives as long as an array on it.

    number: unique in this process
    descriptor: closed with the memory
    """

    number: int
    descriptor: int
    address: int
    keeper: Segments


class Segments:
    """The segments of one engine. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._gone: deque[int] = deque()

    def array(self, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """A new array on a segment of its own; its content is undefined."""
        size = max(1, int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize)
        descriptor = os.memfd_create("edge-tensor", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
            segment = Segment(descriptor, size)
        except (OSError, ValueError):
            os.close(descriptor)
            raise
        segment.number, segment.descriptor, segment.keeper = next(_NUMBERS), descriptor, self
        # It must not keep itself alive, nor this object: only what it leaves behind.
        weakref.finalize(segment, _drop, descriptor, segment.number, self._gone).atexit = False
        made: NDArray[Any] = np.ndarray(shape, dtype, segment)
        segment.address = made.__array_interface__["data"][0]
        return made

    def find(self, array: NDArray[Any]) -> tuple[Segment, int] | None:
        """The segment of ours on which a contiguous array lies, and its offset there in bytes; None for others."""
        base: object = array
        while isinstance(base, np.ndarray):
            base = base.base
        if not isinstance(base, Segment) or base.keeper is not self or not array.flags.c_contiguous:
            return None
        return base, array.__array_interface__["data"][0] - base.address

    def gone(self) -> list[int]:
        """Numbers of the segments that nobody has kept since the last call."""
        numbers: list[int] = []
        while self._gone:
            numbers.append(self._gone.popleft())
        return numbers


def _drop(descriptor: int, number: int, gone: deque[int]) -> None:
    # The garbage collector may call this anywhere, so it takes no lock.
    os.close(descriptor)
    gone.append(number)
