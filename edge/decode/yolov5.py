"""YOLOv5 (and v3, v7 of the same exporters): one row an anchor, box, objectness and class scores.

The exported graph has applied sigmoid, grid, strides and anchors; without that it has one output a stride, which
this head does not take.
Source: github.com/ultralytics/yolov5, models/yolo.py, Detect: score = objectness * class.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape, at_least, from_centres, in_pixels
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("predictions",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("predictions")
    if shape is None or (len(shape) == 3 and shape[0] in (1, None) and at_least(shape[2], 6)):
        return None
    return f"`predictions` has shape {shape}, but the head wants (1, boxes, 5 + classes)"


def classes(shape: Shape) -> int | None:
    """The number of classes by the shape of `predictions`, None where the shape does not say."""
    return shape[2] - 5 if len(shape) == 3 and shape[2] is not None else None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `predictions`, float (1, n, 5 + classes): x y w h objectness classes..., into detections."""
    rows = outputs["predictions"][0]
    # A score is objectness times class score, each at most 1: most rows fail by their objectness alone.
    rows = np.asarray(rows[rows[:, 4] >= min_score], np.float32)
    best = rows[:, 5:].argmax(axis=1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + best]
    good = scores >= min_score
    if not good.any():
        return NO_DETECTIONS
    boxes = from_centres(in_pixels(rows[good, :4], manifest))
    return nms.survivors(boxes, scores[good], best[good], manifest, fit)
