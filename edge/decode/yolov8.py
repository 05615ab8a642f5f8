"""YOLOv8 and YOLO11: one column an anchor point, box and class scores; no objectness.

The exported graph has turned its distributions into boxes and applied the sigmoid.
Source: docs.ultralytics.com/models/yolov8 and /models/yolo11; distribution focal loss: Li et al., Generalized Focal
Loss, 2020.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape, at_least, candidates, from_centres, in_pixels
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("predictions",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("predictions")
    if shape is None or (len(shape) == 3 and shape[0] in (1, None) and at_least(shape[1], 5) and not _turned(shape)):
        return None
    return f"`predictions` has shape {shape}, but the head wants (1, 4 + classes, points)"


def classes(shape: Shape) -> int | None:
    """The number of classes by the shape of `predictions`, None where the shape does not say."""
    return shape[1] - 4 if len(shape) == 3 and shape[1] is not None else None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `predictions`, float (1, 4 + classes, points): centre x, centre y, w, h, scores..., into detections."""
    columns = outputs["predictions"][0]
    where = candidates(columns[4:], min_score)
    if len(where) == 0:
        return NO_DETECTIONS
    rows = np.asarray(columns.T[where], np.float32)
    best = rows[:, 4:].argmax(axis=1)
    scores = rows[np.arange(len(rows)), 4 + best]
    return nms.survivors(from_centres(in_pixels(rows[:, :4], manifest)), scores, best, manifest, fit)


def _turned(shape: Shape) -> bool:
    """Whether rows are points, as YOLOv5 has them: no input has fewer points than a model with so few has classes."""
    return len(shape) == 3 and shape[1] is not None and shape[2] is not None and shape[1] > 1000 > shape[2]
