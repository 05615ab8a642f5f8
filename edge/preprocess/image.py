"""A picture from an image file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.errors import SourceError
from edge.paths import read_bounded
from edge.types import U8

MOST_BYTES = 256 << 20
"""Of an image's file; a large panorama has some tens of MB."""


def read_image(path: Path) -> U8:
    """A BGR image, uint8 (h, w, 3), upright; SourceError in one line if it cannot be read."""
    try:
        raw = np.frombuffer(read_bounded(path, MOST_BYTES), np.uint8)
    except OSError as fault:
        raise SourceError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    try:
        image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except cv2.error:
        image = None
    if image is None:
        raise SourceError(f"{path}: not an image that can be read (JPEG, PNG, BMP, WebP, TIFF)")
    return np.asarray(image, np.uint8)
