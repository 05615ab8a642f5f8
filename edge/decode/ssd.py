"""SSD heads whose post-processing is part of the graph: boxes, classes, scores and their count come out ready.

TFLite's `TFLite_Detection_PostProcess` and the frozen graphs of TensorFlow's object detection API give the same four
tensors; they differ in where class numbers begin (the manifest's `first_class`).
Source: Liu et al., SSD: Single Shot MultiBox Detector, 2016.
"""

from __future__ import annotations

import numpy as np

from edge.decode.head import Outputs, detections
from edge.errors import ModelError
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("boxes", "classes", "scores", "count")


def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn the four tensors into detections.

    boxes: float32 (1, n, 4), y1 x1 y2 x2 in 0..1 of the input; classes, scores: float32 (1, n); count: float32 (1,)
    """
    count = min(int(outputs["count"].reshape(-1)[0]), outputs["scores"].size)
    scores = np.asarray(outputs["scores"].reshape(-1)[:count], np.float32)
    good = np.flatnonzero(scores >= min_score)
    if not len(good):
        return NO_DETECTIONS
    good = good[np.argsort(-scores[good], kind="stable")]
    classes = outputs["classes"].reshape(-1)[:count][good].astype(np.int32) - manifest.first_class
    if not 0 <= classes.min() <= classes.max() < len(manifest.labels):
        raise ModelError(
            f"model {manifest.name} gave class {classes.max() + manifest.first_class}, but its manifest has "
            f"{len(manifest.labels)} labels from class {manifest.first_class}: give it the list it was trained with"
        )
    top_left_first = outputs["boxes"].reshape(-1, 4)[:count][good][:, [1, 0, 3, 2]]
    size = np.array([fit.input.width, fit.input.height] * 2, np.float32)
    return detections(top_left_first * size, scores[good], classes, fit)
