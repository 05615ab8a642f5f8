"""Small pictures of an object, for lists: cut out of its snapshot when somebody looks, and kept for the next look."""

from __future__ import annotations

import threading
from collections import OrderedDict

import cv2
import numpy as np

from edge.types import U8, Box

SIDE = 192
MAX_BYTES = 12_000
AROUND = 0.25
"""How much of the surroundings is shown on each side, as a part of the object's longer side."""


def thumbnail(jpeg: bytes, box: Box | None) -> bytes | None:
    """A JPEG of at most MAX_BYTES and SIDE pixels a side, about square, around an object.

    Args:
        jpeg: its snapshot
        box: x1, y1, x2, y2, from 0 to 1 of the picture; None takes the whole picture

    Returns:
        None if the snapshot is no picture.
    """
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if image is None:
        return None
    cut = _cut(np.asarray(image, np.uint8), box)
    scale = min(1.0, SIDE / max(cut.shape[:2]))
    size = max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))
    small = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
    for quality in (80, 65, 50, 35, 20):
        _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= MAX_BYTES:
            break
    return data.tobytes()


def _cut(image: U8, box: Box | None) -> U8:
    """The part of a picture around a box: a square where the picture is large enough for it."""
    h, w = image.shape[:2]
    if box is None:
        return image
    x1, y1, x2, y2 = box[0] * w, box[1] * h, box[2] * w, box[3] * h
    side = max(x2 - x1, y2 - y1, 16.0) * (1 + 2 * AROUND)
    wide, tall = min(round(side), w), min(round(side), h)
    left = min(max(round((x1 + x2) / 2 - wide / 2), 0), w - wide)
    top = min(max(round((y1 + y2) / 2 - tall / 2), 0), h - tall)
    return image[top : top + tall, left : left + wide]


class Thumbnails:
    """The newest thumbnails that were asked for. Any thread."""

    def __init__(self, keep: int = 200) -> None:
        self._keep = keep
        self._made: OrderedDict[tuple[str, float], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, stamp: float) -> bytes | None:
        """One that was made before. stamp: of the snapshot's file, so that a better snapshot gets a new one."""
        with self._lock:
            made = self._made.get((name, stamp))
            if made is not None:
                self._made.move_to_end((name, stamp))
            return made

    def put(self, name: str, stamp: float, jpeg: bytes) -> None:
        """Keep one, and forget the one that was asked for longest ago."""
        with self._lock:
            self._made[name, stamp] = jpeg
            if len(self._made) > self._keep:
                self._made.popitem(last=False)
