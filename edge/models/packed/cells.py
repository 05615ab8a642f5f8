"""A cell, the symbols of one class of a tensor's channels, as bytes: dense, or as gaps and codes.

A cell is `constant` (one symbol), `dense` (every symbol coded) or `sparse` (only those that are not the tensor's zero:
a stream of the gaps before them and one of their codes). Each stream is raw bits, one symbol, or entropy-coded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.models.packed import rans, tables
from edge.models.packed.bits import Cursor, Damaged, pack_bits, unpack_bits
from edge.models.packed.limits import CHUNK, STEPS

DENSE, SPARSE = 0, 1
RAW, ONE, CODED = 0, 1, 2
LANE_BITS = 4096
"""The least that a lane carries: its state costs 24 bits of these."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A stream as it was read: symbols that are known already, or those that the entropy coder has to give."""

    known: NDArray[np.uint8] | None
    coded: rans.Stream | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it was read.

    count: of its symbols
    symbols: of a dense cell all of them, of a sparse one those that are not zero
    gaps: of a sparse one; a gap of `escape` only skips so many zeros and has no code
    """

    count: int
    symbols: Pending
    gaps: Pending | None = None
    escape: int = 0

    def streams(self) -> list[rans.Stream]:
        """What the entropy coder has to decode for it: gaps first."""
        parts = [self.symbols] if self.gaps is None else [self.gaps, self.symbols]
        return [part.coded for part in parts if part.coded is not None]

    def resolve(self, decoded: Sequence[NDArray[np.uint8]], zero: int) -> NDArray[np.uint8]:
        """The cell's symbols, uint8 (count,), given what its streams decode to. Damaged where gaps do not fit."""
        left = list(decoded)
        gaps = None if self.gaps is None else _value(self.gaps, left)
        symbols = _value(self.symbols, left)
        if gaps is None:
            return symbols
        steps = gaps.astype(np.int64)
        whole = steps == self.escape
        ends = np.cumsum(np.where(whole, steps, steps + 1))
        places = ends[~whole] - 1
        if places.size != symbols.size or (ends.size and ends[-1] > self.count):
            raise Damaged("has gaps that lead beyond the tensor")
        made = np.full(self.count, zero, np.uint8)
        made[places] = symbols
        return made


def _value(part: Pending, decoded: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return decoded.pop(0) if part.known is None else part.known


# ---------------------------------------------------------------- writing


def write_cell(symbols: NDArray[np.uint8], alphabet: int, zero: int | None) -> bytes:
    """The smaller of the dense and the sparse way; sparse only where there is a zero symbol."""
    dense = bytes([DENSE]) + write_stream(symbols, alphabet)
    if zero is None or 2 * np.count_nonzero(symbols == zero) < symbols.size:
        return dense
    sparse = bytes([SPARSE]) + _write_sparse(symbols, alphabet, zero)
    return dense if len(dense) <= len(sparse) else sparse


def _write_sparse(symbols: NDArray[np.uint8], alphabet: int, zero: int) -> bytes:
    places = np.flatnonzero(symbols != zero)
    gaps = np.diff(places, prepend=-1) - 1
    ways = (_write_gaps(gaps, escape) for escape in (15, 31, 63, 127, 255))
    best = min(ways, key=len)
    return places.size.to_bytes(4, "little") + best + write_stream(symbols[places], alphabet)


def _write_gaps(gaps: NDArray[np.int64], escape: int) -> bytes:
    whole = gaps // escape
    made = np.full(int(whole.sum()) + gaps.size, escape, np.uint8)
    made[np.cumsum(whole + 1) - 1] = gaps % escape
    return bytes([escape]) + made.size.to_bytes(4, "little") + write_stream(made, escape + 1, geometric=True)


def write_stream(symbols: NDArray[np.uint8], alphabet: int, *, geometric: bool = False) -> bytes:
    """Symbols below `alphabet` in the smallest way; their number is not kept.

    geometric: whether a geometric table is tried as well.
    """
    width = (alphabet - 1).bit_length()
    raw = bytes([RAW]) + pack_bits(symbols, width)
    counts = np.bincount(symbols, minlength=alphabet).astype(np.int64)
    used = np.flatnonzero(counts)
    if used.size == 0:
        return raw
    if used.size == 1:
        return bytes([ONE, int(used[0])])
    free = tables.normalised(counts)
    ways = [(free, tables.write_table(free))]
    if geometric:
        ratio = tables.best_ratio(counts)
        ways.append((tables.geometric(ratio, alphabet), tables.write_table(free, ratio)))
    freq, table = min(ways, key=lambda way: 8 * len(way[1]) + _bits(counts, way[0]))
    lanes = lanes_for(symbols.size, _bits(counts, freq))
    if len(table) + _bits(counts, freq) / 8 + 3 * lanes > len(raw):
        return raw
    stream = rans.encode(symbols, freq, lanes)
    coded = bytes([CODED]) + table + lanes.to_bytes(2, "little") + stream.words.size.to_bytes(4, "little")
    coded += stream.states.astype("<u4").tobytes() + stream.words.astype("<u2").tobytes()
    return coded if len(coded) < len(raw) else raw


def lanes_for(count: int, bits: float) -> int:
    """How many lanes code so many symbols of so many bits together."""
    return max(-(-count // STEPS), min(-(-count // CHUNK), int(bits) // LANE_BITS), 1)


def _bits(counts: NDArray[np.int64], freq: NDArray[np.int64]) -> float:
    used = counts > 0
    return float((counts[used] * (tables.BITS - np.log2(freq[used]))).sum())


# ---------------------------------------------------------------- reading


def read_cell(cursor: Cursor, count: int, alphabet: int, zero: int | None) -> Cell:
    """A cell of so many symbols. Damaged where lengths or codes cannot be."""
    way = cursor.number(1)
    if way == DENSE:
        return Cell(count, read_stream(cursor, count, alphabet))
    if way != SPARSE or zero is None:
        raise Damaged("has a cell of an unknown kind")
    codes, escape, gaps = cursor.number(4), cursor.number(1), cursor.number(4)
    if not escape or codes > count or gaps > codes + count // escape:
        raise Damaged("has more codes or gaps than values")
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
    lanes, words = cursor.number(2), cursor.number(4)
    if not 0 < lanes <= count or -(-count // lanes) > STEPS:
        raise Damaged(f"has {count} symbols in {lanes} lanes")
    if words > count + lanes:
        raise Damaged("has more words than symbols")
    return Pending(None, rans.Stream(count, freq, cursor.array("u4", lanes), cursor.array("u2", words)))
