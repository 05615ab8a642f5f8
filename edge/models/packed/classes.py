"""Channels of a tensor sorted into classes of like distributions, so that each class has a table that fits it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.limits import CLASSES

ROUNDS = 12


class Split(NamedTuple):
    """Which class each channel is of.

    axis: of the channels
    classes: how many there are, 1..8
    of: uint8 (channels,), each below `classes`
    """

    axis: int
    classes: int
    of: NDArray[np.uint8]

    def parts(self, symbols: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The symbols of each class in one dimension: channel after channel, each as it lies in the tensor."""
        along = np.moveaxis(symbols, self.axis, 0)
        return [np.ascontiguousarray(along[self.of == k]).reshape(-1) for k in range(self.classes)]

    def joined(self, parts: list[NDArray[np.uint8]], shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """The tensor's symbols, uint8 of its shape, out of those of the classes."""
        made = np.empty(shape, np.uint8)
        along = np.moveaxis(made, self.axis, 0)
        for k, part in enumerate(parts):
            chosen = self.of == k
            along[chosen] = part.reshape(int(chosen.sum()), *along.shape[1:])
        return made


def splits(symbols: NDArray[np.uint8], alphabet: int) -> list[Split]:
    """Ways to split a tensor along its first or its second axis that promise to be smaller, at most one an axis."""
    found = []
    for axis in range(min(2, symbols.ndim)):
        channels = symbols.shape[axis]
        if channels < 4:
            continue
        flat = np.moveaxis(symbols, axis, 0).reshape(channels, -1)
        counts = np.zeros((channels, alphabet))
        for channel, row in zip(counts, flat, strict=True):
            channel += np.bincount(row, minlength=alphabet)
        best = min((_clustered(counts, k) for k in range(1, CLASSES + 1)), key=lambda given: given[0])
        if best[1].max() > 0:
            found.append(Split(axis, int(best[1].max()) + 1, best[1]))
    return found


def _clustered(counts: NDArray[np.float64], k: int) -> tuple[float, NDArray[np.uint8]]:
    """The bits of a split into k classes, tables included, and the class of each channel.

    k-means in the Kullback-Leibler divergence: a channel goes where its code is shortest. It starts from channels
    sorted by their entropy, so that two runs find the same.
    """
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    entropy = -(shares * np.log2(np.maximum(shares, 1e-12))).sum(axis=1)
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(entropy, kind="stable")] = np.arange(len(counts))
    of = rank * k // len(counts)
    cost = np.zeros((len(counts), k))
    for _ in range(ROUNDS if k > 1 else 1):
        for j in range(k):
            pooled = counts[of == j].sum(axis=0) + 0.02
            cost[:, j] = -(counts @ np.log2(pooled / pooled.sum()))
        moved = cost.argmin(axis=1)
        if (moved == of).all():
            break
        of = moved
    _, of = np.unique(of, return_inverse=True)
    bits = 0.0
    for j in range(int(of.max()) + 1):
        pooled = counts[of == j].sum(axis=0)
        used = pooled[pooled > 0]
        bits += float(-(used * np.log2(used / used.sum())).sum()) + _table_bits(pooled) + 40
    return bits + len(counts) * int(of.max()).bit_length(), of.astype(np.uint8)


def _table_bits(counts: NDArray[np.float64]) -> float:
    used = counts[counts > 0]
    if used.size < 2:
        return 16.0
    # A frequency is written to about its own standard deviation, a symbol that does not occur in about a bit.
    return float(np.log2(2 + np.sqrt(used)).sum() + 0.5 * used.size + (counts.size - used.size) + 64)
