"""A cell, the symbols of one class of a tensor's channels, as bytes: dense, or as gaps and codes.

A cell is dense (every symbol coded) or has the codes of those symbols alone that are not the tensor's zero, and before
them where they are: as gaps, or, where the tensor has kernels, as masks of them, since pruning leaves like shapes. Each
stream is raw bits, one symbol, or entropy-coded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.models.packed import rans, tables
from edge.models.packed.bits import Cursor, Damaged, unpack_bits
from edge.models.packed.limits import CHUNK, LANES, STEPS

DENSE, GAPS, MASKS = 0, 1, 2
SPARSE = (GAPS, MASKS)
RAW, ONE, CODED = 0, 1, 2
_BLOCK = 1 << 18


class Pending(NamedTuple):
    """A stream as it was read: symbols that are known already, or those that the entropy coder has to give."""

    known: NDArray[np.uint8] | None
    coded: rans.Stream | None


class Cell(NamedTuple):
    """A cell as it was read.

    length: in symbols
    symbols: of a dense cell all of them, else those that are not zero
    gaps: where they are; a gap of `escape` only skips so many zeros and has no code
    masks: or so, a stream for each group of a kernel's positions
    kernel: symbols of a kernel
    """

    length: int
    symbols: Pending
    gaps: Pending | None = None
    escape: int = 0
    masks: tuple[Pending, ...] = ()
    kernel: int = 1

    def streams(self) -> list[rans.Stream]:
        """What the entropy coder has to decode for it: where the symbols are, then what they are."""
        parts = [*self.masks, *([] if self.gaps is None else [self.gaps]), self.symbols]
        return [part.coded for part in parts if part.coded is not None]

    def resolve(self, decoded: Sequence[NDArray[np.uint8]], zero: int) -> NDArray[np.uint8]:
        """The cell's symbols, uint8 (length,), given what its streams decode to. Damaged where gaps do not fit."""
        left = list(decoded)
        masks = [_value(mask, left) for mask in self.masks]
        gaps = None if self.gaps is None else _value(self.gaps, left)
        symbols = _value(self.symbols, left)
        if not masks and gaps is None:
            return symbols
        made = np.full(self.length, zero, np.uint8)
        if gaps is None:
            self._unmask(made, masks, symbols)
        else:
            self._step(made, gaps, symbols)
        return made

    def _step(self, made: NDArray[np.uint8], gaps: NDArray[np.uint8], symbols: NDArray[np.uint8]) -> None:
        """Put each code behind its gap, a block of them at a time."""
        at = used = 0
        for first in range(0, gaps.size, _BLOCK):
            steps = gaps[first : first + _BLOCK].astype(np.int64)
            coded = steps != self.escape
            ends = at + np.cumsum(steps + coded)
            places = ends[coded] - 1
            at = int(ends[-1])
            if at > self.length or used + places.size > symbols.size:
                raise Damaged("has gaps that lead beyond the tensor")
            made[places] = symbols[used : used + places.size]
            used += places.size
        if used != symbols.size:
            raise Damaged("has not as many codes as places for them")

    def _unmask(self, made: NDArray[np.uint8], masks: Sequence[NDArray[np.uint8]], symbols: NDArray[np.uint8]) -> None:
        used = np.empty((self.length // self.kernel, self.kernel), bool)
        for mask, positions in zip(masks, groups(self.kernel), strict=True):
            for bit, position in enumerate(positions):
                used[:, position] = mask >> bit & 1
        if np.count_nonzero(used) != symbols.size:
            raise Damaged("has not as many codes as places for them")
        made[used.reshape(-1)] = symbols


def groups(kernel: int) -> list[list[int]]:
    """The positions of a kernel, eight at a time; the middle one alone where the last group would be one."""
    order = [*(k for k in range(kernel) if k != kernel // 2), kernel // 2]
    return [order[first : first + 8] for first in range(0, kernel, 8)]


def _value(part: Pending, decoded: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return decoded.pop(0) if part.known is None else part.known


def read_cell(cursor: Cursor, count: int, alphabet: int, zero: int | None, kernel: int = 1) -> Cell:
    """A cell of so many symbols, a multiple of `kernel`. Damaged where lengths or codes cannot be."""
    way = cursor.number(1)
    if way == DENSE:
        return Cell(count, read_stream(cursor, count, alphabet))
    if way not in SPARSE or zero is None or (way == MASKS and kernel == 1):
        raise Damaged("has a cell of an unknown kind")
    codes = cursor.count()
    if codes > count:
        raise Damaged("has more codes than values")
    if way == MASKS:
        masks = tuple(read_stream(cursor, count // kernel, 1 << len(positions)) for positions in groups(kernel))
        return Cell(count, read_stream(cursor, codes, alphabet), masks=masks, kernel=kernel)
    escape, gaps = cursor.number(1), cursor.count()
    if not escape or gaps > codes + (count - codes) // escape:
        raise Damaged("has more gaps than values")
    read = read_stream(cursor, gaps, escape + 1)
    return Cell(count, read_stream(cursor, codes, alphabet), read, escape)


def read_stream(cursor: Cursor, count: int, alphabet: int) -> Pending:
    """A stream of so many symbols below `alphabet`."""
    way = cursor.number(1)
    if way == RAW:
        symbols = unpack_bits(cursor, count, (alphabet - 1).bit_length())
        if count and int(symbols.max()) >= alphabet:
            raise Damaged("has a code beyond its values")
        return Pending(symbols, None)
    if way == ONE:
        symbol = cursor.number(1)
        if symbol >= alphabet:
            raise Damaged("has a code beyond its values")
        return Pending(np.full(count, symbol, np.uint8), None)
    if way != CODED:
        raise Damaged(f"has a stream of kind {way}")
    freq = tables.read_table(cursor, alphabet)
    lanes, words = cursor.count(), cursor.count()
    if (
        not 0 < lanes <= min(count, LANES)
        or -(-count // lanes) > STEPS
        or (lanes > 1 and -(-count // lanes) <= CHUNK // 2)
    ):
        raise Damaged(f"has {count} symbols in {lanes} lanes")
    if words > count + lanes:
        raise Damaged("has more words than symbols")
    return Pending(None, rans.Stream(count, freq, cursor.array("u4", lanes), cursor.array("u2", words)))
