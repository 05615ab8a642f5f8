"""Non-maximum suppression within classes, by OpenCV."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import F32


def keep(boxes: F32, scores: F32, classes: NDArray[np.integer], iou: float) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best score first.

    Args:
        boxes: float32 (n, 4), x1 y1 x2 y2.
        scores: float32 (n,).
        classes: (n,); boxes of different classes never suppress one another.
        iou: a box overlapping a better one of its class by more than this goes.
    """
    if len(scores) == 0:
        return np.zeros(0, np.intp)
    corners_and_sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    suppress: Any = cv2.dnn.NMSBoxesBatched  # its stub knows lists alone, it takes arrays
    kept = suppress(corners_and_sizes, scores, classes.astype(np.int32), 0.0, iou)
    indices = np.asarray(kept, np.intp).reshape(-1)
    return indices[np.argsort(-scores[indices], kind="stable")]
