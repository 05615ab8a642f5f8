"""YOLOv10 and YOLO26: the graph itself picks one box an object, there is nothing left to suppress.

Source: Wang et al., YOLOv10: Real-Time End-to-End Object Detection, 2024; docs.ultralytics.com/models/yolo26.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape, detections, in_pixels
from edge.decode.nms import FAR
from edge.errors import ModelError
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("predictions",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("predictions")
    if shape is None or (len(shape) == 3 and shape[0] in (1, None) and shape[2] in (6, None)):
        return None
    return f"`predictions` has shape {shape}, but the head wants (1, n, 6): x1 y1 x2 y2 score class"


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `predictions`, float (1, n, 6): x1 y1 x2 y2 score class, into detections.

    Rows that are not all numbers are dropped; ModelError for a class that the manifest has no label for.
    """
    rows = outputs["predictions"][0]
    rows = np.asarray(rows[rows[:, 4] >= min_score], np.float32)
    boxes = in_pixels(rows[:, :4], manifest)
    real = (np.abs(boxes).max(axis=1, initial=0) < FAR) & np.isfinite(rows[:, 4:]).all(axis=1)
    boxes, rows = boxes[real], rows[real]
    if len(rows) == 0:
        return NO_DETECTIONS
    kinds = rows[:, 5] - manifest.first_class
    wrong = (kinds < 0) | (kinds >= len(manifest.labels))
    if wrong.any():
        raise ModelError(
            f"model {manifest.name} gave class {rows[wrong, 5][0]:g}, but its manifest has {len(manifest.labels)} "
            f"labels from class {manifest.first_class}: give it the list it was trained with"
        )
    order = np.argsort(-rows[:, 4], kind="stable")
    return detections(boxes[order], rows[order, 4], kinds[order].astype(np.int32), fit)
