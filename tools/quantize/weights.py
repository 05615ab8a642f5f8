"""Weights onto symmetric integer grids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.weight import Grid
from edge.tools.quantize.plan import coarse

SHRINK = np.linspace(1.0, 0.5, 26)
"""Shares of a channel's largest weight that are tried as the end of its grid."""


def scales_of(
    array: NDArray[np.float32], axis: int, largest_code: int, per_channel: bool = True
) -> NDArray[np.float32]:
    """The scales with the least squared error of rounding and clipping, float32 (channels,) or (1,).

    largest_code: of the grid; the smallest is its negative.
    """
    rows = np.moveaxis(array, axis, 0).reshape(array.shape[axis] if per_channel else 1, -1).astype(np.float64)
    most = np.abs(rows).max(axis=1, initial=0.0)
    best = np.ones(len(rows), np.float32)
    least = np.full(len(rows), np.inf)
    for share in SHRINK:
        tried = np.where(most > 0, coarse(share * most / largest_code), np.float32(1))
        step = tried[:, None].astype(np.float64)
        error = np.square(np.rint(rows / step).clip(-largest_code, largest_code) * step - rows).sum(axis=1)
        better = error < least
        best[better], least[better] = tried[better], error[better]
    return best


def grid_of(array: NDArray[np.float32], scales: NDArray[np.float32], axis: int, largest_code: int) -> Grid:
    """Each weight at the nearest point of its channel's grid."""
    shape = [1] * array.ndim
    if scales.size > 1:
        shape[axis] = -1
    codes = np.rint(array / scales.reshape(shape)).clip(-largest_code, largest_code).astype(np.int16)
    return Grid(codes, scales, axis)
