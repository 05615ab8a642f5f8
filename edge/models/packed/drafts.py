"""A cell on its way into a file: every way to write it is measured before the smallest is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.models.packed import rans, tables
from edge.models.packed.bits import pack_bits, pack_count
from edge.models.packed.cells import CODED, DENSE, GAPS, MASKS, ONE, RAW, groups
from edge.models.packed.limits import CHUNK, LANES, STEPS

ESCAPES = (15, 31, 63, 127, 255)
LANE_BITS = 512
"""The least that a lane carries: its state costs 24 bits of these."""


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
    count = pack_count(places.size)
    gaps = np.diff(places, prepend=-1) - 1
    stepped = min((_draft_gaps(gaps, escape) for escape in ESCAPES), key=by_size)
    ways = [dense, joined(bytes([GAPS]) + count, stepped, codes, sparse=True)]
    if kernel > 1:
        masks = _draft_masks((symbols != zero).reshape(-1, kernel))
        ways.append(joined(bytes([MASKS]) + count, *masks, codes, sparse=True))
    return min(ways, key=by_size)


def _draft_masks(used: NDArray[np.bool_]) -> list[Draft]:
    drafts = []
    for positions in groups(used.shape[1]):
        mask = (used[:, positions] << np.arange(len(positions))).sum(axis=1).astype(np.uint8)
        drafts.append(draft_stream(mask, 1 << len(positions)))
    return drafts


def _draft_gaps(gaps: NDArray[np.int64], escape: int) -> Draft:
    whole = gaps // escape
    made = np.full(int(whole.sum()) + gaps.size, escape, np.uint8)
    made[np.cumsum(whole + 1) - 1] = gaps % escape
    return joined(bytes([escape]) + pack_count(made.size), draft_stream(made, escape + 1, geometric=True))


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
    ways = []
    for ladder in tables.LADDERS:
        rung, freq = tables.fitted(counts, ladder)
        ways.append((freq, tables.write_table(rung, ladder)))
    if geometric:
        ratio = tables.best_ratio(counts)
        ways.append((tables.geometric(ratio, alphabet), tables.write_geometric(ratio)))
    freq, table = min(ways, key=lambda way: 8 * len(way[1]) + _bits(counts, way[0]))
    lanes = lanes_for(symbols.size, _bits(counts, freq))
    if lanes > LANES:
        return raw
    # Each lane begins at 16 bits, and ends with up to 32 of which its state keeps 24 in the mean.
    size = 4 + len(table) + int(_bits(counts, freq)) // 8 + 3 * lanes
    coded = Draft(size, lambda: _write_coded(symbols, freq, table, lanes))
    return min(raw, coded, key=by_size)


def _write_coded(symbols: NDArray[np.uint8], freq: NDArray[np.int64], table: bytes, lanes: int) -> bytes:
    stream = rans.encode(symbols, freq, lanes)
    head = bytes([CODED]) + table + pack_count(lanes) + pack_count(stream.words.size)
    return head + stream.states.astype("<u4").tobytes() + stream.words.astype("<u2").tobytes()


def lanes_for(count: int, bits: float) -> int:
    """How many lanes code so many symbols of so many bits together."""
    return max(-(-count // STEPS), min(-(-count // CHUNK), int(bits) // LANE_BITS), 1)


def _bits(counts: NDArray[np.int64], freq: NDArray[np.int64]) -> float:
    used = counts > 0
    return float((counts[used] * (tables.BITS - np.log2(freq[used]))).sum())
