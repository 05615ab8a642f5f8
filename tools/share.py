"""Weight sharing: the values of a layer replaced by a few that they share, as Deep Compression does, for fewer bits.

Han, Mao, Dally: Deep Compression, 2015, section 3: centroids by k-means, begun evenly between the least and the largest
value (section 3.2: large weights matter most and are few, which random or density-based beginnings miss). Different
here: 0 is a centroid for good, and a value is not given to the nearest centroid but to that of least error + lambda *
bits (entropy-constrained, Chou, Lookabaugh and Gray 1989), since an entropy coder follows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.tools.rounding import SLOPE
from edge.types import F32

BINS = 1 << 13
"""Values that lie this near are treated alike: between the least and the largest value, evenly."""
ROUNDS = 30
STILL = 1e-5
"""The relative gain of a round below which the centroids stay."""

F64 = NDArray[np.float64]


def shared(array: F32, bits: int, importance: NDArray[np.floating] | None = None, frugal: float = 1.0) -> F32:
    """A tensor of the same shape with 2^bits different values at most, 0 among them; what was 0 stays 0.

    Args:
        importance: how much an error counts, broadcast to the tensor's shape; None: each alike.
        frugal: bits count this times as much as is even; 0 is plain k-means.
    """
    flat = array.ravel().astype(np.float64)
    stored = flat != 0
    values = flat[stored]
    if len(np.unique(values)) < 2**bits:
        return np.array(array)
    given = np.ones(array.shape) if importance is None else np.broadcast_to(importance, array.shape)
    weight = np.asarray(given.ravel()[stored], np.float64)
    weight = np.maximum(weight, 1e-6 * float(weight.mean()) + 1e-30)
    low, high = float(values.min()), float(values.max())
    place = np.minimum(((values - low) / (high - low) * BINS).astype(np.intp), BINS - 1)
    mass = np.asarray(np.bincount(place, weight, BINS), np.float64)
    mean = np.asarray(np.bincount(place, weight * values, BINS) / np.maximum(mass, 1e-300), np.float64)
    count = np.asarray(np.bincount(place, minlength=BINS), np.float64)
    centroids, chosen = _lloyd(mean, mass, count, np.linspace(low, high, 2**bits - 1), float((~stored).sum()), frugal)
    made = np.zeros_like(flat)
    made[stored] = centroids[chosen[place]]
    return np.asarray(made.reshape(array.shape), np.float32)


def _lloyd(mean: F64, mass: F64, count: F64, begin: F64, zeros: float, frugal: float) -> tuple[F64, NDArray[np.intp]]:
    """Centroids, the first of them 0, and the centroid of each bin."""
    centroids = np.concatenate([[0.0], begin])
    price = frugal * SLOPE * float(mass.sum() / count.sum()) * (begin[1] - begin[0]) ** 2 if len(begin) > 1 else 0.0
    lengths = np.zeros(len(centroids))
    before = np.inf
    used = count > 0
    mean, mass, count = mean[used], mass[used], count[used]
    for _ in range(ROUNDS):
        cost = mass[:, None] * np.square(mean[:, None] - centroids) + price * count[:, None] * lengths
        chosen = cost.argmin(axis=1)
        total = float(np.take_along_axis(cost, chosen[:, None], 1).sum())
        inside = np.bincount(chosen, mass, len(centroids))
        sums = np.bincount(chosen, mass * mean, len(centroids))
        moved = inside > 0
        moved[0] = False
        centroids[moved] = sums[moved] / inside[moved]
        often = np.bincount(chosen, count, len(centroids)) + 1e-3
        often[0] += zeros
        lengths = -np.log2(often / often.sum())
        if before - total < STILL * total:
            break
        before = total
    whole = np.zeros(len(used), np.intp)
    whole[used] = chosen
    return centroids, whole
