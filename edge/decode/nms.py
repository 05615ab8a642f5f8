"""Non-maximum suppression within classes, by OpenCV, and the end of most heads around it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decode.head import detections
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, Detections

FAR = 1e6
"""Pixels of the input; a box that reaches further is rubbish. OpenCV keeps classes apart by shifting each by the
furthest corner of all, so that one of 1e30 would blur the others."""

CORNERS_AND_SIZES: F32 = np.array([[1, 0, -1, 0], [0, 1, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)
"""x1 y1 x2 y2 times this is x1 y1 w h."""

MOST = 3000
"""Candidates that are looked at: the work grows with the square, and a picture has some hundreds."""


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
    corners_and_sizes = boxes @ CORNERS_AND_SIZES
    # It takes arrays as well, and reads them item by item: lists are done in half the time.
    kept = cv2.dnn.NMSBoxesBatched(corners_and_sizes.tolist(), scores.tolist(), classes.tolist(), 0.0, iou)
    # They come in the order of their scores, best first, and equals in the order that they were given.
    return np.asarray(kept, np.intp).reshape(-1)


def chosen(boxes: F32, scores: F32, classes: NDArray[np.integer], iou: float) -> NDArray[np.intp]:
    """`keep` of candidates that may hold rubbish, which is dropped, and may be a flood, of which the best count."""
    # Nearly always all are real, and a sum of squares, which bounds each, is a tenth of the work of looking by row.
    corners = boxes.reshape(-1)
    if corners.dot(corners) < FAR**2 and scores.dot(scores) < np.inf:
        if len(scores) <= MOST:
            return keep(boxes, scores, classes, iou)
        real = np.arange(len(scores))
    else:
        real = np.flatnonzero((np.abs(boxes) < FAR).all(axis=1) & (scores < np.inf))  # what is no number fails as well
    if len(real) > MOST:
        real = real[np.argpartition(-scores[real], MOST)[:MOST]]
    return np.asarray(real[keep(boxes[real], scores[real], classes[real], iou)])


def survivors(boxes: F32, scores: F32, classes: NDArray[np.integer], manifest: Manifest, fit: Fit) -> Detections:
    """Detections of what is left of candidates: real boxes, float32 (n, 4) in pixels of the input, suppressed."""
    kept = chosen(boxes, scores, classes, manifest.nms_iou)
    if len(kept) == 0:
        return NO_DETECTIONS
    return detections(boxes[kept], scores[kept], classes[kept], fit)
