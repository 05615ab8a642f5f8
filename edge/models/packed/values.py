"""What the symbols of a coded tensor stand for: the entries of a codebook, or the steps of a uniform grid."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.bits import Cursor, Damaged, pack_rice, unpack_rice

BOOK, GRID, WHOLE = 0, 1, 2
"""Maps: a codebook; a grid with scales, of float tensors; whole numbers, of integer tensors."""
FLOATS = ("float32", "float16")
DTYPES = ("float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool")
SINGLE, HALF, MINI = 0, 1, 2
"""How scales are written: float32, float16, or a byte each beside a common exponent."""
MINI_BITS = 4


class Values(NamedTuple):
    """The values of symbols 0..size-1.

    book: (size,) in the tensor's dtype, ascending in the order of `keys`; None on a grid
    low: the grid's whole number of symbol 0
    scales: float32 (1,) or (channels,); None unless a grid of floats
    axis: of the channels
    """

    size: int
    book: NDArray[Any] | None = None
    low: int = 0
    scales: NDArray[np.float32] | None = None
    axis: int = 0

    def zero(self) -> int | None:
        """The symbol that stands for 0 (of floats the positive one), None if none does."""
        if self.book is None:
            return -self.low if 0 <= -self.low < self.size else None
        found = np.flatnonzero(bits_of(self.book) == 0)
        return int(found[0]) if found.size else None

    def of(self, symbols: NDArray[np.uint8], dtype: np.dtype[Any]) -> NDArray[Any]:
        """The tensor that its symbols, uint8 of its shape, stand for."""
        if self.book is not None:
            return self.book[symbols]
        if self.scales is None:
            whole: NDArray[Any] = (np.arange(self.size) + self.low).astype(dtype)[symbols]
            return whole
        steps = (np.arange(self.size) + self.low).astype(np.float32)
        if self.scales.size == 1:
            scaled: NDArray[Any] = (steps * self.scales[0]).astype(dtype)[symbols]
            return scaled
        shape = [1] * symbols.ndim
        shape[self.axis] = -1
        made = steps[symbols]
        np.multiply(made, self.scales.reshape(shape), out=made)
        return made.astype(dtype, copy=False)


def bits_of(array: NDArray[Any]) -> NDArray[Any]:
    """The bit patterns of an array as unsigned numbers of its width."""
    patterns: NDArray[Any] = array.view(f"u{array.dtype.itemsize}")
    return patterns


def keys(array: NDArray[Any]) -> NDArray[np.uint64]:
    """Unsigned numbers in the order of the values: of floats in IEEE 754's total order, so that -0 < +0 < NaN."""
    patterns = bits_of(array).astype(np.uint64)
    width = 8 * array.dtype.itemsize
    top = np.uint64(1) << np.uint64(width - 1)
    every = np.uint64((1 << width) - 1)
    if array.dtype.kind == "f":
        ordered: NDArray[np.uint64] = np.where(patterns & top, ~patterns & every, patterns | top)
        return ordered
    signed: NDArray[np.uint64] = patterns ^ top if array.dtype.kind == "i" else patterns
    return signed


def _from_keys(numbers: NDArray[np.uint64], dtype: np.dtype[Any]) -> NDArray[Any]:
    width = 8 * dtype.itemsize
    top = np.uint64(1) << np.uint64(width - 1)
    every = np.uint64((1 << width) - 1)
    if dtype.kind == "f":
        numbers = np.where(numbers & top, numbers ^ top, ~numbers & every)
    elif dtype.kind == "i":
        numbers = numbers ^ top
    return numbers.astype(f"u{dtype.itemsize}").view(dtype)


def write_values(values: Values) -> bytes:
    """The map, its kind and size, and what it holds."""
    size = bytes([values.size - 1])
    if values.book is not None:
        ascending = keys(values.book)
        width = values.book.dtype.itemsize
        first = int(ascending[0]).to_bytes(width, "little")
        return bytes([BOOK]) + size + first + pack_rice(np.diff(ascending) - np.uint64(1))
    low = values.low.to_bytes(2, "little", signed=True)
    if values.scales is None:
        return bytes([WHOLE]) + size + low
    return bytes([GRID]) + size + low + bytes([values.axis]) + _write_scales(values.scales)


