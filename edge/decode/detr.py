"""DETR and RF-DETR: a fixed number of queries, each one box or nothing; no suppression.

They differ in what makes a score of logits: DETR's softmax with a last class "no object", RF-DETR's sigmoid.
Source: Carion et al., End-to-End Object Detection with Transformers, 2020; Robinson et al., RF-DETR, 2025.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape, detections, from_centres
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("logits", "boxes")


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    logits, boxes = shapes.get("logits"), shapes.get("boxes")
    named = manifest.first_class + len(manifest.labels)
    # RF-DETR may leave out the last class, which its sigmoid does not need.
    fitting = (named + 1, named, None) if manifest.decoder == "rf-detr" else (named + 1, None)
    if logits is not None and (len(logits) != 3 or logits[0] not in (1, None) or logits[2] not in fitting):
        return (
            f"`logits` has shape {logits}, but the head wants (1, queries, {named + 1}): {len(manifest.labels)} labels "
            f"from class {manifest.first_class}, and one class for no object"
        )
    rows = None if logits is None else logits[1]
    if boxes is None or (
        len(boxes) == 3
        and boxes[0] in (1, None)
        and (rows is None or boxes[1] in (rows, None))
        and boxes[2] in (4, None)
    ):
        return None
    return f"`boxes` has shape {boxes}, but the head wants (1, {rows or 'queries'}, 4)"


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn both tensors into detections.

    logits: float (1, q, first_class + labels + 1); boxes: float (1, q, 4), centre x, centre y, w, h in 0..1
    """
    logits = np.asarray(outputs["logits"][0], np.float32)
    named = logits[:, manifest.first_class : manifest.first_class + len(manifest.labels)]
    best = named.argmax(axis=1)
    top = named[np.arange(len(named)), best]
    if manifest.decoder == "rf-detr":
        scores = 1 / (1 + np.exp(-top))
    else:
        most = logits.max(axis=1)
        scores = np.exp(top - most) / np.exp(logits - most[:, None]).sum(axis=1)
    size = np.array([fit.input.width, fit.input.height] * 2, np.float32)
    boxes = from_centres(np.asarray(outputs["boxes"][0], np.float32) * size)
    good = np.flatnonzero((scores >= min_score) & np.isfinite(boxes).all(axis=1))
    if len(good) == 0:
        return NO_DETECTIONS
    good = good[np.argsort(-scores[good], kind="stable")]
    return detections(boxes[good], scores[good], best[good], fit)
