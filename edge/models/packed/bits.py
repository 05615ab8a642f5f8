"""Bytes read within bounds, and small numbers in few bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 16
MOST_RICE = 40
"""The largest parameter of a Rice code; the steps between two 64-bit whole numbers may take more, floats never."""


class Damaged(ValueError):
    """Bytes that no packer writes; the reader adds which file and which tensor."""


class Cursor:
    """Reads little-endian numbers and bytes off a block, never beyond its end (`Damaged`)."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def take(self, count: int) -> memoryview:
        """The next bytes, not copied."""
        if count > self.left:
            raise Damaged(f"ends {count - self.left} bytes early")
        self._at += count
        return self._data[self._at - count : self._at]

    def peek(self, count: int) -> memoryview:
        """Up to `count` of the next bytes, which stay to be taken."""
        return self._data[self._at : self._at + count]

    def number(self, width: int) -> int:
        """An unsigned number of `width` bytes."""
        return int.from_bytes(self.take(width), "little")

    def count(self) -> int:
        """The number that `pack_count` wrote; Damaged where fewer bytes would do, or it is no 32-bit one."""
        number = 0
        for shift in range(0, 35, 7):
            byte = self.number(1)
            number |= (byte & 127) << shift
            if byte < 128:
                if byte == 0 and shift:
                    raise Damaged("has a number that is not written as short as it can be")
                break
        if byte > 127 or number >> 32:
            raise Damaged("has a number of more than 32 bits")
        return number

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        """An array of a little-endian element type, not copied."""
        kind = np.dtype(dtype).newbyteorder("<")
        return np.frombuffer(self.take(count * kind.itemsize), kind)

    def end(self) -> None:
        """Damaged unless all was read."""
        if self.left:
            raise Damaged(f"has {self.left} bytes too many")


def pack_count(number: int) -> bytes:
    """An unsigned 32-bit number in 7 bits a byte, the lowest first, each byte but the last with its high bit set."""
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def pack_bits(values: NDArray[Any], width: int) -> bytes:
    """Unsigned numbers in `width` bits each, the highest bit first."""
    shifts = np.arange(width - 1, -1, -1, dtype=np.uint64)
    return np.packbits((values.astype(np.uint64)[:, None] >> shifts & 1).astype(np.uint8)).tobytes()


def unpack_bits(cursor: Cursor, count: int, width: int) -> NDArray[Any]:
    """The numbers that `pack_bits` wrote, (count,), uint8 up to 8 bits, else uint64.

    The bits that fill the last byte must be 0.
    """
    numbers = np.zeros(count, np.uint8 if width <= 8 else np.uint64)
    if not width:
        return numbers
    data = cursor.array("u1", -(-count * width // 8))
    if width == 8:
        numbers[:] = data
        return numbers
    if count * width % 8 and data[-1] & (1 << -count * width % 8) - 1:
        raise Damaged("has bits set behind its numbers")
    weights = (np.uint64(1) << np.arange(width - 1, -1, -1, dtype=np.uint64)).astype(numbers.dtype)
    for first in range(0, count, _BLOCK):  # a block's bits take width times the room of its numbers
        some = numbers[first : first + _BLOCK]
        bits = np.unpackbits(data[first * width // 8 : -(-(first + some.size) * width // 8)])
        np.matmul(bits[: some.size * width].reshape(-1, width).astype(numbers.dtype), weights, out=some)
    return numbers


def pack_rice(values: NDArray[Any]) -> bytes:
    """Unsigned numbers below 2**40 in a Rice code of the best parameter.

    A byte with the parameter k; the quotients value >> k in unary, so many 0s and a 1, filled to a byte; the remainders
    of k bits each as `pack_bits` writes them. Source: R. F. Rice, JPL Publication 79-22 (1979).
    """
    numbers = values.astype(np.uint64)
    sizes = [int((numbers >> np.uint64(k)).sum()) + numbers.size * (1 + k) for k in range(MOST_RICE + 1)]
    k = int(np.argmin(sizes))
    ends = np.cumsum((numbers >> np.uint64(k)).astype(np.int64) + 1)
    unary = np.zeros(int(ends[-1]) if numbers.size else 0, np.uint8)
    unary[ends - 1] = 1
    return bytes([k]) + np.packbits(unary).tobytes() + pack_bits(numbers & np.uint64((1 << k) - 1), k)


def unpack_rice(cursor: Cursor, count: int) -> NDArray[np.uint64]:
    """The numbers that `pack_rice` wrote, uint64 (count,). Damaged where one has more than 64 bits."""
    k = cursor.number(1)
    if k > MOST_RICE:
        raise Damaged(f"has a Rice parameter of {k}")
    if not count:
        return np.empty(0, np.uint64)
    if 8 * cursor.left < count * (1 + k):
        raise Damaged("ends within a Rice code")
    ends = _ones(cursor, count).astype(np.int64, copy=False)  # 32 bits where the machine has no more
    ends[1:] -= ends[:-1] + 1
    numbers = ends.view(np.uint64)
    if k:
        if int(numbers.max()) >> 64 - k:
            raise Damaged("has a number of more than 64 bits")
        numbers <<= np.uint64(k)
        numbers |= unpack_bits(cursor, count, k)
    return numbers


def _ones(cursor: Cursor, count: int) -> NDArray[np.intp]:
    """Where the next `count` set bits are, counted from here; takes the bytes up to the last of them.

    Some at a time: where none comes for long, as much memory as those take is all that is wanted.
    """
    parts: list[NDArray[np.intp]] = []
    room, missing, before = count // 4 + 8, count, 0
    while missing:
        data = np.frombuffer(cursor.peek(min(room, _BLOCK)), np.uint8)
        if not data.size:
            raise Damaged("ends within a Rice code")
        bits = np.unpackbits(data)
        ends = np.flatnonzero(bits)[:missing]
        parts.append(ends + before)
        missing -= ends.size
        if missing:
            cursor.take(data.size)
            before += bits.size
            room *= 2
            continue
        last = int(ends[-1])
        if bits[last + 1 : (last // 8 + 1) * 8].any():
            raise Damaged("has bits set behind its numbers")
        cursor.take(last // 8 + 1)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
