"""Weights cut out of a file, for carriers that place them by offset; `carriers.fill_holes` puts them back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edge.models.packed.weight import Weight

LEAST = 64
"""Values that a tensor must have to be a weight; what is smaller costs more in the manifest than it could save."""


def cut(content: bytes, found: Iterable[tuple[str, tuple[int, ...], str, int]]) -> tuple[bytes, list[Weight]]:
    """Cut tensors out of a file, each stretch of bytes once; what overlaps one that comes before stays.

    Args:
        found: name, shape, NumPy's name of the element type and first byte, little-endian and in C order; names may
            come twice, places may be none.

    Returns:
        what is left of the file, and the weights by offset, each under a name of its own.
    """
    weights: list[Weight] = []
    names: set[str] = set()
    left, end = [], 0
    for name, shape, dtype, at in sorted(found, key=lambda one: (one[3], one[0])):
        kind = np.dtype(dtype).newbyteorder("<")
        count = _count(shape)
        if count < LEAST or at < end or at + count * kind.itemsize > len(content):
            continue
        if kind.kind == "b" and max(content[at : at + count]) > 1:
            continue  # a reader gives back 0 and 1 alone
        own = name if name and name not in names else f"{name}@{at}"
        names.add(own)
        array = np.frombuffer(content, kind, count, at).astype(np.dtype(dtype)).reshape(shape)
        weights.append(Weight(own, array, at=at))
        left.append(content[end:at])
        end = at + count * kind.itemsize
    left.append(content[end:])
    return b"".join(left), weights


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for side in shape:
        count *= max(0, side)
    return count
