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
    corners_and_sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    # It takes arrays as well, and reads them item by item: lists are done in half the time.
    kept = cv2.dnn.NMSBoxesBatched(corners_and_sizes.tolist(), scores.tolist(), classes.tolist(), 0.0, iou)
    indices = np.asarray(kept, np.intp).reshape(-1)
    return indices[np.argsort(-scores[indices], kind="stable")]


def survivors(boxes: F32, scores: F32, classes: NDArray[np.integer], manifest: Manifest, fit: Fit) -> Detections:
    """Detections of what is left of candidates: real boxes, float32 (n, 4) in pixels of the input, suppressed."""
    real = (np.abs(boxes).max(axis=1, initial=0) < FAR) & (scores < np.inf)  # what is no number fails as well
    if not real.all():
        boxes, scores, classes = boxes[real], scores[real], classes[real]
    if len(scores) == 0:
        return NO_DETECTIONS
    if len(scores) > MOST:
        top = np.argpartition(-scores, MOST)[:MOST]
        boxes, scores, classes = boxes[top], scores[top], classes[top]
    kept = keep(boxes, scores, classes, manifest.nms_iou)
    return detections(boxes[kept], scores[kept], classes[kept], fit)
