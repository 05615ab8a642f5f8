"""A tensor as a block of bytes and back: every codec that can hold it is tried, the smallest is kept."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.models.packed import rans
from edge.models.packed.bits import Cursor, Damaged, pack_bits, unpack_bits
from edge.models.packed.cells import Cell, Draft, draft_cell, joined, read_cell
from edge.models.packed.classes import Split, splits
from edge.models.packed.limits import ALPHABET, CLASSES
from edge.models.packed.values import DTYPES, Values, bits_of, keys, read_values, write_values
from edge.models.packed.weight import Weight
from edge.models.packed.zstd import squeeze, unsqueeze

CODECS = ("stored", "zstd", "grid", "codebook", "sparse", "constant")
MOST_KERNEL = 64
"""Values of a kernel whose zeros are told by masks: 7 x 7, 8 x 8."""
SMALL = 1 << 14
NEAR = 256
HALF, SHUFFLED = 1, 2
"""Flags of stored and zstd blocks: float32 kept as float16 without loss; bytes of like weight put together."""


@dataclass(frozen=True, slots=True)
class Block:
    """A tensor's codec and bytes."""

    codec: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A block whose structure was checked.

    streams: what the entropy coder has to decode for it, perhaps together with those of other blocks
    finish: the tensor, given what they decode to; raises Damaged
    """

    streams: Sequence[rans.Stream]
    finish: Callable[[Sequence[NDArray[np.uint8]]], NDArray[Any]]


# ---------------------------------------------------------------- writing


def encode(weight: Weight) -> Block:
    """The smallest block that decodes to the weight's array, bit for bit."""
    array = np.ascontiguousarray(weight.array)
    if array.size and (bits_of(array) == bits_of(array).reshape(-1)[0]).all():
        return Block("constant", _little(array.reshape(-1)[:1]))
    drafts = _coded(weight, array)
    least = min((draft.size for _, draft in drafts), default=0)
    # Sizes of drafts are estimates to a few bytes a lane: all that come near the smallest are made and measured.
    near = [Block(codec, draft.make()) for codec, draft in drafts if draft.size <= least + least // NEAR + 16]
    return min([_stored(array), *_squeezed(array, bool(near)), *near], key=lambda block: len(block.data))


def _halved(array: NDArray[Any]) -> NDArray[Any] | None:
    if array.dtype != np.float32:
        return None
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if (bits_of(half.astype(np.float32)) == bits_of(array)).all() else None


def _stored(array: NDArray[Any]) -> Block:
    half = _halved(array)
    return Block("stored", bytes([0 if half is None else HALF]) + _little(array if half is None else half))


def _squeezed(array: NDArray[Any], coded: bool) -> list[Block]:
    """By zstd, which is slow on large tensors: not tried on those that are coded, where it was never smaller."""
    if coded and array.size > SMALL:
        return []
    half = _halved(array)
    kept = array if half is None else half
    flag = 0 if half is None else HALF
    ways = [(flag, _little(kept))]
    if kept.dtype.itemsize > 1:
        planes = np.frombuffer(ways[0][1], np.uint8).reshape(-1, kept.dtype.itemsize)
        ways.append((flag | SHUFFLED, np.ascontiguousarray(planes.T).tobytes()))
    return [Block("zstd", bytes([flag]) + squeeze(data)) for flag, data in ways]


def _little(array: NDArray[Any]) -> bytes:
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _coded(weight: Weight, array: NDArray[Any]) -> list[tuple[str, Draft]]:
    drafts = []
    for codec, values, symbols in _maps(weight, array):
        zero = values.zero()
        head = write_values(values)
        for split in [None, *splits(symbols, values.size)]:
            parts = [symbols.reshape(-1)] if split is None else split.parts(symbols)
            cells = [draft_cell(part, values.size, zero, _kernel(array.shape)) for part in parts]
            sparse = any(cell.sparse for cell in cells)
            drafts.append(("sparse" if sparse else codec, joined(head + _write_split(split), *cells)))
    return drafts


def _maps(weight: Weight, array: NDArray[Any]) -> list[tuple[str, Values, NDArray[np.uint8]]]:
    """The codec's name, values and symbols of each map that holds the tensor exactly."""
    found = []
    patterns, symbols = _unique(array)
    if patterns is not None and symbols is not None:
        found.append(("codebook", Values(patterns.size, patterns), symbols))
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        if high - low < ALPHABET and -(1 << 15) <= low < 1 << 15:
            whole = (array.astype(np.int64) - low).astype(np.uint8)
            found.append(("grid", Values(high - low + 1, low=low), whole))
    grid = weight.grid
    if grid is not None:
        low, high = int(grid.codes.min()), int(grid.codes.max())
        same = grid.values().astype(array.dtype)
        if high - low < ALPHABET and np.array_equal(bits_of(same), bits_of(array)):
            values = Values(high - low + 1, low=low, scales=grid.scales, axis=grid.axis)
            found.append(("grid", values, (grid.codes - low).astype(np.uint8)))
    return found


def _unique(array: NDArray[Any]) -> tuple[NDArray[Any] | None, NDArray[np.uint8] | None]:
    """The different values of a tensor in the order of `keys`, and which each is; None where they are too many."""
    numbers = bits_of(array).reshape(-1)
    if np.unique(numbers[: 1 << 14]).size > ALPHABET:
        return None, None
    different, index = np.unique(numbers, return_inverse=True)
    if different.size > ALPHABET:
        return None, None
    book = different.view(array.dtype)
    order = np.argsort(keys(book), kind="stable")
    place = np.empty(order.size, np.uint8)
    place[order] = np.arange(order.size)
    return book[order], place[index].reshape(array.shape)


def _write_split(split: Split | None) -> bytes:
    if split is None:
        return bytes([1])
    return bytes([split.count, split.axis]) + pack_bits(split.of, (split.count - 1).bit_length())


# ---------------------------------------------------------------- reading


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
    cells = [read_cell(cursor, count, values.size, zero, _kernel(shape)) for count in counts]
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
    return [int(channels) * each for channels in np.bincount(split.of, minlength=split.count)]


def _kernel(shape: tuple[int, ...]) -> int:
    """How many values a kernel has: those behind the channels, where they are a few."""
    size = _count(shape[2:])
    return size if size <= MOST_KERNEL else 1


def _count(shape: tuple[int, ...]) -> int:
    return functools.reduce(lambda count, size: count * size, shape, 1)
