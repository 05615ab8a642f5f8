"""A block of bytes back into the tensor that it holds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.models.packed import rans
from edge.models.packed.bits import Cursor, Damaged, unpack_bits
from edge.models.packed.cells import Cell, read_cell
from edge.models.packed.classes import Split
from edge.models.packed.limits import CLASSES
from edge.models.packed.values import DTYPES, Values, read_values
from edge.models.packed.zstd import unsqueeze

CODECS = ("stored", "zstd", "grid", "codebook", "sparse", "constant")
MOST_KERNEL = 64
"""Values of a kernel whose zeros are told by masks: 7 x 7, 8 x 8."""
HALF, SHUFFLED = 1, 2
"""Flags of stored and zstd blocks: float32 kept as float16 without loss; bytes of like weight put together."""


class Opened(NamedTuple):
    """A block whose structure was checked.

    streams: what the entropy coder has to decode for it, perhaps together with those of other blocks
    finish: the tensor, given what they decode to; raises Damaged
    """

    streams: Sequence[rans.Stream]
    finish: Callable[[Sequence[NDArray[np.uint8]]], NDArray[Any]]


def open_block(codec: str, data: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Opened:
    """Check a block's structure; nothing as large as the tensor is made yet. Raises Damaged."""
    cursor = Cursor(data)
    if dtype.name not in DTYPES:
        raise Damaged(f"is {dtype.name}, which no tensor may be")
    opener = {"constant": _open_constant, "stored": _open_bytes, "zstd": _open_zstd}.get(codec, _open_coded)
    opened = opener(cursor, dtype, shape)
    cursor.end()
    return opened


def _open_constant(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Opened:
    value = cursor.array(dtype.str, 1).astype(dtype)
    return Opened((), lambda _: np.full(shape, value[0], dtype))


def _open_bytes(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Opened:
    kept = _kept(cursor.number(1), dtype, HALF)
    data = cursor.take(_count(shape) * kept.itemsize)
    return Opened((), lambda _: _widened(data, kept, dtype, shape))


def _open_zstd(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Opened:
    flags = cursor.number(1)
    kept = _kept(flags, dtype, HALF | SHUFFLED)
    data = cursor.take(cursor.left)
    size = _count(shape) * kept.itemsize

    def finish(_: Sequence[NDArray[np.uint8]]) -> NDArray[Any]:
        plain: Any = unsqueeze(data, size)
        if flags & SHUFFLED:
            plain = np.ascontiguousarray(np.frombuffer(plain, np.uint8).reshape(kept.itemsize, -1).T)
        return _widened(plain, kept, dtype, shape)

    return Opened((), finish)


def _kept(flags: int, dtype: np.dtype[Any], known: int) -> np.dtype[Any]:
    if flags & ~known or (flags & HALF and dtype != np.float32):
        raise Damaged(f"has flags {flags}")
    return np.dtype(np.float16) if flags & HALF else dtype


def _widened(data: Any, kept: np.dtype[Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    read = np.frombuffer(data, kept.newbyteorder("<")).reshape(shape)
    if dtype == np.bool_ and (read.view(np.uint8) > 1).any():
        raise Damaged("has a truth value that is neither 0 nor 1")
    return read.astype(dtype)


def _open_coded(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Opened:
    values = read_values(cursor, dtype, shape)
    zero = values.zero()
    classes = cursor.number(1)
    split = _read_split(cursor, classes, shape) if classes != 1 else None
    counts = [_count(shape)] if split is None else _counts(split, shape)
    cells = [read_cell(cursor, count, values.size, zero, kernel_of(shape)) for count in counts]
    streams = [stream for cell in cells for stream in cell.streams()]
    return Opened(streams, functools.partial(_finish, cells, split, values, zero or 0, dtype, shape))


def _finish(
    cells: Sequence[Cell],
    split: Split | None,
    values: Values,
    zero: int,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    decoded: Sequence[NDArray[np.uint8]],
) -> NDArray[Any]:
    given, parts = list(decoded), []
    for cell in cells:
        own = len(cell.streams())
        parts.append(cell.resolve(given[:own], zero))
        del given[:own]
    symbols = parts[0].reshape(shape) if split is None else split.joined(parts, shape)
    return values.of(symbols, dtype)


def _read_split(cursor: Cursor, classes: int, shape: tuple[int, ...]) -> Split:
    axis = cursor.number(1)
    if not 2 <= classes <= CLASSES or axis >= min(2, len(shape)):
        raise Damaged(f"has {classes} classes along axis {axis}")
    of = unpack_bits(cursor, shape[axis], (classes - 1).bit_length())
    used = np.bincount(of, minlength=classes)
    if used.size > classes or not used.all():
        raise Damaged("has classes without channels")
    return Split(axis, classes, of)


def _counts(split: Split, shape: tuple[int, ...]) -> list[int]:
    each = _count(shape) // shape[split.axis]
    return [int(channels) * each for channels in np.bincount(split.of, minlength=split.classes)]


def kernel_of(shape: tuple[int, ...]) -> int:
    """How many values a kernel has: those behind the channels, where they are a few."""
    size = _count(shape[2:])
    return size if size <= MOST_KERNEL else 1


def _count(shape: tuple[int, ...]) -> int:
    return functools.reduce(lambda count, size: count * size, shape, 1)
