"""A camera that needs no hardware: `synthetic:`, a bright block that walks over a textured wall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from edge.capture.base import Shot
from edge.types import I420, U8


@dataclass(slots=True)
class Synthetic:
    """A `Source` of I420 pictures, made from a seed.

    The block crosses the picture in `walk_s` seconds and stays away as long.
    """

    width: int = 640
    height: int = 480
    fps: float = 10.0
    live: bool = False
    walk_s: float = 6.0
    noise: float = 1.5
    seed: int = 0

    def shots(self) -> Iterator[Shot]:
        """Pictures without end."""
        random = np.random.default_rng(self.seed)
        coarse = random.integers(70, 150, (self.height // 40, self.width // 40)).astype(np.float32)
        wall = cv2.resize(coarse, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        chroma = np.full(((self.height + 1) // 2, (self.width + 1) // 2), 128, np.uint8)
        index = 0
        while True:
            time = index / self.fps
            yield Shot(time, I420(self._luma(wall.astype(np.float32), time, random), chroma, chroma))
            index += 1

    def close(self) -> None:
        """Nothing to give back."""

    def _luma(self, wall: np.typing.NDArray[np.float32], time: float, random: np.random.Generator) -> U8:
        picture = wall + random.normal(0, self.noise, wall.shape).astype(np.float32)
        part = time % (2 * self.walk_s) / self.walk_s
        if part < 1:
            block_w, block_h = self.width // 12, self.height // 3
            x = int(part * (self.width + block_w)) - block_w
            picture[self.height // 2 : self.height // 2 + block_h, max(x, 0) : max(x + block_w, 0)] += 70
        return picture.clip(16, 235).astype(np.uint8)


def open_synthetic(_: str) -> Synthetic:
    """The synthetic camera at its default size and rate."""
    return Synthetic()
