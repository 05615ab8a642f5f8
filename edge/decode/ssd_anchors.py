"""SSD heads without post-processing: class probabilities and offsets from anchors (priors) that the graph leaves out.

Source: Liu et al., SSD: Single Shot MultiBox Detector, 2016, section 2.2: centre = anchor + offset * variance * size,
size = anchor * exp(offset * variance); anchors sit in the middle of their cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape, from_centres
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, Detections

ROLES = ("scores", "boxes")


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    if not manifest.strides or len(manifest.anchors) != len(manifest.strides):
        return "the head needs `strides` and a list of `anchors` for each of them in the manifest"
    width, height = manifest.input.width, manifest.input.height
    # Counted, not made: a manifest that does not fit must not cost memory.
    count = sum(
        -(-width // stride) * -(-height // stride) * (len(sizes) // 2)
        for stride, sizes in zip(manifest.strides, manifest.anchors, strict=True)
    )
    for role, wanted in (("scores", manifest.first_class + len(manifest.labels)), ("boxes", 4)):
        shape = shapes.get(role)
        if shape is None:
            continue
        if (
            len(shape) != 3
            or shape[0] not in (1, None)
            or shape[1] not in (count, None)
            or shape[2] not in (wanted, None)
        ):
            return (
                f"`{role}` has shape {shape}, but the head wants (1, {count}, {wanted}): the manifest's strides and "
                f"anchors make {count} boxes, and its {len(manifest.labels)} labels begin at {manifest.first_class}"
            )
    return None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn both tensors into detections.

    scores: float (1, n, first_class + labels), probabilities; boxes: float (1, n, 4), offsets of centre x and y, of
    the logarithms of w and h
    """
    scores = outputs["scores"][0, :, manifest.first_class :]
    where = np.flatnonzero(scores.max(axis=1) >= min_score)
    if len(where) == 0:
        return NO_DETECTIONS
    scores = np.asarray(scores[where], np.float32)
    best = scores.argmax(axis=1)
    anchors = _anchors(fit.input.width, fit.input.height, manifest.strides, manifest.anchors)[where]
    offsets = np.asarray(outputs["boxes"][0, where], np.float32) * np.repeat(
        np.array(manifest.variances, np.float32), 2
    )
    centres = anchors[:, :2] + offsets[:, :2] * anchors[:, 2:]
    boxes = from_centres(np.concatenate([centres, anchors[:, 2:] * np.exp(offsets[:, 2:])], axis=1))
    return nms.survivors(boxes, scores[np.arange(len(best)), best], best, manifest, fit)


@lru_cache(maxsize=8)
def _anchors(width: int, height: int, strides: tuple[int, ...], sizes: tuple[tuple[float, ...], ...]) -> F32:
    """Centre x, centre y, w, h of each anchor in the head's order, float32 (n, 4), pixels of the input."""
    levels = []
    for stride, level in zip(strides, sizes, strict=True):
        anchors = np.array(level, np.float32).reshape(-1, 2)
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]  # grids cover the input: rounded up
        centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride
        level_anchors = np.empty((len(centres), len(anchors), 4), np.float32)
        level_anchors[..., :2] = centres[:, None]
        level_anchors[..., 2:] = anchors
        levels.append(level_anchors.reshape(-1, 4))
    return np.concatenate(levels)
