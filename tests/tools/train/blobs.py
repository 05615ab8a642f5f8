"""Pictures that are quickly learned: a bright spot, whose place is the class."""

from __future__ import annotations

import numpy as np

from edge.tools.train.data import Samples


def blobs(number: int, seed: int) -> Samples:
    """uint8 (n, 1, 28, 28): a spot of 5 x 5 with noise around, ten places."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 10, number)
    pixels = draw.integers(0, 60, (number, 1, 28, 28), np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        down, right = 4 + 12 * (label // 5), 1 + 5 * (label % 5)
        picture[0, down : down + 5, right : right + 5] = 230
    return Samples(pixels, labels.astype(np.int64))
