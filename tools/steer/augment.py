"""Pictures of a lesson as they might have been: from the other side, from a little further left, in another light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.types import F32, U8


@dataclass(frozen=True, slots=True)
class Variety:
    """How much pictures are varied; each time that one is learned from, anew.

    flip: the chance that it is seen in the mirror, where the steering has the other sign
    shift: it is moved sideways by at most this part of its width
    back: what that changes of the steering, by parts of the width: a road that lies further right wants it to the
        right. 1.28 is 0.004 a pixel of 320
    light: pixels of colour or grey are brightened or darkened by at most this factor; a saturation has no light
    """

    flip: float = 0.5
    shift: float = 0.1
    back: float = 1.28
    light: float = 1.4


def varied(seen: U8, said: F32, variety: Variety, rng: np.random.Generator, *, lit: bool) -> tuple[U8, F32]:
    """Vary pictures, uint8 (n, rows, columns, channels), and their steering, float32 (n,).

    Args:
        lit: whether the pixels are of colour or grey, which the light changes
    """
    count, _, width, _ = seen.shape
    mirrored = np.asarray(rng.random(count) < variety.flip)
    moved = np.rint(rng.uniform(-variety.shift, variety.shift, count) * width).astype(np.int64)
    columns: NDArray[np.int64] = np.clip(np.arange(width) - moved[:, None], 0, width - 1)
    columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
    pixels = np.take_along_axis(seen, columns[:, None, :, None], axis=2)
    if lit:
        factors = variety.light ** rng.uniform(-1, 1, (count, 1, 1, 1)).astype(np.float32)
        pixels = np.minimum(pixels * factors, 255).astype(np.uint8)
    steering = said + np.float32(variety.back) * (moved / width).astype(np.float32)
    steering = np.where(mirrored, -steering, steering)
    return pixels, np.clip(steering, -1, 1).astype(np.float32)
