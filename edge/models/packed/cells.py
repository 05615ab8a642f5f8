"""A cell, the symbols of one class of a tensor's channels, as bytes: dense, or as gaps and codes.

A cell is dense (every symbol coded) or has the codes of those symbols alone that are not the tensor's zero, and before
them where they are: as gaps, or, where the tensor has kernels, as masks of them, since pruning leaves like shapes. Each
stream is raw bits, one symbol, or entropy-coded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.models.packed import rans, tables
from edge.models.packed.bits import Cursor, Damaged, pack_bits, unpack_bits
from edge.models.packed.limits import CHUNK, LANES, STEPS

DENSE, GAPS, MASKS = 0, 1, 2
SPARSE = (GAPS, MASKS)
RAW, ONE, CODED = 0, 1, 2
ESCAPES = (15, 31, 63, 127, 255)
_BLOCK = 1 << 18
LANE_BITS = 1024
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
    symbols: of a dense cell all of them, else those that are not zero
    gaps: where they are; a gap of `escape` only skips so many zeros and has no code
    masks: or so, a stream for each group of a kernel's positions
    kernel: symbols of a kernel
    """

    count: int
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
        """The cell's symbols, uint8 (count,), given what its streams decode to. Damaged where gaps do not fit."""
        left = list(decoded)
        masks = [_value(mask, left) for mask in self.masks]
        gaps = None if self.gaps is None else _value(self.gaps, left)
        symbols = _value(self.symbols, left)
        if not masks and gaps is None:
            return symbols
        made = np.full(self.count, zero, np.uint8)
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
            if at > self.count or used + places.size > symbols.size:
                raise Damaged("has gaps that lead beyond the tensor")
            made[places] = symbols[used : used + places.size]
            used += places.size
        if used != symbols.size:
            raise Damaged("has not as many codes as places for them")

    def _unmask(self, made: NDArray[np.uint8], masks: Sequence[NDArray[np.uint8]], symbols: NDArray[np.uint8]) -> None:
        used = np.empty((self.count // self.kernel, self.kernel), bool)
        for mask, positions in zip(masks, _groups(self.kernel), strict=True):
            for bit, position in enumerate(positions):
                used[:, position] = mask >> bit & 1
        if np.count_nonzero(used) != symbols.size:
            raise Damaged("has not as many codes as places for them")
        made[used.reshape(-1)] = symbols


def _groups(kernel: int) -> list[list[int]]:
    """The positions of a kernel, eight at a time; the middle one alone where the last group would be one."""
    order = [*(k for k in range(kernel) if k != kernel // 2), kernel // 2]
    return [order[first : first + 8] for first in range(0, kernel, 8)]


def _value(part: Pending, decoded: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return decoded.pop(0) if part.known is None else part.known


# ---------------------------------------------------------------- writing


@dataclass(frozen=True, slots=True)
class Draft:
    """Bytes that are not made yet, since making them takes long.

    size: how many they will be; of entropy-coded ones to some bytes a lane
    sparse: of a cell, whether its zeros are left out
    """

    size: int
    make: Callable[[], bytes]
    sparse: bool = False


def by_size(draft: Draft) -> int:
    """For `min` and `sorted`."""
    return draft.size


def joined(head: bytes, *parts: Draft, sparse: bool = False) -> Draft:
    """A head and drafts, one behind the other."""
    return Draft(len(head) + sum(map(by_size, parts)), lambda: head + b"".join(part.make() for part in parts), sparse)


def draft_cell(symbols: NDArray[np.uint8], alphabet: int, zero: int | None, kernel: int = 1) -> Draft:
    """The smallest way; sparse ones only where there is a zero symbol that is common.

    kernel: how many symbols that lie together are a kernel's
    """
    dense = joined(bytes([DENSE]), draft_stream(symbols, alphabet))
    if zero is None or 3 * np.count_nonzero(symbols == zero) < symbols.size:
        return dense
    places = np.flatnonzero(symbols != zero)
    codes = draft_stream(symbols[places], alphabet)
    count = places.size.to_bytes(4, "little")
    gaps = np.diff(places, prepend=-1) - 1
    stepped = min((_draft_gaps(gaps, escape) for escape in ESCAPES), key=by_size)
    ways = [dense, joined(bytes([GAPS]) + count, stepped, codes, sparse=True)]
    if kernel > 1:
        masks = _draft_masks((symbols != zero).reshape(-1, kernel))
        ways.append(joined(bytes([MASKS]) + count, *masks, codes, sparse=True))
    return min(ways, key=by_size)


def _draft_masks(used: NDArray[np.bool_]) -> list[Draft]:
    groups = _groups(used.shape[1])
    masks = [(used[:, positions] << np.arange(len(positions))).sum(axis=1).astype(np.uint8) for positions in groups]
    return [draft_stream(mask, 1 << len(positions)) for mask, positions in zip(masks, groups, strict=True)]


def _draft_gaps(gaps: NDArray[np.int64], escape: int) -> Draft:
    whole = gaps // escape
    made = np.full(int(whole.sum()) + gaps.size, escape, np.uint8)
    made[np.cumsum(whole + 1) - 1] = gaps % escape
    return joined(bytes([escape]) + made.size.to_bytes(4, "little"), draft_stream(made, escape + 1, geometric=True))


def draft_stream(symbols: NDArray[np.uint8], alphabet: int, *, geometric: bool = False) -> Draft:
    """Symbols below `alphabet` in the smallest way; their number is not kept.

    geometric: whether a geometric table is tried as well.
    """
    width = (alphabet - 1).bit_length()
    raw = Draft(1 + -(-symbols.size * width // 8), lambda: bytes([RAW]) + pack_bits(symbols, width))
    counts = np.bincount(symbols, minlength=alphabet).astype(np.int64)
    used = np.flatnonzero(counts)
    if used.size == 0:
        return raw
    if used.size == 1:
        return Draft(2, lambda: bytes([ONE, int(used[0])]))
    free = tables.normalised(counts)
    ways = [(free, tables.write_table(free))]
    if geometric:
        ratio = tables.best_ratio(counts)
        ways.append((tables.geometric(ratio, alphabet), tables.write_table(free, ratio)))
    freq, table = min(ways, key=lambda way: 8 * len(way[1]) + _bits(counts, way[0]))
    lanes = lanes_for(symbols.size, _bits(counts, freq))
    if lanes > LANES:
        return raw
    # Each lane begins at 16 bits, and ends with up to 32 of which its state keeps 24 in the mean.
    size = 7 + len(table) + int(_bits(counts, freq)) // 8 + 3 * lanes
    coded = Draft(size, lambda: _write_coded(symbols, freq, table, lanes))
    return min(raw, coded, key=by_size)


def _write_coded(symbols: NDArray[np.uint8], freq: NDArray[np.int64], table: bytes, lanes: int) -> bytes:
    stream = rans.encode(symbols, freq, lanes)
    head = bytes([CODED]) + table + lanes.to_bytes(2, "little") + stream.words.size.to_bytes(4, "little")
    return head + stream.states.astype("<u4").tobytes() + stream.words.astype("<u2").tobytes()


def lanes_for(count: int, bits: float) -> int:
    """How many lanes code so many symbols of so many bits together."""
    return max(-(-count // STEPS), min(-(-count // CHUNK), int(bits) // LANE_BITS), 1)


def _bits(counts: NDArray[np.int64], freq: NDArray[np.int64]) -> float:
    used = counts > 0
    return float((counts[used] * (tables.BITS - np.log2(freq[used]))).sum())


# ---------------------------------------------------------------- reading


def read_cell(cursor: Cursor, count: int, alphabet: int, zero: int | None, kernel: int = 1) -> Cell:
    """A cell of so many symbols, a multiple of `kernel`. Damaged where lengths or codes cannot be."""
    way = cursor.number(1)
    if way == DENSE:
        return Cell(count, read_stream(cursor, count, alphabet))
    if way not in SPARSE or zero is None or (way == MASKS and kernel == 1):
        raise Damaged("has a cell of an unknown kind")
    codes = cursor.number(4)
    if codes > count:
        raise Damaged("has more codes than values")
    if way == MASKS:
        masks = tuple(read_stream(cursor, count // kernel, 1 << len(positions)) for positions in _groups(kernel))
        return Cell(count, read_stream(cursor, codes, alphabet), masks=masks, kernel=kernel)
    escape, gaps = cursor.number(1), cursor.number(4)
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
    lanes, words = cursor.number(2), cursor.number(4)
    if not 0 < lanes <= count or -(-count // lanes) > STEPS or (lanes > 1 and -(-count // lanes) <= CHUNK // 2):
        raise Damaged(f"has {count} symbols in {lanes} lanes")
    if words > count + lanes:
        raise Damaged("has more words than symbols")
    return Pending(None, rans.Stream(count, freq, cursor.array("u4", lanes), cursor.array("u2", words)))
