"""Huffman's code, as Deep Compression uses it: kept to compare with, no file has it.

Source: D. A. Huffman, A Method for the Construction of Minimum-Redundancy Codes (1952).
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH_BITS = 5
"""Of a symbol's code length in a table; lengths of fewer than 32 bits suffice for a million symbols of a layer."""


def code_lengths(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Bits of each symbol's code, 0 for one that does not occur; (n,)."""
    lengths = np.zeros(counts.size, np.int64)
    heap = [(int(count), symbol, (symbol,)) for symbol, count in enumerate(counts) if count]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        low, high = heapq.heappop(heap), heapq.heappop(heap)
        below = low[2] + high[2]
        lengths[list(below)] += 1
        heapq.heappush(heap, (low[0] + high[0], min(low[1], high[1]), below))
    return lengths


def huffman_bytes(symbols: NDArray[np.uint8], alphabet: int = 256) -> int:
    """What these symbols and the lengths of their codes take together."""
    counts = np.bincount(symbols, minlength=alphabet)
    return int((counts * code_lengths(counts)).sum() + alphabet * LENGTH_BITS + 7) // 8
