"""Pictures, and places in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edge.types.body import Body

U8: TypeAlias = NDArray[np.uint8]
F32: TypeAlias = NDArray[np.float32]
I32: TypeAlias = NDArray[np.int32]
Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the upright frame."""


@dataclass(frozen=True, slots=True)
class I420:
    """A picture as decoders leave it: planar YUV 4:2:0, limited range. Read-only views, rows may be padded.

    y: uint8 (h, w)
    u, v: uint8 (ceil(h / 2), ceil(w / 2))
    """

    y: U8
    u: U8
    v: U8

    @property
    def width(self) -> int:
        """Pixels a row."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.y.shape[0])

    def bgr(self) -> U8:
        """A new uint8 (h, w, 3) BGR image by BT.601; made only when somebody asks, it costs a pass over the frame."""
        h, w = self.y.shape
        if h % 2 or w % 2:
            # OpenCV's packed I420 wants even sides: the odd row or column is repeated, then cut off again.
            y = cv2.copyMakeBorder(self.y, 0, h % 2, 0, w % 2, cv2.BORDER_REPLICATE)
            return I420(np.asarray(y, np.uint8), self.u, self.v).bgr()[:h, :w]
        packed = np.empty((h * 3 // 2, w), np.uint8)
        packed[:h] = self.y
        packed[h:].reshape(-1)[: h * w // 4].reshape(h // 2, w // 2)[:] = self.u
        packed[h:].reshape(-1)[h * w // 4 :].reshape(h // 2, w // 2)[:] = self.v
        return np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420), np.uint8)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera.

    index: counts what the camera produced, from 0; a gap is a drop
    time: seconds on the pipeline's monotonic clock (a clip's own time in a replay)
    wall: Unix time of the capture in seconds (a clip's own time in a replay)
    bodies: of the people in it, by the numbers of their tracks, once they were looked at
    """

    camera: str
    index: int
    time: float
    wall: float
    picture: I420
    bodies: Mapping[int, Body] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.width, self.picture.height
