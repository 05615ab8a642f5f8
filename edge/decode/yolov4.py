"""YOLOv3 and YOLOv4 as exported with decoded boxes and confidences in two outputs.

Source: Bochkovskiy et al., YOLOv4, 2020; the two outputs: github.com/Tianxiaomo/pytorch-YOLOv4, tool/yolo_layer.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("confs", "boxes")


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    confs, boxes = shapes.get("confs"), shapes.get("boxes")
    if confs is not None and (len(confs) != 3 or confs[0] not in (1, None) or confs[2] == 0):
        return f"`confs` has shape {confs}, but the head wants (1, n, classes)"
    rows = None if confs is None else confs[1]
    if boxes is None or (
        len(boxes) in (3, 4)
        and boxes[0] in (1, None)
        and (rows is None or boxes[1] in (rows, None))
        and boxes[-1] in (4, None)
        and all(size in (1, None) for size in boxes[2:-1])
    ):
        return None
    return f"`boxes` has shape {boxes}, but the head wants (1, {rows or 'n'}, 1, 4) or (1, {rows or 'n'}, 4)"


def classes(shape: Shape) -> int | None:
    """The number of classes by the shape of `confs`, None where the shape does not say."""
    return shape[2] if len(shape) == 3 else None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn both tensors into detections.

    confs: float (1, n, classes), objectness times class; boxes: float (1, n, 1, 4) or (1, n, 4), x1 y1 x2 y2 in 0..1
    """
    confs = outputs["confs"][0]
    where = np.flatnonzero(confs.max(axis=1) >= min_score)
    if len(where) == 0:
        return NO_DETECTIONS
    confs = np.asarray(confs[where], np.float32)
    best = confs.argmax(axis=1)
    size = np.array([fit.input.width, fit.input.height] * 2, np.float32)
    boxes = np.asarray(outputs["boxes"].reshape(-1, 4)[where], np.float32) * size
    return nms.survivors(boxes, confs[np.arange(len(best)), best], best, manifest, fit)
