"""A tensor into a block of bytes: every codec that can hold it is tried, the smallest is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.bits import pack_bits
from edge.models.packed.classes import Split, splits
from edge.models.packed.codecs import HALF, SHUFFLED, kernel_of
from edge.models.packed.drafts import Draft, draft_cell, joined
from edge.models.packed.limits import ALPHABET
from edge.models.packed.values import Values, bits_of, keys, write_values
from edge.models.packed.weight import Weight
from edge.models.packed.zstd import squeeze

SMALL = 1 << 14
NEAR = 256


@dataclass(frozen=True, slots=True)
class Block:
    """A tensor's codec and bytes."""

    codec: str
    data: bytes


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
            cells = [draft_cell(part, values.size, zero, kernel_of(array.shape)) for part in parts]
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
    return bytes([split.classes, split.axis]) + pack_bits(split.of, (split.classes - 1).bit_length())
