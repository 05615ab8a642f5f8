"""Frequency tables of the entropy coder: 12 bits in all, written in a few bits a symbol, no finer than is worth it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.bits import Cursor, Damaged, pack_rice, unpack_rice

BITS = 12
TOTAL = 1 << BITS
PLAIN, DELTAS, GEOMETRIC = 0, 1, 2
"""How a table is written: the rungs of the frequencies, the differences of neighbours among these, or the ratio of a
geometric distribution."""
KIND_BITS = 4
LADDERS = (1, 2, 3, 4, 5, 6, BITS)
"""Ladders that are tried: the last one has a rung for every frequency."""
RATIO_BITS = 16


def normalised(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frequencies that sum to `TOTAL`, each at least 1 where the count is not 0, with the least code length.

    Args:
        counts: of each symbol, (n,), at least two of them not 0.
    """
    used = counts > 0
    exact = counts / counts.sum() * TOTAL
    freq = np.where(used, np.maximum(np.floor(exact), 1), 0).astype(np.int64)
    while True:
        short = TOTAL - int(freq.sum())
        if short == 0:
            return freq
        # The bits won by one more, or lost by one less: the best moves first, several at once but each symbol once.
        with np.errstate(divide="ignore", invalid="ignore"):
            if short > 0:
                worth = np.where(used, counts * np.log2((freq + 1) / freq), -1.0)
            else:
                worth = np.where(freq > 1, -counts * np.log2(freq / (freq - 1)), -np.inf)
        most = max(1, min(abs(short), int((freq > 1).sum()) // 8))
        best = np.argsort(-worth, kind="stable")[:most]
        freq[best] += 1 if short > 0 else -1


def geometric(ratio: int, size: int) -> NDArray[np.int64]:
    """The frequencies of a geometric distribution whose last symbol stands for all that is longer.

    Args:
        ratio: of a symbol's probability to that of the one before, in units of 2**-16, 1..65535.
        size: of the alphabet, 2..256.

    Returns:
        int64 (size,), each at least 1, sum `TOTAL`. In integers alone, so that every machine gets the same.
    """
    spare = TOTAL - size
    freq, left, reached = [], 1 << 30, 0
    for _ in range(size - 1):
        left = left * ratio >> RATIO_BITS
        upto = ((1 << 30) - left) * spare >> 30
        freq.append(1 + upto - reached)
        reached = upto
    return np.array([*freq, 1 + spare - reached], np.int64)


def best_ratio(counts: NDArray[np.int64]) -> int:
    """The ratio with which `geometric` fits these counts: the maximum likelihood of a truncated geometric."""
    index = np.arange(counts.size)
    total, last = int(counts.sum()), int(counts[-1])
    more = float((counts * index).sum())
    return int(np.clip(round(more / max(1e-9, more + total - last) * (1 << RATIO_BITS)), 1, (1 << RATIO_BITS) - 1))


def rungs(ladder: int) -> NDArray[np.int64]:
    """The frequencies that a table can have, by their rung: int64 (TOTAL + 1,), ascending.

    Where f is the frequency, rungs are about 2 sqrt(f) / 2**(ladder / 2) apart, and one at least: each is known as well
    as counting symbols tells it, whose error grows with the root (the two-part code of J. Rissanen, Modeling by
    shortest data description, 1978, spends half the logarithm of the count on a parameter).
    """
    return _heights(np.arange(TOTAL + 1, dtype=np.int64), ladder)


def _heights(rung: NDArray[np.int64], ladder: int) -> NDArray[np.int64]:
    heights: NDArray[np.int64] = np.maximum(rung, rung * rung >> ladder)
    return heights


def fitted(counts: NDArray[np.int64], ladder: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rungs of a ladder for these counts, and the frequencies that a reader makes of them, int64 (n,) each."""
    exact, heights = normalised(counts), rungs(ladder)
    used = counts > 0
    high = np.clip(np.searchsorted(heights, exact), 1, TOTAL)
    low = high - 1
    # The middle is taken where steps are even: at the root.
    rung = np.where(np.sqrt(exact) - np.sqrt(heights[low]) < np.sqrt(heights[high]) - np.sqrt(exact), low, high)
    rung = np.where(used, np.maximum(rung, 1), 0)
    while short := TOTAL - int(heights[rung].sum()):
        moved = np.clip(rung + (1 if short > 0 else -1), 1, TOTAL)
        change = np.abs(heights[moved] - heights[rung])
        fits = used & (change > 0) & (change <= abs(short))
        if not fits.any():
            break
        worth = np.where(fits, counts * np.log2(heights[moved] / np.maximum(heights[rung], 1)), -np.inf)
        best = int(np.argmax(worth / np.maximum(change, 1)))
        rung[best] = moved[best]
    return rung, _frequencies(rung, ladder)


def _frequencies(rung: NDArray[np.int64], ladder: int) -> NDArray[np.int64]:
    """Of each symbol; what is missing to the total goes to the first of the commonest ones."""
    freq = _heights(rung, ladder)
    freq[freq.argmax()] += TOTAL - int(freq.sum())
    return freq


def write_table(rung: NDArray[np.int64], ladder: int) -> bytes:
    """A table of at least two symbols as bytes."""
    steps = np.diff(rung, prepend=0)
    plain, deltas = pack_rice(rung), pack_rice(np.where(steps < 0, -2 * steps - 1, 2 * steps))
    kind, coded = (PLAIN, plain) if len(plain) <= len(deltas) else (DELTAS, deltas)
    return bytes([ladder << KIND_BITS | kind]) + coded


def write_geometric(ratio: int) -> bytes:
    """The table that `geometric` makes."""
    return bytes([GEOMETRIC]) + ratio.to_bytes(2, "little")


def read_table(cursor: Cursor, size: int) -> NDArray[np.int64]:
    """The frequencies of a table, int64 (size,). Damaged unless they sum to `TOTAL`, two or more used."""
    head = cursor.number(1)
    kind, ladder = head & (1 << KIND_BITS) - 1, head >> KIND_BITS
    if head == GEOMETRIC:
        ratio = cursor.number(2)
        if not ratio or size < 2:
            raise Damaged("has a geometric table without a ratio")
        return geometric(ratio, size)
    if kind not in (PLAIN, DELTAS) or ladder > BITS:
        raise Damaged(f"has a table of kind {head}")
    coded = unpack_rice(cursor, size)
    if (coded > 2 * TOTAL).any():
        raise Damaged("has a frequency that is too large")
    rung = coded.astype(np.int64)
    if kind == DELTAS:
        rung = np.cumsum(np.where(rung & 1, -(rung + 1) // 2, rung // 2))
    if (rung < 0).any() or (rung > TOTAL).any():
        raise Damaged("has frequencies that do not make a table")
    freq = _frequencies(rung, ladder)
    if (freq < 0).any() or (freq >= TOTAL).any() or (freq[rung > 0] == 0).any():
        raise Damaged("has frequencies that do not make a table")
    return freq
