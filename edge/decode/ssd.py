"""SSD heads whose post-processing is part of the graph: boxes, classes, scores and their count come out ready.

TFLite's `TFLite_Detection_PostProcess` and the frozen graphs of TensorFlow's object detection API give the same four
tensors; they differ in where class numbers begin (the manifest's `first_class`).
Source: Liu et al., SSD: Single Shot MultiBox Detector, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape, detections
from edge.errors import ModelError
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("boxes", "classes", "scores", "count")


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    sizes = {role: _size(shape) for role, shape in shapes.items()}
    rows = sizes.get("scores")
    for role, wanted in (("count", 1), ("classes", rows), ("boxes", None if rows is None else 4 * rows)):
        given = sizes.get(role)
        if given is not None and wanted is not None and given != wanted:
            return (
                f"`{role}` has shape {shapes[role]}, but the head wants {wanted} numbers there: boxes (1, n, 4), "
                f"classes and scores (1, n), count (1)"
            )
    return None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn the four tensors into detections.

    boxes: float32 (1, n, 4), y1 x1 y2 x2 in 0..1 of the input; classes, scores: float32 (1, n); count: float32 (1,)
    """
    # In this order of arguments, a count that is no number becomes 0.
    count = int(min(max(0.0, outputs["count"].item()), outputs["scores"].size))
    # Plain lists: there are a hundred rows at most, and on caches that inference has just filled with its own things
    # each of the NumPy calls that this would take costs 10 to 50 microseconds.
    scores: list[float] = outputs["scores"].reshape(-1)[:count].tolist()
    good = sorted(
        (row for row, score in enumerate(scores) if min_score <= score < math.inf), key=lambda row: -scores[row]
    )
    if not good:
        return NO_DETECTIONS
    classes = [kind - manifest.first_class for kind in outputs["classes"].reshape(-1)[good].tolist()]
    for kind in classes:
        if not 0 <= kind < len(manifest.labels):  # what is no number fails as well
            raise ModelError(
                f"model {manifest.name} gave class {kind + manifest.first_class:g}, but its manifest has "
                f"{len(manifest.labels)} labels from class {manifest.first_class}: give it the list it was trained with"
            )
    size = np.array([fit.input.width, fit.input.height] * 2, np.float32)
    boxes = outputs["boxes"].reshape(-1, 4)[good][:, [1, 0, 3, 2]] * size
    return detections(boxes, np.array([scores[row] for row in good], np.float32), np.array(classes, np.int32), fit)


def _size(shape: Shape) -> int | None:
    size = 1
    for length in shape:
        if length is None:
            return None
        size *= length
    return size
