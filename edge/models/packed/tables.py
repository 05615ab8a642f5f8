"""Frequency tables of the entropy coder: 12 bits in all, written in a few bits a symbol."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.bits import Cursor, Damaged, pack_rice, unpack_rice

BITS = 12
TOTAL = 1 << BITS
PLAIN, DELTAS, GEOMETRIC = 0, 1, 2
"""How a table is written: the frequencies, the differences of neighbours, or the ratio of a geometric distribution."""
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


def write_table(freq: NDArray[np.int64], ratio: int | None = None) -> bytes:
    """A table of at least two symbols as bytes; `ratio` where it is that of `geometric`."""
    if ratio is not None:
        return bytes([GEOMETRIC]) + ratio.to_bytes(2, "little")
    steps = np.diff(freq, prepend=0)
    plain, deltas = pack_rice(freq), pack_rice(np.where(steps < 0, -2 * steps - 1, 2 * steps))
    return bytes([PLAIN]) + plain if len(plain) <= len(deltas) else bytes([DELTAS]) + deltas


def read_table(cursor: Cursor, size: int) -> NDArray[np.int64]:
    """The frequencies that `write_table` wrote, int64 (size,). Damaged unless they sum to `TOTAL`, two or more used."""
    kind = cursor.number(1)
    if kind == GEOMETRIC:
        ratio = cursor.number(2)
        if not ratio or size < 2:
            raise Damaged("has a geometric table without a ratio")
        return geometric(ratio, size)
    if kind not in (PLAIN, DELTAS):
        raise Damaged(f"has a table of kind {kind}")
    coded = unpack_rice(cursor, size)
    if (coded > 2 * TOTAL).any():
        raise Damaged("has a frequency that is too large")
    freq = coded.astype(np.int64)
    if kind == DELTAS:
        freq = np.cumsum(np.where(freq & 1, -(freq + 1) // 2, freq // 2))
    if (freq < 0).any() or (freq >= TOTAL).any() or freq.sum() != TOTAL:
        raise Damaged("has frequencies that do not make a table")
    return freq
