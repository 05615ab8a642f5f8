"""YOLOv2 and its tiny form: one grid, a few anchors a cell, nothing applied yet.

Source: Redmon and Farhadi, YOLO9000, 2017, section 2: centre = (sigmoid(xy) + cell) * stride,
size = anchor * exp(wh), score = sigmoid(objectness) * softmax(classes).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape, from_centres
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("grid",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    if len(manifest.anchors) != 1:
        return "the head needs `anchors` in the manifest: one list of widths and heights in pixels of the input"
    channels = len(manifest.anchors[0]) // 2 * (5 + len(manifest.labels))
    shape = shapes.get("grid")
    if shape is None or (len(shape) == 4 and shape[0] in (1, None) and shape[1] in (channels, None) and 0 not in shape):
        return None
    return (
        f"`grid` has shape {shape}, but the head wants (1, {channels}, down, across): {len(manifest.anchors[0]) // 2} "
        f"anchors of 5 + {len(manifest.labels)} channels for as many labels"
    )


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `grid`, float (1, anchors * (5 + classes), down, across): x y w h objectness classes, into detections."""
    grid = outputs["grid"][0]
    down, across = grid.shape[1:]
    sizes = np.array(manifest.anchors[0], np.float32).reshape(-1, 2)
    cells = np.asarray(grid, np.float32).reshape(len(sizes), -1, down * across)
    objectness = 1 / (1 + np.exp(-cells[:, 4]))
    # Class probabilities are at most 1, so objectness bounds the score.
    which, where = np.nonzero(objectness >= min_score)
    rows = cells[which, :, where]
    best = rows[:, 5:].argmax(axis=1)
    top = rows[np.arange(len(rows)), 5 + best]
    scores = objectness[which, where] / np.exp(rows[:, 5:] - top[:, None]).sum(axis=1)
    good = scores >= min_score
    if not good.any():
        return NO_DETECTIONS
    rows, which, where, best, scores = rows[good], which[good], where[good], best[good], scores[good]
    stride = np.array([fit.input.width / across, fit.input.height / down], np.float32)
    centres = (1 / (1 + np.exp(-rows[:, :2])) + np.stack([where % across, where // across], axis=1)) * stride
    boxes = from_centres(np.concatenate([centres, sizes[which] * np.exp(rows[:, 2:4])], axis=1).astype(np.float32))
    return nms.survivors(boxes, scores, best, manifest, fit)