def read_values(cursor: Cursor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Values:
    """The map of a tensor of this dtype and shape. Damaged where it does not fit them."""
    kind, size = cursor.number(1), cursor.number(1) + 1
    if kind == BOOK:
        first = cursor.number(dtype.itemsize)
        steps = unpack_rice(cursor, size - 1)
        width = 8 * dtype.itemsize if dtype != np.bool_ else 1
        # Steps of 32 bits are added without overflow; longer ones, one by one, where the type may have them.
        if width <= 32 and int(steps.max(initial=0)) >> 32:
            raise Damaged("has a codebook beyond its element type")
        last = first + (int(steps.sum()) if width <= 32 else sum(map(int, steps))) + size - 1
        if last >> width:
            raise Damaged("has a codebook beyond its element type")
        ascending = np.concatenate([np.array([first], np.uint64), steps + np.uint64(1)]).cumsum(dtype=np.uint64)
        return Values(size, _from_keys(ascending, dtype))
    low = int.from_bytes(cursor.take(2), "little", signed=True)
    if kind == WHOLE and dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if low < bounds.min or low + size - 1 > bounds.max:
            raise Damaged("has whole numbers beyond its element type")
        return Values(size, low=low)
    if kind != GRID or dtype.name not in FLOATS:
        raise Damaged(f"has values of kind {kind}, which {dtype.name} cannot have")
    axis = cursor.number(1)
    if axis >= max(1, len(shape)):
        raise Damaged(f"has scales along axis {axis} of {len(shape)}")
    scales = _read_scales(cursor, shape[axis] if shape else 1)
    furthest = max(abs(low), abs(low + size - 1)) * float(np.abs(scales).max())
    if furthest > float(np.finfo(dtype).max):
        raise Damaged("has a grid beyond its element type")
    return Values(size, low=low, scales=scales, axis=axis)


def mini(scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales, all above 0, rounded up to what takes one byte each: 4 bits of mantissa, 16 powers of two.

    Rounded up, so that no value leaves its grid. Scales below 2**-15 of the largest become that.
    """
    exponents = np.floor(np.log2(scales.astype(np.float64)))
    exponents = np.maximum(exponents, exponents.max() - 14)
    steps = np.ceil(scales / np.exp2(exponents) * (1 << MINI_BITS))
    rounded: NDArray[np.float32] = np.maximum(steps, 1 << MINI_BITS) / (1 << MINI_BITS) * np.exp2(exponents)
    return rounded.astype(np.float32)


def _write_scales(scales: NDArray[np.float32]) -> bytes:
    """The way of writing, whether there is one for each channel, then the scales."""
    many = bytes([int(scales.size > 1)])
    coded = _as_mini(scales)
    if coded is not None:
        return bytes([MINI]) + many + coded
    half = scales.astype(np.float16)
    if np.array_equal(half.astype(np.float32), scales):
        return bytes([HALF]) + many + half.astype("<f2").tobytes()
    return bytes([SINGLE]) + many + scales.astype("<f4").tobytes()


def _as_mini(scales: NDArray[np.float32]) -> bytes | None:
    """A common exponent, signed, then a byte each: the exponent above it, the mantissa; None where inexact."""
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        return None
    fraction, exponent = np.frexp(scales.astype(np.float64))  # fraction in [0.5, 1)
    mantissa = fraction * (2 << MINI_BITS)
    base = int(exponent.min())
    if (mantissa != np.floor(mantissa)).any() or exponent.max() - base > 15 or not -128 <= base <= 127:
        return None
    coded = (exponent - base << MINI_BITS) | (mantissa.astype(np.int64) - (1 << MINI_BITS))
    return base.to_bytes(1, "little", signed=True) + coded.astype(np.uint8).tobytes()


def _read_scales(cursor: Cursor, channels: int) -> NDArray[np.float32]:
    way, many = cursor.number(1), cursor.number(1)
    if many > 1 or way > MINI:
        raise Damaged("has scales of an unknown kind")
    count = channels if many else 1
    if way == MINI:
        base = int.from_bytes(cursor.take(1), "little", signed=True)
        coded = cursor.array("u1", count).astype(np.int64)
        mantissa = (coded & (1 << MINI_BITS) - 1) + (1 << MINI_BITS)
        exact = np.ldexp(mantissa / (2 << MINI_BITS), (coded >> MINI_BITS) + base)
        with np.errstate(over="ignore"):  # what overflows is no number, which is refused below
            scales: NDArray[np.float32] = exact.astype(np.float32)
    else:
        scales = cursor.array("f2" if way == HALF else "f4", count).astype(np.float32)
    if not np.isfinite(scales).all():
        raise Damaged("has a scale that is no number")
    return scales
